"""The photos of a command: opened, with the line that says how they are read, and what is said where they cannot be."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..config import LIMITS, Limits
from ..data.project import Project
from ..data.schema import FILE_NAME
from ..errors import DataError, LayoutError
from ..messages.cli import CommandCode, OutputCode
from . import output, text
from .console import print_json
from .running import is_first


@contextmanager
def open_data(args: argparse.Namespace) -> Iterator[Project]:
    """Open the photos of a command and print how they are read.

    With ``--json`` the line on standard output holds, where ``LayoutError`` ends the command, the readings that fit,
    and after another ``DataError`` the files that were left out.
    """
    with _readings_in_json(args):
        project = _open(args)
    with project, _left_out_in_json(args, project):
        _print_reading(args, project, OutputCode.READING)
        yield project


@contextmanager
def open_test_data(args: argparse.Namespace) -> Iterator[Project]:
    """Open the photos of ``--test`` likewise; the option that an error names is ``--test-labels``."""
    try:
        with _readings_in_json(args):
            groups = "none" if args.groups == "none" else "auto"
            project = Project.over(
                args.test, _limits(args), labels=args.test_labels, groups=groups, reduced=args.reduced
            )
    except LayoutError as error:
        why = str(error).replace("--labels ", "--test-labels ")
        raise LayoutError(CommandCode.TEST_UNREAD, error.readings, error.layout, why=why) from error
    with project:
        _print_reading(args, project, OutputCode.TEST_READING)
        yield project


def _open(args: argparse.Namespace) -> Project:
    if args.project is not None:
        return _open_kept(args)
    if not args.data:
        raise DataError(CommandCode.NO_DATA)
    return Project.over(args.data, _limits(args), labels=args.labels, groups=args.groups, reduced=args.reduced)


def _open_kept(args: argparse.Namespace) -> Project:
    """Open or make the project of ``--project`` and add what of the photos it does not have yet."""
    folder: Path = args.project
    is_new = not (folder / FILE_NAME).is_file()
    if is_new and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(CommandCode.FOLDER_NOT_EMPTY, folder=folder)
    if is_new and not args.data:
        raise DataError(CommandCode.NO_DATA)
    project = Project.open(folder, _limits(args))
    try:
        if args.data:
            project.intake = project.add(
                args.data, labels=args.labels, groups=args.groups, only_new=True, reduced=args.reduced
            )
    except BaseException:
        project.close()
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return project


def _limits(args: argparse.Namespace) -> Limits:
    return LIMITS if args.max_files is None else Limits(files=args.max_files)


def _print_reading(args: argparse.Namespace, project: Project, code: OutputCode) -> None:
    """Print the line at once: it is to be seen before anything is trained. Of several processes the first prints."""
    if is_first() and not args.json and project.intake is not None:
        for line in text.reading_lines(project.intake, code):
            print(line, flush=True)


@contextmanager
def _readings_in_json(args: argparse.Namespace) -> Iterator[None]:
    try:
        yield
    except LayoutError as error:
        if args.json:
            print_json(output.layout_error_json(error))
        raise


@contextmanager
def _left_out_in_json(args: argparse.Namespace, project: Project) -> Iterator[None]:
    try:
        yield
    except LayoutError:  # of the photos of --test
        raise
    except DataError as error:
        if args.json:
            print_json({"error": str(error), "left_out": output.left_out_json(project)})
        raise
