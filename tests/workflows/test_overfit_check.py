from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.cli.main import main


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "small_cnn"])
def test_a_self_check_shows_shapes_a_batch_and_learns_a_few_photos_by_heart(
    backbone: str, example_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(example_set), "--self-check", "--mode", "deep", "--backbone", backbone]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["learnt_by_heart"]
    assert found["loss_after"] < found["loss_before"]
    assert found["shapes"][0]["shape"][:2] == [2, 3]
    assert found["shapes"][-1]["shape"] == [2, 4]
    assert found["batch"]["shape"][0] == 8
    assert "leaf" in found["batch"]["labels"]


def test_a_self_check_says_in_plain_lines_what_it_found(example_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(example_set), "--self-check", "--mode", "deep", "--backbone", "small_cnn"]) == 0
    assert "learnt by heart: yes" in capsys.readouterr().out


def test_without_two_classes_it_is_a_sentence(
    make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(make_folder({"only": 2})), "--self-check"]) == 2
    assert "two classes" in capsys.readouterr().err


def test_without_a_place_for_the_model_it_is_a_sentence(
    make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(make_folder({"a": 2, "b": 2}))]) == 2
    assert "--out FOLDER" in capsys.readouterr().err
