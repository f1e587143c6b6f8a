"""The folder of an unfinished deep training: its settings, plan and state, from which it is resumed after a break."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from .. import distributed, files
from ..config import TrainConfig, current_names
from ..errors import ModelError, SettingError, StorageError
from ..messages.training import TrainingCode
from . import attempts
from .schedule import TrainPlan
from .train_state import TrainState

VERSION = 5  # of these files and of what a training makes of them; those of another version are not resumed
_SETTINGS = "settings.json"
_WORKED = "worked.json"
_LIMITS = ("minutes", "max_steps")
_LARGEST = 2**20  # bytes of a JSON file
_MOST = 100_000  # of any number of a plan
_PLAN = {field.name for field in fields(TrainPlan)}


@contextmanager
def announced(folder: Path, config: TrainConfig, networks: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
    """Note a start and its settings before the photos are read, so that it goes on where the program ends meanwhile.

    Gives the networks to try: those that an interrupted training with these settings was asked for, and ``networks``.
    What fails in the block is forgotten. Raises ``StorageError`` where they cannot be written.
    """
    asked_for = distributed.decide(lambda: _announce(folder, config, networks))
    attempts.record_start(folder)
    try:
        yield tuple(asked_for)
    except Exception:
        if distributed.is_main_process() and not _read_json(folder / _SETTINGS).get("photos"):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _announce(folder: Path, config: TrainConfig, networks: Sequence[str]) -> list[str]:
    found, settings = _read_json(folder / _SETTINGS), asdict(config)
    if found.get("version") != VERSION or "photos" not in found:  # of another version, or damaged
        shutil.rmtree(folder, ignore_errors=True)
        found = {"version": VERSION, "photos": ""}
    before = _networks(found) if _fixed(found.get("config")) == _fixed(settings) else ()
    asked_for = list(dict.fromkeys([*before, *networks]))
    _write_json(folder / _SETTINGS, {**found, "config": settings, "networks": asked_for})
    return asked_for


def has_same_settings(one: TrainConfig, other: TrainConfig) -> bool:
    """Return whether a training with the one settings may be resumed with the other."""
    return _fixed(asdict(one)) == _fixed(asdict(other))


def _fixed(config: Any) -> str:
    """Return the settings that a training keeps to its end; in mode auto it may be given other limits."""
    free = _LIMITS if isinstance(config, dict) and config.get("mode") == "auto" else ()
    return json.dumps({name: value for name, value in config.items() if name not in free} if free else config)


def prepare_folder(folder: Path, config: TrainConfig, photos: Sequence[str]) -> bool:
    """Make ``folder`` ready for a training with these settings on ``photos``, a text for each, in their order.

    Returns whether it holds what an interruption left of this training; what another training or version left is
    removed. Raises ``StorageError`` where it cannot be written.
    """
    settings = asdict(config)
    digest = hashlib.sha256("\n".join([_fixed(settings), *photos]).encode()).hexdigest()
    path = folder / _SETTINGS
    is_known = distributed.decide(lambda: _is_of(_read_json(path), digest))
    # One after the other: on machines with a shared folder the second one finds what the first one wrote.
    for is_its_turn in (distributed.is_main_process(), distributed.is_local_main_process()):
        with distributed.shared_errors():
            if is_its_turn:
                found = _read_json(path)
                if not (_is_of(found, digest) or _is_of(found, "")):
                    shutil.rmtree(folder, ignore_errors=True)
                known = {"version": VERSION, "photos": digest, "config": settings}
                _write_json(path, {**known, "networks": _networks(found)})
    return is_known


def _is_of(settings: Mapping[str, Any], photos: str) -> bool:
    """Whether these are the settings of this version on photos of a digest; "" where they were only announced."""
    return (settings.get("version"), settings.get("photos")) == (VERSION, photos)


def record_seconds(folder: Path, seconds: float) -> None:
    """Note how long a training has worked; without room on the disk, or where the folder is gone, nothing is noted."""
    if distributed.is_main_process() and folder.is_dir():
        with suppress(StorageError):
            _write_json(folder / _WORKED, {"seconds": seconds})


def read_seconds(folder: Path) -> float:
    """Return how long an unfinished training has worked so far."""
    seconds = _read_json(folder / _WORKED).get("seconds")
    return max(0.0, float(seconds)) if isinstance(seconds, (int, float)) else 0.0


def read_settings(folder: Path) -> tuple[TrainConfig, tuple[str, ...]]:
    """Return the settings of an unfinished training and the networks that it was asked for.

    Raises ``ModelError`` where there is none.
    """
    try:
        found = files.read_json(folder / _SETTINGS, _LARGEST)
        return to_config(found["config"]), _networks(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingError) as error:
        raise ModelError(TrainingCode.NOTHING_UNFINISHED, folder=str(folder), reason=str(error)) from error


def _networks(settings: Mapping[str, Any]) -> tuple[str, ...]:
    names = settings.get("networks")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def to_config(data: Any) -> TrainConfig:
    """Return the settings that a file of any version holds; raises several kinds of errors for anything else."""
    config = current_names(data)
    return TrainConfig(**{**config, "resize_modes": tuple(config["resize_modes"])})


def load_plan(folder: Path, make: Callable[[], TrainPlan]) -> TrainPlan:
    """Return the plan that an unfinished training began with, or a new one; all processes follow the main process."""
    path = folder / "plan.json"

    def find_or_make() -> dict[str, int]:
        known = _read_json(path)
        usable = known.keys() == _PLAN and all(type(value) is int and 0 <= value <= _MOST for value in known.values())
        plan = known if usable else asdict(make())
        _write_json(path, plan)
        return plan

    return TrainPlan(**distributed.decide(find_or_make))


def save_state(state: TrainState, path: Path) -> None:
    """Save the state after an epoch or at a pause, from the main process.

    Raises ``StorageError`` when the disk is full.
    """
    with distributed.shared_errors():
        if distributed.is_main_process():
            with files.atomic_write(path, TrainingCode.DISK_FULL) as part:
                save_file(state.state_dict(), part)


def load_state(state: TrainState, path: Path) -> None:
    """Load what ``save_state`` saved, if anything; a damaged file, or one of another network, is ignored.

    All processes begin with the state of the main process.
    """
    if distributed.is_main_process():
        with suppress(OSError, SafetensorError, ValueError, TypeError, RuntimeError):
            files.regular_size(path)  # a pipe would be waited for
            state.load_state_dict(load_file(path))
    if distributed.world_size() > 1:
        tensors = distributed.broadcast_tensors(state.state_dict() if distributed.is_main_process() else {})
        if not distributed.is_main_process():
            state.load_state_dict(dict(tensors))


def _read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where it is missing or damaged."""
    try:
        found = files.read_json(path, _LARGEST)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with files.atomic_write(path, TrainingCode.DISK_FULL) as part:
        part.write_text(json.dumps(value), encoding="utf-8")
