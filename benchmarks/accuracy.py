"""Accuracy, seconds and honesty of our trainings beside those of others, each a process of its own on this machine.

    python benchmarks/accuracy.py SETS [--sets NAME ...] [--only RECIPE ...] [--minutes N] [--report]
    python benchmarks/accuracy.py SETS --divisions N --minutes 2      (claim against truth on new divisions)
    python benchmarks/accuracy.py SETS --complete                     (all that README says, and README: some hours)

SETS/<set>/train/<class>/… and SETS/<set>/test/<class>/…, or SETS/<set>/<class>/…, of which 30 % are drawn to test on;
SETS/<set>.groups.csv (file,group) where photos belong together. Recipes: ``quick`` (our first step), ``auto`` (our
whole run, which improves for ``--minutes``), ``deep``; Teachable Machine's (``tm``), ``fastai`` and ``lpft``, from
``benchmarks/peers``. All use the packaged networks only, and no features that were cached by an earlier run.

The seconds are those of the whole process, from its start to its score on the test part. Our models are tested by
``evaluate``, without the seconds that its process takes to start. On the first division each model that ``auto`` had
on the way is tested, too: its seconds are those from the start of the process until it was saved, and those of its
test. Each row is appended to the file of ``--rows`` when it is measured, and what is there is not measured again.
``--report`` writes ``benchmarks/README.md`` from the rows of that file.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.divisions import divide, find_sets
from benchmarks.report import write_report
from benchmarks.rows import Row, Rows
from classifier.config import MODES, TrainConfig

OURS = MODES
PEERS = ("tm", "fastai", "lpft")
TIMED = ("auto", "deep")  # ours that take --minutes
FILE = ROOT / "benchmarks" / "rows.jsonl"


@dataclass(frozen=True)
class Division:
    """A set of photos divided in one way."""

    name: str
    number: int
    train: Path
    test: Path


def run(*args: object, cache: Path) -> tuple[dict[str, Any], float]:
    """Run a module of this repository as a process; return the JSON of its last line and its seconds.

    Raises ``RuntimeError`` with the end of what it said where it fails.
    """
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "HF_HOME": str(cache / "hub"), "HF_HUB_OFFLINE": "1"}
    shutil.rmtree(cache / "photo-classifier" / "features", ignore_errors=True)
    started = time.perf_counter()
    command = [sys.executable, "-m", *map(str, args)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(done.stdout + done.stderr)[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1]), seconds


def measure_peer(division: Division, recipe: str, cache: Path) -> Row:
    """Return accuracy and seconds of another recipe."""
    result, seconds = run("benchmarks.peers", recipe, division.train, division.test, cache=cache)
    return {
        "images": result["images"], "test_images": result["test_images"], "accuracy": result["test_accuracy"],
        "seconds": round(seconds, 2),
    }  # fmt: skip


def measure_ours(division: Division, mode: str, minutes: float, cache: Path) -> Row:
    """Return accuracy, seconds, the claim with its interval, the steps, and the models of one of our trainings."""
    options = ("--minutes", minutes) if mode in TIMED else ()
    with tempfile.TemporaryDirectory() as scratch:
        out, started = Path(scratch) / "model", time.time()
        with watched(out, Path(scratch), started) as versions:
            command = ("classifier", "train", division.train, "--out", out, "--mode", mode, *options, "--json")
            result, trained = run(*command, cache=cache)
        test, testing = measure_test(out, division.test, cache)
        shown = versions if division.number == 0 else ()  # of the others only the last claim is compared
        models = [measure_version(version, division.test, cache) for version in shown]
    return {
        "images": result["images"], "accuracy": test["test_accuracy"], "seconds": round(trained + testing, 2),
        "claim": result["accuracy"], "low": result["accuracy_low"], "high": result["accuracy_high"],
        "accuracy_new": test["test_accuracy_new"], "steps": result.get("steps", []), "models": models,
        "test_images": sum(1 for path in division.test.rglob("*") if path.is_file()),
    }  # fmt: skip


def measure_version(version: Version, test: Path, cache: Path) -> dict[str, Any]:
    """Return the accuracy of a model on the test part, and after how many seconds a process could have said so."""
    result, testing = measure_test(version.folder, test, cache)
    seconds = version.seconds + testing
    return {"step": version.step, "at": round(seconds, 2), "test_accuracy": result["test_accuracy"]}


def measure_test(folder: Path, test: Path, cache: Path) -> tuple[dict[str, Any], float]:
    """Return what a model says of the test part, and the seconds of that without the start of the process."""
    result, seconds = run("classifier", "evaluate", folder, test, "--json", cache=cache)
    return result, seconds - start_seconds()


@functools.cache
def start_seconds() -> float:
    """Return the seconds that a process takes to start, which the one that trains has behind it."""
    command = [sys.executable, "-c", "import classifier.workflows.evaluate"]
    return min(timeit.repeat(lambda: subprocess.run(command, cwd=ROOT, check=True), number=1, repeat=3))


@dataclass(frozen=True)
class Version:
    """A copy of a model that a training had, of its step number ``step``, saved after so many ``seconds``."""

    step: int
    seconds: float
    folder: Path


@contextmanager
def watched(out: Path, scratch: Path, started: float) -> Iterator[list[Version]]:
    """Copy each model that a training has in ``out``, also those that a later one of the same step replaces.

    Args:
        out: folder of the model.
        scratch: folder for the copies.
        started: when the process of the training was started, in seconds since the epoch.
    """
    found: list[Version] = []
    over = threading.Event()

    def look() -> None:
        if not (out / "steps" / "steps.json").exists():
            return
        record = out / "steps" / "steps.json"
        number = json.loads(record.read_text("utf-8"))["in_use"]
        kept = out / "steps" / str(number)
        saved = (kept / "run.json").stat().st_mtime - started  # the last of its files
        if found and number < found[-1].step:  # an earlier model is back
            saved = record.stat().st_mtime - started
        if not found or saved > found[-1].seconds:
            found.append(Version(number, saved, shutil.copytree(kept, scratch / f"version-{len(found)}")))

    def watch() -> None:
        while not over.wait(0.1):
            look()
        look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def measure(division: Division, recipe: str, minutes: float, cache: Path) -> Row:
    """Return the row of one training."""
    measured = (
        measure_ours(division, recipe, minutes, cache) if recipe in OURS else measure_peer(division, recipe, cache)
    )
    about = {"set": division.name, "division": division.number, "recipe": recipe}
    measured |= {"machine": describe_machine(), "commit": find_commit()}
    return {**about, **({"minutes": minutes} if recipe in TIMED else {}), **measured}


def find_commit() -> str:
    """Return the commit that was measured; "" where this is no checkout."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def describe_machine() -> str:
    """Return processor, cores, whether it computes in bfloat16, and versions."""
    import timm
    import torch

    from classifier import device as devices

    device = devices.choose("cpu")
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.is_file() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    units = "with" if device.dtype == torch.bfloat16 else "without"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, timm {timm.__version__}"
    return f"{model}, {device.workers} cores, {units} bfloat16 units, {versions}"


