from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.data import create_transform, resolve_data_config

from classifier import Finished, Predictor
from classifier.config import RESIZE_MODES, Preprocessing, ResizeMode
from classifier.data.assets import Asset
from classifier.data.perceptual_hash import HASH_SIZE
from classifier.errors import ModelError, SettingError
from classifier.evaluation.ood import OODModel
from classifier.evaluation.scoring import build_report
from classifier.messages.models import CheckpointCode
from classifier.models import backbones, checkpoint, model_folder, networks, training_photos
from classifier.models.evaluated_photos import EvaluatedPhotos
from classifier.models.training_photos import KnownPhotos
from tests import processes
from tests.helpers import draw_photo

BACKBONE = backbones.ROWS["small_cnn"]
ROOT = Path(__file__).parents[2]


def save(
    folder: Path,
    labels: tuple[str, ...] = ("cat", "dog"),
    seed: int = 0,
    ood: OODModel | None = None,
    resize_mode: ResizeMode = "whole",
    known: KnownPhotos | None = None,
) -> np.ndarray:
    """Write a model with a random head; returns its bias (C,)."""
    rng = np.random.default_rng(seed)
    y_true = np.arange(2 * len(labels)) % len(labels)
    report = build_report(
        np.eye(len(labels), dtype=np.float32)[y_true], y_true, labels, images=len(y_true), evaluated_on="out_of_fold",
        threshold=0.5, temperature=1.0, warnings=[], resize_mode=resize_mode, backbone=BACKBONE.name,
    )  # fmt: skip
    weight = rng.normal(size=(len(labels), 64), scale=0.3).astype(np.float32)
    bias = rng.normal(size=len(labels)).astype(np.float32)
    tensors = networks.backbone_tensors(BACKBONE, folder)
    preprocessing = Preprocessing(size=64).with_resize_mode(resize_mode)
    evaluated = EvaluatedPhotos(
        np.eye(len(labels), dtype=np.float32)[y_true] * 0.5 + np.float32(0.5 / len(labels)),
        y_true,
        np.ones(len(y_true), np.bool_),
    )
    model = checkpoint.TrainedModel(
        "quick", BACKBONE, tensors, weight, bias, preprocessing, report, ood=ood, evaluated=evaluated,
        training_photos=known,
    )  # fmt: skip
    checkpoint.save(folder, model, {"created": "2026-03-01T12:00:00"})
    return bias


def ood_model(width: int = 64, labels: tuple[int, ...] = (0, 1)) -> OODModel:
    """An out-of-distribution model of features (n, width) whose points have these labels."""
    numbers = np.random.default_rng(0).normal(size=(width, 2)).astype(np.float32)
    points = np.ones((len(labels), 2), np.float32)
    return OODModel(numbers[:, 0], numbers, points, np.array(labels), 0.5, np.array([[1, 2], [3, 4]], np.float32))


@pytest.fixture
def model(trained: Finished, tmp_path: Path) -> Path:
    """A trained model's folder, to be damaged."""
    return Path(shutil.copytree(trained.folder, tmp_path / "copy"))


@pytest.mark.parametrize("resize_mode", RESIZE_MODES)
def test_timm_opens_the_folder_and_answers_alike(resize_mode: ResizeMode, tmp_path: Path) -> None:
    save(tmp_path / "model", ("cat", "dog", "hen", "owl"), resize_mode=resize_mode)
    network = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    transform = create_transform(**resolve_data_config(network.pretrained_cfg))
    pictures = [draw_photo(1, (300, 200)), draw_photo(2, (64, 64)), draw_photo(7, (400, 90))]
    with torch.inference_mode():
        expected = network(torch.stack([transform(picture) for picture in pictures])).softmax(1)
    predictor = Predictor(tmp_path / "model", "cpu")
    for probs, answer in zip(expected, predictor.predict(pictures, top_k=4), strict=True):
        assert answer.top[0].label == predictor.labels[int(probs.argmax())]
        for one in answer.top:
            assert one.confidence == pytest.approx(float(probs[predictor.labels.index(one.label)]), abs=1e-3)


@pytest.mark.slow
def test_transformers_opens_the_folder_and_answers_alike(trained: Finished, example_set: Path) -> None:
    transformers = pytest.importorskip("transformers")
    classify = transformers.pipeline("image-classification", str(trained.folder), device="cpu")
    pictures = [Image.open(path).convert("RGB") for path in sorted(example_set.glob("*/*1.jpg"))] + [draw_photo(7)]
    for picture, answer in zip(pictures, Predictor(trained.folder, "cpu").predict(pictures, top_k=4), strict=True):
        expected = {row["label"]: row["score"] for row in classify(picture, top_k=4)}
        assert {one.label: one.confidence for one in answer.top} == pytest.approx(expected, abs=1e-3)


