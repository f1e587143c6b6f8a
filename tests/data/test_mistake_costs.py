"""The costs of mistakes that a project keeps for its next model."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier import Project, TrainConfig, train
from classifier.data.mistake_costs import MistakeCosts


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"costs": {"a": 0}, "unsure_cost": 1}', '{"costs": {"a": NaN}, "unsure_cost": 1}']
)
def test_a_text_that_is_no_costs_is_none(text: str) -> None:
    assert MistakeCosts.from_json(text) is None


@pytest.mark.slow
def test_costs_survive_the_rename_of_a_class_and_a_training(example_set: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "home") as project:
        project.add(example_set)
        project.choose_mistake_costs(MistakeCosts({"mug": 5.0}, 0.4))
        project.rename_class("mug", "cup")
        *_, finished = train(project, TrainConfig(resize_modes=("whole",)), tmp_path / "model")
        assert (finished.report.costs, finished.report.unsure_cost) == ({"cup": 5.0}, 0.4)
        assert len(finished.report.thresholds) == 4
        project.undo()
        assert MistakeCosts({"mug": 5.0, "cup": 5.0}, 0.4) == project.mistake_costs()
