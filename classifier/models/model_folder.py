"""The folder of a model on disk: which one may be the target of a training, and how its files are replaced."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from .. import distributed
from ..data.intake import is_junk
from ..errors import ModelError
from ..files import Lock, created_folder, remove, storage_error
from ..messages.models import CheckpointCode

OOD = "familiar.safetensors"  # the out-of-distribution model; the name is that of the first version
TRAINING_PHOTOS = "training_photos.json"  # what is remembered of the training photos; only on this machine
EVALUATED = "evaluated.safetensors"  # probabilities of evaluated photos, see ``evaluated_photos``
CONFUSION = "confusion.png"  # the confusion matrix, which the model card shows
FILES = (
    "config.json", "model.safetensors", "README.md", "report.json", "training.json", OOD, TRAINING_PHOTOS, EVALUATED,
    CONFUSION,
)  # fmt: skip
SINGLE = "single"  # folder with the best model of one network, beside a model that joins networks
ALL_FILES = (*FILES, *(f"{SINGLE}/{name}" for name in FILES))
RESUME = "resume"  # folder with the state of an unfinished training
STEPS = "steps"  # folder with the models that a training had on the way, each in a folder of its own
# The new model inside its folder: while it is written, when it is complete, and while its files are moved out.
_PART, _COMPLETE, _MOVING = ".model.part", ".model.complete", ".model.moving"
_LOCK = ".training.lock"
Text = str | bytes | Iterator[str]
_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.part")  # what ``atomic_write`` leaves where the program was killed
_OF_DISKS = ("lost+found", "system volume information", "$recycle.bin")  # in the first folder of a disk


@contextmanager
def reserve(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for one training, which will save its model there, and undo or finish an interrupted ``save``.

    Of several processes of one training the main one holds it; on other machines it holds only what is unfinished.
    Raises ``ModelError`` in all of them where the folder holds something else or another training holds it,
    ``StorageError`` where it cannot be written. A folder that is empty at the end is deleted if it was not there
    before.
    """
    with ExitStack() as stack:
        with distributed.shared_errors():
            if distributed.is_local_main_process():
                stack.enter_context(_prepared(folder.resolve(), distributed.is_main_process()))
        yield


@contextmanager
def _prepared(folder: Path, holds: bool) -> Iterator[None]:
    check_target(folder)
    lock = Lock(folder / _LOCK)
    with ExitStack() as stack:
        try:
            stack.enter_context(created_folder(folder))
            stack.callback(lock.release)
            holder = lock.acquire() if holds else None
        except OSError as error:
            raise storage_error(error, folder, CheckpointCode.DISK_FULL) from error
        if holder is not None:
            raise ModelError(CheckpointCode.IN_USE, folder=str(folder), process=holder.process, since=holder.since)
        if holds:
            recover(folder)
        yield


