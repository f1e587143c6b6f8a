"""A visitor's training as a background job: begun, found again, and taken up after a restart."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ...config import TrainConfig
from ...models.checkpoint import RESUME
from ...workflows.train import train, unfinished
from .. import html
from ..background import Job, State, Work
from ..sessions import Home, is_token


def job(home: Home, token: str) -> Job | None:
    """This visitor's training: the one under way, or else the last one."""
    return home.jobs.find(home.folder(token)) if is_token(token) else None


def under_way(home: Home, token: str) -> bool:
    """Whether this visitor's training runs or waits for its turn."""
    found = job(home, token)
    return found is not None and not found.state.over


def start(home: Home, token: str, config: TrainConfig) -> None:
    """Begins a training in the background, unless one is under way; it goes on when the page is closed."""
    if not under_way(home, token):
        _begin(home, token, config, _taken_up(home, token, config))


def go_on(home: Home, token: str) -> None:
    """Takes up the training that ended with the program; one that failed or was stopped is left as it is."""
    project = home.find(token) if job(home, token) is None else None
    if project is None:
        return
    with project:
        found = unfinished(project)
    if found is not None:
        out, config = found
        _begin(home, token, config, out)


def work(home: Home, token: str, config: TrainConfig, out: Path | None = None) -> Work:
    """The work of a background job: to train on the project of ``token``."""

    def training(to_stop: Callable[[], bool]) -> Iterator[Any]:
        with home.open(token) as project, closing(train(project, config, out, stop=to_stop)) as events:  # type: ignore[type-var]
            yield from events

    return training


def bar(state: State, ahead: int) -> str:
    """How far a training is, or how many come before it, as HTML."""
    if state.phase == "waiting":
        return html.waiting(f"Waiting for its turn: {_trainings(ahead)} before yours" if ahead else "Getting ready…")
    if state.phase == "stopping":
        return html.waiting("Stopping…")
    return html.waiting("Getting ready…") if state.progress is None else html.progress(state.progress)


def _trainings(count: int) -> str:
    return "1 training is" if count == 1 else f"{count} trainings are"


def _begin(home: Home, token: str, config: TrainConfig, out: Path | None) -> None:
    home.jobs.start(home.folder(token), work(home, token, config, out), gentle=config.mode == "deep")


def _taken_up(home: Home, token: str, config: TrainConfig) -> Path | None:
    """The folder of a training that failed half-way with the same settings; what is left of others is deleted.

    Otherwise a restart would take up a training that the person has long replaced.
    """
    with home.open(token) as project:
        while (found := unfinished(project)) is not None:
            folder, before = found
            if before == config:
                return folder
            shutil.rmtree(folder / RESUME)
            with suppress(OSError):  # there is a model beside it
                folder.rmdir()
    return None
