"""A model folder and pictures -> the likeliest classes with a confidence, or “not sure”."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from .. import device as devices
from ..config import LIMITS, Limits
from ..data.images import open_picture
from ..device import Device
from ..errors import ModelError, PhotoError, SettingError
from ..evaluation import heatmap
from ..evaluation.report import Report
from . import checkpoint, features, loader, networks, transforms
from .surgery import add_feature_output, fuse_batch_norm

Picture = Path | str | bytes | Image.Image | np.ndarray[Any, Any]


@dataclass(frozen=True)
class ClassConfidence:
    """A class and how sure the model is of it, 0 to 1."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes, best first; ``unsure`` when that is no answer, and then the ``reason`` in words."""

    top: tuple[ClassConfidence, ...]
    unsure: bool
    reason: str | None = None

    def at(self, threshold: float) -> Prediction:
        """The same answer from a model that has to be so sure of it; a photo unlike all others is none at any."""
        if self.reason == UNLIKE:
            return self
        unsure = self.top[0].confidence < threshold
        return replace(self, unsure=unsure, reason=UNLIKELY if unsure else None)


UNLIKE = "it looks like none of the training photos"
UNLIKELY = "no class is likely enough"


@dataclass(frozen=True)
class Evidence:
    """What spoke for a class in one picture.

    ``square`` (H, W, 3), uint8, is what the network saw of the picture; ``heat`` (h, w) is how much each part
    of it added to the class or, below zero, spoke against it; ``features`` (D,) are what to look for its
    nearest training photos with (``explain.nearest``), empty where the network has none.
    """

    label: str
    heat: np.ndarray[Any, Any]
    features: np.ndarray[Any, Any]
    square: np.ndarray[Any, Any]


class Predictor:
    """Opens a checkpoint folder and answers as any other loader of that folder does: float32, one view.

    Raises ``ModelError`` when the folder is damaged or no model.
    """

    def __init__(self, folder: Path | str, device: str | None = None, limits: Limits = LIMITS) -> None:
        self.folder = Path(folder)
        self.device = devices.choose(device)
        self.limits = limits
        self._stamp = _stamp(self.folder)
        opened = _open(self._stamp)
        self.labels = opened.labels
        self.preprocessing = opened.preprocessing
        self.report = _report(self.folder, opened)
        self._familiar = opened.familiar

    def predict(self, pictures: Picture | Sequence[Picture], top_k: int = 5) -> list[Prediction]:
        """The answer for one picture or for each of several: paths, bytes, PIL pictures or uint8 arrays (H, W[, C]).

        Raises ``PhotoError`` for the first picture that cannot be used; ``outcomes`` goes on instead.
        """
        several = [pictures] if isinstance(pictures, (str, Path, bytes, Image.Image, np.ndarray)) else list(pictures)
        answers = list(self.outcomes(several, top_k))
        for answer in answers:
            if isinstance(answer, PhotoError):
                raise answer
        return [answer for answer in answers if isinstance(answer, Prediction)]

    def outcomes(self, pictures: Sequence[Picture], top_k: int = 5) -> Iterator[Prediction | PhotoError]:
        """The answer for each picture in order, or the error that says why it cannot be used."""
        if top_k < 1:
            raise SettingError(f"The number of answers wanted is {top_k}; it must be at least 1.")
        sources = [_source(picture) for picture in pictures]
        for outputs in devices.stream(_answers, self._stamp, sources, self.device, self.limits):
            yield PhotoError(outputs) if isinstance(outputs, str) else self._prediction(outputs[0], top_k)

    def evidence(self, picture: Picture, label: str | None = None) -> Evidence:
        """What spoke for a class, by default the likeliest, in a picture as ``predict`` takes them.

        Raises ``PhotoError`` when the picture cannot be used, ``SettingError`` for a class the model lacks.
        """
        if label is not None and label not in self.labels:
            raise SettingError(f"The model has no class “{label}”; choose one of {', '.join(self.labels)}.")
        opened = open_picture(_source(picture), None, self.limits)
        square = transforms.eval_transform(self.preprocessing)(opened)[None]
        pixels = transforms.normalize(square, self.preprocessing, torch.device("cpu"), torch.float32)
        network = _open(self._stamp).network
        with torch.inference_mode():
            outputs = add_feature_output(copy.deepcopy(network))(pixels)[0].numpy()
        place = int(outputs[: len(self.labels)].argmax()) if label is None else self.labels.index(label)
        heat = heatmap.heat_map(network, pixels, place)
        seen = square[0].permute(1, 2, 0).numpy()
        return Evidence(self.labels[place], heat, outputs[len(self.labels) :], seen)

    def _prediction(self, outputs: np.ndarray[Any, Any], top_k: int) -> Prediction:
        logits, pooled = outputs[: len(self.labels)], outputs[len(self.labels) :]
        shares = torch.from_numpy(logits).softmax(0).numpy()
        order = np.argsort(-shares, kind="stable")[:top_k]
        top = tuple(ClassConfidence(self.labels[i], float(shares[i])) for i in order)
        strange = self._familiar is not None and bool(
            len(pooled) and not self._familiar.in_distribution(pooled[None], shares[None])[0]
        )
        return Prediction(top, strange, UNLIKE if strange else None).at(self.report.threshold)


def _source(picture: Picture) -> loader.Source:
    if isinstance(picture, str):
        return Path(picture)
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (3,), (4,)):
            raise SettingError(
                f"An array of {picture.dtype} of shape {picture.shape} came; expected is a picture of "
                "bytes (uint8), height by width, or height by width by 3 colours."
            )
        return Image.fromarray(picture)
    return picture


def _report(folder: Path, opened: checkpoint.Checkpoint) -> Report:
    """The report as it is now: how sure the model must be may change long after its network was opened."""
    report = checkpoint.read_report(folder)
    if (report.labels, report.backbone) != (opened.labels, opened.report.backbone):
        raise ModelError(f"The report in “{folder}” is of another model; get the folder again.")
    return report


_Stamp = tuple[str, int]  # a folder and when its weights were written: names one state of one model


def _stamp(folder: Path) -> _Stamp:
    try:
        return str(folder.resolve()), (folder / "model.safetensors").stat().st_mtime_ns
    except OSError:  # opening the model will say what is missing
        return str(folder), 0


@lru_cache(maxsize=4)
def _open(stamp: _Stamp) -> checkpoint.Checkpoint:
    opened = checkpoint.load(Path(stamp[0]))
    return replace(opened, network=fuse_batch_norm(opened.network, networks.is_built_in(opened.report.backbone)))


@lru_cache(maxsize=4)
def _network(stamp: _Stamp, device: Device) -> nn.Module:
    # A copy, because moving a network to another device would take it away from the one it is on.
    network = add_feature_output(copy.deepcopy(_open(stamp).network))
    return network.to(device.torch_device).to(memory_format=torch.channels_last)


def _answers(
    stamp: _Stamp, sources: Sequence[loader.Source], device: Device, limits: Limits
) -> Iterator[features.Outcome]:
    prepare = loader.EvalViews((_open(stamp).preprocessing,))
    for output in loader.run_batches(_network(stamp, device), sources, prepare, device, torch.float32, None, limits):
        yield output if isinstance(output, str) else output.numpy()
