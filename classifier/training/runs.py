"""The runs of a cross-fitted fine-tuning: one without the photos of each fold, and one on all photos."""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping, Sequence
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
from ..events import Epoch, Progress
from ..models import networks, surgery
from ..models.features import FeatureExtractor
from ..models.transforms import AUGMENTATIONS
from . import attempts, augmented_cache, finetune, interpolation, linear_head, resume
from .batches import FineTuneData, place_views, to_inputs
from .memory import limit_micro_batch
from .schedule import TrainPlan
from .train_state import FineTuneSpec, TrainState, to_cpu

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FROM_SCRATCH_FACTOR = 10.0  # learning rate of a network that starts from random weights, relative to the setting


@dataclass(frozen=True, kw_only=True)
class Setup:
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
class Run:
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
class Outcome:
    """What a run gave: tensors of its two ends, and for ``val_idx`` the logits (A, J, C) of the networks between.

    ``is_complete``: it was trained for all of its epochs.
    """

    start: dict[str, Tensor]
    end: dict[str, Tensor]
    val_idx: Ints
    logits: Floats
    is_complete: bool


def prepare(
    extractor: FeatureExtractor, training_set: TrainingSet, folds: Ints, preprocessing: Preprocessing,
    config: TrainConfig, plan: TrainPlan, folder: Path, trainable: int, starts: Path,
) -> Generator[Progress, None, Setup]:  # fmt: skip
    """Divide the network, and cache the augmented views; the starts of the training are counted in ``starts``."""
    backbone, device, samples = extractor.backbone, extractor.device, training_set.samples
    retries = max(0, attempts.count_starts(starts) - 1)
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
    return Setup(
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


def begin(setup: Setup, number: int, runs_before: int) -> Run:
    """Begin, or resume, the run without the photos of a fold; the one after the last fold is on all photos.

    A damaged or foreign file of a state is ignored. ``runs_before`` are those that have ended.
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
        epochs_before=runs_before * plan.epochs,
        epochs_after=(plan.folds - runs_before) * plan.epochs,
        on_all=number == plan.folds,
    )
    tail = copy.deepcopy(setup.tail)
    if not setup.from_scratch:
        _set_head(tail.get_submodule(setup.head), setup, train_idx)
    start = to_cpu(tail.state_dict())
    state = TrainState(tail, setup.head, setup.stages, spec, device)
    path = setup.folder / (f"fold-{number}.safetensors" if number < plan.folds else "all.safetensors")
    resume.load_state(state, path)
    one = to_inputs(setup.views[:1, 0], setup.preprocessing, device)
    with distributed.shared_errors():
        micro_batch = limit_micro_batch(state.network, one, device, spec.batch, setup.retries)
    state.micro_batch = min(state.micro_batch, distributed.broadcast(micro_batch))
    return Run(state, data, spec, path, start, rest)


def _set_head(head: nn.Module, setup: Setup, train_idx: Ints) -> None:
    """Set the classifier to the linear head that is fitted on some of the photos."""
    y, groups = setup.training_set.y[train_idx], setup.training_set.groups[train_idx]
    folds = splits.stratified_group_folds(y, groups, setup.config.folds, setup.config.seed)
    fitted = linear_head.fit_linear_head(
        setup.training_set.features[train_idx], y, len(setup.training_set.labels), folds
    )
    head.weight, head.bias = (nn.Parameter(torch.from_numpy(value)) for value in (fitted.weight, fitted.bias))


def conclude(setup: Setup, run: Run, pool: ThreadPoolExecutor) -> Outcome:
    """Evaluate the networks between the ends of a run, and save its state without what only its epochs needed."""
    if run.state.is_finished(run.spec) and run.state.optimizer.state:
        run.state.drop_optimizer()
        resume.save_state(run.state, run.path)
    logits = np.zeros((len(setup.alphas), 0, len(setup.training_set.labels)), np.float32)
    if len(run.val_idx):
        between = (interpolation.interpolate(run.start, run.state.tensors, alpha) for alpha in setup.alphas)
        logits = np.stack([forward(setup, tensors, run.val_idx, pool)[0] for tensors in between])
    return Outcome(run.start, run.state.tensors, run.val_idx, logits, run.state.is_finished(run.spec))


def forward(setup: Setup, tensors: Mapping[str, Tensor], idx: Ints, pool: ThreadPoolExecutor) -> tuple[Floats, Floats]:
    """Return logits (J, C) and inputs of the classifier (J, D) for the view of evaluation, with a state of the tail."""
    network = copy.deepcopy(setup.tail)
    network.load_state_dict(tensors)
    network = surgery.add_feature_output(network).to(setup.device.torch_device)
    network = network.to(memory_format=torch.channels_last).eval()
    outputs = finetune.predict(network, setup.views, idx, setup.preprocessing, setup.device, pool)
    classes = len(setup.training_set.labels)
    return outputs[:, :classes], outputs[:, classes:]
