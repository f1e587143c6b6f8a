"""What mode auto tries: each trial trains models, with out-of-fold probabilities by which they are compared."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..events import Epoch, Note, Progress, StepName
from ..messages import message
from ..messages.workflows import StepCode
from ..models import joined, networks
from ..models.asset_features import extract_asset_features
from ..models.backbones import BACKBONES, Backbone, resolve
from ..models.checkpoint import TrainedModel
from .candidates import Candidate
from .trained_models import train_head, train_joined
from .training_run import TrainingRun

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Event = Progress | Epoch | Note

_SECONDS_PER_PHOTO = 0.05  # of the first row of the table of networks, on one core


Training = Generator[Event, None, Sequence[Candidate]]


@dataclass(frozen=True)
class Trial:
    """A step that may be taken: ``train`` gets the best candidate so far and the seconds that are left.

    ``seconds`` is a rough estimate of how long it takes at least.
    """

    name: StepName
    backbone: str
    seconds: float
    train: Callable[[Candidate, float], Training]


def list_trials(run: TrainingRun, head: TrainedModel, others: Sequence[str]) -> Iterator[Trial]:
    """Yield what can be tried after the head, in the order in which it is worth its time.

    Args:
        run: the training.
        head: the model of the first step.
        others: names of networks to try beside those whose weights are installed.
    """
    built_in = [row for row in BACKBONES if row.built_in]
    if run.backbone in built_in:
        yield _joined_trial(run, head, [run.backbone, *(row for row in built_in if row != run.backbone)])
    for name in others:
        yield _network_trial(run, head, resolve(name))


def _joined_trial(run: TrainingRun, head: TrainedModel, backbones: Sequence[Backbone]) -> Trial:
    """One linear head on the features of all networks that are installed."""

    def train(best: Candidate, seconds_left: float) -> Training:
        features = yield from _features(run, head, backbones)
        model = train_joined(run.extractor, run.training_set, features, head, run.config)
        return [Candidate.of("joined", model)]

    more = joined.relative_cost(backbones[1:], head.preprocessing.size)
    return Trial("joined", "+".join(one.name for one in backbones), _estimate(run, more), train)


def _features(
    run: TrainingRun, head: TrainedModel, backbones: Sequence[Backbone]
) -> Generator[Progress, None, Mapping[Backbone, Floats]]:
    """Return the features (N, D) of each network for pictures as ``head`` gets them."""
    features = {backbones[0]: run.training_set.features}
    for backbone in backbones[1:]:
        extractor = replace(run.extractor, backbone=backbone)
        preprocessing = joined.member_preprocessing(head.preprocessing, backbone)
        step = message(StepCode.JOIN, title=backbone.title)
        assets = run.training_set.assets
        _, features[backbone] = yield from extract_asset_features(extractor, run.project, assets, preprocessing, step)
    return features


def _network_trial(run: TrainingRun, head: TrainedModel, backbone: Backbone) -> Trial:
    """A linear head on the features of another network, in its own input size."""

    def train(best: Candidate, seconds_left: float) -> Training:
        for done, total in networks.fetch(backbone):
            yield Progress(StepCode.FETCH_NETWORK, done >> 20, total >> 20, None)
        extractor = replace(run.extractor, backbone=backbone)
        preprocessing = networks.preprocessing(backbone).with_resize_mode(run.resize_mode)
        step = message(StepCode.JOIN, title=backbone.title)
        assets = run.training_set.assets
        _, features = yield from extract_asset_features(extractor, run.project, assets, preprocessing, step)
        training_set = replace(run.training_set, features=features)
        model = train_head(extractor, training_set, backbone, run.resize_mode, run.config)
        return [Candidate.of("network", model)]

    return Trial("network", backbone.name, _estimate(run, backbone.cost), train)


def _estimate(run: TrainingRun, relative_cost: float) -> float:
    """Return the seconds of one pass over the photos."""
    device = run.extractor.device
    per_photo = _SECONDS_PER_PHOTO / device.workers if device.is_cpu else _SECONDS_PER_PHOTO / 10
    return len(run.training_set) * per_photo * relative_cost
