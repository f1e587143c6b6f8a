"""Files of a project that nothing needs: of photos removed for good, and what a process that was killed has left."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import DataError, StorageError
from ..files import remove
from . import incoming
from .assets import Asset
from .catalog import Catalog
from .intake import sha256
from .scratch import is_recent, remove_abandoned

_OURS = re.compile(r"[0-9a-f]{64}\.\w+|\.[0-9a-f]{32}\.part")  # photos are named after their content


def delete_photos(folder: Path, catalog: Catalog, photos: Iterable[Asset]) -> None:
    """Delete the files of photos that are in no class and that no edit can restore, with all copies in the project."""
    gone = list(photos)
    hashes = {photo.sha256 for photo in gone}
    # Otherwise ``clean_up`` deletes them.
    with suppress(DataError, StorageError), catalog.edits.unneeded(hashes) as unneeded:
        unused = [photo for photo in gone if photo.sha256 in unneeded]
        files = [path for photo in unused if _is_within(path := folder / photo.path, folder)]
        _delete_copies(folder, unused)
        for path in (*files, *(folder / "thumbs" / f"{photo.sha256}.jpg" for photo in unused)):
            remove(path)


def clean_up(folder: Path, catalog: Catalog) -> None:
    """Delete what a killed process has left: unpacked files, uploads without a note, photos that no class has.

    Nothing is deleted that a living process may still need. Earlier versions kept the weights of networks in each
    project.
    """
    if not remove_abandoned(folder):
        return
    found = [*_ours(folder / "photos"), *_ours(folder / "thumbs")]
    stems = {_stem(name) for _, name in found}
    with suppress(DataError, StorageError), catalog.edits.unneeded(stems) as unneeded:
        for path in (Path(place, name) for place, name in found if _stem(name) in unneeded):
            if not is_recent(path) and _is_within(path, folder):
                remove(path)
    incoming.clean_up(folder / "incoming")
    for path in (folder / "features").glob("*.safetensors"):
        remove(path)


def _ours(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield folder and name of each file below a folder that is called as this program calls photos."""
    for place, _, names in os.walk(folder):  # follows no links
        yield from ((place, name) for name in names if _OURS.fullmatch(name))


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _is_within(path: Path, folder: Path) -> bool:
    """Return whether a file really lies in the project, whatever links the project has."""
    with suppress(OSError, RuntimeError):
        return path.parent.resolve().is_relative_to(folder.resolve())
    return False


def _delete_copies(folder: Path, photos: Sequence[Asset]) -> None:
    """Delete photos as they came, which the last upload keeps so that it can be read in another way."""
    upload = incoming.find(folder / "incoming") if photos else None
    if upload is None:
        return
    names, contents = {photo.source for photo in photos}, {photo.sha256 for photo in photos}
    for file in (file for one in upload.listing.sets for file in one.files if file.name in names):
        with suppress(OSError):
            if file.path.is_file() and sha256(file.path) in contents:
                remove(file.path)
                incoming.touch(upload)
