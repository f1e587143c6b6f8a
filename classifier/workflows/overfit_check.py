"""Check whether training can work at all: shapes through the network, one batch, and a few photos to memorize."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import device as devices
from ..config import TrainConfig
from ..data.assets import Asset
from ..data.dataset import class_names, encode_labels
from ..data.project import Project
from ..device import Device
from ..errors import DataError
from ..events import Epoch, result_of
from ..messages import message
from ..messages.training import OverfitCode
from ..models import networks, surgery, transforms
from ..models.backbones import Backbone, resolve
from ..training import augmented_cache, finetune
from ..training.batches import FineTuneData
from ..training.loss import cross_entropy
from ..training.runs import FROM_SCRATCH_FACTOR
from ..training.schedule import warmup_cosine
from ..training.train_state import FineTuneSpec, TrainState

Ints = NDArray[np.int64]

_PHOTOS = 8
_EPOCHS = 40
CHOICE = "self_check"  # the name under which a project keeps what was found


@dataclass(frozen=True)
class DeviceComparison:
    """The same network on the same ``photos`` on a CPU in float32 and on ``device`` in its precision ``dtype``.

    ``same`` is the number of photos of the same likeliest class, ``largest_difference`` that of a probability.
    """

    device: str
    dtype: str
    photos: int
    same: int
    largest_difference: float


@dataclass(frozen=True)
class OverfitCheck:
    """What the check found.

    ``shapes`` are (module, shape of its output) through the network, with the input first; ``batch`` describes the
    input; ``overfits`` says whether all photos were classified correctly in the end. ``devices`` compares the CPU with
    the device of the training, None where that is the CPU. ``backbone`` and ``device`` are those that were tried.
    """

    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    batch: dict[str, Any]
    loss_before: float
    loss_after: float
    overfits: bool
    devices: DeviceComparison | None = None
    backbone: str = ""
    device: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines that the command line prints."""
        for name, shape in self.shapes:
            yield str(message(OverfitCode.SHAPE, name=name, shape=" x ".join(map(str, shape))))
        for name, value in self.batch.items():
            yield str(message(OverfitCode.BATCH, name=name, value=str(value)))
        code = OverfitCode.OVERFITS if self.overfits else OverfitCode.DOES_NOT_OVERFIT
        yield str(message(code, before=self.loss_before, after=self.loss_after))
        if self.devices is not None:
            yield str(message(OverfitCode.DEVICES, **asdict(self.devices)))

    def to_json(self) -> dict[str, Any]:
        """Return what ``training.json`` keeps, as JSON values."""
        return {**asdict(self), "shapes": [[name, list(shape)] for name, shape in self.shapes]}


def overfit_check(project: Project, config: TrainConfig, device: str | None = None) -> OverfitCheck:
    """Train the whole network on a few of the project's photos until it classifies them correctly.

    A network that cannot memorize eight photos will not learn from more (the first test in Karpathy, “A Recipe for
    Training Neural Networks”, 2019). What was found is kept with the project, and in ``training.json`` of the trainings
    that follow. Raises ``DataError`` where there are fewer than two classes and ``ModelError``
    where the network cannot be loaded.
    """
    chosen = devices.choose(device)
    assets = _choose_assets(project)
    labels = class_names(assets)
    y = encode_labels(assets, labels)
    backbone = resolve(config.backbone)
    network = networks.build(backbone, len(labels), config.seed)
    preprocessing = networks.preprocessing(backbone).with_resize_mode("whole")
    transform = augmented_cache.AugmentedViews(
        preprocessing, config.domain, tuple(asset.sha256 for asset in assets), 1, config.seed
    )
    paths = [project.photo_path(asset) for asset in assets]
    with tempfile.TemporaryDirectory(prefix="overfit-check-") as scratch:
        path = Path(scratch) / "views"
        pixels = result_of(augmented_cache.build_augmented_cache(path, None, paths, transform, chosen, project.limits))[
            :, 0
        ]  # (N, 3, S, S)
        inputs = transforms.normalize(pixels, preprocessing, torch.device("cpu"), torch.float32)
        shapes = tuple(_record_shapes(network, inputs[:2]))
        data = FineTuneData(
            views=torch.stack([pixels, pixels], 1),  # not augmented
            y=y,
            train_idx=np.arange(len(y)),
            val_idx=np.arange(0),
            preprocessing=preprocessing,
        )
    compared = None if chosen.is_cpu else compare_devices(network, inputs, chosen)
    epochs = _overfit(network, data, backbone, config, chosen)
    first, last = epochs[0], epochs[-1]
    found = OverfitCheck(
        shapes, _describe(inputs, y, labels), first.loss, last.loss, last.accuracy == 1, compared, backbone.name,
        chosen.name,
    )  # fmt: skip
    project.catalog.choose(CHOICE, json.dumps(found.to_json()))
    return found


