"""The lines that the commands print for people, from the JSON of ``output``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..data.project import IntakeResult
from ..evaluation.label_errors import is_too_weak
from ..events import Epoch, Note, Progress
from ..messages import Message, sentence
from ..messages.cli import OutputCode
from ..messages.evaluation import (
    CostCode,
    LabelIssueCode,
    WarningCode,
    accuracy_in_words,
    costs_in_words,
    outcomes_in_words,
)
from ..messages.groups import GroupCode
from ..messages.hub import PublishCode
from ..messages.layout import NoteCode
from ..messages.workflows import IN_MEGABYTES
from .output import conflict_reason

if TYPE_CHECKING:  # these import torch, and “--help” must not wait for it
    from ..evaluation.costs import Outcome
    from ..evaluation.report import Report
    from ..exporters.base import Exported
    from ..workflows.publish import Publication
    from ..workflows.train import Finished

Row = Mapping[str, Any]
_MOST = 20  # label issues and photos to fix that are printed; ``--json`` has all
_CHANGES = {"added": OutputCode.ADDED, "removed": OutputCode.REMOVED, "relabelled": OutputCode.RELABELED}


def reading_lines(intake: IntakeResult, code: OutputCode) -> Iterator[str]:
    """Yield how photos are read, in one line with ``code``, and what else the person should know of them."""
    if intake.reading is not None:
        yield sentence(code, reading=intake.reading.in_words())
    # Groups in two splits are a warning of “check” and a note of “train”.
    yield from (str(note) for note in intake.notes if note.code is not NoteCode.DIVIDED_GROUPS)


def check_lines(result: Row) -> Iterator[str]:
    """Yield the lines of ``check``."""
    yield sentence(OutputCode.PHOTO_COUNT, images=result["images"], classes=len(result["classes"]))
    for label, count in result["classes"].items():
        yield sentence(OutputCode.CLASS_COUNT, label=label, count=count)
    if len(result["splits"]) > 1:
        for split, counts in result["splits"].items():
            yield sentence(OutputCode.SPLIT_COUNT, split=split, counts=list(counts.items()))
    yield from left_out_lines(result["left_out"])
    repeats, groups = len(result["exact_duplicates"]), len(result["near_duplicates"])
    yield sentence(OutputCode.REPEATS, repeats=repeats, groups=groups)
    for row in result["conflicts"][:_MOST]:
        yield sentence(OutputCode.CONFLICT, file=row["files"][0], reason=conflict_reason(row["classes"]))
    for row in result["suspects"][:_MOST]:
        yield sentence(OutputCode.LABEL_ISSUE, file=row["file"], label=row["label"], suggested=row["suggested"])
    for row in result["quality"][:_MOST]:
        yield sentence(OutputCode.POOR_PHOTO, file=row["file"], advice=row["advice"])
    yield from result["warnings"]
    yield from (row["advice"] for row in result["more_photos"])


def train_lines(result: Row, finished: Finished) -> Iterator[str]:
    """Yield the lines of ``train``."""
    yield from left_out_lines(result["left_out"])
    yield from _notes_before_score(finished)
    yield from _score_lines(finished.report, finished.report.warnings)
    if finished.test is not None:
        first, *others = _score_lines(finished.test, _of_test_photos(finished.test))
        yield sentence(OutputCode.TEST_SCORE, score=first)
        yield from others
    yield sentence(OutputCode.MODEL_WRITTEN, folder=finished.folder, seconds=finished.seconds)


def evaluate_lines(result: Row, report: Report) -> Iterator[str]:
    """Yield the lines of ``evaluate``."""
    yield from left_out_lines(result["left_out"])
    yield from _score_lines(report, _of_test_photos(report))


def _score_lines(report: Report, warnings: Iterable[Message]) -> Iterator[str]:
    """Yield the score and what to know of it; ``warnings`` are those that were not shown before."""
    from ..evaluation.remarks import remarks  # it imports torch

    yield report.in_words()
    # Without photos to judge by, the notes are the words of the score.
    yield from map(str, remarks(report, warnings) if report.evaluated_count else warnings)


def _notes_before_score(finished: Finished) -> list[str]:
    """Return the notes of a training but for groups of photos that belong together, which the score's remarks name."""
    is_named = finished.report.evaluated_on == "out_of_fold"
    return [str(note) for note in finished.notes if not (is_named and isinstance(note.code, GroupCode))]


def _of_test_photos(report: Report) -> list[Message]:
    """Return the warnings that are not of the training photos."""
    return [warning for warning in report.warnings if warning.code is WarningCode.OTHER_PHOTOS]


def review_lines(result: Row) -> Iterator[str]:
    """Yield the lines of ``review``."""
    total = result["judged"]
    yield sentence(OutputCode.REVIEW_SCORE, score=accuracy_in_words(result["accuracy"] or 0.0, total), total=total)
    for cell in result["confusion"]:
        if cell["label"] != cell["predicted"]:
            yield _cell_line(cell)
    for row in result["suspects"][:_MOST]:
        yield sentence(OutputCode.LABEL_ISSUE, file=row["file"], label=row["label"], suggested=row["predicted"])
    if total and not result["suspects"] and is_too_weak(result["accuracy"] or 0.0):
        yield sentence(LabelIssueCode.TOO_WEAK, accuracy=result["accuracy"] or 0.0)
    for change, code in _CHANGES.items():
        if result[change]:
            yield sentence(code, count=len(result[change]))


