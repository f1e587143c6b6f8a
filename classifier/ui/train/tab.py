"""The Train tab: one button, progress and curves, and how far the result can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from ...config import TrainConfig
from ...errors import ClassifierError
from ...messages import Message, sentence
from ...messages.groups import GroupCode
from ...messages.pictures import SavingCode
from ...messages.training_page import TrainCode
from ...workflows.train import estimate_seconds
from .. import html
from ..background import Job, State
from ..handlers import Action, Handler, plain
from ..queue import FREE, WATCH, Concurrency
from ..sessions import Home
from ..usage import nearly_full
from . import curves, groups, history, jobs, runs, saving, scores, self_check, settings, views

ID = "train"
TITLE = TrainCode.TAB
_INTERVAL = 0.5  # seconds between two requests for the state of a running training


class View(NamedTuple):
    """What the tab shows, in the order of its outputs."""

    settings: Any
    button: Any
    about: Any
    stop: Any
    progress: Any
    result: Any  # the score, with what to know of it
    details: Any  # of the score
    next: Any
    timer: Any
    version: Any  # of the training's state on view
    newest: Any  # the name of the newest model, which other tabs follow
    groups: Any  # the panel of photos that belong together, and what is in it
    groups_words: Any
    groups_switch: Any


@dataclass(frozen=True)
class TrainTab:
    """What other tabs need, and how to redraw this tab.

    ``resume`` is for a page that was just opened: it resumes a training that a restart interrupted. ``start`` trains
    with the settings of this tab, whose inputs are ``settings``, by the names ``settings.NAMES``.
    """

    next: gr.Button
    review: gr.Button
    newest: gr.State
    settings: Sequence[gr.components.Component]
    runs: runs.RunsPanel
    resume: Action
    start: Action
    refresh: Sequence[Action]


def resume(home: Home, token: str, values: settings.Values) -> View:
    """Draw the tab for a page that was just opened; a deep training that a restart interrupted resumes."""
    jobs.resume(home, token)
    return show(home, token, values)


def start(home: Home, token: str, values: settings.Values) -> View:
    """Start a training with the values of the settings, in the background."""
    jobs.start(home, token, settings.to_config(values, home.limits))
    return show(home, token, values)


def stop(home: Home, token: str, values: settings.Values) -> View:
    """End the running training: deep training keeps the best so far, quick training nothing."""
    job = jobs.get_job(home, token)
    if job is not None:
        job.stop()
    return show(home, token, values)


def update(home: Home, token: str, version: int, values: settings.Values) -> View:
    """Draw the running training if it changed since ``version``, and the whole tab when it has ended."""
    job = jobs.get_job(home, token)
    if job is None:  # the server was restarted under an open page
        return resume(home, token, values)
    if not job.state.ended and job.state.version == version:
        return View(*[gr.skip()] * len(View._fields))
    return show(home, token, values)


def show(home: Home, token: str, values: settings.Values) -> View:
    """Draw the tab as it is now: the running training; or whether training can start, and the newest result."""
    job = jobs.get_job(home, token)
    state = State(phase="stopped") if job is None else job.state
    if job is not None and not state.ended:
        return _training(state, home.jobs.position(job))
    enabled, about = _readiness(home, token, values)
    trained = _newest(home, token)
    label, variant = (TrainCode.TRAIN, "primary") if trained is None else (TrainCode.TRAIN_AGAIN, "secondary")
    notes, charts = _outcome(home, token, job)
    if jobs.has_ended_program(home, token):
        notes = html.note(TrainCode.ENDED_PROGRAM, "warn")
    return View(
        gr.update(visible=True),
        gr.update(visible=True, interactive=enabled, value=str(label), variant=variant),
        about,
        gr.update(visible=False),
        "",
        notes + ("" if trained is None else scores.render(trained.report)),
        ("" if trained is None else scores.render_details(trained.report)) + charts,
        gr.update(visible=trained is not None),
        gr.Timer(active=False),
        0,
        "" if trained is None else trained.name,
        *(groups.HIDDEN if trained is None else groups.show(trained)),
    )


def show_about(home: Home, token: str, values: settings.Values) -> str:
    """Return how long training will take and which limits are near, as HTML: after each letter that is typed.

    The whole tab, drawn then, could come after the training that the same person began a moment later, and hide it.
    """
    return "" if jobs.is_training(home, token) else _readiness(home, token, values)[1]


def _training(state: State, position: int) -> View:
    hidden = gr.update(visible=False)
    return View(
        hidden,
        hidden,
        "",
        gr.update(visible=True, interactive=state.phase != "stopping"),
        jobs.progress_bar(state, position) + _notes(state.notes) + curves.render(state.epochs),
        "",
        "",
        hidden,
        gr.Timer(active=True),
        state.version,
        gr.skip(),
        *groups.HIDDEN,
    )


def _notes(messages: Sequence[Message]) -> str:
    """Return notes as HTML, but for those of photos that belong together, which have a panel."""
    shown = dict.fromkeys(str(one) for one in messages if not isinstance(one.code, GroupCode))
    return "".join(map(html.note, shown))


def _outcome(home: Home, token: str, job: Job | None) -> tuple[str, str]:
    """Return what the last training left beside the score: why it failed and its notes; and its curves.

    After a restart of the program, which keeps no jobs, curves and verdict are those that the project recorded.
    """
    if job is None:
        return "", _past_curves(home, token)
    state = job.state
    problem = html.note(state.error, "warn") if state.error else ""
    if state.phase == "stopped":
        problem = html.note(TrainCode.STOPPED)
    final = state.finished.notes if state.finished else ()
    return problem + _notes((*final, *state.notes)), _history(curves.render(state.epochs))


def _past_curves(home: Home, token: str) -> str:
    project = home.find(token)
    if project is None:
        return ""
    with project:
        runs = project.catalog.runs()
    return _history(history.render_curves(runs[0])) if runs else ""


def _history(shown: str) -> str:
    return (
        f'<details class="pc-details"><summary>{html.text(TrainCode.HISTORY)}</summary>{shown}</details>'
        if shown
        else ""
    )


def _readiness(home: Home, token: str, values: settings.Values) -> tuple[bool, str]:
    """Return whether training can start, and how long it will take or what is missing, as HTML."""
    project = home.find(token)
    counts: dict[str, int] = {}
    if project is not None:
        with project:
            counts = project.classes("train")
    if len(counts) < 2:
        missing = TrainCode.ADD_SECOND_CLASS if counts else TrainCode.ADD_FIRST_CLASSES
        return False, html.quiet(html.text(missing), "pc-center")
    try:
        config = settings.to_config(values, home.limits)
        near = nearly_full(settings.uses(config, home.limits))
        about = escape(" ".join(filter(None, (_estimate(counts, config), str(near or "")))))
        return True, html.quiet(about, "pc-center")
    except ClassifierError:  # a setting half typed: the message comes when Train is pressed
        return True, ""


def _estimate(counts: dict[str, int], config: TrainConfig) -> str:
    photos, classes = sum(counts.values()), len(counts)
    seconds = estimate_seconds(photos, config)
    if config.mode == "deep" and not config.minutes:
        return sentence(TrainCode.TAKES_UNLIMITED, photos=photos, classes=classes)
    if config.mode == "deep":
        seconds = max(seconds, config.minutes * 60)
    return sentence(TrainCode.TAKES, photos=photos, classes=classes, seconds=seconds)


def _newest(home: Home, token: str) -> groups.Trained | None:
    project = home.find(token)
    if project is None:
        return None
    with project:
        return groups.read_newest(project)


def build(home: Home, token: gr.BrowserState) -> TrainTab:
    """Create the components of the tab and connect its own events."""
    advanced = gr.Accordion(str(TrainCode.ADVANCED), open=False, render=False)
    strip = gr.HTML(elem_id="train-views", render=False)
    with gr.Column() as column:
        form = settings.build(advanced, strip.render, home.limits)
    with advanced:
        self_check.build(home, token, form.inputs)
    button = gr.Button(str(TrainCode.TRAIN), variant="primary", size="lg", interactive=False, elem_id="train")
    about = gr.HTML()
    progress = gr.HTML(elem_id="train-progress")
    stop_button = gr.Button(str(TrainCode.STOP), visible=False, variant="stop", elem_id="train-stop")
    result = gr.HTML(elem_id="train-result")
    panel = groups.build()
    details = gr.HTML(elem_id="train-details")
    with gr.Row(visible=False) as forward:
        onward = gr.Button(str(TrainCode.NEXT), variant="primary", size="lg", min_width=200, elem_id="train-next")
        back = gr.Button(str(TrainCode.REVIEW), size="lg", min_width=200, elem_id="train-review")
        save = gr.Button(str(SavingCode.SAVE), size="lg", min_width=200, elem_id="train-save")
    newest = gr.State("")
    saving.connect(home, token, save, newest)
    advanced.render()
    past = runs.build(home, token)
    timer, version = gr.Timer(_INTERVAL, active=False), gr.State(0)
    view: list[Any] = [
        column, button, about, stop_button, progress, result, details, forward, timer, version, newest, *panel,
    ]  # fmt: skip

    def action(handler: Handler, first: Sequence[Any] = (), concurrency: Concurrency = FREE) -> Action:
        return Action(plain(handler, home, names=settings.NAMES), [token, *first, *form.inputs], view, concurrency)

    redraw, begin = action(show), action(start)
    tell = replace(action(show_about), outputs=[about])
    draw_strip = Action(plain(views.show, home), [token, form.choice("mode"), form.choice("domain")], [strip])
    begin.on(button.click)
    action(stop).on(stop_button.click)
    action(update, [version], WATCH).on(timer.tick)
    # One event of all choices: of two, the answer to the earlier one could be drawn last.
    redraw.on(partial(gr.on, [choice.change for choice in form.choices]), trigger_mode="always_last")
    tell.on(form.components["epochs"].change)  # type: ignore[attr-defined]  # each component has it
    for name in ("mode", "domain"):
        draw_strip.on(form.choice(name).change)
    Action(plain(groups.choose, home), [token, panel.switch], [panel.words]).on(panel.switch.input)
    past.refresh.on(newest.change)
    redraw.on(past.deleted.then)
    return TrainTab(
        next=onward,
        review=back,
        newest=newest,
        settings=form.inputs,
        runs=past,
        resume=action(resume),
        start=begin,
        refresh=[redraw, past.refresh, draw_strip],
    )
