"""Taking back the last edit: what the button says, and what comes of a press."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..data.project import Project
from ..messages import Message, harmless, message, sentence
from ..messages.page import PageCode
from . import html
from .sessions import Home

_NAMES = ("label", "old", "new")  # arguments of ``EditCode`` that are classes


def button(elem_id: str) -> gr.Button:
    """Create the button, which is hidden until there is something to take back."""
    return gr.Button(visible=False, size="sm", scale=0, elem_id=elem_id, elem_classes="pc-undo")


def update_button(project: Project) -> Any:
    """Return the button as the project is now: it names what it takes back."""
    edit = project.last_edit()
    words = "" if edit is None else harmless(sentence(PageCode.UNDO, what=_with_short_names(edit)))
    return gr.update(value=words, visible=edit is not None)


def _with_short_names(edit: Message) -> Message:
    """Return what an edit was, with the names of classes as they are shown."""
    return message(edit.code, **{name: html.cut(value) if name in _NAMES else value for name, value in edit.arguments})


def offer(home: Home, token: str) -> tuple[str, Any]:
    """Return no message, and the button, after an edit in another tab than that of the photos."""
    with home.open(token) as project:
        return "", update_button(project)


def undo(home: Home, token: str) -> str:
    """Take back the last edit and return what it was, as HTML."""
    with home.open(token) as project:
        undone = project.undo()
    return html.note(sentence(PageCode.UNDONE, what=undone) if undone else PageCode.NOTHING_TO_UNDO, "good")
