"""The page by axe-core's rules, empty and filled, light and dark, on a desktop and a phone; and by keyboard alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier.data.example import draw_example
from tests.browser.keyboard import choose_files, focus_is_kept, open_tab, tab_to
from tests.browser.pages import SLOW, drop_folder, fits_screen, seconds_only, settle

pytestmark = pytest.mark.browser

TABS = ("Photos", "Train", "Review", "Try it", "Share")
PHONE = {"width": 390, "height": 844}
# What depends on the width of the screen: the others find the same on a desktop.
OF_WIDTH = ["color-contrast", "target-size", "scrollable-region-focusable", "bypass", "region"]


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which comes with the package axe-playwright-python."""
    package = find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        reason = "needs the package axe-playwright-python"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(package.origin).with_name("axe.min.js").read_text("utf-8")


def check_tabs(page: Any, axe: str, rules: list[str] | None = None) -> list[str]:
    """Open each tab and return the violations: tab, rule, and the first elements."""
    page.evaluate(axe)
    options = {"resultTypes": ["violations"], **({"runOnly": {"type": "rule", "values": rules}} if rules else {})}
    found = []
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        settle(page)
        assert fits_screen(page), tab
        for violation in page.evaluate("options => axe.run(document, options)", options)["violations"]:
            nodes = [
                f"{node['target']}: {node['failureSummary'].splitlines()[-1].strip()}" for node in violation["nodes"]
            ]
            found.append(f"{tab}: {violation['id']} ({len(nodes)}): {'; '.join(nodes[:3])}")
    return found


def _walk_by_keyboard(page: Any, photos: Path) -> None:
    """Upload photos, train, review, try and export with Tab, Enter, Space and the arrow keys only."""
    choose_files(page, "#photos-drop .pc-folder input", photos, 12)
    page.locator("#photos-grid .pc-card img").first.wait_for(timeout=SLOW)
    tab_to(page, "#photos-grid .pc-skip", 25)
    page.keyboard.press("Enter")
    tab_to(page, "#photos-next", 12)
    page.keyboard.press("Enter")
    page.locator("#train").wait_for(timeout=SLOW)
    focus_is_kept(page)
    tab_to(page, "#train-minutes label:has-text('seconds only') input", 12)
    page.keyboard.press("Space")
    tab_to(page, "#train", 12, "Shift+Tab")
    page.keyboard.press("Enter")
    page.locator(".pc-score").wait_for(timeout=SLOW)
    focus_is_kept(page)
    tab_to(page, "#train-review", 40)
    page.keyboard.press("Enter")
    page.locator("#review-classes button").first.wait_for(timeout=SLOW)
    focus_is_kept(page)
    tab_to(page, "#review-classes button", 40)
    page.keyboard.press("Enter")
    focus_is_kept(page)
    open_tab(page, "ArrowRight", "Try it", 40)
    choose_files(page, "#try-drop input[type=file]", photos / "mug" / "mug 01.jpg", 12)
    page.locator(".pc-answer .pc-bars").wait_for(timeout=SLOW)
    focus_is_kept(page)
    open_tab(page, "End", "Share", 12)
    page.locator("#share-make").wait_for(timeout=SLOW)
    tab_to(page, "#share-make", 20)
    page.keyboard.press("Enter")
    page.locator("#share-result a.pc-download").wait_for(timeout=SLOW)
    focus_is_kept(page)
    tab_to(page, "#share-result a.pc-download", 12)
    with page.expect_download() as downloaded:
        page.keyboard.press("Enter")
    assert downloaded.value.path().stat().st_size > 0


def _forty_more_classes_fit(page: Any, folder: Path) -> None:
    """Add 40 classes, train again and look at all tabs, with the colors of the system and without motion."""
    numbers = np.random.default_rng(0)
    for label in range(40):
        (folder / f"kind {label:02}").mkdir(parents=True)
        for number in range(2):
            pixels = numbers.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"kind {label:02}" / f"{number}.png")
    page.emulate_media(color_scheme="light", forced_colors="active", reduced_motion="reduce")
    page.get_by_role("tab", name="Photos").click()
    drop_folder(page, folder)
    bars = page.locator("#photos-classes .pc-class")
    bars.nth(43).click(timeout=SLOW)
    page.locator("#photos-shown").get_by_text("mug").wait_for(timeout=SLOW)
    assert bars.nth(43).get_attribute("aria-pressed") == "true"
    assert bars.nth(43).evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"  # its color is gone
    assert page.locator(".pc-classes").evaluate("(one) => one.scrollHeight > one.clientHeight && one.scrollTop > 0")
    page.locator("#photos-next").click()
    seconds_only(page)
    page.locator("#train").click()
    page.get_by_role("tab", name="Review").click()
    rows = page.locator("#review-classes tbody tr")
    rows.nth(43).wait_for(timeout=SLOW)
    page.locator("#review-classes input[type=search]").fill("KIND 07")
    page.wait_for_function("document.querySelectorAll('#review-classes tbody tr:not([hidden])').length === 1")
    assert page.locator("#review-classes tbody tr:visible").inner_text().startswith("kind 07")
    page.locator("#review-matrix summary").first.click()
    matrix = page.locator("#review-matrix .pc-matrix")
    assert matrix.evaluate("(one) => one.scrollWidth > one.clientWidth && one.scrollHeight > one.clientHeight")
    matrix.evaluate("(one) => one.scrollTo(400, 400)")
    head = matrix.locator("thead th").nth(20).bounding_box()
    assert head["y"] == pytest.approx(matrix.bounding_box()["y"], abs=3)  # stays on view


def test_no_tab_violates_a_rule_and_the_keyboard_leads_from_photos_to_export(
    visit: Callable[..., Any], axe: str, tmp_path: Path
) -> None:
    page = visit(1280)
    page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
    assert page.locator(".pc-card").count() == 0  # others have photos
    found = [f"empty, {one}" for one in check_tabs(page, axe)]
    page.get_by_role("tab", name="Train").click()
    page.get_by_text("Add at least two classes").wait_for(timeout=SLOW)
    page.get_by_role("tab", name="Photos").click()
    draw_example(tmp_path / "photos", per_class=5)
    _walk_by_keyboard(page, tmp_path / "photos")
    found += [f"filled, {one}" for one in check_tabs(page, axe)]
    page.set_viewport_size(PHONE)
    found += [f"phone, {one}" for one in check_tabs(page, axe, OF_WIDTH)]
    page.emulate_media(color_scheme="dark")
    page.reload()  # Gradio chooses light or dark when it is loaded
    page.locator("#photos-grid .pc-card img").first.wait_for(timeout=SLOW)
    found += [f"dark, {one}" for one in check_tabs(page, axe, ["color-contrast"])]
    _forty_more_classes_fit(page, tmp_path / "many")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        settle(page)
        assert fits_screen(page), tab
    assert not found, "\n".join(found)
