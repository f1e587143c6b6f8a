"""Teach a classifier with your own photos: the public verbs.

They are imported on first use, so that ``import classifier`` is instant and the command line can
answer ``--help`` without loading torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import Limits, Preprocessing, TrainConfig
    from .data.project import Project
    from .errors import ClassifierError
    from .events import Epoch, Note, Progress
    from .models.predictor import ClassConfidence, Prediction, Predictor
    from .workflows.check import Checked, check
    from .workflows.review import Review, review
    from .workflows.train import Finished, train

__all__ = [
    "Checked",
    "ClassConfidence",
    "ClassifierError",
    "Epoch",
    "Finished",
    "Limits",
    "Note",
    "Prediction",
    "Predictor",
    "Preprocessing",
    "Progress",
    "Project",
    "Review",
    "TrainConfig",
    "__version__",
    "check",
    "review",
    "train",
]  # fmt: skip
__version__ = "0.1.0"

_HOMES = {
    "config": ("Limits", "Preprocessing", "TrainConfig"),
    "data.project": ("Project",),
    "errors": ("ClassifierError",),
    "events": ("Epoch", "Note", "Progress"),
    "models.predictor": ("ClassConfidence", "Prediction", "Predictor"),
    "workflows.check": ("Checked", "check"),
    "workflows.review": ("Review", "review"),
    "workflows.train": ("Finished", "train"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
