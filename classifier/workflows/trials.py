"""What mode auto tries: each trial trains models, with out-of-fold probabilities by which they are compared."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import nn

from .. import distributed
from ..config import Preprocessing
from ..data.dataset import TrainingSet
from ..errors import ClassifierError, DataError
from ..evaluation import metrics
from ..events import Epoch, Note, Progress, StepName
from ..leases import LeaseError
from ..messages import message
from ..messages.training import TrainingCode
from ..messages.workflows import StepCode, StepsCode
from ..models import joined, networks
from ..models.asset_features import extract_asset_features
from ..models.backbones import BACKBONES, Backbone, resolve
from ..models.checkpoint import TrainedModel
from ..models.features import FeatureExtractor
from ..training import resume
from ..training.cross_fit import FineTunedNetwork
from ..training.schedule import TrainPlan, deep_plan, photo_stages, tail_plan
from ..training.slices import cross_fit
from .candidates import Candidate
from .offers import networks_at_hand
from .trained_models import fine_tuned_model, fold_numbers, train_head, train_joined
from .training_run import TrainingRun

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Offer:
    """Candidates of a step, in the place of those it offered before: then there is evidence of more photos."""

    candidates: Sequence[Candidate]


Event = Progress | Epoch | Note
MakePlan = Callable[..., TrainPlan | None]  # see ``schedule.tail_plan``

_SMALLEST = 1e-12  # probability whose logarithm is taken
_ONE_PASS = 0.6  # part of the seconds of a first step that decoding and a pass of the network take, as measured in
# benchmarks/overhead.py


Training = Generator[Event | Offer, None, None]


@dataclass(frozen=True)
class Trial:
    """A step that may be taken: ``train`` gets the best pretrained candidate and the seconds that are left.

    ``seconds`` is a rough estimate of how long it takes at least. ``is_cached``: once done, features are all that took
    time, and these are cached.
    """

    name: StepName
    backbone: str
    seconds: float
    train: Callable[[Candidate, float], Training]
    is_cached: bool = False


def list_trials(run: TrainingRun, head: TrainedModel, others: Sequence[str]) -> Iterator[Trial]:
    """Yield what can be tried after the head: what was asked for, then the rest in the order of its worth for its time.

    Args:
        run: the training.
        head: the model of the first step.
        others: names of networks to try beside those whose weights are on this machine.
    """
    asked_for = [backbone for backbone in map(resolve, dict.fromkeys(others)) if backbone != run.backbone]
    for backbone in asked_for:
        yield _network_trial(run, head, backbone)
    built_in = [row for row in BACKBONES if row.built_in]
    if run.backbone in built_in:
        yield _stages_trial(run, head)
        yield _joined_trial(run, head, [row for row in built_in if row != run.backbone])
    yield from _tail_trial(run, head)
    yield from _deep_trial(run, head)
    names = distributed.decide(lambda: list(networks_at_hand()))
    at_hand = sorted(map(resolve, names), key=lambda row: row.cost)
    for backbone in at_hand:
        if not backbone.built_in and backbone != run.backbone and backbone not in asked_for:
            yield _network_trial(run, head, backbone)


def _stages_trial(run: TrainingRun, head: TrainedModel) -> Trial:
    """One linear head on the features of the last and of earlier stages of the first network."""

    def train(pretrained: Candidate, seconds_left: float) -> Training:
        yield Offer(((yield from _with_stages(run, head)),))

    # What it needs was computed with the features of the first step.
    return Trial("stages", run.backbone.name, 0.0, train, is_cached=True)


def _with_stages(run: TrainingRun, head: TrainedModel) -> Generator[Progress, None, Candidate]:
    """Return the candidate of ``head`` with earlier stages of its network; of one that is not installed ``head``."""
    if not run.backbone.built_in:
        return Candidate.of("head", head)
    features = yield from _features(run, head, [run.backbone.with_stages()])
    return Candidate.of("stages", train_joined(run.extractor, run.training_set, features, head, run.config))


def _joined_trial(run: TrainingRun, head: TrainedModel, others: Sequence[Backbone]) -> Trial:
    """One linear head on the features of all networks that are installed, of their last and of earlier stages."""

    def train(pretrained: Candidate, seconds_left: float) -> Training:
        backbones = [one.with_stages() for one in (run.backbone, *others)]
        features = yield from _features(run, head, backbones)
        model = train_joined(run.extractor, run.training_set, features, head, run.config)
        yield Offer((Candidate.of("joined", model),))

    more, names = joined.relative_cost(others, head.preprocessing.size), [one.name for one in (run.backbone, *others)]
    return Trial("joined", "+".join(names), _estimate(run, more), train, is_cached=True)


def _features(
    run: TrainingRun, head: TrainedModel, backbones: Sequence[Backbone]
) -> Generator[Progress, None, Mapping[Backbone, Floats]]:
    """Return the features (N, D) of each network for pictures as ``head`` gets them."""
    features: dict[Backbone, Floats] = {}
    for backbone in backbones:
        extractor = replace(run.extractor, backbone=backbone)
        preprocessing = joined.member_preprocessing(head.preprocessing, backbone)
        features[backbone] = yield from _extract(run, extractor, preprocessing)
    return features


def _extract(
    run: TrainingRun, extractor: FeatureExtractor, preprocessing: Preprocessing
) -> Generator[Progress, None, Floats]:
    """Return the features (N, D) of the training photos; raises ``DataError`` where one can no longer be read."""
    step, assets = message(StepCode.JOIN, title=extractor.backbone.title), run.training_set.assets
    readable, features = yield from extract_asset_features(extractor, run.project, assets, preprocessing, step)
    if len(readable) < len(assets):
        raise DataError(TrainingCode.PHOTO_UNREADABLE, reason=run.project.left_out()[-1].message)
    return features


def _widest(run: TrainingRun) -> Backbone:
    """Return the network that is worth fine-tuning: of the installed ones the widest, else the one that was chosen.

    With three stages fine-tuned for 12 epochs EfficientNet-Lite2 was right 2.8 points more often than Lite0 on the mean
    of 7 sets, one division each.
    """
    return [row for row in BACKBONES if row.built_in][-1] if run.backbone.built_in else run.backbone


def _tail_trial(run: TrainingRun, head: TrainedModel) -> Iterator[Trial]:
    """The widest network, fine-tuned on pictures as a joined model gets them; where time is short, the head's."""
    folder, wide = run.resume_folder / "tail", _widest(run)
    preprocessing = joined.member_preprocessing(head.preprocessing, wide)

    def is_wide() -> bool:
        if wide == head.backbone or (folder / head.backbone.name).is_dir():
            return False
        plan = partial(tail_plan, only_whole=True)
        known = (folder / wide.name).is_dir()
        with suppress(LeaseError):  # its speed cannot be measured
            return known or _plan(run, wide, preprocessing, plan, run.seconds_left) is not None
        return False

    is_whole = distributed.decide(is_wide)
    backbone, preprocessing = (wide, preprocessing) if is_whole else (head.backbone, head.preprocessing)
    yield from _fine_tuning_trial(run, head, "tail", backbone, preprocessing, tail_plan)


