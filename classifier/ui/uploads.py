"""The area photos are dropped on, and what to believe of what comes back from it."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from ..config import LIMITS
from ..errors import DataError

_HERE = Path(__file__).parent
_ACCEPT = "image/*,.heic,.heif,.avif,.tif,.tiff"

_TEMPLATE = """
<div class="pc-drop">
  <p class="pc-drop-title">{title}</p>
  <p class="pc-quiet">{hint}</p>
  <div class="pc-buttons">{buttons}</div>
  <div class="pc-ask" hidden>
    <label><b></b>
      <input type="text" list="pc-classes" maxlength="80" placeholder="for example: cat" autocomplete="off"></label>
    <button type="button" class="pc-button pc-main pc-ask-add">Add</button>
    <button type="button" class="pc-button pc-ask-no">Cancel</button>
  </div>
  <span class="pc-track" hidden><i></i></span>
  <p class="pc-status" role="status" aria-live="polite"></p>
</div>
"""
_FOLDER_BUTTON = (
    '<label class="pc-button pc-main pc-folder">Choose a folder<input type="file" webkitdirectory multiple></label>'
)


def drop_area(title: str, hint: str, choose: str, *, folders: bool, elem_id: str) -> gr.HTML:
    """Takes files, zips and whole folders by drop, choice or paste; sends ``submit`` with an event for ``received``.

    A function and no subclass: for every subclass of a component Gradio writes a file beside the source.
    """
    accept = f"{_ACCEPT},.zip" if folders else _ACCEPT
    kind = "" if folders else "pc-main"
    files = f'<label class="pc-button {kind}">{escape(choose)}<input type="file" multiple accept="{accept}"></label>'
    return gr.HTML(
        value="",
        html_template=_TEMPLATE.format(
            title=escape(title), hint=escape(hint), buttons=(_FOLDER_BUTTON if folders else "") + files
        ),
        js_on_load=(_HERE / "drop.js").read_text("utf-8"),
        elem_id=elem_id,
        apply_default_css=False,
    )


def choice(label: str, **options: Any) -> gr.Dropdown:
    """A list to choose from whose handlers check the choice themselves.

    Otherwise Gradio refuses what is not among the choices it remembers for this page, with a message
    of its own: after a restart of the server, and right after a class was renamed.
    """
    return gr.Dropdown(label=label, allow_custom_value=True, **options)


def camera() -> gr.Image:
    """The rear camera if there is one, not mirrored: the model sees what the visitor sees."""
    return gr.Image(
        label="Camera",
        sources=["webcam"],
        type="filepath",
        image_mode=None,
        webcam_options=gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": "environment"}}),
        buttons=[],
    )


def done() -> str:
    """A value the area has not had yet: tells it that the server is ready for more."""
    return str(time.monotonic_ns())


@dataclass(frozen=True)
class Received:
    """Files that really came, as (name they had in the visitor's folder, path), and the names of those that did not.

    The names are what the browser says and may be anything; the paths are checked.
    """

    files: tuple[tuple[str, Path], ...]
    missing: tuple[str, ...]
    label: str | None


def received(data: Any) -> Received:
    """Reads what a drop area sent. A path in it is only a claim: whatever is no upload counts as missing."""
    rows = data.get("files") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise DataError("No photos came with this; choose them again.")
    if len(rows) > LIMITS.files:
        raise DataError(f"{len(rows):,} files came, and at most {LIMITS.files:,} are taken at once; add them in parts.")
    root = Path(get_upload_folder()).resolve()
    files, missing = [], []
    for row in rows:
        path = _uploaded(row.get("path"), root) if isinstance(row, dict) else None
        name = row.get("name") if isinstance(row, dict) else None
        known = name if isinstance(name, str) and name else "a file without a name"
        if path is None:
            missing.append(known)
        else:
            files.append((known, path))
    label = data.get("label")
    return Received(tuple(files), tuple(missing), label if isinstance(label, str) and label.strip() else None)


def _uploaded(claim: object, root: Path) -> Path | None:
    """The file of one upload: Gradio keeps each as <upload folder>/<SHA-256>/<name>."""
    if not isinstance(claim, str):
        return None
    try:
        path = Path(claim).resolve(strict=True)
        inside = path.relative_to(root)
    except (OSError, ValueError, RuntimeError):  # not there, a null byte or not inside, a loop of links
        return None
    if len(inside.parts) != 2 or not re.fullmatch(r"[0-9a-f]{64}", inside.parts[0]):
        return None
    return path if path.is_file() else None


def discard(paths: list[Path]) -> None:
    """Deletes uploads once they are taken in, so that no visitor's photo lies on the disk twice."""
    for path in paths:
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            path.parent.rmdir()
