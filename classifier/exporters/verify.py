"""Compare an export with the model that it was made of: class, probabilities and “not sure” of each photo."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..data.images import Opener
from ..errors import ClassifierError, ExportError, PhotoError
from ..events import Progress
from ..messages.exporting import ExportCode, ExportStep
from ..models.picture_sources import Picture, to_source
from ..models.predictor import Prediction, Predictor
from .base import Answer, Floats, Format, Loaded, Verification

DRAWN = 40  # pictures where there are no photos
_AT_ONCE = 20  # pictures in memory
_LOGARITHMS = 30  # times the tolerance: largest difference of the logarithm of a probability
_SMALLEST = 1e-6  # probability whose logarithm is compared, and threshold to divide by
_LEVEL = 1e-6  # rounding of a threshold


def answers_of(predictor: Predictor, pictures: Sequence[Image.Image]) -> list[Answer]:
    """Return the answers of the model itself to RGB pictures."""
    index = {label: position for position, label in enumerate(predictor.labels)}
    return [_to_answer(one, index) for one in predictor.predict(list(pictures), top_k=len(index))]


def verify(
    format: Format, predictor: Predictor, out: Path, photos: Sequence[Picture], opener: Opener
) -> Generator[Progress, None, Verification]:
    """Load what was written to ``out`` and compare its answers with the model's; returns the comparison.

    Photos that cannot be opened are skipped; where none can, pictures are drawn. Raises ``ExportError`` where the
    export cannot be opened, names other classes or thresholds, or answers differently. An answer that differs because a
    probability is as near to its threshold as it is to the model's own does not count as different.
    """
    try:
        return (yield from _verify(format, predictor, out, photos, opener))
    except (ClassifierError, OSError):
        raise
    except Exception as error:  # a damaged file can make its library raise nearly anything
        raise ExportError(ExportCode.UNREADABLE, why=type(error).__name__) from error


def _verify(
    format: Format, predictor: Predictor, out: Path, photos: Sequence[Picture], opener: Opener
) -> Generator[Progress, None, Verification]:
    with format.load(out) as loaded:
        _check_names(loaded, predictor)
        opened = _open(photos, predictor, opener)
        first = list(islice(opened, 1))
        drawn = not first
        pictures = draw_pictures(DRAWN) if drawn else chain(first, opened)
        total = DRAWN if drawn else len(photos)
        found = Verification(0, 0, 0.0, drawn)
        while chunk := list(islice(pictures, _AT_ONCE)):
            expected, answers = answers_of(predictor, chunk), loaded.answer(chunk)
            found = _add(found, expected, answers, _thresholds(predictor), format.tolerance)
            yield Progress(ExportStep.VERIFY, found.photos, total, None)
    if found.same < found.photos:
        wrong, difference = found.photos - found.same, found.largest_difference
        raise ExportError(ExportCode.DIFFERENT, wrong=wrong, photos=found.photos, difference=difference)
    return found


def draw_pictures(count: int) -> Iterator[Image.Image]:
    """Yield RGB pictures of many shapes, colors and sharp and soft edges; the same ones each time."""
    for number in range(count):
        rng = np.random.default_rng([number, 20])
        width, height = (int(side) for side in rng.integers(60, 700, 2))
        coarse = rng.integers(0, 256, (int(rng.integers(2, 12)), int(rng.integers(2, 12)), 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(picture)
        for _ in range(int(rng.integers(0, 8))):
            x, y = rng.integers(0, width), rng.integers(0, height)
            box = [int(x), int(y), int(x + rng.integers(5, width)), int(y + rng.integers(5, height))]
            fill = tuple(int(value) for value in rng.integers(0, 256, 3))
            (pen.ellipse if rng.random() < 0.5 else pen.rectangle)(box, fill=fill)
        yield picture


def _to_answer(prediction: Prediction, index: dict[str, int]) -> Answer:
    probs = np.zeros(len(index), np.float32)
    for one in prediction.top:
        probs[index[one.label]] = one.confidence
    return Answer(prediction.answer.label, probs, prediction.unsure)


def _open(photos: Sequence[Picture], predictor: Predictor, opener: Opener) -> Iterator[Image.Image]:
    """Yield the photos as RGB pictures, decoded as for the model; those that cannot be used are skipped."""
    for photo in photos:
        try:
            ranges = predictor.preprocessing.pixel_ranges
            yield opener(to_source(photo, predictor.limits), None, predictor.limits, ranges)
        except PhotoError:
            continue


def _check_names(loaded: Loaded, predictor: Predictor) -> None:
    """Raise ``ExportError`` where classes, thresholds or ranges of deep photos are others than the model's."""
    if loaded.labels != predictor.labels:
        raise ExportError(ExportCode.OTHER_CLASSES)
    found = loaded.thresholds
    if found is not None and not np.allclose(found, _thresholds(predictor), rtol=0, atol=_LEVEL):
        raise ExportError(ExportCode.OTHER_THRESHOLDS)
    if loaded.pixel_ranges != predictor.preprocessing.pixel_ranges:
        raise ExportError(ExportCode.OTHER_RANGES)


def _add(
    before: Verification,
    expected: Sequence[Answer],
    found: Sequence[Answer],
    thresholds: Sequence[float],
    tolerance: float,
) -> Verification:
    """Add the comparison of more pictures; one is the same if its probabilities are, and what follows from them.

    Where a probability is as near to a threshold, or to that of another class, as the two answers are to each other,
    rounding alone decides: class and “not sure” may then differ.
    """
    same, largest = before.same, before.largest_difference
    for one, other in zip(expected, found, strict=True):
        difference = float(np.abs(one.probs - other.probs).max())
        is_close = difference <= tolerance and _log_difference(one.probs, other.probs) <= _LOGARITHMS * tolerance
        follows = (one.label, one.unsure) == (other.label, other.unsure)
        same += is_close and (follows or _is_tie(one.probs, thresholds, difference))
        largest = max(largest, difference)
    return Verification(before.photos + len(expected), same, largest, before.drawn)


def _is_tie(probs: Floats, thresholds: Sequence[float], difference: float) -> bool:
    """Return whether probabilities (C,) that each change by ``difference`` can lead to another answer."""
    levels = np.maximum(thresholds, _SMALLEST)
    if np.abs(probs - levels).min() <= difference:
        return True
    second, first = np.sort(probs / levels)[-2:] if len(probs) > 1 else (0.0, 1.0)
    return bool(first - second <= 2 * difference / levels.min())


def _log_difference(one: Floats, other: Floats) -> float:
    """Return the largest difference of logarithms: where a model is very sure, probabilities hardly tell."""
    first, second = (np.log(np.maximum(probs, _SMALLEST)) for probs in (one, other))
    return float(np.abs(first - second).max())


def _thresholds(predictor: Predictor) -> list[float]:
    return [predictor.thresholds.get(label, predictor.threshold) for label in predictor.labels]
