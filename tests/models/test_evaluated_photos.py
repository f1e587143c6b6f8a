"""The costs of mistakes in a model's folder, and the photos that thresholds are chosen by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from classifier import Predictor
from classifier.errors import ModelError, SettingError
from classifier.models import checkpoint
from classifier.models.evaluated_photos import EvaluatedPhotos, outcomes_of, read_evaluated, with_costs
from tests.helpers import draw_photo
from tests.models.test_checkpoint import save

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "model")
    return tmp_path / "model"


def test_costs_survive_and_are_used_by_every_answer(folder: Path) -> None:
    report = checkpoint.set_costs(folder, {"cat": 5.0}, 0.4)
    assert report == checkpoint.read_report(folder)
    assert (report.costs, report.unsure_cost) == ({"cat": 5.0}, 0.4)
    assert report.thresholds[1] > report.thresholds[0]
    assert "cat: 5" in (folder / "README.md").read_text(encoding="utf-8")
    predictor = Predictor(folder)
    (prediction,) = predictor.predict(draw_photo())
    assert predictor.thresholds == dict(zip(report.labels, report.thresholds))
    assert prediction == prediction.at(predictor.thresholds)
    plain = checkpoint.set_threshold(folder, 0.5)
    assert (plain.costs, plain.thresholds, plain.expected_cost) == ({}, (), None)
    assert "A confidence under 50%" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_folder_without_the_photos_gets_thresholds_of_theory(folder: Path) -> None:
    (folder / "evaluated.safetensors").unlink()
    report = checkpoint.set_costs(folder, {"cat": 5.0})
    assert report.thresholds == pytest.approx((0.5, 0.9))
    assert report.expected_cost is None


@pytest.mark.parametrize(
    "costs", [{"cow": 5.0}, {"cat": 0.0}, {"cat": -1.0}, {"cat": float("nan")}, {"cat": float("inf")}]
)
def test_what_is_no_cost_is_refused(costs: dict[str, float], folder: Path) -> None:
    before = (folder / "report.json").read_bytes()
    with pytest.raises(SettingError):
        checkpoint.set_costs(folder, costs)
    with pytest.raises(SettingError):
        checkpoint.set_costs(folder, {}, float("nan"))
    assert (folder / "report.json").read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: {**kept, "probs": kept["probs"] * float("nan")},
        lambda kept: {**kept, "probs": kept["probs"] * 2},
        lambda kept: {**kept, "probs": kept["probs"][:, :1]},
        lambda kept: {**kept, "probs": kept["probs"].double()},
        lambda kept: {**kept, "y_true": kept["y_true"] + 1},
        lambda kept: {**kept, "y_true": kept["y_true"][:1]},
        lambda kept: {**kept, "more": kept["y_true"].clone()},
        lambda kept: {"probs": kept["probs"]},
        lambda kept: {name: value[:0] for name, value in kept.items()},
    ],
)
def test_forged_photos_are_refused_in_one_sentence(damage: Callable[[Tensors], Tensors], folder: Path) -> None:
    path = folder / "evaluated.safetensors"
    save_file({name: value.contiguous() for name, value in damage(load_file(path)).items()}, path)
    with pytest.raises(ModelError, match=r"^The file evaluated\.safetensors of the model is damaged"):
        checkpoint.set_costs(folder, {"cat": 5.0})
    (folder / "evaluated.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match=r"evaluated\.safetensors"):
        read_evaluated(folder, 2)


def test_of_very_many_photos_a_sample_of_every_class_is_kept() -> None:
    y_true = np.repeat(np.arange(1000), 3)
    photos = EvaluatedPhotos(np.eye(1000, dtype=np.float32)[y_true], y_true, np.ones(3000, np.bool_))
    assert sorted(photos.sample().y_true.tolist()) == list(range(1000))


def test_counts_are_those_of_the_saved_photos(folder: Path) -> None:
    report = checkpoint.set_costs(folder, {"cat": 5.0})
    evaluated = read_evaluated(folder, 2)
    assert evaluated is not None
    own, one = outcomes_of(report, evaluated)
    assert (own.cost, one.cost) == (report.expected_cost, report.expected_cost_before)
    assert own.images == len(evaluated.y_true)


def test_costs_lead_to_the_same_thresholds_before_and_after_the_photos_are_stored(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classifier.models.evaluated_photos._MOST_VALUES", 60)
    report = checkpoint.read_report(folder)
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([0.7] * len(report.labels), 200).astype(np.float32)
    y_true = np.array([rng.choice(len(row), p=row / row.sum()) for row in probs.astype(np.float64)])
    photos = EvaluatedPhotos(probs, y_true, np.ones(200, np.bool_))
    assert with_costs(report, photos, {"cat": 5.0}) == with_costs(report, photos.sample(), {"cat": 5.0})
