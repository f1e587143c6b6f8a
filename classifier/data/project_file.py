"""A project in one file: a zip of its photos, its models and ``project.json``; ``project_opening`` opens it."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..files import atomic_write
from ..messages.project_files import ProjectFileCode
from . import project_record, schema
from .project import Project
from .project_mark import RECORD

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold
CHUNK = 2**20  # bytes


def write_project(project: Project, file: Path, model_files: Collection[str], with_photos: bool = True) -> None:
    """Write a project into a zip; memory does not grow with the photos.

    Args:
        project: one that ``Project.open`` opened.
        file: the zip, in place of which nothing is left after an error.
        model_files: names of the files of a model that are saved.
        with_photos: whether the photos themselves go into it, or their labels only.

    Raises ``DataError`` for photos that lie elsewhere, ``StorageError`` where the file cannot be written.
    """
    if not (project.folder / schema.FILE_NAME).is_file():
        raise DataError(ProjectFileCode.NO_PROJECT, place=project.folder.name)
    catalog = project.catalog
    with atomic_write(file, name_target=False) as part, zipfile.ZipFile(part, "w", allowZip64=True) as packed:
        files = dict(_write_photos(project, packed)) if with_photos else {}
        models = {
            folder.name: dict(_write_model(folder, packed, model_files))
            for folder in project.model_folders()
            if project_record.MODEL.fullmatch(folder.name)
        }
        for number, run in enumerate(reversed(catalog.runs.newest()[: project_record.MOST_RUNS])):
            _write_json(packed, run_name(number), project_record.run_to_json(run, catalog.runs.assets(run.id)))
        _write_json(packed, RECORD, project_record.to_json(catalog, files, models))


def run_name(number: int) -> str:
    """Return the member that holds a training."""
    return f"runs/{number}.json"


def _write_photos(project: Project, packed: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Write the files of all photos, also of those that ``undo`` can bring back; yield their places and hashes."""
    edited = (photo for edit in project.catalog.edits.all() for photo in edit.before)
    photos = {photo.sha256: photo for photo in (*edited, *project.photos())}
    for photo in photos.values():
        path, name = project.photo_path(photo), project_record.place(photo)
        if path.is_file() and not path.is_symlink():
            yield name, _write_file(packed, name, path)


def _write_model(folder: Path, packed: zipfile.ZipFile, names: Collection[str]) -> Iterator[tuple[str, str]]:
    for name in sorted(names):
        path = folder / name
        if path.is_file() and not path.is_symlink():
            yield name, _write_file(packed, f"models/{folder.name}/{name}", path)


def _write_file(packed: zipfile.ZipFile, name: str, path: Path) -> str:
    """Copy a file into the zip and return its SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as source, packed.open(_entry(name, zipfile.ZIP_STORED), "w", force_zip64=True) as target:
        while block := source.read(CHUNK):
            digest.update(block)
            target.write(block)
    return digest.hexdigest()


def _write_json(packed: zipfile.ZipFile, name: str, value: Mapping[str, Any]) -> None:
    with packed.open(_entry(name, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as target:
        encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
        pieces = encoder.iterencode(value)
        while piece := "".join(islice(pieces, 10_000)):
            target.write(piece.encode("utf-8", "replace"))


def _entry(name: str, method: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = method
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry
