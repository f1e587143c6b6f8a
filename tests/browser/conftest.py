"""One program for all browser tests, and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from classifier import Project, TrainConfig, train
from classifier.data.example import draw_example
from tests import processes
from tests.browser.film import shoot_film
from tests.browser.pages import Program, be_known, give_project, open_page
from tests.hub_server import WRITE, Hub, serve_hub

CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--force-prefers-reduced-motion",  # without a GPU each bar that moves takes a quarter of a core
    "--host-resolver-rules=MAP *.gradio.live 127.0.0.1, MAP *.hf.space 127.0.0.1",
]  # fmt: skip
SHARE_NAME, SPACE_NAME = "0123abcd.gradio.live", "anna-photos.hf.space"
# Gradio says what the share link is when it is there; here it has the form of one.
_REACHED_FROM_AFAR = {
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "SPACE_HOST": SPACE_NAME,
    "CLASSIFIER_HOSTS": f"https://{SHARE_NAME}",
}


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    """What the program takes for the Hugging Face Hub."""
    with serve_hub() as hub:
        yield hub


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[Program]:
    """One program for all tests, each of which is another visitor: a start takes as long as a test."""
    of_hub = {"HF_ENDPOINT": hub.address, "HF_TOKEN": WRITE, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    home = tmp_path_factory.mktemp("program") / "home"
    program = Program(home, processes.free_port(), {**_REACHED_FROM_AFAR, **of_hub})
    program.start()
    yield program
    program.stop()


@pytest.fixture(scope="package")  # no longer: other tests have event loops of their own
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser; each test opens a context of its own, as another visitor."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if sync_playwright is None or CHROMIUM is None:
        reason = "needs Chromium and Playwright"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        film = shoot_film(tmp_path_factory.mktemp("camera") / "film.mjpeg")
        seen = f"--use-file-for-fake-video-capture={film}"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, seen])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def trained_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``trained_project(per_class=6)`` is a project with drawn photos of four classes and a model of them.

    Made once: a visitor gets a copy. Beside it are its photos in ``photos``, which are not to be changed.
    """
    folder = tmp_path_factory.mktemp("trained-projects")

    def make(per_class: int = 6) -> Path:
        made = folder / str(per_class)
        if not made.exists():
            draw_example(made / "photos", per_class)
            with Project.open(made / "project") as project:
                project.add(made / "photos")
                for _ in train(project, TrainConfig()):
                    pass
        return made / "project"

    return make


@pytest.fixture(scope="package")
def window(browser: Any) -> Iterator[Any]:
    """A window that stays open: what it has cached loads the pages after the first in two thirds of the time."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def visit(window: Any, program: Program) -> Iterator[Callable[..., Any]]:
    """``visit(width, project=..., url=...)`` opens the page as a new visitor, who may have a copy of a project.

    Once a test, as the visitor before is forgotten; others come with contexts of their own. An error of the page or
    a dialog fails the test.
    """
    problems: list[str] = []

    def open_as_new(width: int = 390, project: Path | None = None, url: str = program.url) -> Any:
        page = open_page(window, problems)
        page.set_viewport_size({"width": width, "height": 844})
        forget = {"origin": url, "storageTypes": "cookies,local_storage"}
        window.new_cdp_session(page).send("Storage.clearDataForOrigin", forget)
        if project is not None:
            be_known(page, give_project(program.home, project))
        page.goto(url)
        return page

    yield open_as_new
    for page in window.pages:
        stop_training(page)
        page.close()
    window.clear_permissions()
    assert problems == []
    assert program.becomes_idle(), "a training goes on, and takes its time from all tests after this one"


def stop_training(page: Any) -> None:
    """Press “Stop here” where a training runs: it would go on for minutes beside the next tests of the program."""
    if not page.is_closed():
        with suppress(Exception):  # the page is being left
            if page.evaluate("[...document.querySelectorAll('#train-stop')].map((one) => one.click()).length"):
                page.wait_for_timeout(150)  # for the request to be sent


@pytest.fixture(autouse=True)
def _no_page_stays_open(browser: Any) -> Iterator[None]:
    """Close what a test opened: a page that nobody sees draws and asks on, and slows down all tests after it."""
    before = list(browser.contexts)
    yield
    for context in browser.contexts:
        if context not in before:
            for page in context.pages:
                stop_training(page)
            context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell what the open pages show where a test fails: of a failure in CI nothing else is left to look at."""
    report = yield
    browser = getattr(item, "funcargs", {}).get("browser")
    if call.when == "call" and report.failed and browser is not None:
        for page in (page for context in browser.contexts for page in context.pages):
            with suppress(Exception):  # the browser is gone
                report.sections.append((f"page at {page.url}", page.locator("body").inner_text(timeout=1000)))
    return report
