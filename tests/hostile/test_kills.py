"""A process killed at random moments of uploads, edits and trainings loses nothing that it acknowledged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_five_kills_lose_nothing_that_was_acknowledged(cache_home: Path) -> None:
    """``benchmarks/kills.py`` does it as often as one likes."""
    done = subprocess.run(
        [sys.executable, "benchmarks/kills.py", "5", "--seed", "1"],
        cwd=ROOT, env={**os.environ, "XDG_CACHE_HOME": str(cache_home)}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "5 kills, 0 faults"
