"""Predictions for the tests of evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from classifier.evaluation.metrics import softmax
from classifier.evaluation.report import Report
from classifier.evaluation.scoring import build_report
from classifier.messages import message
from classifier.messages.evaluation import WarningCode

WARNINGS = [
    message(WarningCode.FEW_PHOTOS, counts=(("class 0", 3), ("class 1", 4)), enough=10),
    message(WarningCode.SINGLE_PHOTO, labels=("class 2",)),
]


def predictions(classes: int, photos: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, C) that are often right, and the true classes (N,)."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, classes, photos)
    logits = rng.normal(0, 1, (photos, classes)) + 1.5 * np.eye(classes)[y_true]
    return softmax(logits.astype(np.float32)), y_true


def report_on(probs: np.ndarray, y_true: np.ndarray, **changes: Any) -> Report:
    """A report on predictions; ``changes`` are arguments of ``build_report``."""
    arguments: dict[str, Any] = {
        "images": len(y_true), "evaluated_on": "out_of_fold", "threshold": 0.4, "temperature": 1.2,
        "warnings": WARNINGS, "resize_mode": "whole", "backbone": "tf_efficientnet_lite0",
    }  # fmt: skip
    labels = [f"class {index}" for index in range(probs.shape[1])]
    return build_report(probs, y_true, **{"labels": labels, **arguments, **changes})
