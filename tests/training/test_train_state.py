from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.training.runs import CPU, copy_of, equal, make_data, make_spec, make_state, train

HALF = replace(CPU, dtype=torch.float16)


@pytest.mark.parametrize(
    "changes", [{}, {"optimizer": "sgd"}, {"from_scratch": True}], ids=["adamw", "sgd", "from_scratch"]
)
def test_a_resumed_training_ends_with_the_same_bits(changes: dict[str, Any], tmp_path: Path) -> None:
    spec, data = make_spec(**changes), make_data()
    one, other = make_state(spec), make_state(spec)
    train(one, data, spec)
    save_file(one.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert other.history == one.history
    assert other.epoch == 1
    train(one, data, spec, 2)
    train(other, data, spec, 2)
    assert equal(other.state_dict(), one.state_dict())
    assert equal(other.tensors, one.tensors)
    assert other.history == one.history
    assert one.is_finished(spec)


def test_saving_does_not_change_what_follows() -> None:
    spec, data = make_spec(), make_data()
    one, other = make_state(spec), make_state(spec)
    train(one, data, spec)
    one.state_dict()
    train(one, data, spec)
    train(other, data, spec, 2)
    assert equal(dict(one.network.state_dict()), dict(other.network.state_dict()))


def missing(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["optimizer.state.0.weight.exp_avg"]


def no_summary(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["summary"]


def extra(tensors: dict[str, torch.Tensor]) -> None:
    tensors["network.6.weight"] = torch.zeros(2)


def reshaped(tensors: dict[str, torch.Tensor]) -> None:
    tensors["network.0.weight"] = tensors["network.0.weight"][:4]


def renamed(tensors: dict[str, torch.Tensor]) -> None:
    for name in list(tensors):
        tensors[name.replace("network.", "now.")] = tensors.pop(name)


@pytest.mark.parametrize("damage", [missing, no_summary, extra, reshaped, renamed])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(damage: Any) -> None:
    spec, data = make_spec(), make_data()
    one, other, new = make_state(spec), make_state(spec), make_state(spec)
    train(one, data, spec)
    tensors = one.state_dict()
    damage(tensors)
    with pytest.raises(ValueError, match="not those of this network"):
        other.load_state_dict(tensors)
    train(other, data, spec)
    train(new, data, spec)
    assert equal(other.state_dict(), new.state_dict())


def test_a_state_of_another_optimizer_is_refused() -> None:
    spec = make_spec(optimizer="sgd")
    one = make_state(spec)
    train(one, make_data(), spec)
    with pytest.raises(ValueError, match="not those"):
        make_state(make_spec()).load_state_dict(one.state_dict())


def test_the_gradient_scale_of_half_precision_is_kept() -> None:
    spec, data = make_spec(), make_data()
    one, other = make_state(spec, device=HALF), make_state(spec, device=HALF)
    train(one, data, spec, loss_fn=lambda logits, *_: (logits * 1e6).sum())  # overflows: the scale is reduced
    assert one.scaler.get_scale() < other.scaler.get_scale()
    other.load_state_dict(one.state_dict())
    assert other.scaler.get_scale() == one.scaler.get_scale()
    train(one, data, spec)
    train(other, data, spec)
    assert equal(other.state_dict(), one.state_dict())
    assert not make_state(spec).scaler.is_enabled()


def test_the_saved_tensors_are_copies() -> None:
    spec, data = make_spec(), make_data()
    state = make_state(spec)
    train(state, data, spec)
    saved = state.state_dict()
    before = copy_of(saved)
    train(state, data, spec)
    assert equal(saved, before)
    assert all(value.is_contiguous() and value.device.type == "cpu" for value in saved.values())


def test_a_finished_state_is_saved_without_its_optimizer() -> None:
    spec, data = make_spec(epochs=1), make_data()
    one, other = make_state(spec), make_state(spec)
    train(one, data, spec)
    assert one.is_finished(spec)
    one.drop_optimizer()
    saved = one.state_dict()
    assert not [name for name in saved if name.startswith("optimizer.")]
    other.load_state_dict(saved)
    assert other.is_finished(spec)
    assert equal(other.tensors, one.tensors)


def test_a_new_state_is_in_evaluation_mode_and_wholly_trainable() -> None:
    spec = make_spec(batch=5)
    state = make_state(spec)
    assert not state.network.training
    assert all(parameter.requires_grad for parameter in state.network.parameters())
    assert (state.micro_batch, state.epoch, state.history) == (10, 0, [])
    assert not state.is_finished(spec)
    assert equal(state.tensors, dict(state.network.state_dict()))
