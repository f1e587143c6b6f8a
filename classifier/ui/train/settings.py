"""The inputs of ``TrainConfig``: one for each of its fields, by name, and the config that their values make."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ...config import DEFAULTS, Mode, Setting, TrainConfig, settings
from ...errors import SettingError
from ...messages import sentence
from ...messages.limits import LimitCode, NearCode
from ...messages.settings import SettingCode, choice_label, setting_hint, setting_label
from ...models import hub
from ...models.backbones import BACKBONES, Backbone
from ...workflows.offers import listed_networks
from ..handlers import QUIET
from ..host_limits import HOME_LIMITS, HostLimits
from ..usage import Use

OTHER_BACKBONE = "other_backbone"  # a text field beside the list: any network of timm
NAMES: tuple[str, ...] = (*(setting.name for setting in settings()), OTHER_BACKBONE)  # the order of all inputs
SECONDS_ONLY = "seconds"  # beside the minutes that may be chosen: the first step alone
_MODE: Mode = "auto"  # of the page: TrainConfig's own is that of programs
_MINUTES = (DEFAULTS.minutes, 30.0)
_MAX_NAME_LENGTH = 100

Values = Mapping[str, Any]


@dataclass(frozen=True)
class SettingsForm:
    """The inputs by name, in the order of ``NAMES``."""

    components: Mapping[str, gr.components.Component]

    @property
    def inputs(self) -> list[gr.components.Component]:
        """The inputs of a handler that is wrapped with ``names=NAMES``."""
        return [self.components[name] for name in NAMES]

    def choice(self, name: str) -> gr.Radio:
        """The input of a setting with choices."""
        component = self.components[name]
        assert isinstance(component, gr.Radio)
        return component

    @property
    def choices(self) -> list[gr.Radio]:
        """The inputs whose every change is a decision, unlike a text half typed."""
        return [component for component in self.components.values() if isinstance(component, gr.Radio)]


def to_config(values: Values, limits: HostLimits = HOME_LIMITS) -> TrainConfig:
    """Return the settings for values by name; raises ``SettingError`` where one cannot work or is beyond a limit."""
    if values["minutes"] == SECONDS_ONLY:
        if values["mode"] == "deep":
            raise SettingError(SettingCode.DEEP_IN_SECONDS)
        values = {**values, "mode": "quick", "minutes": DEFAULTS.minutes}
    parsed = {setting.name: _parse(setting, values[setting.name]) for setting in settings()}
    config = TrainConfig(**{**parsed, "backbone": _backbone(values["backbone"], values[OTHER_BACKBONE])})
    check_limits(config, limits)
    return config


def has_time_limit(limits: HostLimits) -> bool:
    """Return whether the host limits the time of a training."""
    return limits.train_minutes < HOME_LIMITS.train_minutes


def check_limits(config: TrainConfig, limits: HostLimits) -> None:
    """Raise ``SettingError`` where settings ask for more than the host allows."""
    if limits.networks == "table" and config.backbone not in {row.name for row in BACKBONES}:
        raise SettingError(LimitCode.NETWORKS, name=config.backbone)
    if config.mode == "quick":
        return
    if not config.minutes and has_time_limit(limits):
        raise SettingError(LimitCode.MINUTES_UNLIMITED, limit=limits.train_minutes)
    if config.minutes > limits.train_minutes:
        raise SettingError(LimitCode.MINUTES, limit=limits.train_minutes, value=config.minutes)
    if config.epochs and config.epochs > limits.train_epochs:
        raise SettingError(LimitCode.EPOCHS, limit=limits.train_epochs, value=config.epochs)


def uses(config: TrainConfig, limits: HostLimits) -> list[Use]:
    """Return what settings take of the limits of a training."""
    if config.mode == "quick":
        return []
    return [
        Use(NearCode.MINUTES, config.minutes, limits.train_minutes),
        Use(NearCode.EPOCHS, config.epochs or 0, limits.train_epochs),
    ]


def _parse(setting: Setting, value: Any) -> Any:
    if setting.choices or setting.kind in (str, bool):
        return value  # TrainConfig checks itself
    if setting.optional:
        return _optional(setting, value)
    return _whole(setting, value) if setting.kind is int else float(_required(setting, value))


def _required(setting: Setting, value: float | None) -> float:
    if value is None:
        raise SettingError(SettingCode.EMPTY, label=setting_label(setting.name))
    return value


def _whole(setting: Setting, value: float | None) -> int:
    number = float(_required(setting, value))
    if not number.is_integer():
        raise SettingError(SettingCode.NOT_WHOLE, label=setting_label(setting.name), value=number)
    return int(number)


def _optional(setting: Setting, text: str | None) -> float | None:
    """Parse a number of a field that may be empty; a field for numbers would give 0 for nothing."""
    typed = (text or "").strip()
    pattern = r"\d{1,9}" if setting.kind is int else r"\d{0,9}\.?\d{0,9}(e-?\d{1,2})?"
    if not typed:
        return None
    if not re.fullmatch(pattern, typed, re.ASCII) or not typed.strip("."):
        raise SettingError(SettingCode.NOT_A_NUMBER, label=setting_label(setting.name), value=typed[:20])
    return setting.kind(typed)  # type: ignore[return-value]  # int or float: text is parsed elsewhere


def _backbone(listed: str, other: str | None) -> str:
    typed = (other or "").strip()
    if len(typed) > _MAX_NAME_LENGTH:
        raise SettingError(SettingCode.NAME_TOO_LONG, limit=_MAX_NAME_LENGTH)
    if not typed and listed not in {row.name for row in BACKBONES}:
        raise SettingError(SettingCode.BACKBONE_NOT_OFFERED)
    return typed or listed


def build(advanced: gr.Accordion, below_domain: Callable[[], None], limits: HostLimits = HOME_LIMITS) -> SettingsForm:
    """Create the inputs: how long it may take here, the rest inside ``advanced``.

    Args:
        advanced: where the other settings are put.
        below_domain: creates what stands below the kind of photos.
        limits: what is beyond them is not offered.
    """
    by_name = {setting.name: setting for setting in settings()}
    minutes, mode, domain = (by_name.pop(name) for name in ("minutes", "mode", "domain"))
    components = {minutes.name: _create(minutes, limits)}
    with advanced:
        components |= {mode.name: _create(mode, limits), domain.name: _create(domain, limits)}
        below_domain()
        for setting in by_name.values():
            if setting.group == "general":
                components |= _create_with_companion(setting, limits)
        with gr.Column(visible=_MODE != "quick") as deep:
            components |= {
                name: _create(setting, limits) for name, setting in by_name.items() if setting.group == "deep"
            }
    form = SettingsForm(components)
    form.choice("mode").change(_show_fine_tuning, components["mode"], [deep], queue=False, **QUIET)
    return form


def _show_fine_tuning(mode: str) -> dict[str, Any]:
    return gr.update(visible=mode != "quick")


def _create_with_companion(setting: Setting, limits: HostLimits) -> dict[str, gr.components.Component]:
    created = {setting.name: _create(setting, limits)}
    return {**created, OTHER_BACKBONE: _other_backbone(limits)} if setting.name == "backbone" else created


def _create(setting: Setting, limits: HostLimits) -> gr.components.Component:
    """Create the input of a setting from its type; a few have one of their own."""
    common: dict[str, Any] = {
        "label": setting_label(setting.name),
        "info": setting_hint(setting.name),
        "elem_id": f"train-{setting.name}",
    }
    choices = _choices(setting, limits)
    if choices:
        stacked = "pc-stack" if setting.name in ("mode", "backbone") else None
        offered = [value for _, value in choices]
        wanted = _MODE if setting.name == "mode" else setting.default
        value = wanted if wanted in offered else offered[-1]
        wide: dict[str, Any] = {"scale": 3, "min_width": 320} if setting.name == "minutes" else {}
        return gr.Radio(choices, value=value, elem_classes=stacked, **wide, **common)
    if setting.kind is bool:
        return gr.Checkbox(value=setting.default, **common)
    if setting.kind is str:
        return gr.Textbox(value=setting.default, max_length=_MAX_NAME_LENGTH, **common)
    if setting.optional:
        value = "" if setting.default is None else str(setting.default)
        return gr.Textbox(value=value, placeholder=str(SettingCode.CHOSEN_FOR_YOU), max_length=9, **common)
    return gr.Number(value=setting.default, precision=0 if setting.kind is int else None, **common)


def _choices(setting: Setting, limits: HostLimits) -> Sequence[tuple[str, Any]]:
    if setting.name == "minutes":
        return _minutes_choices(limits)
    if setting.name == "backbone":
        return [(_backbone_title(row), row.name) for row in listed_networks()]
    return [(choice_label(setting.name, value), value) for value in setting.choices]


def _minutes_choices(limits: HostLimits) -> Sequence[tuple[str, float | str]]:
    offered = sorted({min(minutes, float(limits.train_minutes)) for minutes in _MINUTES})
    choices: list[tuple[str, float | str]] = [(str(SettingCode.SECONDS_ONLY), SECONDS_ONLY)]
    choices += [(sentence(SettingCode.MINUTES_CHOICE, minutes=minutes), minutes) for minutes in offered]
    unlimited = [(str(SettingCode.MINUTES_UNLIMITED), 0.0)] if not has_time_limit(limits) else []
    return [*choices, *unlimited]


def _backbone_title(row: Backbone) -> str:
    if row.built_in or row.from_scratch:
        return sentence(SettingCode.BACKBONE_CHOICE, title=row.title, good_for=row.good_for)
    return sentence(SettingCode.BACKBONE_FETCHED, title=row.title, good_for=row.good_for, megabytes=row.megabytes)


def _other_backbone(limits: HostLimits) -> gr.Textbox:
    return gr.Textbox(
        visible=limits.networks == "any" and not hub.is_switched_off(),
        label=str(SettingCode.OTHER_BACKBONE),
        info=str(SettingCode.OTHER_BACKBONE_HINT),
        placeholder=str(SettingCode.OTHER_BACKBONE_EXAMPLE),
        max_length=_MAX_NAME_LENGTH,
    )
