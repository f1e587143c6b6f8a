"""The page in languages that nobody speaks: nothing is left in English, nothing is wider than the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from classifier.data.example import draw_example
from tests import pseudo
from tests.browser.pages import SLOW, drop_folder, fits_screen, open_page
from tests.ui.web import serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TABS = range(5)
# Gradio names the parts of a slider, and a menu of tabs, in English in every language.
SHOWN = """() => [...document.body.querySelectorAll("*")]
  .filter((one) => !one.closest("script, style, pre, code, .pc-language"))
  .filter((one) => !one.closest(".head input, .reset-button, [type=range], .overflow-menu"))
  .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .flatMap((one) => [
    ...[...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data),
    ...["aria-label", "placeholder", "title", "alt"].map((name) => one.getAttribute(name) ?? ""),
  ]).join("\\n")"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    offered = pseudo.offered()
    next(offered)
    with serve(tmp_path_factory.mktemp("page")) as served:
        yield f"http://127.0.0.1:{served.port}"
    list(offered)


def english_in(page: Any, names: set[str]) -> set[str]:
    """Words of English on the page: each has letters that both languages write differently."""
    words = re.findall(r"[^\W\d_]{3,}", page.evaluate(SHOWN))
    return {word for word in words if word.isascii() and set(word.lower()) & set("aeiouyncsrlt")} - names


def tabs(page: Any) -> Iterator[int]:
    for number in TABS:
        page.locator("#tabs button[role=tab]").nth(number).click()
        page.wait_for_timeout(300)
        yield number


def test_every_tab_is_told_in_the_language_and_fits(url: str, browser: Any, tmp_path: Any) -> None:
    draw_example(tmp_path / "set", per_class=5)
    names = {word for path in (tmp_path / "set").rglob("*") for word in re.findall(r"[^\W\d_]{3,}", path.stem)}
    names |= {"set", "und"}  # the folder that is dropped, and Babel's word in lists of the pseudo language
    problems: list[str] = []
    context = browser.new_context(locale="de-XA", viewport={"width": 1280, "height": 900})
    page = open_page(context, problems)
    page.goto(url)
    page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
    found = {f"empty {tab}": english_in(page, names) for tab in tabs(page)}
    page.locator("#tabs button[role=tab]").nth(0).click()
    drop_folder(page, tmp_path / "set")
    page.locator(".pc-card img").first.wait_for(timeout=SLOW)
    page.locator("#tabs button[role=tab]").nth(1).click()
    page.locator("#train-minutes label").first.click()
    page.locator("#train").click()
    page.locator("#train-result .pc-big").wait_for(timeout=SLOW)
    for tab in tabs(page):
        found[f"trained {tab}"] = english_in(page, names)
        assert fits_screen(page), tab
    assert {where: words for where, words in found.items() if words} == {}
    page.locator(".pc-language").select_option("ar-XB")
    page.wait_for_function("document.documentElement.dir === 'rtl'", timeout=SLOW)
    page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
    for tab in tabs(page):
        assert english_in(page, names) == set(), tab
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function("document.documentElement.scrollWidth <= innerWidth", timeout=SLOW)  # once measured
    assert problems == []
