"""Settings, each a frozen dataclass that checks itself; a default is written here and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import lru_cache
from math import isfinite
from typing import Any, Literal, get_args, get_origin, get_type_hints

from .errors import SettingError
from .messages.config import ConfigCode

ResizeMode = Literal["squash", "whole", "crop", "zoom"]
RESIZE_MODES: tuple[ResizeMode, ...] = get_args(ResizeMode)  # equal scores go to the first
_ZOOM = 0.7  # of the short side, see ``Preprocessing.crop_pct``
Mode = Literal["quick", "auto", "deep"]
MODES: tuple[Mode, ...] = get_args(Mode)
Optimizer = Literal["adamw", "sgd"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
PixelRange = tuple[float, float]  # the values that become black and white
SampleKind = Literal["integer", "real"]
Domain = Literal["photo", "medical", "aerial", "document"]
DOMAINS: tuple[Domain, ...] = get_args(Domain)

# Metadata of the fields of ``TrainConfig`` that page and command line offer; a field without is for Python only.
# “range” holds the smallest and the largest value that can work.
GENERAL: Mapping[str, Any] = {"group": "general"}
DEEP: Mapping[str, Any] = {"group": "deep"}  # used where more than the linear head is trained

# What settings and report entries were called before: ``training.json`` and ``report.json`` of older versions hold
# these names, and ``report.json`` keeps them.
OLD_NAMES: Mapping[str, str] = {
    "fit": "resize_mode",
    "fits": "resize_modes",
    "thaw": "unfreeze",
    "optimiser": "optimizer",
    "judged_on": "evaluated_on",
    "scenes": "group_count",
    "cost": "coverage_curve",
    "answered": "coverage",
    "right": "selective_accuracy",
}


def current_names(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a file of any version under the names of this version."""
    return {OLD_NAMES.get(name, name): value for name, value in data.items()}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one upload, and the project that it goes to, may contain at most.

    Larger ones are refused before they are unpacked or decoded. ``files`` counts files; ``bytes_unpacked`` is of a
    whole zip and ``bytes_per_file`` of one picture; ``ratio`` is unpacked bytes per packed byte of a whole zip;
    ``pixels`` are of one picture, by default Pillow's threshold for a decompression bomb; ``label_letters`` is the
    length of a class name. Of the project, after the upload: ``classes``, ``project_photos`` and ``project_bytes``,
    which are of its photos. What counts photos, files, classes or a project's bytes has no limit by default.

    Example::

        Project.over(Path("photos"), limits=Limits(files=100_000))
    """

    files: int = sys.maxsize
    bytes_unpacked: int = 4 * 2**30
    bytes_per_file: int = 128 * 2**20
    ratio: int = 200
    pixels: int = 89_478_485
    label_letters: int = 80
    classes: int = sys.maxsize
    project_photos: int = sys.maxsize
    project_bytes: int = sys.maxsize

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise SettingError(ConfigCode.LIMIT, name=name, value=value)


LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class PixelRanges:
    """Which values become black and white in pictures of more than 8 bits a channel whose files do not state it.

    ``integer`` is for whole numbers, ``real`` for floating point; None where the training photos do not tell, since
    none of them is such a picture. See ``data.pixel_depth``.

    Example::

        PixelRanges(integer=(0, 4095))  # a camera of 12 bits that writes files of 16
    """

    integer: PixelRange | None = None
    real: PixelRange | None = None

    def __post_init__(self) -> None:
        for one in filter(None, vars(self).values()):
            if len(one) != 2 or not all(map(isfinite, one)) or one[0] >= one[1]:
                raise SettingError(ConfigCode.PIXEL_RANGE, value=one)

    def of(self, kind: SampleKind) -> PixelRange | None:
        """Return the range for samples of a kind."""
        return self.integer if kind == "integer" else self.real

    def to_json(self) -> dict[SampleKind, list[float]]:
        """Return the ranges that are known, as ``config.json`` holds them."""
        kinds: tuple[SampleKind, ...] = ("integer", "real")
        return {kind: list(known) for kind in kinds if (known := self.of(kind)) is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PixelRanges:
        """Read what ``to_json`` returned; raises ``SettingError`` where a range cannot be one."""
        try:
            known = {kind: tuple(map(float, data[kind])) for kind in ("integer", "real") if kind in data}
        except (TypeError, ValueError, OverflowError) as error:
            raise SettingError(ConfigCode.INCOMPLETE, why=str(error)) from error
        return cls(**known)  # type: ignore[arg-type]


NO_RANGES = PixelRanges()


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a picture becomes the square input of a network; it belongs to the weights and is saved with them.

    The fields are timm's (``timm.data.resolve_data_config``), so that any loader of a checkpoint prepares a picture
    in the same way. ``size`` is in pixels; ``crop_pct`` is the part of the picture's side that is kept, ``crop_mode``
    whether it is cropped or squashed to a square, ``interpolation`` how it is resampled; ``mean`` and ``std`` are per
    RGB channel, of values from 0 to 1. ``pixel_ranges``, which timm does not have, are for pictures of more than 8
    bits.

    Example::

        Preprocessing(size=260, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)).with_resize_mode("squash")
    """

    size: int = 224
    crop_pct: float = 0.875
    crop_mode: Literal["center", "squash"] = "center"
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    pixel_ranges: PixelRanges = NO_RANGES

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 2048:
            raise SettingError(ConfigCode.PICTURE_SIZE, value=self.size, low=8, high=2048)
        if not 0.1 <= self.crop_pct <= 1:
            raise SettingError(ConfigCode.CROP_PCT, value=self.crop_pct, low=0.1, high=1)
        if self.crop_mode not in ("center", "squash"):
            raise SettingError(ConfigCode.CROP_MODE, value=self.crop_mode)
        if self.interpolation not in ("bicubic", "bilinear"):
            raise SettingError(ConfigCode.INTERPOLATION, value=self.interpolation)
        finite = all(map(isfinite, (*self.mean, *self.std)))
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0 or not finite:
            raise SettingError(ConfigCode.MEAN_STD)

    def with_resize_mode(self, resize_mode: ResizeMode) -> Preprocessing:
        """Return the same preprocessing with another way to bring a picture to the square."""
        if resize_mode == "zoom":
            return replace(self, crop_mode="center", crop_pct=_ZOOM)
        if resize_mode == "crop":
            return replace(self, crop_mode="center", crop_pct=0.875 if self.crop_pct == 1.0 else self.crop_pct)
        return replace(self, crop_mode="squash" if resize_mode == "squash" else "center", crop_pct=1.0)

    @property
    def resize_mode(self) -> ResizeMode:
        """How a picture is brought to the square: ``squash``, ``whole``, ``crop`` or ``zoom``, a narrower crop."""
        if self.crop_mode == "squash":
            return "squash"
        if self.crop_pct <= _ZOOM:
            return "zoom"
        return "whole" if self.crop_pct == 1.0 else "crop"

    def to_timm(self) -> dict[str, Any]:
        """Return the entries of a timm ``pretrained_cfg``."""
        return {
            "input_size": [3, self.size, self.size],
            "crop_pct": self.crop_pct,
            "crop_mode": self.crop_mode,
            "interpolation": self.interpolation,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    def key(self) -> dict[str, Any]:
        """Return all entries that the features of a picture depend on."""
        ranges = self.pixel_ranges.to_json()
        return {**self.to_timm(), "pixel_ranges": ranges} if ranges else self.to_timm()

    @classmethod
    def from_timm(cls, cfg: Mapping[str, Any]) -> Preprocessing:
        """Read the entries of a timm ``pretrained_cfg``; raises ``SettingError`` if one is missing or invalid."""
        try:
            return cls(
                size=int(cfg["input_size"][-1]),
                crop_pct=float(cfg.get("crop_pct") or 0.875),
                crop_mode=cfg.get("crop_mode") or "center",
                interpolation=cfg.get("interpolation") or "bicubic",
                mean=tuple(map(float, cfg["mean"])),  # type: ignore[arg-type]
                std=tuple(map(float, cfg["std"])),  # type: ignore[arg-type]
            )
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise SettingError(ConfigCode.INCOMPLETE, why=str(error)) from error


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The settings of one training.

    ``mode`` is quick (a linear head), deep (the network is fine-tuned) or auto (a linear head first, then steps that
    raise the expected accuracy, see ``workflows.auto``); ``backbone`` is a timm name; ``domain`` selects the
    augmentation; equal values of ``seed`` give equal trainings; ``folds`` is the number of cross-validation folds
    (a linear head of few photos is evaluated in twice as many);
    ``resize_modes`` are compared where the choice matters, and the best is used. The following are for auto and deep
    only: ``minutes`` is the time budget (0: none in deep training, in mode auto as long as it helps); ``max_steps``
    bounds the steps of mode auto, the first included; ``unfreeze`` the number of stages that are trained, counted
    from the end of the network (0: everything), and ``epochs`` the number of epochs, both planned from the time
    budget if None; ``batch`` the batch size; ``learning_rate`` that of the last stage; ``optimizer`` AdamW or SGD.

    Raises ``SettingError`` for a value that cannot work. Example::

        train(project, TrainConfig(mode="deep", minutes=10, seed=1), Path("model"))
    """

    mode: Mode = field(default="quick", metadata=GENERAL)
    backbone: str = field(default="tf_efficientnet_lite0", metadata=GENERAL)
    domain: Domain = field(default="photo", metadata=GENERAL)
    seed: int = field(default=0, metadata={**GENERAL, "range": (0, 2**32 - 1)})
    folds: int = field(default=5, metadata={"range": (2, 20)})
    resize_modes: tuple[ResizeMode, ...] = RESIZE_MODES
    minutes: float = field(default=5.0, metadata={**DEEP, "range": (0, 10_000)})
    max_steps: int | None = field(default=None, metadata={**DEEP, "range": (1, 1000)})
    unfreeze: int | None = field(default=None, metadata={**DEEP, "range": (0, 1000)})
    epochs: int | None = field(default=None, metadata={**DEEP, "range": (1, 10_000)})
    batch: int = field(default=16, metadata={**DEEP, "range": (1, 4096)})
    learning_rate: float = field(default=3e-4, metadata={**DEEP, "range": (1e-8, 10)})
    optimizer: Optimizer = field(default="adamw", metadata=DEEP)

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            _check_choice(one.name, value, _choices().get(one.name))
            _check_range(one.name, value, one.metadata.get("range"))
        if not self.resize_modes:
            raise SettingError(ConfigCode.NO_RESIZE_MODE, allowed=RESIZE_MODES)
        for resize_mode in self.resize_modes:
            _check_choice("resize_modes", resize_mode, RESIZE_MODES)


@lru_cache
def _choices() -> dict[str, tuple[str, ...]]:
    """Return the values allowed for each field of ``TrainConfig`` that is a ``Literal``."""
    hints = get_type_hints(TrainConfig)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}


def _check_choice(name: str, value: Any, allowed: tuple[str, ...] | None) -> None:
    if allowed is not None and value not in allowed:
        raise SettingError(ConfigCode.NOT_A_CHOICE, name=name, value=value, allowed=allowed)


def _check_range(name: str, value: Any, limits: tuple[float, float] | None) -> None:
    if limits is not None and value is not None and not limits[0] <= value <= limits[1]:  # NaN is in no range
        raise SettingError(ConfigCode.OUT_OF_RANGE, name=name, value=value, low=limits[0], high=limits[1])


DEFAULTS = TrainConfig()


@dataclass(frozen=True)
class Setting:
    """A field of ``TrainConfig`` from which the page builds an input and the command line an option.

    ``kind`` is int, float or str; ``choices`` are the allowed values of a str, empty where any value may do;
    ``optional`` is True where None lets the program choose.
    """

    name: str
    group: Literal["general", "deep"]
    kind: type[int] | type[float] | type[str]
    choices: tuple[str, ...]
    optional: bool
    default: Any


def settings() -> tuple[Setting, ...]:
    """Return the fields of ``TrainConfig`` that page and command line offer, in the order of the fields."""
    hints = get_type_hints(TrainConfig)
    return tuple(_describe(one, hints[one.name]) for one in fields(TrainConfig) if "group" in one.metadata)


def _describe(one: Field[Any], hint: Any) -> Setting:
    choices = _choices().get(one.name, ())
    optional = type(None) in get_args(hint)
    kind = str if choices else get_args(hint)[0] if optional else hint
    return Setting(one.name, one.metadata["group"], kind, choices, optional, one.default)
