"""Accuracy over seconds as a drawing in SVG, written by hand: the tests and the page need no library for plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 62, 24, 24, 56
OURS, OTHERS, INK, GRID = "#1a6fb0", "#c2571a", "#333333", "#dddddd"


@dataclass(frozen=True)
class Point:
    """A recipe: ``time`` is a multiple of the unit of the axis, ``accuracy`` from 0 to 1."""

    name: str
    time: float
    accuracy: float
    is_ours: bool


@dataclass(frozen=True)
class _Axes:
    """What is shown: times ``low`` to ``high`` on a logarithmic axis, and accuracies ``bottom`` to ``top``."""

    low: float
    high: float
    bottom: float
    top: float

    def x(self, time: float) -> float:
        part = math.log(time / self.low) / math.log(self.high / self.low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, accuracy: float) -> float:
        part = (accuracy - self.bottom) / (self.top - self.bottom)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def draw_plot(points: Sequence[Point], curve: Sequence[tuple[float, float]], unit_seconds: float) -> str:
    """Return the drawing.

    Args:
        points: the recipes.
        curve: times and accuracies of our run, in the order of time; the accuracy holds until the next time.
        unit_seconds: mean seconds of the unit of time, for the ticks.
    """
    times = [*(point.time for point in points), *(time for time, _ in curve)]
    values = [*(point.accuracy for point in points), *(accuracy for _, accuracy in curve)]
    margin = max(0.01, 0.12 * (max(values) - min(values)))
    axes = _Axes(min(times) / 1.25, max(times) * 1.6, min(values) - margin, min(1.0, max(values) + margin))
    parts = [*_grid(axes, unit_seconds), *_steps(axes, curve)]
    for point in points:
        parts += _mark(axes, point)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" role="img">'
    )
    return "\n".join(
        [
            head,
            "<title>Accuracy over seconds</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _grid(axes: _Axes, unit_seconds: float) -> list[str]:
    """Return lines and labels of both axes."""
    step = next(one for one in (0.005, 0.01, 0.02, 0.05, 0.1) if (axes.top - axes.bottom) / one <= 10 or one == 0.1)
    parts = []
    for number in range(math.ceil(axes.bottom / step), math.floor(axes.top / step) + 1):
        y = axes.y(number * step)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, GRID))
        parts.append(_text(LEFT - 8, y + 4, f"{100 * number * step:.3g} %", anchor="end"))
    for time in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64):
        if axes.low <= time <= axes.high:
            x = axes.x(time)
            parts.append(_line(x, TOP, x, HEIGHT - BOTTOM, GRID))
            parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{time:g}×"))
            parts.append(_text(x, HEIGHT - BOTTOM + 33, f"{time * unit_seconds:.0f} s"))
    label = "seconds of the whole process, as multiples of Teachable Machine's on the same photos (and on the mean)"
    return [*parts, _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, label)]


def _steps(axes: _Axes, curve: Sequence[tuple[float, float]]) -> list[str]:
    """Return the line of our run."""
    if not curve:
        return []
    corners = [(axes.x(curve[0][0]), axes.y(curve[0][1]))]
    for time, accuracy in curve[1:]:
        corners += [(axes.x(time), corners[-1][1]), (axes.x(time), axes.y(accuracy))]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return [f'<polyline points="{path}" fill="none" stroke="{OURS}" stroke-width="2.5"/>']


def _mark(axes: _Axes, point: Point) -> list[str]:
    x, y, color = axes.x(point.time), axes.y(point.accuracy), OURS if point.is_ours else OTHERS
    dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{color}"/>'
    near_end = x > WIDTH - RIGHT - 150
    side = (x - 9, "end") if near_end else (x + 9, "start")
    return [dot, _text(side[0], y + (16 if point.is_ours else -8), point.name, side[1], color)]


def _line(x1: float, y1: float, x2: float, y2: float, color: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"/>'


def _text(x: float, y: float, text: str, anchor: str = "middle", color: str = INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'
