"""Unlabeled photos become training photos, by press and by key, in a real browser."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classifier.data.example import draw_example
from tests.browser.pages import SLOW, fits_screen, seconds_only

pytestmark = pytest.mark.browser


def test_unlabeled_photos_are_accepted_answered_by_key_and_trained_on(
    visit: Callable[..., Any], trained_project: Callable[..., Path], tmp_path: Path
) -> None:
    page = visit(project=trained_project())
    page.get_by_role("tab", name="Train").click()
    seconds_only(page)
    draw_example(tmp_path / "new", per_class=4, seed=5)
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as packed:
        for number, photo in enumerate(sorted((tmp_path / "new").glob("*/*.jpg"))):
            packed.write(photo, f"{number}.jpg")
    page.get_by_role("tab", name="Try it").click()
    page.locator("#try-drop [data-ready]:not(.pc-working)").wait_for(timeout=SLOW)
    page.locator("#try-drop input[type=file]").first.set_input_files(tmp_path / "new.zip")
    group = page.locator(".pc-trusted").first  # the model is sure of these photos
    group.locator(".pc-pick input").first.click(timeout=SLOW)
    group.get_by_role("button", name="Accept 3 as").click()
    said = page.locator("#labeling-message")
    said.get_by_text("3 photos are training photos").wait_for(timeout=SLOW)
    question = page.locator("#labeling-questions .pc-asks:not([hidden])")  # the photo that was taken out
    question.wait_for(timeout=SLOW)
    question.locator("button").first.focus()
    page.keyboard.press("2")
    said.get_by_text("1 photo is a training photo of “key” now.").wait_for(timeout=SLOW)
    question.wait_for(state="detached", timeout=SLOW)
    page.locator("#labeling-undo").click()
    said.get_by_text("Undone: 1 photo has no class again.").wait_for(timeout=SLOW)
    question.wait_for(timeout=SLOW)
    assert fits_screen(page)
    page.locator("#labeling-train").click()
    page.locator("#labeling-brought").get_by_text("Trained with 27 photos instead of 24.").wait_for(timeout=SLOW)
