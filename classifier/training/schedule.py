"""Learning rate schedule, and the plan of a deep training: image size, depth and epochs that fit the time allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from .. import distributed
from ..config import Preprocessing, TrainConfig
from ..data.dataset import Sample
from ..device import Device
from ..models import networks, surgery
from ..models.backbones import Backbone
from ..models.features import FeatureExtractor
from . import augmented_cache, finetune

WARMUP = 0.15  # share of the steps in which the learning rate rises
MIN_FACTOR = 1e-3  # of the learning rate
VALIDATION_FOLDS = 4  # one of which is held back for validation
MAX_VIEWS = 6
MAX_VIEW_BYTES = 4 * 2**30  # of the cache of views
_EPOCHS = 6  # at the usual size; smaller images get more in the same time
_MAX_EPOCHS = 12
_MAX_EPOCHS_MINUTES = 5  # minutes from which more epochs than usual are worth their time
_EPOCHS_FROM_SCRATCH = 24
_USUAL_SIZE = 224
_SMALL_PHOTO = 160  # pixels; photos with a shorter side do not fill a larger square
_TRAIN_STEP_COST = 3.3  # relative to a forward pass: forward, twice that backward, optimizer
_REFERENCE_SPEED = 60.0  # images per second of Lite0 at 224 pixels, forward, on two cores with bfloat16


def warmup_cosine(progress: float) -> float:
    """Return the factor of the learning rates at ``progress`` (0 to 1): linear warm-up, then half a cosine."""
    if progress < WARMUP:
        return max(progress / WARMUP, MIN_FACTOR)
    return max(0.5 + 0.5 * float(np.cos(np.pi * (progress - WARMUP) / (1 - WARMUP))), MIN_FACTOR)


@dataclass(frozen=True)
class TrainPlan:
    """What a deep training does: image ``size`` in pixels, stages to ``unfreeze`` (0: the whole network), augmented
    ``views`` of each photo, and ``epochs``.
    """

    size: int
    unfreeze: int
    views: int
    epochs: int

    @property
    def epochs_on_all(self) -> int:
        """Epochs on all photos, once deep training is better."""
        return -(-self.epochs // 3)


def make_plan(
    extractor: FeatureExtractor,
    network: nn.Module,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
    config: TrainConfig,
) -> TrainPlan:
    """Choose the deepest training that the time allows, and then the longest.

    Args:
        extractor: its backbone is trained, on its device; its cache keeps the measured speed.
        network: the whole network; it is moved to the device.
        samples: the photos.
        preprocessing: of the evaluation.
        config: ``minutes`` is the time; ``unfreeze`` and ``epochs``, where set, are taken as they are.
    """
    from_scratch = extractor.backbone.from_scratch
    size = _choose_size(samples, preprocessing, extractor.backbone)
    stages = surgery.stages(network)
    costs = _measure_costs(network, stages, size)
    seconds = _estimator(len(samples), costs, _measure_speed(extractor, network, size))
    allowed = config.minutes * 60 if config.minutes else math.inf
    min_epochs, max_epochs = _epoch_range(config, size, from_scratch)
    choose_depth = config.unfreeze is None and not from_scratch
    depths = [0, *range(len(stages), 0, -1)] if choose_depth else [config.unfreeze or 0]
    unfreeze = next((depth for depth in depths if seconds(depth, min_epochs) <= allowed), depths[-1])
    epochs = min_epochs
    while epochs < max_epochs and seconds(unfreeze, epochs + 1) <= allowed:
        epochs += 1
    while config.epochs is None and epochs > 3 and seconds(unfreeze, epochs) > 1.5 * allowed:
        epochs -= 1
    trunk = surgery.frozen_trunk(network, stages[-unfreeze:]) if unfreeze else None
    views = _count_views(trunk, len(samples), epochs, replace(preprocessing, size=size), extractor.device)
    return TrainPlan(size, unfreeze, views, epochs)


def _estimator(count: int, costs: Sequence[float], images_per_second: float) -> Callable[[int, int], float]:
    """Return a function from the number of stages to unfreeze and of epochs to the seconds of the whole training."""

    def seconds(unfreeze: int, epochs: int) -> float:
        tail = sum(costs[-unfreeze:]) / sum(costs) if unfreeze else 1.0
        validation = 1 / VALIDATION_FOLDS
        on_all = _TRAIN_STEP_COST / 3  # a third as many epochs again
        per_epoch = count * tail * ((1 - validation) * _TRAIN_STEP_COST + validation + on_all)
        return (count * (1 + MAX_VIEWS) * (1 - tail) + epochs * per_epoch) / images_per_second

    return seconds


def _count_views(trunk: nn.Module | None, count: int, epochs: int, preprocessing: Preprocessing, device: Device) -> int:
    """Number of augmented views: no more than epochs, and no more than fit the cache."""
    device = replace(device, dtype=torch.float32)
    per_view = augmented_cache.view_layout(trunk, preprocessing, 0, device).bytes
    return max(1, min(MAX_VIEWS, epochs, int(MAX_VIEW_BYTES / max(1, count * per_view)) - 1))


def _epoch_range(config: TrainConfig, size: int, from_scratch: bool) -> tuple[int, int]:
    """The number of epochs below which rather fewer stages are trained, and the largest number."""
    if config.epochs:
        return config.epochs, config.epochs
    least = _EPOCHS_FROM_SCRATCH if from_scratch else _EPOCHS
    if not config.minutes or config.minutes >= _MAX_EPOCHS_MINUTES:
        return least, _MAX_EPOCHS * least // _EPOCHS
    return least, max(least, min(_MAX_EPOCHS, round(least * (_USUAL_SIZE / size) ** 1.5)))


def _choose_size(samples: Sequence[Sample], preprocessing: Preprocessing, backbone: Backbone) -> int:
    """The side of the input in pixels: what the network was trained with, less where the photos are smaller."""
    if backbone.from_scratch:
        return preprocessing.size
    usual = min(preprocessing.size, _USUAL_SIZE) if backbone.built_in else preprocessing.size
    shorter = float(np.median([min(sample.width, sample.height) for sample in samples]))
    fixed = networks.pretrained_cfg(backbone).get("fixed_input_size")
    return usual if shorter > _SMALL_PHOTO or fixed else min(usual, _SMALL_PHOTO)


def _measure_costs(network: nn.Module, stages: Sequence[Sequence[str]], size: int) -> list[float]:
    """Cost of the layers before the stages and of each stage: multiplications, and outputs weighted by 30."""
    names = [name for stage in stages for name in stage]
    index = {network.get_submodule(name): 1 + number for number, stage in enumerate(stages) for name in stage}
    costs = [0.0] * (1 + len(stages))
    current = [0]

    def enter(module: nn.Module, _: object) -> None:
        current[0] = index.get(module, current[0])

    def leave(module: nn.Module, _: object, output: object) -> None:
        if isinstance(module, (nn.Conv2d, nn.Linear)) and isinstance(output, Tensor):
            costs[current[0]] += output.numel() * (module.weight[0].numel() + 30)

    hooks = [network.get_submodule(name).register_forward_pre_hook(enter) for name in names]
    hooks += [module.register_forward_hook(leave) for module in network.modules()]
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, size, size))
    finally:
        for hook in hooks:
            hook.remove()
    return costs


def _measure_speed(extractor: FeatureExtractor, network: nn.Module, size: int) -> float:
    """Images per second forward on all cores, rounded to a power of two times ``_REFERENCE_SPEED``, and cached.

    The plan follows from it, and one machine is to make the same plan every time, however busy it is.
    """
    key = f"speed {extractor.backbone.name} {size} {extractor.device}"
    known = extractor.cache.get_choice(key, ["speed"])
    if known is None:
        seconds = min(_time_forward(extractor.device, network, size) for _ in range(3))
        known = str(_REFERENCE_SPEED * 2.0 ** round(math.log2(1 / seconds / _REFERENCE_SPEED)))
        if distributed.is_main_process():
            extractor.cache.put_choice(key, ["speed"], known)
    return float(known)


def _time_forward(device: Device, network: nn.Module, size: int) -> float:
    """Seconds per image of one batch in each worker."""
    batch = 4 if device.is_cpu else 32
    pixels = torch.zeros(batch, 3, size, size).to(device.torch_device, memory_format=torch.channels_last)
    moved = network.to(device.torch_device).to(memory_format=torch.channels_last)

    def run(_: int) -> None:
        with torch.inference_mode(), device.autocast():
            moved(pixels).float().cpu()

    batches = device.workers if device.is_cpu else 1
    with finetune.workers(device) as pool:
        started = perf_counter()
        list(pool.map(run, range(batches)))
        return (perf_counter() - started) / (batch * batches)
