from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from classifier import TrainConfig
from classifier import device as devices
from classifier.config import LIMITS
from classifier.data.dataset import Sample
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.training import schedule

CPU = devices.choose("cpu")


def test_the_plan_thaws_less_where_time_is_short(tmp_path: Path) -> None:
    network = networks.build(resolve("tf_efficientnet_lite0"), 2)
    store = FeatureExtractor(resolve("tf_efficientnet_lite0"), CPU, FeatureCache(tmp_path), LIMITS)
    samples = [Sample("0" * 64, tmp_path, 0, 640, 480)] * 400
    preparation = networks.preprocessing(resolve("tf_efficientnet_lite0"))

    def made(minutes: float, **settings: Any) -> schedule.TrainPlan:
        config = TrainConfig(mode="deep", minutes=minutes, **settings)
        return schedule.make_plan(store, network, samples, preparation, config)

    def depth(found: schedule.TrainPlan) -> int:
        return found.unfreeze or 100

    assert depth(made(0)) >= depth(made(2)) >= depth(made(0.3))
    assert made(0).unfreeze == 0
    assert made(0.3).unfreeze > 0
    assert made(0).epochs >= made(2).epochs
    assert (made(1, unfreeze=3, epochs=5).unfreeze, made(1, unfreeze=3, epochs=5).epochs) == (3, 5)
    assert made(2).size == 224
    samples = [replace(samples[0], width=32, height=32)] * 400
    assert made(2).size == 160
    assert made(2).epochs > 6
