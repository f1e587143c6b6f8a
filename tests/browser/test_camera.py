"""Photos by the camera and from phones: bursts, videos, links, and what is said where there is no camera."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier import Project
from classifier.data.assets import Asset
from tests.browser.conftest import SPACE_NAME
from tests.browser.film import wait_for_wall
from tests.browser.pages import SLOW, Program, fits_screen, open_page, seconds_only
from tests.helpers import draw_photo

pytestmark = pytest.mark.browser

# A video of a second whose left half is white, as a browser records it: without its length.
_RECORD = """async () => {
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    [canvas.width, canvas.height] = [160, 120];
    const drawing = setInterval(() => {
        pen.fillStyle = "black"; pen.fillRect(0, 0, 160, 120);
        pen.fillStyle = "white"; pen.fillRect(0, 0, 60 + Math.random() * 20, 120);
    }, 40);
    const recorder = new MediaRecorder(canvas.captureStream(25)), parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const done = new Promise((give) => (recorder.onstop = give));
    recorder.start();
    await new Promise((give) => setTimeout(give, 1500));
    recorder.stop();
    await done;
    clearInterval(drawing);
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


@pytest.fixture
def page(visit: Callable[..., Any], window: Any) -> Any:
    window.grant_permissions(["camera"])
    page = visit()
    open_panel(page)
    return page


def open_panel(page: Any) -> None:
    page.get_by_role("button", name="Try with example photos").wait_for(timeout=SLOW)  # the visitor is known
    page.get_by_role("button", name="Take photos with the camera").click()
    page.locator("#photos-camera [data-ready]").wait_for(timeout=SLOW)


def photos_of(program: Program, label: str) -> list[tuple[Asset, Path]]:
    """The photos of a class, which one visitor alone has."""
    for folder in program.home.glob("[0-9a-f]*"):
        with Project.open(folder) as project:
            if label in project.classes():
                return [(photo, project.photo_path(photo)) for photo in project.photos(label)]
    raise AssertionError("no such class")


def left_is_lighter(path: Path) -> bool:
    pixels = np.asarray(Image.open(path).convert("L"), np.float64)
    half = pixels.shape[1] // 2
    return bool(pixels[:, :half].mean() > pixels[:, half:].mean() + 10)


def test_bursts_and_a_video_are_groups_that_are_learned_and_answered_live(
    page: Any, program: Program, tmp_path: Path
) -> None:
    panel, result = page.locator("#photos-camera"), page.locator("#photos-camera-result")
    name, shoot = panel.get_by_label("Class of the photos"), panel.get_by_role("button", name="Hold to take photos")
    panel.get_by_role("button", name="Turn on the camera").click()
    panel.get_by_text("The camera is on").wait_for(timeout=SLOW)
    shoot.click()
    panel.get_by_text("Write first which class").wait_for()
    name.fill("a red wall")
    shoot.scroll_into_view_if_needed()
    wait_for_wall(page, "red")
    shoot.hover()
    page.mouse.down()
    panel.locator(".pc-taken", has_text="4 photos").wait_for(timeout=SLOW)
    page.mouse.up()
    result.get_by_text("Added").wait_for(timeout=SLOW)

    panel.get_by_role("button", name="Use the class for photos that show nothing").click()
    assert name.input_value() == "nothing of these"
    name.fill("a blue wall")
    shoot.focus()
    wait_for_wall(page, "blue")
    page.keyboard.down(" ")
    panel.locator(".pc-taken", has_text="4 photos").wait_for(timeout=SLOW)
    page.keyboard.up(" ")
    page.get_by_text("in 2 classes").wait_for(timeout=SLOW)
    assert panel.locator("video").is_visible()
    assert fits_screen(page)
    page.get_by_role("tab", name="2 · Train").click()
    page.get_by_role("tab", name="1 · Photos").click()
    panel.get_by_role("button", name="Turn on the camera").wait_for(timeout=SLOW)  # nobody is filmed meanwhile

    film = tmp_path / "film.webm"
    film.write_bytes(base64.b64decode(page.evaluate(_RECORD)))
    name.fill("a white wall")
    panel.locator("input[accept^=video]").set_input_files(film)
    page.get_by_text("in 3 classes").wait_for(timeout=SLOW)
    found = [photos_of(program, f"a {color} wall") for color in ("red", "blue", "white")]
    groups = [{photo.layout_group for photo, _ in photos} for photos in found]
    assert [len(group) for group in groups] == [1, 1, 1]
    assert len(set().union(*groups)) == 3
    assert all(len(photos) > 2 for photos in found)
    assert all(left_is_lighter(path) for photos in found for _, path in photos)

    page.locator("#photos-next").click()
    seconds_only(page)
    page.locator("#train").click()
    page.locator(".pc-score").wait_for(timeout=SLOW)
    page.get_by_role("tab", name="Try it").click()
    page.locator(".pc-live-toggle").click()
    answer = page.locator("#try-live .pc-live-answer", has_text=re.compile("a (red|blue) wall"))
    answer.wait_for(timeout=SLOW)
    other = "blue" if "red" in answer.inner_text() else "red"
    page.locator("#try-live .pc-live-answer", has_text=f"a {other} wall").wait_for(timeout=SLOW)


def test_why_there_is_no_camera_is_said(browser: Any, program: Program, tmp_path: Path) -> None:
    problems: list[str] = []
    page = open_page(browser.new_context(), problems)
    for address, words in (
        (program.url, "This page may not use the camera."),
        (f"http://{SPACE_NAME}:{program.port}", "only on a secure page"),
    ):
        page.goto(address)
        open_panel(page)
        page.get_by_role("button", name="Turn on the camera").click()
        page.locator("#photos-camera").get_by_text(words).wait_for(timeout=SLOW)
    draw_photo(1).save(tmp_path / "1.jpg")
    page.locator("#photos-camera").get_by_label("Class of the photos").fill("a bowl")
    page.locator("#photos-camera input[capture=environment]").set_input_files(tmp_path / "1.jpg")
    page.locator("#photos-camera-result").get_by_text("Added 1 photo").wait_for(timeout=SLOW)
    assert problems == []


def test_a_phone_that_joins_adds_photos_and_sees_nothing_else(
    page: Any, browser: Any, program: Program, tmp_path: Path
) -> None:
    page.get_by_role("button", name="Take photos with a phone").click()
    panel = page.locator("#photos-phones")
    panel.get_by_label("Class of the photos").fill("a mug & <b>saucer</b>")
    panel.get_by_role("button", name="Show the code").click()
    panel.get_by_role("heading", name="Phones add photos to “a mug & <b>saucer</b>”").wait_for(timeout=SLOW)
    assert panel.get_by_role("img", name="Code with the link for phones").is_visible()
    assert fits_screen(page)
    link = panel.get_by_role("link").get_attribute("href")
    address = f"{program.url}/phone/{link.rpartition('/')[2]}"  # the same page: this machine may be in no network

    problems: list[str] = []
    phone = open_page(browser.new_context(viewport={"width": 320, "height": 640}, has_touch=True), problems)
    phone.goto(address)
    photos = [tmp_path / f"{number}.jpg" for number in range(3)]
    for number, path in enumerate(photos):
        draw_photo(number).save(path)
    (tmp_path / "notes.jpg").write_text("no photo")
    assert fits_screen(phone)
    phone.locator("input[capture=environment]").set_input_files([*photos, tmp_path / "notes.jpg"])
    phone.get_by_text("3 photos arrived").wait_for(timeout=SLOW)
    phone.get_by_text("“notes.jpg” was not added").wait_for()
    panel.get_by_text("3 photos came so far").wait_for(timeout=SLOW)
    page.get_by_text("in 1 class").wait_for(timeout=SLOW)  # they arrive on the page that is open

    assert phone.evaluate("document.querySelectorAll('img, a, form').length") == 0
    assert phone.context.cookies() == []
    other = "Array.from({ length: 43 }, () => 'a').join('')"
    tried = phone.evaluate(f"""async () => {{
        const ask = async (path, more) => (await fetch(path, more).catch(() => ({{ status: 0 }}))).status;
        return [
            await ask(location.pathname + "/photos"), await ask(location.pathname, {{ method: "DELETE" }}),
            await ask("/phone/" + {other}), await ask("/phone/" + {other}, {{ method: "POST", body: new FormData() }}),
        ];
    }}""")
    assert tried == [404, 404, 404, 404]

    panel.get_by_role("button", name="End the link").click()
    panel.get_by_text("The link has ended").wait_for(timeout=SLOW)
    phone.locator("input").last.set_input_files(photos[0])
    phone.get_by_text("Ask the person who gave it to you").wait_for(timeout=SLOW)
    phone.reload()
    phone.get_by_role("heading", name="This link has ended").wait_for(timeout=SLOW)
    assert problems == []
