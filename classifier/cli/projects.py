"""The command ``project``: save a project in one file, open one, rename a training and its model, undo an edit."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import LIMITS
from ..data import schema
from ..data.project import Project
from ..errors import DataError
from ..messages import sentence
from ..messages.project_files import ProjectFileCode, ProjectFileOutput
from .running import print_lines, without_garbage_collection


def project(args: argparse.Namespace) -> dict[str, Any]:
    """Run one of the four."""
    if args.target is None and args.action != "undo":
        raise DataError(ProjectFileCode.NO_TARGET, action=args.action)
    return {"save": _save, "open": _open, "rename": _rename, "undo": _undo}[args.action](args)


def _save(args: argparse.Namespace) -> dict[str, Any]:
    with without_garbage_collection():
        from ..workflows.project_file import save_project

    file = Path(args.target)
    with _existing(Path(args.source)) as found:
        save_project(found, file, photos=not args.without_photos)
        counts = {"photos": len(found.photos()), "models": len(found.model_folders())}
    result = {"file": str(file), **counts, "bytes": file.stat().st_size, "with_photos": not args.without_photos}
    code = ProjectFileOutput.SAVED_WITHOUT if args.without_photos else ProjectFileOutput.SAVED
    print_lines(args, [sentence(code, **result)])
    return result


def _open(args: argparse.Namespace) -> dict[str, Any]:
    with without_garbage_collection():
        from ..workflows.project_file import open_project

    folder = Path(args.target)
    # It is a person's own disk: a project of any size that was saved can be opened.
    opened = open_project(Path(args.source), folder, replace(LIMITS, bytes_unpacked=sys.maxsize))
    left_out = [{"file": left.file, "reason": left.reason} for left in (*opened.left_out, *opened.left_out_models)]
    result = {"folder": str(folder), "photos": opened.photos, "models": opened.models, "left_out": left_out}
    code = ProjectFileOutput.OPENED if opened.has_photos else ProjectFileOutput.OPENED_WITHOUT
    print_lines(args, [sentence(code, **result), *(sentence(ProjectFileOutput.LEFT_OUT, **row) for row in left_out)])
    return result


def _rename(args: argparse.Namespace) -> dict[str, Any]:
    title = args.title or ""
    with _existing(Path(args.source)) as found:
        found.rename_run(args.target, title)
    print_lines(args, [sentence(ProjectFileOutput.RENAMED, name=args.target, title=title or args.target)])
    return {"name": args.target, "title": title}


def _undo(args: argparse.Namespace) -> dict[str, Any]:
    with _existing(Path(args.source)) as found:
        undone, left = found.undo(), found.last_edit()
    code = ProjectFileOutput.NOTHING_TO_UNDO if undone is None else ProjectFileOutput.UNDONE
    print_lines(args, [sentence(code, what=undone)])
    return {"undone": undone and str(undone), "next": left and str(left)}


@contextmanager
def _existing(folder: Path) -> Iterator[Project]:
    """Open a project that is there; raises ``DataError`` where there is none, in place of making one."""
    if not (folder / schema.FILE_NAME).is_file():
        raise DataError(ProjectFileCode.NO_PROJECT, place=folder)
    with Project.open(folder) as found:
        yield found