def _deep_trial(run: TrainingRun, head: TrainedModel) -> Iterator[Trial]:
    """The widest network, fine-tuned in its own input size; one that the tail had in this size, with more stages."""
    wide = _widest(run)
    own = _own_preprocessing(run, wide)

    def make_plan(
        extractor: FeatureExtractor, network: nn.Module, count: int, preprocessing: Preprocessing, seconds: float
    ) -> TrainPlan | None:
        trained = photo_stages(network) - (own.size != head.preprocessing.size)
        return deep_plan(extractor, network, count, preprocessing, run.config, seconds, trained=trained)

    yield from _fine_tuning_trial(run, head, "deep", wide, own, make_plan)


def _fine_tuning_trial(
    run: TrainingRun, head: TrainedModel, name: StepName, backbone: Backbone, preprocessing: Preprocessing,
    make_plan: MakePlan,
) -> Iterator[Trial]:  # fmt: skip
    """A network fine-tuned, as ``make_plan`` has it.

    It is offered alone, and averaged with pretrained models: the first one with earlier stages, and the best.

    None where no time would suffice: the network has no stages, or none that were not trained before.

    Args:
        run: the training.
        head: the model of the first step.
        name: of the step.
        backbone: the network.
        preprocessing: of its pictures.
        make_plan: see ``schedule.tail_plan``.
    """
    if _plan(run, backbone, preprocessing, make_plan, math.inf) is None:
        return
    folder = run.resume_folder / name / backbone.name

    def train(pretrained: Candidate, seconds_left: float) -> Training:
        def planned() -> TrainPlan:
            plan = _plan(run, backbone, preprocessing, make_plan, seconds_left)
            if plan is None:
                raise ClassifierError(StepsCode.STEP_NO_TIME)
            return plan

        extractor, config = replace(run.extractor, backbone=backbone), run.config
        plan = resume.load_plan(folder, planned)
        first = yield from _with_stages(run, head)
        others = [first, *([] if pretrained.name in ("head", "stages") else [pretrained])]
        training_set, start = yield from _start(run, head, extractor, preprocessing)
        folds = fold_numbers(training_set, config)
        for event in cross_fit(
            extractor, training_set, folds, preprocessing, config, plan, folder, run.is_over, run.is_expired,
            early=True, starts=run.resume_folder,
        ):  # fmt: skip
            if not isinstance(event, FineTunedNetwork):
                yield event
            elif event.alpha and event.is_complete:
                fine_tuned = Candidate.of(name, fine_tuned_model(event, training_set, start), event.val_idx)
                yield Offer((fine_tuned, *(mean for one in others for mean in _averaged(one, fine_tuned))))
            else:  # the head is as good as every network, or the first fold was stopped
                yield Offer(())
        if distributed.is_local_main_process() and not run.stop():
            shutil.rmtree(folder, ignore_errors=True)  # views of all photos

    yield Trial(name, backbone.name, 0.0, train)


