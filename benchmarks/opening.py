"""Seconds until a browser without a cache shows a project of many photos, and then the photos of another class.

    python benchmarks/opening.py [--classes 40] [--per-class 100] [--visits 5] [--width 1280]

Draws the photos, adds them to a project, serves the page and opens it in Chromium, each time as another visitor who has
that project. The first visit is of a server that has just started. Prints the seconds until all classes and the first
photos are drawn, and from the press of a class to its photos. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from PIL import Image

from classifier import Project
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.pages import Program, be_known, give_project, open_page

_HEIGHT = 900
# The pictures have arrived and are decoded, and the browser has drawn a frame with them.
_SHOWN = """([classes, label]) => {
  const bars = document.querySelectorAll("#photos-classes button[data-label]");
  const photos = [...document.querySelectorAll("#photos-grid .pc-card img")];
  const chosen = document.querySelector("#photos-classes [aria-pressed=true]")?.dataset.label;
  if (bars.length !== classes || chosen !== label || !photos.length) return false;
  if (!photos.every((one) => one.alt.startsWith(label) && one.complete && one.naturalWidth)) return false;
  return !document.getElementById("opening");
}"""


def draw_photos(folder: Path, classes: int, per_class: int) -> Path:
    """Draw photos of 640 x 480 pixels, whose names begin with their class, and return their folder."""
    rng = np.random.default_rng(0)
    for number in range(classes):
        label = name_of(number)
        (folder / label).mkdir(parents=True)
        for one in range(per_class):
            small = Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8))
            small.resize((640, 480), Image.Resampling.BICUBIC).save(folder / label / f"{label} {one:03}.jpg")
    return folder


def name_of(number: int) -> str:
    """Return the name of a class."""
    return f"class {number + 1:02}"


@contextmanager
def serve(folder: Path) -> Iterator[Program]:
    """Serve the page over an empty folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Program(folder / "home", port)
    program.start()
    try:
        yield program
    finally:
        program.kill()


def visit(browser: Any, program: Program, project: Path, classes: int, width: int) -> tuple[float, float]:
    """Open the page as a new visitor; return the seconds to the photos, and to those of another class."""
    page = open_page(browser.new_context(viewport={"width": width, "height": _HEIGHT}), [])
    be_known(page, give_project(program.home, project))
    begin = time.perf_counter()
    page.goto(program.url)
    page.wait_for_function(_SHOWN, arg=[classes, name_of(0)])
    opened = time.perf_counter() - begin
    begin = time.perf_counter()
    page.locator("#photos-classes button[data-label]").nth(classes // 2).click()
    page.wait_for_function(_SHOWN, arg=[classes, name_of(classes // 2)])
    chosen = time.perf_counter() - begin
    page.context.close()
    return opened, chosen


def main() -> None:
    """Print the seconds of each visit and their medians."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--classes", type=int, default=40)
    parser.add_argument("--per-class", type=int, default=100)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--width", type=int, default=1280)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        photos = draw_photos(Path(made) / "photos", args.classes, args.per_class)
        begin = time.perf_counter()
        with Project.open(Path(made) / "project") as project:
            project.add(photos)
        print(f"added {args.classes * args.per_class} photos in {time.perf_counter() - begin:.1f} s", flush=True)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        with serve(Path(made)) as program:
            rows = []
            for number in range(args.visits):
                rows.append(visit(browser, program, Path(made) / "project", args.classes, args.width))
                print(f"visit {number + 1}: opened {rows[-1][0]:.2f} s, class {rows[-1][1]:.2f} s", flush=True)
        browser.close()
    opened, chosen = (statistics.median(column) for column in zip(*rows))
    print(f"median: opened {opened:.2f} s, class {chosen:.2f} s")


if __name__ == "__main__":
    main()
