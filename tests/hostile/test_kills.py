"""A process killed at random moments of uploads, edits and trainings loses nothing that it acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import kills
from classifier.data import scratch
from tests import processes

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_kill_of_each_kind_loses_nothing_that_was_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """One while it uploads, edits and trains each; ``benchmarks/kills.py`` does it as often as one likes."""
    monkeypatch.setattr(scratch, "RECENT", scratch.RECENT)  # it changes that
    assert kills.run(3, seed=1, start=lambda arguments, out: processes.start(arguments, ROOT, stdout=out)) == 0
