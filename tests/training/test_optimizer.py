from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from classifier.training.optimizer import build_optimizer, parameter_groups, set_learning_rate


def network() -> nn.ModuleDict:
    """A stem, two stages, and a head whose name begins like that of a norm beside it."""
    return nn.ModuleDict(
        {
            "stem": nn.Linear(2, 2),
            "block1": nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)),
            "block10": nn.Linear(2, 2),
            "head_norm": nn.LayerNorm(2),
            "head": nn.Linear(2, 3),
        }
    )


STAGES = [["block1"], ["block10", "head_norm"]]


def by_name(model: nn.Module, groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    group_of = {id(parameter): group for group in groups for parameter in group["params"]}
    return {name: group_of[id(parameter)] for name, parameter in model.named_parameters()}


def test_learning_rates_fall_from_the_head_to_the_input_by_stage() -> None:
    model = network()
    groups = by_name(model, parameter_groups(model, "head", STAGES, 0.1))
    rates = {name: group["lr"] for name, group in groups.items() if name.endswith("weight")}
    assert rates == pytest.approx(
        {
            "stem.weight": 0.1 * 0.4,
            "block1.0.weight": 0.1 * 0.4**0.5,
            "block1.1.weight": 0.1 * 0.4**0.5,
            "block10.weight": 0.1,
            "head_norm.weight": 0.1,
            "head.weight": 0.3,
        }
    )
    assert all(group["initial_lr"] == group["lr"] for group in groups.values())


def test_the_rates_fall_by_depth_however_finely_a_network_is_divided() -> None:
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(6)))
    for stages in ([[str(number)] for number in range(1, 5)], [["1", "2"], ["3", "4"]]):
        groups = by_name(model, parameter_groups(model, "5", stages, 0.1))
        assert groups["0.weight"]["lr"] == pytest.approx(0.04)
        assert groups["4.weight"]["lr"] == pytest.approx(0.1)
    tail = nn.ModuleDict({"3": nn.Linear(2, 2), "4": nn.Linear(2, 2)})  # with the first stages cut off
    stages = [[str(number)] for number in range(1, 5)]
    assert by_name(tail, parameter_groups(tail, "5", stages, 0.1))["3.weight"]["lr"] == pytest.approx(0.1 * 0.4**0.25)


def test_biases_and_norms_have_no_weight_decay() -> None:
    model = network()
    groups = by_name(model, parameter_groups(model, "head", STAGES, 0.1))
    decayed = {name for name, group in groups.items() if group["weight_decay"]}
    assert decayed == {"stem.weight", "block1.0.weight", "block10.weight", "head.weight"}
    assert {groups[name]["weight_decay"] for name in decayed} == {0.01}


def test_every_parameter_is_in_one_group_and_alike_ones_share_it() -> None:
    model = network()
    groups = parameter_groups(model, "head", STAGES, 0.1)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    assert len(groups) == 2 * 4  # the stem, two stages and the head; with and without weight decay


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_the_setting_chooses_the_optimizer(name: Any, kind: type) -> None:
    optimizer = build_optimizer(parameter_groups(network(), "head", STAGES, 0.1), name)
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.04)
    assert not optimizer.param_groups[0]["fused"]
    assert optimizer.param_groups[0].get("momentum", 0.9) == 0.9


def test_a_factor_scales_the_initial_learning_rates_not_the_last() -> None:
    optimizer = build_optimizer(parameter_groups(network(), "head", STAGES, 0.1), "adamw")
    before = [group["lr"] for group in optimizer.param_groups]
    set_learning_rate(optimizer, 0.1)
    set_learning_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([rate / 2 for rate in before])
