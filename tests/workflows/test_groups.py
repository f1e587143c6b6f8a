"""Photos of one thing by their names: kept together when the score is measured, and the score without is shown."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier import Finished, Predictor, Project, TrainConfig, evaluate, train
from classifier.cli.main import main
from classifier.evaluation.report import Report
from classifier.events import Note
from classifier.messages.groups import GroupCode
from classifier.workflows.check import Checked, check

FAST = TrainConfig(resize_modes=("whole",))
THINGS, PER_THING = 12, 4


def draw_things(folder: Path, name: str, first: int = 0, things: int = THINGS) -> Path:
    """Photos of things in two classes of random colors: four parts of each thing, which overlap."""
    for number, label in enumerate(("crack", "whole")):
        (folder / label).mkdir(parents=True)
        for thing in range(first, first + things):
            rng = np.random.default_rng(1000 * number + thing)
            cells = rng.integers(0, 256, (4, 4, 3), np.uint8)
            picture = Image.fromarray(cells).resize((120, 120), Image.Resampling.NEAREST)
            for one in range(PER_THING):
                file = f"{name.format(thing=thing, one=one)}.png"
                picture.crop((8 * one, 7 * one, 8 * one + 84, 7 * one + 90)).save(folder / label / file)
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


def divide(photos: Path, folder: Path) -> Path:
    """Copy photos into random parts of their own to train on, a fourth of each thing to test with."""
    for path in sorted(photos.glob("*/*.png")):
        split = "test" if zlib.crc32(path.stem.encode()) % 4 == 0 else "train"
        (folder / split / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / split / path.parent.name)
    return folder


def reports(folder: Path, features: Path, out: Path) -> list[Report]:
    """The reports on the test photos: as a split, with --test, and by a later evaluation."""
    with Project.over(folder, features=features) as project:
        *_, own = train(project, FAST, out / "one")
    with Project.over(folder / "train", features=features) as project, Project.over(folder / "test") as test:
        *_, finished = train(project, FAST, out / "two", test)
    with Project.over(folder / "test") as test:
        later = evaluate(Predictor(out / "two"), test)
    assert isinstance(own, Finished)
    assert isinstance(finished, Finished)
    assert finished.test is not None
    return [own.report, finished.test, later]


@pytest.mark.slow
def test_test_photos_of_training_things_are_no_measure_of_new_ones(parts: Path, features: Path, tmp_path: Path) -> None:
    folder = divide(parts, tmp_path / "data")
    new = draw_things(tmp_path / "new", "part{thing}_view{one}", first=THINGS, things=4)
    for path in new.glob("*/*.png"):
        shutil.copy(path, folder / "test" / path.parent.name)
    near = len(list((folder / "test").glob("*/*.png"))) - 2 * 4 * PER_THING
    found = reports(folder, features, tmp_path)
    assert {(one.near_training, one.evaluated_count, one.group_count) for one in found} == {(near, 32, 8)}
    for name in ("accuracy", "accuracy_low", "accuracy_high", "accuracy_all"):
        assert getattr(found[0], name) == getattr(found[1], name)
    assert found[2].accuracy == pytest.approx(found[0].accuracy, abs=0.1)  # by another precision on some machines
    assert found[0].accuracy_low < 0.5 < found[0].accuracy_all
    assert f"{near} of the {near + 32} test photos look like training photos or are of the same" in str(
        found[2].notes()[0]
    )
    with Project.over(folder, features=features) as project:
        *_, checked = check(project, FAST, label_issues=False)
    assert isinstance(checked, Checked)
    assert any("of 32 groups of photos that belong together lie in" in str(one) for one in checked.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["IMG_{number:04}", "{label}.{number}"])
def test_counters_and_names_of_classes_reach_no_test_photo(
    name: str, parts: Path, features: Path, tmp_path: Path
) -> None:
    for number, path in enumerate(sorted(parts.glob("*/*_view0.png"))):
        split = "test" if number % 4 == 0 else "train"
        (tmp_path / "data" / split / path.parent.name).mkdir(parents=True, exist_ok=True)
        renamed = name.format(number=number, label=path.parent.name)
        shutil.copy(path, tmp_path / "data" / split / path.parent.name / f"{renamed}.png")
    for report in reports(tmp_path / "data", features, tmp_path):
        assert (report.near_training, report.evaluated_count, report.group_count) == (0, 6, 6)


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
