"""The Train tab: one button, a bar and curves in plain words, and how far the result can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from ...config import TrainConfig
from ...errors import ClassifierError
from ...models.checkpoint import read_report
from ...workflows.train import estimate_seconds
from .. import html
from ..background import Job, State
from ..handlers import FREE, WATCH, plain
from ..sessions import Home
from . import jobs, scores, settings
from .curves import curves

_TICK = 0.5  # seconds between two looks at a training under way


class View(NamedTuple):
    """What the tab shows, in the order of its outputs."""

    ways: Any
    button: Any
    about: Any
    stop: Any
    progress: Any
    result: Any
    next: Any
    timer: Any
    seen: Any  # the version of the training's state on view
    newest: Any  # the name of the newest model: other tabs follow it


@dataclass(frozen=True)
class TrainTab:
    """What other tabs need: the buttons that lead on, the newest model's name, and how to draw this tab anew.

    ``arrive`` is for a page that was just opened: it also goes on with a training that a restart cut short.
    ``start`` begins a training with the settings of this tab.
    """

    next: gr.Button
    review: gr.Button
    newest: gr.State
    strip: settings.Strip
    arrive: Callable[..., Any]
    start: Callable[..., Any]
    refresh: Callable[..., Any]
    inputs: list[Any]
    outputs: list[Any]


# -- handlers


def arrive(home: Home, token: str, *chosen: Any) -> View:
    """Draws the tab for a page that was just opened; a deep training that a restart cut short goes on."""
    jobs.go_on(home, token)
    return show(home, token, *chosen)


def start(home: Home, token: str, *chosen: Any) -> View:
    """Begins a training with the chosen settings, in the background."""
    jobs.start(home, token, settings.config(*chosen))
    return show(home, token, *chosen)


def stop(home: Home, token: str, *chosen: Any) -> View:
    """Ends the training under way: deep training keeps the best so far, quick training nothing."""
    job = jobs.job(home, token)
    if job is not None:
        job.stop()
    return show(home, token, *chosen)


def tick(home: Home, token: str, seen: int, *chosen: Any) -> View:
    """The training under way as it is now, if it changed since ``seen``; at its end, the tab as it is then."""
    job = jobs.job(home, token)
    if job is None:  # the server was started anew under an open page
        return arrive(home, token, *chosen)
    if not job.state.over and job.state.version == seen:
        return View(*[gr.skip()] * len(View._fields))
    return show(home, token, *chosen)


def show(home: Home, token: str, *chosen: Any) -> View:
    """Draws the tab as it is now: a training under way; or ready, or what is missing, and the newest result."""
    job = jobs.job(home, token)
    state = State(phase="stopped") if job is None else job.state
    if job is not None and not state.over:
        return _busy(state, home.jobs.ahead(job))
    button, about = _ready(home, token, *chosen)
    model, score = _newest(home, token)
    name, look = ("Train again", "secondary") if score else ("Train", "primary")
    said, drawn = _outcome(job)
    return View(
        gr.update(visible=True),
        {**button, "visible": True, "value": name, "variant": look},
        about,
        gr.update(visible=False),
        "",
        said + score + drawn,
        gr.update(visible=bool(score)),
        gr.Timer(active=False),
        0,
        model,
    )


def _busy(state: State, ahead: int) -> View:
    hidden = gr.update(visible=False)
    return View(
        hidden,
        hidden,
        "",
        gr.update(visible=True, interactive=state.phase != "stopping"),
        jobs.bar(state, ahead) + _notes(state.notes) + curves(state.epochs),
        "",
        hidden,
        gr.Timer(active=True),
        state.version,
        gr.skip(),
    )


def _notes(sentences: tuple[str, ...]) -> str:
    return "".join(html.note(sentence) for sentence in dict.fromkeys(sentences))


def _outcome(job: Job | None) -> tuple[str, str]:
    """What to say of the last training besides the score: why it failed and its notes; and its curves."""
    if job is None:
        return "", ""
    state = job.state
    said = html.note(state.problem, "warn") if state.problem else ""
    if state.phase == "stopped":
        said = html.note("Stopped. Nothing of this training was kept.")
    of_end = state.finished.notes if state.finished else ()
    drawn = curves(state.epochs)
    lid = '<details class="pc-details"><summary>How the training went</summary>'
    return said + _notes((*of_end, *state.notes)), f"{lid}{drawn}</details>" if drawn else ""


def _ready(home: Home, token: str, *chosen: Any) -> tuple[dict[str, Any], str]:
    """Whether training can start, and how long it will take or what is missing."""
    project = home.find(token)
    counts: dict[str, int] = {}
    if project is not None:
        with project:
            counts = project.classes()
    if len(counts) < 2:
        missing = "a second class" if counts else "at least two classes"
        return gr.update(interactive=False), _about(f"Add {missing} on the Photos tab, then you can train.")
    try:
        return gr.update(interactive=True), _about(_estimate(counts, settings.config(*chosen)))
    except ClassifierError:  # half-typed settings: said when Train is pressed
        return gr.update(interactive=True), ""


def _newest(home: Home, token: str) -> tuple[str, str]:
    """The name of the newest model and its score; both empty where there is none."""
    project = home.find(token)
    if project is None:
        return "", ""
    with project:
        models = project.model_folders()
    for model in models[:1]:
        with suppress(ClassifierError):  # a damaged model says so where it is used
            return model.name, scores.score(read_report(model))
    return "", ""


def _about(sentence: str) -> str:
    return f'<p class="pc-quiet pc-center">{sentence}</p>'


def _estimate(counts: dict[str, int], config: TrainConfig) -> str:
    total = sum(counts.values())
    photos = f"{html.photos(total)} in {len(counts)} classes"
    seconds = estimate_seconds(total, config)
    if config.mode == "deep" and not config.minutes:
        return f"{photos}: this goes on until it no longer gets better. You may close the page meanwhile."
    if config.mode == "deep":
        seconds = max(seconds, config.minutes * 60)
    return f"{photos}: this will take {html.duration(seconds)}."


# -- layout


def build(home: Home, token: gr.BrowserState) -> TrainTab:
    """Draws the tab and wires its own events."""
    advanced = gr.Accordion("Advanced", open=False, render=False)
    with gr.Column() as ways:
        chosen = settings.build(home, token, advanced)
    button = gr.Button("Train", variant="primary", size="lg", interactive=False, elem_id="train")
    about = gr.HTML()
    progress = gr.HTML(elem_id="train-progress")
    stop_button = gr.Button("Stop", visible=False, variant="stop", elem_id="train-stop")
    result = gr.HTML(elem_id="train-result")
    with gr.Row(visible=False) as forward:
        onward = gr.Button("Try it now", variant="primary", size="lg", elem_id="train-next")
        back = gr.Button("Look at doubtful photos", size="lg", elem_id="train-review")
    advanced.render()
    timer, seen, newest = gr.Timer(_TICK, active=False), gr.State(0), gr.State("")
    inputs: list[Any] = [token, *chosen.inputs]
    view: list[Any] = [ways, button, about, stop_button, progress, result, forward, timer, seen, newest]
    refresh, begin = plain(show, home), plain(start, home)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    button.click(begin, inputs, view, **quiet, **FREE)
    stop_button.click(plain(stop, home), inputs, view, **quiet, **FREE)
    timer.tick(plain(tick, home), [token, seen, *chosen.inputs], view, **quiet, **WATCH)
    for changed in chosen.time:
        changed.change(refresh, inputs, view, **quiet, **FREE)
    return TrainTab(onward, back, newest, chosen.strip, plain(arrive, home), begin, refresh, inputs, view)
