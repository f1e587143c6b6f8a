"""Whether training can work at all here: shapes through the network, one batch, and a few photos learnt by heart."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import device as devices
from ..config import TrainConfig
from ..data.catalog import Asset
from ..data.labels import natural_key
from ..data.project import Project
from ..errors import DataError
from ..models import networks, surgery, transforms
from ..training import augmented_cache, finetune

_PHOTOS = 8
_ROUNDS = 40


@dataclass(frozen=True)
class OverfitCheck:
    """What was found: (module, shape) through the network, one batch in words, and whether it was learnt by heart."""

    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    batch: dict[str, Any]
    loss_before: float
    loss_after: float
    overfits: bool

    def lines(self) -> Iterator[str]:
        """The same for reading."""
        for name, shape in self.shapes:
            yield f"{name:24} {' x '.join(map(str, shape))}"
        for name, value in self.batch.items():
            yield f"batch {name:18} {value}"
        verdict = "yes" if self.overfits else "no: look at the learning rate and at the labels"
        yield f"learnt by heart: {verdict} (loss {self.loss_before:.3f} to {self.loss_after:.3f})"


def overfit_check(project: Project, config: TrainConfig, device: str | None = None) -> OverfitCheck:
    """Try the network and a few of the project's photos before a long training.

    Raises ``DataError`` when there are fewer than two classes, ``ModelError`` when the network cannot be had.
    """
    chosen = devices.choose(device)
    photos = _a_few(project)
    labels = tuple(sorted({photo.label for photo in photos}, key=natural_key))
    network = networks.build(config.backbone, len(labels), config.seed)
    preparation = networks.preprocessing(config.backbone).with_resize_mode("whole")
    varied = augmented_cache.AugmentedViews(
        preparation, config.domain, tuple(photo.sha256 for photo in photos), 1, config.seed
    )
    paths = [project.photo_path(photo) for photo in photos]
    with tempfile.TemporaryDirectory(prefix="self-check-") as scratch:
        story = augmented_cache.build_augmented_cache(
            Path(scratch) / "views", None, paths, varied, chosen, project.limits
        )
        kept = _result(story)
        truth = np.array([labels.index(photo.label) for photo in photos], np.int64)
        everything = np.arange(len(photos))
        fresh = networks.from_scratch(config.backbone)
        lesson = finetune.FineTuneSpec(
            network, networks.classifier(config.backbone), surgery.stages(network), kept[:, [0, 0]], truth, everything,
            everything[:0], preparation, _ROUNDS, len(photos), config.learning_rate * (10 if fresh else 1),
            config.optimizer, config.seed, fresh,
        )  # fmt: skip
        inputs = transforms.normalize(kept[:, 0], preparation, torch.device("cpu"), torch.float32)
        shapes = tuple(_shapes(network, inputs[:2]))
        learner = finetune.TrainState(lesson, chosen)
        with finetune.workers(chosen) as pool:
            for _ in range(_ROUNDS):
                list(learner.learn(pool))
                if learner.history[-1].accuracy == 1:
                    break
    batch = {
        "shape": tuple(inputs.shape),
        "type": str(inputs.dtype).removeprefix("torch."),
        "range": f"{float(inputs.min()):.2f} to {float(inputs.max()):.2f}",
        "labels": ", ".join(f"{number} {labels[number]}" for number in truth),
    }
    first, last = learner.history[0], learner.history[-1]
    return OverfitCheck(shapes, batch, first.loss, last.loss, last.accuracy == 1)


def _a_few(project: Project) -> list[Asset]:
    """Some photos, of as many classes as possible."""
    by_class: dict[str, list[Asset]] = {}
    for photo in project.catalog.assets(split="train"):
        by_class.setdefault(photo.label, []).append(photo)
    if len(by_class) < 2:
        raise DataError("A self-check needs photos of at least two classes; add another folder.")
    rounds = zip_longest(*by_class.values())
    return [photo for row in rounds for photo in row if photo is not None][:_PHOTOS]


def _result(story: Any) -> Tensor:
    with closing(story):
        while True:
            try:
                next(story)
            except StopIteration as end:
                kept: Tensor = end.value
                return kept


def _shapes(network: nn.Module, inputs: Tensor) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What each stage gives, and what comes in and goes out."""
    found: list[tuple[str, tuple[int, ...]]] = [("photos", tuple(inputs.shape))]
    names = [stage[0] for stage in surgery.stages(network)]
    hooks = [
        network.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: found.append((name, tuple(output.shape)))
        )
        for name in names
    ]
    try:
        with torch.inference_mode():
            answers = network.eval()(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    yield from [*found, ("answers", tuple(answers.shape))]
