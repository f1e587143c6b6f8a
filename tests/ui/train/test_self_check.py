"""The check under Advanced whether training can work, and what the next model keeps of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier.errors import SettingError
from classifier.messages.training_page import SelfCheckCode
from classifier.models import training_record
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import self_check
from classifier.workflows.train import TrainConfig, train
from tests.helpers import NASTY, fill
from tests.ui.train.values import setting_values


@pytest.mark.slow
def test_what_a_self_check_saw_is_shown_and_kept_with_the_next_model(tmp_path: Path, example_set: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    assert str(SelfCheckCode.NO_PHOTOS) in list(self_check.check(home, token, setting_values()))[-1]
    fill(home, token, example_set)
    values = setting_values(mode="deep", backbone="small_cnn")
    with home.open(token) as project:
        project.rename_class("mug", NASTY)
    first, last = list(self_check.check(home, token, values))
    assert str(SelfCheckCode.RUNNING) in first
    assert "pc-good" in last
    assert "logits" in last
    assert "<script" not in last
    with home.open(token) as project:
        *_, finished = train(project, TrainConfig(resize_modes=("whole",)))
        record = training_record.read_record(finished.folder)  # type: ignore[union-attr]
    assert record["self_check"]["overfits"]
    assert record["self_check"]["backbone"] == "small_cnn"
    assert record["self_check"]["shapes"][-1] == ["logits", [2, 4]]
    with home.open(token) as project:
        project.catalog.choose("self_check", "[" * 100_000)
    assert training_record.read_self_check("[" * 100_000) is None


def test_settings_that_cannot_work_are_told_before_the_check(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    with pytest.raises(SettingError):
        next(self_check.check(home, token, setting_values(batch=-3)))
