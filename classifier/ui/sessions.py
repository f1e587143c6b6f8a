"""The project of each visitor: which browser it belongs to, its limits, and when it is deleted.

A browser keeps a random token; the project's folder is named after the token's SHA-256. So nobody finds another
visitor's photos by guessing, and the disk holds no token.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from ..data.adding import Room
from ..data.assets import Asset
from ..data.decoding import describe_apart
from ..data.project import Project
from ..data.schema import FILE_NAME
from ..device import release_memory
from ..errors import ClassifierError, DataError, PhotoError
from ..messages import Message, message
from ..messages.limits import LimitCode, NearCode
from ..messages.page import PageCode
from ..models import model_leftovers
from . import downloads, phone_links
from .foreground import FIRST_STEPS, PREDICTIONS
from .host_limits import HOME_LIMITS, HostLimits
from .queue import Jobs
from .usage import FolderSize, Use, nearly_full, of_project

log = logging.getLogger(__name__)

_STORAGE = "photo-classifier"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # what secrets.token_urlsafe(32) returns
_PROJECT = re.compile(r"[0-9a-f]{64}")
_DELETED = re.compile(r"\.deleted-[0-9a-f]{16}")
_OPENING = re.compile(r"\.[0-9a-f]{32}\.opening")  # a project file that is being opened
_OPENING_AGE = 6 * 3600.0  # seconds
_UPLOAD = re.compile(r"[0-9a-f]{64}|tmp\w+")  # complete, or broken off
# First steps at once, of several visitors: much of one is work of a single thread, and waiting for Python's lock.
_FIRST_STEPS = 2
_FETCHES = 4  # networks that are fetched at once
_CLEANUP_INTERVAL = 600.0  # seconds
_CLOCK_SET = 60.0  # seconds between the clock and the time that passed, from which it was set
_UPLOAD_AGE = 3000.0  # seconds; together with the interval, forgotten uploads are deleted within the hour


@dataclass(frozen=True)
class Home:
    """The folder of all visitors' projects, the models offered to everybody, and what visitors may use.

    ``keep_hours`` counts from the last visit; None keeps projects until their owner deletes them. ``jobs`` are the
    trainings, ``answering`` the answers for many photos, ``fetching`` the downloads of networks, ``trying`` those that
    wait for a training to end, and ``loading`` the downloads of public sets: they belong to the projects and end with
    them.
    ``size`` is that of all projects on the disk. ``agents``: whether the Model Context Protocol is answered.
    """

    root: Path
    checkpoints: Path
    keep_hours: float | None = None
    limits: HostLimits = HOME_LIMITS
    agents: bool = False
    jobs: Jobs = field(init=False, compare=False, repr=False)
    answering: Jobs = field(init=False, compare=False, repr=False)
    fetching: Jobs = field(init=False, compare=False, repr=False)
    trying: Jobs = field(init=False, compare=False, repr=False)
    loading: Jobs = field(init=False, compare=False, repr=False)
    size: FolderSize = field(init=False, compare=False, repr=False)
    _creating: threading.Lock = field(init=False, compare=False, repr=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        jobs = Jobs(self.limits.trainings, self.limits.queue, counted=FIRST_STEPS, first_steps=_FIRST_STEPS)
        object.__setattr__(self, "jobs", jobs)
        object.__setattr__(self, "answering", Jobs(1, self.limits.queue, LimitCode.ANSWER_QUEUE, PREDICTIONS))
        object.__setattr__(self, "fetching", Jobs(_FETCHES, self.limits.queue))
        object.__setattr__(self, "trying", Jobs(self.limits.queue, self.limits.queue))  # it takes nothing to wait
        object.__setattr__(self, "loading", Jobs(1, self.limits.queue))
        object.__setattr__(self, "size", FolderSize(self.root))

    def secret(self) -> str:
        """Return what browsers scramble their stored tokens with.

        It is known to everybody, as Gradio sends it with the page. Earlier versions made one for each folder, which
        is kept, so that browsers find their projects again.
        """
        try:
            return (self.root / "browser-secret").read_text("ascii").strip() or _STORAGE
        except (OSError, ValueError):
            return _STORAGE

    def folder(self, token: object) -> Path:
        """Return the project folder of a token; raises ``ClassifierError`` for anything that is no token."""
        if not is_token(token):
            raise ClassifierError(PageCode.LOST_PROJECT)
        return self.root / hashlib.sha256(str(token).encode()).hexdigest()

    def open(self, token: object) -> Project:
        """Open the visitor's project, or create it with the first photo; close it after use.

        Raises ``DataError`` where there is none yet and the host has no room for another.
        """
        folder = self.folder(token)
        is_new = not (folder / FILE_NAME).exists()
        with self._creating if is_new else nullcontext():  # visitors who come at once would find room each
            if is_new and not (folder / FILE_NAME).exists() and self._count_projects() >= self.limits.projects:
                raise DataError(LimitCode.PROJECTS, limit=self.limits.projects)
            project = Project.open(folder, self.limits.upload)
        project.storage.room = self.room
        project.describe = describe_apart
        if project.first_opening:
            model_leftovers.clean_up(project.models, project.catalog)
        os.utime(folder)  # the last visit, from which the hours are counted
        return project

    def find(self, token: object) -> Project | None:
        """Open the visitor's project if there is one: a visit without photos leaves nothing on disk."""
        return self.open(token) if self.has_project(token) else None

    def has_project(self, token: object) -> bool:
        """Return whether the visitor has a project."""
        return is_token(token) and (self.folder(token) / FILE_NAME).exists()

    def delete(self, token: object) -> None:
        """Delete everything of a visitor; a running training is cancelled first."""
        folder = self.folder(token)
        self._cancel(folder)
        _discard(folder)

    def _cancel(self, folder: Path) -> None:
        phone_links.end_links(folder)
        self.jobs.cancel(folder)
        self.answering.cancel(folder)
        self.fetching.cancel(folder)
        self.trying.cancel(folder)
        self.loading.cancel(folder)

    def replace(self, token: object, opened: Path) -> None:
        """Put the project in the folder ``opened`` in the place of a visitor's; a running training is cancelled first.

        Raises ``DataError`` where there is none yet and the host has no room for another.
        """
        folder = self.folder(token)
        self._cancel(folder)
        with self._creating:
            if not (folder / FILE_NAME).exists() and self._count_projects() >= self.limits.projects:
                raise DataError(LimitCode.PROJECTS, limit=self.limits.projects)
            _discard(folder)
            opened.rename(folder)
        os.utime(folder)

    @property
    def room(self) -> Room:
        """What keeps room on the host for so many bytes while they are written; see ``PhotoStorage.room``."""
        if self.limits.host_megabytes == sys.maxsize:
            return nullcontext
        return partial(self.size.reserve, limit=self.limits.host_megabytes * 10**6)

    def check_room(self) -> None:
        """Raise ``DataError`` where the projects of all visitors take what the host has for them.

        For what is not measured before; photos keep to the limit by the ``room`` of their project.
        """
        limit = self.limits.host_megabytes * 10**6
        if self.limits.host_megabytes < sys.maxsize and self.size.get() >= limit:
            raise DataError(LimitCode.HOST_BYTES, limit=limit)

    def nearly_full(self, token: object) -> Message | None:
        """Return which limits of this visitor and of the host are nearly reached; None where none is."""
        limits = self.limits
        uses = [Use(NearCode.QUEUE, self.jobs.count_waiting(), limits.queue)]
        if limits.projects < sys.maxsize:
            uses.append(Use(NearCode.PROJECTS, self._count_projects(), limits.projects))
        if limits.host_megabytes < sys.maxsize:
            uses.append(Use(NearCode.HOST_BYTES, self.size.get(), limits.host_megabytes * 10**6))
        project = self.find(token)
        if project is not None:
            with project:
                uses += of_project(project, limits.upload)
        return nearly_full(uses)

    def _count_projects(self) -> int:
        if self.limits.projects == sys.maxsize or not self.root.is_dir():
            return 0
        return sum(_PROJECT.fullmatch(entry.name) is not None for entry in self.root.iterdir())

    def clean_up(self) -> None:
        """Delete the projects nobody visited for ``keep_hours``, forgotten uploads, and files made to be downloaded."""
        if self.keep_hours is not None:
            _delete_old(self.root, _PROJECT, self.keep_hours * 3600, first=self._cancel)
        for project in self.root.iterdir() if self.root.is_dir() else ():
            if _PROJECT.fullmatch(project.name):
                downloads.delete_old(project)
        _delete_old(self.root, _DELETED, 0)  # what is left where the program ended meanwhile
        _delete_old(self.root, _OPENING, _OPENING_AGE)
        uploads = Path(get_upload_folder())
        if uploads.is_relative_to(self.root):  # elsewhere other programs may keep theirs
            _delete_old(uploads, _UPLOAD, _UPLOAD_AGE)

    def start_cleanup(self) -> None:
        """Clean up now and every few minutes, in the background, as long as the program runs."""

        def work() -> None:
            ahead = time.time() - time.monotonic()
            while True:
                try:
                    ahead, before = time.time() - time.monotonic(), ahead
                    self.postpone(ahead - before)
                    self.clean_up()
                    release_memory()  # of predictions and checks
                except OSError:
                    log.exception("Old projects could not be deleted; trying again later")
                time.sleep(_CLEANUP_INTERVAL)

        threading.Thread(target=work, name="cleanup", daemon=True).start()

    def postpone(self, seconds: float) -> None:
        """Count the hours of all projects from later on, where the clock was set ahead by so many ``seconds``."""
        if seconds < _CLOCK_SET or not self.root.is_dir():
            return
        for project in self.root.iterdir():
            with suppress(FileNotFoundError):
                if _PROJECT.fullmatch(project.name):
                    visited = project.stat().st_mtime + seconds
                    os.utime(project, (visited, visited))

    def retention(self) -> Message:
        """Return where photos are kept and for how long."""
        if self.keep_hours is None:
            return message(PageCode.KEPT_HERE)
        return message(PageCode.KEPT_FOR_HOURS, hours=self.keep_hours)


