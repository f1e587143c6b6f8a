"""What a command prints while it runs, where its output is no terminal."""

from __future__ import annotations

import pytest

from classifier.cli.running import run
from classifier.events import Epoch, Progress
from classifier.messages.workflows import StepCode


def test_each_epoch_is_a_line_on_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [
        Progress(StepCode.TRAIN_HEAD, 0, 8, None),
        *(Epoch(number, 2, 1.0, 0.5, 1.0, 0.75, number) for number in (1, 2)),
        "result",
    ]
    assert run(iter(events), str) == "result"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split(":")[0] for line in printed.err.splitlines()] == ["Round 1 of 2", "Round 2 of 2"]
    monkeypatch.setenv("RANK", "1")
    run(iter(events), str)
    assert capsys.readouterr().err == ""
