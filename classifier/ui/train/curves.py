"""How a deep training goes, as pictures: numbers per round -> inline SVG. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import floor, isfinite, log10

from ...events import Epoch
from ..html import percent

# One drawing unit is a pixel at 340 wide, so that the letters stay readable on a phone.
_WIDTH, _HEIGHT = 340, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 34
_POINTS = 200  # of one line; more cannot be told apart
_SEEN, _HELD_OUT = "photos it learns from", "photos held out"
Value = Callable[[Epoch], float]


def curves(epochs: Sequence[Epoch]) -> str:
    """Share right and loss, round by round, for the photos it learns from and those held out; the best round marked."""
    drawn = [epoch for epoch in epochs if all(map(isfinite, _numbers(epoch)))]
    if not drawn:
        return ""
    every, best = 1 + len(drawn) // _POINTS, drawn[-1].best
    drawn = [epoch for place, epoch in enumerate(drawn, 1 - len(drawn)) if place % every == 0 or epoch.number == best]
    right = _chart("Photos right", drawn, lambda e: e.accuracy, lambda e: e.val_accuracy, _percent_axis(drawn), percent)
    loss = _chart(
        "Error (loss), lower is better", drawn, lambda e: e.loss, lambda e: e.val_loss, _loss_axis(drawn), _short
    )
    return f'<div class="pc-curves">{right}{loss}</div>{_legend(drawn)}'


def _numbers(epoch: Epoch) -> tuple[float, ...]:
    return epoch.loss, epoch.accuracy, epoch.val_loss, epoch.val_accuracy


def _short(number: float) -> str:
    return f"{number:.2g}"


def _legend(epochs: Sequence[Epoch]) -> str:
    best = next((epoch for epoch in epochs if epoch.number == epochs[-1].best), None)
    told = "" if best is None else (
        f'<li><i class="pc-key-best"></i>best so far: round {best.number}, '
        f"{percent(best.val_accuracy)} of the held-out photos right</li>"
    )  # fmt: skip
    return (
        f'<ul class="pc-legend"><li><i class="pc-key-held"></i>{_HELD_OUT}: what counts</li>'
        f'<li><i class="pc-key-seen"></i>{_SEEN}</li>{told}</ul>'
    )


# -- one chart

Axis = tuple[float, float, list[tuple[float, str]]]  # lowest, highest, the lines with their words


def _percent_axis(epochs: Sequence[Epoch]) -> Axis:
    lowest = min(min(epoch.accuracy, epoch.val_accuracy) for epoch in epochs)
    low = min(0.8, floor(lowest * 5 - 1e-9) / 5)  # the upper part alone, where all of it happens there
    low = max(0.0, low)
    step = 0.1 if low >= 0.6 else 0.2
    count = round((1 - low) / step)
    return low, 1.0, [(low + step * place, f"{low + step * place:.0%}") for place in range(count + 1)]


def _loss_axis(epochs: Sequence[Epoch]) -> Axis:
    highest = max(max(epoch.loss, epoch.val_loss) for epoch in epochs) or 1.0
    raw = highest / 4
    unit = 10.0 ** floor(log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw - 1e-12)
    count = -int(-highest // step)
    return 0.0, step * count, [(step * place, _short(step * place)) for place in range(count + 1)]


def _chart(
    title: str, epochs: Sequence[Epoch], seen: Value, held_out: Value, axis: Axis, say: Callable[[float], str]
) -> str:
    rounds = max(epochs[-1].total, epochs[-1].number, 2)
    low, high, lines = axis

    def x(number: float) -> float:
        return _LEFT + (number - 1) / (rounds - 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    grid = "".join(
        f'<line class="pc-grid-line" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{word}</text>'
        for value, word in lines
    )
    words = "".join(
        f'<text x="{x(number):.1f}" y="{_HEIGHT - 16}" text-anchor="middle">{number}</text>'
        for number in sorted({1, (1 + rounds) // 2, rounds})
    )
    best = next((epoch for epoch in epochs if epoch.number == epochs[-1].best), None)
    mark = "" if best is None else (
        f'<line class="pc-best" x1="{x(best.number):.1f}" x2="{x(best.number):.1f}" y1="{_TOP}" '
        f'y2="{_HEIGHT - _BOTTOM}"/>'
        f'<circle class="pc-best" cx="{x(best.number):.1f}" cy="{y(held_out(best)):.1f}" r="5"/>'
    )  # fmt: skip
    drawn = "".join(
        f'<polyline class="{kind}" points="{_points([(x(e.number), y(value(e))) for e in epochs])}"/>'
        for kind, value in (("pc-seen", seen), ("pc-held", held_out))
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title><desc>{_in_words(epochs, seen, held_out, say)}'
        f"</desc>{grid}{words}"
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 2}" text-anchor="middle">round</text>'
        f"{mark}{drawn}</svg></figure>"
    )


def _points(places: list[tuple[float, float]]) -> str:
    if len(places) == 1:  # a line of no length is drawn as a dot by its round ends
        places = places * 2
    return " ".join(f"{across:.1f},{down:.1f}" for across, down in places)


def _in_words(epochs: Sequence[Epoch], seen: Value, held_out: Value, say: Callable[[float], str]) -> str:
    first, last = epochs[0], epochs[-1]
    best = f" Best round: {last.best}." if last.best else ""
    return (
        f"Rounds {first.number} to {last.number}. {_SEEN.capitalize()}: from {say(seen(first))} to {say(seen(last))}. "
        f"{_HELD_OUT.capitalize()}: from {say(held_out(first))} to {say(held_out(last))}.{best}"
    )
