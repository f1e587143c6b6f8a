"""Fine-tune a network and evaluate it by cross-validation, with the choice of the network inside.

For some or all folds the network is fine-tuned on the other photos, for a fixed number of epochs, from the linear head
fitted on these. The networks between head and fine-tuned network (``interpolation``) are compared on the photos of the
folds; then the network is fine-tuned on all photos. No library does this: the folds share one cache of augmented
views, and the reported predictions come from networks that were chosen without the photo.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import distributed
from ..config import Preprocessing, TrainConfig
from ..data import splits
from ..data.dataset import TrainingSet
from ..device import Device
from ..evaluation import metrics, ood
from ..evaluation.ood import OODModel
from ..events import Epoch, Note, Progress
from ..messages import message
from ..messages.training import TrainingCode
from ..models import networks, surgery
from ..models.features import FeatureExtractor
from ..models.transforms import AUGMENTATIONS
from . import attempts, augmented_cache, finetune, interpolation, linear_head, resume
from .batches import FineTuneData, place_views, to_inputs
from .finetune import NonFiniteLossError, Schedule
from .loss import LossFunction, cross_entropy
from .memory import limit_micro_batch
from .schedule import TrainPlan, warmup_cosine
from .train_state import FineTuneSpec, TrainState, to_cpu

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Event = Progress | Epoch | Note

FROM_SCRATCH_FACTOR = 10.0  # learning rate of a network that starts from random weights, relative to the setting
_PARTS = 5  # that the photos of a single fold are divided into, to choose on the others


@dataclass(frozen=True)
class FineTunedNetwork:
    """The result of fine-tuning.

    ``tensors`` are those of the network without its classifier, whose ``weight`` (C, D) and ``bias`` (C,) are divided
    by ``temperature``. ``alpha`` is the share of the fine-tuned weights, 0 where the linear head is better: then
    nothing was trained on all photos. ``val_idx`` (J,) are the photos of the folds in order, ``logits`` (J, C) those of
    networks that were neither trained on a photo nor chosen by it, at the same temperature, and ``head_logits`` (J, C)
    those of linear heads; None for a network from scratch. ``on_all``: the network was trained on all photos; else,
    where the training was stopped, on those outside the first fold. ``ood`` is the out-of-distribution model and
    ``in_distribution`` (J,) what it finds for these photos.
    """

    tensors: dict[str, Tensor]
    weight: Floats
    bias: Floats
    alpha: float
    val_idx: Ints
    logits: Floats
    head_logits: Floats | None
    temperature: float
    preprocessing: Preprocessing
    plan: TrainPlan
    on_all: bool
    ood: OODModel
    in_distribution: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class _Setup:
    """What all runs share.

    ``network`` is the whole network on the CPU and ``tail`` the part that is trained, with the module ``head`` as its
    classifier; ``stages`` are those of the whole network. ``trainable`` is the number of photos that may be trained on,
    the first of ``training_set``; the others only decide. ``folds`` (trainable,) are numbered from 0. ``retries`` is
    how often the training was started in vain.
    """

    network: nn.Module
    tail: nn.Module
    head: str
    stages: Sequence[Sequence[str]]
    views: Tensor
    from_scratch: bool
    training_set: TrainingSet
    trainable: int
    folds: Ints
    preprocessing: Preprocessing
    config: TrainConfig
    plan: TrainPlan
    device: Device
    folder: Path
    retries: int

    @property
    def alphas(self) -> tuple[float, ...]:
        return (1.0,) if self.from_scratch else interpolation.ALPHAS


@dataclass(frozen=True)
class _Run:
    """One training with its settings and the file of its state; ``start`` are the tensors it began with.

    ``val_idx`` are the photos it is evaluated on: of the fold and those that only decide.
    """

    state: TrainState
    data: FineTuneData
    spec: FineTuneSpec
    path: Path
    start: dict[str, Tensor]
    val_idx: Ints

    def shown(self) -> list[Epoch]:
        """The epochs with a validation loss: those of the first fold."""
        return self.state.history if len(self.data.val_idx) else []


@dataclass(frozen=True)
class _Outcome:
    """What a run gave: tensors of its two ends, and for ``val_idx`` the logits (A, J, C) of the networks between."""

    start: dict[str, Tensor]
    end: dict[str, Tensor]
    val_idx: Ints
    logits: Floats


def cross_fit(
    extractor: FeatureExtractor,
    training_set: TrainingSet,
    folds: Ints,
    preprocessing: Preprocessing,
    config: TrainConfig,
    plan: TrainPlan,
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
    loss_fn: LossFunction = cross_entropy,
    schedule: Schedule = warmup_cosine,
    validation: TrainingSet | None = None,
) -> Iterator[Event | FineTunedNetwork]:
    """Fine-tune the extractor's backbone on the training set; yields the ``FineTunedNetwork`` last.

    There is none where the training ended before its first epoch. The state is saved after every epoch: interrupted at
    any moment and called again with the same arguments, the training continues from the last whole epoch and ends
    with the same weights. Raises ``StorageError`` when the disk is full.

    Args:
        extractor: its backbone is trained, on its device.
        training_set: the photos; linear heads are fitted on their ``features``.
        folds: number (N,) of the fold in which each photo is held out, as for the linear head.
        preprocessing: of the evaluation.
        config: domain, seed, batch, learning rate and optimizer are used.
        plan: what is trained, and on how many folds it is evaluated.
        folder: of the unfinished training; it exists, and each training has its own.
        stop: called after every step; True ends the training with the first fold's network.
        loss_fn: see ``loss.LossFunction``.
        schedule: factor of the learning rates by progress.
        validation: other photos of the same classes. They are never trained on, and the network is chosen by them in
            place of the photos of the folds.
    """
    trainable = len(training_set.y)
    training_set = training_set if validation is None else training_set.with_photos(validation)
    setup = yield from _prepare(extractor, training_set, folds, preprocessing, config, plan, folder, trainable)
    outcomes: list[_Outcome] = []
    final: _Outcome | None = None
    with finetune.workers(extractor.device) as pool:
        for number in range(setup.plan.folds + 1):
            if number == setup.plan.folds and not setup.alphas[_choose(setup, outcomes)]:
                break
            run = _begin(setup, number)
            yield from run.shown()
            while not run.state.is_finished(run.spec) and not distributed.broadcast(stop()):
                try:
                    completed = yield from finetune.train_one_epoch(
                        run.state, run.data, run.spec, loss_fn, schedule, pool, stop
                    )
                except NonFiniteLossError as error:
                    yield from (Note(error.message), Note(message(TrainingCode.BEST_KEPT)))
                    break
                if not completed:
                    break
                finetune.validate(run.state, run.data, run.spec, pool)
                resume.save_state(run.state, run.path)
                attempts.record_epoch(folder)
                yield from run.shown()[-1:]
            finished = run.state.is_finished(run.spec)
            if finished and number == setup.plan.folds:
                final = _conclude(setup, run, pool)
            elif finished or (not outcomes and run.state.epoch):
                outcomes.append(_conclude(setup, run, pool))
            if not finished:
                break
        if outcomes:
            yield _result(setup, outcomes, final, pool)


def _prepare(
    extractor: FeatureExtractor, training_set: TrainingSet, folds: Ints, preprocessing: Preprocessing,
    config: TrainConfig, plan: TrainPlan, folder: Path, trainable: int,
) -> Generator[Event, None, _Setup]:  # fmt: skip
    """Divide the network, and cache the augmented views."""
    backbone, device, samples = extractor.backbone, extractor.device, training_set.samples
    retries = max(0, attempts.count_starts(folder) - 1)
    network = networks.build(backbone, len(training_set.labels), config.seed)
    network.eval().requires_grad_(False)
    stages = surgery.stages(network)
    trunk, tail = _divide(network, stages, plan.unfreeze)
    if trunk is not None:
        trunk = trunk.to(device.torch_device, device.dtype).to(memory_format=torch.channels_last)
    transform = augmented_cache.AugmentedViews(
        preprocessing, config.domain, tuple(sample.sha256 for sample in samples), plan.views, config.seed
    )
    paths = [sample.path for sample in samples]
    views = yield from augmented_cache.build_augmented_cache(
        folder / "views.bin", trunk, paths, transform, device, extractor.limits
    )
    numbers = np.unique(folds, return_inverse=True)[1]
    return _Setup(
        network=network, tail=tail, head=networks.classifier_name(backbone), stages=stages,
        views=place_views(views, device), from_scratch=backbone.from_scratch, training_set=training_set,
        trainable=trainable, folds=numbers, preprocessing=preprocessing, config=config,
        plan=replace(plan, folds=min(plan.folds, int(numbers.max()) + 1)), device=device, folder=folder,
        retries=retries,
    )  # fmt: skip


def _divide(network: nn.Module, stages: Sequence[Sequence[str]], unfreeze: int) -> tuple[nn.Module | None, nn.Module]:
    """Return the frozen trunk before the stages to train, and the tail from them on; 0 stages are all."""
    if not unfreeze:
        return None, network
    stages = stages[-unfreeze:]
    return surgery.fuse_batch_norm(surgery.frozen_trunk(network, stages)), surgery.trainable_tail(network, stages)


def _begin(setup: _Setup, number: int) -> _Run:
    """Begin, or resume, the run without the photos of a fold; the one after the last fold is on all photos.

    A damaged or foreign file of a state is ignored.
    """
    plan, config, device = setup.plan, setup.config, setup.device
    train_idx = np.flatnonzero(setup.folds != number) if number < plan.folds else np.arange(setup.trainable)
    rest = np.setdiff1d(np.arange(len(setup.training_set.y)), train_idx)
    shown = rest[rest >= setup.trainable] if (rest >= setup.trainable).any() else rest
    data = FineTuneData(
        views=setup.views, y=setup.training_set.y, train_idx=train_idx, val_idx=shown if number == 0 else rest[:0],
        preprocessing=setup.preprocessing,
    )  # fmt: skip
    spec = FineTuneSpec(
        epochs=plan.epochs,
        batch=config.batch,
        learning_rate=config.learning_rate * (FROM_SCRATCH_FACTOR if setup.from_scratch else 1),
        optimizer=config.optimizer,
        seed=config.seed,
        from_scratch=setup.from_scratch,
        hflip=AUGMENTATIONS[config.domain].hflip,
        epochs_before=number * plan.epochs,
        epochs_after=(plan.folds - number) * plan.epochs,
    )
    tail = copy.deepcopy(setup.tail)
    if not setup.from_scratch:
        _set_head(tail.get_submodule(setup.head), setup, train_idx)
    start = to_cpu(tail.state_dict())
    state = TrainState(tail, setup.head, setup.stages, spec, device)
    path = setup.folder / (f"fold-{number}.safetensors" if number < plan.folds else "all.safetensors")
    resume.load_state(state, path)
    one = to_inputs(setup.views[:1, 0], setup.preprocessing, device)
    micro_batch = limit_micro_batch(state.network, one, device, spec.batch, setup.retries)
    state.micro_batch = min(state.micro_batch, distributed.broadcast(micro_batch))
    return _Run(state, data, spec, path, start, rest)


def _set_head(head: nn.Module, setup: _Setup, train_idx: Ints) -> None:
    """Set the classifier to the linear head that is fitted on some of the photos."""
    y, groups = setup.training_set.y[train_idx], setup.training_set.groups[train_idx]
    folds = splits.stratified_group_folds(y, groups, setup.config.folds, setup.config.seed)
    fitted = linear_head.fit_linear_head(
        setup.training_set.features[train_idx], y, len(setup.training_set.labels), folds
    )
    head.weight, head.bias = (nn.Parameter(torch.from_numpy(value)) for value in (fitted.weight, fitted.bias))


def _conclude(setup: _Setup, run: _Run, pool: ThreadPoolExecutor) -> _Outcome:
    """Evaluate the networks between the ends of a run, and save its state without what only its epochs needed."""
    if run.state.is_finished(run.spec) and run.state.optimizer.state:
        run.state.drop_optimizer()
        resume.save_state(run.state, run.path)
    logits = np.zeros((len(setup.alphas), 0, len(setup.training_set.labels)), np.float32)
    if len(run.val_idx):
        between = (interpolation.interpolate(run.start, run.state.tensors, alpha) for alpha in setup.alphas)
        logits = np.stack([_forward(setup, tensors, run.val_idx, pool)[0] for tensors in between])
    return _Outcome(run.start, run.state.tensors, run.val_idx, logits)


def _forward(setup: _Setup, tensors: dict[str, Tensor], idx: Ints, pool: ThreadPoolExecutor) -> tuple[Floats, Floats]:
    """Return logits (J, C) and inputs of the classifier (J, D) for the view of evaluation, with a state of the tail."""
    network = copy.deepcopy(setup.tail)
    network.load_state_dict(tensors)
    network = surgery.add_feature_output(network).to(setup.device.torch_device)
    network = network.to(memory_format=torch.channels_last).eval()
    outputs = finetune.predict(network, setup.views, idx, setup.preprocessing, setup.device, pool)
    classes = len(setup.training_set.labels)
    return outputs[:, :classes], outputs[:, classes:]


def _choose(setup: _Setup, outcomes: Sequence[_Outcome]) -> int:
    """Return the index of the best network between the ends, by the photos that decide."""
    val_idx = np.concatenate([outcome.val_idx for outcome in outcomes])
    logits = np.concatenate([outcome.logits for outcome in outcomes], 1)
    deciding = val_idx >= setup.trainable
    deciding = deciding if deciding.any() else ~deciding
    return distributed.broadcast(interpolation.choose(logits[:, deciding], setup.training_set.y[val_idx[deciding]]))


def _nested_logits(setup: _Setup, outcomes: Sequence[_Outcome], choice: int) -> Floats:
    """Return logits (J, C) of the photos of the folds from networks that were chosen by other photos."""
    own = [outcome.val_idx < setup.trainable for outcome in outcomes]
    logits = np.concatenate([outcome.logits[:, rows] for outcome, rows in zip(outcomes, own)], 1)
    if not all(rows.all() for rows in own):
        return np.asarray(logits[choice], np.float32)  # other photos decide
    val_idx = np.concatenate([outcome.val_idx for outcome in outcomes])
    y, groups = setup.training_set.y[val_idx], setup.training_set.groups[val_idx]
    parts = setup.folds[val_idx]
    if len(outcomes) == 1:
        parts = splits.stratified_group_folds(y, groups, _PARTS, setup.config.seed)
    return interpolation.nested_choice(logits, y, parts)


def _result(
    setup: _Setup, outcomes: Sequence[_Outcome], final: _Outcome | None, pool: ThreadPoolExecutor
) -> FineTunedNetwork:
    """The whole network at the chosen place between its ends, at the temperature that fits the nested logits."""
    choice = _choose(setup, outcomes)
    alpha, last, y = setup.alphas[choice], final or outcomes[0], setup.training_set.y[: setup.trainable]
    chosen = interpolation.interpolate(last.start, last.end, alpha)
    folds = [(outcome, outcome.val_idx[outcome.val_idx < setup.trainable]) for outcome in outcomes]
    val_idx = np.concatenate([idx for _, idx in folds])
    logits = _nested_logits(setup, outcomes, choice)
    temperature = np.float32(linear_head.fit_temperature(logits, y[val_idx]))
    everything = np.arange(setup.trainable)
    ood_model, ood_score = ood.fit_fine_tuned_ood(
        _forward(setup, chosen, everything, pool)[1],
        y,
        [
            (_forward(setup, interpolation.interpolate(one.start, one.end, alpha), everything, pool)[1], idx)
            for one, idx in folds
        ],
        metrics.softmax(logits / temperature),
    )
    tensors = {name: value.detach().clone().contiguous() for name, value in setup.network.state_dict().items()}
    tensors |= {name: value.to(tensors[name].dtype) for name, value in chosen.items()}
    weight, bias = (tensors.pop(f"{setup.head}.{name}").numpy() for name in ("weight", "bias"))
    head_logits = [outcome.logits[0, outcome.val_idx < setup.trainable] for outcome in outcomes]
    order = np.argsort(val_idx)
    return FineTunedNetwork(
        tensors=tensors,
        weight=weight / temperature,
        bias=bias / temperature,
        alpha=alpha,
        val_idx=val_idx[order],
        logits=logits[order] / temperature,
        head_logits=None if setup.from_scratch else np.concatenate(head_logits)[order],
        temperature=float(temperature),
        preprocessing=setup.preprocessing,
        plan=setup.plan,
        on_all=final is not None,
        ood=ood_model,
        in_distribution=(ood_score <= ood_model.limit)[order],
    )
