"""The steps of a training as a list."""

from __future__ import annotations

from classifier.events import Step, StepName
from classifier.ui.train.steps import name_of


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
