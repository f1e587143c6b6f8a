"""Pictures of the page in its states, made with a browser: those of README, and all to look at before a release.

    python docs/screenshots.py            the pictures of README, beside this file
    python docs/screenshots.py --all DIR  every tab and state in several widths, themes and languages, in DIR
    python docs/screenshots.py --all DIR --only forty five-390-light-de
                                          of these only those whose names begin with one of the words

Needs the packages of .ci/requirements.txt and Chromium. Each run serves the page over an empty folder and draws its own
photos; projects and models of ``--all`` are made by the package, not by hand on the page.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
from PIL import Image, ImageDraw

from classifier import Project, TrainConfig
from classifier import train as train_model
from classifier.data.example import draw_example
from tests import pseudo
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.pages import SLOW, drop_files, drop_folder, open_page, seconds_only
from tests.ui.web import serve

TABS = ("photos", "train", "review", "try-it", "share")
HEIGHT = 900
_WALK_WIDTH, _WALK_COLORS = 720, 64  # of the animated picture: under a megabyte
_TOKEN = re.compile(r'"([A-Za-z0-9_-]{43})"')
_OPEN_ALL = """() => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const one of document.querySelectorAll("button.label-wrap:not(.open)")) one.click();
}"""


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
LOOKS = (
    *FIRST, Look(320), Look(820), Look(1440, "dark"), Look(390, "dark"), Look(1440, forced=True),
    Look(390, language="de"), Look(1440, language="ja"), Look(390, language="ar-XB"), Look(1440, language="ar-XB"),
)  # fmt: skip


def draw_classes(folder: Path, count: int, per_class: int) -> Path:
    """Draw photos of ``count`` classes: polygons of one color and number of corners, on grounds of any color."""
    for number in range(count):
        rng, color = np.random.default_rng(number), f"hsl({number * 360 // 7 % 360}, 85%, 45%)"
        (folder / f"kind {number + 1:02}").mkdir(parents=True)
        for one in range(per_class):
            ground = rng.integers(60, 220, 3) + rng.normal(0, 12, (96, 128, 3)) + np.linspace(0, 50, 128)[:, None]
            picture = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
            place = (*map(int, rng.integers(30, 66, 2)), int(rng.integers(16, 30)))
            ImageDraw.Draw(picture).regular_polygon(place, 3 + number % 6, int(rng.integers(360)), color, "black")
            picture.save(folder / f"kind {number + 1:02}" / f"photo {one + 1:02}.jpg")
    return folder


def draw_kinds(folder: Path, per_class: int, seed: int = 0) -> Path:
    """Draw the example photos into a folder and return it."""
    draw_example(folder, per_class=per_class, seed=seed)
    return folder


def draw_five(folder: Path) -> Path:
    """Draw the example photos and a class of patterns."""
    return draw_classes(draw_kinds(folder, 12), 1, 8)


@contextmanager
def open_browser(work: Path) -> Iterator[tuple[Any, str, Path]]:
    """Serve the page in all languages, pseudo languages too; yields a browser, the address and the projects' folder."""
    from playwright.sync_api import sync_playwright

    offered = pseudo.offered()
    next(offered)
    with serve(work) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser, f"http://127.0.0.1:{served.port}", work / "home"
        browser.close()
    list(offered)


def open_as(browser: Any, url: str, look: Look, project: Path | None = None, home: Path = ROOT) -> Any:
    """Open the page as a new visitor and wait until photos can be dropped.

    Args:
        project: a folder that becomes the visitor's project in ``home``.
    """
    context = browser.new_context(
        viewport={"width": look.width, "height": HEIGHT}, color_scheme=look.scheme, locale=look.language,
        forced_colors="active" if look.forced else "none",
    )  # fmt: skip
    page = open_page(context, [])
    tokens: list[str] = []
    page.on("request", lambda request: tokens.extend(_TOKEN.findall(request.post_data or "")))
    page.goto(url)
    page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
    if project is not None:
        home.mkdir(parents=True, exist_ok=True)
        copy = Path(tempfile.mkdtemp(dir=home.parent)) / "project"  # moved as a whole: the page asks for it meanwhile
        shutil.copytree(project, copy)
        copy.rename(home / hashlib.sha256(tokens[-1].encode()).hexdigest())
        page.reload()
        page.locator("#photos-grid img").first.wait_for(timeout=SLOW)
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


def take_whole(page: Any, path: Path) -> None:
    """Take a picture of the whole page, in a window as high as that, so that what stays on view is at its end."""
    size = dict(page.viewport_size)
    page.set_viewport_size({**size, "height": max(HEIGHT, page.evaluate("document.documentElement.scrollHeight"))})
    page.wait_for_timeout(300)
    page.screenshot(path=path, full_page=True)
    page.set_viewport_size(size)


