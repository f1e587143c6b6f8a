"""Photos that belong together, and a finished model judged on other photos, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from classifier.data.example import draw_example
from tests.browser.pages import SLOW, Program, drop_folder, fits_screen, open_page, seconds_only

pytestmark = pytest.mark.browser


def open_trained(program: Program, browser: Any, folder: Path, problems: list[str], per_class: int = 6) -> Any:
    """A page on which a model was trained on drawn photos of four classes."""
    draw_example(folder / "drop" / "photos", per_class=per_class)
    page = open_page(browser.new_context(viewport={"width": 390, "height": 844}), problems)
    page.goto(program.url)
    drop_folder(page, folder / "drop")
    page.locator("#photos-next").click(timeout=SLOW)
    seconds_only(page)
    page.locator("#train").click()
    page.locator(".pc-score").wait_for(timeout=SLOW)
    return page


def test_a_finished_model_is_judged_on_a_folder_dropped_later(program: Program, browser: Any, tmp_path: Path) -> None:
    problems: list[str] = []
    page = open_trained(program, browser, tmp_path, problems)
    draw_example(tmp_path / "later" / "new", per_class=2, seed=7)
    uploads = set((program.home / "uploads").rglob("*.jpg"))  # of other visitors
    page.locator("#train-next").click()
    page.get_by_role("button", name="How good is it on other photos?").click(timeout=SLOW)
    page.locator("#judge-drop [data-ready]").wait_for(timeout=SLOW)
    page.locator("#judge-drop .pc-folder input").set_input_files(tmp_path / "later")
    page.locator("#judge-result .pc-score").wait_for(timeout=SLOW)
    assert page.locator("#judge-result .pc-bars li").count() == 4
    page.locator("#judge-drop .pc-working").wait_for(state="detached")  # ready for more
    assert fits_screen(page)
    assert set((program.home / "uploads").rglob("*.jpg")) <= uploads
    assert problems == []


def test_photos_are_joined_in_the_review_and_shown_as_a_group(program: Program, browser: Any, tmp_path: Path) -> None:
    problems: list[str] = []
    page = open_trained(program, browser, tmp_path, problems)
    page.locator("#train-review").click()
    page.get_by_label("Show", exact=True).select_option(value="groups", timeout=SLOW)
    cards = page.locator("#review-photos .pc-card")
    cards.nth(23).wait_for(timeout=SLOW)
    cards.nth(0).locator("input").check()
    cards.nth(2).locator("input").check()
    page.get_by_role("button", name="They belong together").click()
    group = page.locator("#review-photos .pc-group[data-ids]").filter(has_text="2 photos: you said so")
    group.wait_for(timeout=SLOW)
    assert group.locator("input:checked").count() == 0
    assert fits_screen(page)
    group.locator(".pc-whole").check()
    page.get_by_role("button", name="They do not").click()
    group.wait_for(state="detached", timeout=SLOW)
    page.locator("#review-undo").click()
    group.wait_for(timeout=SLOW)
    assert problems == []
