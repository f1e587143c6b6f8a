"""What the commands share: run a workflow with its progress, print lines, import torch quickly, find photos."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..config import Limits
from ..data.intake import is_junk, scan
from ..errors import DataError
from ..events import Epoch
from ..messages.cli import CommandCode
from . import text

T = TypeVar("T")


def run(events: Iterator[Any], kind: type[T]) -> T:
    """Run a workflow to its end and return its last event, with its progress on standard error.

    In a terminal that is one line that changes; elsewhere, as in a file, a line for each epoch. Of several processes
    the first prints.
    """
    is_terminal = sys.stderr.isatty()
    is_first = os.environ.get("RANK", "0") == "0"
    for event in events:
        if isinstance(event, kind):
            if is_terminal:
                print("\r\033[K", end="", file=sys.stderr)
            return event
        if is_terminal:
            print(f"\r\033[K{text.event_line(event)}", end="", file=sys.stderr, flush=True)
        elif is_first and isinstance(event, Epoch):
            print(text.event_line(event), end="", file=sys.stderr, flush=True)
    raise AssertionError("a workflow ends with its result")


def print_lines(args: argparse.Namespace, lines: Iterable[str]) -> None:
    """Print lines for people, unless the result is wanted as JSON."""
    if not args.json:
        for line in lines:
            print(line)


def photo_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield files as named, and the files of folders; raises ``DataError`` where there is neither."""
    for path in paths:
        if path.is_dir():
            yield from (file for name, file in scan(path, Limits()) if not is_junk(name))
        elif path.exists():
            yield path
        else:
            raise DataError(CommandCode.NO_FILE, file=path)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """For importing torch: it creates a million objects that all stay, and visiting them takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
