"""The Train tab: one button, a bar in plain words, and how far the result can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from ..checkpoint import read_report
from ..config import DOMAINS, TrainConfig
from ..errors import ClassifierError, SettingError
from ..models import BACKBONES
from ..training import Finished, estimate_seconds, train
from . import plots
from .events import DEVICE, FREE, afterwards, plain
from .session import Home

_DEFAULT = TrainConfig()
_DOMAIN_WORDS = {
    "photo": "Everyday photos",
    "medical": "Medical pictures",
    "aerial": "Pictures from above",
    "document": "Documents",
}


class View(NamedTuple):
    """What the tab shows, in the order of its outputs."""

    button: Any
    about: str
    stop: Any
    progress: str
    result: str
    next: Any


@dataclass(frozen=True)
class TrainTab:
    """What other tabs need: the button that leads on, the running training, and how to draw this tab anew.

    ``look`` draws only what changes with the photos, so that a running training keeps its bar.
    """

    next: gr.Button
    running: Any
    refresh: Callable[..., Any]
    inputs: list[gr.components.Component]
    outputs: list[Any]
    look: Callable[..., Any]
    look_outputs: list[Any]


# -- handlers


def show(home: Home, token: str, backbone: str, domain: str, seed: float) -> View:
    """Draws the tab as the project is now: ready, or what is missing; and the newest model's result."""
    button, about = look(home, token, backbone, domain, seed)
    return _idle(button, about, _newest_result(home, token))


def look(home: Home, token: str, backbone: str, domain: str, seed: float) -> tuple[dict[str, Any], str]:
    """Whether training can start, and how long it will take or what is missing."""
    project = home.find(token)
    counts: dict[str, int] = {}
    if project is not None:
        with project:
            counts = project.classes()
    if len(counts) < 2:
        missing = "a second class" if counts else "at least two classes"
        return gr.update(interactive=False), _about(f"Add {missing} on the Photos tab, then you can train.")
    return gr.update(interactive=True), _about(_estimate(counts, _config(backbone, domain, seed)))


def _newest_result(home: Home, token: str) -> str:
    project = home.find(token)
    if project is None:
        return ""
    with project:
        models = project.model_folders()
    for model in models[:1]:
        with suppress(ClassifierError):  # a damaged model says so where it is used
            return plots.score(read_report(model))
    return ""


def _about(sentence: str) -> str:
    return f'<p class="pc-quiet pc-center">{sentence}</p>'


def _idle(button: dict[str, Any], about: str, result: str) -> View:
    name, look = ("Train again", "secondary") if result else ("Train", "primary")
    return View(
        {**button, "visible": True, "value": name, "variant": look},
        about,
        gr.update(visible=False),
        "",
        result,
        gr.update(visible=bool(result)),
    )


def _estimate(counts: dict[str, int], config: TrainConfig) -> str:
    total = sum(counts.values())
    time = plots.duration(estimate_seconds(total, config))
    return f"{plots.photos(total)} in {len(counts)} classes: this will take {time}."


def _config(backbone: str, domain: str, seed: float) -> TrainConfig:
    if backbone not in {row.timm_name for row in BACKBONES}:
        raise SettingError("This network is not among those offered here; choose one from the list.")
    return TrainConfig(backbone=backbone, domain=domain, seed=_whole(seed))  # type: ignore[arg-type]  # it checks itself


def _whole(seed: float | None) -> int:
    if seed is None or seed != int(seed):
        raise SettingError("The starting number must be a whole number, such as 0.")
    return int(seed)


def wait() -> View:
    """Shown from the click until it is this training's turn."""
    return _busy(plots.waiting("Waiting for its turn…"))


def _busy(progress: str) -> View:
    hidden = gr.update(visible=False)
    return View(hidden, "", gr.update(visible=True), progress, "", hidden)


def run(home: Home, token: str, backbone: str, domain: str, seed: float) -> Iterator[View]:
    """Trains and shows how far it is. Closing this iterator, which Stop does, stops the training."""
    config = _config(backbone, domain, seed)
    yield _busy(plots.waiting("Getting ready…"))
    with home.open(token) as project, closing(train(project, config)) as events:  # type: ignore[type-var]
        for event in events:
            if isinstance(event, Finished):
                yield _idle(gr.update(), "", plots.score(event.report))
            else:
                yield _busy(plots.progress(event))


# -- layout


def build(home: Home, token: gr.BrowserState) -> TrainTab:
    """Draws the tab and wires its own events."""
    button = gr.Button("Train", variant="primary", size="lg", interactive=False, elem_id="train")
    about = gr.HTML()
    progress = gr.HTML(elem_id="train-progress")
    stop = gr.Button("Stop", visible=False, variant="stop", elem_id="train-stop")
    result = gr.HTML(elem_id="train-result")
    forward = gr.Button("Try it now", visible=False, variant="primary", size="lg", elem_id="train-next")
    with gr.Accordion("Advanced", open=False):
        backbone = gr.Radio(
            [(f"{row.title}: {row.good_for}", row.timm_name) for row in BACKBONES],
            value=_DEFAULT.backbone,
            label="Network",
            info="What looks at your photos. All of these come with the program.",
            elem_classes="pc-stack",
        )
        domain = gr.Dropdown(
            [(_DOMAIN_WORDS.get(name, name), name) for name in DOMAINS],
            value=_DEFAULT.domain,
            label="Kind of photos",
            info="So that photos are only ever varied in ways that keep their meaning.",
        )
        seed = gr.Number(
            value=_DEFAULT.seed,
            label="Starting number",
            precision=0,
            minimum=0,
            info="The same number on the same photos gives the same model.",
        )
    inputs: list[Any] = [token, backbone, domain, seed]
    view: list[Any] = [button, about, stop, progress, result, forward]
    refresh = plain(show, home)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    running = button.click(wait, None, view, queue=False, **quiet).then(
        plain(run, home), inputs, view, **quiet, **DEVICE
    )
    afterwards(running, refresh, inputs, view, **quiet, **FREE)  # an error leaves the bar standing
    stop.click(refresh, inputs, view, cancels=[running], **quiet, **FREE)
    backbone.change(refresh, inputs, view, **quiet, **FREE)
    return TrainTab(forward, running, refresh, inputs, view, plain(look, home), [button, about])
