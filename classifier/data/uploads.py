"""The last upload of a project: kept as it came, so that it can wait for an answer and be read in another way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..errors import DataError
from ..messages.data import ProjectCode
from . import incoming
from .adding import IntakeResult, PhotoStorage
from .assignment import Plan, plan_class, plan_reading
from .incoming import Incoming, State, Upload
from .labels import chosen_label
from .readings import Wish
from .scratch import scratch_folder


class Uploads:
    """Uploads to the project of ``storage``, of which the last one is kept.

    Example::

        with Project.open(Path("my project")) as project:
            project.uploads.receive([("pets/cat 1.jpg", Path("/tmp/upload/1"))])
            project.uploads.take("folders:2")  # read in another way
    """

    def __init__(self, storage: PhotoStorage) -> None:
        self._storage = storage

    def receive(self, files: Iterable[tuple[str, Path]], label: str | None = None) -> IntakeResult:
        """Copy in an upload given as (relative name, path), and keep it so that it can be read in another way.

        The files are the caller's to delete. Where several readings fit or none, ``LayoutError`` is raised, and the
        upload waits for ``take`` or ``take_label``; it replaces the one before. Tables that come after photos are
        read with these. With ``label`` all photos go into that class, and nothing is kept.
        """
        if label is not None:
            self.forget()
            return self._storage.add_to_class(files, label)
        with incoming.lock(self._root), scratch_folder(self._storage.folder):
            upload = incoming.receive(self._root, files, self._storage.splits(), self._storage.limits)
            return self._read(upload, Wish())

    def take(self, option: str, groups: str = "auto") -> IntakeResult:
        """Read the last upload in another way; what it added is removed first. Raises ``LayoutError`` if it cannot."""
        with incoming.lock(self._root), scratch_folder(self._storage.folder):
            return self._read(self._last(), Wish(option, groups))

    def take_label(self, label: str) -> IntakeResult:
        """Put all photos of the last upload into one class; what it added is removed first."""
        with incoming.lock(self._root), scratch_folder(self._storage.folder):
            upload = self._last()
            plan = plan_class(upload.listing, chosen_label(label, self._storage.limits))
            return self._take(upload, plan, incoming.ONE_CLASS)

    def last(self) -> Incoming | None:
        """Return the readings of the last upload and which of them was taken, None where there is no upload."""
        try:
            return incoming.describe(self.state(), self._storage.limits)
        except DataError as error:
            if error.code is not ProjectCode.UPLOAD_GONE:
                raise
            return None

    def state(self) -> State:
        """Return what changes whenever ``last`` does, at once also for a large upload."""
        return incoming.state(self._root)

    def forget(self) -> None:
        """Delete the last upload as it came; the photos that it added stay."""
        with incoming.lock(self._root):
            incoming.forget(self._root)

    # helpers

    @property
    def _root(self) -> Path:
        return self._storage.incoming

    def _last(self) -> Upload:
        upload = incoming.find(self._root)
        if upload is None:
            raise DataError(ProjectCode.UPLOAD_GONE)
        return upload

    def _read(self, upload: Upload, wish: Wish) -> IntakeResult:
        layout, files = upload.read(self._storage.limits, wish)
        plan = plan_reading(layout, files, upload.known, self._storage.limits)
        return self._take(upload, plan, layout.readings[0].option)

    def _take(self, upload: Upload, plan: Plan, option: str) -> IntakeResult:
        """Add the photos of an upload as planned, in place of those that it added before."""
        catalog = self._storage.catalog
        replaced, last, names = catalog.with_ids(upload.added), catalog.last_id(), set(upload.names())
        catalog.clear_left_out(names)
        result = self._storage.add(upload.listing, plan, upload.added)
        added = tuple(id for id, source in catalog.sources_after(last).items() if source in names)
        incoming.write(replace(upload, taken=option, added=added))
        self._storage.delete(replaced)
        return result
