"""How to train: the choices on the Train tab, and the ``TrainConfig`` they make."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image
from torch import Tensor

from ...config import DOMAINS, OPTIMIZERS, Domain, Preprocessing, TrainConfig
from ...data.images import open_picture
from ...errors import PhotoError, SettingError
from ...models.backbones import BACKBONES, Backbone
from ...models.transforms import eval_transform, train_transform
from .. import html
from ..handlers import FREE, plain
from ..sessions import Home

_DEFAULT = TrainConfig()
_MODES = [
    ("Quick: seconds", "quick"),
    ("Deep: minutes, better where photos differ from everyday ones", "deep"),
]
_MINUTES = sorted({1.0, 5.0, _DEFAULT.minutes} - {0.0})
_TIMES = [
    *((f"about {minutes:g} minute{'' if minutes == 1 else 's'}", minutes) for minutes in _MINUTES),
    ("as long as it takes", 0.0),
]
_DOMAIN_WORDS = {
    "photo": "Everyday photos",
    "medical": "Medical pictures",
    "aerial": "Pictures from above",
    "document": "Documents",
}
_OPTIMISER_WORDS = {"adamw": "AdamW", "sgd": "SGD with momentum"}
_VIEWS = 8
_VIEW = Preprocessing(size=160).with_resize_mode("whole")  # small: eight of them travel inside the page
_NAME_LETTERS = 100


@dataclass(frozen=True)
class Settings:
    """The components whose values ``config`` takes, in its order, and those that change how long training takes.

    ``strip`` is drawn anew when the photos may have changed.
    """

    inputs: list[Any]
    time: list[Any]
    strip: Strip


@dataclass(frozen=True)
class Strip:
    """How to draw the strip of one photo anew."""

    refresh: Callable[..., Any]
    inputs: list[Any]
    outputs: list[Any]


# -- handlers


def config(
    mode: str,
    minutes: float,
    domain: str,
    backbone: str,
    other: str | None,
    learning_rate: float | None,
    epochs: str | None,
    batch: float | None,
    optimizer: str,
    unfreeze: str | None,
    seed: float | None,
) -> TrainConfig:
    """The settings as they stand on the page; ``SettingError`` where one cannot work."""
    return TrainConfig(
        mode=mode,  # type: ignore[arg-type]  # it checks itself
        minutes=float(_given("time", minutes)),
        domain=domain,  # type: ignore[arg-type]
        backbone=_network(backbone, other),
        learning_rate=float(_given("step size", learning_rate)),
        epochs=_optional("number of rounds", epochs),
        batch=_whole("number of photos per step", batch),
        optimizer=optimizer,  # type: ignore[arg-type]
        unfreeze=_optional("number of stages", unfreeze),
        seed=_whole("starting number", seed),
    )


def _network(backbone: str, other: str | None) -> str:
    typed = (other or "").strip()
    if len(typed) > _NAME_LETTERS:
        raise SettingError(f"The name of the other network is longer than {_NAME_LETTERS} letters; check it.")
    if not typed and backbone not in {row.name for row in BACKBONES}:
        raise SettingError("This network is not among those offered here; choose one from the list.")
    return typed or backbone


def _given(name: str, value: float | None) -> float:
    if value is None:
        raise SettingError(f"The {name} is empty; write a number, or reload the page for the usual one.")
    return value


def _whole(name: str, value: float | None) -> int:
    number = float(_given(name, value))
    if not number.is_integer():
        raise SettingError(f"The {name} is {number:g}; it must be a whole number.")
    return int(number)


def _optional(name: str, text: str | None) -> int | None:
    """A number in a field that may be empty; Gradio's own field for numbers makes 0 of nothing."""
    typed = (text or "").strip()
    if typed and not re.fullmatch(r"\d{1,9}", typed, re.ASCII):
        raise SettingError(f"The {name} is “{typed[:20]}”; write a whole number, or nothing to have it chosen.")
    return int(typed) if typed else None


def strip(home: Home, token: str, mode: str, domain: str) -> str:
    """The first photo of the project in eight ways, for deep training only."""
    project = home.find(token) if mode == "deep" and domain in DOMAINS else None
    if project is None:
        return ""
    with project:
        for photo in project.photos()[:10]:
            try:
                picture = open_picture(project.photo_path(photo), 2 * _VIEW.size)
                return html.strip(_ways(picture, domain))  # type: ignore[arg-type]
            except (PhotoError, OSError):
                continue
    return ""


def _ways(picture: Image.Image, domain: Domain) -> list[bytes]:
    numbers = np.random.default_rng(0)  # the same every time: only another kind of photos changes the strip
    views = [
        eval_transform(_VIEW)(picture),
        *(train_transform(picture, _VIEW, domain, numbers) for _ in range(_VIEWS - 1)),
    ]
    return [_jpeg(view) for view in views]


