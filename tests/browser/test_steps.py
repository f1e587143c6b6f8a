"""One button in a real browser: a model at once, better ones by themselves, corrected photos, an earlier step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.pages import SLOW, Program, drop_folder, fits_screen, open_page
from tests.browser.test_page import draw_noise

pytestmark = pytest.mark.browser


def keep_second_step(home: Path) -> None:
    """Make of the newest training one whose second step was kept: on so few photos chance decides about that."""
    folder = max((found.parent for found in home.glob("*/models/*/steps")), key=lambda found: found.name)
    record = folder / "steps" / "steps.json"
    written = json.loads(record.read_text())
    written["steps"][1] |= {"kept": True, "before": 0.84, "accuracy": 0.88, "why": None}
    shutil.rmtree(folder / "steps" / "2", ignore_errors=True)
    shutil.copytree(folder / "steps" / "1", folder / "steps" / "2")
    record.write_text(json.dumps({**written, "in_use": 2}))


def test_a_model_at_once_goes_on_improving_while_it_is_tried_and_corrected(
    program: Program, visit: Callable[..., Any], tmp_path: Path
) -> None:
    draw_noise(tmp_path / "drop" / "noise", 8)  # hard, so that it goes on for long
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)).save(tmp_path / "new.png")
    problems: list[str] = []
    page = visit()
    drop_folder(page, tmp_path / "drop")
    page.locator("#photos-next").wait_for(timeout=SLOW)
    also = open_page(page.context, problems)  # another window, ready to correct a photo
    also.goto(program.url)
    also.locator(".pc-card input").first.check(timeout=SLOW)
    also.locator(".pc-move").fill("other")

    page.locator("#photos-next").click()
    page.locator("#train-minutes label", has_text="about 5 minutes").locator("input:checked").wait_for(timeout=SLOW)
    page.locator("#train").click()
    step = page.locator("#train-steps .pc-step")
    step.first.wait_for(timeout=SLOW)
    also.locator(".pc-do-move").click()
    page.get_by_role("button", name="Past trainings (2)").wait_for(timeout=SLOW)  # it began again
    assert fits_screen(page)

    page.locator("#train-next").click()  # it is tried while it goes on
    page.locator("#try-drop input[type=file]").set_input_files(tmp_path / "new.png")
    page.locator(".pc-answer .pc-bars").wait_for(timeout=SLOW)
    step.nth(1).wait_for(state="attached", timeout=SLOW)
    page.locator("#news .pc-news").wait_for(timeout=SLOW)
    page.get_by_role("tab", name="Train").click()
    page.evaluate("document.querySelector('#train-stop')?.click()")  # unless it has ended by itself
    page.locator("#train").wait_for(timeout=SLOW)
    keep_second_step(program.home)
    page.reload()
    page.get_by_role("tab", name="Train").click(timeout=SLOW)
    step.get_by_text("84 % → 88 % right").wait_for(timeout=SLOW)
    step.get_by_role("button", name="Use step 1").click()
    page.get_by_text("Step 1 is in use now").wait_for(timeout=SLOW)
    step.get_by_role("button", name="Use step 2").wait_for(timeout=SLOW)
    page.wait_for_function("document.activeElement.closest('[data-row=\"1\"]') !== null")
    page.get_by_role("button", name="Past trainings (2)").click()
    page.locator(".pc-run").last.get_by_text("since then, 1 photo changed class").wait_for(timeout=SLOW)
    assert fits_screen(page)
    assert problems == []
