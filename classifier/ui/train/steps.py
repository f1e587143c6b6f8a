"""The steps of a training: what was tried and what it brought, as HTML, and an earlier step put to use again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from time import monotonic

import gradio as gr

from ...data.project import Project
from ...errors import ClassifierError, DataError, ModelError
from ...events import Step
from ...messages import percent, sentence
from ...messages.evaluation import tells_nothing
from ...messages.guide import WhatCode
from ...messages.models import CheckpointCode
from ...messages.steps_page import StepsCode, step_name
from ...models.backbones import BACKBONES
from ...workflows.steps import list_steps, step_in_use, use_step
from .. import guides, html
from ..background import State
from ..handlers import event_data
from ..sessions import Home
from . import jobs

SCRIPT = Path(__file__).parent / "steps.js"
_TITLES = {row.name: row.title for row in BACKBONES}
_DEARER = 1.25  # from which on the price of an answer is shown
_ENDING = 60.0  # seconds that a training may take to end


@dataclass(frozen=True)
class Tried:
    """The steps of the training ``run``, and the number of the one in use; none where it was no such training."""

    run: str = ""
    steps: tuple[Step, ...] = ()
    in_use: int = 0

    @classmethod
    def read(cls, folder: Path) -> Tried:
        """Return the steps of a model's folder; none where they cannot be read."""
        with suppress(ClassifierError):
            tried = list_steps(folder)
            return cls(folder.name, tried, step_in_use(folder) if tried else 0)
        return cls(folder.name)

    @property
    def model(self) -> str:
        """What changes with the model in use."""
        return f"{self.run}/{self.in_use}"

    @property
    def drawn(self) -> str:
        """What changes with the list."""
        return f"{self.model}/{len(self.steps)}"

    def find(self, number: object) -> Step:
        """Return the kept step of a number, which is what the browser claims; raises ``DataError``."""
        for step in self.steps:
            if type(number) is int and step.number == number and step.kept:
                return step
        raise DataError(StepsCode.NO_STEP)


NONE = Tried()


def name_of(step: Step) -> str:
    """Return what a step tried in plain words."""
    return step_name(step.name, [_TITLES.get(one, one) for one in step.backbone.split("+")])


def render(tried: Tried, run_id: int | None = None) -> str:
    """Return the steps as HTML, each with what it brought; earlier ones that were kept can be used again.

    ``run_id`` is that of a past training; without, they are those of the newest.
    """
    items = "".join(_item(step, tried, run_id) for step in tried.steps)
    explained = guides.what(WhatCode.STEPS) if run_id is None else ""
    return f'<ol class="pc-steps">{items}</ol>{explained}' if items else ""


def _item(step: Step, tried: Tried, run_id: int | None) -> str:
    name, is_used = name_of(step), step.number == tried.in_use
    run = "" if run_id is None else f' data-run="{run_id}"'
    if is_used:
        action = f'<span class="pc-used" tabindex="-1">✓ {html.text(StepsCode.IN_USE)}</span>'
    elif step.kept:
        label = html.text(StepsCode.USE_LABEL, number=step.number, name=name)
        action = (
            f'<button type="button" class="pc-button" data-step="{step.number}"{run} aria-label="{label}">'
            f"{html.text(StepsCode.USE)}</button>"
        )
    else:
        action = ""
    state = "" if step.kept else " pc-dropped"
    number = html.text(StepsCode.NUMBER, number=step.number)
    return (
        f'<li class="pc-step{state}" data-row="{step.number}"><div><b>{number}:</b> '
        f"{html.escape(name)}<p>{escape(' · '.join(_facts(step)))}</p></div>{action}</li>"
    )


def _facts(step: Step) -> list[str]:
    """Return what a step brought, its accuracy with the range, and what its answers cost."""
    score, before = step.accuracy, step.before or 0.0
    if not step.kept:
        dropped = sentence(StepsCode.DROPPED, score=score, before=before)
        return [dropped if step.why is None else sentence(StepsCode.DROPPED_WHY, why=step.why)]
    facts = [sentence(_score_code(step), before=before, score=score)]
    if not tells_nothing(step.low, step.high):
        facts.append(sentence(StepsCode.RANGE, low=step.low, high=step.high))
    if step.cost >= _DEARER:
        facts.append(sentence(StepsCode.COST, times=step.cost))
    return facts


def _score_code(step: Step) -> StepsCode:
    """Return what is said of the accuracy of a step that was kept."""
    if step.before is None:
        return StepsCode.SCORE
    if percent(step.before) == percent(step.accuracy):
        return StepsCode.SAME
    return StepsCode.LOWER if step.accuracy < step.before else StepsCode.BROUGHT


def brought(step: Step, again: bool) -> str:
    """Return what the newest step brought, for all tabs; ``again``: of a training that photos let begin again."""
    score = step.accuracy
    if step.before is None:
        return sentence(StepsCode.NEWS_FIRST_AGAIN if again else StepsCode.NEWS_FIRST, score=score)
    if not step.kept:
        return sentence(StepsCode.NEWS_DROPPED, number=step.number)
    code = StepsCode.NEWS_BROUGHT if _score_code(step) is StepsCode.BROUGHT else StepsCode.NEWS_SAME
    return sentence(code, number=step.number, before=step.before, score=score)


def improving(state: State) -> str:
    """Return that a training goes on, and for how long."""
    if state.phase == "stopping":
        return str(StepsCode.FINISHING)
    if state.deadline is None:
        return str(StepsCode.IMPROVING_UNLIMITED)
    left = state.deadline - monotonic()
    return sentence(StepsCode.IMPROVING, seconds=left) if left > 0 else str(StepsCode.IMPROVING_LAST)


def take_back(home: Home, token: str, folder: Path, claimed: object) -> str:
    """Put a kept step of the training in ``folder`` to use again; the training ends first where it still goes on."""
    step = Tried.read(folder).find(claimed)
    with open_project(home, token) as project:
        change_model(home, token, partial(use_step, project, folder, step.number))
    return html.note(sentence(StepsCode.TAKEN_BACK, number=step.number, score=step.accuracy), "good")


def change_model(home: Home, token: str, change: Callable[[], object]) -> None:
    """Change the folder of a model; where this visitor's training is at work in it, that ends first."""
    try:
        change()
    except ModelError as error:
        job = jobs.get_job(home, token)
        if error.code is not CheckpointCode.IN_USE or job is None or not job.state.is_improving:
            raise
        jobs.stop(home, token)
        if not job.wait(_ENDING):
            raise DataError(StepsCode.STILL_ENDING) from error
        change()


def use_of_newest(home: Home, token: str, event: gr.EventData) -> str:
    """Put an earlier step of the newest training to use again."""
    with open_project(home, token) as project:
        folders = project.model_folders()
    if not folders:
        raise DataError(StepsCode.NO_STEPS)
    return take_back(home, token, folders[0], event_data(event).get("step"))


def open_project(home: Home, token: str) -> Project:
    """Open the project of a visitor who must have one."""
    project = home.find(token)
    if project is None:
        raise DataError(StepsCode.NO_STEPS)
    return project
