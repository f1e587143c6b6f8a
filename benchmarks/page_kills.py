"""Kill the page again and again while a visitor uploads, edits and trains over HTTP; nothing may be missing.

    python benchmarks/page_kills.py 50

The page, ``app.py`` in a process group of its own, is killed (SIGKILL) at a random moment and started again; then the
project is compared with what the page had acknowledged. ``kills.py`` does the same to a process without a page, in
a fifth of the time. Only for systems with SIGKILL.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import httpx
from browser import Browser
from kills import Labels, check
from PIL import Image

from tests.helpers import encode
from tests.hostile.served import Page

_PHOTOS = 6  # of one upload
_CLASSES = ("apple", "pear", "plum")
_STEPS = ("upload", "move", "remove", "train")
# How often each is done, and the most seconds until the page is killed; one after another.
_WEIGHTS = ((9, 3, 1, 0), (0, 1, 0, 9), (1, 6, 6, 0))
_SECONDS = ((1, 4, 8), (6, 12), (1, 3))


@dataclass
class Acknowledged:
    """What the page answered so far, and the step that it has not answered yet."""

    labels: Labels = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    open_change: Labels = field(default_factory=dict)
    last: str = "nothing"
    refused: list[str] = field(default_factory=list)


def work(browser: Browser, folder: Path, rng: random.Random, weights: tuple[int, ...], seen: Acknowledged) -> None:
    """Upload, edit and train until the page is gone."""
    with suppress(httpx.HTTPError, AssertionError, ValueError):  # the page was killed
        while True:
            rows = _rows(folder)
            step = rng.choices(_STEPS, weights)[0] if len(rows) > 2 * _PHOTOS else "upload"
            try:
                _do(step, browser, folder, rng, rows, seen)
            except RuntimeError as error:
                seen.refused.append(f"{step}: {error}")
                seen.open_change = {}
            seen.labels.update(seen.open_change)
            seen.open_change = {}


def _do(
    step: str, browser: Browser, folder: Path, rng: random.Random, rows: list[tuple[int, str]], seen: Acknowledged
) -> None:
    """Do one step; ``seen.open_change`` is what it changes, until it is acknowledged."""
    seen.last = step
    if step == "upload":
        photos = {f"{_CLASSES[n % 3]}/{rng.getrandbits(60)}.png": _draw(rng) for n in range(_PHOTOS)}
        seen.open_change = {_sha256(content): name.partition("/")[0] for name, content in photos.items()}
        _check(browser.drop_photos(photos).values, seen)
    elif step == "train":
        browser.train()
        seen.models.update(path.name for path in (folder / "models").glob("[!.]*"))
    else:
        id, sha = rng.choice(rows)
        label = rng.choice(_CLASSES)
        seen.open_change = {sha: label if step == "move" else None}
        if step == "move":
            browser.press("review-photos", "submit", {"id": id, "action": "move", "label": label})
        else:
            browser.press("photos-grid", "submit", {"ids": [id], "action": "remove"})


def _check(values: list[Any], seen: Acknowledged) -> None:
    if f"Added {_PHOTOS} photos" not in str(values[0]):
        seen.refused.append(str(values[0]))


def _draw(rng: random.Random) -> bytes:
    picture = Image.effect_noise((64, 64), 90).convert("RGB")
    picture.putpixel((0, 0), (rng.randrange(256), rng.randrange(256), rng.randrange(256)))
    return encode(picture, "PNG")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _rows(folder: Path) -> list[tuple[int, str]]:
    """Return number and SHA-256 of the photos of a project, whose page shows the numbers only."""
    path = folder / "project.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return [(int(id), str(sha)) for id, sha in db.execute("SELECT id, sha256 FROM assets")]


def kill_once(page: Page, token: str, rng: random.Random, seed: int, seen: Acknowledged) -> list[str]:
    """Start the page, let a visitor work, kill it, start it again; return the faults of the project."""
    browser = Browser(page.url, token)
    browser.load()
    folder = page.home.folder(token)
    weights, most = _WEIGHTS[seed % len(_WEIGHTS)], rng.choice(_SECONDS[seed % len(_SECONDS)])
    visitor = threading.Thread(target=work, args=(browser, folder, rng, weights, seen), daemon=True)
    visitor.start()
    time.sleep(rng.uniform(0, most))
    page.kill()
    visitor.join()
    page.start()
    browser = Browser(page.url, token)
    browser.load()
    browser.open_tab("3 · Review")
    faults = [f"refused: {words}" for words in seen.refused]
    seen.refused.clear()
    faults += ["a traceback is in the log"] if "Traceback" in page.log else []
    if folder.exists():
        faults += check(folder, seen.labels, seen.open_change, seen.models)
    seen.open_change = {}
    return faults


def run(count: int, seed: int) -> int:
    """Kill ``count`` times; print what was done at each and return the number of faults."""
    seen, total = Acknowledged(), 0
    with tempfile.TemporaryDirectory(prefix="kills-") as home:
        page = Page(Path(home))
        page.start()
        token = Browser(page.url).token
        try:
            for number in range(count):
                faults = kill_once(page, token, random.Random(seed + number), seed + number, seen)
                total += len(faults)
                present = sum(label is not None for label in seen.labels.values())
                begun = f"{number + 1:3}  {present:4} photos, {len(seen.models)} models, killed after: {seen.last}"
                print(begun, *faults, sep="\n     ", flush=True)
        finally:
            page.kill()
    print(f"{count} kills, {total} faults")
    return total


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.exit(run(options.count, options.seed) > 0)


if __name__ == "__main__":
    main()
