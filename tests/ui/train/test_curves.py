"""The charts of a deep training."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from classifier.events import Epoch
from classifier.ui.train import curves


def epochs(count: int, **changes: float) -> list[Epoch]:
    return [
        Epoch(number, 10, **{"loss": 1 / number, "accuracy": 0.7, "val_loss": 1.2 / number, **changes},
              val_accuracy=0.5 + number / 50 % 0.5, best=number)
        for number in range(1, count + 1)
    ]  # fmt: skip


def test_the_charts_can_be_read_aloud_and_mark_the_best_epoch() -> None:
    shown = curves.render(epochs(6))
    assert shown.count("<svg") == shown.count("<title>") == shown.count("<desc>") == 2
    assert "Photos held out: from 52 % to 62 %. Best round: 6." in shown
    assert "best so far: round 6, 62 % of the held-out photos right" in shown
    for drawing in re.findall("<svg.*?</svg>", shown):
        numbers = [float(number) for number in re.findall(r"[\d.]+", " ".join(re.findall('points="(.*?)"', drawing)))]
        assert len(numbers) == 2 * 2 * 6
        assert min(numbers) >= 0
        assert max(numbers) <= 340


def test_very_many_epochs_are_thinned_and_the_best_one_stays() -> None:
    many = [replace(epoch, best=777) for epoch in epochs(2000)]
    shown = curves.render(many)
    assert len(shown) < 20_000
    assert "to 2000." in shown
    assert "best so far: round 777" in shown


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("loss", [0.0, 1e-9, 1.0, 1e9, float("nan"), float("inf")])
def test_few_or_odd_epochs_are_drawn_or_left_out(count: int, loss: float) -> None:
    shown = curves.render(epochs(count, loss=loss, val_loss=loss, accuracy=1.0))
    assert ("<svg" in shown) is (count > 0 and loss < 1e10)
    assert "nan" not in shown
    assert "inf" not in shown
