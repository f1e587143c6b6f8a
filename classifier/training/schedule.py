"""Learning rate schedule, and the plan of a fine-tuning: depth, epochs and folds that fit the time allowed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from .. import leases
from ..config import Preprocessing, TrainConfig
from ..device import Device
from ..models import surgery
from ..models.features import FeatureExtractor
from . import augmented_cache, finetune

WARMUP = 0.15  # share of the steps in which the learning rate rises
MIN_FACTOR = 1e-3  # of the learning rate
MAX_VIEWS = 6
MAX_VIEW_BYTES = 4 * 2**30  # of the cache of views
# Stages that are left out of those that everyday photos are worth (None: all but the last), views and epochs.
_TAIL_EFFORTS = ((0, 4, 8), (1, 4, 8), (None, 2, 6))
_TAIL_FOLDS = 3
_FOLDS = 5  # as many there usually are
_ENOUGH_PHOTOS = 400  # in the folds that are run; more hardly change the choice
_FEWEST_EPOCHS = 3
# Epochs and folds of deep training, pretrained or from scratch, the most first; the third is wanted at least.
_EFFORTS = {
    False: ((12, 5), (12, 3), (8, 3), (12, 1), (6, 1)),
    True: ((48, 3), (36, 3), (24, 3), (24, 1), (24, 1)),
}
_PHOTO_DEPTH = 0.4  # part of the stages that everyday photos are worth training
_DECODE_COST = 0.4  # of making a view of a picture, relative to a forward pass of the whole network
_TRAIN_STEP_COST = 3.3  # relative to a forward pass: forward, twice that backward, optimizer
_BFLOAT16_STEP_COST = 4.5  # the same on a CPU in bfloat16, in which gradients gain less than a forward pass
_MEASURING = 5.0  # seconds of a shared GPU, to measure its speed
_REFERENCE_SPEED = 60.0  # images per second of Lite0 at 224 pixels, forward, on two cores with bfloat16


def warmup_cosine(progress: float) -> float:
    """Return the factor of the learning rates at ``progress`` (0 to 1): linear warm-up, then half a cosine."""
    if progress < WARMUP:
        return max(progress / WARMUP, MIN_FACTOR)
    return max(0.5 + 0.5 * float(np.cos(np.pi * (progress - WARMUP) / (1 - WARMUP))), MIN_FACTOR)


@dataclass(frozen=True)
class TrainPlan:
    """What a fine-tuning does: stages to ``unfreeze`` (0: the whole network), augmented ``views`` of each photo,
    ``epochs`` of each run, and ``folds`` that are run before the one on all photos.
    """

    unfreeze: int
    views: int
    epochs: int
    folds: int


def deep_plan(
    extractor: FeatureExtractor,
    network: nn.Module,
    count: int,
    preprocessing: Preprocessing,
    config: TrainConfig,
    seconds: float = math.inf,
    fold_count: int = 5,
    trained: int | None = None,
) -> TrainPlan | None:
    """Choose the deepest fine-tuning that fits into the time, and for it as many folds and epochs as fit; else None.

    On everyday photos the last stages are enough, and all of them bring less than more folds; on pictures of other
    domains all stages may be trained. A depth whose views of so many photos do not fit the cache is left out.

    Args:
        extractor: its backbone is trained, on its device; its cache keeps the measured speed.
        network: the whole network, on the CPU.
        count: number of photos.
        preprocessing: of the evaluation.
        config: ``unfreeze`` and ``epochs``, where set, are taken as they are; ``domain`` limits the depth.
        seconds: the time.
        fold_count: number of folds there are.
        trained: number of last stages that were trained on these pictures before. The plan has more stages, and no
            fewer folds than a tail: else the score of a network that takes its place would be that of fewer photos.
    """
    stages, from_scratch = surgery.stages(network), extractor.backbone.from_scratch
    fits = _limit(extractor, network, stages, count, preprocessing.size, seconds)
    most_views = partial(_most_views, network, stages, count, preprocessing, extractor)
    passed_over = range(1, (trained or 0) + 1)
    depths = [depth for depth in _depths(config, len(stages), from_scratch) if depth not in passed_over]
    enough = _enough_folds(count, fold_count)
    efforts = [(config.epochs or epochs, min(folds, enough)) for epochs, folds in _EFFORTS[from_scratch]]
    deeper, tail = [depth for depth in depths if depth != 1], [depth for depth in depths if depth == 1]
    least_efforts = efforts[2:] if trained is None else efforts[2:3]
    for least, depth in (*product(least_efforts, deeper), *product(efforts[-1:], tail)):
        if fits(depth, MAX_VIEWS, *least) and (views := most_views(depth)):
            epochs, folds = next(one for one in efforts if fits(depth, MAX_VIEWS, *one))
            return TrainPlan(depth, min(views, MAX_VIEWS, epochs), epochs, folds)
    return None


def tail_plan(
    extractor: FeatureExtractor,
    network: nn.Module,
    count: int,
    preprocessing: Preprocessing,
    seconds: float = math.inf,
    only_whole: bool = False,
) -> TrainPlan | None:
    """Return the plan that trains the stages that everyday photos are worth; fewer where there is little time.

    The training on all photos comes after the first fold, so that the time has to suffice for these two; the folds
    that follow end with the time. None where it does not suffice, where the views of so many photos do not fit the
    cache, and for a network without stages.

    Args:
        extractor, network, count, preprocessing, seconds: see ``deep_plan``.
        only_whole: None, too, where fewer stages would have to be trained.
    """
    stages = surgery.stages(network)
    if not stages:
        return None
    fits = _limit(extractor, network, stages, count, preprocessing.size, seconds)
    for left_out, views, epochs in _TAIL_EFFORTS[:1] if only_whole else _TAIL_EFFORTS:
        unfreeze = 1 if left_out is None else max(1, photo_stages(network) - left_out)
        fits_time = fits(unfreeze, views, epochs, 1)
        if fits_time and (most := _most_views(network, stages, count, preprocessing, extractor, unfreeze)):
            return TrainPlan(unfreeze, min(most, views), epochs, min(_TAIL_FOLDS, _enough_folds(count, _FOLDS)))
    return None


def photo_stages(network: nn.Module) -> int:
    """Return the number of last stages that everyday photos are worth training."""
    return _photo_stages(len(surgery.stages(network)))


def make_plan(
    extractor: FeatureExtractor,
    network: nn.Module,
    count: int,
    preprocessing: Preprocessing,
    config: TrainConfig,
    fold_count: int,
) -> TrainPlan:
    """Return the plan of deep training: that of ``deep_plan``, and the least there is where nothing fits."""
    allowed = config.minutes * 60 if config.minutes else math.inf
    planned = deep_plan(extractor, network, count, preprocessing, config, allowed, fold_count)
    if planned is None:
        stages = surgery.stages(network)
        depth = _depths(config, len(stages), extractor.backbone.from_scratch)[-1]
        epochs, folds = config.epochs or _FEWEST_EPOCHS, 1
        views = min(_most_views(network, stages, count, preprocessing, extractor, depth), MAX_VIEWS, epochs)
        planned = TrainPlan(depth, max(1, views), epochs, folds)
    return planned


def _enough_folds(count: int, fold_count: int) -> int:
    """Number of folds with enough of ``count`` photos to choose by."""
    return min(fold_count, math.ceil(fold_count * _ENOUGH_PHOTOS / count))


def _depths(config: TrainConfig, stages: int, from_scratch: bool) -> list[int]:
    """Numbers of stages that may be unfrozen, the deepest first; 0 is the whole network."""
    if from_scratch or not stages:
        return [0]
    if config.unfreeze is not None:
        return [min(config.unfreeze, stages)]
    far = config.domain != "photo"
    return [0, *range(stages, 0, -1)] if far else list(range(_photo_stages(stages), 0, -1))


def _photo_stages(stages: int) -> int:
    """The number of last stages, of ``stages``, that everyday photos are worth training."""
    return max(1, round(_PHOTO_DEPTH * stages))


def _limit(
    extractor: FeatureExtractor, network: nn.Module, stages: Sequence[Sequence[str]], count: int, size: int,
    seconds: float,
) -> Callable[[int, int, int, int], bool]:  # fmt: skip
    """Return a function that tells whether a training fits into the time; without a limit nothing is measured."""
    if math.isinf(seconds):
        return lambda *_plan: True
    estimate = _estimator(extractor, network, stages, count, size)
    return lambda *plan: estimate(*plan) <= seconds


def _estimator(
    extractor: FeatureExtractor, network: nn.Module, stages: Sequence[Sequence[str]], count: int, size: int
) -> Callable[[int, int, int, int], float]:
    """Return a function from stages to unfreeze, views, epochs and folds to the seconds of the whole training."""
    costs = _measure_costs(network, stages, size)
    images_per_second = _measure_speed(extractor, network, size)
    is_bfloat16 = extractor.device.is_cpu and extractor.device.dtype == torch.bfloat16
    step_cost = _BFLOAT16_STEP_COST if is_bfloat16 else _TRAIN_STEP_COST

    def seconds(unfreeze: int, views: int, epochs: int, folds: int) -> float:
        tail = sum(costs[-unfreeze:]) / sum(costs) if unfreeze else 1.0
        runs = 1 + folds * (1 - 1 / max(_FOLDS, folds))
        forward = (1 + views) * (_DECODE_COST + 1 - tail)
        return count * (forward + epochs * runs * tail * step_cost) / images_per_second

    return seconds


def _most_views(
    network: nn.Module, stages: Sequence[Sequence[str]], count: int, preprocessing: Preprocessing,
    extractor: FeatureExtractor, unfreeze: int,
) -> int:  # fmt: skip
    """Number of augmented views of each photo that fit the cache beside that of evaluation; 0 where not even one."""
    trunk = surgery.frozen_trunk(network, stages[-unfreeze:]) if unfreeze else None
    device = replace(extractor.device, torch_device=torch.device("cpu"), dtype=torch.float32)
    per_view = augmented_cache.view_layout(trunk, preprocessing, 0, device).bytes
    return max(0, MAX_VIEW_BYTES // max(1, count * per_view) - 1)


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
    """Images per second forward on all cores, rounded to a power of the root of two, and cached.

    The plan follows from it, and one machine is to make the same plan every time, however busy it is.
    """
    key = f"speed {extractor.backbone.name} {size} {extractor.device}"
    known = extractor.cache.get_choice(key, ["speed"])
    if known is None:
        seconds = min(leases.stream(_time_forward, extractor.device, network, size, seconds=_MEASURING))
        known = str(_REFERENCE_SPEED * 2.0 ** (round(2 * math.log2(1 / seconds / _REFERENCE_SPEED)) / 2))
        extractor.cache.put_choice(key, ["speed"], known)
    return float(known)


def _time_forward(device: Device, network: nn.Module, size: int) -> Iterator[float]:
    """Yield the seconds per image of one batch in each worker, measured a few times."""
    batch = 4 if device.is_cpu else 32
    pixels = torch.zeros(batch, 3, size, size).to(device.torch_device, memory_format=torch.channels_last)
    moved = copy.deepcopy(network).to(device.torch_device).to(memory_format=torch.channels_last)

    def run(_: int) -> None:
        with torch.inference_mode(), device.autocast():
            moved(pixels).float().cpu()

    batches = device.workers if device.is_cpu else 1
    with finetune.workers(device) as pool:
        for _ in range(3):
            started = perf_counter()
            list(pool.map(run, range(batches)))
            yield (perf_counter() - started) / (batch * batches)
