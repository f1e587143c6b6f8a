"""A project: a folder with the photos, catalog, feature cache and models of one person."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain, repeat
from pathlib import Path
from types import TracebackType
from typing import get_args

from ..config import LIMITS, Limits
from ..errors import DataError
from ..files import cache_folder, storage_error
from ..messages import Message
from ..messages.data import ProjectCode
from ..messages.limits import LimitCode
from . import incoming, leftovers, schema
from .adding import IntakeResult, PhotoStorage, use_photos
from .assets import Asset, Split
from .assignment import plan_class, plan_reading
from .catalog import Catalog
from .catalog_repair import open_catalog, what_was_lost
from .descriptors import Describe, describe_grays
from .grouping import GroupsFrom
from .intake import LeftOut
from .labels import chosen_label, clean_label, natural_key, similar_labels
from .mistake_costs import MistakeCosts
from .photo_store import write_thumbnail
from .readings import Wish, read_listing
from .scratch import scratch_folder
from .sources import Listing, list_data, list_upload
from .uploads import Uploads

GROUPS_CHOICE, COSTS_CHOICE = "groups", "mistake_costs"  # names of the settings in the catalog
_FOLDERS = ("photos", "thumbs", "features", "models")


class Project:
    """Photos in classes, stored in ``folder``; made with ``open`` or ``over`` and closed after use.

    The paths of photos are relative to ``folder``, so a moved folder still opens; ``features`` is the folder of the
    feature cache, ``models`` that of trained models. ``intake`` is what ``over`` made of the data. ``first_opening``:
    this process had not opened the folder before, so that a process that was killed may have left something in it.
    ``describe`` computes the descriptors of photos. ``storage`` are the files of the photos, ``uploads`` what a person
    uploaded last.

    Example::

        with Project.open(Path("my project")) as project:
            project.add(Path("photos"))
            print(project.classes())
    """

    def __init__(
        self, folder: Path, features: Path, models: Path, thumbs: Path, catalog: Catalog, limits: Limits
    ) -> None:
        self.folder = folder
        self.features = features
        self.models = models
        self.catalog = catalog
        self.limits = limits
        self.intake: IntakeResult | None = None
        self.first_opening = False
        self.describe: Describe = describe_grays
        self.storage = PhotoStorage(folder, thumbs, catalog, limits)
        self.uploads = Uploads(self.storage)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def open(cls, folder: Path, limits: Limits = LIMITS) -> Project:
        """Open the project in ``folder``, or create one there; a list of photos that is damaged is made again.

        Raises ``StorageError`` when it cannot be written.
        """
        try:
            for name in _FOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error) from error
        first = _first_opening(folder.resolve())
        catalog = open_catalog(folder, limits, check=first)
        project = cls(folder, folder / "features", folder / "models", folder / "thumbs", catalog, limits)
        project.first_opening = first
        if project.first_opening:
            leftovers.clean_up(project.folder, catalog)
        return project

    @classmethod
    def over(
        cls,
        data: Path | Sequence[Path],
        limits: Limits = LIMITS,
        features: Path | None = None,
        labels: str | None = None,
        groups: str = "auto",
        reduced: bool = False,
    ) -> Project:
        """Make a project of photos where they are: in folders, in which nothing is written, or in zips.

        It exists until ``close``; only the feature cache stays. A folder that ``open`` made, as the page does for each
        visitor, is opened as the project it is.

        Args:
            data: a folder or zip; of several, the own name of each may be that of a split.
            limits: what is refused as too large.
            features: folder of the feature cache, by default in the user's cache folder.
            labels: where labels come from: ``folders[:LEVEL]``, ``names[:first|ending]``, ``boxes`` or
                ``FILE[:COLUMN]``; by default the only reading that fits.
            groups: which photos belong together: ``auto``, ``names``, ``folders``, ``FILE``, the column of a Parquet
                file, or ``none``.
            reduced: whether of the pictures of tars and Parquet files only copies of 512 pixels are on the disk.

        Raises:
            LayoutError: several readings fit, which are its ``readings``, or none does.
            DataError: something in ``data`` is neither, is empty, or is a zip that could do harm.

        Example::

            with Project.over([Path("train.zip"), Path("test.zip")], labels="train.csv:species") as project:
                print(project.classes())
        """
        places = [data] if isinstance(data, Path) else list(data)
        projects = [place for place in places if (place / schema.FILE_NAME).is_file()]
        if projects and (len(places) > 1 or labels is not None or groups != "auto"):
            raise DataError(ProjectCode.HAS_CLASSES, name=projects[0].name)
        if projects:
            return cls.open(projects[0], limits)
        scratch = tempfile.TemporaryDirectory(prefix="photos-")
        try:
            own = Path(scratch.name)
            root = places[0] if len(places) == 1 and places[0].is_dir() else own
            listing = list_data(places, own / "unpacked", limits, labels, reduced, groups)
            features = features or cache_folder("features")
            project = cls(root, features, own / "models", own / "thumbs", Catalog(None), limits)
            project._scratch, project.storage.owns_files = scratch, False
            # A table of groups is part of the layout: nothing else is grouped then.
            project.choose_groups(_groups_choice(groups))
            plan = plan_reading(*read_listing(listing, Wish(labels, groups), limits), {}, limits)
            project.intake = use_photos(listing, plan, project.catalog, root, limits)
        except BaseException:
            scratch.cleanup()
            raise
        return project

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the catalog and delete what was unpacked; may be called twice."""
        self.catalog.close()
        if self.catalog.is_damaged:
            _openings.cache_clear()  # the next opening checks the catalog, and makes it again
        if self._scratch is not None:
            self._scratch.cleanup()

    # adding photos

    def add(
        self,
        source: Path | Sequence[Path],
        label: str | None = None,
        labels: str | None = None,
        groups: str = "auto",
        only_new: bool = False,
        reduced: bool = False,
    ) -> IntakeResult:
        """Copy in the photos of folders or zips, in the classes that they show, unless ``label`` is given.

        ``labels``, ``groups`` and ``reduced`` are as in ``over``. With ``only_new`` a photo that the project has
        already, in any class, stays as it is there, and a choice of groups is the project's. Raises ``LayoutError``
        where it does not show one set of classes, ``DataError`` when the folder or zip cannot be used,
        ``StorageError`` when the disk is full.
        """
        with scratch_folder(self.folder) as folder:
            places = [source] if isinstance(source, Path) else list(source)
            listing = list_data(places, folder / "unpacked", self.limits, labels, reduced, groups)
            result = self._add_listing(listing, label, Wish(labels, groups), only_new)
        if only_new and groups != "auto":
            self.choose_groups(_groups_choice(groups))
        return result

    def add_files(self, files: Iterable[tuple[str, Path]], label: str | None = None) -> IntakeResult:
        """Copy in files given as (relative name, path), in the classes that they show, unless ``label`` is given.

        A photo is stored once, whatever its name; one that its class has already is counted, not doubled. Files
        that are not usable photos are left out with a reason; no error is raised for them. Raises ``LayoutError``
        where the names do not show one set of classes.
        """
        if label is not None:
            return self.storage.add_to_class(files, label)
        with scratch_folder(self.folder) as folder:
            return self._add_listing(list_upload(files, folder / "unpacked", self.limits), None, Wish())

    def add_burst(self, files: Iterable[tuple[str, Path]], label: str) -> IntakeResult:
        """Copy in the frames of one burst or video, given as (name, path), as one group of one class.

        No split divides them: frames of a second look nearly alike, and a score measured on some of them with a model
        trained on the others would claim too much. Files that are not usable photos are left out with a reason.
        """
        return self.storage.add_to_class(files, label, f"burst {uuid.uuid4().hex}")

    def leave_out(self, reasons: Mapping[int, Message] | Iterable[tuple[int, Message]]) -> None:
        """Remove photos that turned out to be unusable, given as id -> reason, and list them as left out."""
        by_id = dict(reasons)
        if not by_id:
            return
        unusable = self.catalog.with_ids(by_id)
        self.catalog.discard(asset.id for asset in unusable)
        self.catalog.note_left_out(LeftOut(asset.source, by_id[asset.id]) for asset in unusable)
        self.storage.delete(unusable)

    # reading

    def classes(self, split: Split | None = None) -> dict[str, int]:
        """Return the number of photos of each class, of one split if given, in natural order of the names."""
        return count_classes(self.catalog.balance(), split)

    def similar_classes(self) -> list[tuple[str, ...]]:
        """Return the groups of classes whose names look the same: written alike, but not equal."""
        return similar_labels(self.catalog.labels(), self.limits)

    def photos(self, label: str | None = None, split: Split | None = None) -> list[Asset]:
        """Return the photos, those of one class or those of one split, in stable order."""
        return self.catalog.assets(label, split)

    def photo_path(self, asset: Asset) -> Path:
        """Return the path of a photo's file."""
        return self.folder / asset.path

    def thumbnail(self, asset: Asset) -> Path:
        """Return the path of a photo's thumbnail (JPEG), written now if it is missing.

        Raises ``PhotoError`` when the photo is unusable, ``StorageError`` when the thumbnail cannot be written.
        """
        path = self.storage.thumbs / f"{asset.sha256}.jpg"
        if not path.is_file():
            shutil.rmtree(path, ignore_errors=True)  # a folder in its place
            write_thumbnail(self.photo_path(asset), path, self.limits)
        return path

    def what_was_lost(self) -> list[Message]:
        """Return what is to be said where the list of photos was damaged and made again, until the next edit."""
        return what_was_lost(self.catalog)

    def left_out(self) -> list[LeftOut]:
        """Return every file that was not taken, with its reason."""
        return self.catalog.left_out()

    def conflicts(self) -> list[list[Asset]]:
        """Return the photos that are in several classes, one group per photo."""
        return self.catalog.conflicts()

    def model_folders(self) -> list[Path]:
        """Return the folders of this project's trained models, newest first."""
        found = []
        for folder in self.models.glob("[!.]*"):
            with suppress(OSError):  # it is being deleted, or damaged
                config = (folder / "config.json").stat()
                if stat.S_ISREG(config.st_mode):
                    found.append((config.st_mtime, folder))
        return [folder for _, folder in sorted(found, reverse=True)]

    def make_newest(self, folder: Path) -> None:
        """Make a model that was just written the newest one, also where the clock was set back since the others were.

        Nothing is done where it is none of this project's models.
        """
        others = [one / "config.json" for one in self.model_folders() if one.name != folder.name]
        if folder.parent.resolve() == self.models.resolve() and others:
            own = folder / "config.json"
            latest = max(other.stat().st_mtime for other in others)
            if own.stat().st_mtime <= latest:
                os.utime(own, (latest + 1, latest + 1))

    def titles(self) -> dict[str, str]:
        """Return what the person called trainings and their models, by the names of the models' folders."""
        return self.catalog.runs.titles()

    # edits

    def rename_run(self, name: str, title: str) -> None:
        """Give a training and its model a title; an empty one is none. ``name`` is that of the model's folder.

        Raises ``DataError`` where there is no such training. The folder keeps its name.
        """
        if name not in self.catalog.runs.names():
            raise DataError(ProjectCode.UNKNOWN_RUN, name=name)
        self.catalog.runs.rename(name, clean_label(title, self.limits))

    def move(self, ids: Iterable[int], label: str) -> None:
        """Move photos to a class, which is created if it is new."""
        name = chosen_label(label, self.limits)
        self._check_class_count(name)
        self.storage.delete(self.catalog.edits.relabel(ids, name))

    def confirm(self, ids: Iterable[int]) -> None:
        """Mark photos as correctly labeled; the same photos in other classes are removed.

        They are no longer listed as label issues.
        """
        self.storage.delete(self.catalog.edits.confirm(ids))

    def rename_class(self, old: str, new: str, merge: bool = False) -> str:
        """Rename a class and return its name as it is stored.

        Where another is called ``new``, ``merge`` joins them; otherwise raises ``DataError``.
        """
        old, new = self._check_label(old), chosen_label(new, self.limits)
        if not merge and new != old and new in self.catalog.labels():
            raise DataError(ProjectCode.CLASS_EXISTS, label=new)
        self.storage.delete(self.catalog.edits.rename(old, new))
        chosen = self.mistake_costs()
        if chosen is not None and old in chosen.costs and new != old:
            self.choose_mistake_costs(chosen.renamed(old, new))
        return new

    def remove(self, ids: Iterable[int]) -> None:
        """Remove photos from the project; their files are deleted when ``undo`` cannot bring them back any more."""
        self.storage.delete(self.catalog.edits.remove(ids))

    def remove_class(self, label: str) -> None:
        """Remove a class and its photos from the project."""
        self.remove(asset.id for asset in self.catalog.assets(self._check_label(label)))

    def set_split(self, ids: Iterable[int], split: Split) -> None:
        """Move photos to the training, validation or test photos, or set them aside: ``held_out``.

        Photos set aside are used by nothing and not deleted: ``photos(split="held_out")`` lists them.
        """
        self.storage.delete(self.catalog.edits.set_split(ids, split))

    def join(self, ids: Iterable[int]) -> None:
        """Keep photos together: no split divides them. They leave the groups that they were in."""
        self.storage.delete(self.catalog.edits.join(ids))

    def part(self, ids: Iterable[int]) -> None:
        """Take photos out of their groups, each by itself."""
        self.storage.delete(self.catalog.edits.part(ids))

    def choose_mistake_costs(self, costs: MistakeCosts | None) -> None:
        """Store what mistakes cost, for the models that are trained from now on; None forgets it."""
        self.catalog.choose(COSTS_CHOICE, "" if costs is None else costs.to_json())

    def mistake_costs(self) -> MistakeCosts | None:
        """Return what the person said mistakes cost, None where they said nothing that can be read."""
        return MistakeCosts.from_json(self.catalog.choice(COSTS_CHOICE) or "")

    def choose_groups(self, groups: GroupsFrom) -> None:
        """Choose which photos belong together besides near duplicates, for ``check``, ``train`` and ``evaluate``.

        ``auto``: what the layout shows, and what names, times and series show beyond chance. ``all``: what they show,
        tested or not. ``names``: the file names, tested or not. ``folders``: the layout. ``none``: nothing.
        """
        self.catalog.choose(GROUPS_CHOICE, groups)

    def groups_from(self) -> GroupsFrom:
        """Return what was chosen with ``choose_groups``, ``auto`` where nothing was."""
        chosen = self.catalog.choice(GROUPS_CHOICE)
        return next((value for value in get_args(GroupsFrom) if value == chosen), "auto")

    def undo(self) -> Message | None:
        """Undo the last edit: photos added, moved, confirmed, removed or joined, a class renamed, a split changed.

        Returns which it was, None where there is none; the last 50 can be undone. Photos that were added are deleted.
        """
        with incoming.lock(self.storage.incoming):
            undone = self.catalog.edits.undo()
            if undone is None:
                return None
            upload = incoming.find(self.storage.incoming) if undone.gone else None
            if upload is not None and {photo.id for photo in undone.gone} & set(upload.added):
                self.catalog.clear_left_out(upload.names())
                self.uploads.forget()
        self.storage.delete(undone.gone)
        return undone.message

    def last_edit(self) -> Message | None:
        """Return what ``undo`` would undo, None where there is nothing."""
        return self.catalog.edits.last()

    # helpers

    def _check_label(self, label: str) -> str:
        if label not in self.catalog.labels():
            raise DataError(ProjectCode.UNKNOWN_LABEL, label=label)
        return label

    def _check_class_count(self, label: str) -> None:
        labels = {*self.catalog.labels(), label}
        if len(labels) > self.limits.classes and label not in self.catalog.labels():
            raise DataError(LimitCode.CLASSES, count=len(labels), limit=self.limits.classes)

    def _add_listing(self, listing: Listing, label: str | None, wish: Wish, only_new: bool = False) -> IntakeResult:
        if label is not None:
            return self.storage.add(listing, plan_class(listing, chosen_label(label, self.limits)), only_new=only_new)
        known = self.storage.splits()
        layout, files = read_listing(listing, wish, self.limits, {name for names in known.values() for name in names})
        return self.storage.add(listing, plan_reading(layout, files, known, self.limits), only_new=only_new)


def count_classes(balance: Mapping[str, Mapping[str, int]], split: Split | None = None) -> dict[str, int]:
    """Return what ``Project.classes`` does, from the number of photos per split and class."""
    counts: dict[str, int] = {}
    for found in balance.values() if split is None else [balance.get(split, {})]:
        for label, count in found.items():
            counts[label] = counts.get(label, 0) + count
    return {label: counts[label] for label in sorted(counts, key=natural_key)}


def _groups_choice(groups: str) -> GroupsFrom:
    return next((value for value in get_args(GroupsFrom) if value == groups), "folders")


@lru_cache(maxsize=4096)
def _openings(folder: Path) -> Iterator[bool]:
    return chain([True], repeat(False))


def _first_opening(folder: Path) -> bool:
    """Return whether this process has not opened that folder yet: what a process before it has left is there still."""
    return next(_openings(folder))