def _start(
    run: TrainingRun, head: TrainedModel, extractor: FeatureExtractor, preprocessing: Preprocessing
) -> Generator[Progress, None, tuple[TrainingSet, TrainedModel]]:
    """Return the training set with the features of the extractor's network, and the head on these."""
    backbone, config = extractor.backbone, run.config
    if (backbone, preprocessing) == (head.backbone, head.preprocessing):
        return run.training_set, head
    features = yield from _extract(run, extractor, preprocessing)
    training_set = replace(run.training_set, features=features)
    other = None if preprocessing == _own_preprocessing(run, backbone) else preprocessing
    return training_set, train_head(extractor, training_set, backbone, run.resize_mode, config, other)


def _own_preprocessing(run: TrainingRun, backbone: Backbone) -> Preprocessing:
    """Return that of a network in its own input size."""
    own = networks.preprocessing(backbone).with_resize_mode(run.resize_mode)
    return replace(own, pixel_ranges=run.extractor.pixel_ranges)


def _plan(
    run: TrainingRun, backbone: Backbone, preprocessing: Preprocessing, make_plan: MakePlan, seconds_left: float
) -> TrainPlan | None:
    extractor = replace(run.extractor, backbone=backbone)
    network = networks.build(backbone, len(run.training_set.labels))
    return make_plan(extractor, network, len(run.training_set), preprocessing, seconds=seconds_left)


def _averaged(pretrained: Candidate, fine_tuned: Candidate) -> Iterator[Candidate]:
    """Yield the mean of the log probabilities of two models, as a candidate.

    Two models that learned in different ways are wrong on different photos. On 13 divisions of 8 sets the mean of the
    head and a fine-tuned network was right 1.9 points more often than that network, and 1.2 more often than the head.

    What is unlike the training photos is told by the features of the pretrained networks.
    """
    one, other = pretrained.model, fine_tuned.model
    if one is None or other is None or one.preprocessing.size != other.preprocessing.size:  # they share their input
        return
    idx, first, second = np.intersect1d(pretrained.idx, fine_tuned.idx, assume_unique=True, return_indices=True)
    logs = [np.log(np.maximum(part, _SMALLEST)) for part in (pretrained.probs[first], fine_tuned.probs[second])]
    half = np.float32(0.5)
    members = tuple(
        replace(member, weight=half * member.weight, bias=half * member.bias)
        for member in (*one.members, *other.members)
    )
    model = replace(
        one, mode="deep", weight=members[0].weight, bias=members[0].bias, others=members[1:], details=other.details
    )  # fmt: skip
    backbone, cost = f"{pretrained.backbone}+{fine_tuned.backbone}", pretrained.cost + fine_tuned.cost
    probs = metrics.softmax(np.mean(logs, 0))
    yield Candidate(fine_tuned.name, backbone, cost, idx, probs, pretrained.in_distribution[first], model)


def _network_trial(run: TrainingRun, head: TrainedModel, backbone: Backbone) -> Trial:
    """A linear head on the features of another network, in its own input size."""

    def train(pretrained: Candidate, seconds_left: float) -> Training:
        with distributed.shared_errors():
            for done, total in networks.fetch(backbone):
                yield Progress(StepCode.FETCH_NETWORK, done >> 20, total >> 20, None)
        extractor = replace(run.extractor, backbone=backbone)
        _, model = yield from _start(run, head, extractor, _own_preprocessing(run, backbone))
        yield Offer((Candidate.of("network", model),))

    return Trial("network", backbone.name, _estimate(run, backbone.cost), train, is_cached=True)


def _estimate(run: TrainingRun, relative_cost: float) -> float:
    """Return the seconds of one pass over the photos, by those that the first step took on this machine."""
    return _ONE_PASS * run.steps[0].seconds * relative_cost / run.backbone.cost
