"""Many photos at once in a real browser: the table by keyboard, on a phone, after a reload, and its files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classifier.data.example import draw_example
from tests.browser.pages import SLOW, fits_screen

pytestmark = pytest.mark.browser


def names(page: Any) -> list[str]:
    return [cell.inner_text() for cell in page.locator(".pc-td-file").all()]


def wait_for_names(page: Any, expected: list[str]) -> None:
    script = "expected => [...document.querySelectorAll('.pc-td-file')].map(e => e.textContent).join() === expected"
    page.wait_for_function(script, arg=",".join(expected), timeout=SLOW)


def test_a_zip_gives_a_table_that_is_used_by_keyboard_and_saved(
    visit: Callable[..., Any], trained_project: Callable[..., Path], tmp_path: Path
) -> None:
    draw_example(tmp_path / "new", per_class=7, seed=5)
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as packed:
        for photo in sorted((tmp_path / "new").glob("*/*.jpg")):
            packed.write(photo, f"day/{photo.name}")
        packed.writestr("day/broken.jpg", b"\xff\xd8nothing")
    page = visit(1000, project=trained_project())
    page.get_by_role("tab", name="Try it").click()
    page.locator("#try-drop [data-ready]:not(.pc-working)").wait_for(timeout=SLOW)
    page.locator("#try-drop input[type=file]").set_input_files(tmp_path / "new.zip")
    page.get_by_text("Answers for 29 photos").wait_for(timeout=SLOW)
    assert names(page)[0] == "apple 01.jpg"
    head = page.locator("th button[data-sort=file]")
    for order in ("ascending", "descending"):
        head.focus()
        page.keyboard.press("Enter")
        page.locator(f"th[aria-sort={order}]").wait_for(timeout=SLOW)
    assert names(page)[0] == "mug 07.jpg"
    page.locator("button[data-page='1']").press("Enter")
    page.get_by_text("26 to 29 of 29").wait_for(timeout=SLOW)
    page.locator("button[data-kind=error]").press("Space")
    wait_for_names(page, ["broken.jpg"])
    page.locator("button[data-kind=all]").press("Space")
    page.locator("#try-bulk-table input[type=search]").fill("KEY 03")
    wait_for_names(page, ["key 03.jpg"])
    page.reload()
    page.get_by_role("tab", name="Try it").click()
    page.get_by_text("Answers for 29 photos").wait_for(timeout=SLOW)
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits_screen(page)
    page.locator("#try-bulk-csv").click()
    link = page.locator("#try-bulk-links a")
    link.wait_for(timeout=SLOW)
    with page.expect_download() as download:
        link.click()
    assert len(Path(download.value.path()).read_text("utf-8-sig").splitlines()) == 30
    page.locator("#try-bulk-delete").click()
    page.get_by_text("Answers for 29 photos").wait_for(state="hidden", timeout=SLOW)
