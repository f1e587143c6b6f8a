from __future__ import annotations

import html
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml
from onnx import numpy_helper
from PIL import Image

from classifier import Predictor, export
from classifier.data.images import open_picture
from classifier.errors import ClassifierError, ExportError
from classifier.events import result_of
from classifier.exporters import web
from classifier.exporters.making import make
from classifier.exporters.verify import verify
from classifier.models.model_card import TAG
from tests.exporters.pages import LABELS, need_runtime
from tests.helpers import draw_photo

pytestmark = pytest.mark.slow


TITLE = 'Anna\'s "cups": <b>1</b> # $x'
TITLES = (("model.json", "title"), ("manifest.webmanifest", "name"))
PHOTOS = [draw_photo(seed, (130 - seed, 80 + seed)) for seed in range(4)]  # which the model is not sure of


def test_a_page_holds_what_it_needs_and_no_name_in_its_markup(page_export: Path) -> None:
    names = {path.relative_to(page_export).as_posix() for path in page_export.rglob("*") if path.is_file()}
    assert {"index.html", "model.onnx", "model.json", "files.js", "runtime/ort.wasm", "samples/3.png"} <= names
    page = (page_export / "index.html").read_text("utf-8")
    assert "<script>" not in page
    assert not re.search(r"\bon\w+=|style=|https?://|\$\w", page)
    assert "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'" in page
    config = json.loads((page_export / "model.json").read_text("utf-8"))
    assert config["labels"] == list(LABELS)
    for path in page_export.rglob("*.html"):
        assert not any(label in path.read_text("utf-8") for label in LABELS)


def test_a_page_is_a_static_space_of_the_hub(page_export: Path) -> None:
    _, front, text = (page_export / "README.md").read_text("utf-8").split("---\n", 2)
    assert (yaml.safe_load(front)["sdk"], yaml.safe_load(front)["tags"]) == ("static", [TAG])
    assert "python -m http.server" in text


def test_a_page_says_how_it_was_verified(page_export: Path) -> None:
    record = json.loads((page_export / "export.json").read_text("utf-8"))
    assert (record["verified"]["same"], record["verified"]["photos"]) == (4, 4)


def test_photos_are_in_a_page_only_where_the_person_agrees(trained: Any, tmp_path: Path, page_export: Path) -> None:
    photo = draw_photo(1, (900, 600))
    photo.info["comment"] = "taken at home"
    (*_, exported) = export(trained.folder, "web", tmp_path / "a.zip", PHOTOS, title=TITLE, shown=[photo])
    assert exported.verification.photos == 4
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        samples = [name for name in archive.namelist() if name.startswith("samples/")]
        with archive.open(samples[0]) as file, Image.open(file) as small:
            assert samples == ["samples/1.png"]
            assert max(small.size) == 256
            assert small.info == {}
        assert "export.json" in archive.namelist()
        front = yaml.safe_load(archive.read("README.md").decode().split("---\n")[1])
        named = (front["title"], *(json.loads(archive.read(name))[key] for name, key in TITLES))
        assert named == (TITLE,) * 3
        assert f"<title>{html.escape(TITLE)}</title>" in archive.read("index.html").decode()
    with Image.open(page_export / "samples" / "1.png") as drawn:
        assert drawn.size not in {photo.size for photo in PHOTOS}


def _labels_swapped(config: dict[str, Any]) -> None:
    config["labels"][:2] = config["labels"][1::-1]


def _other_threshold(config: dict[str, Any]) -> None:
    config["thresholds"][0] += 0.05


def _other_resize(config: dict[str, Any]) -> None:
    entries = config["preprocessing"]
    entries["crop_mode"], entries["crop_pct"] = ("center", 0.6) if entries["crop_mode"] == "squash" else ("squash", 1.0)


@pytest.mark.parametrize("change", [_labels_swapped, _other_threshold, _other_resize])
def test_a_changed_description_fails_the_verification(
    page_export: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    folder = _copy(page_export, tmp_path)
    config = json.loads((folder / "model.json").read_text("utf-8"))
    change(config)
    (folder / "model.json").write_text(json.dumps(config), "utf-8")
    _fails(folder, page_export)


def test_a_changed_weight_fails_the_verification(page_export: Path, tmp_path: Path) -> None:
    folder = _copy(page_export, tmp_path)
    graph = onnx.load(folder / "model.onnx")
    largest = max(graph.graph.initializer, key=lambda one: numpy_helper.to_array(one).size)
    values = numpy_helper.to_array(largest).copy()
    values.flat[: values.size // 2] *= 1.5
    largest.CopyFrom(numpy_helper.from_array(values, largest.name))
    onnx.save(graph, folder / "model.onnx")
    _fails(folder, page_export)


@pytest.mark.parametrize("name", ["runtime/ort.wasm", "resample.js", "files.js"])
def test_a_changed_file_of_the_page_fails_the_verification(page_export: Path, tmp_path: Path, name: str) -> None:
    folder = _copy(page_export, tmp_path)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(ExportError):
        _verify(folder, page_export)


def _copy(page: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(page, tmp_path / "page"))


def _fails(folder: Path, page: Path) -> None:
    """The hashes are those of the changed files, so that the answers alone show the change."""
    (folder / "files.js").write_text(web.hashes_of(folder), "utf-8")
    with pytest.raises(ExportError, match="was not kept"):
        _verify(folder, page)


def _verify(folder: Path, page: Path) -> None:
    predictor = Predictor(page.parent / "renamed")
    result_of(verify(web.FORMAT, predictor, folder, PHOTOS, open_picture))


def test_a_page_is_not_written_over_something_else(trained: Any, tmp_path: Path) -> None:
    need_runtime()
    (tmp_path / "page").mkdir()
    with pytest.raises(ClassifierError, match="is there already"):
        list(make(web.FORMAT, trained.folder, tmp_path / "page"))
