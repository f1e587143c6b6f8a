"""The drawn confusion matrix and learning curves."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from classifier.evaluation.axes import accuracy_axis, loss_axis
from classifier.evaluation.pictures import MOST_CLASSES, draw_confusion, draw_curves, numbered_names, to_png
from classifier.events import Epoch

WHITE = (255, 255, 255)


def epoch(number: int, loss: float = 0.5, accuracy: float = 0.8, best: int = 1) -> Epoch:
    return Epoch(number, 10, loss, accuracy, loss * 1.2, accuracy * 0.9, best)


def is_blue(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 2].astype(int) > pixels[..., 0].astype(int) + 90


def is_orange(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0].astype(int) > pixels[..., 2].astype(int) + 90


@pytest.mark.parametrize("count", [2, 12, MOST_CLASSES])
def test_right_answers_are_blue_on_the_diagonal_and_wrong_ones_orange(count: int) -> None:
    labels = [f"class {index}" for index in range(count)]
    right = np.asarray(draw_confusion(labels, np.eye(count, dtype=int) * 7))
    wrong = np.asarray(draw_confusion(labels, np.roll(np.eye(count, dtype=int) * 7, 1, 1)))
    assert is_blue(right).sum() > 500 * count
    assert not is_orange(right).any()
    assert is_orange(wrong).sum() > 500 * count
    assert not is_blue(wrong).any()


def test_a_cell_is_darker_where_its_share_of_the_row_is_larger() -> None:
    def darkness(count: int) -> int:
        picture = np.asarray(draw_confusion(["a", "b"], [[count, 10 - count], [0, 0]]))
        return int(255 - picture[..., 0][is_blue(picture)].min())

    assert darkness(6) + 20 < darkness(8) < darkness(10) - 20


def test_a_class_without_photos_has_words_in_place_of_numbers() -> None:
    judged = draw_confusion(["a", "b"], [[3, 0], [0, 3]])
    unjudged = draw_confusion(["a", "b"], [[3, 0], [0, 0]])
    assert judged.size == unjudged.size
    assert is_blue(np.asarray(unjudged)).sum() < is_blue(np.asarray(judged)).sum()


def test_a_report_of_no_photos_is_drawn_as_not_judged() -> None:
    assert not is_blue(np.asarray(draw_confusion(["a", "b"], ()))).any()
    assert numbered_names(["a", "b"], ()) == ()


def test_of_many_classes_those_with_the_most_mistakes_are_drawn() -> None:
    confusion = np.eye(100, dtype=int)
    confusion[70, 71] = 5
    labels = [f"{index}" for index in range(100)]
    picture = draw_confusion(labels, confusion)
    assert max(picture.size) < 2000
    assert is_orange(np.asarray(picture)).any()


def test_names_that_no_font_has_are_listed_by_number() -> None:
    confusion = [[1, 0], [0, 1]]
    assert numbered_names(["daisy", "rose"], confusion) == ()
    assert numbered_names(["daisy", "\ue000\ue001"], confusion) == ((1, "daisy"), (2, "\ue000\ue001"))
    assert draw_confusion(["daisy", "\ue000"], confusion).size


def test_names_that_are_equal_once_shortened_get_numbers() -> None:
    names = ["a very long name of a class that does not fit, " + end for end in ("first", "second")]
    assert [number for number, _ in numbered_names(names, [[1, 0], [0, 1]])] == [1, 2]


def test_hostile_names_change_neither_size_nor_lines_of_a_picture() -> None:
    plain = draw_confusion(["a" * 100, "b"], [[1, 0], [0, 1]])
    hostile = draw_confusion(["a" * 100_000, "\n\x00\u202e" * 50], [[1, 0], [0, 1]])
    assert hostile.width < plain.width + 300
    assert hostile.height < plain.height + 300


def test_curves_show_both_lines_and_skip_epochs_that_are_not_finite() -> None:
    epochs = [epoch(number, 1 / number, 1 - 1 / (number + 1)) for number in range(1, 8)]
    picture = np.asarray(draw_curves(epochs))
    assert is_blue(picture).sum() > 500
    assert is_orange(picture).sum() > 200
    with_nan = np.asarray(draw_curves([*epochs, epoch(8, float("nan"))]))
    assert (with_nan == picture).all()


def test_curves_of_one_epoch_and_of_none_can_be_drawn() -> None:
    assert is_blue(np.asarray(draw_curves([epoch(1)]))).any()
    assert not is_blue(np.asarray(draw_curves([]))).any()


def test_a_picture_saved_as_png_opens_unchanged() -> None:
    picture = draw_confusion(["a", "b"], [[3, 1], [0, 2]])
    opened = Image.open(io.BytesIO(to_png(picture)))
    assert opened.format == "PNG"
    assert (np.asarray(opened) == np.asarray(picture)).all()


def test_axes_hold_all_values() -> None:
    for low in np.linspace(0, 1, 23):
        axis = accuracy_axis([float(low), 1.0])
        assert axis.low <= low
        assert axis.ticks[-1][1] == "100%"
    for high in (1e-6, 0.03, 0.9, 17.0, 0.0):
        assert loss_axis([high]).high >= high
