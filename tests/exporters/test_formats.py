"""Each format answers as the model does, holds what it says, and is refused where anything in it was changed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
from timm.models import save_for_hf

from classifier import ClassifierError, Exported, Finished, Predictor
from classifier.exporters.base import Model, Options
from classifier.exporters.making import make
from classifier.exporters.verify import answers_of, draw_pictures
from classifier.messages import Message
from classifier.models.checkpoint import set_costs
from classifier.workflows.export import export, find_format
from tests.exporters import tampering

pytest.importorskip("onnxruntime")

NAMES = ("zip", "onnx", "pt2")
_CHANGE = {"zip": tampering.change_zip, "onnx": tampering.change_onnx, "pt2": tampering.change_pt2}


@pytest.fixture(scope="module")
def photos(example_set: Path) -> list[Path]:
    """A photo of each class."""
    return sorted(example_set.glob("*/* 01.jpg"))


@pytest.fixture(scope="module")
def exported(trained: Finished, photos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    """The same model in every format."""
    folder = tmp_path_factory.mktemp("exports")
    last = {}
    for name in NAMES:
        *_, last[name] = export(trained.folder, name, folder / f"model.{name}", photos)
    return last


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_export_answers_as_the_model_does(name: str, exported: dict[str, Exported], trained: Finished) -> None:
    found = exported[name]
    assert (found.verification.photos, found.verification.same, found.verification.drawn) == (4, 4, False)
    assert found.verification.largest_difference < 1e-4
    assert found.size == found.path.stat().st_size
    predictor = Predictor(trained.folder)
    pictures = list(draw_pictures(6))
    expected = answers_of(predictor, pictures)
    with find_format(name).load(found.path) as loaded:
        for batch in (1, 3, 6):
            answers = loaded.answer(pictures[:batch])
            assert [(one.label, one.unsure) for one in answers] == [(one.label, one.unsure) for one in expected[:batch]]
            for one, other in zip(answers, expected, strict=False):
                np.testing.assert_allclose(one.probs, other.probs, atol=1e-4)
    assert {one.unsure for one in expected} == {True}  # nothing like the training photos


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", tampering.CHANGES)
def test_a_changed_export_is_refused(
    name: str, what: str, exported: dict[str, Exported], trained: Finished, photos: list[Path], tmp_path: Path
) -> None:
    def write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
        shutil.copy(exported[name].path, out)
        _CHANGE[name](out, what)
        return ()

    tampered = replace(find_format(name), write=write)
    with pytest.raises(ClassifierError, match=r"answered diff|other classes|other thresholds|of another model"):
        list(make(tampered, trained.folder, tmp_path / "out", photos))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_export_that_is_cut_off_is_refused(
    name: str, exported: dict[str, Exported], trained: Finished, photos: list[Path], tmp_path: Path
) -> None:
    def write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
        out.write_bytes(exported[name].path.read_bytes()[:100_000])
        return ()

    with pytest.raises(ClassifierError, match="cannot be opened again"):
        list(make(replace(find_format(name), write=write), trained.folder, tmp_path / "out", photos))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_verification_stands_in_every_export(exported: dict[str, Exported]) -> None:
    import onnx

    def in_archive(path: Path) -> str:
        with zipfile.ZipFile(path) as archive:
            return archive.read(next(name for name in archive.namelist() if name.endswith("/export.json"))).decode()

    records = {name: in_archive(exported[name].path) for name in ("zip", "pt2")}
    entries = {one.key: one.value for one in onnx.load(exported["onnx"].path).metadata_props}
    records["onnx"] = entries["photo-classifier.export"]
    for name, text in records.items():
        assert json.loads(text) == {"format": name, "verified": exported[name].verification.to_json()}


@pytest.mark.slow
def test_thresholds_of_each_class_travel(
    trained: Finished, photos: list[Path], exported: dict[str, Exported], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(trained.folder, folder)
    report = set_costs(folder, {trained.report.labels[0]: 20}, 0.1)
    *_, last = export(folder, "onnx", tmp_path / "model.onnx", photos)
    assert last.verification.same == len(photos)
    with find_format("onnx").load(last.path) as loaded:
        assert loaded.thresholds == pytest.approx(report.thresholds)
        assert len(set(report.thresholds)) > 1


@pytest.mark.slow
def test_a_zip_is_the_folder_without_what_tells_of_the_photos(
    exported: dict[str, Exported], trained: Finished, tmp_path: Path
) -> None:
    (trained.folder / "training_photos.json").stat()
    with zipfile.ZipFile(exported["zip"].path) as archive:
        archive.extractall(tmp_path)
        names = {name.partition("/")[2] for name in archive.namelist()}
    expected = {path.name for path in trained.folder.iterdir() if not path.name.startswith(".")}
    assert names == expected - {"training_photos.json"} | {"export.json"}
    training = json.loads((tmp_path / "model" / "training.json").read_text("utf-8"))
    assert "photos" not in training
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == (
        trained.folder / "model.safetensors"
    ).read_bytes()


@pytest.mark.slow
def test_onnx_needs_nothing_but_its_own_metadata(
    exported: dict[str, Exported], trained: Finished, photos: list[Path], tmp_path: Path
) -> None:
    """A program of a stranger: onnxruntime, Pillow and numpy, by what the file says."""
    script = tmp_path / "stranger.py"
    script.write_text(_STRANGER, encoding="utf-8")
    command = [sys.executable, str(script), str(exported["onnx"].path), *map(str, photos)]
    answers = json.loads(subprocess.run(command, capture_output=True, check=True, text=True, cwd=tmp_path).stdout)
    for (label, unsure, largest), prediction in zip(answers, Predictor(trained.folder).predict(photos), strict=True):
        assert (label, unsure) == (prediction.answer.label, prediction.unsure)
        assert largest == pytest.approx(prediction.top[0].confidence, abs=1e-3)


_STRANGER = """
import json, sys
import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1])
about = json.loads(session.get_modelmeta().custom_metadata_map["photo-classifier"])
how, size = about["preprocessing"], about["preprocessing"]["input_size"][-1]
found = []
for path in sys.argv[2:]:
    picture = Image.open(path).convert("RGB")
    if how["crop_mode"] == "squash":
        side = int(size / how["crop_pct"])
        picture = picture.resize((side, side), Image.Resampling.BICUBIC)
    else:
        side = int(size / how["crop_pct"])
        width, height = picture.size
        scale = side / min(width, height)
        picture = picture.resize((int(width * scale), int(height * scale)), Image.Resampling.BICUBIC)
    left, top = round((picture.width - size) / 2), round((picture.height - size) / 2)
    picture = picture.crop((left, top, left + size, top + size))
    pixels = np.asarray(picture).transpose(2, 0, 1)[None]
    probs, known = (one[0] for one in session.run(None, {"pixels": pixels}))
    relative = probs / np.array(about["thresholds"])
    best = int(relative.argmax())
    found.append([about["labels"][best], bool(not known or relative[best] < 1), float(probs.max())])
print(json.dumps(found))
"""


@pytest.mark.slow
def test_a_model_of_another_program_is_exported(tmp_path: Path) -> None:
    network = timm.create_model("test_resnet", pretrained=False, num_classes=3)
    folder = tmp_path / "theirs"
    save_for_hf(network, str(folder), model_config={"label_names": ["a", "b", "c"]}, safe_serialization=True)
    *_, last = export(folder, "onnx", tmp_path / "out.onnx")
    assert (last.verification.photos, last.verification.same, last.verification.drawn) == (40, 40, True)
    with find_format("onnx").load(last.path) as loaded:
        assert loaded.thresholds == (0.5, 0.5, 0.5)
