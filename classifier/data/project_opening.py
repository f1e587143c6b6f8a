"""Open a project file, which may come from anybody.

Its database is made anew from values that were checked one by one, its photos are decoded as those of an upload, and
whoever opens models checks them. What is opened is complete or not there at all.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import uuid
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import LIMITS, Limits
from ..errors import ClassifierError, DataError, PhotoError
from ..files import read_json, storage_error
from ..messages import message
from ..messages.limits import LimitCode
from ..messages.project_files import NotOpenedCode, ProjectFileCode, ProjectFilePart
from . import project_record, schema
from .adding import Room
from .assets import Asset
from .assignment import Assignment
from .catalog import Catalog
from .decoding import UploadDecoder
from .edit_history import Edit
from .inspection import FoundPhoto
from .intake import LeftOut
from .photo_store import store_photos
from .project_file import CHUNK, run_name
from .project_mark import FORMAT, RECORD, TORN, VERSION
from .project_record import Contents

_BATCH = 64  # photos that lie unpacked at a time
_MANY = 200_000  # photos, for the largest ``project.json`` where their number has no limit
_LARGEST_MODEL_FILE = 2**32  # bytes; the checks of models have bounds of their own
_MOST_MODEL_FILES = 20_000
_SHOWN = 60  # letters of a member's name in an error
_NEVER_A_BOMB = 50_000_000  # bytes unpacked
_ENCRYPTED = 0x2041  # flag bits 0, 6 and 13 of a zip member
_ODD = (ValueError, TypeError, LookupError, AttributeError)
CheckModel = Callable[[Path], object]


@dataclass(frozen=True)
class OpenedProject:
    """What was opened: the number of ``photos`` and ``models``, whether the file ``has_photos``, and what was left out.

    ``left_out`` are photos, which the project lists as well; ``left_out_models`` are models, by their names.

    Example::

        opened = open_project(Path("my project.zip"), Path("my project"))
        print(opened.photos, "photos,", opened.models, "models")
    """

    photos: int
    models: int
    has_photos: bool
    left_out: tuple[LeftOut, ...] = ()
    left_out_models: tuple[LeftOut, ...] = ()


def read_project(
    file: Path,
    folder: Path,
    model_files: Collection[str],
    check_model: CheckModel,
    limits: Limits = LIMITS,
    room: Room = nullcontext,
    name: str | None = None,
) -> OpenedProject:
    """Make the project in ``folder``, which is new or empty, that a project file holds.

    Args:
        file: the zip; it may be a stranger's.
        folder: where the project goes. After an error it is as it was before.
        model_files: names of the files that a model may have.
        check_model: raises ``ClassifierError`` for the folder of a model that is not to be used.
        limits: what the project may hold.
        room: keeps room for so many bytes while they are written, see ``PhotoStorage.room``.
        name: what the file is called in errors.

    Raises ``DataError`` where the file is no project file, is damaged, or holds more than may be; ``StorageError``
    where ``folder`` cannot be written.
    """
    name = name or file.name
    if not file.is_file():
        raise DataError(ProjectFileCode.MISSING, place=name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(ProjectFileCode.FOLDER_NOT_EMPTY, place=folder.name)
    part = folder.with_name(f".{uuid.uuid4().hex}.opening")
    try:
        part.mkdir(parents=True)
        with _refused(name), zipfile.ZipFile(file) as packed:
            members = _members(packed, file, name, model_files, limits)
            with room(sum(info.file_size for info in members.values())):
                opened = _Opening(packed, members, part, limits, name).run(check_model)
        if folder.is_dir():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        raise storage_error(error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return opened


@contextmanager
def _refused(name: str) -> Iterator[None]:
    """Raise ``DataError`` where the zip cannot be unpacked."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(name, ProjectFilePart.ZIP) from error  # bz2 reports bad data so
    except (*TORN, ValueError) as error:
        raise _damaged(name, ProjectFilePart.ZIP) from error


def _damaged(name: str, part: ProjectFilePart, **arguments: Any) -> DataError:
    return DataError(ProjectFileCode.DAMAGED, name=name, what=message(part, **arguments))


