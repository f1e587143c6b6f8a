"""The command ``predict``: answers for photos, folders and zips, as lines, JSON, CSV or folders."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..data.answer_files import sort_into_folders
from ..data.answer_rows import AnswerRow
from ..data.answer_table import AnswerTable
from ..data.csv_files import Cell, write_csv
from ..errors import DataError, SettingError, StorageError
from ..events import Progress
from ..messages.bulk import BulkCode
from ..messages.cli import CommandCode
from ..messages.models import PredictCode
from . import text
from .running import is_first, print_lines, process_group, run, shared_errors, without_garbage_collection

if TYPE_CHECKING:  # it imports torch
    from ..models.predictor import Prediction, Predictor


def predict(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Predict the photos of a command; all answers are in memory only for ``--json``."""
    with process_group(), TemporaryDirectory(prefix="answers-") as scratch:
        with without_garbage_collection():
            from ..models.hub_models import open_model
            from ..models.predictor import Predictor

        with shared_errors():
            _check(args)
            predictor = Predictor(run(open_model(args.folder), Path))
        with _answers(args, predictor, Path(scratch)) as table:
            return _give(args, table) if is_first() else []


def _give(args: argparse.Namespace, table: AnswerTable) -> list[dict[str, Any]]:
    """Write and print the answers as the command asks for them."""
    if args.csv:
        _write_table(args.csv, table, min(args.top_k, len(table.labels)))
    if args.sort_into:
        run(_ending_with_true(sort_into_folders(table, args.sort_into)), bool)
    rows = _rows(table, args.top_k)
    print_lines(args, map(text.predict_line, rows))
    return list(rows) if args.json else []


def _check(args: argparse.Namespace) -> None:
    """Raise an error for what cannot work before the photos are looked at."""
    if args.top_k < 1:
        raise SettingError(PredictCode.TOO_FEW_ANSWERS, top_k=args.top_k)
    for path in args.paths:
        if not path.exists():
            raise DataError(CommandCode.NO_FILE, file=path)
    if not is_first():
        return
    if args.csv and not args.csv.parent.is_dir():
        raise StorageError(CommandCode.TABLE_NOT_WRITTEN, file=args.csv, why=str(CommandCode.NO_FOLDER))
    if args.sort_into and args.sort_into.exists() and (args.sort_into.is_file() or any(args.sort_into.iterdir())):
        raise DataError(BulkCode.FOLDER_NOT_EMPTY, folder=str(args.sort_into))


def _answers(args: argparse.Namespace, predictor: Predictor, scratch: Path) -> AnswerTable:
    from ..workflows.predict_many import Answers, predict_many

    keep = args.sort_into is not None
    return run(predict_many(predictor, args.paths, scratch / "table", keep_unpacked=keep), Answers).open()


def _ending_with_true(events: Iterator[Progress]) -> Iterator[Progress | bool]:
    yield from events
    yield True


def _rows(table: AnswerTable, top_k: int) -> Iterator[dict[str, Any]]:
    """Yield what ``--json`` gives of each photo."""
    from ..workflows.predict_many import to_prediction

    labels = table.labels
    for rows in table.batches():
        probs = table.probs([row.id for row in rows])
        for row in rows:
            prediction = to_prediction(row, probs[row.id], labels) if row.id in probs else None
            yield _to_json(row, prediction, top_k)


def _write_table(path: Path, table: AnswerTable, width: int) -> None:
    """Write one row per photo, with ``width`` classes each."""

    def cells() -> Iterator[list[Cell]]:
        ranks = (f"{name} {rank}" for rank in range(1, width + 1) for name in ("label", "confidence"))
        yield ["file", "unsure", *ranks, "answer"]
        for row in _rows(table, width):
            top = [cell for one in row["top"] for cell in (one["label"], one["confidence"])]
            yield [row["file"], row["unsure"], *top, *[None] * (2 * width - len(top)), row["answer"]]

    write_csv(path, cells())


def _to_json(row: AnswerRow, prediction: Prediction | None, top_k: int) -> dict[str, Any]:
    """Return the answer for one photo with its ``top_k`` likeliest classes, or why there is none."""
    if prediction is None:
        return {"file": row.file, "top": [], "answer": None, "unsure": True, "reason": row.error}
    top = [{"label": one.label, "confidence": one.confidence} for one in prediction.top[:top_k]]
    reason = {"reason": str(prediction.reason)} if prediction.unsure else {}
    answer = None if prediction.unsure else prediction.answer.label
    return {"file": row.file, "top": top, "answer": answer, "unsure": prediction.unsure, **reason}
