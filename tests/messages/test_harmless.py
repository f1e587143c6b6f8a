from __future__ import annotations

from pathlib import Path

import pytest

from classifier.cli.main import main
from classifier.cli.text import left_out_lines, predict_line
from classifier.messages import harmless, listed, listed_counts, message
from classifier.messages.data import IntakeCode, RepeatCode

EVIL = "\x1b[2J\x1b[31mcat\u202egpj.\u2066exe\r\n\x07.jpg"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (EVIL, "�[2J�[31mcat�gpj.�exe �.jpg"),
        ("\x9b31m\x7f\u200f\u061c\ud800", "�31m����"),
        ("été שלום نحل 蜜蜂 🐝 👩\u200d🌾", "été שלום نحل 蜜蜂 🐝 👩\u200d🌾"),
    ],
)
def test_a_name_is_shown_in_one_line_without_codes(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert harmless(shown) == shown


@pytest.mark.parametrize("code", [RepeatCode.REPEATED_IN_CLASS, IntakeCode.EMPTY_FOLDER])
def test_a_sentence_with_a_name_in_it_is_harmless(code: RepeatCode | IntakeCode) -> None:
    assert harmless(str(message(code, name=EVIL))) == str(message(code, name=EVIL))
    assert harmless(str(message(IntakeCode.ZIPS_APART, count=1, names=[EVIL]))) == str(
        message(IntakeCode.ZIPS_APART, count=1, names=[EVIL])
    )


def test_lines_of_the_command_line_are_harmless() -> None:
    lines = [
        *left_out_lines([{"file": EVIL, "reason": "This is a text, not a picture."}]),
        predict_line({"file": EVIL, "top": [{"label": EVIL, "confidence": 0.5}], "unsure": False, "answer": EVIL}),
        predict_line({"file": EVIL, "top": [], "reason": "This is a text, not a picture."}),
    ]
    assert all(harmless(line) == line for line in lines)


def test_an_error_on_the_command_line_is_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / EVIL.replace("/", ""))]) == 2
    printed = capsys.readouterr().err
    assert harmless(printed.rstrip("\n")) == printed.rstrip("\n")


def test_of_many_names_a_sentence_holds_the_first_ones() -> None:
    assert listed("abcdefgh") == "“a”, “b”, “c”, “d”, “e”, “f”, “g” and “h”"
    assert listed("abcdefghijkl") == "“a”, “b”, “c”, “d”, “e”, “f”, “g” and 5 others"
    assert listed_counts([("a", 1)] * 40).endswith(" and 33 others")
