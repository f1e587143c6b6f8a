"""Answers for many photos of a visitor as a background job: start it, find it, and what is left of it on the disk."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from ...data.answer_repair import open_answers
from ...data.answer_table import AnswerTable, discard
from ...data.photo_stream import PhotoStream, packed_suffix
from ...data.project import Project
from ...data.scratch import is_recent
from ...errors import DataError
from ...files import storage_error
from ...messages.bulk import BulkPageCode
from ...messages.limits import LimitCode
from ...models.predictor import Predictor
from ...workflows.predict_many import answer_again, apply_threshold, predict_many
from ..background import Job, ShouldStop, Work
from ..sessions import Home, is_token
from .models import Model

_STEP = 100_000  # bytes: what the sentence shows is rounded up, else it could say as much as the limit
Files = Sequence[tuple[str, Path]]


def get_job(home: Home, token: str) -> Job | None:
    """Return this visitor's job: the unfinished one, or else the last one."""
    return home.answering.get(home.folder(token)) if is_token(token) else None


def is_running(home: Home, token: str) -> bool:
    """Return whether this visitor's photos are looked at or wait."""
    job = get_job(home, token)
    return job is not None and not job.state.ended


def open_table(home: Home, token: str) -> AnswerTable | None:
    """Open the visitor's table of answers, None where there is none, or where it is being filled."""
    if not is_token(token) or is_running(home, token):
        return None
    return open_answers(_place(home, token) / "table")


def need_table(home: Home, token: str) -> AnswerTable:
    """Open the visitor's table of answers; raises ``DataError`` where there is none."""
    if is_running(home, token):
        raise DataError(BulkPageCode.RUNNING)
    table = open_table(home, token)
    if table is None:
        raise DataError(BulkPageCode.GONE)
    return table


def start(home: Home, token: str, model: Model, files: Files) -> None:
    """Answer for uploads, which are taken over, in the background, in place of the table before.

    Raises ``DataError`` where nothing can be made of them, or a limit is reached; then the table before stays.
    """
    home.check_room()
    with home.open(token) as project:  # the first photos of a visitor make a project
        incoming = _place(home, token) / f"incoming-{secrets.token_hex(8)}"
        try:
            given = _move_in(files, incoming)
            stream = PhotoStream(given, incoming / "unpacked", project.limits)
            _check_limits(project, stream.count, stream.size)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
    home.answering.cancel(home.folder(token))
    try:
        home.answering.start(home.folder(token), _fill(home, token, model, given, incoming), graceful=False)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise


def start_again(home: Home, token: str, model: Model) -> None:
    """Answer again for the photos of the table by another model, in the background."""
    need_table(home, token).close()
    home.answering.start(home.folder(token), _refill(home, token, model), graceful=False)


def set_threshold(home: Home, token: str, model: str, threshold: Any) -> bool:
    """Apply another threshold to the table where it is of that model; return whether it was."""
    table = open_table(home, token)
    if table is None:
        return False
    with table:
        if table.fact("model") != model or not table.fact("complete"):
            return False
        apply_threshold(table, threshold)
        _mark(table)
    return True


def delete(home: Home, token: str) -> None:
    """Delete the visitor's table with its photos; a running job is cancelled first."""
    if is_token(token):
        home.answering.cancel(home.folder(token))
        discard(_place(home, token) / "table")
        shutil.rmtree(_place(home, token), ignore_errors=True)


def clean_up(home: Home, token: str) -> None:
    """Delete uploads of a job that a restart of the program ended, or that was stopped while it waited."""
    if is_token(token) and not is_running(home, token):
        for folder in _place(home, token).glob("incoming-*"):
            if not is_recent(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _place(home: Home, token: str) -> Path:
    return home.folder(token) / "answers"


def _move_in(files: Iterable[tuple[str, Path]], folder: Path) -> list[tuple[str, Path]]:
    """Move uploads into a folder of the project, where nobody deletes them while they wait."""
    moved = []
    try:
        folder.mkdir(parents=True)
        for number, (name, path) in enumerate(files):
            target = folder / f"{number:06}{packed_suffix(name)}"
            shutil.move(path, target)
            moved.append((name, target))
    except OSError as error:
        raise storage_error(error) from error
    return moved


def _check_limits(project: Project, count: int, size: int) -> None:
    """Raise ``DataError`` where a visitor would have more photos or bytes than one may, those of the project included.

    Photos that wait for an answer are copied without metadata, which hardly changes their size.
    """
    limits = project.limits
    photos = project.photos()
    if len(photos) + count > limits.project_photos:
        raise DataError(LimitCode.PROJECT_PHOTOS, count=len(photos) + count, limit=limits.project_photos)
    total = sum({photo.sha256: photo.size for photo in photos}.values()) + size
    if total > limits.project_bytes:
        raise DataError(LimitCode.PROJECT_BYTES, bytes=_STEP * -(-total // _STEP), limit=limits.project_bytes)


def _fill(home: Home, token: str, model: Model, given: Files, incoming: Path) -> Work:
    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, incoming, ignore_errors=True)
            project = home.find(token)
            if project is None:  # deleted while this waited
                return
            stack.enter_context(project)
            predictor = Predictor(model.folder, limits=project.limits)
            folder = _place(home, token) / "table"
            events = predict_many(predictor, given, folder, take_over=True, room=project.storage.room)
            stack.enter_context(closing(events))  # type: ignore[type-var]
            yield from _with_facts(events, folder, model)

    return work


def _with_facts(events: Iterable[Any], folder: Path, model: Model) -> Generator[Any, None, None]:
    """Yield the events; with the first one the table is there, and after the last one it is complete."""
    for number, event in enumerate(events):
        if number == 0:
            _note(folder, model)
        yield event
    _note(folder, model)


def _refill(home: Home, token: str, model: Model) -> Work:
    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        folder = _place(home, token) / "table"
        table = open_answers(folder) if home.has_project(token) else None
        if table is None or (project := home.find(token)) is None:
            return
        with project, table:
            _note(folder, model)
            with closing(answer_again(Predictor(model.folder, limits=project.limits), table)) as events:  # type: ignore[type-var]
                yield from events
            _mark(table)

    return work


def _note(folder: Path, model: Model) -> None:
    """Note by which model a table is answered."""
    table = AnswerTable.open(folder)
    if table is not None:
        with table:
            table.set_fact("model", model.name)
            table.set_fact("title", model.title)
            _mark(table)


def _mark(table: AnswerTable) -> None:
    """Give a table another version, by which the page knows that it changed."""
    table.set_fact("version", secrets.token_hex(8))
