"""The README names what there is: every backbone, setting, environment variable, command and room."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from classifier.cli.main import main
from classifier.config import DOMAINS, MODES, TrainConfig
from classifier.models.backbones import BACKBONES, Backbone
from classifier.workflows.check import Checked, check
from classifier.workflows.train import Finished, train

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("row", BACKBONES, ids=lambda row: row.timm_name)
def test_the_readme_names_every_backbone_as_the_table_does(row: Backbone) -> None:
    assert f"| `{row.timm_name}` | {row.title} | {row.megabytes} | {row.good_for} |" in README


def test_the_readme_names_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["train", "--help"], ["predict", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
    told = capsys.readouterr().out
    commands = re.findall(r"^    ([a-z]+) {2,}", told, re.MULTILINE)
    assert {"example", "check", "train", "evaluate", "predict"} <= set(commands)
    for command in commands:
        assert f"python -m classifier {command} " in README
    for option in set(re.findall(r"--[a-z][a-z-]+", told)) - {"--version"}:
        assert option in README, option
    for value in (*MODES, *DOMAINS):
        assert f"`{value}`" in README


def test_the_readme_names_every_setting() -> None:
    for field in fields(TrainConfig):
        assert f"`{field.name}`" in README, field.name


def test_the_readme_names_every_environment_variable() -> None:
    code = "\n".join(path.read_text("utf-8") for path in [ROOT / "app.py", *ROOT.glob("classifier/**/*.py")])
    names = set(re.findall(r"CLASSIFIER_[A-Z_]+|GRADIO_SERVER_[A-Z]+", code))
    assert names
    for name in names:
        assert f"`{name}`" in README, name


def test_the_readme_maps_every_room() -> None:
    rooms = {path.stem for path in ROOT.glob("classifier/*.py") if not path.stem.startswith("__")}
    table = README[README.index("| room |") :]
    for room in rooms:
        assert f"`{room}`" in table, room


def test_every_file_of_a_checkpoint_is_explained() -> None:
    from classifier.models.checkpoint import FILES

    section = README[README.index("## The model folder") :]
    for name in FILES:
        assert f"`{name}`" in section, name


def test_results_document_their_fields() -> None:
    for kind in (Finished, Checked):
        assert kind.__doc__
        assert fields(kind)
    assert "DataError" in (train.__doc__ or "")
    assert "DataError" in (check.__doc__ or "")
