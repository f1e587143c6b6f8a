"""What a visitor's training is to do, on the disk while it waits in the queue: a restart of the program begins it.

One that leaves nothing to go on from stays there until it has ended, with the number of times that it began.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ...config import TrainConfig
from ...errors import ClassifierError, SettingError, StorageError
from ...files import atomic_write, read_json, remove
from ...training.attempts import MAX_STARTS
from ...training.resume import to_config

_FILE = "waiting.json"
_LARGEST = 2**16  # bytes


@dataclass(frozen=True)
class Waiting:
    """The arguments of a training that waits; see ``workflows.train``. ``folder`` is None for a new one.

    ``starts``: how often it began without an end.
    """

    config: TrainConfig
    folder: Path | None = None
    networks: Sequence[str] = ()
    starts: int = 0

    @property
    def ended_the_program(self) -> bool:
        """Whether it ended the program as often as it may without being asked for."""
        return self.starts >= MAX_STARTS


def note(project: Path, training: Waiting) -> None:
    """Note what waits for the project in a folder; without room on the disk nothing is noted."""
    name = None if training.folder is None else training.folder.name
    data = {
        "config": asdict(training.config), "model": name, "networks": training.networks, "starts": training.starts,
    }  # fmt: skip
    with suppress(StorageError), atomic_write(project / _FILE) as part:
        part.write_text(json.dumps(data), "utf-8")


def forget(project: Path) -> None:
    """Forget what waits: it has ended, goes on by itself, or is no longer wanted."""
    remove(project / _FILE)


@contextmanager
def begun(project: Path) -> Iterator[None]:
    """Note that what waited begins, and forget it at its end.

    What a bug ends stays, like what ends with the program: thread pools do not wait for the end of the program.
    """
    training = find(project)
    if training is not None:
        note(project, replace(training, starts=training.starts + 1))
    try:
        yield
    except (ClassifierError, GeneratorExit):
        forget(project)
        raise
    forget(project)


def find(project: Path) -> Waiting | None:
    """Return what waited for the project in a folder when the program ended, None where nothing did."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, SettingError):
        data = read_json(project / _FILE, _LARGEST)
        folder = None if data["model"] is None else project / "models" / Path(data["model"]).name
        starts = int(data.get("starts", 0))
        return Waiting(to_config(data["config"]), folder, tuple(map(str, data["networks"])), starts)
    return None
