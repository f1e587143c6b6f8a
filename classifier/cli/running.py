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
    for event in events:
        if isinstance(event, kind):
            if is_terminal:
                print("\r\033[K", end="", file=sys.stderr)
            return event
        if is_terminal:
            print(f"\r\033[K{text.event_line(event)}", end="", file=sys.stderr, flush=True)
        elif is_first() and isinstance(event, Epoch):
            print(text.event_line(event), end="", file=sys.stderr, flush=True)
    raise AssertionError("a workflow ends with its result")


def print_lines(args: argparse.Namespace, lines: Iterable[str]) -> None:
    """Print lines for people, unless the result is wanted as JSON. Of several processes the first prints."""
    if not args.json and is_first():
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


def is_first() -> bool:
    """Return whether this process prints: of several that ``torchrun`` started the first one."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that ``torchrun`` started, before any of them opens the photos, so that each hears of errors.

    Does nothing, and does not import torch, for a process that was started without it.
    """
    if "WORLD_SIZE" not in os.environ:
        yield
        return
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # one sentence tells that a process is lost
    with without_garbage_collection():
        from .. import distributed

    with distributed.process_group():
        yield


@contextmanager
def shared_errors() -> Iterator[None]:
    """Raise an error of the body in all processes that ``torchrun`` started."""
    if "WORLD_SIZE" not in os.environ:
        yield
        return
    from .. import distributed

    with distributed.shared_errors():
        yield


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """For importing torch: it creates a million objects that all stay, and visiting them takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
