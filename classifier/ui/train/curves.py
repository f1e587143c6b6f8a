"""The epochs of a deep training -> charts as inline SVG. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...evaluation.axes import Axis, accuracy_axis, loss_axis
from ...evaluation.pictures import thin_out
from ...events import Epoch
from ...messages import percent, sentence
from ...messages.training_page import CurveCode
from .. import html

# One drawing unit is a pixel at a width of 340, so that the letters stay readable on a phone.
_WIDTH, _HEIGHT = 340, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 34


@dataclass(frozen=True)
class _Chart:
    """A quantity of an epoch on the training photos and on the validation photos, and how to write it."""

    title: CurveCode
    train: Callable[[Epoch], float]
    val: Callable[[Epoch], float]
    axis: Callable[[Sequence[float]], Axis]
    write: Callable[[float], str]


def render(epochs: Sequence[Epoch]) -> str:
    """Return accuracy and loss by epoch, for training and validation photos, with the best epoch marked."""
    points = thin_out(epochs)
    if not points:
        return ""
    return f'<div class="pc-curves">{"".join(_render_chart(chart, points) for chart in _CHARTS)}</div>{_legend(points)}'


def _best(epochs: Sequence[Epoch]) -> Epoch | None:
    return next((epoch for epoch in epochs if epoch.number == epochs[-1].best), None)


def _legend(epochs: Sequence[Epoch]) -> str:
    best = _best(epochs)
    mark = (
        ""
        if best is None
        else f'<li><i class="pc-key-best"></i>'
        f"{html.text(CurveCode.BEST, number=best.number, accuracy=best.val_accuracy)}</li>"
    )
    return (
        f'<ul class="pc-legend"><li><i class="pc-key-val"></i>{html.text(CurveCode.VAL_LEGEND)}</li>'
        f'<li><i class="pc-key-train"></i>{html.text(CurveCode.TRAIN)}</li>{mark}</ul>'
    )


def _short(number: float) -> str:
    return f"{number:.2g}"


_CHARTS = (
    _Chart(CurveCode.ACCURACY, lambda e: e.accuracy, lambda e: e.val_accuracy, accuracy_axis, percent),
    _Chart(CurveCode.LOSS, lambda e: e.loss, lambda e: e.val_loss, loss_axis, _short),
)


def _render_chart(chart: _Chart, epochs: Sequence[Epoch]) -> str:
    last = max(epochs[-1].total, epochs[-1].number, 2)
    axis = chart.axis([value(epoch) for epoch in epochs for value in (chart.train, chart.val)])

    def x(number: float) -> float:
        return _LEFT + (number - 1) / (last - 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (axis.high - value) / (axis.high - axis.low) * (_HEIGHT - _TOP - _BOTTOM)

    best = _best(epochs)
    mark = "" if best is None else _mark(x(best.number), y(chart.val(best)))
    lines = "".join(
        f'<polyline class="{kind}" points="{_points([(x(e.number), y(value(e))) for e in epochs])}"/>'
        for kind, value in (("pc-train", chart.train), ("pc-val", chart.val))
    )
    title = html.text(chart.title)
    return (
        f'<figure><figcaption>{title}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{title}"><title>{title}</title><desc>{_description(chart, epochs)}</desc>'
        f"{_grid(axis, y)}{_numbers_below(last, x)}{mark}{lines}</svg></figure>"
    )


def _grid(axis: Axis, y: Callable[[float], float]) -> str:
    return "".join(
        f'<line class="pc-grid-line" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>'
        for value, label in axis.ticks
    )


def _numbers_below(last: int, x: Callable[[float], float]) -> str:
    numbers = "".join(
        f'<text x="{x(number):.1f}" y="{_HEIGHT - 16}" text-anchor="middle">{number}</text>'
        for number in sorted({1, (1 + last) // 2, last})
    )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return f'{numbers}<text x="{middle}" y="{_HEIGHT - 2}" text-anchor="middle">{html.text(CurveCode.ROUND)}</text>'


def _mark(x: float, y: float) -> str:
    return (
        f'<line class="pc-best" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<circle class="pc-best" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
    )


def _points(points: list[tuple[float, float]]) -> str:
    if len(points) == 1:  # a line of length zero is drawn as a dot by its round ends
        points = points * 2
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _description(chart: _Chart, epochs: Sequence[Epoch]) -> str:
    """Return the chart in words, for screen readers."""
    first, last = epochs[0], epochs[-1]
    words = sentence(
        CurveCode.DESCRIPTION,
        first=first.number,
        last=last.number,
        train_first=chart.write(chart.train(first)),
        train_last=chart.write(chart.train(last)),
        val_first=chart.write(chart.val(first)),
        val_last=chart.write(chart.val(last)),
    )
    return f"{words} {sentence(CurveCode.DESCRIPTION_BEST, number=last.best)}" if last.best else words