@dataclass(frozen=True)
class Plan:
    """What to measure: recipes on some divisions of sets, ours for ``minutes``; of the sets the first ``most``."""

    recipes: tuple[str, ...]
    numbers: Sequence[int]
    minutes: float
    most: int | None = None


COMPLETE = (  # what README needs: some hours
    Plan((*OURS, *PEERS), (0,), TrainConfig().minutes),
    Plan(("quick",), range(1, 25), 0),
    Plan(("auto",), range(1, 9), 2, 6),
)


def measure_all(folders: list[Path], plan: Plan, rows: Rows) -> None:
    """Measure what the file lacks, one set after the other, so that what is compared ran at about the same time."""
    with tempfile.TemporaryDirectory() as cache:
        for number in plan.numbers:
            for folder in folders[: plan.most]:
                measure_set(folder, number, plan, Path(cache), rows)


def measure_set(folder: Path, number: int, plan: Plan, cache: Path, rows: Rows) -> None:
    """Measure the recipes on one division of a set and print a line for each."""
    minutes = f" {plan.minutes:g}"
    keys = {recipe: f"{folder.name} {number} {recipe}{minutes * (recipe in TIMED)}" for recipe in plan.recipes}
    if all(key in rows for key in keys.values()):
        return
    with tempfile.TemporaryDirectory() as scratch:
        division = Division(folder.name, number, *divide(folder, number, Path(scratch)))
        for recipe, key in keys.items():
            row = rows.get(key, lambda recipe=recipe: measure(division, recipe, plan.minutes, cache))
            claim = f"  claimed {row['claim']:.3f}" if "claim" in row else ""
            print(f"{key:32} accuracy {row['accuracy']:.3f} in {row['seconds']:7.1f} s{claim}", flush=True)


def main() -> None:
    """Measure, and write the report where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", metavar="SETS")
    parser.add_argument("--rows", type=Path, default=FILE, metavar="FILE")
    parser.add_argument("--sets", nargs="+", metavar="NAME")
    parser.add_argument("--only", nargs="+", choices=(*OURS, *PEERS), metavar="RECIPE")
    parser.add_argument("--minutes", type=float, default=TrainConfig().minutes, metavar="N")
    parser.add_argument("--divisions", type=int, default=0, metavar="N")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--complete", action="store_true", help="all of README.md")
    args = parser.parse_args()
    rows = Rows(args.rows)
    recipes = tuple(args.only or (("quick", "auto") if args.divisions else (*OURS, *PEERS)))
    numbers = range(1, args.divisions + 1) if args.divisions else (0,)
    plans = COMPLETE if args.complete else (Plan(recipes, numbers, args.minutes),)
    if args.folder is not None:
        folders = [folder for folder in find_sets(args.folder) if not args.sets or folder.name in args.sets]
        for plan in plans:
            measure_all(folders, plan, rows)
    if args.report or args.complete:
        write_report(rows, ROOT / "benchmarks")


if __name__ == "__main__":
    main()
