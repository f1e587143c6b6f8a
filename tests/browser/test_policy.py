"""The page with its policy, in a real browser: alone, and in the frame of a Space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from classifier.data.example import draw_example
from tests.browser.conftest import SHARE_NAME, SPACE_NAME
from tests.browser.pages import SLOW, Program, drop_folder, open_page

pytestmark = pytest.mark.browser
LOCAL = ["local-network-access"]  # else Chromium lets no public website show a page of this machine


def test_the_page_works_in_the_frame_of_a_space_without_a_violation(
    program: Program, browser: Any, tmp_path: Path
) -> None:
    problems: list[str] = []
    page = open_page(browser.new_context(permissions=LOCAL), problems)
    page.on("console", lambda entry: problems.append(entry.text) if entry.type == "error" else None)
    frame = f'<iframe src="{program.url}" allow="camera" width="900" height="900"></iframe>'
    page.route("https://huggingface.co/**", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.goto("https://huggingface.co/spaces/anna/photos")
    inside = page.frame_locator("iframe")
    # The windows of these tests are private ones, which deny storage to the frame of another site.
    assert page.frames[1].evaluate("Object.getOwnPropertyDescriptor(window, 'localStorage').value !== undefined")
    inside.get_by_role("button", name="Try with example photos").wait_for(timeout=SLOW)  # the visitor is known
    draw_example(tmp_path / "photos", per_class=1)
    inside.locator("#photos-drop .pc-folder input").set_input_files(tmp_path / "photos")
    inside.locator(".pc-card img").first.wait_for(timeout=SLOW)
    inside.get_by_role("button", name="Take photos with the camera").click()
    inside.get_by_role("button", name="Turn on the camera").click(timeout=SLOW)
    inside.get_by_text("This page may not use the camera").wait_for(timeout=SLOW)
    inside.get_by_role("tab", name="Review").click()
    inside.get_by_role("tab", name="Try it").click()
    inside.get_by_text("There is no model yet").wait_for(timeout=SLOW)
    assert problems == []


def test_the_page_works_under_every_kind_of_name_and_runs_no_markup(
    program: Program, browser: Any, tmp_path: Path
) -> None:
    draw_example(tmp_path / "photos", per_class=1)
    problems: list[str] = []
    for name in (SHARE_NAME, SPACE_NAME):
        page = open_page(browser.new_context(), problems)
        page.on("console", lambda entry: problems.append(entry.text) if entry.type == "error" else None)
        page.route("https://huggingface.co/api/**", lambda route: route.fulfill(json={"runtime": {"stage": "RUNNING"}}))
        page.goto(f"http://{name}:{program.port}")
        drop_folder(page, tmp_path / "photos")
        page.locator(".pc-card img").first.wait_for(timeout=SLOW)
    stranger = open_page(browser.new_context(), problems).goto(f"http://other.gradio.live:{program.port}")
    assert stranger.status == 421
    assert problems == []
    with page.expect_console_message(lambda entry: "Content Security Policy" in entry.text, timeout=SLOW):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
    assert page.evaluate("window.ran") is None


def test_other_websites_cannot_show_the_page_in_a_frame(program: Program, browser: Any) -> None:
    page = open_page(browser.new_context(permissions=LOCAL), [])
    frame = f'<iframe src="{program.url}"></iframe>'
    page.route("https://other.example/**", lambda route: route.fulfill(body=frame, content_type="text/html"))
    with page.expect_console_message(lambda entry: "frame-ancestors" in entry.text, timeout=SLOW):
        page.goto("https://other.example/")
    assert all("chrome-error" in inner.url or not inner.url for inner in page.frames[1:])
