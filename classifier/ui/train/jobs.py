"""A visitor's training as a background job: start it, find it, and resume it after a restart."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from ...config import TrainConfig
from ...errors import ClassifierError
from ...messages import sentence
from ...messages.limits import LimitCode
from ...messages.training_page import TrainCode
from ...models.model_folder import RESUME
from ...workflows.train import Finished, ended_the_program, train, unfinished
from .. import html
from ..background import Job, ShouldStop, State, Work
from ..sessions import Home, is_token


def get_job(home: Home, token: str) -> Job | None:
    """Return this visitor's training: the unfinished one, or else the last one."""
    return home.jobs.get(home.folder(token)) if is_token(token) else None


def is_training(home: Home, token: str) -> bool:
    """Return whether this visitor's training runs or waits in the queue."""
    job = get_job(home, token)
    return job is not None and not job.state.ended


def start(home: Home, token: str, config: TrainConfig) -> None:
    """Start a training in the background unless there is an unfinished one; it goes on when the page is closed.

    Raises ``ClassifierError`` where the host has no room for another model or in its queue.
    """
    if not is_training(home, token):
        home.check_room()
        _submit(home, token, config, _resumable_folder(home, token, config))


def resume(home: Home, token: str) -> None:
    """Resume the training that ended with the program; one that failed or was stopped is left as it is.

    One that ended the program itself is resumed once, see ``has_ended_program``.
    """
    found = _interrupted(home, token)
    if found is not None and not ended_the_program(found[0]):
        folder, config = found
        with suppress(ClassifierError):  # the queue is full: the next visit resumes it
            _submit(home, token, config, folder)


def has_ended_program(home: Home, token: str) -> bool:
    """Return whether this visitor's unfinished training ended the program so often that it waits to be asked for."""
    found = _interrupted(home, token)
    return found is not None and ended_the_program(found[0])


def _interrupted(home: Home, token: str) -> tuple[Path, TrainConfig] | None:
    """Return folder and settings of the training that ended with the program."""
    project = home.find(token) if get_job(home, token) is None else None
    if project is None:
        return None
    with project:
        return unfinished(project)


def training_work(
    home: Home, token: str, config: TrainConfig, out: Path | None = None, clock: Callable[[], float] = monotonic
) -> Work:
    """Return the work of a background job: train on the project of ``token``, for as long as the host allows.

    Deep training that takes longer ends with the best so far, quick training with a ``ClassifierError``.
    """
    minutes = home.limits.train_minutes

    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        end = clock() + 60 * minutes

        def stop() -> bool:
            return should_stop() or clock() > end

        found = home.find(token)
        if found is None:  # deleted while this waited
            return
        with found as project, closing(train(project, config, out, stop=stop)) as events:  # type: ignore[type-var]
            for event in events:
                yield event
                if config.mode == "quick" and not isinstance(event, Finished) and clock() > end:
                    raise ClassifierError(LimitCode.TIME_IS_UP, limit=minutes)

    return work


def progress_bar(state: State, position: int) -> str:
    """Return the progress of a training, or how many run before it, as HTML."""
    if state.phase == "waiting" and position:
        return html.busy(sentence(TrainCode.QUEUED, count=position))
    if state.phase == "stopping":
        return html.busy(TrainCode.STOPPING)
    return html.busy(TrainCode.STARTING) if state.progress is None else html.progress(state.progress)


def _submit(home: Home, token: str, config: TrainConfig, out: Path | None) -> None:
    home.jobs.start(home.folder(token), training_work(home, token, config, out), graceful=config.mode == "deep")


def _resumable_folder(home: Home, token: str, config: TrainConfig) -> Path | None:
    """Return the folder of an interrupted training with the same settings, and delete what is left of others.

    Otherwise a restart would resume a training that the person has replaced.
    """
    with home.open(token) as project:
        while (found := unfinished(project)) is not None:
            folder, interrupted = found
            if interrupted == config:
                return folder
            shutil.rmtree(folder / RESUME)
            with suppress(OSError):  # the folder holds a model
                folder.rmdir()
    return None
