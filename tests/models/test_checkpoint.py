from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
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
from classifier.config import RESIZE_MODES, Preprocessing
from classifier.errors import ModelError, SettingError, StorageError
from classifier.evaluation.report import build_report
from classifier.models import backbones, checkpoint, networks
from tests.helpers import draw_photo, train_on

NAME = "tf_efficientnet_lite0"
ROOT = Path(__file__).parents[2]


def save(folder: Path, labels: tuple[str, ...] = ("cat", "dog"), seed: int = 0, **settings: Any) -> np.ndarray:
    """Write a model with a random head; gives its bias (C,)."""
    rng = np.random.default_rng(seed)
    truth = np.arange(2 * len(labels)) % len(labels)
    report = build_report(
        np.eye(len(labels), dtype=np.float32)[truth], truth, labels, images=len(truth), evaluated_on="out_of_fold",
        threshold=0.5, temperature=1.0, warnings=[], resize_mode="whole", backbone=NAME,
    )  # fmt: skip
    weight = rng.normal(size=(len(labels), 1280)).astype(np.float32)
    bias = rng.normal(size=len(labels)).astype(np.float32)
    tensors = networks.backbone_tensors(NAME, Path(os.environ["XDG_CACHE_HOME"]))
    preprocessing = Preprocessing(size=64).with_resize_mode("whole")
    model = checkpoint.TrainedModel("quick", backbones.resolve(NAME), tensors, weight, bias, preprocessing, report)
    checkpoint.save(folder, model, settings)
    return bias


@pytest.fixture
def model(trained: Finished, tmp_path: Path) -> Path:
    """A trained model's folder, to be damaged."""
    return Path(shutil.copytree(trained.folder, tmp_path / "copy"))


@pytest.mark.parametrize("resize_mode", RESIZE_MODES)
def test_timm_opens_the_folder_and_answers_alike(
    resize_mode: str, example_set: Path, features: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    finished = train_on(example_set, features, folder, resize_modes=(resize_mode,))
    assert finished.report.resize_mode == resize_mode
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = create_transform(**resolve_data_config(network.pretrained_cfg))
    predictor = Predictor(folder, "cpu")
    paths = [sorted(kind.iterdir())[index] for kind in sorted(example_set.iterdir()) for index in (0,)]
    pictures = [Image.open(path).convert("RGB") for path in paths] + [draw_photo(7, (400, 90))]
    with torch.inference_mode():
        theirs = network(torch.stack([transform(picture) for picture in pictures])).softmax(1)
    for shares, answer in zip(theirs, predictor.predict([*paths, pictures[-1]], top_k=4), strict=True):
        assert answer.top[0].label == predictor.labels[int(shares.argmax())]
        for guess in answer.top:
            assert guess.confidence == pytest.approx(float(shares[predictor.labels.index(guess.label)]), abs=1e-3)


def test_a_folder_explains_itself_and_holds_no_pickle(trained: Finished) -> None:
    assert {path.name for path in trained.folder.iterdir()} == set(checkpoint.FILES)
    config = json.loads((trained.folder / "config.json").read_text(encoding="utf-8"))
    assert config["architecture"] == NAME
    assert config["label_names"] == ["apple", "key", "leaf", "mug"]
    assert config["label2id"] == {label: int(id) for id, label in config["id2label"].items()}
    assert "model_args" not in config
    training = json.loads((trained.folder / "training.json").read_text(encoding="utf-8"))
    assert training["config"]["seed"] == 0
    assert training["data"]["splits"] == {"train": 32}
    assert training["versions"]["torch"]


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    bias = save(tmp_path / "model", ("Äpfel", "犬 & 🐈", "c"))
    opened = checkpoint.load(tmp_path / "model")
    assert opened.labels == ("Äpfel", "犬 & 🐈", "c")
    assert opened.preprocessing == Preprocessing(size=64).with_resize_mode("whole")
    assert opened.report == checkpoint.read_report(tmp_path / "model")
    assert np.array_equal(opened.network.get_classifier().bias.numpy(), bias)
    assert "犬" in (tmp_path / "model/config.json").read_text(encoding="utf-8")


def test_class_names_do_nothing_in_the_card(tmp_path: Path) -> None:
    hostile = ("<script>alert(1)</script>", "[x](javascript:y)", "a|b `c` **d**", "---\nlicense: evil", "![i](u)")
    save(tmp_path / "model", hostile)
    card = (tmp_path / "model/README.md").read_text(encoding="utf-8")
    front, body = card.split("---\n", 2)[1:]
    assert "evil" not in front
    for dangerous in ("<script", "](java", "](u)", "`c`", "**d**", "a|b"):
        assert dangerous not in body
    assert "\nlicense: evil" not in body


# -- all of it or nothing


def test_a_model_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    save(tmp_path / "model", seed=0)
    bias = save(tmp_path / "model", seed=1)
    assert np.array_equal(checkpoint.load(tmp_path / "model").network.get_classifier().bias.numpy(), bias)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_when_the_disk_is_full_the_model_before_stays_whole(tmp_path: Path) -> None:
    """The largest size of a file stands for the size of the disk: too small for the first file, or for the weights."""
    bias = save(tmp_path / "model", seed=0)
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.models.test_checkpoint import save\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from classifier.errors import StorageError\n"
        "for limit in (2000, 5_000_000):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "    try:\n"
        f"        save(Path({str(tmp_path / 'model')!r}), seed=1)\n"
        "    except StorageError as error:\n"
        "        print(error, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=False)
    sentences = done.stderr.splitlines()
    assert (done.returncode, len(sentences)) == (0, 2), done.stderr
    assert all(sentence.startswith(("The disk is full", "The model cannot be written")) for sentence in sentences)
    assert np.array_equal(checkpoint.load(tmp_path / "model").network.get_classifier().bias.numpy(), bias)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["x" * 300, "file/model"])
