"""The photos of a training as a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """A labelled photo: its content's name, its file, its class, and its size in pixels."""

    sha256: str
    path: Path
    label: int
    width: int
    height: int
