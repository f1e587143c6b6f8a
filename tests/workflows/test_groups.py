"""Photos of one thing by their names: kept together when the score is measured, and the score without is shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier import Finished, Project, TrainConfig, train
from classifier.cli.main import main
from classifier.evaluation.report import Report
from classifier.events import Note
from classifier.messages.groups import GroupCode
from classifier.workflows.check import Checked, check

FAST = TrainConfig(resize_modes=("whole",))
THINGS, PER_THING = 12, 4


def draw_things(folder: Path, name: str) -> Path:
    """Photos of things in two classes of random colors: four parts of each thing, which overlap."""
    for number, label in enumerate(("crack", "whole")):
        (folder / label).mkdir(parents=True)
        for thing in range(THINGS):
            rng = np.random.default_rng(1000 * number + thing)
            cells = rng.integers(0, 256, (4, 4, 3), np.uint8)
            picture = Image.fromarray(cells).resize((120, 120), Image.Resampling.NEAREST)
            for one in range(PER_THING):
                file = f"{name.format(thing=thing, one=one)}.png"
                picture.crop((10 * one, 8 * one, 10 * one + 84, 8 * one + 90)).save(folder / label / file)
    return folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_things(tmp_path_factory.mktemp("parts") / "photos", "part{thing}_view{one}")


@pytest.mark.slow
def test_a_training_tells_the_score_with_and_without_groups(parts: Path, features: Path, tmp_path: Path) -> None:
    with Project.over(parts, features=features) as project:
        *events, finished = train(project, FAST, tmp_path / "model")
    assert isinstance(finished, Finished)
    grouping = finished.report.grouping
    assert grouping is not None
    assert (grouping.origin, grouping.count) == ("names", 2 * THINGS)
    assert "4 photos each of 24 things" in grouping.example
    assert grouping.accuracy_ungrouped is not None
    assert grouping.accuracy_ungrouped > finished.report.accuracy + 0.1
    assert Report.from_json(json.loads(json.dumps(finished.report.to_json()))).grouping == grouping
    assert any(isinstance(event, Note) and event.message.code is GroupCode.KEPT for event in events)
    assert GroupCode.WITHOUT in {note.code for note in finished.report.notes()}


@pytest.mark.slow
def test_photos_are_grouped_as_the_person_chose(parts: Path, features: Path, tmp_path: Path) -> None:
    counts = {}
    for groups in ("none", "auto", "names"):
        with Project.over(parts, features=features, groups=groups) as project:
            *_, checked = check(project, FAST, label_issues=False)
        assert isinstance(checked, Checked)
        assert checked.grouping is not None
        counts[groups] = len(np.unique(checked.grouping.groups))
    assert counts["none"] > counts["auto"] == counts["names"] == 2 * THINGS


@pytest.mark.slow
def test_what_the_person_joined_and_parted_wins(parts: Path, features: Path) -> None:
    with Project.over(parts, features=features) as project:
        first, second, third = (photo.id for photo in project.photos()[:3])
        project.join([first, third])
        project.part([second])
        *_, checked = check(project, FAST, label_issues=False)
        assert isinstance(checked, Checked)
        assert checked.grouping is not None
        groups = {photo.id: int(group) for photo, group in zip(project.photos(), checked.grouping.groups)}
    members = [{id for id, other in groups.items() if other == groups[one]} for one in (first, second)]
    assert members == [{first, third}, {second}]


@pytest.mark.slow
def test_the_command_line_says_which_groups_were_found(
    parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(parts), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["layout"]["groups"] == {"from": "names", "count": 2 * THINGS}
    assert any("4 photos each of 24 things" in warning for warning in result["warnings"])
    assert main(["train", str(parts), "--out", str(tmp_path / "model"), "--groups", "none", "--json"]) == 0
    trained = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (trained["grouping"], trained["accuracy_ungrouped"]) == (None, None)
    assert trained["layout"]["groups"] == {"from": "none", "count": 0}