def take_tabs(page: Any, folder: Path, name: str, tries: list[Path], opened: bool = False) -> None:
    """Take a picture of every tab, and of the answers for some photos; ``opened``: with all that can be opened."""
    for number, tab in enumerate(TABS):
        open_tab(page, number)
        if tab == "try-it" and tries:
            page.locator("#try-drop input[type=file]").set_input_files(tries)
            page.locator("#try-result .pc-answer").first.wait_for(timeout=SLOW)
            page.wait_for_timeout(2000)
        if opened:
            page.evaluate(_OPEN_ALL)
            page.wait_for_timeout(1000)
        take_whole(page, folder / f"{name}-{tab}.png")


def take_moments(page: Any, folder: Path, name: str, work: Path) -> None:
    """Take what comes and goes: files left out, a training that runs, the larger view, a lost connection."""

    def take(moment: str) -> None:
        page.wait_for_timeout(1500)
        page.screenshot(path=folder / f"{name}-{moment}.png")

    (work / "notes.txt").write_text("no photo")
    (work / "broken.jpg").write_bytes(b"broken")
    drop_files(page, work / "notes.txt", work / "broken.jpg")
    take("left-out")
    page.locator("#photos-grid img").first.click()
    take("larger")
    page.keyboard.press("Escape")
    open_tab(page, 1)
    page.locator("#train").click()
    page.locator("#train-progress .pc-progress").first.wait_for(timeout=SLOW)
    take("training")
    page.context.set_offline(True)
    page.locator("#train-stop").click()
    take("offline")


@dataclass(frozen=True)
class State:
    """What a visitor has: photos, drawn into a folder, with a model of them, and how many of them are tried."""

    name: str
    looks: tuple[Look, ...]
    draw: Callable[[Path], Path] | None = None
    tries: int = 0
    opened: bool = False


STATES = (
    State("empty", FIRST),
    State("two", FIRST, lambda folder: draw_classes(folder, 2, 8), tries=1),
    State("five", LOOKS, draw_five, tries=6),
    State("forty", (*FIRST, Look(820, "dark")), lambda folder: draw_classes(folder, 40, 4), tries=40),
    State("opened", FIRST, draw_five, tries=1, opened=True),
    State("moment", FIRST, draw_five),
)


def make_project(folder: Path, photos: Path) -> None:
    """Make a project of photos and train its model, as a press on Train does with “seconds only”."""
    with Project.open(folder) as project:
        project.add(photos)
        list(train_model(project, TrainConfig(mode="quick")))


def take_all(browser: Any, url: str, home: Path, work: Path, folder: Path, only: tuple[str, ...]) -> None:
    """Take the pictures of every state and look whose name begins with one of ``only``."""
    folder.mkdir(parents=True, exist_ok=True)

    @cache
    def made(draw: Callable[[Path], Path]) -> tuple[Path, Path]:
        place = Path(tempfile.mkdtemp(dir=work))
        make_project(place / "project", draw(place / "photos"))
        return place / "project", place / "photos"

    for state in STATES:
        for look in state.looks:
            name = f"{state.name}-{look.name}"
            if not name.startswith(only):
                continue
            project, photos = made(state.draw) if state.draw else (None, work)
            found = sorted(photos.glob("*/*.jpg"))
            page = open_as(browser, url, look, project, home)
            if state.name == "moment":
                take_moments(page, folder, name, work)
            else:
                tries = found[:: max(1, len(found) // state.tries)][: state.tries] if state.tries else []
                take_tabs(page, folder, name, tries, state.opened)
            page.context.close()


def take_readme(browser: Any, url: str, work: Path, folder: Path) -> None:
    """Take the pictures of README: the four steps on a desktop, and an answer on a phone."""
    photos = draw_kinds(work / "photos", 12)
    tries = sorted(draw_kinds(work / "new", 1, seed=7).glob("*/*.jpg"))
    page = open_as(browser, url, Look(1280))
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


def take_walk(browser: Any, url: str, folder: Path) -> None:
    """Take the animated picture of the first minute: from the example button to answers."""
    page = open_as(browser, url, Look(1080))
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
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", type=Path, metavar="DIR", help="folder for every tab and state")
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="what the names of pictures begin with")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, open_browser(Path(made) / "served") as (browser, url, home):
        if args.all:
            take_all(browser, url, home, Path(made), args.all, tuple(args.only))
        else:
            take_readme(browser, url, Path(made), Path(__file__).parent)
            take_walk(browser, url, Path(__file__).parent)


if __name__ == "__main__":
    main()
