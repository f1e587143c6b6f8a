"""The exported Gradio app: what is in it, and that its own code answers as the model does."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from huggingface_hub import metadata_load
from PIL import Image

from classifier import Exported, Finished, Predictor, export
from classifier.config import PixelRanges
from classifier.errors import ExportError
from classifier.evaluation import ood
from classifier.exporters import gradio_space
from classifier.exporters.base import Answer, Loaded, Model, Options
from classifier.exporters.making import make
from classifier.exporters.space_files import app
from classifier.messages import Message
from tests import processes
from tests.exporters import tampering
from tests.exporters.pages import LABELS, copy_renamed
from tests.helpers import draw_photo, encode
from tests.test_machine import requirements

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def exported(trained: Finished, example_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A zip of an app whose classes have names that try to be HTML; the model is in the folder beside it."""
    folder = tmp_path_factory.mktemp("space")
    copy_renamed(trained.folder, folder / "renamed")
    photos = sorted(example_set.glob("*/* 01.jpg"))
    *_, last = export(folder / "renamed", "space", folder / "space.zip", photos, title="My: cups")
    assert isinstance(last, Exported)
    return last


@pytest.fixture(scope="module")
def unzipped(exported: Exported) -> Path:
    folder = exported.path.with_name("unzipped")
    with zipfile.ZipFile(exported.path) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def address(unzipped: Path) -> Iterator[str]:
    """The app as it runs from its folder."""
    port = processes.free_port()
    settings = {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    code = "import runpy, sys, gradio.http_server as server\n"
    code += f"server.INITIAL_PORT_VALUE = {port}; sys.path[0] = ''\n"  # Gradio reads it when it is imported
    code += "runpy.run_path('app.py', run_name='__main__')"
    program = processes.start(["-c", code], unzipped, {**processes.environment(), **settings})
    url = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        assert program.poll() is None, "the app ended at its start"
        try:
            urllib.request.urlopen(url, timeout=30).close()
            break
        except OSError:
            time.sleep(0.1)
    yield url
    program.kill()
    program.wait()


@pytest.mark.slow
def test_the_app_answers_programs_as_the_model_does(address: str, exported: Exported, tmp_path: Path) -> None:
    model = exported.path.with_name("renamed")
    assert (exported.verification.same, exported.verification.photos) == (4, 4)
    photos = [model.parent / name for name in ("upright.jpg", "clear.png", "odd.png")]
    draw_photo(3, (200, 120)).save(photos[0], exif=turned())
    clear = draw_photo(4, (90, 130)).convert("RGBA")
    clear.putalpha(draw_photo(5, (90, 130)).convert("L"))
    clear.save(photos[1])
    draw_photo(6, (120, 90)).save(photos[2])
    client = Client(address, verbose=False)
    for photo, expected in zip(photos, Predictor(model).predict(photos)):
        sentence, shown, found = client.predict(handle_file(photo), api_name="/predict")
        assert (found["label"], found["unsure"]) == (expected.answer.label, expected.unsure)
        assert list(found["confidences"]) == [one.label for one in expected.top]
        assert list(found["confidences"].values()) == pytest.approx([one.confidence for one in expected.top], abs=1e-3)
        assert sentence.startswith("Not sure") or sentence == found["label"]
        assert shown["label"] == expected.top[0].label
    (tmp_path / "cut off.jpg").write_bytes(encode(draw_photo(7, (400, 300)))[:-2000])
    with pytest.raises(Exception, match="cannot be opened as a photo"):
        client.predict(handle_file(tmp_path / "cut off.jpg"), api_name="/predict")


def turned() -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = 6
    return tags


@pytest.mark.slow
def test_the_zip_holds_the_app_and_the_model_and_nothing_private(exported: Exported, unzipped: Path) -> None:
    names = {path.relative_to(unzipped).as_posix() for path in unzipped.rglob("*") if path.is_file()}
    own = {"app.py", "requirements.txt", "README.md", "model.json", "export.json"}
    assert {name for name in names if not name.startswith("model/")} == own
    assert {"model/config.json", "model/model.safetensors", "model/report.json", "model/README.md"} <= names
    assert "model/training_photos.json" not in names
    assert tuple(json.loads((unzipped / "model.json").read_text("utf-8"))["labels"]) == LABELS
    front = metadata_load(unzipped / "README.md")
    assert front is not None
    assert (front["sdk"], front["app_file"], front["license"]) == ("gradio", "app.py", "apache-2.0")
    assert "photo-classifier" in front["tags"]
    assert front["title"] == app.Classifier(unzipped).title == "My: cups"
    assert len(front["short_description"]) <= 60
    assert json.loads((unzipped / "export.json").read_text("utf-8"))["verified"]["same"] == 4


@contextmanager
def load_here(out: Path) -> Iterator[Loaded]:
    """As the format does, by the app's own code, but in this process: another takes seconds to begin."""
    model = app.Classifier(out)

    def answer(pictures: Sequence[Image.Image]) -> list[Answer]:
        paths = [out.with_name(f"{number}.png") for number in range(len(pictures))]
        for picture, path in zip(pictures, paths):
            picture.save(path)
        found = model.answer(list(map(str, paths)))
        probs = [np.array([one["confidences"][label] for label in model.labels], np.float32) for one in found]
        return [Answer(one["label"], row, one["unsure"]) for one, row in zip(found, probs)]

    yield Loaded(tuple(model.labels), answer, tuple(model.thresholds), PixelRanges.from_json(model.pixel_ranges))


@pytest.mark.slow
@pytest.mark.parametrize("what", [None, *tampering.CHANGES])
def test_a_changed_app_is_refused(
    what: str | None, exported: Exported, unzipped: Path, example_set: Path, tmp_path: Path
) -> None:
    def write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
        shutil.copytree(unzipped, out)
        if what is not None:
            tampering.change_space(out, what)
        return ()

    # The threshold, as the app itself tells it from its own process.
    load = gradio_space.FORMAT.load if what == "threshold" else load_here
    tampered = replace(gradio_space.FORMAT, write=write, load=load)
    photos = sorted(example_set.glob("*/* 01.jpg"))
    refused = pytest.raises(ExportError, match=r"answered diff|other classes|other thresholds")
    with refused if what is not None else nullcontext():
        list(make(tampered, exported.path.with_name("renamed"), tmp_path / "out", photos))
    assert (tmp_path / "out").exists() == (what is None)


def test_the_app_uses_the_numbers_of_the_program() -> None:
    assert (app.NEIGHBORS, app.ENERGY_WEIGHT) == (ood.NEIGHBORS, ood.ENERGY_WEIGHT)
    ours = requirements((ROOT / "requirements.txt").read_text("utf-8"))
    assert set((ROOT / "classifier/exporters/space_files/requirements.txt").read_text("utf-8").split()) <= set(ours)
