from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from classifier import TrainConfig
from classifier import device as devices
from classifier.config import LIMITS
from classifier.models import networks, surgery
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.training import schedule
from classifier.training.schedule import (
    TrainPlan,
    deep_plan,
    make_plan,
    tail_plan,
    warmup_cosine,
)

CPU = devices.choose("cpu")
LITE0 = resolve("tf_efficientnet_lite0")
SIZE = networks.preprocessing(LITE0).size


@pytest.mark.parametrize(
    ("progress", "factor"),
    [(0, 1e-3), (0.03, 0.2), (0.15, 1), (0.15 + 0.85 / 2, 0.5), (0.15 + 0.85 / 3, 0.75), (1, 1e-3)],
)
def test_the_learning_rate_rises_linearly_and_falls_along_a_cosine(progress: float, factor: float) -> None:
    assert warmup_cosine(progress) == pytest.approx(factor)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FeatureCache]:
    """A cache that knows the speed: sixty images per second."""
    with closing(FeatureCache(tmp_path)) as made:
        made.put_choice(f"speed tf_efficientnet_lite0 {SIZE} {CPU}", ["speed"], "60.0")
        yield made


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return networks.build(LITE0, 2).eval()


def extractor(cache: FeatureCache) -> FeatureExtractor:
    return FeatureExtractor(LITE0, CPU, cache, LIMITS)


def plan(cache: FeatureCache, network: nn.Module, count: int = 200, **settings: Any) -> TrainPlan:
    config = TrainConfig(mode="deep", **settings)
    return make_plan(extractor(cache), network, count, networks.preprocessing(LITE0), config, 5)


def test_everyday_photos_train_the_last_stages_and_others_all(cache: FeatureCache, network: nn.Module) -> None:
    assert plan(cache, network, minutes=0) == TrainPlan(unfreeze=3, views=6, epochs=12, folds=5)
    assert plan(cache, network, minutes=0, domain="medical") == TrainPlan(unfreeze=0, views=6, epochs=12, folds=5)


@pytest.mark.slow
def test_less_time_trains_less_and_a_plan_takes_the_time_it_has(cache: FeatureCache, network: nn.Module) -> None:
    plans = [plan(cache, network, minutes=minutes) for minutes in (20, 4, 2, 1, 0.01)]
    work = [(one.unfreeze, one.folds * one.epochs) for one in plans]
    assert work == sorted(work, reverse=True)
    assert len(set(work)) > 2
    estimate = schedule._estimator(extractor(cache), network, surgery.stages(network), 200, SIZE)
    for minutes, one in zip((20, 4, 2, 1), plans):
        assert estimate(one.unfreeze, one.views, one.epochs, one.folds) <= minutes * 60
    assert plans[-1] == TrainPlan(unfreeze=1, views=3, epochs=3, folds=1)


def test_what_the_person_sets_is_taken(cache: FeatureCache, network: nn.Module) -> None:
    found = plan(cache, network, minutes=0.05, unfreeze=4, epochs=5)
    assert (found.unfreeze, found.epochs, found.views) == (4, 5, 5)
    assert plan(cache, network, minutes=0, unfreeze=100).unfreeze == 7
    assert plan(cache, network, minutes=0, unfreeze=0).unfreeze == 0  # everything


@pytest.mark.slow
def test_a_tail_has_fewer_stages_and_folds_where_there_is_less_time(cache: FeatureCache, network: nn.Module) -> None:
    preprocessing = networks.preprocessing(LITE0)
    plans = [tail_plan(extractor(cache), network, 200, preprocessing, seconds) for seconds in (600, 120, 90, 35, 3)]
    assert [one and (one.unfreeze, one.views, one.folds) for one in plans] == [
        (3, 4, 3),
        (3, 4, 3),
        (2, 4, 3),
        (1, 2, 3),
        None,
    ]
    known = extractor(cache), network, 200, preprocessing
    assert tail_plan(*known, 120, only_whole=True) == plans[1]
    assert tail_plan(*known, 90, only_whole=True) is None
    large = tail_plan(extractor(cache), network, 1000, preprocessing)
    assert large is not None
    assert large.folds == 2  # 400 photos are enough to choose by
    assert deep_plan(extractor(cache), network, 200, preprocessing, TrainConfig(), seconds=3) is None


