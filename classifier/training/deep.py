"""Deep training: fine-tune the network itself, and keep it only where it is better than the linear head.

A quarter of the photos is held back for validation, groups of near-duplicates as a whole. The network is fine-tuned on
the others and compared on the validation photos with a linear head that was not trained on them either. Where it is
not better, the linear head stays. Where it is, a third as many epochs on all photos follow, so that none is left
unused; the reported score remains the one from before.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator, Iterator, Sequence
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
from ..errors import DataError
from ..events import Epoch, Note, Progress
from ..messages import Message, message
from ..messages.training import TrainingCode
from ..models import networks, surgery
from ..models.backbones import Backbone
from ..models.features import FeatureExtractor
from ..models.transforms import AUGMENTATIONS
from . import attempts, augmented_cache, finetune, linear_head, resume
from .batches import FineTuneData, place_views, to_inputs
from .finetune import NonFiniteLossError, Schedule
from .loss import LossFunction, cross_entropy
from .memory import limit_micro_batch
from .schedule import VALIDATION_FOLDS, TrainPlan, make_plan, warmup_cosine
from .train_state import FineTuneSpec, TrainState

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Event = Progress | Epoch | Note

_ON_ALL_FACTOR = 0.3  # learning rate of the epochs on all photos, relative to that before
FROM_SCRATCH_FACTOR = 10.0  # learning rate of a network that starts from random weights, relative to the setting
_STANDARD_ERRORS = 1.5  # of the mean gain, by which it has to exceed zero


@dataclass(frozen=True)
class FineTunedNetwork:
    """The result of deep training.

    ``tensors`` are those of the network without its classifier, whose ``weight`` (C, D) and ``bias`` (C,) are divided
    by ``temperature``, as are the ``logits`` (J, C) of the validation photos ``val_idx`` (J,), which come from the
    network that was not trained on them. ``on_all``: the network was then trained on these photos, too.
    """

    tensors: dict[str, Tensor]
    weight: Floats
    bias: Floats
    val_idx: Ints
    logits: Floats
    temperature: float
    preprocessing: Preprocessing
    plan: TrainPlan
    on_all: bool


@dataclass(frozen=True, kw_only=True)
class _Setup:
    """What the run on a part of the photos and the run on all of them share.

    ``network`` is the whole network on the CPU and ``tail`` the part that is trained, with the module ``head`` as its
    classifier; ``features`` (N, D) are the inputs of ``head``, None for a network from scratch. ``trainable`` is the
    number of photos that may be trained on, the first of ``training_set``; the others only decide. ``retries`` is how
    often the training was started in vain.
    """

    network: nn.Module
    tail: nn.Module
    head: str
    stages: Sequence[Sequence[str]]
    views: Tensor
    features: Floats | None
    training_set: TrainingSet
    trainable: int
    preprocessing: Preprocessing
    config: TrainConfig
    plan: TrainPlan
    device: Device
    folder: Path
    retries: int


@dataclass(frozen=True)
class _Run:
    """One training with its settings and the file that its state is saved to.

    ``validated`` is the state that holds the logits of ``val_idx``: that of the run on a part of the photos, which the
    run on all of them follows.
    """

    state: TrainState
    data: FineTuneData
    spec: FineTuneSpec
    path: Path
    validated: TrainState
    val_idx: Ints

    def validated_epochs(self) -> list[Epoch]:
        """The epochs with a validation loss: all of the run on a part, none of the run on all photos."""
        return self.state.history if len(self.data.val_idx) else []


def fine_tune(
    extractor: FeatureExtractor,
    training_set: TrainingSet,
    preprocessing: Preprocessing,
    config: TrainConfig,
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
    loss_fn: LossFunction = cross_entropy,
    schedule: Schedule = warmup_cosine,
    validation: TrainingSet | None = None,
) -> Iterator[Event | FineTunedNetwork]:
    """Fine-tune the extractor's backbone on the training set; yields the ``FineTunedNetwork`` last.

    Where the linear head is as good there is no network, and a ``Note`` explains it. The state is saved after every
    epoch: interrupted at any moment and called again with the same arguments, the training continues from the last
    whole epoch and ends with the same weights. Raises ``StorageError`` when the disk is full.

    Args:
        extractor: its backbone is trained, on its device; its cache keeps the measured speed.
        training_set: the photos; ``features`` train the linear head to compare with.
        preprocessing: of the evaluation; its size may be reduced.
        config: the settings.
        folder: of the unfinished training, see ``resume.prepare_folder``.
        stop: called after every step; True ends the training with the best epoch so far.
        loss_fn: see ``loss.LossFunction``.
        schedule: factor of the learning rates by progress.
        validation: other photos of the same classes. They are never trained on, and in place of the photos held back
            they choose the best epoch and decide whether the network is better than the linear head.
    """
    if len(np.unique(training_set.groups)) == 1:
        if extractor.backbone.from_scratch:
            raise DataError(TrainingCode.ONE_GROUP_FROM_SCRATCH)
        yield Note(message(TrainingCode.ONE_GROUP))
        return
    trainable = len(training_set.y)
    training_set = training_set if validation is None else training_set.with_photos(validation)
    val_idx, baseline = _hold_back(extractor.backbone, training_set, config, trainable)
    deciding = _deciding(val_idx, trainable)
    if baseline is not None and (reason := _nothing_to_gain(baseline[deciding], training_set.y[val_idx[deciding]])):
        yield Note(reason)
        return
    setup = yield from _prepare(extractor, training_set, preprocessing, config, folder, trainable)
    run: _Run | None = _run_on_part(setup, val_idx)
    with finetune.workers(extractor.device) as pool:
        while run is not None:
            state, data, spec = run.state, run.data, run.spec
            yield from run.validated_epochs()
            while not state.is_finished(spec) and not distributed.broadcast(stop()):
                try:
                    completed = yield from finetune.train_one_epoch(state, data, spec, loss_fn, schedule, pool, stop)
                except NonFiniteLossError as error:
                    yield from (Note(error.message), Note(message(TrainingCode.BEST_KEPT)))
                    break
                if not completed:
                    break
                finetune.validate(state, data, spec, pool)
                resume.save_state(state, run.path)
                attempts.record_epoch(setup.folder)
                yield from run.validated_epochs()[-1:]
            notes, run, result = _conclude(setup, run, baseline)
            yield from map(Note, notes)
    if result is not None:
        yield result


def is_clearly_better(log_probs: Floats, baseline: Floats, y_true: Ints) -> bool:
    """Whether log probabilities (J, C) are better than those of a baseline for the same photos (J,).

    More photos have to be classified correctly, and the mean gain in log-likelihood has to exceed ``_STANDARD_ERRORS``
    standard errors of the paired differences, which on few photos is more sensitive than the count.
    """
    gain = (log_probs - baseline)[np.arange(len(y_true)), y_true]
    more = _count_correct(log_probs, y_true) - _count_correct(baseline, y_true)
    standard_error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    return more > 0 and float(gain.mean()) > _STANDARD_ERRORS * standard_error


def _hold_back(
    backbone: Backbone, training_set: TrainingSet, config: TrainConfig, trainable: int
) -> tuple[Ints, Floats | None]:
    """Return the validation photos (J,), and for them the probabilities (J, C) of a linear head trained on the others.

    They are a part of the first ``trainable`` photos, and all after these. The probabilities are None for a backbone
    from scratch, which has no features.
    """
    y, features = training_set.y, training_set.features
    folds = np.zeros(len(y), np.int64)
    own, groups = y[:trainable], training_set.groups[:trainable]
    folds[:trainable] = splits.stratified_group_folds(own, groups, VALIDATION_FOLDS, config.seed)
    folds[trainable:] = folds[:trainable].min()
    val_idx = np.flatnonzero(folds == folds.min())
    if backbone.from_scratch:
        return val_idx, None
    head = linear_head.fit_linear_head(features, y, len(training_set.labels), folds)
    return val_idx, head.probabilities[val_idx]


def _deciding(val_idx: Ints, trainable: int) -> Ints:
    """Return the positions in ``val_idx`` of the photos that decide: those not held back, where there are any."""
    others = np.flatnonzero(val_idx >= trainable)
    return others if len(others) else np.arange(len(val_idx))


def _nothing_to_gain(baseline: Floats, y_true: Ints) -> Message | None:
    """The reason not to begin: where the linear head has at most one photo wrong, no network can be clearly better."""
    correct, total = _count_correct(baseline, y_true), len(y_true)
    return None if total - correct >= 2 else message(TrainingCode.QUICK_ALL_RIGHT, correct=correct, total=total)


def _count_correct(probs: Floats, y_true: Ints) -> int:
    return int((probs.argmax(1) == y_true).sum())


def _prepare(
    extractor: FeatureExtractor,
    training_set: TrainingSet,
    preprocessing: Preprocessing,
    config: TrainConfig,
    folder: Path,
    trainable: int,
) -> Generator[Event, None, _Setup]:
    """Plan the training, divide the network, and cache the augmented views."""
    backbone, device, samples = extractor.backbone, extractor.device, training_set.samples
    retries = max(0, attempts.count_starts(folder) - 1)
    network = networks.build(backbone, len(training_set.labels), config.seed)
    network.eval().requires_grad_(False)
    plan = resume.load_plan(folder, lambda: make_plan(extractor, network, samples[:trainable], preprocessing, config))
    preprocessing = replace(preprocessing, size=plan.size)
    network = network.cpu()  # the speed was measured on the device
    stages, trunk, tail = _divide(network, plan.unfreeze)
    if trunk is not None:
        trunk = trunk.to(device.torch_device, device.dtype).to(memory_format=torch.channels_last)
    transform = augmented_cache.AugmentedViews(
        preprocessing, config.domain, tuple(sample.sha256 for sample in samples), plan.views, config.seed
    )
    paths = [sample.path for sample in samples]
    views = yield from augmented_cache.build_augmented_cache(
        folder / "views.bin", trunk, paths, transform, device, extractor.limits
    )
    setup = _Setup(
        network=network, tail=tail, head=networks.classifier_name(backbone), stages=stages,
        views=place_views(views, device), features=None, training_set=training_set, trainable=trainable,
        preprocessing=preprocessing, config=config, plan=plan, device=device, folder=folder, retries=retries,
    )  # fmt: skip
    return setup if backbone.from_scratch else replace(setup, features=_extract_head_inputs(setup))


def _divide(network: nn.Module, unfreeze: int) -> tuple[Sequence[Sequence[str]], nn.Module | None, nn.Module]:
    """Return the stages to train, the frozen trunk before them, and the tail from them on; 0 stages are all."""
    stages = surgery.stages(network)
    if not unfreeze:
        return stages, None, network
    stages = stages[-unfreeze:]
    trunk = surgery.fuse_batch_norm(surgery.frozen_trunk(network, stages))
    return stages, trunk, surgery.trainable_tail(network, stages)


def _extract_head_inputs(setup: _Setup) -> Floats:
    """Return the inputs (N, D) of the classifier for the view of evaluation, at the size and with the tail in use."""
    encoder = copy.deepcopy(setup.tail)
    encoder.set_submodule(setup.head, nn.Identity())
    encoder = encoder.to(setup.device.torch_device).to(memory_format=torch.channels_last).eval()
    everything = np.arange(len(setup.views))
    with finetune.workers(setup.device) as pool:
        return finetune.predict(encoder, setup.views, everything, setup.preprocessing, setup.device, pool)


def _run_on_part(setup: _Setup, val_idx: Ints) -> _Run:
    """Begin, or resume, the run on the photos that are not held back, from a linear head trained on the same photos."""
    config, training_set = setup.config, setup.training_set
    train_idx = np.setdiff1d(np.arange(len(training_set.y)), val_idx)
    tail = copy.deepcopy(setup.tail)
    if setup.features is not None:
        y, groups = training_set.y[train_idx], training_set.groups[train_idx]
        folds = splits.stratified_group_folds(y, groups, config.folds, config.seed)
        initial = linear_head.fit_linear_head(setup.features[train_idx], y, len(training_set.labels), folds)
        head = tail.get_submodule(setup.head)
        head.weight, head.bias = (nn.Parameter(torch.from_numpy(value)) for value in (initial.weight, initial.bias))
    from_scratch = setup.features is None
    spec = FineTuneSpec(
        epochs=setup.plan.epochs,
        batch=config.batch,
        learning_rate=config.learning_rate * (FROM_SCRATCH_FACTOR if from_scratch else 1),
        optimizer=config.optimizer,
        seed=config.seed,
        from_scratch=from_scratch,
        hflip=AUGMENTATIONS[config.domain].hflip,
    )
    return _begin(setup, tail, train_idx, val_idx, spec, "held-out.safetensors")


def _run_on_all(setup: _Setup, part: _Run) -> _Run:
    """Begin, or resume, the run on all photos, from the best network of the run on a part, at a lower learning rate."""
    tail = copy.deepcopy(setup.tail)
    tail.load_state_dict(part.state.best_tensors)
    spec = replace(
        part.spec,
        epochs=setup.plan.epochs_on_all,
        learning_rate=part.spec.learning_rate * _ON_ALL_FACTOR,
        seed=setup.config.seed + 1,
    )
    everything = np.arange(setup.trainable)
    run = _begin(setup, tail, everything, everything[:0], spec, "all.safetensors")
    return replace(run, validated=part.state, val_idx=part.val_idx)


def _begin(setup: _Setup, tail: nn.Module, train_idx: Ints, val_idx: Ints, spec: FineTuneSpec, file: str) -> _Run:
    """Make the state of a run, and load what an interrupted one saved; a damaged or foreign file is ignored."""
    data = FineTuneData(
        views=setup.views,
        y=setup.training_set.y,
        train_idx=train_idx,
        val_idx=val_idx,
        preprocessing=setup.preprocessing,
        deciding=_deciding(val_idx, setup.trainable),
    )
    state = TrainState(tail, setup.head, setup.stages, spec, setup.device)
    resume.load_state(state, setup.folder / file)
    one = to_inputs(setup.views[:1, 0], setup.preprocessing, setup.device)
    micro_batch = limit_micro_batch(state.network, one, setup.device, spec.batch, setup.retries)
    state.micro_batch = min(state.micro_batch, distributed.broadcast(micro_batch))
    return _Run(state, data, spec, setup.folder / file, state, val_idx)


def _conclude(
    setup: _Setup, run: _Run, baseline: Floats | None
) -> tuple[list[Message], _Run | None, FineTunedNetwork | None]:
    """Decide after a run: what to tell the person, the run that follows, and the network where none does."""
    if run.state is not run.validated:
        return [], None, _result(setup, run)
    notes = finetune.hints(run.state.history, len(run.val_idx[run.data.deciding]))
    is_better, verdict = _compare(run, baseline)
    notes += verdict
    if not is_better:
        return notes, None, None
    if run.state.is_finished(run.spec):
        return notes, _run_on_all(setup, run), None
    return notes, None, _result(setup, run)  # stopped: the person does not want to wait for another run


def _compare(run: _Run, baseline: Floats | None) -> tuple[bool, list[Message]]:
    """Whether the network replaces the linear head with probabilities ``baseline`` (J, C)."""
    if not run.state.best_epoch:
        return False, [message(TrainingCode.NO_EPOCH)]
    if baseline is None:
        return True, []
    deciding = run.data.deciding
    y_true, baseline = run.data.y[run.val_idx[deciding]], baseline[deciding]
    log_probs = finetune.log_probs(run.state.val_logits[deciding], y_true)
    counts = {"correct": _count_correct(log_probs, y_true), "baseline": _count_correct(baseline, y_true)}
    is_better = is_clearly_better(log_probs, np.log(np.maximum(baseline, 1e-12)), y_true)
    code = TrainingCode.BETTER
    if not is_better:
        more = counts["correct"] > counts["baseline"]
        code = TrainingCode.NOT_CLEARLY_BETTER if more else TrainingCode.NOT_BETTER
    return is_better, [message(code, total=len(y_true), **counts)]


def _result(setup: _Setup, run: _Run) -> FineTunedNetwork:
    """The whole network with the tail of a run, at the temperature that fits the validation logits."""
    tensors = {name: value.detach().clone().contiguous() for name, value in setup.network.state_dict().items()}
    tensors |= {name: value.to(tensors[name].dtype) for name, value in run.state.best_tensors.items()}
    weight, bias = (tensors.pop(f"{setup.head}.{name}").numpy() for name in ("weight", "bias"))
    held_back = run.val_idx < setup.trainable
    val_idx, logits = run.val_idx[held_back], run.validated.val_logits[held_back]
    temperature = np.float32(linear_head.fit_temperature(logits, setup.training_set.y[val_idx]))
    return FineTunedNetwork(
        tensors=tensors,
        weight=weight / temperature,
        bias=bias / temperature,
        val_idx=val_idx,
        logits=logits / temperature,
        temperature=float(temperature),
        preprocessing=setup.preprocessing,
        plan=setup.plan,
        on_all=run.state is not run.validated,
    )
