"""Which steps mode auto offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from classifier import Project, TrainConfig, leases
from classifier import device as devices
from classifier.events import Step, result_of
from classifier.models.backbones import resolve
from classifier.models.checkpoint import TrainedModel
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.workflows.trained_models import train_head
from classifier.workflows.training_data import build_training_set
from classifier.workflows.training_run import Clock, TrainingRun
from classifier.workflows.trials import list_trials
from tests.helpers import draw_photo

CONFIG = TrainConfig(mode="auto", resize_modes=("whole",), minutes=0)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TrainingRun, TrainedModel]]:
    """A training whose first step is done, and its linear head."""
    folder = tmp_path_factory.mktemp("trials")
    for number in range(8):
        label = folder / "photos" / "ab"[number % 2]
        label.mkdir(parents=True, exist_ok=True)
        draw_photo(number).save(label / f"{number}.png")
    backbone = resolve(CONFIG.backbone)
    with Project.over(folder / "photos") as project, closing(FeatureCache(folder)) as cache:
        extractor = FeatureExtractor(backbone, devices.choose("cpu"), cache, project.limits)
        training_set, resize_mode = result_of(build_training_set(extractor, project, backbone, CONFIG))
        head = train_head(extractor, training_set, backbone, resize_mode, CONFIG)
        stop = Path("nowhere").exists
        run = TrainingRun(
            project, CONFIG, folder / "model", None, extractor, training_set, backbone, resize_mode, stop, Clock()
        )
        run.steps.append(first_step(10))
        yield run, head


def first_step(seconds: float) -> Step:
    return Step(1, "head", CONFIG.backbone, 1.0, 0.7, 1.0, None, seconds, True, 1.0)


def names(run: TrainingRun, head: TrainedModel) -> list[str]:
    """The steps that are offered, but for networks that somebody fetched to this machine."""
    return [trial.name for trial in list_trials(run, head, ()) if trial.name != "network"]


@pytest.mark.slow
def test_a_network_is_fine_tuned_again_only_with_further_stages(begun: tuple[TrainingRun, TrainedModel]) -> None:
    run, head = begun
    assert names(run, head) == ["stages", "joined", "tail", "deep"]
    one_stage = replace(run, config=replace(CONFIG, unfreeze=1))
    assert names(one_stage, head) == ["stages", "joined", "tail"]


@pytest.mark.slow
def test_a_gpu_that_is_refused_while_speed_is_measured_ends_no_training(
    begun: tuple[TrainingRun, TrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any) -> Iterator[Any]:
        raise RuntimeError("no GPU is free")

    def lend(duration: Callable[..., int]) -> Callable[[Any], Any]:
        return lambda task: refuse

    run, head = begun
    monkeypatch.setattr(leases, "_runner", None)
    leases.host_on_zero_gpu(lend)
    assert names(replace(run, config=replace(CONFIG, minutes=5)), head) == ["stages", "joined", "tail", "deep"]


def test_the_time_of_a_step_is_estimated_by_the_first_one(begun: tuple[TrainingRun, TrainedModel]) -> None:
    run, head = begun
    stages, joined = islice(list_trials(run, head, ()), 2)
    assert stages.seconds == 0, "its features were computed with those of the first step"
    slower = replace(run, steps=[first_step(1000)])
    _, joined_slower = islice(list_trials(slower, head, ()), 2)
    assert 10 < joined.seconds < 60, "two larger networks"
    assert joined_slower.seconds == pytest.approx(100 * joined.seconds)
