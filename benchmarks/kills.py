"""Kill a process again and again while it uploads, edits and trains; nothing acknowledged may be missing afterwards.

    python benchmarks/kills.py 50

A child works on one project and writes a line before and after each step. It is killed (SIGKILL) at a random moment;
then the project is opened as after a restart and compared with the lines. Only for systems with SIGKILL.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Protocol

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from classifier.data import scratch
from classifier.data.leftovers import clean_up
from classifier.data.project import Project

Labels = dict[str, str | None]  # SHA-256 -> class, None for a removed photo
_PHOTOS = 6  # of one upload
# How often a child uploads, moves, removes and trains, and the most seconds until it is killed.
_WEIGHTS = ((0, 1, 0, 9), (9, 3, 1, 0), (1, 6, 6, 0))
_SECONDS = ((10, 25), (1, 4, 8), (1, 3))
_CLASSES = ("apple", "pear", "plum")


class Child(Protocol):
    """The part of ``subprocess.Popen`` that is used here."""

    pid: int

    def wait(self) -> int:
        """Wait for the end."""


Start = Callable[[list[str], IO[bytes]], Child]


def start_interpreter(arguments: list[str], out: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start Python with its standard output, in a session of its own."""
    return subprocess.Popen([sys.executable, *arguments], stdout=out, start_new_session=True)


def work(folder: Path, seed: int) -> None:
    """Upload, edit and train without end; a line “begin” before, and a line “done” after each step."""
    tempfile.tempdir = str(folder.parent)  # what it leaves there when it is killed is deleted with the project
    rng = random.Random(seed)
    steps: dict[str, Callable[[Project, random.Random], Labels]] = {
        "upload": _upload, "move": _move, "remove": _remove, "train": _train,
    }  # fmt: skip
    weights = _WEIGHTS[seed % len(_WEIGHTS)]
    if weights[-1]:  # else most would be killed while they import torch
        from classifier.workflows.train import train  # noqa: F401
    with Project.open(folder) as project:
        _say("ready", {})
        while True:
            enough = len(project.photos()) > 2 * _PHOTOS
            name = rng.choices(list(steps), weights)[0] if enough else "upload"
            steps[name](project, rng)


def _say(word: str, change: Labels) -> None:
    print(json.dumps([word, change]), flush=True)


def _upload(project: Project, rng: random.Random) -> Labels:
    change: Labels = {}
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number in range(_PHOTOS):
            picture = Image.effect_noise((64, 64), 90).convert("RGB")
            picture.putpixel((0, 0), tuple(rng.randrange(256) for _ in range(3)))
            stream = io.BytesIO()
            picture.save(stream, "PNG")
            path = Path(folder, f"{number}.png")
            path.write_bytes(stream.getvalue())
            label = _CLASSES[number % len(_CLASSES)]
            files.append((f"{label}/{rng.getrandbits(60)}.png", path))
            change[_sha256(path)] = label
        _say("begin", change)
        project.uploads.receive(files)
    _say("done", change)
    return change


def _sha256(path: Path) -> str:
    from classifier.data.intake import sha256

    return sha256(path)


def _move(project: Project, rng: random.Random) -> Labels:
    photo, label = rng.choice(project.photos()), rng.choice(_CLASSES)
    return _edit({photo.sha256: label}, lambda: project.move([photo.id], label))


def _remove(project: Project, rng: random.Random) -> Labels:
    photo = rng.choice(project.photos())
    return _edit({photo.sha256: None}, lambda: project.remove([photo.id]))


def _edit(change: Labels, edit: Callable[[], object]) -> Labels:
    _say("begin", change)
    edit()
    _say("done", change)
    return change


def _train(project: Project, rng: random.Random) -> Labels:
    from classifier import TrainConfig, train

    _say("begin", {})
    *_, finished = train(project, TrainConfig(seed=rng.randrange(9)), device="cpu")
    _say(finished.folder.name, {})
    return {}