def compare_devices(network: nn.Module, inputs: Tensor, device: Device) -> DeviceComparison:
    """Compare the probabilities of a network on the CPU in float32 with those on a device in its precision.

    Args:
        network: on the CPU, where it is afterwards as well; its weights are not changed.
        inputs: normalized pictures (B, 3, S, S), float32, on the CPU.
        device: the other one.
    """
    network.eval()
    with torch.inference_mode():
        expected = network(inputs).softmax(1)
        there = copy.deepcopy(network).to(device.torch_device)
        with device.autocast():
            found = there(inputs.to(device.torch_device)).float().softmax(1).cpu()
    return DeviceComparison(
        device=device.name,
        dtype=str(device.dtype).removeprefix("torch."),
        photos=len(inputs),
        same=int((expected.argmax(1) == found.argmax(1)).sum()),
        largest_difference=float((expected - found).abs().max()),
    )


def _choose_assets(project: Project) -> list[Asset]:
    """Choose a few photos, of as many classes as possible."""
    by_class: dict[str, list[Asset]] = {}
    for asset in project.catalog.assets(split="train"):
        by_class.setdefault(asset.label, []).append(asset)
    if len(by_class) < 2:
        raise DataError(OverfitCode.ONE_CLASS)
    rounds = zip_longest(*by_class.values())
    return [asset for assets in rounds for asset in assets if asset is not None][:_PHOTOS]


def _overfit(
    network: nn.Module, data: FineTuneData, backbone: Backbone, config: TrainConfig, device: Device
) -> list[Epoch]:
    """Train until all photos are classified correctly, or for ``_EPOCHS`` epochs; returns the epochs."""
    spec = FineTuneSpec(
        epochs=_EPOCHS,
        batch=len(data.y),
        learning_rate=config.learning_rate * (FROM_SCRATCH_FACTOR if backbone.from_scratch else 1),
        optimizer=config.optimizer,
        seed=config.seed,
        from_scratch=backbone.from_scratch,
    )
    state = TrainState(network, networks.classifier_name(backbone), surgery.stages(network), spec, device)
    with finetune.workers(device) as pool:
        for _ in range(_EPOCHS):
            result_of(finetune.train_one_epoch(state, data, spec, cross_entropy, warmup_cosine, pool))
            if finetune.validate(state, data, spec, pool).accuracy == 1:
                break
    return state.history


def _describe(inputs: Tensor, y: Ints, labels: Sequence[str]) -> dict[str, Any]:
    """Describe the batch of ``inputs`` (B, 3, S, S) for a person."""
    return {
        "shape": tuple(inputs.shape),
        "type": str(inputs.dtype).removeprefix("torch."),
        "range": f"{float(inputs.min()):.2f} to {float(inputs.max()):.2f}",
        "labels": ", ".join(f"{number} {labels[number]}" for number in y),
    }


def _record_shapes(network: nn.Module, inputs: Tensor) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the shape of the input, of the output of each stage, and of the logits."""
    shapes: list[tuple[str, tuple[int, ...]]] = [("photos", tuple(inputs.shape))]
    names = [stage[0] for stage in surgery.stages(network)]
    hooks = [
        network.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: shapes.append((name, tuple(output.shape)))
        )
        for name in names
    ]
    try:
        with torch.inference_mode():
            logits = network.eval()(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    yield from [*shapes, ("logits", tuple(logits.shape))]
