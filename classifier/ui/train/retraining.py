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
from . import jobs, settings

_INTERVAL = 0.5  # seconds between two requests for the state of a running training

Describe = Callable[[Home, str], str]  # the newest training beside the one before it, as HTML


class Retraining(NamedTuple):
    """What is shown of a training that was started here, in the order of the outputs."""

    progress: Any
    brought: Any
    timer: Any
    version: Any  # of the training's state on view
    finished: Any  # the name of the model once it is there


@dataclass(frozen=True)
class RetrainPanel:
    """The action that trains again, which needs the settings as inputs, too, and the model that came of it.

    ``finished`` changes when a training that was started here has ended.
    """

    train_again: Action
    finished: gr.State


def train_again(describe: Describe, home: Home, token: str, values: settings.Values) -> Retraining:
    """Start to train quickly with the settings of the Train tab."""
    config = replace(settings.to_config(values, home.limits), mode="quick")
    backbone = resolve(config.backbone).feature_backbone().name
    jobs.start(home, token, replace(config, backbone=backbone))
    return follow(describe, home, token, -1)


def follow(describe: Describe, home: Home, token: str, version: int) -> Retraining:
    """Return the progress of the training if it changed since ``version``, and what it brought when it has ended."""
    job = jobs.get_job(home, token)
    if job is None:  # the server was restarted under an open page, or everything was deleted
        return Retraining("", "", gr.Timer(active=False), 0, gr.skip())
    state = job.state
    if not state.ended:
        if state.version == version:
            return Retraining(*[gr.skip()] * len(Retraining._fields))
        bar = jobs.progress_bar(state, home.jobs.position(job))
        return Retraining(bar, "", gr.Timer(active=True), state.version, gr.skip())
    brought = html.note(state.error, "warn") if state.error else describe(home, token)
    finished = gr.skip() if state.finished is None else state.finished.folder.name
    return Retraining("", brought, gr.Timer(active=False), 0, finished)


def build(home: Home, token: gr.BrowserState, describe: Describe, elem_id: str) -> RetrainPanel:
    """Create the place for progress and result, whose id is ``elem_id``, and connect the events."""
    progress, brought = gr.HTML(), gr.HTML(elem_id=elem_id)
    timer, version, finished = gr.Timer(_INTERVAL, active=False), gr.State(0), gr.State("")
    outputs: list[Any] = [progress, brought, timer, version, finished]
    Action(plain(follow, describe, home), [token, version], outputs, WATCH).on(timer.tick)
    retrain = plain(train_again, describe, home, names=settings.NAMES)
    return RetrainPanel(Action(retrain, [token], outputs), finished)
