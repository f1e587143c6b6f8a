"""Which project belongs to this browser, its limits, and when it is deleted.

A browser keeps a random token; the project lies in a folder named after the token's SHA-256. So
nobody finds another visitor's photos by guessing, and who reads the disk learns no token.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from ..config import LIMITS
from ..data.catalog import Asset
from ..data.project import Project
from ..errors import ClassifierError, DataError, PhotoError
from ..files import storage_error
from .background import Jobs

log = logging.getLogger(__name__)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # what secrets.token_urlsafe(32) makes
_PROJECT = re.compile(r"[0-9a-f]{64}")
_UPLOAD = re.compile(r"[0-9a-f]{64}|tmp\w+")  # whole, or broken off half-way
_SWEEP_EVERY = 600.0  # seconds
_TRIED = 3000.0  # seconds; with the line above, uploads that were left lying are gone within the hour


@dataclass(frozen=True)
class Home:
    """The folder of all visitors' projects, the models meant for everybody, and how long projects stay.

    ``keep_hours`` counts from the last visit; None keeps projects until their owner deletes them.
    ``jobs`` are the trainings under way: they belong to the projects and end with them.
    """

    root: Path
    checkpoints: Path
    keep_hours: float | None = None
    jobs: Jobs = field(default_factory=Jobs, compare=False, repr=False)

    def secret(self) -> str:
        """What browsers' stored tokens are encrypted with; kept on disk so that they outlive a restart."""
        path = self.root / "browser-secret"
        with suppress(FileNotFoundError):
            return path.read_text("ascii").strip()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
                path.chmod(0o600)
                file.write(secrets.token_hex(16))
        except OSError as error:
            raise storage_error(error) from error
        return path.read_text("ascii").strip()

    def folder(self, token: object) -> Path:
        """Where the project of a token is; raises ``ClassifierError`` for anything that is no token."""
        if not is_token(token):
            raise ClassifierError("This page has lost track of your project; reload it to go on.")
        return self.root / hashlib.sha256(str(token).encode()).hexdigest()

    def open(self, token: object) -> Project:
        """The visitor's project, made if this is the first photo; close it after use."""
        folder = self.folder(token)
        project = Project.open(folder)
        os.utime(folder)  # the last visit, from which the hours are counted
        return project

    def find(self, token: object) -> Project | None:
        """The visitor's project if there is one yet: looking at the page alone leaves nothing on disk."""
        there = is_token(token) and (self.folder(token) / "project.sqlite").exists()
        return self.open(token) if there else None

    def forget(self, token: object) -> None:
        """Deletes everything of a visitor, a training under way first."""
        folder = self.folder(token)
        self.jobs.end(folder)
        shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Deletes the projects nobody has visited for ``keep_hours``, and uploads that were left lying."""
        if self.keep_hours is not None:
            _delete_old(self.root, _PROJECT, self.keep_hours * 3600, first=self.jobs.end)
        uploads = Path(get_upload_folder())
        if uploads.is_relative_to(self.root):  # elsewhere other programs may keep theirs
            _delete_old(uploads, _UPLOAD, _TRIED)

    def keep_sweeping(self) -> None:
        """Sweeps now and every few minutes, in the background, as long as the program runs."""

        def work() -> None:
            while True:
                try:
                    self.sweep()
                except OSError:
                    log.exception("Old projects could not be deleted; trying again later")
                time.sleep(_SWEEP_EVERY)

        threading.Thread(target=work, name="sweep", daemon=True).start()

    def promise(self) -> str:
        """Where photos are kept and for how long, in one sentence."""
        if self.keep_hours is None:
            return "Your photos and models stay on the computer that runs this page until you delete them."
        return (
            "Your photos and models are kept on the server that runs this page, seen by nobody else, "
            f"and deleted {_hours(self.keep_hours)} after your last visit."
        )


def is_token(value: object) -> bool:
    """Whether a value from a browser is one of our tokens; it may be anything."""
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
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()


def welcome(stored: object) -> str:
    """The token of this browser: the stored one, or a new one where there is none or it is not ours."""
    return str(stored) if is_token(stored) else secrets.token_urlsafe(32)


def small(project: Project, photo: Asset) -> bytes:
    """A small JPEG of a photo; empty where the photo has become unusable."""
    with suppress(PhotoError, OSError):
        return project.thumbnail(photo).read_bytes()
    return b""


def check_room(project: Project, coming: int) -> None:
    """Raises ``DataError`` when a project would hold more photos than one visitor may keep."""
    there = sum(project.classes().values())
    if there + coming > LIMITS.files:
        raise DataError(
            f"Your project has {there:,} photos and {coming:,} files came; it can hold {LIMITS.files:,}. "
            "Remove some photos first, or add fewer."
        )


def token_store(home: Home) -> gr.BrowserState:
    """The component that keeps the token in the browser; every handler is given its value."""
    return gr.BrowserState("", storage_key="photo-classifier", secret=home.secret())


def _hours(hours: float) -> str:
    return f"{hours:g} hours" if hours != 1 else "one hour"
