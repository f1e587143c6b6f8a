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

from . import checkpoint, features, models
from . import device as devices
from .anatomy import folded
from .config import LIMITS, Limits
from .device import Device
from .errors import PhotoError, SettingError

Picture = Path | str | bytes | Image.Image | np.ndarray[Any, Any]


@dataclass(frozen=True)
class Guess:
    """A class and how sure the model is of it, 0 to 1."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes, best first; ``unsure`` when even the best is not likely enough to be an answer."""

    top: tuple[Guess, ...]
    unsure: bool


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
        self.report = opened.report

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
        for logits in devices.stream(_answers, self._stamp, sources, self.device, self.limits):
            yield PhotoError(logits) if isinstance(logits, str) else self._prediction(logits[0], top_k)

    def _prediction(self, logits: np.ndarray[Any, Any], top_k: int) -> Prediction:
        shares = torch.from_numpy(logits).softmax(0).numpy()
        order = np.argsort(-shares, kind="stable")[:top_k]
        top = tuple(Guess(self.labels[i], float(shares[i])) for i in order)
        return Prediction(top, unsure=bool(shares.max() < self.report.threshold))


def _source(picture: Picture) -> features.Source:
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


_Stamp = tuple[str, int]  # a folder and when its weights were written: names one state of one model


def _stamp(folder: Path) -> _Stamp:
    try:
        return str(folder.resolve()), (folder / "model.safetensors").stat().st_mtime_ns
    except OSError:  # opening the model will say what is missing
        return str(folder), 0


@lru_cache(maxsize=4)
def _open(stamp: _Stamp) -> checkpoint.Checkpoint:
    opened = checkpoint.load(Path(stamp[0]))
    return replace(opened, network=folded(opened.network, models.is_built_in(opened.report.backbone)))


@lru_cache(maxsize=4)
def _network(stamp: _Stamp, device: Device) -> nn.Module:
    # A copy, because moving a network to another device would take it away from the one it is on.
    return copy.deepcopy(_open(stamp).network).to(device.torch_device).to(memory_format=torch.channels_last)


def _answers(
    stamp: _Stamp, sources: Sequence[features.Source], device: Device, limits: Limits
) -> Iterator[features.Outcome]:
    prepare = features.Views((_open(stamp).preprocessing,))
    for output in features.run(_network(stamp, device), sources, prepare, device, torch.float32, None, limits):
        yield output if isinstance(output, str) else output.numpy()
