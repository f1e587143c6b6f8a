"""Random attacks with fresh seeds: the tests of ``tests/hostile/test_fuzz_*.py``, for some minutes.

    python benchmarks/fuzz.py [MINUTES]

The tests run the same few examples each time; this runs them again and again with other ones. Prints a line for each
file and seed, and every failure with the input that caused it; the exit status is 1 if there was one. What is found
belongs into a plain test.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXAMPLES = {
    "names": 600,
    "layout": 150,
    "archives": 150,
    "catalog": 60,
    "checkpoints": 60,
    "pictures": 800,
    "events": 120,
}  # of each test: a file takes 10 to 30 seconds


def run(file: Path, seed: int) -> tuple[bool, str]:
    """Run the random tests of one file with a seed; return whether they held, and what pytest printed."""
    examples = EXAMPLES.get(file.stem.removeprefix("test_fuzz_"), 100)
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", f"--hypothesis-seed={seed}", str(file)]
    environment = {**os.environ, "FUZZ_EXAMPLES": str(examples)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.returncode == 0, done.stdout


def main() -> int:
    """Run all files in turn until the time is over."""
    end = time.monotonic() + 60 * float(sys.argv[1] if len(sys.argv) > 1 else 10)
    files = sorted((ROOT / "tests" / "hostile").glob("test_fuzz_*.py"))
    failures = rounds = 0
    while time.monotonic() < end:
        for file in files:
            if time.monotonic() > end:
                break
            seed, start = random.randrange(2**32), time.monotonic()
            held, printed = run(file, seed)
            rounds += 1
            failures += not held
            print(
                f"{file.stem:24} seed {seed:10} {time.monotonic() - start:5.0f} s  {'held' if held else 'FAILED'}",
                flush=True,
            )
            if not held:
                print("\n".join(line[:200] for line in printed.splitlines()), flush=True)
    print(f"{rounds} runs, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
