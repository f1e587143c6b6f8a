"""Photos that the layout shows to belong together: never divided between folds, and counted once in the interval."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from classifier import Finished, Predictor, Project, TrainConfig, evaluate, train
from classifier.data.grouping import join_groups
from classifier.data.splits import stratified_group_folds
from classifier.workflows.check import Checked, check

FAST = TrainConfig(resize_modes=("whole",))


@pytest.fixture(scope="module")
def persons(example_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of four persons, each with eight photos of four classes: anna/apple/…, ben/apple/…"""
    folder = tmp_path_factory.mktemp("persons") / "photos"
    for path in sorted(example_set.glob("*/*.jpg")):
        number = int(path.stem.split()[-1]) - 1
        person = ("anna", "ben", "cleo", "dan")[number // 2]
        (folder / person / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / person / path.parent.name / f"{number % 2} {person}.jpg")
    return folder


def over(persons: Path, features: Path, groups: str = "auto") -> Project:
    return Project.over(persons, features=features, labels="folders:2", groups=groups)


def test_the_groups_of_the_layout_reach_the_catalog(persons: Path, features: Path) -> None:
    with over(persons, features) as project:
        assert set(project.classes()) == {"apple", "key", "leaf", "mug"}
        assert {asset.source.split("/")[0]: asset.layout_group for asset in project.photos()} == {
            name: name for name in ("anna", "ben", "cleo", "dan")
        }


def test_a_score_counts_the_groups_of_the_layout(persons: Path, features: Path, tmp_path: Path) -> None:
    with over(persons, features) as project:
        *_, finished = train(project, FAST, tmp_path / "model")
    assert isinstance(finished, Finished)
    assert finished.report.group_count == 4
    with over(persons, features, groups="none") as project:
        assert {asset.layout_group for asset in project.photos()} == {None}
        *_, ungrouped = train(project, FAST, tmp_path / "other")
    assert isinstance(ungrouped, Finished)
    assert ungrouped.report.group_count is not None
    assert ungrouped.report.group_count > 20


def test_no_fold_divides_a_group_of_the_layout(persons: Path, features: Path) -> None:
    with over(persons, features) as project:
        assets = project.catalog.assets(split="train")
    groups = join_groups([[asset.layout_group for asset in assets]], [None] * len(assets))
    y = np.unique([asset.label for asset in assets], return_inverse=True)[1]
    folds = stratified_group_folds(y, groups, 5, 0)
    for name in ("anna", "ben", "cleo", "dan"):
        assert len({int(fold) for fold, asset in zip(folds, assets) if asset.layout_group == name}) == 1


def test_a_check_does_not_call_a_group_of_the_layout_near_duplicates(persons: Path, features: Path) -> None:
    with over(persons, features) as project:
        *_, checked = check(project, FAST)
    assert isinstance(checked, Checked)
    assert max((len(group) for group in checked.near_duplicates), default=0) < 8


@pytest.mark.slow
def test_an_evaluation_counts_the_groups_of_the_layout(
    trained: Finished, persons: Path, features: Path, tmp_path: Path
) -> None:
    forgetful = shutil.copytree(trained.folder, tmp_path / "model")
    (forgetful / "training_photos.json").unlink()  # the photos are training photos
    with over(persons, features) as project:
        grouped = evaluate(Predictor(forgetful), project)
    with over(persons, features, groups="none") as project:
        single = evaluate(Predictor(forgetful), project)
    assert (grouped.group_count, grouped.accuracy) == (4, single.accuracy)
    assert grouped.accuracy_high - grouped.accuracy_low >= single.accuracy_high - single.accuracy_low