def _members(
    packed: zipfile.ZipFile, file: Path, name: str, model_files: Collection[str], limits: Limits
) -> dict[str, zipfile.ZipInfo]:
    """Return the entries of the zip by their names, after checking each, their number and their sizes."""
    infos = [info for info in packed.infolist() if not info.is_dir()]
    if RECORD not in {info.filename for info in infos}:
        raise DataError(ProjectFileCode.NO_PROJECT_FILE, name=name)
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        largest = _largest(info.filename, model_files, limits)
        is_plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG) and not info.flag_bits & _ENCRYPTED
        is_known = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and info.filename not in members
        if largest is None or not is_plain or not is_known:
            raise DataError(ProjectFileCode.STRANGE_MEMBER, name=name, member=info.filename[:_SHOWN])
        if info.file_size > largest:
            raise DataError(ProjectFileCode.TOO_LARGE, limit=largest)
        members[info.filename] = info
    total = sum(info.file_size for info in infos)
    if total > limits.bytes_unpacked:
        raise DataError(ProjectFileCode.TOO_LARGE, limit=limits.bytes_unpacked)
    if total > max(_NEVER_A_BOMB, limits.ratio * file.stat().st_size):
        raise _damaged(name, ProjectFilePart.ZIP)
    if sum(one.startswith("photos/") for one in members) > 3 * limits.project_photos or len(members) > 3 * _MANY:
        raise DataError(LimitCode.PROJECT_PHOTOS, count=len(members), limit=limits.project_photos)
    if sum(one.startswith("models/") for one in members) > _MOST_MODEL_FILES:
        raise _damaged(name, ProjectFilePart.ZIP)
    return members


def _largest(member: str, model_files: Collection[str], limits: Limits) -> int | None:
    """Return how many bytes a member may have by its name; None for one that no project file has."""
    photos = min(limits.project_photos, _MANY)
    if member == RECORD:
        return 2**20 + 2_500 * photos
    folder, _, rest = member.partition("/")
    if folder == "photos":
        return limits.bytes_per_file if project_record.PHOTO_FILE.fullmatch(member) else None
    if folder == "runs":
        number = rest.removesuffix(".json")
        return 2**22 + 600 * photos if number.isascii() and number.isdecimal() and len(number) < 5 else None
    model, _, file = rest.partition("/")
    is_model = folder == "models" and project_record.MODEL.fullmatch(model) and file in model_files
    return _LARGEST_MODEL_FILE if is_model else None


