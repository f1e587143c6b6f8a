"""Setting a share of the photos apart, and taking it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from classifier import DataError, PhotosApart, Project, SettingError, TrainConfig, set_apart, train
from classifier.messages.workflows import WorkflowCode
from tests.helpers import MakeFolder


def apart(project: Project, share: float, seed: int = 0) -> PhotosApart:
    *_, last = set_apart(project, share, seed=seed)
    assert isinstance(last, PhotosApart)
    return last


@pytest.mark.slow
def test_a_share_is_set_apart_with_copies_on_one_side(example_set: Path, features: Path, tmp_path: Path) -> None:
    with Project.over(example_set, features=features) as project:
        first = apart(project, 0.25)
        assert first.classes == dict.fromkeys(("apple", "key", "leaf", "mug"), 2)
        assert {asset.id for asset in project.photos(split="test")} == set(first.ids)
        assert "to the test photos" in str(project.undo())
        assert project.photos(split="test") == []
        assert apart(project, 0.25) == first
        assert project.undo()
        assert apart(project, 0.25, seed=1) != first
    for path in sorted((example_set / "apple").iterdir())[:6]:
        for quality in (60, 90):
            (tmp_path / "twice" / "apple").mkdir(parents=True, exist_ok=True)
            Image.open(path).save(tmp_path / "twice" / "apple" / f"{quality} {path.name}", quality=quality)
    with Project.over(tmp_path / "twice", features=features) as project:
        assert apart(project, 0.3).classes == {"apple": 4}
        sources = [asset.source.split()[-1] for asset in project.photos(split="test")]
        assert len(set(sources)) == 2


def test_what_cannot_be_set_apart_is_an_error(make_folder: MakeFolder, features: Path) -> None:
    with Project.over(make_folder({"zebra": 1, "lion": 1}), features=features) as project:
        for share in (0.0, 1.0, float("nan")):
            with pytest.raises(SettingError):
                apart(project, share)
        with pytest.raises(DataError) as error:
            apart(project, 0.5)
        assert error.value.code is WorkflowCode.NOTHING_TO_SET_APART


@pytest.mark.slow
def test_photos_set_aside_are_used_by_nothing_and_come_back(example_set: Path, features: Path, tmp_path: Path) -> None:
    with Project.over(example_set, features=features) as project:
        ids = [asset.id for asset in project.photos("mug")]
        project.set_split(ids, "held_out")
        *_, finished = train(project, TrainConfig(resize_modes=("whole",)), tmp_path / "model")
        assert finished.report.labels == ("apple", "key", "leaf")
        assert [asset.id for asset in project.photos(split="held_out")] == ids
        project.set_split(ids[:3], "train")
        assert str(project.undo()) == "moving 3 photos to the training photos"
        assert str(project.undo()) == "setting 8 photos aside"
        assert project.photos(split="held_out") == []
