"""The Train tab: one button, progress and curves, and how far the result can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from time import monotonic_ns
from typing import Any, NamedTuple

import gradio as gr

from ...messages import sentence
from ...messages.pictures import SavingCode
from ...messages.steps_page import StepsCode
from ...messages.training_page import TrainCode
from ..components import scripted_html
from ..handlers import Action, Handler, Order, in_order, plain, run_all
from ..queue import WATCH
from ..sessions import Home
from . import groups, jobs, offers, runs, saving, self_check, settings, steps, views
from .drawing import View, progress, read_newest, show, show_about, stage_of

ID = "train"
TITLE = TrainCode.TAB
_INTERVAL = 0.5  # seconds between two requests for the state of a running training


@dataclass(frozen=True)
class TrainTab:
    """What other tabs need, and how to redraw this tab.

    ``model`` changes with the newest model and with the step of it that is used, ``drawn`` with every step. ``resume``
    is for a page that was just opened: it resumes a training that a restart interrupted. ``start`` trains with the
    settings of this tab, whose inputs are ``settings``, by the names ``settings.NAMES``.
    """

    next: gr.Button
    review: gr.Button
    newest: gr.State
    model: gr.State
    drawn: gr.State
    settings: Sequence[gr.components.Component]
    runs: runs.RunsPanel
    resume: Action
    start: Action
    refresh: Sequence[Action]


def resume(home: Home, token: str, values: settings.Values) -> View:
    """Draw the tab for a page that was just opened; a training that a restart interrupted resumes."""
    jobs.resume(home, token)
    return show(home, token, values)


def start(home: Home, token: str, values: settings.Values) -> View:
    """Start a training with the values of the settings, in the background."""
    jobs.start(home, token, settings.to_config(values, home.limits))
    return show(home, token, values)


def stop(home: Home, token: str, values: settings.Values) -> View:
    """End the running training: deep training keeps the best so far, quick training nothing."""
    jobs.stop(home, token)
    return show(home, token, values)


class Watched(NamedTuple):
    """What is drawn of a running training twice a second, in the order of its outputs.

    The browser sends no settings for it and gets nothing that is there: each value that comes or goes takes its time.
    """

    progress: Any
    timer: Any
    version: Any  # of the training's state on view
    outdated: Any  # changes where the whole tab is to be drawn


_NOTHING = Watched(*[gr.skip()] * len(Watched._fields))


def watch(home: Home, token: str, version: int, stage: str) -> Watched:
    """Draw the progress of the running training if it changed since ``version``.

    The whole tab follows where the training is no longer at the ``stage`` that it shows: also where a drawing of
    before it began arrived last. The timer ends when the tab shows the end.
    """
    job = jobs.get_job(home, token)
    if job is None:  # the server was restarted under an open page
        jobs.resume(home, token)
        return _NOTHING._replace(timer=gr.Timer(active=False), outdated=monotonic_ns())
    state = job.state
    if stage_of(state) != stage:
        return _NOTHING._replace(outdated=monotonic_ns())
    if state.ended:
        return _NOTHING._replace(timer=gr.Timer(active=False))
    if state.version == version:
        return _NOTHING
    return _NOTHING._replace(
        progress=progress(state, home.jobs.place(job)), timer=gr.Timer(active=True), version=state.version
    )


def news(home: Home, token: str, shown: str) -> str:
    """Return what the newest step brought while a training goes on, or that it has ended, as HTML for all tabs.

    ``shown`` is what was said before: on a page that was opened later nothing is said of a training that has ended.
    """
    job, newest = jobs.get_job(home, token), read_newest(home, token)
    if job is None or newest is None or not newest.tried.steps:
        return ""
    state = job.state
    if state.is_improving:
        words = steps.brought(newest.tried.steps[-1], again=state.restarts > 0)
    elif state.finished and shown:
        words = sentence(StepsCode.NEWS_ENDED, score=newest.trained.report.accuracy)
    else:
        words = str(StepsCode.NEWS_AGAIN) if state.restarts and not state.ended else ""
    return f'<p class="pc-news">{escape(words)}</p>' if words else ""


class _Panels(NamedTuple):
    """The components of the tab; those called as a field of ``View`` are drawn by it."""

    start_row: gr.Row
    button: gr.Button
    about: gr.HTML
    stop: gr.Button
    progress: gr.HTML
    result: gr.HTML
    tried: gr.HTML
    details: gr.HTML
    forward: gr.Row
    timer: gr.Timer
    groups: groups.View
    advanced: gr.Accordion
    strip: gr.HTML
    form: settings.SettingsForm
    onward: gr.Button
    back: gr.Button
    save: gr.Button
    taken_back: gr.HTML
    offer: Action


def build(home: Home, token: gr.BrowserState) -> TrainTab:
    """Create the components of the tab and connect its own events."""
    panels = _build_panels(home, token)
    version, outdated = gr.State(0), gr.State(0)
    stage, newest, model, drawn = gr.State(""), gr.State(""), gr.State(""), gr.State("")
    saving.connect(home, token, panels.save, newest)
    panels.advanced.render()
    past = runs.build(home, token)
    form = panels.form
    view: list[Any] = [
        panels.start_row, panels.button, panels.about, panels.stop, panels.progress, panels.result, panels.tried,
        panels.details, panels.forward, panels.timer, stage, newest, model, drawn, *panels.groups,
    ]  # fmt: skip

    inputs, order = [token, *form.inputs], Order()

    def action(handler: Handler, acts: bool = True) -> Action:
        return Action(in_order(plain(handler, home, names=settings.NAMES), order, acts), inputs, view)

    redraw, begin = action(show, acts=False), action(start)
    begin.on(panels.button.click)
    action(stop).on(panels.stop.click)
    watching = [panels.progress, panels.timer, version, outdated]
    Action(plain(watch, home), [token, version, stage], watching, WATCH).on(panels.timer.tick)
    redraw.on(outdated.change)
    tell = Action(plain(show_about, home, names=settings.NAMES), inputs, [panels.about])
    _connect_settings(home, token, panels, redraw, tell)
    redraw.after(Action(plain(steps.use_of_newest, home), [token], [panels.taken_back]).on(panels.tried.select))
    chosen = Action(plain(groups.choose, home), [token, panels.groups.switch], [panels.groups.words])
    chosen.on(panels.groups.switch.input)
    run_all(drawn.change, [past.refresh, panels.offer])
    redraw.on(past.deleted.then)
    redraw.on(past.stepped.then)
    return TrainTab(
        next=panels.onward,
        review=panels.back,
        newest=newest,
        model=model,
        drawn=drawn,
        settings=form.inputs,
        runs=past,
        resume=action(resume),
        start=begin,
        refresh=[redraw, past.refresh],
    )


def _build_panels(home: Home, token: gr.BrowserState) -> _Panels:
    """Create the components but for the past trainings; ``advanced`` is still to be rendered."""
    advanced = gr.Accordion(str(TrainCode.ADVANCED), open=False, render=False)
    strip = gr.HTML(elem_id="train-views", render=False)
    with gr.Row(elem_classes="pc-start") as start_row:
        button = gr.Button(
            str(TrainCode.TRAIN),
            variant="primary",
            size="lg",
            interactive=False,
            min_width=200,
            scale=1,
            elem_id="train",
        )
        form = settings.build(advanced, strip.render, home.limits)
    with advanced:
        self_check.build(home, token, form.inputs)
    about = gr.HTML()
    progress = gr.HTML(elem_id="train-progress")
    stop_button = gr.Button(str(TrainCode.STOP), visible=False, variant="stop", elem_id="train-stop")
    result = gr.HTML(elem_id="train-result")
    with gr.Row(visible=False, equal_height=True) as forward:
        onward = gr.Button(str(TrainCode.NEXT), variant="primary", size="lg", min_width=200, elem_id="train-next")
        back = gr.Button(str(TrainCode.REVIEW), size="lg", min_width=200, elem_id="train-review")
        save = gr.Button(str(SavingCode.SAVE), size="lg", min_width=200, elem_id="train-save")
    tried = scripted_html("${value}", steps.SCRIPT, "train-steps")
    taken_back = gr.HTML(elem_id="train-taken-back")
    timer = gr.Timer(_INTERVAL, active=False)
    offer = offers.build(home, token, form.inputs, timer)
    grouped = groups.build()
    details = gr.HTML(elem_id="train-details")
    return _Panels(
        start_row, button, about, stop_button, progress, result, tried, details, forward, timer, grouped, advanced,
        strip, form, onward, back, save, taken_back, offer,
    )  # fmt: skip


def _connect_settings(home: Home, token: gr.BrowserState, panels: _Panels, redraw: Action, tell: Action) -> None:
    """Draw what follows from the settings when they change: ``tell`` how long it takes, and the varied photos."""
    form = panels.form
    # One event of all choices: of two, the answer to the earlier one could be drawn last.
    redraw.on(partial(gr.on, [choice.change for choice in form.choices]), trigger_mode="always_last")
    tell.on(form.components["epochs"].change)  # type: ignore[attr-defined]  # each component has it
    draw_strip = Action(
        in_order(plain(views.show, home)), [token, form.choice("mode"), form.choice("domain")], [panels.strip]
    )
    for event in (form.choice("mode").change, form.choice("domain").change, panels.advanced.expand):
        draw_strip.on(event)
