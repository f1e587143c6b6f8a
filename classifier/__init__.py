"""Teach a classifier with your own photos: the public verbs.

They are imported on first use, so that ``import classifier`` is instant and the command line can
answer ``--help`` without loading torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checking import Checked, check
    from .config import Limits, Preprocessing, TrainConfig
    from .errors import ClassifierError
    from .features import Progress
    from .finetune import Epoch, Note
    from .predictor import Guess, Prediction, Predictor
    from .project import Project
    from .reviewing import Review, review
    from .training import Finished, train

__all__ = [
    "Checked", "ClassifierError", "Epoch", "Finished", "Guess", "Limits", "Note", "Prediction", "Predictor",
    "Preprocessing", "Progress", "Project", "Review", "TrainConfig", "__version__", "check", "review", "train",
]  # fmt: skip
__version__ = "0.1.0"

_HOMES = {
    "checking": ("Checked", "check"),
    "config": ("Limits", "Preprocessing", "TrainConfig"),
    "errors": ("ClassifierError",),
    "predictor": ("Guess", "Prediction", "Predictor"),
    "project": ("Project",),
    "reviewing": ("Review", "review"),
    "features": ("Progress",),
    "finetune": ("Epoch", "Note"),
    "training": ("Finished", "train"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