def write(
    folder: Path,
    texts: Mapping[str, Text],
    tensors: Mapping[str, dict[str, Tensor]],
    unfinished: bool = False,
) -> None:
    """Write the files of a model, given as name -> content, in the place of those that ``folder`` holds.

    A name may begin with that of a folder. A long text may come in parts, which are not in memory at once. ``RESUME``
    is deleted unless the training is ``unfinished``. The files are written into a folder inside and moved out when all
    are complete, so that ``folder`` may be a mount point and keeps what belongs to other programs, such as ``.git``.
    Raises as ``reserve`` does.
    """
    check_target(folder)
    folder = folder.resolve()
    part = folder / _PART
    try:
        with created_folder(folder):
            recover(folder)
            try:
                _write_files(part, texts, tensors)
                part.replace(folder / _COMPLETE)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            _move_in(folder)
            if not unfinished:
                shutil.rmtree(folder / RESUME, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise storage_error(error, folder, CheckpointCode.DISK_FULL) from error


def copy_in(source: Path, folder: Path) -> None:
    """Put a copy of the model in ``source`` in the place of the one that ``folder`` holds, as ``write`` does.

    What lies beside a model, such as ``RESUME`` and ``STEPS``, is not copied and stays. Raises ``StorageError`` where
    it cannot be written.
    """
    part = folder / _PART
    try:
        folder.mkdir(parents=True, exist_ok=True)
        recover(folder)
        try:
            part.mkdir()
            for name in FILES:
                if (source / name).is_file():
                    shutil.copy2(source / name, part / name)
            if (source / SINGLE).is_dir():
                shutil.copytree(source / SINGLE, part / SINGLE)
            part.replace(folder / _COMPLETE)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _move_in(folder)
    except OSError as error:
        raise storage_error(error, folder, CheckpointCode.DISK_FULL) from error


def remove_unfinished(folder: Path) -> None:
    """Delete what a training that has ended needed to go on, on every machine."""
    if distributed.is_local_main_process():
        shutil.rmtree(folder / RESUME, ignore_errors=True)
    distributed.barrier()


def _write_files(folder: Path, texts: Mapping[str, Text], tensors: Mapping[str, dict[str, Tensor]]) -> None:
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with (folder / name).open("wb") as file:
            for part in [text] if isinstance(text, (str, bytes)) else text:
                file.write(part.encode() if isinstance(part, str) else part)
    mode = (folder / "config.json").stat().st_mode
    for name, values in tensors.items():
        if values:
            save_file(values, folder / name, metadata={"format": "pt"})
            (folder / name).chmod(mode)  # safetensors writes through a temporary file of its own, with 0600


def _move_in(folder: Path) -> None:
    """Put a complete new model in the place of the one before; where this is interrupted, it can be called again."""
    complete, moving = folder / _COMPLETE, folder / _MOVING
    if complete.exists():
        for name in FILES:  # “config.json” first: without it the folder is no model
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / SINGLE, ignore_errors=True)
        complete.replace(moving)
    for path in sorted(moving.iterdir(), key=lambda path: path.name == "config.json"):
        path.replace(folder / path.name)
    moving.rmdir()


def recover(folder: Path) -> None:
    """Finish a write of a model that was interrupted when all was written, else delete what is incomplete."""
    if (folder / _COMPLETE).exists() or (folder / _MOVING).exists():
        _move_in(folder)
    shutil.rmtree(folder / _PART, ignore_errors=True)
    for path in folder.iterdir():
        if _PARTIAL.fullmatch(path.name):
            remove(path)
    steps = folder / STEPS
    for step in steps.iterdir() if steps.is_dir() and not steps.is_symlink() else ():
        if step.is_dir() and not step.is_symlink():
            recover(step)


def check_reserved(folder: Path) -> None:
    """Raise ``ModelError`` where a reserved folder is gone: its project was deleted, and must not come back."""
    if not folder.is_dir():
        raise ModelError(CheckpointCode.FOLDER_GONE, folder=str(folder))


def finish(folder: Path) -> bool:
    """Undo or finish an interrupted ``write``; return False, and do nothing, where a training holds the folder.

    Raises ``OSError`` where that is not possible.
    """
    lock = Lock(folder / _LOCK)
    if not folder.is_dir() or folder.is_symlink() or lock.acquire() is not None:
        return False
    try:
        recover(folder)
    finally:
        lock.release()
    return True


def check_target(folder: Path) -> None:
    """Raise ``ModelError`` where ``folder`` holds anything but a model of this program; also called before training.

    Files of the operating system and hidden ones, such as ``.git``, do not count: they are left alone.
    """
    try:
        is_file = folder.is_file()
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    except OSError as error:  # a name that is too long, a folder that may not be opened
        raise storage_error(error, folder, CheckpointCode.DISK_FULL) from error
    if is_file:
        raise ModelError(CheckpointCode.IS_FILE, folder=str(folder))
    is_model = not names.isdisjoint(("config.json", RESUME, _COMPLETE, _MOVING))  # else README.md is somebody else's
    allowed = (*FILES, RESUME, SINGLE, STEPS) if is_model else ()
    others = sorted(name for name in names - {*allowed} if not is_junk(name) and name.casefold() not in _OF_DISKS)
    if others:
        raise ModelError(CheckpointCode.OTHER_FILES, folder=str(folder), file=others[0])
