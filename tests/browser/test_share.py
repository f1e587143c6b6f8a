"""The Share tab in a real browser: a model is made into files, and these are downloaded and opened."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from classifier import Predictor
from tests.browser.pages import SLOW, Program, fits_screen
from tests.browser.test_review_and_judge import open_trained

pytestmark = pytest.mark.browser


def download(page: Any, format: str, folder: Path) -> Path:
    """Make a file in a format and download it."""
    page.locator(f"#share-format input[value={format}]").check()
    page.locator("#share-result .pc-download").wait_for(state="detached")
    page.locator("#share-make").click()
    link = page.locator("#share-result .pc-download")
    link.wait_for(timeout=SLOW)
    assert "Same answer on" in page.locator("#share-result .pc-good").inner_text()
    with page.expect_download(timeout=SLOW) as waiting:
        link.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_model_is_downloaded_as_zip_and_onnx_and_opens(program: Program, browser: Any, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    problems: list[str] = []
    page = open_trained(program, browser, tmp_path, problems)
    page.get_by_role("tab", name="5 · Share").click()
    page.locator("#share-make").wait_for(timeout=SLOW)
    archive, graph = (download(page, format, tmp_path) for format in ("zip", "onnx"))
    assert fits_screen(page)
    zipfile.ZipFile(archive).extractall(tmp_path / "opened")
    photo = next((tmp_path / "drop").rglob("mug*.jpg"))
    assert Predictor(tmp_path / "opened" / "model").predict(photo)[0].top[0].label == "mug"
    about = onnxruntime.InferenceSession(graph).get_modelmeta().custom_metadata_map
    assert json.loads(about["photo-classifier"])["labels"] == ["apple", "key", "leaf", "mug"]
    assert json.loads(about["photo-classifier.export"])["verified"]["photos"] == 24
    assert (archive.suffix, graph.suffix) == (".zip", ".onnx")
    assert problems == []
