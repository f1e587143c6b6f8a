"""The page as a newcomer meets it: how it opens, and what the example button leads to."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.browser.pages import SLOW, Program, fits_screen, open_page

pytestmark = pytest.mark.browser
LONGEST = 120  # seconds; 30 on two cores, which a busy machine does not keep
SHIFTS = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def test_the_example_button_leads_to_an_answer_within_the_first_minute(
    program: Program, browser: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    problems: list[str] = []
    page = open_page(browser.new_context(viewport={"width": 320, "height": 800}, locale="tr-TR"), problems)
    page.add_init_script(SHIFTS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(program.url, wait_until="commit")
    page.get_by_role("heading", name="Drop your photos here").first.wait_for(timeout=SLOW)  # before Gradio is there
    example = page.get_by_role("button", name="Try with example photos")
    example.wait_for(timeout=SLOW)
    assert page.evaluate("document.documentElement.lang") == "en"  # that of the words: there are none in Turkish
    assert page.evaluate("window.shift") < 0.1
    assert _levels(page) == [1, 2]
    _all_tabs_are_in_view(page)
    assert sum("/queue/join" in url for url in asked) <= 10  # not one for each list and state that is still empty

    begin = time.monotonic()
    example.click()
    page.locator("#photos-drop .pc-working").wait_for(timeout=SLOW)  # a sign at once
    page.locator("#train-progress .pc-progress").wait_for(timeout=SLOW)
    answer = page.locator("#try-result .pc-answer")
    answer.locator(".pc-bars").wait_for(timeout=SLOW)
    seconds = time.monotonic() - begin
    with capsys.disabled():
        print(f"\nfrom the example button to an answer: {seconds:.1f} seconds")
    assert seconds < LONGEST
    assert page.evaluate("document.activeElement !== document.body")
    page.get_by_role("button", name="toy duck").click()
    answer.get_by_text("Something strange").wait_for(timeout=SLOW)
    assert fits_screen(page)

    page.get_by_role("tab", name="Train").click()
    page.locator("#train-stop").click(timeout=SLOW)  # else it goes on improving beside the other tests
    page.get_by_role("tab", name="Photos").click()
    page.locator("#photos-grid .pc-card").first.wait_for(timeout=SLOW)
    page.get_by_role("button", name="Rename or remove “apple”").click()
    page.get_by_role("button", name="Rename", exact=True).click()  # without a new name
    page.locator(".toast-title").get_by_text("That did not work").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Remove class").press("Enter")
    page.get_by_role("button", name="Remove “apple”", exact=True).press("Enter", timeout=SLOW)
    page.locator(".pc-voice[data-told*='Removed the class']").wait_for(state="attached", timeout=SLOW)  # is read out
    page.wait_for_function("document.activeElement !== document.body")
    assert problems == []


def _levels(page: Any) -> list[int]:
    """Return the levels of the headings in view, each once, in the order of the page."""
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].filter((one) => one.checkVisibility())"
        ".map((one) => Number(one.tagName[1]))"
    )
    return list(dict.fromkeys(levels))


def _all_tabs_are_in_view(page: Any) -> None:
    """Assert that each tab can be seen whole, and that the chosen one has a line of its own."""
    tabs = page.get_by_role("tab")
    assert tabs.count() == 5
    for tab in tabs.all():
        box = tab.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 320
        assert box["height"] >= 44
    lines = [tab.evaluate("(one) => getComputedStyle(one).borderBottomColor") for tab in tabs.all()]
    assert len(set(lines)) == 2
