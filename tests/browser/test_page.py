"""The main jobs of a visitor, in a real browser against the real program."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier.data.example import draw_example
from tests.browser.pages import SLOW, Program, drop_files, drop_folder, fits_screen, open_page, seconds_only

pytestmark = pytest.mark.browser


def test_from_a_folder_of_photos_to_a_model_that_survives_a_reload(
    program: Program, visit: Callable[..., Any], tmp_path: Path
) -> None:
    draw_example(tmp_path / "drop" / "my photos", per_class=8)
    draw_example(tmp_path / "new", per_class=1, seed=7)
    page = visit()
    page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Try with example photos").wait_for(timeout=SLOW)

    (tmp_path / "bad.zip").write_bytes(b"no zip")
    drop_files(page, tmp_path / "bad.zip")
    page.get_by_text("The zip “bad.zip” is damaged or no zip at all").wait_for(timeout=SLOW)
    page.locator("#photos-drop .pc-working").wait_for(state="detached")  # ready for more after an error

    drop_folder(page, tmp_path / "drop")
    page.get_by_text("Added 32 photos.").wait_for(timeout=SLOW)
    page.get_by_text("32 photos in 4 classes").wait_for()
    assert page.locator("#photos-grid .pc-card img").count() == 8
    assert not list((program.home / "uploads").rglob("*.jpg"))
    assert fits_screen(page)
    larger = page.locator("#viewer-dialog")
    page.locator("#photos-grid .pc-enlarge").first.click()
    larger.get_by_text("1 of 8").wait_for()
    page.keyboard.press("ArrowRight")
    larger.get_by_text("2 of 8").wait_for()
    page.keyboard.press("Escape")
    larger.wait_for(state="hidden")
    assert page.locator("#photos-grid .pc-enlarge").nth(1).evaluate("(one) => one === document.activeElement")

    page.locator("#photos-next").click()
    seconds_only(page)
    page.locator("#train").click()
    page.locator(".pc-score").wait_for(timeout=SLOW)
    page.locator("#train-next").click()
    page.locator("#try-drop input[type=file]").set_input_files(tmp_path / "new" / "mug" / "mug 01.jpg")
    page.locator(".pc-answer .pc-bars").wait_for(timeout=SLOW)
    assert page.locator(".pc-answer .pc-bars .pc-name").count() == 3
    page.locator(".pc-heat img").wait_for(timeout=SLOW)  # the explanation follows the prediction
    assert page.locator(".pc-nearest img").count() == 3
    page.locator(".pc-nearest .pc-enlarge").first.press("Enter")
    larger.get_by_text("One of your photos of").wait_for()
    page.keyboard.press("Escape")
    page.get_by_label("range slider for Answers per photo").press("ArrowRight")
    page.locator(".pc-answer .pc-bars .pc-name").nth(3).wait_for(timeout=SLOW)
    page.locator("#try-threshold input[type=number]").fill("100")
    page.locator(".pc-answer").get_by_text("Not sure", exact=True).wait_for(timeout=SLOW)
    page.locator("#try-result input").fill("cup")
    page.get_by_role("button", name="Add to my photos").click()
    page.get_by_text("Added to “cup”.").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Undo adding 1 photo to “cup”").click(timeout=SLOW)
    page.get_by_text("Took back adding 1 photo to “cup”.").wait_for(timeout=SLOW)
    page.locator("#try-result input").fill("cup")
    page.get_by_role("button", name="Add to my photos").click()
    page.locator("#try-undo").wait_for(timeout=SLOW)
    page.locator("#try-drop input[type=file]").set_input_files(sorted((tmp_path / "new").glob("*/*.jpg")))
    several = page.locator(".pc-several > .pc-answer")
    several.nth(3).wait_for(timeout=SLOW)
    kind = page.locator("#try-result [data-only]").last
    count = int(kind.locator("span").inner_text())
    kind.click()
    assert several.locator("visible=true").count() == count
    opened = several.locator("visible=true").first.locator("details")
    opened.locator("summary").click()
    opened.get_by_role("button", name="Why?").click()
    opened.locator(".pc-evidence > *").first.wait_for(timeout=SLOW)  # it stays open when it is drawn anew
    assert several.locator("visible=true").count() == count
    assert fits_screen(page)

    page.context.grant_permissions(["camera"])
    page.locator(".pc-live-toggle").click()
    page.wait_for_function("document.querySelector('#try-live [data-answers]')?.dataset.answers >= 3", timeout=SLOW)
    page.locator("#try-again").click()
    page.wait_for_function("document.querySelector('#try-live video').srcObject === null")  # it is off elsewhere
    page.get_by_text("33 photos in 5 classes:").wait_for(timeout=SLOW)  # on the Train tab, when it is done
    page.get_by_role("tab", name="Try it").click()
    several.nth(3).wait_for(state="attached", timeout=SLOW)  # what was chosen of them stays chosen

    page.reload()
    page.get_by_role("heading", name="33 photos in 5 classes").wait_for(timeout=SLOW)
    page.get_by_role("tab", name="Train").click()
    page.locator(".pc-score").wait_for()
    page.get_by_role("tab", name="Try it").click()
    page.locator("#try-drop").wait_for()
    assert "right" in page.locator("#try-model option:checked").inner_text()


def test_the_page_works_without_the_changes_to_gradios_script(
    program: Program, window: Any, visit: Callable[..., Any], trained_project: Callable[..., Path]
) -> None:
    """As with a version of Gradio that they were not made for."""

    def without(route: Any) -> None:
        answer = route.fetch()
        body, count = re.subn(r'<script data-name="lighter.js">.*?</script>', "", answer.text(), flags=re.DOTALL)
        assert count == 1
        route.fulfill(response=answer, body=body)

    window.route(f"{program.url}/", without)
    try:
        page = visit(project=trained_project())
        # What is pressed before the page has drawn itself for the visitor is lost.
        page.locator("#photos-drop [data-ready]").wait_for(timeout=SLOW)
        page.locator("#photos-shown").get_by_text("“apple”").wait_for(timeout=SLOW)
        page.locator("#photos-classes [data-label=mug]").click(timeout=SLOW)
        page.locator("#photos-shown").get_by_text("“mug”").wait_for(timeout=SLOW)
        page.get_by_role("tab", name="Review").click()
        page.locator("#review-matrix table").wait_for(timeout=SLOW)
    finally:
        window.unroute(f"{program.url}/")


def test_photos_are_corrected_in_the_review_and_the_model_trained_again(
    visit: Callable[..., Any], tmp_path: Path
) -> None:
    draw_example(tmp_path / "drop" / "photos", per_class=8)
    for name in ("apple 01.jpg", "apple 02.jpg", "apple 05.jpg"):
        shutil.move(tmp_path / "drop" / "photos" / "apple" / name, tmp_path / "drop" / "photos" / "mug" / name)
    problems: list[str] = []
    page = visit()
    # Here only: a reload and a restart of the program abort requests, which Gradio reports.
    page.on("console", lambda entry: problems.append(entry.text) if entry.type == "error" else None)
    drop_folder(page, tmp_path / "drop")
    page.locator("#photos-next").click(timeout=SLOW)
    seconds_only(page)
    page.locator("#train").click()
    page.locator("#train-review").click(timeout=SLOW)

    cell = page.locator("#review-matrix button[aria-label*='of mug taken for apple']")
    cell.click(timeout=SLOW)
    count = int(cell.inner_text())
    looks = page.locator("#review-photos .pc-photo")
    page.wait_for_function("(n) => document.querySelectorAll('#review-photos .pc-photo').length === n", arg=count)
    assert count >= 2
    assert fits_screen(page)

    looks.last.get_by_role("button", name="It is mug").click()
    looks.filter(has_text="You called it right.").wait_for(timeout=SLOW)
    assert page.locator("#review-photos [inert]").count() == 0  # the card can be used again

    state = page.locator("#review-state")
    for moved, words in enumerate(("1 photo changed class", "2 photos changed class"), 1):
        looks.first.get_by_role("button", name="Move to apple").click()
        state.get_by_text(words).wait_for(timeout=SLOW)
        page.wait_for_function("(n) => document.querySelectorAll('.pc-photo').length === n", arg=count - moved)
    for words in ("1 photo changed class", "Nothing changed since"):
        page.locator("#review-undo").click()
        state.get_by_text(words).wait_for(timeout=SLOW)
    page.wait_for_function("(n) => document.querySelectorAll('.pc-photo').length === n", arg=count)
    looks.evaluate_all(  # two presses, one right after the other
        "(cards) => cards.slice(0, 2).forEach((card) => card.querySelector('[data-do=move]').click())"
    )
    state.get_by_text("2 photos changed class").wait_for(timeout=SLOW)
    page.wait_for_function("(n) => document.querySelectorAll('.pc-photo').length === n", arg=count - 2)
    page.locator("#review-undo").click()
    state.get_by_text("1 photo changed class").wait_for(timeout=SLOW)
    page.locator("#review-classes").get_by_role("button", name="key").click()
    page.locator("#review-photos").get_by_text("No photos are left here.").or_(
        looks.filter(has_text="In key").first
    ).first.wait_for(timeout=SLOW)
    page.get_by_role("tab", name="Photos").click()
    page.get_by_role("tab", name="Review").click()
    state.get_by_text("1 photo changed class").wait_for(timeout=SLOW)  # kept, wherever one goes meanwhile

    page.locator("#review-train").click()
    changed = page.locator("#review-changed")
    changed.get_by_text("Trained in").wait_for(timeout=SLOW)
    changed.get_by_text("1 photo changed class").wait_for()
    state.get_by_text("Nothing changed since the last training.").wait_for(timeout=SLOW)
    page.get_by_role("tab", name="Try it").click()
    page.locator("#try-drop").wait_for(timeout=SLOW)
    assert problems == []


def draw_noise(folder: Path, count: int) -> None:
    """Photos without any difference between the classes, so that deep training goes on for long."""
    numbers = np.random.default_rng(0)
    for label in ("one", "other"):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            pixels = numbers.integers(0, 256, (96, 96, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{label} {number}.png")


def test_deep_training_survives_a_reload_and_a_crash_and_can_be_stopped(
    program: Program, visit: Callable[..., Any], tmp_path: Path
) -> None:
    draw_noise(tmp_path / "drop" / "noise", 8)
    page = visit()
    drop_folder(page, tmp_path / "drop")
    page.locator("#photos-next").click(timeout=SLOW)
    seconds_only(page)
    page.locator("#train").click()  # quick first: a model to try while the deep training goes on
    page.locator(".pc-score").wait_for(timeout=SLOW)

    page.get_by_role("button", name="Advanced").click()
    page.locator("#train-mode").get_by_text("Deep").click()
    page.locator("#train-views img").nth(7).wait_for(timeout=SLOW)
    first = page.locator("#train-views img").nth(7).get_attribute("src")
    page.locator("#train-domain").get_by_text("Documents").click()
    page.wait_for_function("(old) => document.querySelectorAll('#train-views img')[7].src !== old", arg=first)
    page.locator("#train-minutes").get_by_text("as long as it helps").click()
    page.get_by_label("Rounds (epochs)").fill("10000")  # more than it will come to
    page.get_by_label("Stages that learn (unfreeze depth)").fill("1")
    page.locator("#train").click()
    curves = page.locator("#train-progress svg")
    curves.first.wait_for(timeout=SLOW)
    assert fits_screen(page)

    page.get_by_role("tab", name="Try it").click()
    page.locator("#try-drop input[type=file]").set_input_files(next((tmp_path / "drop").rglob("*.png")))
    page.locator(".pc-answer .pc-bars").wait_for(timeout=SLOW)

    page.reload()
    curves.first.wait_for(timeout=SLOW)
    program.kill()
    page.get_by_text("The page does not reach the program").wait_for(timeout=SLOW)
    program.start()
    problems: list[str] = []
    page, before = open_page(page.context, problems), page
    before.close()
    page.goto(program.url)
    curves = page.locator("#train-progress svg")
    curves.first.wait_for(timeout=SLOW)
    (waiting,) = (program.home).glob("*/models/*/resume/settings.json")

    page.locator("#train-stop").click()
    page.locator(".pc-score").wait_for(timeout=SLOW)
    assert not waiting.exists()
    page.get_by_text("held-out photos right", exact=False).first.wait_for()
    page.get_by_role("button", name="Past trainings (2)").click()
    page.locator(".pc-run").nth(1).wait_for()
    page.locator(".pc-run").first.get_by_text("Try it").click()
    page.locator("#try-drop").wait_for()
    assert problems == []