def test_a_folder_has_every_file_and_no_pickle(trained: Finished) -> None:
    assert {path.name for path in trained.folder.iterdir()} == set(model_folder.FILES)
    config = json.loads((trained.folder / "config.json").read_text(encoding="utf-8"))
    assert config["architecture"] == "tf_efficientnet_lite0"
    assert config["label_names"] == ["apple", "key", "leaf", "mug"]
    assert config["label2id"] == {label: int(id) for id, label in config["id2label"].items()}
    assert "model_args" not in config
    training = json.loads((trained.folder / "training.json").read_text(encoding="utf-8"))
    assert training["config"]["seed"] == 0
    assert training["data"]["splits"] == {"train": 32}
    assert training["versions"]["torch"]


def test_every_file_is_readable_like_its_neighbors(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        save(tmp_path / "model", ood=ood_model())
    finally:
        os.umask(before)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "model").iterdir()}
    assert modes == dict.fromkeys(set(model_folder.FILES) - {model_folder.TRAINING_PHOTOS}, "0o644")


def test_more_training_photos_than_can_be_read_again_are_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Asset(0, "", f"{number:064x}", "cat", "train", None, "", 1, 1, 1, "") for number in range(3)]
    features, hashes, numbers = np.ones((3, 64), np.float32), np.ones((3, HASH_SIZE), np.float32), np.arange(3)
    known = training_photos.describe(rows, features, hashes, numbers, numbers, BACKBONE.name, "whole")
    for most, is_stored in ((3, True), (2, False)):
        for module in (checkpoint, training_photos):
            monkeypatch.setattr(module, "MOST_PHOTOS", most)
        save(tmp_path / "model", known=known)
        assert (training_photos.read(tmp_path / "model") is not None) is is_stored
        assert checkpoint.load(tmp_path / "model").labels == ("cat", "dog")


def test_a_model_of_this_program_opens_without_its_report(model: Path) -> None:
    (model / "report.json").unlink()
    loaded = checkpoint.load(model)
    assert (loaded.report, loaded.backbone) == (None, "tf_efficientnet_lite0")
    assert loaded.labels == ("apple", "key", "leaf", "mug")


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    bias = save(tmp_path / "model", ("Äpfel", "犬 & 🐈", "c"), ood=ood_model())
    loaded = checkpoint.load(tmp_path / "model")
    assert loaded.labels == ("Äpfel", "犬 & 🐈", "c")
    assert loaded.preprocessing == Preprocessing(size=64).with_resize_mode("whole")
    assert loaded.report == checkpoint.read_report(tmp_path / "model")
    assert loaded.backbone == "small_cnn"
    assert np.array_equal(loaded.network.get_classifier().bias.numpy(), bias)
    assert not loaded.network.training
    assert {(value.dtype, value.requires_grad) for value in loaded.network.parameters()} == {(torch.float32, False)}
    expected = ood_model().tensors()
    assert all(np.array_equal(value, expected[key]) for key, value in loaded.ood.tensors().items())
    assert "犬" in (tmp_path / "model/config.json").read_text(encoding="utf-8")


# -- saving


def test_a_model_replaces_the_one_before(tmp_path: Path) -> None:
    save(tmp_path / "model", seed=0)
    bias = save(tmp_path / "model", seed=1)
    assert np.array_equal(checkpoint.load(tmp_path / "model").network.get_classifier().bias.numpy(), bias)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
def test_on_a_full_disk_the_model_before_stays(tmp_path: Path) -> None:
    """The largest size of a file stands for the size of the disk: too small for the first file, or for the weights."""
    bias = save(tmp_path / "model", seed=0)
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.models.test_checkpoint import save\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from classifier.errors import StorageError\n"
        "for limit in (2000, 500_000):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "    try:\n"
        f"        save(Path({str(tmp_path / 'model')!r}), seed=1)\n"
        "    except StorageError as error:\n"
        "        print(error, file=sys.stderr)\n"
    )
    done = processes.run(["-c", code])
    sentences = done.stderr.splitlines()
    assert (done.returncode, len(sentences)) == (0, 2), done.stderr
    assert all(sentence.startswith("The disk is full: the model was not saved") for sentence in sentences)
    assert np.array_equal(checkpoint.load(tmp_path / "model").network.get_classifier().bias.numpy(), bias)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


# -- threshold


