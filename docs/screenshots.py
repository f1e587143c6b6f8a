"""Pictures of the page in its states, made with a browser: those of README, and all to look at before a release.

    python docs/screenshots.py            the pictures of README, beside this file
    python docs/screenshots.py --all DIR  every tab and state in several widths, themes and numbers of classes, in DIR

Needs the packages of .ci/requirements.txt and Chromium. Each run starts the program over an empty folder and draws its
own photos.
"""

from __future__ import annotations

import argparse
import io
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
from PIL import Image

from classifier.data.example import draw_example
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.pages import SLOW, Program, drop_folder, open_page, seconds_only

TABS = ("Photos", "Train", "Review", "Try it", "Share")
HEIGHT = 900
_WALK_WIDTH, _WALK_COLORS = 720, 64  # of the animated picture: under a megabyte


@dataclass(frozen=True)
class Look:
    """How the page is shown: its width in pixels, light or dark, high contrast, the language."""

    width: int
    scheme: str = "light"
    forced: bool = False
    language: str = "en"

    @property
    def name(self) -> str:
        """The part of a file's name that tells it."""
        return "-".join([str(self.width), self.scheme, *(["forced"] if self.forced else []), self.language])


FIRST = (Look(1440), Look(390))
OTHERS = (
    Look(320), Look(820), Look(1440, "dark"), Look(390, "dark"), Look(1440, forced=True), Look(390, language="de"),
    Look(1440, language="ja"),
)  # fmt: skip


def draw_classes(folder: Path, count: int, per_class: int) -> Path:
    """Draw photos of ``count`` classes: two colors in a pattern of their own each."""
    for number in range(count):
        rng = np.random.default_rng(number)
        colors, pattern = rng.integers(0, 256, (2, 3)), rng.integers(0, 2, (6, 6))
        (folder / f"kind {number + 1:02}").mkdir(parents=True)
        for one in range(per_class):
            noise = np.random.default_rng(1000 * number + one).normal(0, 25, (96, 128, 3))
            pixels = colors[np.kron(pattern, np.ones((16, 22), int))[:, :128]] + noise
            picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            picture.save(folder / f"kind {number + 1:02}" / f"photo {one + 1:02}.jpg")
    return folder


def draw_kinds(folder: Path, per_class: int, seed: int = 0) -> Path:
    """Draw the example photos into a folder and return it."""
    draw_example(folder, per_class=per_class, seed=seed)
    return folder


