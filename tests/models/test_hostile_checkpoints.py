"""Folders that a stranger made to harm: each is one sentence, none is waited for, and the models beside them work."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from classifier import Predictor
from classifier.errors import ModelError
from classifier.models import checkpoint
from classifier.ui.predict.models import shared_models
from classifier.ui.sessions import Home
from tests.helpers import draw_photo
from tests.models.test_checkpoint import ood_model, save

Damage = Callable[[Path], object]


@pytest.fixture(autouse=True)
def ended_when_it_hangs() -> Iterator[None]:
    def end(number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "good"
    save(folder, ood=ood_model())
    return folder


@pytest.fixture
def bad(good: Path, tmp_path: Path) -> Path:
    """A good model in a folder of its own, to be damaged; the folder above stands for the shared models."""
    shutil.copytree(good, tmp_path / "models/good")
    return Path(shutil.copytree(good, tmp_path / "models/bad"))


def in_report(**changes: Any) -> Damage:
    def edit(folder: Path) -> None:
        data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        (folder / "report.json").write_text(json.dumps({**data, **changes}), encoding="utf-8")

    return edit


def in_config(**changes: Any) -> Damage:
    def edit(folder: Path) -> None:
        data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        cfg = {name: value for name, value in changes.items() if name in ("mean", "std", "input_size", "crop_pct")}
        data = {**data, **changes, "pretrained_cfg": {**data["pretrained_cfg"], **cfg}}
        (folder / "config.json").write_text(json.dumps(data), encoding="utf-8")

    return edit


def content(name: str, value: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(value)


def link(name: str, target: str) -> Damage:
    def edit(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return edit


def pipe(name: str) -> Damage:
    def edit(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return edit


def sparse(name: str, size: int) -> Damage:
    return lambda folder: os.truncate(folder / name, size)


def tensors(name: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Damage:
    def edit(folder: Path) -> None:
        found = load_file(folder / name)
        change(found)
        save_file(found, folder / name)

    return edit


def weights(value: float, dtype: torch.dtype = torch.float32) -> Damage:
    rows = torch.full((2, 64), value, dtype=dtype)
    return tensors("model.safetensors", lambda found: found.update({"fc.weight": rows}))


def header(size: int, text: bytes = b"{") -> Damage:
    def edit(folder: Path) -> None:
        with (folder / "model.safetensors").open("wb") as file:
            file.write(size.to_bytes(8, "little") + text.ljust(size))

    return edit


FILES = ("config.json", "report.json", "model.safetensors", "familiar.safetensors")
DEEP = b'{"labels":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
HOSTILE: dict[str, Damage] = {
    **{f"{name} is a pipe": pipe(name) for name in FILES[:3]},
    **{f"{name} is a device": link(name, "/dev/zero") for name in FILES[:3]},
    **{f"{name} is a link to itself": link(name, name) for name in ("config.json", "model.safetensors")},
    **{f"{name} has 4 gigabytes": sparse(name, 4 * 2**30) for name in FILES},
    **{f"{name} is deep": content(name, DEEP) for name in FILES[:2]},
    **{f"{name} holds a long number": content(name, b'{"images": ' + b"9" * 10**6 + b"}") for name in FILES[:2]},
    "report: network is a number": in_report(backbone=5),
    "report: network is a list": in_report(backbone=["a"]),
    "report: network is none": in_report(backbone=None),
    "report: accuracy 1e308": in_report(accuracy=1e308),
    "report: accuracy below 0": in_report(accuracy=-0.5),
    "report: accuracy NaN": in_report(accuracy=float("nan")),
    "report: threshold infinite": in_report(threshold=float("inf")),
    "report: temperature 0": in_report(temperature=0),
    "report: temperature 1e308": in_report(temperature=1e308),
    "report: photos 1e308": in_report(images=1e308),
    "report: photos a huge number": in_report(images=10**19),
    "report: photos below 0": in_report(images=-1),
    "report: photos true": in_report(images=True),
    "report: confusion not square": in_report(confusion=[[1, 2], [3]]),
    "report: confusion of three classes": in_report(confusion=[[1] * 3] * 3),
    "report: confusion below 0": in_report(confusion=[[1, -2], [0, 1]]),
    "report: confusion of lists": in_report(confusion=[[[], []], [[], []]]),
    "report: scores of one class": in_report(per_class=[{"label": "cat"}]),
    "report: scores of others": in_report(
        per_class=[{"label": name, "images": 1, "precision": 1, "recall": 1, "f1": 1} for name in ("cat", "cow")]
    ),
    "report: a million labels": in_report(labels=["x" * 5] * 1_000_000),
    "report: labels twice": in_report(labels=["cat", "cat"]),
    "report: no labels": in_report(labels=[], confusion=[], per_class=[]),
    "report: empty labels": in_report(labels=["", " "]),
    "report: labels are one text": in_report(labels="ab"),
    "report: labels of another model": in_report(labels=["cow", "hen"], confusion=[], per_class=[]),
    "report: resize mode unknown": in_report(fit="explode"),
    "report: judged on a list": in_report(judged_on=[]),
    "report: 100,000 points": in_report(cost=[{"threshold": 0, "answered": 0, "right": 0}] * 100_000),
    "report: warnings are numbers": in_report(warnings=[1, 2]),
    "report: a warning's arguments are none": in_report(
        warnings=["a"], warning_codes=[{"code": "single_photo", "arguments": {"labels": 5}}]
    ),
    "config: network is an object": in_config(architecture={}),
    "config: a million labels": in_config(num_classes=1_000_000, label_names=["x"] * 1_000_000),
    "config: labels twice": in_config(label_names=["cat", "cat"]),
    "config: labels are lists": in_config(label_names=[["cat"], ["dog"]]),
    "config: labels are one text": in_config(label_names="ab"),
    "config: number of classes 1e308": in_config(num_classes=1e308),
    "config: number of classes below 0": in_config(num_classes=-2),
    "config: mean NaN": in_config(mean=[float("nan")] * 3),
    "config: std infinite": in_config(std=[float("inf")] * 3),
    "config: std below 0": in_config(std=[-1, 1, 1]),
    "config: size of a billion": in_config(input_size=[3, 10**9, 10**9]),
    "config: pixel range NaN": in_config(pixel_ranges={"integer": [0, float("nan")]}),
    "config: an argument that takes all memory": in_config(model_args={"base_width": 10**9}),
    "weights: NaN": weights(float("nan")),
    "weights: infinite": weights(float("inf")),
    "weights: 1e308": weights(1e308, torch.float64),
    "weights: of whole numbers": weights(1, torch.int64),
    "weights: of another shape": tensors("model.safetensors", lambda found: found.update({"fc.bias": torch.zeros(9)})),
    "weights: none": tensors("model.safetensors", lambda found: found.clear()),
    "weights: a header of 100 MB": header(100_000_000),
    "weights: a header of 4 MB that is none": header(4 * 2**20),
    "weights: a header that is deep": header(200_008, b'{"a":' + b"[" * 100_000),
    "training photos: NaN": tensors("familiar.safetensors", lambda found: found["points"].fill_(float("nan"))),
    "training photos: infinite": tensors("familiar.safetensors", lambda found: found["centre"].fill_(float("inf"))),
    "training photos: whole numbers": tensors(
        "familiar.safetensors", lambda found: found.update(usual=torch.zeros(2, 2, dtype=torch.int8))
    ),
}  # fmt: skip
LARGE = ("report: a million labels", "report: 100,000 points", "weights: a header of 100 MB")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(damage, id=name, marks=[pytest.mark.slow] if name in LARGE else [])
        for name, damage in HOSTILE.items()
    ],
)
def test_a_hostile_model_is_refused_in_one_sentence(damage: Damage, bad: Path) -> None:
    damage(bad)
    with pytest.raises(ModelError, match=r"^[A-Z][^\n]{15,600}\.$") as raised:
        Predictor(bad, "cpu")
    print(raised.value)
    listed = shared_models(Home(bad.parent / "projects", bad.parent))
    assert "good" in [model.name for model in listed]


def test_finite_weights_that_overflow_give_no_answer(bad: Path) -> None:
    weights(3e38)(bad)
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        Predictor(bad, "cpu").predict(draw_photo(1))


@pytest.mark.parametrize("damage", [pipe("README.md"), link("README.md", "/dev/zero")])
def test_a_threshold_is_set_beside_a_card_that_never_ends(damage: Damage, bad: Path) -> None:
    damage(bad)
    assert checkpoint.set_threshold(bad, 0.75).threshold == 0.75


def test_a_model_whose_files_are_links_opens(good: Path, tmp_path: Path) -> None:
    """As in the cache of the Hugging Face Hub."""
    (tmp_path / "model").mkdir()
    for path in good.iterdir():
        (tmp_path / "model" / path.name).symlink_to(path)
    answer = Predictor(tmp_path / "model", "cpu").predict(draw_photo(1))[0]
    assert np.isfinite(answer.top[0].confidence)
