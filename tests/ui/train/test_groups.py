"""The panel of photos that belong together: what was found, the score with and without, and the switch."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from classifier import TrainConfig, train
from classifier.data.grouping import GroupsFrom
from classifier.errors import DataError
from classifier.evaluation.report import Report
from classifier.evaluation.report_values import GroupSummary
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import groups
from classifier.ui.train.groups import Trained
from tests.helpers import NASTY, fill, report
from tests.workflows.test_groups import draw_things

FOUND = GroupSummary("names", 24, f"4 photos each of 24 things, by {NASTY}", 0.98)
GROUPED = report(grouping=FOUND)
OFFERED = report(groups_offered=FOUND.example)


def trained(report: Report, chosen: GroupsFrom = "auto", earlier: Report | None = None) -> Trained:
    return Trained("newest", report, earlier, chosen)


def numbers(html: str) -> list[str]:
    """The scores beside the bars."""
    return re.findall(r'pc-num">([^<]+)<', html)


def test_groups_are_named_by_their_example_with_both_scores() -> None:
    view = groups.show(trained(GROUPED))
    assert view.switch["value"] is True
    assert "4 photos each of 24 things, by &lt;script&gt;" in view.words
    assert numbers(view.words) == ["90 %", "98 %"]
    assert "is too good" in view.words
    assert "Train again" not in view.words
    assert "is too good" not in groups.render(trained(report(grouping=replace(FOUND, accuracy_ungrouped=0.9))))
    assert "98 %" not in groups.render(trained(replace(GROUPED, evaluated_on="test")))


def test_without_groups_there_is_no_panel() -> None:
    assert groups.show(trained(report())) == groups.HIDDEN


def test_groups_of_thin_evidence_are_offered_and_off() -> None:
    view = groups.show(trained(OFFERED))
    assert view.switch["value"] is False
    assert "may belong together: 4 photos each" in view.words
    assert "Train again" in groups.render(trained(OFFERED, "all"))
    applied = report(grouping=FOUND, groups_offered=FOUND.example, groups_from="all")
    assert groups.show(trained(applied, "all")).switch["value"] is True


def test_a_training_without_groups_names_the_score_of_an_earlier_one_with_them() -> None:
    view = groups.show(trained(report(accuracy=0.98, groups_from="none"), "none", GROUPED))
    assert view.switch["value"] is False
    assert numbers(view.words) == ["90 %", "98 %"]
    assert "of an earlier training" in view.words


@pytest.mark.slow
def test_the_switch_changes_the_score_of_the_next_training(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    with pytest.raises(DataError):
        groups.choose(home, token, True)
    fill(home, token, draw_things(tmp_path / "photos", "part{thing}_view{one}"))
    accuracies = []
    for kept in (None, False, True):
        with home.open(token) as project:
            if kept is not None:
                assert "Train again" in groups.choose(home, token, kept)
            list(train(project, TrainConfig(resize_modes=("whole",)), project.models / f"model-{kept}"))
            found = groups.read_newest(project)
        assert found is not None
        assert found.is_kept is (kept is not False)
        assert not found.is_changed
        accuracies.append(found.report.accuracy)
        assert "24 things" in groups.render(found)
    assert accuracies[0] == accuracies[2] < accuracies[1] - 0.1