def test_a_place_that_cannot_be_written_is_a_plain_message(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="choose another place"):
        save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_folders_with_other_files_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/holiday.jpg").write_bytes(b"dear")
    for folder in (tmp_path / "photos", tmp_path / "photos/holiday.jpg"):
        with pytest.raises(ModelError, match="name a new folder"):
            checkpoint.check_target(folder)
        with pytest.raises(ModelError, match="name a new folder"):
            save(folder)
    assert (tmp_path / "photos/holiday.jpg").read_bytes() == b"dear"


def test_an_empty_folder_can_be_the_target_and_so_can_a_long_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "x" * 250, "new/deep"):
        save(tmp_path / name)
        assert checkpoint.load(tmp_path / name).labels == ("cat", "dog")


def test_the_folder_one_is_in_is_not_moved_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="the folder you are in"):
        checkpoint.check_target(Path())


def test_a_link_to_a_models_folder_goes_on_leading_to_it(tmp_path: Path) -> None:
    save(tmp_path / "disk/model")
    (tmp_path / "link").symlink_to(tmp_path / "disk/model", target_is_directory=True)
    bias = save(tmp_path / "link", seed=1)
    assert (tmp_path / "link").is_symlink()
    assert np.array_equal(checkpoint.load(tmp_path / "disk/model").network.get_classifier().bias.numpy(), bias)


# -- how sure it must be


def test_how_sure_a_model_must_be_is_kept_in_report_and_card_and_nothing_else_changes(model: Path) -> None:
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
    assert card.count("under 7%") == 2
    assert card.count("\nA confidence under 25% is best") == 1


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_how_sure_is_a_share(value: float, model: Path) -> None:
    before = (model / "report.json").read_bytes()
    with pytest.raises(SettingError, match="from 0 to 1"):
        checkpoint.set_threshold(model, value)
    assert (model / "report.json").read_bytes() == before


def test_a_card_that_is_gone_or_was_rewritten_is_left_alone(model: Path) -> None:
    (model / "README.md").write_text("My own words.", encoding="utf-8")
    checkpoint.set_threshold(model, 0.1)
    assert (model / "README.md").read_text(encoding="utf-8") == "My own words."
    (model / "README.md").unlink()
    checkpoint.set_threshold(model, 0.2)
    assert not (model / "README.md").exists()
    assert checkpoint.read_report(model).threshold == 0.2


def test_how_sure_cannot_be_kept_in_what_is_no_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(ModelError, match="no model"):
            checkpoint.set_threshold(folder, 0.5)
    (model / "report.json").write_text("{}")
    with pytest.raises(ModelError, match="report"):
        checkpoint.set_threshold(model, 0.5)


def test_a_place_where_nothing_can_be_written_leaves_the_model_as_it_was(model: Path) -> None:
    before = (model / "report.json").read_bytes()
    part, _ = checkpoint._beside(model)
    part.write_text("in the way")
    with pytest.raises(StorageError, match="cannot be changed"):
        checkpoint.set_threshold(model, 0.5)
    assert (model / "report.json").read_bytes() == before


# -- folders of strangers


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


def weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return edit


def as_folder(name: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return edit


HUGE = b'{"conv_stem.weight":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
DAMAGE: dict[str, Callable[[Path], None]] = {
    **{f"without {name}": without(name) for name in ("config.json", "model.safetensors", "report.json")},
    **{f"cut {name}": cut(name) for name in ("config.json", "model.safetensors", "report.json")},
    **{f"folder for {name}": as_folder(name) for name in ("config.json", "model.safetensors", "report.json")},
    "config is a text": written("config.json", b"architecture: resnet"),
    "config is a list": written("config.json", b"[1, 2]"),
    "config is not UTF-8": written("config.json", b'{"a": "\xff\xfe"}'),
    "config is deep": written("config.json", b"[" * 100_000),
    "config is huge": written("config.json", b" " * (17 * 2**20)),
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


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_or_foreign_folder_is_a_plain_message(damage: Callable[[Path], None], model: Path) -> None:
    damage(model)
    with pytest.raises(ModelError, match=r"^[A-Z].{15,600}\.$"):
        Predictor(model, "cpu")


def test_no_folder_at_all_is_a_plain_message(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing", tmp_path / ("x" * 300), ROOT / "pyproject.toml"):
        with pytest.raises(ModelError, match="no model"):
            Predictor(folder)


def test_a_pickle_is_never_run(model: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "harm",))

    torch.save({"conv_stem.weight": Evil()}, model / "model.safetensors")
    shutil.copy(model / "model.safetensors", model / "pytorch_model.bin")
    with pytest.raises(ModelError):
        Predictor(model)
    assert not (tmp_path / "harm").exists()


def test_half_precision_weights_of_a_stranger_are_welcome(model: Path, example_set: Path) -> None:
    photo = next(example_set.glob("mug/*"))
    before = Predictor(model, "cpu").predict(photo)[0]
    halve = {key: value.half() if value.is_floating_point() else value for key, value in
             load_file(model / "model.safetensors").items()}  # fmt: skip
    save_file(halve, model / "model.safetensors")
    after = Predictor(model, "cpu").predict(photo)[0]
    assert after.top[0].label == before.top[0].label
    assert after.top[0].confidence == pytest.approx(before.top[0].confidence, abs=0.02)