def test_a_threshold_changes_report_and_card_and_nothing_else(model: Path) -> None:
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    report = checkpoint.set_threshold(model, 0.83)
    assert report == checkpoint.read_report(model)
    assert report.threshold == 0.83
    assert "A confidence under 83% is best read as “not sure”." in (model / "README.md").read_text(encoding="utf-8")
    after = {path.name: path.read_bytes() for path in model.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"report.json", "README.md"}
    assert after.keys() == before.keys()
    assert [path.name for path in model.parent.iterdir()] == [model.name]
    first = json.loads(before["report.json"])["threshold"]
    checkpoint.set_threshold(model, first)
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


def test_a_class_named_like_the_sentence_of_the_card_keeps_its_name(tmp_path: Path) -> None:
    name = "A confidence under 7% is best read as “not sure”."
    save(tmp_path / "model", (name, "dog"))
    checkpoint.set_threshold(tmp_path / "model", 0.25)
    card = (tmp_path / "model/README.md").read_text(encoding="utf-8")
    assert card.count("under 7%") == 3
    assert card.count("\nA confidence under 25% is best") == 1


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_threshold_outside_0_to_1_is_refused(value: float, model: Path) -> None:
    before = (model / "report.json").read_bytes()
    with pytest.raises(SettingError, match="from 0 to 1"):
        checkpoint.set_threshold(model, value)
    assert (model / "report.json").read_bytes() == before


def test_a_card_that_is_missing_or_was_rewritten_stays_so(model: Path) -> None:
    (model / "README.md").write_text("My own words.", encoding="utf-8")
    checkpoint.set_threshold(model, 0.1)
    assert (model / "README.md").read_text(encoding="utf-8") == "My own words."
    (model / "README.md").unlink()
    checkpoint.set_threshold(model, 0.2)
    assert not (model / "README.md").exists()
    assert checkpoint.read_report(model).threshold == 0.2


def test_a_threshold_needs_a_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(ModelError, match="no model"):
            checkpoint.set_threshold(folder, 0.5)
    (model / "report.json").write_text("{}")
    with pytest.raises(ModelError, match="report"):
        checkpoint.set_threshold(model, 0.5)


@pytest.mark.slow
def test_a_threshold_on_a_full_disk_changes_nothing(model: Path) -> None:
    """The report would fit, the card does not."""
    with (model / "README.md").open("a", encoding="utf-8") as card:
        card.write("My own words. " * 10_000)
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from classifier.errors import StorageError\n"
        "from classifier.models import checkpoint\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    checkpoint.set_threshold(Path(sys.argv[1]), 0.123)\n"
        "except StorageError as error:\n"
        "    print(error.code.name)\n"
    )
    done = processes.run(["-c", code, model])
    assert done.stdout == "DISK_FULL_UNCHANGED\n", done.stderr
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


# -- damaged and hostile folders


