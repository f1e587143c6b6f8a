"""The command ``suggest``: which photos without a class to accept together, and which to ask about first."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..messages import sentence
from ..messages.cli import OutputCode
from ..messages.labeling import SuggestCode

if TYPE_CHECKING:  # these import torch, and “--help” must not wait for it
    from PIL.Image import Image

    from ..data.answer_rows import AnswerRow
    from ..workflows.labeling import ToLabel


Run = Callable[[Iterator[Any], type[Any]], Any]


def suggest(args: argparse.Namespace, run: Run) -> dict[str, Any]:
    """Predict the photos of a command and return what to accept and what to ask, under the keys of its JSON.

    ``run`` runs a workflow to its end and returns its last event.
    """
    from ..models.hub_models import open_model
    from ..models.predictor import Predictor
    from ..workflows.labeling import to_label
    from ..workflows.predict_many import Answers, predict_many

    predictor = Predictor(run(open_model(args.folder), Path))
    with TemporaryDirectory(prefix="suggest-") as scratch:
        answers = run(predict_many(predictor, args.paths, Path(scratch)), Answers)
        with answers.open() as table:
            return to_json(to_label(table, args.questions, _small_picture))


def to_json(found: ToLabel) -> dict[str, Any]:
    """Return what to accept together by class, and what to ask, in order."""
    return {
        "photos": found.photos,
        "sure": [{"label": label, "files": [row.file for row in rows]} for label, rows in found.sure],
        "questions": [{"file": row.file, "top": _top(row)} for row in found.questions],
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of ``suggest``."""
    for group in result["sure"]:
        yield sentence(SuggestCode.SURE, label=group["label"], count=len(group["files"]))
        yield from (f"  {file}" for file in group["files"])
    if result["questions"]:
        yield sentence(SuggestCode.ASK, count=len(result["questions"]), photos=result["photos"])
    for row in result["questions"]:
        top = ", ".join(sentence(OutputCode.CONFIDENCE, **one) for one in row["top"])
        yield sentence(SuggestCode.QUESTION, file=row["file"], top=top)


def _top(row: AnswerRow) -> list[dict[str, Any]]:
    pairs = ((row.label, row.confidence), (row.second, row.second_confidence))
    return [{"label": label, "confidence": confidence} for label, confidence in pairs if label is not None]


def _small_picture(row: AnswerRow) -> Image | None:
    from ..data.images import open_picture
    from ..errors import PhotoError

    try:
        return None if row.copy is None else open_picture(Path(row.copy), 64)
    except PhotoError:
        return None
