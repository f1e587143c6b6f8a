"""The Train tab as it is now: the running training, how far the result can be trusted, and what was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from ...config import TrainConfig
from ...errors import ClassifierError
from ...messages import Message, sentence
from ...messages.groups import GroupCode
from ...messages.steps_page import StepsCode
from ...messages.training_page import TrainCode
from ...workflows.train import estimate_seconds
from .. import html
from ..background import Job, State
from ..colors import model_colors
from ..queue import Place
from ..sessions import Home
from ..usage import nearly_full
from . import curves, groups, history, jobs, scores, settings, steps


class View(NamedTuple):
    """What the tab shows, in the order of its outputs."""

    settings: Any
    button: Any
    about: Any
    stop: Any
    progress: Any
    result: Any  # the score, with what to know of it
    steps: Any  # what was tried
    details: Any  # of the score
    next: Any
    timer: Any
    stage: Any  # of the training, see ``stage_of``
    newest: Any  # the name of the newest model
    model: Any  # and the step of it that is used, which other tabs follow
    drawn: Any  # what result, steps and details show
    groups: Any  # the panel of photos that belong together, and what is in it
    groups_words: Any
    groups_switch: Any


def show(home: Home, token: str, values: settings.Values) -> View:
    """Draw the tab as it is now: the running training; or whether training can start; and the newest result."""
    job = jobs.get_job(home, token)
    state = State(phase="stopped") if job is None else job.state
    if job is None or state.ended:
        return _ended(home, token, values, job)
    place = home.jobs.place(job)
    return _improving(home, token, state, place) if state.is_improving else _training(state, place)


def stage_of(state: State) -> str:
    """Return what changes where the whole tab has to be drawn, and not its progress alone."""
    return f"{state.phase}/{len(state.steps)}/{state.restarts}"


def progress(state: State, place: Place) -> str:
    """Return how far a running training is, as HTML, with what it noted and its curves."""
    title = steps.improving(state) if state.is_improving else ""
    return jobs.progress_bar(state, place, title) + _notes(state.notes) + curves.render(state.epochs)


def _ended(home: Home, token: str, values: settings.Values, job: Job | None) -> View:
    enabled, about = _readiness(home, token, values)
    newest = read_newest(home, token)
    label, variant = (TrainCode.TRAIN, "primary") if newest is None else (TrainCode.TRAIN_AGAIN, "secondary")
    notes, charts = _outcome(home, token, job)
    ended_program = jobs.ended_program(home, token)
    if ended_program is not None:
        notes = html.note(ended_program, "warn")
    panel = groups.HIDDEN if newest is None else groups.show(newest.trained)
    return View(
        settings=gr.update(visible=True),
        button=gr.update(interactive=enabled, value=str(label), variant=variant),
        about=about,
        stop=gr.update(visible=False),
        progress="",
        timer=gr.skip(),  # ``watch`` ends it: this may be drawn after a training that began meanwhile
        stage="" if job is None else stage_of(job.state),
        groups=panel.panel,
        groups_words=panel.words,
        groups_switch=panel.switch,
        **_result(newest, notes, charts, is_over=True),
    )


def _improving(home: Home, token: str, state: State, place: Place) -> View:
    """Draw the first model, or the best so far, while the training goes on."""
    newest = read_newest(home, token)
    panel = groups.HIDDEN if newest is None else groups.show(newest.trained)
    shown = _training(state, place)
    return shown._replace(
        stop={**shown.stop, "value": str(TrainCode.STOP_HERE)},
        groups=panel.panel,
        groups_words=panel.words,
        groups_switch=panel.switch,
        **_result(newest, "", "", is_over=False),
    )


def _result(newest: Newest | None, notes: str, charts: str, is_over: bool) -> dict[str, Any]:
    """Return what is shown of the newest model: its score, its steps, its details, and its names for other tabs."""
    if newest is None:
        names = {"newest": "", "model": "", "drawn": ""}
        return {**names, "result": notes, "steps": "", "details": charts, "next": gr.update(visible=False)}
    trained, tried = newest.trained, newest.tried
    listed = steps.render(tried)
    heading = f'<h2 class="pc-h">{html.text(StepsCode.HEADING)}</h2>' if listed else ""
    return {
        "newest": trained.name,
        "model": tried.model,
        "drawn": f"{tried.drawn}/{is_over}",
        "result": notes + scores.render(trained.report),
        "steps": heading + listed,
        "details": scores.render_details(trained.report, newest.colors) + charts,
        "next": gr.update(visible=True),
    }


def show_about(home: Home, token: str, values: settings.Values) -> str:
    """Return how long training will take and which limits are near, as HTML: after each letter that is typed.

    The whole tab, drawn then, could come after the training that the same person began a moment later, and hide it.
    """
    return "" if jobs.is_training(home, token) else _readiness(home, token, values)[1]


def _training(state: State, place: Place) -> View:
    hidden = gr.update(visible=False)
    return View(
        hidden,
        gr.skip(),
        "",
        gr.update(visible=True, interactive=state.phase != "stopping", value=str(TrainCode.STOP)),
        progress(state, place),
        "",
        "",
        "",
        hidden,
        gr.Timer(active=True),
        stage_of(state),
        gr.skip(),
        gr.skip(),
        "",
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
        run = project.catalog.runs.find()
    return _history(history.render_curves(run)) if run else ""


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
    if config.mode == "auto":
        first = estimate_seconds(photos, replace(config, mode="quick"))
        return sentence(TrainCode.TAKES_STEPS, photos=photos, classes=classes, seconds=first)
    if config.mode == "deep" and not config.minutes:
        return sentence(TrainCode.TAKES_UNLIMITED, photos=photos, classes=classes)
    if config.mode == "deep":
        seconds = max(seconds, config.minutes * 60)
    return sentence(TrainCode.TAKES, photos=photos, classes=classes, seconds=seconds)


@dataclass(frozen=True)
class Newest:
    """The newest model with its report, the steps of its training, and the colors of its classes."""

    trained: groups.Trained
    tried: steps.Tried
    colors: Mapping[str, int]


def read_newest(home: Home, token: str) -> Newest | None:
    project = home.find(token)
    if project is None:
        return None
    with project:
        trained = groups.read_newest(project)
        if trained is None:
            return None
        colors = model_colors(project, trained.report.labels)
        return Newest(trained, steps.Tried.read(project.models / trained.name), colors)
