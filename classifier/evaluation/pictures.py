"""Pictures of a report to save and to show: the confusion matrix, and the learning curves of a deep training.

Pure functions that draw with Pillow, which is there anyway. Blue and orange are told apart by people who see colors
differently (Okabe and Ito, “Color Universal Design”, 2008), and each is lighter where a share is smaller.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from PIL.ImageFont import FreeTypeFont

from ..events import Epoch
from ..messages import harmless, sentence
from ..messages.languages import in_english
from ..messages.pictures import PictureCode
from .axes import Axis, accuracy_axis, loss_axis
from .fonts import default_font, find_font

Ints = NDArray[np.int64]
Color = tuple[int, int, int]

MOST_CLASSES = 40  # that fit one picture
_INK, _GRAY, _GRID, _EMPTY, _WHITE = (31, 41, 55), (107, 114, 128), (209, 213, 219), (243, 244, 246), (255, 255, 255)
_BLUE, _ORANGE = (0, 90, 160), (200, 80, 0)
_MARGIN, _GAP = 24, 10
_WIDEST_NAME = 240  # pixels
_LARGEST_NAME = 24  # pixels of its letters
_MOST_LETTERS = 100  # of a name; more do not fit
_FADED = 0.12  # of the color where a share is all but 0


# -- confusion matrix


@in_english  # the fonts have no other letters for certain
def draw_confusion(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> Image.Image:
    """Return the confusion matrix as a picture: a row for each class of photos, a column for each answer.

    A cell is the darker, the larger its share of the row. Of more than 40 classes it shows those with the most
    mistakes. Where names cannot be told apart or drawn, all have numbers, see ``numbered_names``.

    Args:
        labels: names of the classes (C,).
        confusion: counts (C, C); the row is the true class, the column the answer.
    """
    counts = _counts(labels, confusion)
    shown = _worst(counts)
    cell = max(34, min(96, 720 // len(shown)))
    size = max(15, min(_LARGEST_NAME, cell * 2 // 5))
    numbered = bool(numbered_names(labels, confusion))
    texts = [_draw_name(labels[index], index + 1 if numbered else None, size) for index in shown]
    side = max(text.width for text in texts) + _GAP
    title = _title(len(shown), len(labels))
    left, top = _MARGIN + side, _MARGIN + 2 * 34 + side
    width = max(left + cell * len(shown), _MARGIN + round(max(_length(title, 24), _length(_words(), 16))))
    image = Image.new("RGB", (width + _MARGIN, top + cell * len(shown) + _MARGIN), _WHITE)
    draw = ImageDraw.Draw(image)
    draw.text((_MARGIN, _MARGIN), title, _INK, default_font(24))
    draw.text((_MARGIN, _MARGIN + 34), _words(), _GRAY, default_font(16))
    for place, text in enumerate(texts):
        middle = place * cell + (cell - text.height) // 2
        image.paste(text, (left - _GAP - text.width, top + middle))
        image.paste(text.transpose(Image.Transpose.ROTATE_90), (left + middle, top - _GAP - text.width))
    for row, index in enumerate(shown):
        _draw_row(draw, counts[index], shown, row, (left, top + row * cell), cell)
    return image


def numbered_names(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> tuple[tuple[int, str], ...]:
    """Return number and name of the classes where ``draw_confusion`` shows numbers, to be listed beside it; else none.

    It does where a name has letters that no font on this machine has, or where two are equal once they are shortened.
    """
    shown = _worst(_counts(labels, confusion))
    drawn = set()
    for index in shown:
        name = _one_line(labels[index])
        font = find_font(name, _LARGEST_NAME)
        drawn.add(_shorten(name, font) if font else None)
    clear = None not in drawn and len(drawn) == len(shown)
    return () if clear else tuple((index + 1, labels[index]) for index in shown)


def to_png(image: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _counts(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> Ints:
    """Return the counts (C, C); a report of no photos has none."""
    if not len(confusion):
        return np.zeros((len(labels), len(labels)), np.int64)
    return np.asarray(confusion, np.int64).reshape(len(labels), len(labels))


def _worst(counts: Ints) -> list[int]:
    """Return the classes to show, in their order: all, or those with the most mistakes."""
    if len(counts) <= MOST_CLASSES:
        return list(range(len(counts)))
    mistakes = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
    return sorted(map(int, np.argsort(-mistakes, kind="stable")[:MOST_CLASSES]))


def _title(shown: int, total: int) -> str:
    if shown == total:
        return str(PictureCode.CONFUSION)
    return sentence(PictureCode.CONFUSION_WORST, shown=shown, total=total)


def _words() -> str:
    return str(PictureCode.ROWS)


def _length(text: str, size: int) -> float:
    return default_font(size).getlength(text)


def _one_line(name: str) -> str:
    return " ".join(harmless(name).split())[:_MOST_LETTERS]


def _draw_name(label: str, number: int | None, size: int) -> Image.Image:
    """Return a class's name as a picture of one line, shortened to fit, after its number if it has one."""
    name = _one_line(label)
    font = find_font(name, size)
    if number is not None:
        name = sentence(PictureCode.NUMBERED, number=number, name=name) if font else str(number)
    font = font or default_font(size)
    name = _shorten(name, font)
    line = Image.new("RGB", (round(font.getlength(name)) + 2, round(size * 1.3)), _WHITE)
    ImageDraw.Draw(line).text((1, line.height // 2), name, _INK, font, anchor="lm")
    return line


def _shorten(name: str, font: FreeTypeFont) -> str:
    if font.getlength(name) <= _WIDEST_NAME:
        return name
    while name and font.getlength(name + "...") > _WIDEST_NAME:
        name = name[:-1]
    return name.rstrip() + "..."


def _draw_row(
    draw: ImageDraw.ImageDraw, counts: Ints, shown: Sequence[int], row: int, corner: tuple[int, int], cell: int
) -> None:
    """Draw the cells of one class; of a class without photos only that it was not judged."""
    total, size = int(counts.sum()), max(13, min(22, cell * 2 // 5))
    left, top = corner
    for place, index in enumerate(shown):
        count = int(counts[index])
        color = _BLUE if place == row else _ORANGE
        fill = _blend(color, count / total) if count else _EMPTY
        x = left + place * cell
        draw.rectangle((x + 1, top + 1, x + cell - 2, top + cell - 2), fill)
        if count:
            ink = _WHITE if sum(fill) < 420 else _INK
            font = _fitting(str(count), size, cell - 4)
            draw.text((x + cell / 2, top + cell / 2), str(count), ink, font, anchor="mm")
    if not total:
        words = str(PictureCode.NOT_JUDGED)
        font = _fitting(words, size, cell * len(shown) - 4)
        draw.text((left + cell * len(shown) / 2, top + cell / 2), words, _GRAY, font, anchor="mm")


def _fitting(text: str, size: int, width: int) -> FreeTypeFont:
    """Return the default font in a size at which a text fits a width."""
    while size > 8 and _length(text, size) > width:
        size -= 1
    return default_font(size)


def _blend(color: Color, share: float) -> Color:
    """Return a color on white, the stronger the larger a share of 0 to 1 is."""
    part = _FADED + (1 - _FADED) * share
    red, green, blue = (round(255 + (value - 255) * part) for value in color)
    return red, green, blue


# -- learning curves

_SCALE = 2  # is drawn larger and reduced, because Pillow's lines have hard edges
_CHART = (560, 380)
_INSIDE = (70, 56, 24, 60)  # left, top, right, bottom
_MAX_POINTS = 200  # of one line; more cannot be distinguished


@dataclass(frozen=True)
class _Chart:
    title: PictureCode
    train: Callable[[Epoch], float]
    val: Callable[[Epoch], float]
    axis: Callable[[Sequence[float]], Axis]


_CHARTS = (
    _Chart(PictureCode.ACCURACY, lambda epoch: epoch.accuracy, lambda epoch: epoch.val_accuracy, accuracy_axis),
    _Chart(PictureCode.LOSS, lambda epoch: epoch.loss, lambda epoch: epoch.val_loss, loss_axis),
)


@in_english
def draw_curves(epochs: Sequence[Epoch]) -> Image.Image:
    """Return accuracy and loss by epoch as a picture, for training photos and those held out, the best epoch marked.

    Epochs with a number that is not finite are left out.
    """
    points = thin_out(epochs)
    width, height = _CHART
    image = Image.new("RGB", (width * len(_CHARTS) * _SCALE, (height + 44) * _SCALE), _WHITE)
    for place, chart in enumerate(_CHARTS if points else ()):
        image.paste(_draw_chart(chart, points), (place * width * _SCALE, 0))
    image = image.resize((image.width // _SCALE, image.height // _SCALE), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    if not points:
        draw.text((image.width / 2, height / 2), str(PictureCode.NO_EPOCHS), _GRAY, default_font(20), anchor="mm")
        return image
    _draw_legend(draw, points, height + 14)
    return image


def thin_out(epochs: Sequence[Epoch]) -> list[Epoch]:
    """Return the epochs whose numbers are finite, at most about 200 of them: the last, the best, and others evenly."""
    finite = [
        epoch
        for epoch in epochs
        if all(map(isfinite, (epoch.loss, epoch.accuracy, epoch.val_loss, epoch.val_accuracy)))
    ]
    step = 1 + len(finite) // _MAX_POINTS
    return [
        epoch for age, epoch in enumerate(finite, 1 - len(finite)) if age % step == 0 or epoch.number == finite[-1].best
    ]


def _draw_chart(chart: _Chart, epochs: Sequence[Epoch]) -> Image.Image:
    image = Image.new("RGB", (_CHART[0] * _SCALE, _CHART[1] * _SCALE), _WHITE)
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = (value * _SCALE for value in _INSIDE)
    across, down = image.width - left - right, image.height - top - bottom
    last = max(epochs[-1].total, epochs[-1].number, 2)
    axis = chart.axis([value(epoch) for epoch in epochs for value in (chart.train, chart.val)])

    def x(number: int) -> float:
        return left + (number - 1) / (last - 1) * across

    def y(value: float) -> float:
        return top + (axis.high - value) / (axis.high - axis.low) * down

    font = default_font(17 * _SCALE)
    draw.text((left, top / 2), str(chart.title), _INK, default_font(20 * _SCALE), anchor="lm")
    for value, label in axis.ticks:
        draw.line((left, y(value), left + across, y(value)), _GRID, _SCALE)
        draw.text((left - 8 * _SCALE, y(value)), label, _GRAY, font, anchor="rm")
    for number in sorted({1, (1 + last) // 2, last}):
        draw.text((x(number), top + down + 16 * _SCALE), str(number), _GRAY, font, anchor="mm")
    draw.text((left + across / 2, top + down + 42 * _SCALE), str(PictureCode.ROUND), _GRAY, font, anchor="mm")
    best = _best(epochs)
    if best is not None:
        draw.line((x(best.number), top, x(best.number), top + down), _GRAY, _SCALE)
    for read, color, wide in ((chart.train, _ORANGE, 2), (chart.val, _BLUE, 4)):
        _draw_line(draw, [(x(epoch.number), y(read(epoch))) for epoch in epochs], color, wide * _SCALE)
    if best is not None:
        _draw_dot(draw, x(best.number), y(chart.val(best)), 7 * _SCALE)
    return image


def _best(epochs: Sequence[Epoch]) -> Epoch | None:
    return next((epoch for epoch in epochs if epoch.number == epochs[-1].best), None)


def _draw_line(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], color: Color, width: int) -> None:
    if len(points) > 1:
        draw.line(points, color, width, joint="curve")
        return
    _draw_dot(draw, *points[0], width, color)


def _draw_dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: int, color: Color = _BLUE) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), color, _WHITE, _SCALE)


def _draw_legend(draw: ImageDraw.ImageDraw, epochs: Sequence[Epoch], y: int) -> None:
    best, x = _best(epochs), float(_INSIDE[0])
    entries = [(_BLUE, 4, str(PictureCode.VAL)), (_ORANGE, 2, str(PictureCode.TRAIN))]
    if best is not None:
        entries.append((_GRAY, 1, sentence(PictureCode.BEST, number=best.number)))
    for color, width, words in entries:
        draw.line((x, y, x + 32, y), color, width)
        draw.text((x + 42, y), words, _INK, default_font(18), anchor="lm")
        x += 42 + _length(words, 18) + 36