@dataclass(frozen=True)
class _Opening:
    """A project file that is being opened into the new folder ``part``."""

    packed: zipfile.ZipFile
    members: Mapping[str, zipfile.ZipInfo]
    part: Path
    limits: Limits
    name: str

    def run(self, check_model: CheckModel) -> OpenedProject:
        """Write photos, models and the catalog."""
        for folder in ("photos", "thumbs", "features", "models", "unpacked"):
            (self.part / folder).mkdir()
        contents = self._contents()
        _check_limits(contents, self.members, self.limits)
        stored, left_out = self._store_photos(contents)
        left_out_models = tuple(self._store_models(contents, check_model))
        with Catalog(self.part / schema.FILE_NAME) as catalog:
            self._fill(catalog, contents, stored, left_out)
            photos = catalog.count()
        (self.part / "unpacked").rmdir()
        models = len(contents.models) - len(left_out_models)
        return OpenedProject(photos, models, bool(contents.files), tuple(left_out), left_out_models)

    def _json(self, member: str) -> Any:
        """Return the JSON of a member; raises ``ValueError`` where it is none, or has more values than a project."""
        path = self._extract(member, self.part / "unpacked" / "json")[0]
        try:
            _check_count(path, self.limits)
            return read_json(path, self.members[member].file_size)
        finally:
            path.unlink()

    def _contents(self) -> Contents:
        try:
            data = self._json(RECORD)
            if not isinstance(data, dict) or data.get("format") != FORMAT:
                raise DataError(ProjectFileCode.OTHER_FORMAT, name=self.name)
            found, expected = data.get("version"), VERSION
            if type(found) is int and found > expected:
                raise DataError(ProjectFileCode.OTHER_VERSION, name=self.name, found=found, expected=expected)
            return project_record.from_json(data, self.limits)
        except _ODD as error:
            raise _damaged(self.name, ProjectFilePart.JSON, member=RECORD) from error

    def _extract(self, member: str, target: Path) -> tuple[Path, str]:
        """Write a member to ``target``; return that with the SHA-256 of its content."""
        digest = hashlib.sha256()
        with self.packed.open(self.members[member]) as source, target.open("xb") as file:
            while block := source.read(CHUNK):
                digest.update(block)
                file.write(block)
        if target.stat().st_size != self.members[member].file_size:
            raise zipfile.BadZipFile("a member is shorter than its header declares")
        return target, digest.hexdigest()

    def _store_photos(self, contents: Contents) -> tuple[dict[str, str], list[LeftOut]]:
        """Store the files of all photos as those of an upload; return their paths by content, and what was left out."""
        edited = (photo for edit in contents.edits for photo in edit.before)
        photos = list({photo.sha256: photo for photo in (*edited, *contents.photos)}.values())
        current = {photo.sha256 for photo in contents.photos}
        stored: dict[str, str] = {}
        left_out: list[LeftOut] = []
        decoder = UploadDecoder()
        for start in range(0, len(photos) if contents.files else 0, _BATCH):
            found, refused = self._unpack_photos(photos[start : start + _BATCH], contents, decoder)
            kept, undecoded = store_photos(
                found, self.part, self.part / "thumbs", self.limits, self.part / "unpacked", decoder
            )
            stored |= {photo.sha256: photo.stored_path for photo in kept}
            left_out += [one for sha256, one in refused if sha256 in current] + undecoded
            for photo in found:
                photo.path.unlink()
        return stored, left_out

    def _unpack_photos(
        self, photos: Sequence[Asset], contents: Contents, decoder: UploadDecoder
    ) -> tuple[list[FoundPhoto], list[tuple[str, LeftOut]]]:
        found, refused = [], []
        for photo in photos:
            if photo.path not in contents.files or photo.path not in self.members:
                refused.append((photo.sha256, LeftOut(photo.source, message(NotOpenedCode.NO_FILE))))
                continue
            path, digest = self._extract(photo.path, self.part / "unpacked" / photo.sha256)
            try:
                if digest != contents.files[photo.path]:
                    raise PhotoError(NotOpenedCode.OTHER_CONTENT)
                info = decoder.probe(path, self.limits)
            except PhotoError as error:
                path.unlink()
                refused.append((photo.sha256, LeftOut(photo.source, error.message)))
                continue
            size = path.stat().st_size
            found.append(FoundPhoto(photo.source, Assignment(photo.label), path, photo.sha256, size, info))
        return found, refused

    def _store_models(self, contents: Contents, check_model: CheckModel) -> Iterator[LeftOut]:
        """Store the models that are as they were saved and pass the check; yield the others."""
        for model, files in contents.models.items():
            folder = self.part / "models" / model
            folder.mkdir()
            try:
                for file, sha256 in files.items():
                    member = f"models/{model}/{file}"
                    if member not in self.members:
                        raise ClassifierError(NotOpenedCode.NO_FILE)
                    (folder / file).parent.mkdir(exist_ok=True)
                    if self._extract(member, folder / file)[1] != sha256:
                        raise ClassifierError(NotOpenedCode.OTHER_CONTENT)
                check_model(folder)
            except ClassifierError as error:
                shutil.rmtree(folder)
                yield LeftOut(model, message(NotOpenedCode.MODEL, why=str(error).rstrip(".")))

    def _fill(
        self, catalog: Catalog, contents: Contents, stored: Mapping[str, str], left_out: Iterable[LeftOut]
    ) -> None:
        """Write the rows of the catalog: photos that are there, and edits of nothing but such photos."""
        photos = [self._asset(photo, stored[photo.sha256]) for photo in contents.photos if photo.sha256 in stored]
        catalog.edits.restore(photos, self._edits(contents, stored))
        catalog.note_left_out((*contents.left_out, *left_out))
        for name, value in contents.choices.items():
            catalog.choose(name, value)
        for number in range(contents.runs):
            member = run_name(number)
            try:
                run, assets = project_record.run_from_json(self._json(member))
            except _ODD as error:
                raise _damaged(self.name, ProjectFilePart.JSON, member=member) from error
            catalog.runs.record(
                run.name, run.mode, run.report, assets, run.seconds, run.details, run.title, run.created
            )

    def _edits(self, contents: Contents, stored: Mapping[str, str]) -> list[Edit]:
        edits = [edit for edit in contents.edits if all(photo.sha256 in stored for photo in edit.before)]
        # No photo that is added later may have an id that undo removes.
        known = {photo.id for photo in contents.photos} | {photo.id for edit in edits for photo in edit.before}
        return [
            edit._replace(
                before=tuple(self._asset(photo, stored[photo.sha256]) for photo in edit.before),
                added=tuple(id for id in edit.added if id in known),
            )
            for edit in edits
        ]

    def _asset(self, photo: Asset, path: str) -> Asset:
        # What counts against the limits is no less than what lies on the disk.
        return replace(photo, path=path, size=max(photo.size, (self.part / path).stat().st_size))


def _check_limits(contents: Contents, members: Mapping[str, zipfile.ZipInfo], limits: Limits) -> None:
    """Raise ``DataError`` where the project would hold more than may be."""
    photos, classes = len(contents.photos), len({photo.label for photo in contents.photos})
    if photos > limits.project_photos:
        raise DataError(LimitCode.PROJECT_PHOTOS, count=photos, limit=limits.project_photos)
    if classes > limits.classes:
        raise DataError(LimitCode.CLASSES, count=classes, limit=limits.classes)
    total = sum(info.file_size for name, info in members.items() if name.startswith("photos/"))
    if total > limits.project_bytes:
        raise DataError(LimitCode.PROJECT_BYTES, bytes=total, limit=limits.project_bytes)


def _check_count(path: Path, limits: Limits) -> None:
    """Raise ``ValueError`` where a JSON has more values than a project can: each takes many times its letters."""
    count, most = 0, 2_000_000 + 100 * min(limits.project_photos, _MANY)
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            count += block.count(b",") + block.count(b"[") + block.count(b"{")
    if count > most:
        raise ValueError("too many values")
