"""The options of the commands: those of ``train`` are the fields of ``TrainConfig``."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from classifier.cli.main import main
from classifier.cli.parser import build_parser
from classifier.config import TrainConfig, settings
from classifier.messages.cli import ArgumentHelp, CommandHelp

Capture = pytest.CaptureFixture[str]
VALUES = {
    "mode": "deep", "backbone": "resnet26d", "domain": "aerial", "seed": 7, "minutes": 1.5, "unfreeze": 2,
    "epochs": 3, "batch": 4, "learning_rate": 0.01, "optimizer": "sgd",
}  # fmt: skip


def parse(*args: str) -> dict[str, Any]:
    return vars(build_parser().parse_args(args))


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = [one for one in build_parser()._actions if isinstance(one, argparse._SubParsersAction)]
    return action.choices


def test_every_setting_is_an_option_with_the_default_of_its_field() -> None:
    names = {setting.name for setting in settings()}
    assert names >= set(VALUES)
    parsed = parse("train", "photos")
    defaults = TrainConfig()
    assert {name: parsed[name] for name in names} == {name: getattr(defaults, name) for name in names}


def test_every_option_sets_its_field() -> None:
    options = [word for name, value in VALUES.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    parsed = parse("train", "photos", *options)
    assert {name: parsed[name] for name in VALUES} == VALUES
    assert all(type(parsed[name]) is type(value) for name, value in VALUES.items())


@pytest.mark.parametrize("option", [("--optimiser", "sgd"), ("--thaw", "2"), ("--fit", "crop"), ("--mode", "slow")])
def test_an_old_spelling_is_an_error_of_one_sentence(option: tuple[str, str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "photos", "--out", "model", *option])
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert option[0] in err
    assert "“python -m classifier" in err


def test_every_command_is_described() -> None:
    assert set(commands()) == {code.name.lower() for code in CommandHelp} - {"program"}
    for name, command in commands().items():
        assert command.description == str(CommandHelp[name.upper()])


def test_every_option_of_a_command_is_explained() -> None:
    for name, command in commands().items():
        for action in command._actions:
            assert action.help or action.dest == "folder", f"{name}: {action.dest}"
    text = commands()["train"].format_help()
    assert "--learning-rate N" in text
    assert "(default 0.0003)" in text
    assert "(default: by the time)" in " ".join(text.split())
    deep = text[text.index(f"{ArgumentHelp.DEEP_GROUP}:") :]
    assert "--minutes" in deep
    assert "--seed" not in deep
