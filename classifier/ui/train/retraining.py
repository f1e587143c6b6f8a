"""Training again from another tab, after photos were corrected or added: start it, follow it, say what it brought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import gradio as gr

from ...models.backbones import resolve
from .. import html
from ..handlers import Action, plain
from ..queue import WATCH
from ..sessions import Home
from . import jobs, settings, steps

_INTERVAL = 0.5  # seconds between two requests for the state of a running training

Describe = Callable[[Home, str], str]  # the newest training beside the one before it, as HTML


class Retraining(NamedTuple):
    """What is shown of a training that was started here, in the order of the outputs."""

    progress: Any
    brought: Any
    timer: Any
    version: Any  # of the training's state on view
    finished: Any  # the name of the model once it is there, with its step


@dataclass(frozen=True)
class RetrainPanel:
    """The action that trains again, which needs the settings as inputs, too, and the model that came of it.

    ``finished`` changes when a model of a training that was started here is there.
    """

    train_again: Action
    finished: gr.State


def train_again(describe: Describe, home: Home, token: str, values: settings.Values) -> Retraining:
    """Start to train with the settings of the Train tab."""
    config = settings.to_config(values, home.limits)
    if config.mode == "quick":  # which cannot begin with a network that knows nothing yet
        config = replace(config, backbone=resolve(config.backbone).feature_backbone().name)
    jobs.start(home, token, config)
    return follow(describe, home, token, -1, "")


def follow(describe: Describe, home: Home, token: str, version: int, known: str) -> Retraining:
    """Return the progress of the training if it changed since ``version``, and what it brought.

    That is said of the first model, of each that is better, and at the end; ``known`` is the model it was said of.
    """
    job = jobs.get_job(home, token)
    if job is None:  # the server was restarted under an open page, or everything was deleted
        return Retraining("", "", gr.Timer(active=False), 0, gr.skip())
    state = job.state
    if not state.ended and state.version == version:
        return Retraining(*[gr.skip()] * len(Retraining._fields))
    newest = _newest_model(home, token) if state.is_improving or state.finished else ""
    if not state.ended:
        title = steps.improving(state) if state.is_improving else ""
        bar = jobs.progress_bar(state, home.jobs.place(job), title)
        brought = gr.skip() if newest and newest == known else describe(home, token) if newest else ""
        return Retraining(bar, brought, gr.Timer(active=True), state.version, newest or gr.skip())
    brought = html.note(state.error, "warn") if state.error else describe(home, token)
    return Retraining("", brought, gr.Timer(active=False), 0, newest or gr.skip())


def _newest_model(home: Home, token: str) -> str:
    """Return the name of the newest model with its step."""
    project = home.find(token)
    if project is None:
        return ""
    with project:
        folders = project.model_folders()
    return steps.Tried.read(folders[0]).model if folders else ""


def build(home: Home, token: gr.BrowserState, describe: Describe, elem_id: str) -> RetrainPanel:
    """Create the place for progress and result, whose id is ``elem_id``, and connect the events."""
    progress, brought = gr.HTML(), gr.HTML(elem_id=elem_id)
    timer, version, finished = gr.Timer(_INTERVAL, active=False), gr.State(0), gr.State("")
    outputs: list[Any] = [progress, brought, timer, version, finished]
    Action(plain(follow, describe, home), [token, version, finished], outputs, WATCH).on(timer.tick)
    retrain = plain(train_again, describe, home, names=settings.NAMES)
    return RetrainPanel(Action(retrain, [token], outputs), finished)
