"""What a training that was killed has left among a project's models."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from ..data.catalog import Catalog
from ..data.scratch import is_recent
from ..errors import ClassifierError
from . import checkpoint, model_folder, training_record


def clean_up(models: Path, catalog: Catalog) -> None:
    """Finish or delete models that were being written when a process was killed; those being trained are left alone.

    An unfinished deep training stays, to be resumed. A model whose training is not in the catalog yet is entered, so
    that it can be compared and deleted as the others.
    """
    known = catalog.runs.names()
    for folder in models.iterdir():
        if folder.name.startswith("."):  # a part of a version that wrote beside the folder
            _delete(folder)
            continue
        with suppress(OSError, ClassifierError):
            if not model_folder.finish(folder):
                continue
            if (folder / "config.json").exists():
                if folder.name not in known:
                    _enter(folder, catalog)
            elif not (folder / model_folder.RESUME).exists():
                _delete(folder)


def _delete(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink() and not is_recent(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _enter(folder: Path, catalog: Catalog) -> None:
    try:
        report = checkpoint.read_report(folder).to_json()
    except ClassifierError:
        report = {}
    details = training_record.details_of(training_record.read_record(folder))
    catalog.runs.record(folder.name, "deep" if "-deep" in folder.name else "quick", report, [], details=details)
