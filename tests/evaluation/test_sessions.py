from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image, ImageDraw

from classifier.data.descriptors import compute_descriptor
from classifier.evaluation.sessions import session_warnings
from classifier.messages.evaluation import WarningCode

LABELS = ("a", "b", "c")
PER_CLASS = 20
Y = np.repeat(np.arange(3), PER_CLASS)
APART = np.arange(len(Y))
UNKNOWN = [None] * len(Y)
NO_PICTURES = np.full((len(Y), 128), np.nan, np.float32)


def times(minutes_between: float, label: int, start: str = "2024-05-01T12:00:00") -> list[str | None]:
    """Times of the photos of one class; those of the others are unknown."""
    first = datetime.fromisoformat(start)
    own = [(first + timedelta(minutes=minutes_between * index)).isoformat() for index in range(PER_CLASS)]
    return [own[index % PER_CLASS] if label == y else None for index, y in enumerate(Y)]


def test_photos_taken_at_many_times_raise_no_warning() -> None:
    assert session_warnings(Y, LABELS, APART, times(60, 1), NO_PICTURES) == ()
    assert session_warnings(Y, LABELS, APART, UNKNOWN, NO_PICTURES) == ()


def test_a_class_taken_within_minutes_is_named() -> None:
    (warning,) = session_warnings(Y, LABELS, APART, times(0.5, 1), NO_PICTURES)
    assert warning.code is WarningCode.ONE_SESSION
    assert str(warning).startswith("Nearly all photos of “b” were taken in one go: the score holds for that place")
    some = [time if index % 2 else None for index, time in enumerate(times(0.5, 1))]
    assert session_warnings(Y, LABELS, APART, some, NO_PICTURES) == ()


def test_a_clock_that_was_never_set_is_no_session() -> None:
    assert session_warnings(Y, LABELS, APART, times(0, 1), NO_PICTURES) == ()


def test_a_class_of_two_things_is_named_once() -> None:
    groups = APART.copy()
    groups[2 * PER_CLASS : 2 * PER_CLASS + 10] = 500
    groups[2 * PER_CLASS + 10 : -2] = 501
    (warning,) = session_warnings(Y, LABELS, groups, UNKNOWN, NO_PICTURES)
    assert warning.code is WarningCode.FEW_THINGS
    assert dict(warning.arguments) == {"labels": ("c",)}
    (warning,) = session_warnings(Y, LABELS, groups, times(1, 2), NO_PICTURES)
    assert warning.code is WarningCode.ONE_SESSION
    groups[2 * PER_CLASS :] = 500  # one group, of which another warning tells
    assert session_warnings(Y, LABELS, groups, UNKNOWN, NO_PICTURES) == ()


def test_few_photos_are_not_judged() -> None:
    few = np.concatenate([np.arange(5), np.arange(PER_CLASS, 2 * PER_CLASS)])
    taken = [times(0.5, 0)[index] for index in few]
    assert session_warnings(Y[few], LABELS, APART[few], taken, NO_PICTURES[few]) == ()


def descriptors(backgrounds: list[list[int]], seed: int = 0) -> np.ndarray:
    """Descriptors (N, W) of photos of the classes: an ellipse before one of the numbered backgrounds of its class."""
    rng = np.random.default_rng(seed)
    rows = []
    for index, label in enumerate(Y):
        of_class = backgrounds[label]
        coarse = np.random.default_rng(of_class[index % len(of_class)]).integers(0, 255, (6, 8, 3)).astype(np.uint8)
        room = Image.fromarray(coarse).resize((176, 132), Image.Resampling.BICUBIC)
        left, top = rng.integers(0, 9, 2)
        picture = room.crop((left, top, left + 160, top + 120))
        x, y = rng.integers(45, 70), rng.integers(35, 50)
        ImageDraw.Draw(picture).ellipse((x, y, x + 45, y + 35), fill=tuple(map(int, rng.integers(0, 255, 3))))
        rows.append(compute_descriptor(picture))
    return np.stack(rows)


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_before_one_or_two_backgrounds_of_its_own_is_named(count: int) -> None:
    many = [list(range(100, 120)), list(range(200, 200 + count)), list(range(300, 320))]
    (warning,) = session_warnings(Y, LABELS, APART, UNKNOWN, descriptors(many))
    assert warning.code is WarningCode.ONE_BACKGROUND
    assert dict(warning.arguments) == {"labels": ("b",)}


@pytest.mark.slow
def test_a_background_that_all_classes_share_raises_no_warning() -> None:
    assert session_warnings(Y, LABELS, APART, UNKNOWN, descriptors([[1], [1], [1]])) == ()
    many = [list(range(100 * number, 100 * number + 20)) for number in range(1, 4)]
    assert session_warnings(Y, LABELS, APART, UNKNOWN, descriptors(many)) == ()