def is_token(value: object) -> bool:
    """Return whether a value from a browser, which may be anything, is one of our tokens."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _delete_old(
    folder: Path, name: re.Pattern[str], seconds: float, first: Callable[[Path], None] | None = None
) -> None:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        with suppress(FileNotFoundError):
            if name.fullmatch(entry.name) and entry.stat().st_mtime < time.time() - seconds:
                if first is not None:
                    first(entry)
                    if entry.stat().st_mtime >= time.time() - seconds:  # visited meanwhile
                        continue
                _discard(entry) if entry.is_dir() else entry.unlink()


def _discard(folder: Path) -> None:
    """Delete a folder as a whole: it is renamed first, so that no half of it is found where the program ends."""
    renamed = folder.with_name(f".deleted-{secrets.token_hex(8)}")
    try:
        folder.rename(renamed)
    except FileNotFoundError:
        return
    except OSError:  # on Windows, where a file in it is open
        renamed = folder
    shutil.rmtree(renamed, ignore_errors=True)


def ensure_token(stored: object) -> str:
    """Return the token of this browser: the stored one, or a new one where that is none of ours."""
    return str(stored) if is_token(stored) else secrets.token_urlsafe(32)


def thumbnail_bytes(project: Project, photo: Asset) -> bytes:
    """Return a small JPEG of a photo; empty where the photo has become unusable."""
    with suppress(PhotoError, OSError):
        return project.thumbnail(photo).read_bytes()
    return b""


def check_capacity(project: Project, incoming: int) -> None:
    """Raise ``DataError`` when a project would hold more photos than one visitor may keep."""
    present, limit = sum(project.classes().values()), project.limits.project_photos
    if present + incoming > limit:
        raise DataError(PageCode.PROJECT_FULL, present=present, incoming=incoming, limit=limit)


def token_store(home: Home) -> gr.BrowserState:
    """Create the component that keeps the token in the browser; every handler receives its value."""
    return gr.BrowserState("", storage_key=_STORAGE, secret=home.secret())