def predict_line(row: Row) -> str:
    """Return the answer for one photo in one line."""
    if not row["top"]:
        return sentence(OutputCode.NOT_PREDICTED, file=row["file"], reason=row["reason"])
    top = ", ".join(sentence(OutputCode.CONFIDENCE, **one) for one in row["top"])
    if row["unsure"]:
        return sentence(OutputCode.NOT_SURE, file=row["file"], reason=row["reason"], top=top)
    if row["answer"] != row["top"][0]["label"]:
        return sentence(OutputCode.PREDICTED_OTHER, file=row["file"], answer=row["answer"], top=top)
    return sentence(OutputCode.PREDICTED, file=row["file"], top=top)


def export_lines(exported: Exported) -> Iterator[str]:
    """Yield where an export is, how it was verified, and what its format lacks."""
    verification = str(exported.verification.sentence())
    yield sentence(OutputCode.EXPORTED, out=str(exported.path), size=exported.size, verification=verification)
    yield from map(str, exported.lacks)


def publish_lines(published: Publication) -> Iterator[str]:
    """Yield where a published export is, how it was verified, and what its format lacks."""
    code = PublishCode.DONE_PUBLIC if published.public else PublishCode.DONE_PRIVATE
    done, verification = sentence(code, url=published.url), str(published.verification.sentence())
    yield sentence(OutputCode.PUBLISHED, done=done, size=published.size, verification=verification)
    yield from map(str, published.lacks)


def threshold_lines(report: Report, changed: bool, outcomes: tuple[Outcome, Outcome] | None) -> Iterator[str]:
    """Yield the lines of ``threshold``; all other thresholds only where it was not changed.

    ``outcomes`` are what the model's thresholds lead to, and what one threshold for all classes does.
    """
    if report.thresholds:
        yield from _cost_lines(report, changed, outcomes)
    else:
        code = OutputCode.THRESHOLD_SET if changed else OutputCode.THRESHOLD
        yield sentence(code, threshold=report.threshold)
        point = report.coverage_at(report.threshold)
        yield point.in_words() if point else str(OutputCode.COST_UNKNOWN)
        for point in () if changed else report.coverage_curve:
            yield sentence(OutputCode.COST, threshold=point.threshold, cost=point.in_words())
    for row in outcomes[0].per_class if outcomes else ():
        found = sentence(CostCode.FOUND, images=row.images, found=row.found)
        right = sentence(CostCode.RIGHT, answers=row.answers, found=row.found)
        yield sentence(OutputCode.CLASS_SCORE, label=row.label, found=found, right=right)


def _cost_lines(report: Report, changed: bool, outcomes: tuple[Outcome, Outcome] | None) -> Iterator[str]:
    yield str(OutputCode.CLASS_THRESHOLDS_SET if changed else OutputCode.CLASS_THRESHOLDS)
    for label, threshold in zip(report.labels, report.thresholds):
        yield sentence(OutputCode.CLASS_THRESHOLD, label=label, threshold=threshold)
    yield from map(str, costs_in_words(report.costs, report.unsure_cost))
    yield str(CostCode.THEORY) if outcomes is None else outcomes_in_words(report.labels, report.costs, *outcomes)


def left_out_lines(files: Iterable[Row]) -> Iterator[str]:
    """Yield a line for each reason, the most frequent first, with the first file of each."""
    first: dict[str, str] = {}
    for row in files:
        first.setdefault(row["reason"], row["file"])
    for reason, count in Counter(row["reason"] for row in files).most_common():
        code = OutputCode.LEFT_OUT_SEVERAL if count > 1 else OutputCode.LEFT_OUT
        yield sentence(code, file=first[reason], more=count - 1, reason=reason)


def event_line(event: Progress | Epoch | Note) -> str:
    """Return an event in one line; one that is to stay ends with a newline."""
    if isinstance(event, Note):
        return f"{event.message}\n"
    if isinstance(event, Epoch):
        return sentence(OutputCode.EPOCH, **vars(event)) + "\n"
    plain, left = OutputCode.PROGRESS, OutputCode.PROGRESS_LEFT
    if event.step in IN_MEGABYTES:
        plain, left = OutputCode.PROGRESS_MEGABYTES, OutputCode.PROGRESS_MEGABYTES_LEFT
    counts = {"step": event.step, "done": event.done, "total": event.total}
    if event.seconds_left:
        return sentence(left, **counts, seconds=event.seconds_left)
    return sentence(plain, **counts)


def _cell_line(cell: Row) -> str:
    more = len(cell["files"]) - 1
    code = OutputCode.TAKEN_FOR_SEVERAL if more else OutputCode.TAKEN_FOR
    return sentence(code, label=cell["label"], predicted=cell["predicted"], file=cell["files"][0], more=more)