def _jpeg(view: Tensor) -> bytes:
    """Bytes (3, size, size) -> a JPEG."""
    stream = io.BytesIO()
    Image.fromarray(view.permute(1, 2, 0).numpy()).save(stream, "JPEG", quality=82)
    return stream.getvalue()


# -- layout


def build(home: Home, token: gr.BrowserState, under: gr.Accordion) -> Settings:
    """Draws the mode and what only deep training asks, here, and the rest ``under`` a lid; wires its own events."""
    mode = gr.Radio(_MODES, value=_DEFAULT.mode, label="How thoroughly?", elem_id="train-mode", elem_classes="pc-stack")
    with gr.Column(visible=False) as deep:
        minutes = gr.Radio(
            _TIMES, value=_DEFAULT.minutes, label="How long may it take?", elem_id="train-minutes",
            info="Stop ends it at any time and keeps the best so far.",
        )  # fmt: skip
        domain = gr.Radio(
            [(_DOMAIN_WORDS.get(name, name), name) for name in DOMAINS],
            value=_DEFAULT.domain,
            label="What kind of photos?",
            info="So that they are only ever varied in ways that keep their meaning.",
            elem_id="train-domain",
        )
        views = gr.HTML(elem_id="train-views")
    with under:
        backbone, other = _networks()
        with gr.Column(visible=False) as deeper:
            rate, epochs, batch, optimizer, unfreeze = _deep_numbers()
        seed = gr.Number(
            value=_DEFAULT.seed, label="Starting number (seed)", precision=0,
            info="The same number on the same photos gives the same model.",
        )  # fmt: skip
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    mode.change(_deep_only, mode, [deep, deeper], queue=False, **quiet)
    drawn = Strip(plain(strip, home), [token, mode, domain], [views])
    for changed in (mode.change, domain.change):
        changed(drawn.refresh, drawn.inputs, drawn.outputs, **quiet, **FREE)
    inputs = [mode, minutes, domain, backbone, other, rate, epochs, batch, optimizer, unfreeze, seed]
    return Settings(inputs, [mode, minutes, backbone], drawn)


def _deep_only(mode: str) -> tuple[dict[str, Any], dict[str, Any]]:
    shown = gr.update(visible=mode == "deep")
    return shown, shown


def _networks() -> tuple[gr.Radio, gr.Textbox]:
    backbone = gr.Radio(
        [(f"{row.title}: {row.good_for}{_fetched(row)}", row.name) for row in BACKBONES],
        value=_DEFAULT.backbone,
        label="Network (backbone)",
        info="What looks at your photos.",
        elem_classes="pc-stack",
    )
    other = gr.Textbox(
        label="Another network",
        info="The name of any other image network of the timm library, fetched once. Empty: the one chosen above.",
        placeholder="for example: resnet26d",
        max_length=_NAME_LETTERS,
    )
    return backbone, other


def _fetched(row: Backbone) -> str:
    return "" if row.package or row.from_scratch else f" (fetched once, {row.megabytes} MB)"


def _deep_numbers() -> tuple[gr.Number, gr.Textbox, gr.Number, gr.Radio, gr.Textbox]:
    rate = gr.Number(
        value=_DEFAULT.learning_rate, label="Step size (learning rate)",
        info="How far each correction goes. Too large and it forgets what it knew; too small and it learns little.",
    )  # fmt: skip
    epochs = _chosen_if_empty(
        _DEFAULT.epochs, "Rounds (epochs)", "How often it goes through all photos. Empty: chosen from the time."
    )
    batch = gr.Number(
        value=_DEFAULT.batch, label="Photos per step (batch)", precision=0,
        info="How many photos it looks at before each correction. Fewer need less memory.",
    )  # fmt: skip
    optimizer = gr.Radio(
        [(_OPTIMISER_WORDS.get(name, name), name) for name in OPTIMIZERS],
        value=_DEFAULT.optimizer,
        label="Way of correcting (optimizer)",
        info="AdamW suits nearly everything; SGD is the older way, and needs a larger step size.",
    )
    unfreeze = _chosen_if_empty(
        _DEFAULT.unfreeze,
        "Stages that learn (unfreeze depth)",
        "How many of the network's last stages change; the others stay as they came. Empty: chosen from the time.",
    )
    return rate, epochs, batch, optimizer, unfreeze


def _chosen_if_empty(default: int | None, label: str, info: str) -> gr.Textbox:
    value = "" if default is None else str(default)
    return gr.Textbox(value=value, label=label, info=info, placeholder="chosen from the time", max_length=9)
