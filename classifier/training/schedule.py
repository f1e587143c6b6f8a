"""How deep and how long a deep training goes: from the photos, the time allowed and the measured speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from .. import distributed
from ..config import Preprocessing, TrainConfig
from ..data.dataset import Sample
from ..models import networks, surgery
from ..models.features import FeatureExtractor
from . import augmented_cache, finetune

PARTS = 4  # one of them is held out
_EPOCHS = 6  # rounds at the usual size; smaller pictures get more of them in the same time
_MOST_EPOCHS = 12
_PATIENT = 5  # minutes from which more rounds are worth their time
_FRESH_EPOCHS = 24
_VIEWS = 6
_MOST_BYTES = 4 * 2**30  # of views on disk
_USUAL_SIZE = 224
_SMALL_PHOTO = 160  # pixels; photos with a shorter side hold no more than a square of that size
_STEP = 3.3  # forward passes that a step of training takes: forward, twice that backward, the rest
_REFERENCE = 60.0  # pictures a second of Lite0 at 224 pixels forward: two cores with bfloat16


@dataclass(frozen=True)
class TrainPlan:
    """How deep and how long: ``size`` in pixels, ``unfreeze`` stages (0: all and what is before them), and the rest."""

    size: int
    unfreeze: int
    views: int
    epochs: int

    @property
    def last_epochs(self) -> int:
        """Rounds on all photos, once deep training has proved better."""
        return -(-self.epochs // 3)


def make_plan(
    extractor: FeatureExtractor,
    network: nn.Module,
    samples: Sequence[Sample],
    preparation: Preprocessing,
    config: TrainConfig,
) -> TrainPlan:
    """The deepest training that the time allowed permits, and then the longest, on this machine with these photos."""
    fresh = networks.from_scratch(config.backbone)
    size = _size(samples, preparation, config)
    stages = surgery.stages(network)
    works = _works(network, stages, size)
    per_second = _speed(extractor, network, size)
    count = len(samples)

    def seconds(unfreeze: int, epochs: int) -> float:
        rest = sum(works[-unfreeze:]) / sum(works) if unfreeze else 1.0
        held = 1 / PARTS
        per_epoch = count * rest * ((1 - held) * _STEP + held + _STEP / 3)  # a third as many rounds again on all photos
        return (count * (1 + _VIEWS) * (1 - rest) + epochs * per_epoch) / per_second

    allowed = config.minutes * 60 if config.minutes else math.inf
    depths = [0, *range(len(stages), 0, -1)] if config.unfreeze is None and not fresh else [config.unfreeze or 0]
    least, most = _rounds(config, size, fresh)
    unfreeze = next((depth for depth in depths if seconds(depth, least) <= allowed), depths[-1])
    epochs = least
    while epochs < most and seconds(unfreeze, epochs + 1) <= allowed:
        epochs += 1
    while config.epochs is None and epochs > 3 and seconds(unfreeze, epochs) > 1.5 * allowed:
        epochs -= 1
    thawed = surgery.stages(network)[-unfreeze:] if unfreeze else []
    front = surgery.frozen_trunk(network, thawed) if unfreeze else None
    one = augmented_cache.view_layout(
        front, replace(preparation, size=size), 1, replace(extractor.device, dtype=torch.float32)
    ).bytes
    count_views = max(1, min(_VIEWS, epochs, int(_MOST_BYTES / max(1, count * one)) - 1))
    return TrainPlan(size, unfreeze, count_views, epochs)


def _rounds(config: TrainConfig, size: int, fresh: bool) -> tuple[int, int]:
    """The fewest rounds for which a shallower training is not chosen instead, and the most."""
    if config.epochs:
        return config.epochs, config.epochs
    least = _FRESH_EPOCHS if fresh else _EPOCHS
    if not config.minutes or config.minutes >= _PATIENT:
        return least, _MOST_EPOCHS * least // _EPOCHS
    return least, max(least, min(_MOST_EPOCHS, round(least * (_USUAL_SIZE / size) ** 1.5)))


def _size(samples: Sequence[Sample], preparation: Preprocessing, config: TrainConfig) -> int:
    """The side of the square: the one the network was trained with, less where the photos themselves are smaller."""
    if networks.from_scratch(config.backbone):
        return preparation.size
    cfg = networks.pretrained_cfg(config.backbone)
    usual = min(preparation.size, _USUAL_SIZE) if networks.is_built_in(config.backbone) else preparation.size
    shorter = float(np.median([min(sample.width, sample.height) for sample in samples]))
    return usual if shorter > _SMALL_PHOTO or cfg.get("fixed_input_size") else min(usual, _SMALL_PHOTO)


def _works(network: nn.Module, stages: Sequence[Sequence[str]], size: int) -> list[float]:
    """The work of what is before the stages and of each of them, in products and, weighted, numbers written."""
    names = [name for stage in stages for name in stage]
    place = {network.get_submodule(name): 1 + number for number, stage in enumerate(stages) for name in stage}
    works = [0.0] * (1 + len(stages))
    inside = [0]

    def entered(module: nn.Module, _: object) -> None:
        inside[0] = place.get(module, inside[0])

    def left(module: nn.Module, _: object, output: object) -> None:
        if isinstance(module, (nn.Conv2d, nn.Linear)) and isinstance(output, Tensor):
            works[inside[0]] += output.numel() * (module.weight[0].numel() + 30)

    hooks = [network.get_submodule(name).register_forward_pre_hook(entered) for name in names]
    hooks += [module.register_forward_hook(left) for module in network.modules()]
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, size, size))
    finally:
        for hook in hooks:
            hook.remove()
    return works


def _speed(extractor: FeatureExtractor, network: nn.Module, size: int) -> float:
    """Pictures a second forward, on all cores, in steps of a factor of two.

    Coarse on purpose: the plan follows from it, and the same machine is to make the same plan every
    time, however busy it is just now.
    """
    question = f"speed {extractor.backbone} {size} {extractor.device}"
    remembered = extractor.cache.get_choice(question, ["speed"])
    if remembered is None:
        seconds = min(_timed(extractor, network, size) for _ in range(3))
        class_ = round(math.log2(1 / seconds / _REFERENCE))
        remembered = str(_REFERENCE * 2.0**class_)
        if distributed.is_main_process():
            extractor.cache.put_choice(question, ["speed"], remembered)
    return float(remembered)


def _timed(extractor: FeatureExtractor, network: nn.Module, size: int) -> float:
    device = extractor.device
    count = 4 if device.is_cpu else 32
    pixels = torch.zeros(count, 3, size, size).to(device.torch_device, memory_format=torch.channels_last)
    moved = network.to(device.torch_device).to(memory_format=torch.channels_last)

    def work(_: int) -> None:
        with torch.inference_mode(), device.autocast():
            moved(pixels).float().cpu()

    side_by_side = device.workers if device.is_cpu else 1
    with finetune.workers(device) as pool:
        started = perf_counter()
        list(pool.map(work, range(side_by_side)))
        return (perf_counter() - started) / (count * side_by_side)