@contextmanager
def start_program(home: Path) -> Iterator[Program]:
    """Run the program over an empty folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Program(home / "home", port)
    program.start()
    yield program
    program.stop()


def open_as(browser: Any, program: Program, look: Look) -> Any:
    """Open the page as a new visitor and wait until photos can be dropped."""
    context = browser.new_context(
        viewport={"width": look.width, "height": HEIGHT}, color_scheme=look.scheme, locale=look.language,
        forced_colors="active" if look.forced else "none",
    )  # fmt: skip
    page = open_page(context, [])
    page.goto(program.url)
    page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
    return page


def open_tab(page: Any, number: int) -> None:
    """Open a tab by its number and wait until it is drawn."""
    page.get_by_role("tab").nth(number).click()
    page.wait_for_timeout(1200)


def train(page: Any) -> None:
    """Train the first model from the Photos tab."""
    page.locator("#photos-next").click()
    seconds_only(page)
    page.locator("#train").click()
    page.locator(".pc-score").wait_for(timeout=SLOW)


def fill(page: Any, photos: Path, tries: list[Path]) -> None:
    """Drop photos, train, and try some."""
    drop_folder(page, photos)
    page.locator("#photos-grid img").first.wait_for(timeout=SLOW)
    train(page)
    open_tab(page, 3)
    page.locator("#try-drop input[type=file]").set_input_files(tries)
    page.locator(".pc-answer").first.wait_for(timeout=SLOW)
    page.wait_for_timeout(2000)


def take_tabs(page: Any, folder: Path, state: str, looks: tuple[Look, ...]) -> None:
    """Take a picture of every tab in each look; of those of another language or contrast the page is opened anew."""
    for look in looks:
        page.set_viewport_size({"width": look.width, "height": HEIGHT})
        page.emulate_media(color_scheme=look.scheme, forced_colors="active" if look.forced else "none")
        page.reload()
        page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
        for number, tab in enumerate(TABS):
            open_tab(page, number)
            page.screenshot(path=folder / f"{state}-{tab.lower().replace(' ', '-')}-{look.name}.png", full_page=True)


def take_all(browser: Any, program: Program, work: Path, folder: Path) -> None:
    """Take the pictures of every tab: empty, and with 4, 2 and 40 classes."""
    folder.mkdir(parents=True, exist_ok=True)
    take_tabs(open_as(browser, program, FIRST[0]), folder, "empty", FIRST)
    sets = {
        "four": draw_kinds(work / "four", 12),
        "two": draw_classes(work / "two", 2, 8),
        "forty": draw_classes(work / "forty", 40, 4),
    }
    for state, looks in (("four", (*FIRST, *(one for one in OTHERS if one.language == "en"))), ("two", FIRST[1:]),
                         ("forty", FIRST)):  # fmt: skip
        page = open_as(browser, program, FIRST[0])
        photos = sorted(sets[state].glob("*/*.jpg"))
        fill(page, sets[state], photos[:: max(1, len(photos) // 6)])
        take_tabs(page, folder, state, looks)
    for look in (one for one in OTHERS if one.language != "en"):
        page = open_as(browser, program, look)
        fill_in_language(page, sets["four"])
        take_tabs(page, folder, "four", (look,))


def fill_in_language(page: Any, photos: Path) -> None:
    """Drop photos and train, whatever the language of the page is."""
    drop_folder(page, photos)
    page.locator("#photos-grid img").first.wait_for(timeout=SLOW)
    page.locator("#photos-next").click()
    page.locator("#train-minutes input").first.check()
    page.locator("#train").click()
    page.locator(".pc-score").wait_for(timeout=SLOW)


def take_readme(browser: Any, program: Program, work: Path, folder: Path) -> None:
    """Take the pictures of README: the four steps on a desktop, and an answer on a phone."""
    photos = draw_kinds(work / "photos", 12)
    tries = sorted(draw_kinds(work / "new", 1, seed=7).glob("*/*.jpg"))
    page = open_as(browser, program, Look(1280))
    drop_folder(page, photos)
    page.locator("#photos-grid img").first.wait_for(timeout=SLOW)
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / "photos.png")
    train(page)
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / "train.png")
    open_tab(page, 2)
    page.screenshot(path=folder / "review.png")
    page.set_viewport_size({"width": 390, "height": 844})
    open_tab(page, 3)
    page.locator("#try-drop input[type=file]").set_input_files(tries[:1])
    page.locator(".pc-answer").first.wait_for(timeout=SLOW)
    page.wait_for_timeout(2500)
    page.locator(".pc-answer").first.scroll_into_view_if_needed()
    page.screenshot(path=folder / "try-it.png")


def take_walk(browser: Any, program: Program, folder: Path) -> None:
    """Take the animated picture of the first minute: from the example button to answers."""
    page = open_as(browser, program, Look(1080))
    frames = [page.screenshot()]
    page.get_by_role("button", name="Try with example photos").click()
    answer = page.locator("#try-result .pc-answer .pc-bars")
    while not answer.is_visible():
        frames.append(page.screenshot())
        page.wait_for_timeout(900)
    page.wait_for_timeout(2500)
    frames.append(page.screenshot())
    page.evaluate("document.querySelector('#try-result').scrollIntoView()")
    page.wait_for_timeout(500)
    frames.append(page.screenshot())
    for name in ("Review", "Train"):
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(1500)
        frames.append(page.screenshot())
    save_animation(frames, folder / "walk-through.gif")


def save_animation(frames: list[bytes], path: Path) -> None:
    """Save screenshots (PNG) as a GIF of a few seconds; those that are equal are shown longer."""
    pictures: list[Image.Image] = []
    durations: list[int] = []
    for frame in frames:
        picture = Image.open(io.BytesIO(frame)).convert("RGB")
        picture.thumbnail((_WALK_WIDTH, _WALK_WIDTH), Image.Resampling.LANCZOS)
        if pictures and picture.tobytes() == pictures[-1].tobytes():
            durations[-1] += 300
            continue
        pictures.append(picture)
        durations.append(900)
    durations[0], durations[-3:] = 1800, [2500] * len(durations[-3:])
    colored = [one.quantize(_WALK_COLORS, dither=Image.Dither.NONE) for one in pictures]
    colored[0].save(path, save_all=True, append_images=colored[1:], duration=durations, loop=0, optimize=True)


def main() -> None:
    """Take the pictures that are asked for."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", type=Path, metavar="DIR", help="folder for every tab and state")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, start_program(Path(work)) as program, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        if args.all:
            take_all(browser, program, Path(work), args.all)
        else:
            take_readme(browser, program, Path(work), Path(__file__).parent)
            take_walk(browser, program, Path(__file__).parent)
        browser.close()


if __name__ == "__main__":
    main()