def edited(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        for name, value in changes.items():
            if name in config["pretrained_cfg"] and name != "num_classes":
                config["pretrained_cfg"][name] = value
            else:
                config[name] = value
        (folder / "config.json").write_text(json.dumps(config))

    return edit


def written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size * 2 // 3)


def tensors(name: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        found = load_file(folder / name)
        change(found)
        save_file(found, folder / name)

    return edit


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    return tensors("model.safetensors", change)


def other_ood(other: OODModel) -> Callable[[Path], None]:
    rows = {key: torch.from_numpy(value) for key, value in other.tensors().items()}
    return lambda folder: save_file(rows, folder / "familiar.safetensors")


def as_folder(name: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return edit


HUGE = b'{"conv_stem.weight":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
DAMAGE: dict[str, Callable[[Path], None]] = {
    **{f"without {name}": without(name) for name in ("config.json", "model.safetensors")},
    **{f"cut {name}": cut(name) for name in ("config.json", "model.safetensors", "report.json")},
    **{f"folder for {name}": as_folder(name) for name in ("config.json", "model.safetensors", "report.json")},
    "config is a text": written("config.json", b"architecture: resnet"),
    "config is a list": written("config.json", b"[1, 2]"),
    "config is not UTF-8": written("config.json", b'{"a": "\xff\xfe"}'),
    "config is deep": written("config.json", b"[" * 100_000),
    "out-of-distribution model is no file": written("familiar.safetensors", b"{}"),
    "out-of-distribution model lacks a tensor": tensors("familiar.safetensors", lambda found: found.pop("basis")),
    "out-of-distribution model of fewer features": other_ood(ood_model(width=12)),
    "out-of-distribution model of more classes": other_ood(ood_model(1280, (0, 4))),
    "out-of-distribution model of a class before the first": other_ood(ood_model(1280, (-1, 3))),
    "config is empty": written("config.json", b"{}"),
    "report is a list": written("report.json", b"[]"),
    "report is empty": written("report.json", b"{}"),
    "weights are a pickle": written("model.safetensors", pickle.dumps({"a": 1})),
    "weights are empty": written("model.safetensors", b""),
    "weights claim much": written("model.safetensors", len(HUGE).to_bytes(8, "little") + HUGE),
    "weights claim a long header": written("model.safetensors", (2**62).to_bytes(8, "little") + b"{}"),
    "network unknown": edited(architecture="no_such_network"),
    "network is elsewhere": edited(architecture="hf-hub:someone/model"),
    "network is a path": edited(architecture="local-dir:/tmp"),
    "network is another": edited(architecture="resnet18"),
    "network is a list": edited(architecture=[]),
    "network with unknown weights": edited(architecture="resnet18.nobody"),
    "fewer labels": edited(label_names=["a", "b"]),
    "no labels": edited(label_names=[], num_classes=0),
    "other labels": edited(label_names=["a", "b", "c", "d"]),
    "labels are a number": edited(label_names=4),
    "endless classes": edited(num_classes=float("inf")),
    "a million classes": edited(num_classes=1_000_000, label_names=["x"] * 1_000_000),
    "no preparation": edited(pretrained_cfg={}),
    "preparation is a list": edited(pretrained_cfg=[1]),
    "size huge": edited(input_size=[3, 10**9, 10**9]),
    "size endless": edited(input_size=[3, float("inf"), float("inf")]),
    "crop unknown": edited(crop_mode="border"),
    "spread zero": edited(std=[0, 0, 0]),
    "pooling unknown": edited(model_args={"global_pool": "nonsense"}),
    "pooling a list": edited(model_args={"global_pool": [1, 2]}),
    "a weight missing": weights(lambda tensors: tensors.__delitem__("conv_stem.weight")),
    "a weight too many": weights(lambda tensors: tensors.update(extra=torch.zeros(1))),
    "a weight of another shape": weights(lambda tensors: tensors.update({"classifier.bias": torch.zeros(9)})),
    "a weight of whole numbers": weights(
        lambda tensors: tensors.update({"classifier.bias": torch.zeros(4, dtype=torch.int32)})
    ),
    "a weight of complex numbers": weights(
        lambda tensors: tensors.update({"classifier.bias": torch.zeros(4, dtype=torch.complex64)})
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_or_foreign_folder_is_a_plain_message(damage: Callable[[Path], None], model: Path) -> None:
    damage(model)
    with pytest.raises(ModelError, match=r"^[A-Z].{15,600}\.$"):
        Predictor(model, "cpu")


SIZES = {"config.json": 16 * 2**20, "report.json": 16 * 2**20, "familiar.safetensors": 64 * 2**20}


@pytest.mark.parametrize("name", SIZES)
def test_files_that_are_too_large_are_not_read(name: str, model: Path) -> None:
    """Blanks make a file larger and its JSON no other; what follows the tensors of a safetensors file damages it."""
    content = (model / name).read_bytes()
    if name.endswith(".json"):
        (model / name).write_bytes(content.ljust(SIZES[name]))
        checkpoint.load(model)
    with (model / name).open("wb") as file:
        file.write(content)
        file.truncate(SIZES[name] + 1)
    with pytest.raises(ModelError) as caught:
        checkpoint.load(model)
    assert caught.value.code is CheckpointCode.FILE_TOO_LARGE
    assert name in str(caught.value)


def test_no_folder_at_all_is_a_plain_message(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing", tmp_path / ("x" * 300), ROOT / "pyproject.toml"):
        with pytest.raises(ModelError, match="no model"):
            Predictor(folder)


def test_a_pickle_is_never_run(model: Path, tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "harm",))

    torch.save({"conv_stem.weight": Harmful()}, model / "model.safetensors")
    shutil.copy(model / "model.safetensors", model / "pytorch_model.bin")
    with pytest.raises(ModelError):
        Predictor(model)
    assert not (tmp_path / "harm").exists()


def test_half_precision_weights_open_in_float32(model: Path, example_set: Path) -> None:
    photo = next(example_set.glob("mug/*"))
    before = Predictor(model, "cpu").predict(photo)[0]
    halve = {key: value.half() if value.is_floating_point() else value for key, value in
             load_file(model / "model.safetensors").items()}  # fmt: skip
    save_file(halve, model / "model.safetensors")
    after = Predictor(model, "cpu").predict(photo)[0]
    assert after.top[0].label == before.top[0].label
    assert after.top[0].confidence == pytest.approx(before.top[0].confidence, abs=0.02)
