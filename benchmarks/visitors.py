"""Visitors who send the same photos at the same time: how many photos are lost, and how long it takes.

    python benchmarks/visitors.py [--visitors 4] [--photos 60] [--rounds 20] [--zip] [--apart 2]
    python benchmarks/visitors.py --memory --visitors 14 [--photos 60]

Serves the page in a process of its own. In each round every visitor, each a browser with a project of its own, uploads
the same photos over HTTP as the page's drop area does, one after another or as one zip, and begins within ``--apart``
seconds. Then the photos of each project are compared byte by byte with what was sent. The exit status is 1 if any photo
is missing, changed, or left out with a reason.

With ``--memory`` the visitors come one after another, each with photos of their own: they upload them, train, predict
three, review and move one, and leave. The memory of the page and its workers is printed after each visit.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from browser import Browser  # of this folder

from tests.helpers import draw_photo, encode
from tests.hostile.attacks import children, forget_peak, peak_memory
from tests.hostile.served import Page, page
from tests.ui.visitors import Visitor

_SIZE = (1600, 1200)  # of the photos of the visitors whose memory is measured


def draw(count: int) -> dict[str, bytes]:
    """Return so many photos of three classes, by name."""
    return {f"pets/{('cat', 'dog', 'owl')[n % 3]}/{n}.jpg": encode(draw_photo(n)) for n in range(count)}


def packed(photos: dict[str, bytes]) -> dict[str, bytes]:
    """Return a zip of the photos; two are equal."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in photos.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return {"pets.zip": stream.getvalue()}


def send(visitor: Visitor, files: dict[str, bytes], apart: float) -> str:
    """Upload files after a moment, and return what the page said."""
    time.sleep(random.uniform(0, apart))
    answer = visitor.drop(files)
    return answer.error or str(answer.values[0])


def lost(served: Page, visitor: Visitor, photos: dict[str, bytes]) -> int:
    """Return how many photos a visitor does not have."""
    with served.home.open(visitor.token) as project:
        kept = {project.photo_path(photo).read_bytes() for photo in project.photos()}
        left_out = len(project.left_out())
    return sum(content not in kept for content in photos.values()) + left_out


def visit(served: Page, seed: int, count: int) -> None:
    """Do once what a visitor does, from the first photo to the last look at the model."""
    photos = {
        f"pets/{('cat', 'dog', 'owl')[n % 3]}/{n}.jpg": encode(draw_photo(10_000 * seed + n, _SIZE))
        for n in range(count)
    }
    browser = Browser(served.url)
    browser.load()
    browser.drop_photos(photos)
    browser.open_tab("2 · Train")
    browser.train()
    browser.open_tab("4 · Try it")
    browser.try_photos(dict(list(photos.items())[:3]))
    browser.open_tab("3 · Review")
    with served.home.open(browser.token) as project:
        photo = project.photos()[0]
    browser.press("review-photos", "submit", {"id": photo.id, "action": "move", "label": "dog"})
    browser.leave()


def measure_memory(served: Page, visitors: int, photos: int) -> None:
    """Print the memory after each of so many visits."""
    print(f"start: page {memory(served.pid) // 10**6} MB")
    for number in range(visitors):
        start = time.monotonic()
        visit(served, number, photos)
        seconds = time.monotonic() - start
        time.sleep(2)
        own, workers = (memory(served.pid), sum(map(memory, children(served.pid))))
        print(
            f"visitor {number + 1:3}: {seconds:5.1f} s, page {own // 10**6} MB, workers {workers // 10**6} MB",
            flush=True,
        )


def memory(pid: int | str) -> int:
    """Return the bytes of memory that a process holds; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def main() -> int:
    """Run the rounds and print what was lost in each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--apart", type=float, default=2.0)
    parser.add_argument("--zip", action="store_true")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    if options.memory:
        with tempfile.TemporaryDirectory() as folder, page(Path(folder)) as served:
            measure_memory(served, options.visitors, options.photos)
        return 0
    photos = draw(options.photos)
    files = packed(photos) if options.zip else photos
    total = 0
    with tempfile.TemporaryDirectory() as folder, page(Path(folder)) as served:
        forget_peak(served.pid)
        for number in range(options.rounds):
            visitors = [Visitor(served.url) for _ in range(options.visitors)]
            start = time.monotonic()
            with ThreadPoolExecutor(options.visitors) as pool:
                said = list(pool.map(lambda one: send(one, files, options.apart), visitors))
            missing = [lost(served, one, photos) for one in visitors]
            total += sum(missing)
            print(f"round {number + 1:3}: {time.monotonic() - start:5.1f} s, lost {missing}", flush=True)
            for words in {words for words, count in zip(said, missing) if count}:
                print(f"  {words}")
        sent = options.rounds * options.visitors * options.photos
        more = (peak_memory(served.pid) - served.idle) // 10**6
    print(f"lost {total} of {sent} photos; peak memory {more} MB above the idle page")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
