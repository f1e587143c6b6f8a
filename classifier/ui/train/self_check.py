"""The check, under Advanced, whether training can work at all: a few photos that the network has to learn by heart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from ...errors import ClassifierError
from ...messages import sentence
from ...messages.training_page import SelfCheckCode
from ...workflows.overfit_check import OverfitCheck, overfit_check
from .. import html
from ..handlers import Action, plain
from ..queue import APART
from ..sessions import Home
from . import jobs, settings


def check(home: Home, token: str, values: settings.Values) -> Iterator[str]:
    """Check the network and the settings on a few photos; yields that it runs, then what was found or why not."""
    config = settings.to_config(values, home.limits)
    if jobs.is_training(home, token):
        yield html.note(SelfCheckCode.TRAINING)
        return
    project = home.find(token)
    if project is None:
        yield html.note(SelfCheckCode.NO_PHOTOS)
        return
    with project:
        yield html.busy(SelfCheckCode.RUNNING)
        try:
            found = overfit_check(project, config)
        except ClassifierError as error:
            yield html.note(error.message, "warn")
            return
    yield render(found)


def render(found: OverfitCheck) -> str:
    """Return what the check found: whether training can work, and what it saw."""
    code = SelfCheckCode.GOOD if found.overfits else SelfCheckCode.BAD
    words = sentence(code, before=found.loss_before, after=found.loss_after)
    lines = "".join(f"<li>{escape(line)}</li>" for line in found.lines())
    return (
        f"{html.note(words, 'good' if found.overfits else 'warn')}"
        f'<details class="pc-details"><summary>{html.text(SelfCheckCode.SEEN)}</summary><ul>{lines}</ul></details>'
    )


def build(home: Home, token: gr.BrowserState, inputs: Sequence[Any]) -> None:
    """Create the button and connect it; ``inputs`` are those of the settings, by the names ``settings.NAMES``."""
    gr.HTML(html.quiet(html.text(SelfCheckCode.HINT)))
    button = gr.Button(str(SelfCheckCode.BUTTON), elem_id="train-check")
    result = gr.HTML(elem_id="train-checked")
    handler = plain(check, home, names=settings.NAMES)
    Action(handler, [token, *inputs], [result], APART).on(button.click)
