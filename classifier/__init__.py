"""Train an image classifier on your own photos: the public functions, values and errors.

They are imported on first use, so that ``import classifier`` is instant and the command line can answer ``--help``
without loading torch.

Example::

    from classifier import Predictor, Project, train

    with Project.over(Path("photos")) as project:
        *_, finished = train(project, out=Path("model"))
    print(Predictor("model").predict("new.jpg"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .config import Limits, Preprocessing, TrainConfig
    from .data.answer_table import AnswerTable
    from .data.project import Project
    from .errors import (
        ClassifierError,
        DataError,
        ExportError,
        LayoutError,
        ModelError,
        PhotoError,
        SettingError,
        StorageError,
    )
    from .evaluation.report import Report
    from .events import Epoch, Note, Progress, Step
    from .exporters.base import Exported, Verification
    from .messages.models import UnsureCode
    from .models.predictor import ClassConfidence, Prediction, Predictor
    from .workflows.check import Checked, check
    from .workflows.evaluate import evaluate
    from .workflows.export import export
    from .workflows.labeling import Suggestions, SureGroup, ToLabel, suggest, to_label
    from .workflows.predict_many import Answers, predict_many
    from .workflows.project_file import OpenedProject, open_project, save_project
    from .workflows.public_sets import FetchedSet, fetch_set
    from .workflows.review import Review, review
    from .workflows.set_apart import PhotosApart, set_apart
    from .workflows.train import Finished, train

__all__ = [
    "AnswerTable",
    "Answers",
    "Checked",
    "ClassConfidence",
    "ClassifierError",
    "DataError",
    "Epoch",
    "ExportError",
    "Exported",
    "FetchedSet",
    "Finished",
    "LayoutError",
    "Limits",
    "ModelError",
    "Note",
    "OpenedProject",
    "PhotoError",
    "PhotosApart",
    "Prediction",
    "Predictor",
    "Preprocessing",
    "Progress",
    "Project",
    "Report",
    "Review",
    "SettingError",
    "Step",
    "StorageError",
    "Suggestions",
    "SureGroup",
    "ToLabel",
    "TrainConfig",
    "UnsureCode",
    "Verification",
    "__version__",
    "check",
    "evaluate",
    "export",
    "fetch_set",
    "open_project",
    "predict_many",
    "review",
    "save_project",
    "set_apart",
    "suggest",
    "to_label",
    "train",
]  # fmt: skip
_MODULES = {
    "config": ("Limits", "Preprocessing", "TrainConfig"),
    "data.answer_table": ("AnswerTable",),
    "data.project": ("Project",),
    "errors": (
        "ClassifierError",
        "DataError",
        "ExportError",
        "LayoutError",
        "ModelError",
        "PhotoError",
        "SettingError",
        "StorageError",
    ),
    "evaluation.report": ("Report",),
    "events": ("Epoch", "Note", "Progress", "Step"),
    "exporters.base": ("Exported", "Verification"),
    "messages.models": ("UnsureCode",),
    "models.predictor": ("ClassConfidence", "Prediction", "Predictor"),
    "workflows.check": ("Checked", "check"),
    "workflows.evaluate": ("evaluate",),
    "workflows.export": ("export",),
    "workflows.labeling": ("Suggestions", "SureGroup", "ToLabel", "suggest", "to_label"),
    "workflows.predict_many": ("Answers", "predict_many"),
    "workflows.project_file": ("OpenedProject", "open_project", "save_project"),
    "workflows.public_sets": ("FetchedSet", "fetch_set"),
    "workflows.review": ("Review", "review"),
    "workflows.set_apart": ("PhotosApart", "set_apart"),
    "workflows.train": ("Finished", "train"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
