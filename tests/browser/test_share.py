"""The Share tab in a real browser: files that are made and opened, a model that is published, a project that moves."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from classifier import Predictor
from classifier.exporters.web_runtime import VARIABLE
from tests.browser.pages import SLOW, Program, be_known, fits_screen, give_project, open_page
from tests.exporters.pages import served
from tests.hub_server import Hub

pytestmark = pytest.mark.browser

LABELS = ["apple", "key", "leaf", "mug"]
PER_CLASS = 3  # few: each file is compared with the model on all of them


@pytest.fixture(scope="module")
def problems() -> list[str]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("share")


@pytest.fixture(scope="module")
def project(trained_project: Callable[..., Path]) -> Path:
    return trained_project(PER_CLASS)


@pytest.fixture(scope="module")
def page(program: Program, browser: Any, project: Path, problems: list[str]) -> Iterator[Any]:
    """The Share tab of a visitor with a model."""
    page = open_page(browser.new_context(viewport={"width": 390, "height": 844}), problems)
    be_known(page, give_project(program.home, project))
    page.goto(program.url)
    page.get_by_role("tab", name="5 · Share").click()
    page.locator("#share-make").wait_for(timeout=SLOW)
    yield page
    page.context.close()
    assert problems == []


def download(page: Any, link: Any, folder: Path) -> Path:
    link.wait_for(timeout=SLOW)
    with page.expect_download(timeout=SLOW) as waiting:
        link.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def make(page: Any, format: str, folder: Path, shown: Sequence[int] = ()) -> Path:
    """Make a file in a format, with photos by their place among those offered, and download it, unpacked if a zip."""
    page.locator(f"#share-format input[value={format}]").check()
    page.locator("#share-result .pc-download").wait_for(state="detached")
    if shown:
        page.locator("#share-show input").check()
        page.get_by_text("Everybody who gets the file, or opens the page, sees them").wait_for(timeout=SLOW)
        for number in shown:
            page.locator("#share-photos input").nth(number).check()
        assert page.locator("#share-photos input:disabled").count() == (9 if len(shown) == 3 else 0)
        assert fits_screen(page)
    page.locator("#share-result .pc-download").wait_for(state="detached")  # that of the format before
    page.locator("#share-make").click()
    made = download(page, page.locator("#share-result .pc-download"), folder)
    assert "Same answer on 12 of 12 photos" in page.locator("#share-result .pc-good").inner_text()
    if made.suffix == ".zip":
        zipfile.ZipFile(made).extractall(folder / format)
        return folder / format
    assert made.suffix == f".{format}"
    return made


def test_a_model_is_downloaded_as_folder_file_and_repository_and_opens(page: Any, folder: Path, project: Path) -> None:
    """The other formats are made in ``tests/exporters``."""
    onnxruntime = pytest.importorskip("onnxruntime")
    photo = next((project.parent / "photos").rglob("mug*.jpg"))
    assert Predictor(make(page, "zip", folder) / "model").predict(photo)[0].top[0].label == "mug"
    about = onnxruntime.InferenceSession(make(page, "onnx", folder)).get_modelmeta().custom_metadata_map
    assert json.loads(about["photo-classifier"])["labels"] == LABELS
    assert json.loads(about["photo-classifier.export"])["verified"]["photos"] == 12
    repository = make(page, "hub", folder, [1])
    assert Predictor(repository).predict(photo)[0].top[0].label == "mug"
    assert "photos/1.jpg" in (repository / "README.md").read_text("utf-8")
    page.locator("#share-format input[value=space]").check()
    page.locator("#share-show").wait_for(state="hidden", timeout=SLOW)  # no place for photos


def test_a_page_with_chosen_photos_checks_itself_on_them(page: Any, folder: Path, problems: list[str]) -> None:
    if VARIABLE not in os.environ:
        pytest.skip(f"needs ONNX Runtime Web in {VARIABLE}")
    made = make(page, "web", folder, [0, 5, 11])
    assert len(list((made / "samples").iterdir())) == 3
    with served(made) as server:
        opened = open_page(page.context, problems)
        opened.goto(f"http://127.0.0.1:{server.server_port}/")
        opened.wait_for_selector("body[data-state=ready]", timeout=SLOW)
        opened.close()


def test_a_model_is_published_with_the_photos_that_were_seen(page: Any, hub: Hub) -> None:
    page.get_by_role("button", name="Publish it on the Hugging Face Hub").click()
    page.locator("#publish-start").click(timeout=SLOW)
    page.locator("#publish-result").get_by_text("Give it a name first").wait_for(timeout=SLOW)
    page.locator("#publish-name").get_by_role("textbox").fill("fruit")
    page.locator("#publish-show input").check()
    page.locator("#publish-photos li").nth(3).wait_for(timeout=SLOW)
    assert fits_screen(page)
    page.locator("#publish-start").click()
    link = page.get_by_role("link", name="Open anna/fruit on the Hugging Face Hub")
    link.wait_for(timeout=SLOW)
    assert link.get_attribute("href") == f"{hub.address}/anna/fruit"
    page.locator("#publish-result").get_by_text("only you can see it").wait_for(timeout=SLOW)
    repository = hub.model("anna/fruit")
    assert repository.private
    assert {f"photos/{number}.jpg" for number in range(1, 5)} < set(repository.files)
    assert "training_photos.json" not in repository.files


def test_a_project_is_saved_and_opened_by_another_visitor(
    page: Any, program: Program, browser: Any, folder: Path, problems: list[str]
) -> None:
    page.locator("#project-save").click()
    saved = download(page, page.locator("#project-saved .pc-download"), folder)
    other = open_page(browser.new_context(viewport={"width": 390, "height": 844}), problems)
    other.goto(program.url)
    for sentence in ("Opened: 12 photos, 1 model.", "Nothing was changed"):
        other.get_by_role("tab", name="5 · Share").click()
        other.locator("#project-drop [data-ready]:not(.pc-working)").wait_for(timeout=SLOW)
        other.locator("#project-drop input[type=file]").set_input_files(saved)
        if sentence.startswith("Nothing"):  # there is a project now
            other.locator("#project-no").click(timeout=SLOW)
        other.locator("#project-opened").get_by_text(sentence).wait_for(timeout=SLOW)
    assert fits_screen(other)
    other.get_by_role("tab", name="3 · Review").click()
    other.locator("#review-matrix table").wait_for(timeout=SLOW)
    other.context.close()
