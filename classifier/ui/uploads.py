"""The area that photos are dropped on, and the checks of what comes back from it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from ..config import Limits
from ..errors import DataError
from ..messages import sentence
from ..messages.page import DropScript, UploadCode
from . import html
from .components import scripted_html

_FOLDER = re.compile(r"[0-9a-f]{64}")
_SCRIPT = Path(__file__).parent / "drop.js"
SEND_SCRIPT = Path(__file__).parent / "send.js"
KNOWN = "known"  # the value of a drop area that waits for nothing but to know the visitor
_ACCEPT = "image/*,.heic,.heif,.avif,.tif,.tiff"
_PACKED = ".zip,.tar,.tgz,.gz,.parquet"
_DATA_SETS = f"{_PACKED},.gz,.bin,.csv,.tsv,.txt,.xlsx,.json,.jsonl,.xml,.yaml,.yml"


def drop_area(
    title: str,
    hint: str,
    choose: str,
    *,
    limits: Limits,
    elem_id: str,
    most: int | None = None,
    folders: bool = False,
    zips: bool = False,
    accept: str | None = None,
    aside: bool = False,
) -> gr.HTML:
    """Create an area that takes files, zips and folders by drop, choice or paste.

    It triggers ``submit`` with an event for ``parse_upload``.

    Args:
        title: heading of the area.
        hint: what may be dropped.
        choose: words of the button that chooses files.
        limits: how many files are taken at once, and of how many bytes; larger ones are not sent.
        elem_id: id of the element.
        most: files that are taken at once where these are fewer.
        folders: whether zips, folders and tables are taken, too; the class of a few loose photos is asked for then.
        zips: whether zips can be chosen where tables and folders cannot.
        accept: kinds of files to choose from, by default those of photos, and with ``folders`` of data sets.
        aside: whether only what is dropped on the area itself is taken, and not what is dropped beside it.
    """
    usual = f"{_ACCEPT},{_DATA_SETS}" if folders else f"{_ACCEPT},{_PACKED}" if zips else _ACCEPT
    accept = accept or usual
    kind = "" if folders else "pc-main"
    files = f'<label class="pc-button {kind}">{escape(choose)}<input type="file" multiple accept="{accept}"></label>'
    folder = (
        f'<label class="pc-button pc-main pc-folder">{html.text(UploadCode.CHOOSE_FOLDER)}'
        '<input type="file" webkitdirectory multiple></label>'
    )
    template = (
        f'<div class="pc-drop" data-limit="{most or limits.files}" data-bytes="{limits.bytes_unpacked}"'
        f"{' data-aside' if aside else ''}>"
        f'<h2 class="pc-drop-title">{escape(title)}</h2>{html.quiet(escape(hint))}'
        f'<div class="pc-buttons">{folder if folders else ""}{files}</div>{_class_question()}'
        '<p class="pc-status" role="status" aria-live="polite"></p>'
        f'<span class="pc-track" role="progressbar" aria-label="{html.text(UploadCode.PROGRESS)}" aria-valuemin="0" '
        'aria-valuemax="100" hidden><i></i></span><p class="pc-quiet pc-figures"></p>'
        f'<button type="button" class="pc-button pc-stop" hidden>{html.text(UploadCode.CANCEL)}</button></div>'
    )
    return scripted_html(template, _SCRIPT, elem_id, DropScript, [SEND_SCRIPT])


def _class_question() -> str:
    return (
        '<div class="pc-ask" hidden><label><b></b><input type="text" list="pc-classes" maxlength="80" '
        f'placeholder="{html.text(UploadCode.CLASS_EXAMPLE)}" autocomplete="off"></label>'
        f'<button type="button" class="pc-button pc-main pc-ask-add">{html.text(UploadCode.ADD)}</button>'
        f'<button type="button" class="pc-button pc-ask-no">{html.text(UploadCode.CANCEL)}</button></div>'
    )


def ready_value() -> str:
    """Return a value that a drop area has not had yet: a change tells its script that the server is ready again."""
    return f"ready {time.monotonic_ns()}"


@dataclass(frozen=True)
class Upload:
    """What a drop area sent: the files that are there, as (name in the visitor's folder, path), and missing names.

    No file comes twice: each that is sent is an upload of its own.

    The names are what the browser claims and may be anything; the paths are checked. ``label`` is the class of
    loose photos.
    """

    files: tuple[tuple[str, Path], ...]
    missing: tuple[str, ...]
    label: str | None


def parse_upload(data: Any, limit: int) -> Upload:
    """Check what a drop area sent; a path in it that is no upload, or came before, counts as missing.

    Raises ``DataError`` where there are no files, or more than ``limit``.
    """
    rows = data.get("files") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise DataError(UploadCode.NO_FILES)
    if len(rows) > limit:
        raise DataError(UploadCode.TOO_MANY_FILES, count=len(rows), limit=limit)
    files: dict[Path, str] = {}
    missing = []
    for row in rows:
        path = uploaded_file(row.get("path")) if isinstance(row, dict) else None
        name = row.get("name") if isinstance(row, dict) else None
        known = name if isinstance(name, str) and name else sentence(UploadCode.NAMELESS_FILE)
        if path is None or path in files:
            missing.append(known)
        else:
            files[path] = known
    label = data.get("label")
    named = tuple((name, path) for path, name in files.items())
    return Upload(named, tuple(missing), label if isinstance(label, str) and label.strip() else None)


def uploaded_file(claim: object) -> Path | None:
    """Return the file of one upload, <upload folder>/<64 random digits>/<name>, or None for anything else.

    Only who uploaded a file knows its path; see ``upload_route``. ``claim`` is what a browser sent: the path, or
    Gradio's value of a file with the path in it. It is not opened.
    """
    if isinstance(claim, dict):
        claim = claim.get("path")
    if not isinstance(claim, str) or "\0" in claim:
        return None
    path, root = Path(claim), Path(get_upload_folder())
    is_inside = path.parent.parent in (root, root.absolute())
    if not is_inside or str(path) != claim or not _FOLDER.fullmatch(path.parent.name):
        return None
    try:
        plain = path.is_file() and not path.is_symlink() and not path.parent.is_symlink()
    except (OSError, ValueError):  # a name too long, or one that no system can write
        return None
    return path if plain and path.name != ".." else None


def delete_uploads(paths: Iterable[Path]) -> None:
    """Delete uploads after intake, so that no visitor's photo is on the disk twice."""
    for path in paths:
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            path.parent.rmdir()
