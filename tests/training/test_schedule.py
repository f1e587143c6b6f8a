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
from classifier.data.dataset import Sample
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.training import schedule
from classifier.training.schedule import TrainPlan, make_plan, warmup_cosine

CPU = devices.choose("cpu")
LITE0 = resolve("tf_efficientnet_lite0")
SAMPLE = Sample("0" * 64, Path("photo.jpg"), 0, 640, 480)


@pytest.mark.parametrize(
    ("progress", "factor"),
    [(0, 1e-3), (0.03, 0.2), (0.15, 1), (0.15 + 0.85 / 2, 0.5), (0.15 + 0.85 / 3, 0.75), (1, 1e-3)],
)
def test_the_learning_rate_rises_linearly_and_falls_along_a_cosine(progress: float, factor: float) -> None:
    assert warmup_cosine(progress) == pytest.approx(factor)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FeatureCache]:
    """A cache that knows the speed: sixty images per second at 224 pixels, twice that at 160."""
    with closing(FeatureCache(tmp_path)) as made:
        for size, speed in ((224, "60.0"), (160, "120.0")):
            made.put_choice(f"speed tf_efficientnet_lite0 {size} {CPU}", ["speed"], speed)
        yield made


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return networks.build(LITE0, 2).eval()


def plan(
    cache: FeatureCache, network: nn.Module, sample: Sample = SAMPLE, count: int = 400, **settings: Any
) -> TrainPlan:
    extractor = FeatureExtractor(LITE0, CPU, cache, LIMITS)
    config = TrainConfig(mode="deep", **settings)
    return make_plan(extractor, network, [sample] * count, networks.preprocessing(LITE0), config)


def test_with_all_the_time_there_is_the_whole_network_is_trained_longest(
    cache: FeatureCache, network: nn.Module
) -> None:
    assert plan(cache, network, minutes=0) == TrainPlan(size=224, unfreeze=0, views=6, epochs=12)


def test_less_time_trains_fewer_stages_and_then_fewer_epochs(cache: FeatureCache, network: nn.Module) -> None:
    plans = [plan(cache, network, minutes=minutes) for minutes in (4, 1, 0.05)]
    depths = [found.unfreeze or 100 for found in plans]
    assert depths == sorted(depths, reverse=True)
    assert depths[0] > depths[-1] == 1
    assert [found.epochs for found in plans] == [6, 6, 3]
    assert plans[-1].views == 3  # no more than epochs


def test_from_five_minutes_on_more_epochs_are_trained(cache: FeatureCache, network: nn.Module) -> None:
    few = {"count": 100}
    assert plan(cache, network, minutes=4.9, **few).epochs == 6
    assert plan(cache, network, minutes=5, **few).epochs == 12


def test_what_the_person_sets_is_taken(cache: FeatureCache, network: nn.Module) -> None:
    found = plan(cache, network, minutes=0.05, unfreeze=3, epochs=5)
    assert (found.unfreeze, found.epochs, found.views) == (3, 5, 5)
    assert found.epochs_on_all == 2


def test_small_photos_are_trained_at_a_smaller_size_and_longer(cache: FeatureCache, network: nn.Module) -> None:
    small = plan(cache, network, replace(SAMPLE, width=200, height=160), minutes=4)
    assert (small.size, small.epochs) == (160, 10)
    assert plan(cache, network, replace(SAMPLE, width=161, height=200), minutes=4).size == 224


def test_the_views_of_many_photos_fit_four_gigabytes(cache: FeatureCache, network: nn.Module) -> None:
    count = 8000  # 1.2 gigabytes of pixels in each view
    found = plan(cache, network, count=count, minutes=0)
    assert found.views == 2
    assert (1 + found.views) * count * 3 * 224**2 <= 4 * 2**30 < (2 + found.views) * count * 3 * 224**2


def test_a_network_from_scratch_is_trained_whole_and_at_its_size(cache: FeatureCache) -> None:
    backbone = resolve("small_cnn")
    extractor = FeatureExtractor(backbone, CPU, cache, LIMITS)
    network = networks.build(backbone, 2).eval()
    found = make_plan(
        extractor,
        network,
        [SAMPLE] * 50,
        networks.preprocessing(backbone),
        TrainConfig(mode="deep", backbone="small_cnn"),
    )
    assert (found.size, found.unfreeze, found.epochs) == (28, 0, 24)


def test_the_measured_speed_is_a_power_of_two_and_kept(tmp_path: Path, network: nn.Module) -> None:
    with closing(FeatureCache(tmp_path)) as cache:
        plan(cache, network, replace(SAMPLE, width=32, height=32), epochs=1)
        known = cache.get_choice(f"speed tf_efficientnet_lite0 160 {CPU}", ["speed"])
    assert known is not None
    assert math.log2(float(known) / 60) % 1 == 0


def test_costs_are_those_of_the_layers_by_stage() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )
    costs = schedule._measure_costs(network, [["1"], ["2", "3", "4"]], 8)
    expected = [4 * 6 * 6 * (27 + 30), 8 * 4 * 4 * (36 + 30), 2 * (8 + 30)]
    assert np.allclose(costs, expected)
    assert not network[0]._forward_hooks
