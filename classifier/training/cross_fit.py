"""Fine-tune a network and evaluate it by cross-validation, with the choice of the network inside.

For some or all folds the network is fine-tuned on the other photos, for a fixed number of epochs, from the linear head
fitted on these. The networks between head and fine-tuned network (``interpolation``) are compared on the photos of the
folds; where they speak for fine-tuning, the network is fine-tuned on all photos. No library does this: the folds share
one cache of augmented views, and the reported predictions come from networks that were chosen without the photo.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .. import distributed
from ..config import Preprocessing, TrainConfig
from ..data import splits
from ..data.dataset import TrainingSet
from ..evaluation import metrics, ood
from ..evaluation.ood import OODModel
from ..events import Epoch, Note, Progress
from ..messages import message
from ..messages.training import TrainingCode
from ..models.features import FeatureExtractor
from . import attempts, finetune, interpolation, linear_head, resume
from .finetune import NonFiniteLossError, Schedule
from .loss import LossFunction, cross_entropy
from .runs import Outcome, Run, Setup, begin, conclude, forward, prepare
from .schedule import TrainPlan, warmup_cosine

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Event = Progress | Epoch | Note

_PARTS = 5  # that the photos of a single fold are divided into, to choose on the others


@dataclass(frozen=True)
class FineTunedNetwork:
    """The result of fine-tuning.

    ``tensors`` are those of the network without its classifier, whose ``weight`` (C, D) and ``bias`` (C,) are divided
    by ``temperature``. ``alpha`` is the share of the fine-tuned weights, 0 where the linear head is better. ``val_idx``
    (J,) are the photos of the folds in order, ``logits`` (J, C) those of networks that were neither trained on a photo
    nor chosen by it, at the same temperature, and ``head_logits`` (J, C) those of linear heads; None for a network from
    scratch. ``on_all``: the network was trained on all photos; else on those outside the first fold, before the
    training on all photos or where that was stopped. ``is_complete``: it was trained for all of its epochs. ``ood`` is
    the out-of-distribution model and ``in_distribution`` (J,) what it finds for these photos.
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
    is_complete: bool
    ood: OODModel
    in_distribution: NDArray[np.bool_]


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
    pause: Callable[[], bool] = lambda: False,
    expired: Callable[[], bool] = lambda: False,
    early: bool = False,
    starts: Path | None = None,
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
        stop: called after every step, and between the photos whose views are computed; True ends the training with the
            first fold's network, or without one.
        loss_fn: see ``loss.LossFunction``.
        schedule: factor of the learning rates by progress.
        validation: other photos of the same classes. They are never trained on, and the network is chosen by them in
            place of the photos of the folds.
        pause: called after every step; True saves the state and ends without a network, to go on at the next call.
        expired: called after every step of the folds that follow the training on all photos; True ends them.
        early: yields a network as soon as there is one, too: that of the first fold before the training on all photos,
            and that of all photos before the folds that follow, each evaluated by the folds so far.
        starts: folder in which the starts of the training are counted, see ``attempts``; by default ``folder``.
    """
    starts = starts or folder
    trainable = len(training_set.y)
    training_set = training_set if validation is None else training_set.with_photos(validation)
    setup = yield from _unless_stopped(
        prepare(extractor, training_set, folds, preprocessing, config, plan, folder, trainable, starts), stop
    )
    if setup is None:
        return
    outcomes: list[Outcome] = []
    final: Outcome | None = None
    with finetune.workers(extractor.device) as pool:
        while (number := _next_run(setup, outcomes, final)) is not None:
            run = begin(setup, number, len(outcomes) + (final is not None))
            ends = stop if final is None else lambda: stop() or expired()
            finished = yield from _train(run, starts, ends, pause, loss_fn, schedule, pool)
            if finished is None:
                return
            if finished and number == setup.plan.folds:
                final = conclude(setup, run, pool)
            elif finished or (not outcomes and run.state.epoch):
                outcomes.append(conclude(setup, run, pool))
            if not finished:
                break
            is_new = len(outcomes) == 1 or number == setup.plan.folds
            goes_on = _next_run(setup, outcomes, final) is not None
            if early and is_new and goes_on and setup.alphas[_choose(setup, outcomes)]:
                yield _result(setup, outcomes, final, pool)
        if outcomes:
            yield _result(setup, outcomes, final, pool)


def _unless_stopped(
    events: Generator[Progress, None, Setup], stop: Callable[[], bool]
) -> Generator[Progress, None, Setup | None]:
    """Yield events and return what follows them; None as soon as ``stop`` says so.

    Several processes, which must go on together, are not asked.
    """
    with closing(events):
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                setup: Setup = end.value
                return setup
            yield event
            if distributed.world_size() == 1 and stop():
                return None


def _train(
    run: Run, starts: Path, stop: Callable[[], bool], pause: Callable[[], bool], loss_fn: LossFunction,
    schedule: Schedule, pool: ThreadPoolExecutor,
) -> Generator[Event, None, bool | None]:  # fmt: skip
    """Train for the epochs that are left and save each.

    Returns False where ``stop`` or a loss ended it early, and None where it paused, with its state saved.
    """
    yield from run.shown()
    while not run.state.is_finished(run.spec) and not distributed.broadcast(stop()):
        try:
            completed = yield from finetune.train_one_epoch(
                run.state, run.data, run.spec, loss_fn, schedule, pool, lambda: stop() or pause()
            )
        except NonFiniteLossError as error:
            yield from (Note(error.message), Note(message(TrainingCode.BEST_KEPT)))
            break
        if not completed:
            if distributed.broadcast(stop()):
                break
            resume.save_state(run.state, run.path)
            return None
        finetune.validate(run.state, run.data, run.spec, pool)
        resume.save_state(run.state, run.path)
        attempts.record_epoch(starts)
        yield from run.shown()[-1:]
    return run.state.is_finished(run.spec)


def _next_run(setup: Setup, outcomes: Sequence[Outcome], final: Outcome | None) -> int | None:
    """Return the number of the run to do next, None after the last.

    The run on all photos comes as soon as the folds so far speak for fine-tuning: when the time ends in a later fold,
    there is a network.
    """
    folds = setup.plan.folds
    if outcomes and final is None and setup.alphas[_choose(setup, outcomes)]:
        return folds
    return len(outcomes) if len(outcomes) < folds else None


def _choose(setup: Setup, outcomes: Sequence[Outcome]) -> int:
    """Return the index of the best network between the ends, by the photos that decide."""
    val_idx = np.concatenate([outcome.val_idx for outcome in outcomes])
    logits = np.concatenate([outcome.logits for outcome in outcomes], 1)
    deciding = val_idx >= setup.trainable
    deciding = deciding if deciding.any() else ~deciding
    y, groups = (values[val_idx[deciding]] for values in (setup.training_set.y, setup.training_set.groups))
    return distributed.broadcast(interpolation.choose(logits[:, deciding], y, groups))


def _nested_logits(setup: Setup, outcomes: Sequence[Outcome], choice: int) -> Floats:
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
    return interpolation.nested_choice(logits, y, groups, parts)


def _result(
    setup: Setup, outcomes: Sequence[Outcome], final: Outcome | None, pool: ThreadPoolExecutor
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
    networks = [interpolation.interpolate(outcome.start, outcome.end, alpha) for outcome, _ in folds]
    features = [forward(setup, network, everything, pool)[1] for network in networks]
    ood_model, ood_score = ood.fit_fine_tuned_ood(
        features[0] if final is None else forward(setup, chosen, everything, pool)[1],
        y,
        [(one, idx) for one, (_, idx) in zip(features, folds)],
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
        is_complete=last.is_complete,
        ood=ood_model,
        in_distribution=(ood_score <= ood_model.limit)[order],
    )
