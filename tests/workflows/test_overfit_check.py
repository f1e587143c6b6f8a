from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from classifier import Project, TrainConfig
from classifier import device as devices
from classifier.cli.main import main
from classifier.errors import DataError
from classifier.messages.training import OverfitCode
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.workflows.overfit_check import OverfitCheck, compare_devices, overfit_check
from tests.helpers import MakeFolder


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "small_cnn"])
def test_the_command_line_gives_shapes_a_batch_and_the_loss(
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
    assert found["batch"]["labels"].split(", ")[:4] == ["0 apple", "1 key", "2 leaf", "3 mug"]


def test_a_few_photos_of_all_classes_are_memorized(example_set: Path) -> None:
    with Project.over(example_set) as project:
        found = overfit_check(project, TrainConfig(mode="deep", backbone="small_cnn"), "cpu")
    assert found.overfits
    names = [name for name, _ in found.shapes]
    assert (names[0], names[-1]) == ("photos", "logits")
    assert found.shapes[0][1] == (2, 3, 28, 28)
    assert found.batch["labels"].count("mug") == 2
    assert any(line.startswith("learned by heart: yes") for line in found.lines())


@pytest.mark.slow
def test_a_learning_rate_that_is_too_small_is_told(example_set: Path) -> None:
    config = TrainConfig(mode="deep", backbone="small_cnn", learning_rate=1e-8)
    with Project.over(example_set) as project:
        found = overfit_check(project, config, "cpu")
    assert not found.overfits
    assert [line for line in found.lines() if "learning rate" in line]


def test_the_lines_name_shapes_and_values() -> None:
    found = OverfitCheck((("photos", (2, 3, 28, 28)),), {"type": "float32"}, 1.5, 0.25, True)
    assert [line.split() for line in found.lines()] == [
        ["photos", "2", "x", "3", "x", "28", "x", "28"],
        ["batch", "type", "float32"],
        ["learned", "by", "heart:", "yes", "(loss", "1.500", "to", "0.250)"],
    ]


def test_it_needs_photos_of_two_classes(make_folder: MakeFolder) -> None:
    with Project.over(make_folder({"only": 2})) as project, pytest.raises(DataError, match="two classes") as raised:
        overfit_check(project, TrainConfig(mode="deep", backbone="small_cnn"))
    assert raised.value.code is OverfitCode.ONE_CLASS


def test_without_the_check_a_training_needs_a_folder_for_the_model(
    make_folder: MakeFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(make_folder({"a": 2, "b": 2}))]) == 2
    assert "--out FOLDER" in capsys.readouterr().err


def test_a_cpu_is_compared_with_another_precision() -> None:
    network = networks.build(resolve("small_cnn"), 3)
    inputs = torch.randn(4, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    cpu = devices.choose("cpu")
    same = compare_devices(network, inputs, replace(cpu, dtype=torch.float32))
    assert (same.photos, same.same, same.largest_difference) == (4, 4, 0.0)
    rounded = compare_devices(network, inputs, replace(cpu, dtype=torch.bfloat16))
    assert rounded.dtype == "bfloat16"
    assert 0 < rounded.largest_difference < 0.05
    with torch.inference_mode():
        assert network(inputs).isfinite().all()
