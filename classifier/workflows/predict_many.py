"""Predict many photos at once: files, folders and zips -> a table of answers on the disk, a few photos in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic

import numpy as np
import torch

from .. import distributed
from ..data.adding import Room
from ..data.answer_files import sort_into_folders, write_answers
from ..data.answer_repair import open_answers
from ..data.answer_rows import AnswerRow
from ..data.answer_table import COPIES, THUMBS, UNPACKED, AnswerTable, Probs
from ..data.decoding import UploadDecoder
from ..data.decoding_copies import copy_extension
from ..data.inspection import THREADS
from ..data.intake import sha256
from ..data.photo_stream import PhotoStream, StreamedFile
from ..distributed import Shared
from ..errors import DataError, PhotoError
from ..events import Progress
from ..files import atomic_write, remove, storage_error
from ..messages import Message, message
from ..messages.bulk import BulkPageCode
from ..messages.data import StoredCode
from ..messages.models import UnsureCode
from ..messages.workflows import StepCode
from ..models.predictor import ClassConfidence, Prediction, Predictor

_AT_ONCE = 64  # photos in memory, those of one batch of rows


@dataclass(frozen=True)
class Answers:
    """The answers for many photos, in the table that lies in ``folder``.

    There are ``photos`` of them, of which ``unsure`` have no sure answer, those ``unlike`` the training photos
    included; ``errors`` cannot be used.

    Example::

        *_, answers = predict_many(Predictor("model"), ["new photos.zip"], Path("answers"))
        print(answers.photos, answers.unsure)
        answers.write_csv(Path("answers.csv"))
        answers.sort_into(Path("sorted"))
    """

    folder: Path
    photos: int
    unsure: int
    unlike: int
    errors: int

    def rows(self) -> Iterator[AnswerRow]:
        """Yield the answer for each photo, in the order they came."""
        with self.open() as table:
            yield from table.each()

    def write_csv(self, target: Path) -> None:
        """Write a row for each photo as CSV, in which no cell starts a formula."""
        with self.open() as table:
            write_answers(table, target)

    def sort_into(self, target: Path) -> None:
        """Copy the photos into a folder per class below ``target``, and one for those without a sure answer."""
        with self.open() as table:
            for _ in sort_into_folders(table, target):
                pass

    def open(self) -> AnswerTable:
        """Open the table; close it after use. Raises ``DataError`` where it is gone."""
        table = open_answers(self.folder)
        if table is None:
            raise DataError(BulkPageCode.GONE)
        return table


def predict_many(
    predictor: Predictor,
    photos: Iterable[Path | str | tuple[str, Path]],
    folder: Path,
    *,
    take_over: bool = False,
    keep_unpacked: bool = True,
    room: Room = nullcontext,
) -> Iterator[Progress | Answers]:
    """Predict photos, folders and zips of any number; yield the progress, at last the ``Answers``.

    A photo that cannot be used is a row that says so. What was answered when the iterator is closed stays in the table.
    Of several processes each predicts a share of the photos, and each has a table with all answers.

    Args:
        predictor: the model; its limits hold for all photos together.
        photos: paths, or pairs of the name that the person knows and a path.
        folder: a new or empty folder for the table, or one with an older table, which is replaced.
        take_over: the photos come from a stranger and are this program's to delete: each is decoded in another process,
            which writes a copy without metadata and a thumbnail below ``folder``, and is deleted then.
        keep_unpacked: whether photos of zips, tars and Parquet files stay below ``folder``, to be sorted into folders;
            otherwise each is deleted once it is answered, so that they take no room together.
        room: keeps room for so many bytes while they are written, see ``PhotoStorage.room``.

    Raises:
        DataError: nothing can be opened, there are too many photos, or ``folder`` holds something else.
        StorageError: the disk is full.

    Example::

        for event in predict_many(Predictor("model"), ["new photos.zip", "more"], Path("answers")):
            if isinstance(event, Progress):
                print(event.done, "of", event.total)
    """
    given = [one if isinstance(one, tuple) else (str(one), Path(one)) for one in photos]
    stream = PhotoStream(given, folder / UNPACKED, predictor.limits)
    distributed.check_same(lambda: [stream.count, stream.size, sha256(predictor.folder / "model.safetensors")])
    with AnswerTable.create(folder, predictor.labels) as table:
        table.set_fact("total", stream.count)
        keeper = _Keeper(folder, predictor, room) if take_over else _Finder()
        started, done = monotonic(), 0
        yield Progress(StepCode.PREDICT, 0, stream.count, None)
        files = iter(stream)
        while some := list(islice(files, _AT_ONCE * distributed.world_size())):
            answers = answer_photos(predictor, table, keeper.prepare(some))
            if keep_unpacked or take_over:
                table.add(answers)
            else:
                table.add(_forget_unpacked(some, answers))
            done += len(some)
            yield _progress(started, done, stream.count)
        table.set_fact("complete", True)
        totals = table.totals()
    yield Answers(folder, totals.photos, totals.unsure, totals.unlike, totals.errors)


def to_prediction(row: AnswerRow, probs: Probs, labels: Sequence[str], top_k: int | None = None) -> Prediction:
    """Return the prediction behind a row, as ``Predictor.predict`` gave it with ``top_k`` classes, by default all."""
    order = np.argsort(-probs, kind="stable")[:top_k]
    top = tuple(ClassConfidence(labels[index], float(probs[index])) for index in order)
    reason = UnsureCode.OUT_OF_DISTRIBUTION if row.unlike else UnsureCode.LOW_CONFIDENCE if row.unsure else None
    chosen = next((one for one in top[1:] if one.label == row.label), None)
    return Prediction(top, reason, None if row.unsure else chosen)


def apply_threshold(table: AnswerTable, threshold: float | Mapping[str, float]) -> None:
    """Answer again with another threshold, or one for each class, as ``Prediction.at`` does, without the photos."""
    labels = table.labels
    needed = None if isinstance(threshold, Mapping) else 2  # one for all classes leaves their order as it is
    for rows in table.batches(_AT_ONCE):
        probs = table.probs([row.id for row in rows])
        known = (row for row in rows if row.id in probs)
        table.replace(
            _with_answer(row, to_prediction(row, probs[row.id], labels, needed).at(threshold)) for row in known
        )


def answer_again(predictor: Predictor, table: AnswerTable) -> Iterator[Progress]:
    """Answer for the same photos by another model; what persons gave them stays. Yield the progress.

    Where the iterator is closed before its end, the answers are of both models and the table is not ``complete``.
    """
    table.set_fact("complete", False)
    table.set_fact("labels", list(predictor.labels))
    total, started, done = table.count(), monotonic(), 0
    for rows in table.batches(_AT_ONCE):
        table.answer(answer_photos(predictor, table, rows))
        done += len(rows)
        yield _progress(started, done, total)
    table.set_fact("complete", True)


def _forget_unpacked(
    files: Sequence[StreamedFile], answers: Iterable[tuple[AnswerRow, Probs | None]]
) -> Iterator[tuple[AnswerRow, Probs | None]]:
    """Yield the answers and delete the files that were unpacked."""
    for file, (row, probs) in zip(files, answers, strict=True):
        if file.unpacked and file.path is not None:
            remove(file.path)
            row = replace(row, copy=None)
        yield row, probs


class _Finder:
    """Takes photos where they are."""

    def prepare(self, files: Sequence[StreamedFile]) -> list[AnswerRow]:
        """Return a row without an answer for each file."""
        return [_found(file) for file in files]


class _Keeper:
    """Keeps a copy of each photo, made in another process, and deletes the photo."""

    def __init__(self, folder: Path, predictor: Predictor, room: Room) -> None:
        self._folder, self._limits, self._room = folder, predictor.limits, room
        self._decoder = UploadDecoder()
        try:
            for name in (COPIES, THUMBS):
                (folder / name).mkdir()
        except OSError as error:
            raise storage_error(error) from error

    def prepare(self, files: Sequence[StreamedFile]) -> list[AnswerRow]:
        """Return a row without an answer for each file."""
        sizes = [file.path.stat().st_size for file in files if file.path is not None]
        with self._room(sum(sizes)), ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(self._keep, files))

    def _keep(self, file: StreamedFile) -> AnswerRow:
        row = _found(file)
        if file.path is None:
            return row
        try:
            row = replace(row, sha256=sha256(file.path))
        except OSError as error:
            return replace(row, copy=None, error=error.strerror or str(error))
        try:
            ending = copy_extension(self._decoder.probe(file.path, self._limits))
            row = replace(row, copy=f"{COPIES}/{row.sha256}{ending}")
            target, thumb = self._folder / str(row.copy), self._folder / THUMBS / f"{row.sha256}.jpg"
            if not target.exists():
                with atomic_write(target, name_target=False) as copy, atomic_write(thumb, name_target=False) as small:
                    self._decoder.store(file.path, copy, small, self._limits)
        except PhotoError as error:
            return replace(row, copy=None, error=str(error))
        except OSError as error:
            raise storage_error(error) from error
        finally:
            remove(file.path)
        return row


def _progress(started: float, done: int, total: int) -> Progress:
    left = (monotonic() - started) / done * (total - done)
    return Progress(StepCode.PREDICT, done, total, max(0.0, left))


def _found(file: StreamedFile) -> AnswerRow:
    if file.path is None:
        return AnswerRow(0, file.name, error=str(file.reason))
    return AnswerRow(0, file.name, copy=str(file.path.absolute()))


def answer_photos(
    predictor: Predictor, table: AnswerTable, rows: Sequence[AnswerRow]
) -> Iterator[tuple[AnswerRow, Probs | None]]:
    """Yield the rows with the answers of the model, and the probabilities in the order of its classes.

    Of several processes each predicts a share of the photos.
    """
    threshold = predictor.thresholds or predictor.threshold
    shared = distributed.share(rows, partial(_predict, predictor, table), _AT_ONCE)
    for row, outcome in zip(rows, shared, strict=True):
        if row.copy is None:
            yield row, None
        elif isinstance(outcome, Message):
            yield replace(row, copy=None, error=str(outcome)), None
        else:
            probs, found = outcome["probs"].numpy(), replace(row, unlike=bool(outcome["unlike"]))
            yield _with_answer(row, to_prediction(found, probs, predictor.labels).at(threshold)), probs


def _predict(predictor: Predictor, table: AnswerTable, rows: Sequence[AnswerRow]) -> Iterator[Shared]:
    """Yield the probabilities (C,) for photos and whether each is out of distribution, or why it cannot be used."""
    paths = [path for row in rows if (path := table.path(row)) is not None]
    outcomes = predictor.predict_each(paths, len(predictor.labels))
    for row in rows:
        outcome = None if row.copy is None else next(outcomes)
        if outcome is None or isinstance(outcome, PhotoError):
            yield message(StoredCode.SENTENCE, text=row.error) if outcome is None else outcome.message
            continue
        confidences = {one.label: one.confidence for one in outcome.top}
        probs = torch.tensor([confidences[label] for label in predictor.labels])
        yield {"probs": probs, "unlike": torch.tensor(outcome.reason is UnsureCode.OUT_OF_DISTRIBUTION)}


def _with_answer(row: AnswerRow, prediction: Prediction) -> AnswerRow:
    answer = prediction.answer
    second = next((one for one in prediction.top if one.label != answer.label), None)
    return replace(
        row,
        label=answer.label,
        confidence=answer.confidence,
        second=None if second is None else second.label,
        second_confidence=None if second is None else second.confidence,
        unsure=prediction.unsure,
        unlike=prediction.reason is UnsureCode.OUT_OF_DISTRIBUTION,
    )
