from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file, save_file

from classifier import Predictor
from classifier.data.images import open_picture
from classifier.errors import ExportError
from classifier.events import result_of
from classifier.exporters import hub_repo
from classifier.exporters.base import Exported, Model, Options
from classifier.exporters.making import make
from classifier.exporters.verify import verify
from tests.helpers import draw_photo
from tests.models.test_checkpoint import save

LABELS = ("cat", "dog", "hen")
PHOTOS = [draw_photo(seed, (300, 200)) for seed in range(3)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo that tells where and with what it was taken."""
    photo = draw_photo(5, (1200, 800))
    exif = Image.Exif()
    exif[0x010F] = "Anna's camera"
    exif.get_ifd(0x8825)[1] = "N"
    path = tmp_path_factory.mktemp("shown") / "holiday at home.jpg"
    photo.save(path, exif=exif, comment=b"Anna's house")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a random head; not to be changed."""
    folder = tmp_path_factory.mktemp("hub") / "model"
    save(folder, LABELS)
    training = json.loads((folder / "training.json").read_text("utf-8"))
    (folder / "training.json").write_text(json.dumps({**training, "photos": [{"sha256": "a" * 64}]}), "utf-8")
    (folder / "resume").mkdir()
    (folder / "training_photos.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def repo(model: Path, shown: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export; not to be changed."""
    out = tmp_path_factory.mktemp("a # b? 100%") / "repo"
    *_, exported = make(hub_repo.FORMAT, model, out, PHOTOS, options=Options(shown=[shown]))
    assert isinstance(exported, Exported)
    assert (exported.verification.same, exported.verification.photos) == (3, 3)
    return out


def test_a_repo_holds_what_may_leave_and_nothing_else(repo: Path, model: Path) -> None:
    kept = {path.name for path in model.iterdir()} - {"training_photos.json", "resume"}
    assert {path.name for path in repo.iterdir()} == {*kept, "export.json", "photos"}
    training = json.loads((repo / "training.json").read_text("utf-8"))
    assert "photos" not in training
    assert training["created"].startswith("2026")
    assert json.loads((repo / "export.json").read_text("utf-8"))["verified"]["same"] == 3


def test_of_a_shown_photo_only_the_pixels_leave(repo: Path, shown: Path) -> None:
    content = (repo / "photos/1.jpg").read_bytes()
    assert not {b"Anna", b"Exif", b"holiday"} & {word for word in (b"Anna", b"Exif", b"holiday") if word in content}
    with Image.open(repo / "photos/1.jpg") as picture, Image.open(shown) as original:
        assert picture.size == (640, 427)
        assert not picture.getexif()
        small = np.asarray(original.convert("RGB").resize(picture.size), np.int64)
        assert np.abs(np.asarray(picture, np.int64) - small).mean() < 6
    assert "holiday" not in (repo / "README.md").read_text("utf-8")
    (entry,) = ModelCard.load(repo / "README.md").data.widget
    answer = Predictor(repo).predict(shown)[0].top[0]
    assert entry["output"][0] == {"label": answer.label, "score": pytest.approx(answer.confidence, abs=1e-3)}


@pytest.mark.slow
def test_the_code_of_the_card_runs_and_answers_as_the_model_does(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    shutil.copytree(repo, tmp_path / "FOLDER")
    PHOTOS[0].save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    by_timm, by_transformers = re.findall(r"```python\n(.*?)```", (repo / "README.md").read_text("utf-8"), re.DOTALL)
    best = Predictor(repo).predict("photo.jpg")[0].answer
    exec(by_timm, {})
    label, confidence = capsys.readouterr().out.split()
    assert (label, float(confidence)) == (best.label, pytest.approx(best.confidence, abs=1e-3))
    exec(by_transformers, {})
    first = eval(capsys.readouterr().out.splitlines()[-1])[0]
    assert first == {"label": best.label, "score": pytest.approx(best.confidence, abs=1e-3)}


def change_json(name: str, change: Callable[[dict], None]) -> Callable[[Path], None]:
    """What changes a file of JSON in a folder."""

    def apply(folder: Path) -> None:
        data = json.loads((folder / name).read_text("utf-8"))
        change(data)
        (folder / name).write_text(json.dumps(data), "utf-8")

    return apply


def change_weight(folder: Path) -> None:
    """Change one weight of the classifier."""
    tensors = load_file(folder / "model.safetensors")
    tensors["fc.weight"][0] += 0.5
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def swap(data: dict) -> None:
    """Swap the names of two classes, wherever they stand."""
    names = data["label_names"]
    names[0], names[1] = names[1], names[0]


def swap_rows(data: dict) -> None:
    """Swap the names of two classes in a report."""
    swap({"label_names": data["labels"]})
    for row, label in zip(data["per_class"], data["labels"]):
        row["label"] = label


def swap_report(folder: Path) -> None:
    """Swap two classes in all files, so that they agree with each other."""
    change_json("config.json", swap)(folder)
    change_json("report.json", swap_rows)(folder)


TAMPERED = {
    "a weight": change_weight,
    "a mean": change_json("config.json", lambda data: data["pretrained_cfg"].update(mean=[0.4, 0.5, 0.5])),
    "another resize": change_json(
        "config.json", lambda data: data["pretrained_cfg"].update(crop_pct=0.5, crop_mode="center")
    ),
    "two labels": swap_report,
    "another threshold": change_json("report.json", lambda data: data.update(threshold=0.123)),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_repo_is_not_the_model(what: str, repo: Path, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    shutil.copytree(repo, folder)
    TAMPERED[what](folder)
    with pytest.raises(ExportError):
        result_of(verify(hub_repo.FORMAT, Predictor(model), folder, PHOTOS, open_picture))


def test_a_folder_of_timm_without_a_report_keeps_its_card(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "foreign")
    (tmp_path / "foreign/report.json").unlink()
    (tmp_path / "foreign/README.md").write_text("My own words")
    hub_repo.FORMAT.write(Model.load(tmp_path / "foreign"), tmp_path / "repo", Options())
    assert (tmp_path / "repo/README.md").read_text() == "My own words"