@pytest.mark.slow
def test_after_a_tail_a_plan_has_more_stages_and_no_fewer_folds(cache: FeatureCache, network: nn.Module) -> None:
    given = extractor(cache), network, 200, networks.preprocessing(LITE0), TrainConfig()
    plans = [deep_plan(*given, seconds=seconds, trained=2) for seconds in (600, 220, 110)]
    assert [one and (one.unfreeze, one.epochs, one.folds) for one in plans] == [(3, 12, 5), (3, 8, 3), None]
    usual = deep_plan(*given, seconds=150)
    assert usual is not None
    assert usual.unfreeze == 2
    assert deep_plan(*given, trained=3) is None
    assert deep_plan(*given[:-1], TrainConfig(unfreeze=1), trained=2) is None


def test_the_views_of_many_photos_fit_four_gigabytes(cache: FeatureCache, network: nn.Module) -> None:
    count = 5000  # a gigabyte of pixels in each view
    found = plan(cache, network, count=count, minutes=0, domain="aerial")
    assert found.views == 3
    assert (1 + found.views) * count * 3 * SIZE**2 <= 4 * 2**30 < (2 + found.views) * count * 3 * SIZE**2


@pytest.mark.slow
def test_photos_of_which_no_two_views_fit_get_no_plan_or_the_shallowest(
    cache: FeatureCache, network: nn.Module
) -> None:
    preprocessing, config = networks.preprocessing(LITE0), TrainConfig(mode="deep", minutes=0, domain="aerial")

    def plans(count: int) -> list[int | None]:
        tail = tail_plan(extractor(cache), network, count, preprocessing)
        deep = deep_plan(extractor(cache), network, count, preprocessing, config)
        return [one and one.unfreeze for one in (tail, deep, plan(cache, network, count, minutes=0, domain="aerial"))]

    assert plans(1000) == [3, 0, 0]
    assert plans(20_000) == [3, 3, 3]
    assert plans(1_000_000) == [None, None, 1]
    assert plan(cache, network, 1_000_000, minutes=0).views == 1


def test_without_a_limit_of_time_the_speed_is_not_measured(tmp_path: Path, network: nn.Module) -> None:
    with closing(FeatureCache(tmp_path)) as cache:
        assert plan(cache, network, minutes=0).unfreeze == 3
        assert cache.get_choice(f"speed tf_efficientnet_lite0 {SIZE} {CPU}", ["speed"]) is None


def test_a_network_from_scratch_is_trained_whole(cache: FeatureCache) -> None:
    backbone = resolve("small_cnn")
    network = networks.build(backbone, 2).eval()
    config = TrainConfig(mode="deep", backbone="small_cnn")
    scratch = FeatureExtractor(backbone, CPU, cache, LIMITS)
    found = make_plan(scratch, network, 50, networks.preprocessing(backbone), config, 5)
    assert (found.unfreeze, found.folds) == (0, 3)
    assert found.epochs >= 24


def test_the_measured_speed_is_rounded_to_half_steps_of_two_and_kept(tmp_path: Path, network: nn.Module) -> None:
    with closing(FeatureCache(tmp_path)) as cache:
        small = replace(networks.preprocessing(LITE0), size=64)
        tail_plan(extractor(cache), network, 9, small, seconds=600)
        known = cache.get_choice(f"speed tf_efficientnet_lite0 64 {CPU}", ["speed"])
    assert known is not None
    steps = 2 * math.log2(float(known) / 60)
    assert steps == pytest.approx(round(steps))


def test_costs_are_those_of_the_layers_by_stage() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )
    costs = schedule._measure_costs(network, [["1"], ["2", "3", "4"]], 8)
    expected = [4 * 6 * 6 * (27 + 30), 8 * 4 * 4 * (36 + 30), 2 * (8 + 30)]
    assert np.allclose(costs, expected)
    assert not network[0]._forward_hooks
