"""Limits of the host in a real browser: what is nearly used up is shown, and at a limit the work stays."""

from __future__ import annotations

import json
import os
import secrets
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier.data.example import draw_example
from classifier.ui.train.settings import NAMES
from tests.browser.pages import SLOW, Program, drop_files, drop_folder, open_page, seconds_only
from tests.browser.test_page import draw_noise

pytestmark = pytest.mark.browser

LIMITS: dict[str, Any] = {
    "CLASSES": 4, "UPLOAD_FILES": 20, "PROJECT_PHOTOS": 20, "PROJECT_MEGABYTES": 1, "UPLOAD_MEGABYTES": 1,
    "MEGAPIXELS": 1, "PROJECTS": 6, "HOST_MEGABYTES": 500, "TRAIN_MINUTES": 6, "TRAIN_EPOCHS": 9000, "QUEUE": 1,
    "NETWORKS": "table",
}  # fmt: skip


@pytest.fixture(scope="module")
def small_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program with little room for its visitors."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {f"CLASSIFIER_{name}": str(value) for name, value in LIMITS.items()}
    program = Program(tmp_path_factory.mktemp("small") / "home", port, variables=variables)
    program.start()
    yield program
    program.stop()


def draw_large(path: Path, kilobytes: int, seed: int) -> Path:
    """Draw a picture that no format makes much smaller."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (kilobytes * 1000 // 1200, 400, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def says(page: Any, words: str) -> None:
    """Wait for a sentence on the page."""
    page.get_by_text(words).first.wait_for(timeout=SLOW)


def test_at_a_limit_there_is_a_sentence_and_the_photos_stay(
    small_host: Program, visit: Callable[..., Any], tmp_path: Path
) -> None:
    draw_example(tmp_path / "first" / "photos", per_class=4)
    draw_example(tmp_path / "many" / "photos", per_class=6)
    draw_example(tmp_path / "more" / "photos", per_class=3, seed=7)
    draw_example(tmp_path / "new" / "photos", per_class=1, seed=8)
    (tmp_path / "new" / "photos" / "mug").rename(tmp_path / "new" / "photos" / "cup")
    page = visit(1280, url=small_host.url)
    drop_folder(page, tmp_path / "first")
    says(page, "Added 16 photos.")
    near = page.locator("#limits")
    says(near, "4 of the 4 classes that your project can have")
    says(near, "16 of the 20 photos that your project can hold")

    drop_folder(page, tmp_path / "new")
    says(page, "your project would have 5 classes; it can hold 4")
    says(page, "They are kept here and need not be sent again")
    page.get_by_text("Added 16 photos.").wait_for(state="detached")
    drop_folder(page, tmp_path / "more")
    says(page, "it can hold 20")
    drop_folder(page, tmp_path / "many")  # refused by the browser, which sends nothing
    says(page, "24 files are too many: at most 20 are taken at once")
    page.get_by_text("16 photos in 4 classes").wait_for()
    page.reload()
    says(page, "16 photos in 4 classes")


def test_at_a_limit_of_bytes_the_photos_stay(small_host: Program, visit: Callable[..., Any], tmp_path: Path) -> None:
    large = [draw_large(tmp_path / "large" / "photos" / "apple" / f"{number}.png", 410, number) for number in range(2)]
    draw_large(tmp_path / "third" / "photos" / "apple" / "3.png", 300, 3)
    draw_large(tmp_path / "huge" / "photos" / "apple" / "huge.png", 1200, 4)
    draw_large(tmp_path / "huge" / "photos" / "apple" / "small.png", 20, 5)
    Image.new("RGB", (1500, 1000)).save(large[0].parent / "wide.png")
    with zipfile.ZipFile(tmp_path / "third.zip", "w") as archive:
        archive.write(tmp_path / "third" / "photos" / "apple" / "3.png", "photos/apple/3.png")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(large[1], "photos/apple/4.png")
        archive.writestr("photos/notes.txt", secrets.token_hex(400_000))
    page = visit(1280, url=small_host.url)
    drop_folder(page, tmp_path / "large")
    says(page, "1 file was left out; see why below.")
    page.locator(".pc-outer > summary").click()
    says(page, "The picture is too large: 1.5 megapixels, and at most 1 are opened")
    says(page.locator("#limits"), "0.8 of the 1 MB that your photos can take")

    drop_folder(page, tmp_path / "third")
    says(page, "your project would take 1.2 MB; it can take 1 MB")
    page.reload()
    drop_files(page, tmp_path / "third.zip")
    says(page, "your project would take 1.2 MB; it can take 1 MB")
    drop_files(page, tmp_path / "packed.zip")
    says(page, "The zip unpacks to more than 1 megabytes; split it in two.")
    drop_folder(page, tmp_path / "huge")  # without the larger one
    says(page, "Added 1 photo.")
    says(page, "“huge/photos/apple/huge.png” is larger than the 1 MB that a file may have here and was not sent.")
    page.get_by_text("3 photos in 1 class").wait_for()


def test_at_a_limit_of_training_photos_and_models_stay(
    small_host: Program, visit: Callable[..., Any], browser: Any, tmp_path: Path
) -> None:
    draw_noise(tmp_path / "drop" / "noise", 8)
    problems: list[str] = []
    first = visit(1280, url=small_host.url)
    second, third = (open_page(browser.new_context(), problems) for _ in range(2))
    for page in (second, third):
        page.goto(small_host.url)
    for page in (first, second, third):
        drop_folder(page, tmp_path / "drop")
        page.locator("#photos-next").click(timeout=SLOW)
    also_first = open_page(first.context, problems)  # another window of the same visitor
    also_first.goto(small_host.url)
    also_first.get_by_role("tab", name="Train").click()

    says(first, "a first model in")  # the tab is drawn
    seconds_only(second)
    seconds_only(third)
    first.get_by_role("button", name="Advanced").click()
    first.locator("#train-mode").get_by_text("Deep").click()
    minutes = first.locator("#train-minutes")
    minutes.get_by_text("5 minutes").click()
    says(first, "5 of the 6 minutes that a training may take here")
    assert minutes.get_by_role("radio").count() == 3  # seconds, 5 and 6 minutes
    first.get_by_label("Stages that learn (unfreeze depth)").fill("1")
    epochs = first.get_by_label("Rounds (epochs)")
    epochs.fill("9001")
    first.locator("#train").click()
    says(first, "A training may have 9,000 epochs here; write 9,000 or less, not 9,001.")
    epochs.fill("8000")
    says(first, "8,000 of the 9,000 epochs that a training may have here")
    first.locator("#train").click()
    first.locator("#train-stop").wait_for()
    also_first.locator("#train").click()  # of one visitor one training at a time
    also_first.locator("#train-stop").wait_for()

    second.locator("#train").click()
    second.locator(".pc-score").wait_for(timeout=SLOW)  # a first step does not wait for the end of a fine-tuning
    assert first.locator("#train-stop").is_visible()
    first.locator("#train-stop").click()
    first.locator(".pc-score").wait_for(timeout=SLOW)
    also_first.locator(".pc-score").wait_for(timeout=SLOW)

    third.get_by_role("tab", name="Train").click()
    assert not third.get_by_label("Another network").is_visible()
    third.route("**/gradio_api/queue/join*", ask_for_network)
    third.locator("#train").click()
    says(third, "On this server only the listed networks can be used, not “resnet26d”")
    assert third.locator("#train").is_enabled()
    assert problems == []


def ask_for_network(route: Any) -> None:
    """Send a request on with a network that the page does not offer, where it begins a training."""
    body = json.loads(route.request.post_data)
    if len(body["data"]) == len(NAMES) + 1:
        body["data"][-1] = "resnet26d"
    route.continue_(post_data=json.dumps(body))


def wait_for_measure(page: Any, full: bool) -> None:
    """Wait until the size of the host is measured again, and shown; ends on the Photos tab."""
    near = page.locator("#limits").get_by_text("of the 500 MB that this server has for all people")
    for _ in range(200):
        if near.is_visible() == full:
            return
        page.get_by_role("tab", name="Train").click()
        page.get_by_role("tab", name="Photos").click()
        page.wait_for_timeout(500)
    raise AssertionError("the size is not measured")


def test_at_a_limit_of_the_host_nothing_is_lost(small_host: Program, visit: Callable[..., Any], tmp_path: Path) -> None:
    draw_noise(tmp_path / "drop" / "noise", 4)
    draw_noise(tmp_path / "more" / "noise", 5)
    page = visit(1280, url=small_host.url)
    page.locator("#photos-drop [data-ready]").wait_for()
    others = [small_host.home / secrets.token_hex(32) for _ in range(LIMITS["PROJECTS"])]
    for other in others:
        other.mkdir(parents=True)
    drop_folder(page, tmp_path / "drop")
    says(page, "This server has room for the photos of 6 people, and all of it is taken.")
    while len([path for path in small_host.home.iterdir() if len(path.name) == 64]) >= LIMITS["PROJECTS"]:
        others.pop().rmdir()
    drop_folder(page, tmp_path / "drop")
    says(page, "Added 8 photos.")
    says(page.locator("#limits"), "6 of the 6 projects that this server has room for")
    for other in others:
        other.rmdir()

    full = small_host.home / "full"
    full.touch()
    os.truncate(full, LIMITS["HOST_MEGABYTES"] * 10**6)  # without a block on the disk
    wait_for_measure(page, full=True)
    drop_folder(page, tmp_path / "more")
    says(page, "This server has no room for this: it keeps 500 MB of photos and models for all people.")
    says(page, "Nothing was added, and what you have stays.")
    page.locator("#photos-next").click()
    seconds_only(page)
    page.locator("#train").click()
    says(page, "it keeps 500 MB of photos and models for all people.")
    full.unlink()
    wait_for_measure(page, full=False)
    page.get_by_role("tab", name="Train").click()
    page.locator("#train").click()
    page.locator(".pc-score").wait_for()
    page.get_by_role("tab", name="Photos").click()
    says(page, "8 photos in 2 classes")
