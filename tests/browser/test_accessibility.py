"""The page by axe-core's rules: empty and filled, light and dark, on a desktop and on a phone."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from classifier.data.example import draw_example
from tests.browser.pages import SLOW, Program, drop_folder, fits_screen, open_page, seconds_only

pytestmark = pytest.mark.browser

TABS = ("Photos", "Train", "Review", "Try it", "Share")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


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
        page.wait_for_timeout(400)  # what a tab draws when it is opened
        assert fits_screen(page), tab
        for violation in page.evaluate("options => axe.run(document, options)", options)["violations"]:
            nodes = [
                f"{node['target']}: {node['failureSummary'].splitlines()[-1].strip()}" for node in violation["nodes"]
            ]
            found.append(f"{tab}: {violation['id']} ({len(nodes)}): {'; '.join(nodes[:3])}")
    return found


def test_no_tab_violates_a_rule(program: Program, browser: Any, axe: str, tmp_path: Path) -> None:
    context = browser.new_context(viewport=DESKTOP, color_scheme="light")
    problems: list[str] = []
    page = open_page(context, problems)
    page.goto(program.url)
    page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
    found = [f"empty, {one}" for one in check_tabs(page, axe)]
    page.get_by_role("tab", name="Photos").click()
    draw_example(tmp_path / "photos", per_class=5)
    drop_folder(page, tmp_path / "photos")
    page.locator("#photos-grid .pc-card img").first.wait_for(timeout=SLOW)
    page.locator("#photos-next").click()
    seconds_only(page)
    page.locator("#train").click()
    page.locator(".pc-score").wait_for(timeout=SLOW)
    page.locator("#train-next").click()
    page.locator("#try-drop input[type=file]").set_input_files(tmp_path / "photos" / "mug" / "mug 01.jpg")
    page.locator(".pc-answer .pc-bars").wait_for(timeout=SLOW)
    found += [f"filled, {one}" for one in check_tabs(page, axe)]
    page.set_viewport_size(PHONE)
    found += [f"phone, {one}" for one in check_tabs(page, axe)]
    page.emulate_media(color_scheme="dark")
    page.reload()  # Gradio chooses light or dark when it is loaded
    page.locator("#photos-grid .pc-card img").first.wait_for(timeout=SLOW)
    found += [f"dark, {one}" for one in check_tabs(page, axe, ["color-contrast"])]
    assert not found, "\n".join(found)
    assert not problems
