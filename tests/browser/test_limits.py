"""Limits of the host in a real browser: what is nearly used up is shown, and at a limit the photos stay."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from classifier.data.example import draw_example
from tests.browser.pages import SLOW, Program, drop_folder, open_page

pytestmark = pytest.mark.browser


@pytest.fixture
def small_host(tmp_path: Path) -> Iterator[Program]:
    """A program with room for one visitor with four classes and 20 photos."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    limits = {"CLASSES": 4, "UPLOAD_FILES": 20, "PROJECT_PHOTOS": 20, "PROJECTS": 1, "NETWORKS": "table"}
    variables = {f"CLASSIFIER_{name}": str(value) for name, value in limits.items()}
    program = Program(tmp_path / "home", port, variables=variables)
    program.start()
    yield program
    program.stop()


def test_at_a_limit_there_is_a_sentence_and_the_photos_stay(small_host: Program, browser: Any, tmp_path: Path) -> None:
    draw_example(tmp_path / "first" / "photos", per_class=4)
    draw_example(tmp_path / "many" / "photos", per_class=6)
    draw_example(tmp_path / "more" / "photos", per_class=3, seed=7)
    draw_example(tmp_path / "new" / "photos", per_class=1, seed=8)
    (tmp_path / "new" / "photos" / "mug").rename(tmp_path / "new" / "photos" / "cup")
    context = browser.new_context()
    problems: list[str] = []
    page = open_page(context, problems)
    page.goto(small_host.url)
    drop_folder(page, tmp_path / "first")
    page.get_by_text("Added 16 photos.").wait_for(timeout=SLOW)
    near = page.locator("#limits")
    near.get_by_text("4 of the 4 classes that your project can have").wait_for(timeout=SLOW)
    near.get_by_text("16 of the 20 photos that your project can hold").wait_for()

    drop_folder(page, tmp_path / "new")
    page.get_by_text("your project would have 5 classes; it can hold 4").wait_for(timeout=SLOW)
    page.get_by_text("They are kept here and need not be sent again").wait_for(timeout=SLOW)
    drop_folder(page, tmp_path / "more")
    page.get_by_text("it can hold 20").wait_for(timeout=SLOW)
    drop_folder(page, tmp_path / "many")  # refused by the browser, which sends nothing
    page.get_by_text("24 files are too many: at most 20 are taken at once").wait_for(timeout=SLOW)
    page.get_by_text("16 photos in 4 classes").wait_for()

    other = open_page(browser.new_context(), problems)
    other.goto(small_host.url)
    drop_folder(other, tmp_path / "first")
    other.get_by_text("room for the photos of 1 person").wait_for(timeout=SLOW)
    page.reload()
    page.get_by_text("16 photos in 4 classes").wait_for(timeout=SLOW)
    assert problems == []