def kill_once(folder: Path, seed: int, known: Labels, models: set[str], start: Start) -> tuple[str, list[str]]:
    """Let a child work and kill it; returns what it did last and the faults of the project after that.

    ``known`` and ``models`` are what was acknowledged so far, and are brought up to date.
    """
    rng = random.Random(seed)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as lines_of_child:
        with os.fdopen(writing, "wb") as out:
            child = start([__file__, "--work", str(folder), str(seed)], out)
        lines_of_child.readline()
        time.sleep(rng.uniform(0, rng.choice(_SECONDS[seed % len(_SECONDS)])))
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        lines = [json.loads(line) for line in lines_of_child if line.endswith(b"\n")]
    open_change: Labels = {}
    last = "nothing"
    for word, change in lines:
        last = f"{word} of {len(change)} photos" if change else f"{word} of a training"
        open_change = change if word == "begin" else {}
        if word == "done":
            known.update(change)
        elif word != "begin":
            models.add(word)
    return last, check(folder, known, open_change, models)


def check(folder: Path, known: Labels, open_change: Labels, models: set[str]) -> list[str]:
    """Return the faults of a project after a restart; a step that was begun may have been done or not."""
    from classifier.models import checkpoint, model_leftovers

    scratch.RECENT = -1.0  # the child is known to have ended
    with Project.open(folder) as project:
        clean_up(folder, project.catalog)
        model_leftovers.clean_up(project.models, project.catalog)
        found = {photo.sha256: photo for photo in project.photos()}
        labels = {sha: photo.label for sha, photo in found.items()}
        faults = [
            f"{sha[:8]} is {labels.get(sha)}, not {label}"
            for sha, label in known.items()
            if labels.get(sha) != label and (sha not in open_change or labels.get(sha) != open_change[sha])
        ]
        known.update({sha: labels.get(sha) for sha in {*known, *open_change}})
        faults += [f"{sha[:8]} comes from nowhere" for sha in labels.keys() - known.keys()]
        faults += [f"{sha[:8]} has no file" for sha, photo in found.items() if not _opens(project.photo_path(photo))]
        faults += [
            f"{sha[:8]} has no thumbnail" for sha, photo in found.items() if not _opens(project.thumbnail(photo))
        ]
        faults += [f"the model {name} is missing" for name in models - {path.name for path in project.model_folders()}]
        runs = {run.name for run in project.catalog.runs.newest()}
        for model in project.model_folders():
            checkpoint.load(model)
            faults += [] if model.name in runs else [f"the model {model.name} has no run"]
        project.undo()  # works
        after = {photo.sha256: photo.label for photo in project.photos()}
        known.update({sha: after.get(sha) for sha in known})
    with closing(sqlite3.connect(folder / "project.sqlite")) as db:
        faults += [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
    faults += [f"{path.name} is left" for path in folder.rglob("*") if path.name.startswith((".", "unpacking-"))]
    return faults


def _opens(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            picture.load()
    except OSError:
        return False
    return True


def run(count: int, seed: int, start: Start = start_interpreter) -> int:
    """Kill ``count`` times; print what was done at each and return the number of faults."""
    home = Path(tempfile.mkdtemp(prefix="kills-"))
    known: Labels = {}
    models: set[str] = set()
    total = 0
    try:
        for number in range(count):
            last, faults = kill_once(home / "project", seed + number, known, models, start)
            total += len(faults)
            present = sum(label is not None for label in known.values())
            print(
                f"{number + 1:3}  {present:4} photos, {len(models)} models, killed after: {last}",
                *faults,
                sep="\n     ",
            )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"{count} kills, {total} faults")
    return total


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", nargs=2, metavar=("FOLDER", "SEED"), help=argparse.SUPPRESS)
    args: Any = parser.parse_args()
    if args.work:
        work(Path(args.work[0]), int(args.work[1]))
    else:
        sys.exit(run(args.count, args.seed) > 0)


if __name__ == "__main__":
    main()
