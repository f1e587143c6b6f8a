"""What a visitor's training is to do, on the disk while it waits in the queue: a restart of the program begins it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ...config import TrainConfig
from ...errors import SettingError, StorageError
from ...files import atomic_write, read_json, remove
from ...training.resume import to_config

_FILE = "waiting.json"
_LARGEST = 2**16  # bytes


@dataclass(frozen=True)
class Waiting:
    """The arguments of a training that waits; see ``workflows.train``. ``folder`` is None for a new one."""

    config: TrainConfig
    folder: Path | None = None
    networks: Sequence[str] = ()


def note(project: Path, training: Waiting) -> None:
    """Note what waits for the project in a folder; without room on the disk nothing is noted."""
    name = None if training.folder is None else training.folder.name
    data = {"config": asdict(training.config), "model": name, "networks": training.networks}
    with suppress(StorageError), atomic_write(project / _FILE) as part:
        part.write_text(json.dumps(data), "utf-8")


def forget(project: Path) -> None:
    """Forget what waits: it begins, or is no longer wanted."""
    remove(project / _FILE)


def find(project: Path) -> Waiting | None:
    """Return what waited for the project in a folder when the program ended, None where nothing did."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, SettingError):
        data = read_json(project / _FILE, _LARGEST)
        folder = None if data["model"] is None else project / "models" / Path(data["model"]).name
        return Waiting(to_config(data["config"]), folder, tuple(map(str, data["networks"])))
    return None
