"""Photos that belong together, and a finished model judged on other photos, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classifier import Project
from classifier.data.example import draw_example
from tests.browser.pages import SLOW, Program, fits_screen
from tests.helpers import draw_photo, encode

pytestmark = pytest.mark.browser


def test_a_finished_model_is_judged_on_a_folder_dropped_later(
    program: Program, visit: Callable[..., Any], trained_project: Callable[..., Path], tmp_path: Path
) -> None:
    page = visit(project=trained_project())
    draw_example(tmp_path / "later" / "new", per_class=2, seed=7)
    uploads = set((program.home / "uploads").rglob("*.jpg"))  # of other visitors
    page.get_by_role("tab", name="Try it").click()
    page.get_by_role("button", name="How good is it on other photos?").click(timeout=SLOW)
    page.locator("#judge-drop [data-ready]").wait_for(timeout=SLOW)
    page.locator("#judge-drop .pc-folder input").set_input_files(tmp_path / "later")
    page.locator("#judge-result .pc-score").wait_for(timeout=SLOW)
    assert page.locator("#judge-result .pc-bars li").count() == 4
    page.locator("#judge-drop .pc-working").wait_for(state="detached")  # ready for more
    assert fits_screen(page)
    assert set((program.home / "uploads").rglob("*.jpg")) <= uploads


def test_photos_are_joined_in_the_review_and_shown_as_a_group(
    visit: Callable[..., Any], trained_project: Callable[..., Path]
) -> None:
    page = visit(project=trained_project())
    page.locator("#photos-grid img").first.wait_for(timeout=SLOW)
    assert page.get_by_text("No photos at hand?").is_hidden()  # what is for visitors without photos
    page.get_by_role("tab", name="Review").click()
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


def test_of_many_classes_the_right_one_is_typed(
    visit: Callable[..., Any], trained_project: Callable[..., Path], tmp_path: Path
) -> None:
    for number in range(101):
        (folder := tmp_path / "new" / f"class {number:03}").mkdir(parents=True)
        (folder / "photo.jpg").write_bytes(encode(draw_photo(max(number, 1))))  # the first one is in two classes
    shutil.copytree(trained_project(), tmp_path / "project")
    with Project.open(tmp_path / "project") as project:
        project.add(tmp_path / "new")
    page = visit(project=tmp_path / "project")
    page.get_by_role("tab", name="Review").click()
    page.get_by_label("Show", exact=True).select_option(value="conflicts", timeout=SLOW)
    field = page.locator("#review-photos .pc-photo input[list]").first
    for typed in ("class", "class 057"):  # the first is none
        field.fill(typed, timeout=SLOW)
        field.press("Tab")
    message = page.locator("#review-message")
    message.get_by_text("Moved 1 photo from “class 000” to “class 057”.").wait_for(timeout=SLOW)
    assert fits_screen(page)
