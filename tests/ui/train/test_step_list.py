"""The steps of a training as a list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifier.events import Step, StepName
from classifier.ui.train.steps import Tried, brought, name_of, render


def step(name: StepName, *networks: str) -> Step:
    backbone = "+".join(f"tf_efficientnet_{one}" for one in networks)
    return Step(3, name, backbone, 0.9, 0.8, 1.0, 0.85, 60.0, True, 1.0)


def test_networks_that_answer_beside_the_one_that_learned_are_named_apart() -> None:
    assert name_of(step("tail", "lite0")) == "The last part of EfficientNet-Lite0 learns, too"
    assert name_of(step("joined", "lite0", "lite1")) == "EfficientNet-Lite0 and EfficientNet-Lite1 side by side"
    assert name_of(step("deep", "lite0", "lite1", "lite0")) == (
        "More parts of EfficientNet-Lite0 learn, too; its answers are averaged with those of "
        "EfficientNet-Lite0 and EfficientNet-Lite1"
    )


@pytest.mark.parametrize(
    ("before", "listed", "told"),
    [
        (0.85, "85 % → 90 % right", "Step 3 brought 85 % → 90 % right."),
        (0.901, "90 % right as before; expected to do better on new photos", "Step 3 is expected to do better"),
        (0.92, "90 % right, 92 % before: too close to tell; expected to do better", "Step 3 is expected to do better"),
        (None, "90 % right", "A first model is there: 90 % right."),
    ],
)
def test_a_step_that_was_kept_is_never_said_to_have_brought_less(before: float | None, listed: str, told: str) -> None:
    kept = replace(step("tail", "lite0"), before=before)
    assert listed in render(Tried("run", (kept,), 3))
    assert brought(kept, again=False).startswith(told)


def test_a_step_that_was_dropped_tells_both_scores() -> None:
    dropped = replace(step("tail", "lite0"), before=0.92, kept=False)
    assert "Not kept: 90 % right, the model before it 92 %" in render(Tried("run", (dropped,), 2))
