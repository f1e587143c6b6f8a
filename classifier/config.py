"""Settings, each a frozen dataclass that checks itself; a default is written here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from math import isfinite
from typing import Any, Literal, get_args, get_origin, get_type_hints

from .errors import SettingError

ResizeMode = Literal["crop", "whole", "squash"]
RESIZE_MODES: tuple[ResizeMode, ...] = ("whole", "squash", "crop")  # equal scores go to the first
Mode = Literal["quick", "deep"]
MODES: tuple[Mode, ...] = get_args(Mode)
Optimizer = Literal["adamw", "sgd"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
Domain = Literal["photo", "medical", "aerial", "document"]
DOMAINS: tuple[Domain, ...] = get_args(Domain)

# Metadata of the fields of ``TrainConfig`` that page and command line offer; a field without is for Python only.
GENERAL: Mapping[str, str] = {"group": "general"}
DEEP: Mapping[str, str] = {"group": "deep"}  # used by deep training only

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
    """The entries of a file of any version under the names of this one."""
    return {OLD_NAMES.get(name, name): value for name, value in data.items()}


@dataclass(frozen=True)
class Limits:
    """How much one upload may bring. A limit stops the work before any harm is done.

    ``pixels`` is Pillow's own threshold for a suspected decompression bomb (89 megapixels).
    """

    files: int = 20_000
    bytes_unpacked: int = 4 * 2**30
    bytes_per_file: int = 128 * 2**20
    ratio: int = 200  # unpacked bytes per packed byte, over the whole archive
    pixels: int = 89_478_485
    label_letters: int = 80

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise SettingError(f"The limit “{name}” is {value}; it must be at least 1.")


LIMITS = Limits()


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the square a network reads; it belongs to the weights and is saved with them.

    The fields are timm's (``timm.data.resolve_data_config``), so that any loader of a checkpoint
    prepares a picture the same way. ``size`` is in pixels; ``mean`` and ``std`` are per RGB channel
    of values in 0 to 1.
    """

    size: int = 224
    crop_pct: float = 0.875
    crop_mode: Literal["center", "squash"] = "center"
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 2048:
            raise SettingError(f"The picture size is {self.size} pixels; it must be from 8 to 2048.")
        if not 0.1 <= self.crop_pct <= 1:
            raise SettingError(f"The share of the picture to keep is {self.crop_pct}; it must be 0.1 to 1.")
        if self.crop_mode not in ("center", "squash"):
            raise SettingError(f"The crop mode is “{self.crop_mode}”; it must be center or squash.")
        if self.interpolation not in ("bicubic", "bilinear"):
            raise SettingError(f"The interpolation is “{self.interpolation}”; it must be bicubic or bilinear.")
        colours = (*self.mean, *self.std)
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0 or not all(map(isfinite, colours)):
            raise SettingError("The mean and spread of the colours must be three numbers each.")

    def with_resize_mode(self, resize_mode: ResizeMode) -> Preprocessing:
        """The same preparation with another way of fitting the picture into the square."""
        if resize_mode == "crop":
            return replace(self, crop_mode="center", crop_pct=0.875 if self.crop_pct == 1.0 else self.crop_pct)
        return replace(self, crop_mode="squash" if resize_mode == "squash" else "center", crop_pct=1.0)

    @property
    def resize_mode(self) -> ResizeMode:
        """The plain name of the way a picture is fitted."""
        if self.crop_mode == "squash":
            return "squash"
        return "whole" if self.crop_pct == 1.0 else "crop"

    def to_timm(self) -> dict[str, Any]:
        """The entries of a timm ``pretrained_cfg``."""
        return {
            "input_size": [3, self.size, self.size],
            "crop_pct": self.crop_pct,
            "crop_mode": self.crop_mode,
            "interpolation": self.interpolation,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_timm(cls, cfg: Mapping[str, Any]) -> Preprocessing:
        """Read the entries of a timm ``pretrained_cfg``.

        Raises ``SettingError`` where an entry is missing or cannot work.
        """
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
            raise SettingError(f"The description of how to prepare a picture is incomplete: {error}.") from error


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    ``backbone`` is a timm name; ``fits`` are the ways of fitting a picture that compete; ``folds`` the
    parts of cross-validation. What follows ``minutes`` is of deep training only: ``minutes`` is about
    how long it may take (0: as long as it takes); ``unfreeze`` how many of the network's last stages are
    trained and ``epochs`` how often each photo is seen, both chosen from the time where they are None;
    ``learning_rate`` is that of the last stage; ``batch`` the photos between two corrections.
    """

    mode: Mode = field(default="quick", metadata=GENERAL)
    backbone: str = field(default="tf_efficientnet_lite0", metadata=GENERAL)
    domain: Domain = field(default="photo", metadata=GENERAL)
    seed: int = field(default=0, metadata=GENERAL)
    folds: int = 5
    resize_modes: tuple[ResizeMode, ...] = RESIZE_MODES
    minutes: float = field(default=3.0, metadata=DEEP)
    unfreeze: int | None = field(default=None, metadata=DEEP)
    epochs: int | None = field(default=None, metadata=DEEP)
    batch: int = field(default=16, metadata=DEEP)
    learning_rate: float = field(default=3e-4, metadata=DEEP)
    optimizer: Optimizer = field(default="adamw", metadata=DEEP)

    def __post_init__(self) -> None:
        _one_of("mode", self.mode, MODES)
        _one_of("domain", self.domain, DOMAINS)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        for resize_mode in self.resize_modes:
            _one_of("resize mode", resize_mode, RESIZE_MODES)
        if not self.resize_modes:
            raise SettingError("No way of fitting a picture was named; name at least one of crop, whole, squash.")
        _within("number of parts for cross-validation", self.folds, 2, 20)
        _within("seed", self.seed, 0, 2**32 - 1)
        _within("number of minutes", self.minutes, 0, 10_000)
        _within("number of stages to train", self.unfreeze, 1, 1000)
        _within("number of epochs", self.epochs, 1, 10_000)
        _within("batch size", self.batch, 1, 4096)
        _within("learning rate", self.learning_rate, 1e-8, 10)


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
    """The fields of ``TrainConfig`` that page and command line offer, in the order of the fields."""
    hints = get_type_hints(TrainConfig)
    return tuple(_setting(hints[one.name], one) for one in fields(TrainConfig) if "group" in one.metadata)


def _setting(hint: Any, one: Field[Any]) -> Setting:
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    optional = type(None) in get_args(hint)
    kind = str if choices else get_args(hint)[0] if optional else hint
    return Setting(one.name, one.metadata["group"], kind, choices, optional, one.default)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingError(f"The {name} is “{value}”; it must be one of {', '.join(allowed)}.")


def _within(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:  # not a number is in no range
        raise SettingError(f"The {name} is {value}; it must be from {low} to {high}.")
