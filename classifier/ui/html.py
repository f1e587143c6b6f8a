"""Values -> HTML, shared by the tabs. Pure functions; every name that a visitor could have chosen is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape as escape_html
from typing import Any

from ..events import Progress
from ..messages import Code, Message, harmless, moment, sentence
from ..messages.page import PageCode
from ..messages.photos_page import PhotosCode
from ..messages.training_page import TrainCode
from ..messages.workflows import IN_MEGABYTES

MOST_OPTIONS = 100  # classes in each of several lists on a page
_LONGEST_NAME, _LAST_LETTERS = 40, 14  # of a class as it is shown
_ICONS = {"note": "ℹ", "warn": "!", "good": "✓"}


def escape(text: str) -> str:
    """Return a text as HTML; what could turn the words after it round is replaced, see ``harmless``."""
    return escape_html(harmless(text))


def text(code: Code, **arguments: Any) -> str:
    """Return the sentence of a code, escaped."""
    return escape(sentence(code, **arguments))


def rich(code: Code, **arguments: Any) -> str:
    """Return the sentence of a code whose tags count, such as ``<b>``; only its arguments are escaped."""
    return sentence(code, **{name: _escape(value) for name, value in arguments.items()})


def _escape(value: Any) -> Any:
    if isinstance(value, (str, Code, Message)):
        return escape(str(value))
    return [_escape(item) for item in value] if isinstance(value, (list, tuple)) else value


def note(sentence: str | Code | Message, kind: str = "note") -> str:
    """Return a framed sentence; ``kind`` is ``note``, ``good`` or ``warn``. The sentence is escaped."""
    return (
        f'<div class="pc-note pc-{kind}" data-say><span aria-hidden="true">{_ICONS[kind]}</span>'
        f"<div>{escape(str(sentence))}</div></div>"
    )


def items(sentences: Iterable[str | Code | Message]) -> str:
    """Return sentences as a list."""
    return f"<ul>{''.join(f'<li>{escape(str(one))}</li>' for one in sentences)}</ul>"


def quiet(html: str, extra: str = "") -> str:
    """Return a paragraph in small gray letters; the argument is HTML, ``extra`` further CSS classes."""
    return f'<p class="pc-quiet{extra and " " + extra}">{html}</p>'


def picture(jpeg: bytes, name: str) -> str:
    """Return a picture inside the page, so that it has no address; without bytes, words in its place."""
    if not jpeg:
        return f'<span class="pc-gone">{text(PageCode.PICTURE_GONE)}</span>'
    return f'<img alt="{escape(name)}" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'


def bar(label: str, fraction: float, value: str, color: int | None = None) -> str:
    """Return one row of a list of bars.

    Args:
        label: the name before the bar.
        fraction: its length, 0 to 1.
        value: the words after it.
        color: of the class that it stands for, see ``colors``; without one the bar is blue.
    """
    return (
        f'<li{class_color(color)}><span class="pc-name" title="{escape(label)}">{escape(label)}</span>'
        f'<span class="pc-track"><i style="width:{fraction:.1%}"></i></span>'
        f'<span class="pc-num">{escape(value)}</span></li>'
    )


def enlargeable(jpeg: bytes, name: str, photo: int | None = None) -> str:
    """Return a picture that a press shows large, see ``viewer``; ``photo`` is its id in the visitor's project."""
    if not jpeg:
        return picture(jpeg, name)
    id = "" if photo is None else f' data-photo="{photo}"'
    return (
        f'<button type="button" class="pc-enlarge"{id} aria-label="{text(PageCode.ENLARGE, name=name)}">'
        f"{picture(jpeg, name)}</button>"
    )


def card(box: str, picture: str, title: str, extra: str = "") -> str:
    """Return a picture with a box to tick in its corner; ``box`` and ``picture`` are HTML, ``extra`` a CSS class."""
    return (
        f'<div class="pc-card{extra and " " + extra}" title="{escape(title)}">{picture}'
        f'<label class="pc-tick">{box}</label></div>'
    )


def class_name(label: str) -> str:
    """Return the name of a class; a long one is cut in its middle and has the whole as its title."""
    if len(label) <= _LONGEST_NAME:
        return f"<bdi>{escape(label)}</bdi>"
    return f'<bdi title="{escape(label)}">{escape(cut(label))}</bdi>'


def cut(label: str) -> str:
    """Return a name of a class, cut in its middle where it is long, not yet escaped."""
    if len(label) <= _LONGEST_NAME:
        return label
    return f"{label[: _LONGEST_NAME - _LAST_LETTERS - 1].rstrip()}…{label[-_LAST_LETTERS:].lstrip()}"


def class_color(number: int | None) -> str:
    """Return the attribute that gives an element, and what is in it, the color of a class; see ``colors``."""
    return "" if number is None else f' data-color="{number}"'


def swatch(number: int | None) -> str:
    """Return a dot in the color of a class, to stand before its name; empty without a number."""
    return "" if number is None else f'<i class="pc-dot"{class_color(number)} aria-hidden="true"></i>'


def skip() -> str:
    """Return what leads the keyboard past the component that it begins, in view only when it has the focus."""
    return f'<button type="button" class="pc-button pc-skip">{text(PhotosCode.SKIP)}</button>'


def narrow(title: str) -> str:
    """Return the words of a tab so that they break only after their number, where the screen is narrow."""
    return title.replace(" ", "\N{NO-BREAK SPACE}").replace("·\N{NO-BREAK SPACE}", "· ")


def class_choice(labels: Sequence[str], words: Code, label: str, listed: str) -> str:
    """Return a list of classes to choose from; of many a field to type one of those of the ``datalist`` ``listed``.

    A page with as many lists as photos would hold all classes as often. ``label`` is HTML for screen readers.
    """
    if not labels:
        return ""
    if len(labels) > MOST_OPTIONS:
        return (
            f'<input type="text" class="pc-button" list="{listed}" maxlength="80" autocomplete="off" '
            f'placeholder="{text(words)}" aria-label="{label}">'
        )
    options = "".join(f"<option>{escape(one)}</option>" for one in labels)
    return f'<select class="pc-button" aria-label="{label}"><option value="">{text(words)}</option>{options}</select>'


def datalist(id: str, labels: Iterable[str]) -> str:
    """Return the classes that a text field suggests."""
    options = "".join(f'<option value="{escape(label)}"></option>' for label in labels)
    return f'<datalist id="{id}">{options}</datalist>'


def run_time(name: str) -> str:
    """Return when a model was made, from its name: “2025-03-01-141530-quick” -> “1 Mar 2025, 14:15:30”."""
    try:
        made = datetime.strptime("-".join(name.split("-")[:4]), "%Y-%m-%d-%H%M%S")
    except ValueError:
        return name
    return moment(made)


def progress(event: Progress) -> str:
    """Return a bar with the step in plain words, how many photos are done, and the time left."""
    fraction = min(1.0, event.done / event.total) if event.total else 0.0
    details = []
    in_megabytes = event.step in IN_MEGABYTES
    if event.done or in_megabytes:
        unit = TrainCode.PROGRESS_MEGABYTES if in_megabytes else TrainCode.PROGRESS_COUNT
        details.append(sentence(unit, done=event.done, total=event.total))
    if event.seconds_left is not None:
        details.append(sentence(TrainCode.PROGRESS_LEFT, seconds=event.seconds_left))
    return share_done(str(event.step), fraction, " · ".join(details))


def share_done(heading: str, share: float, *details: str) -> str:
    """Return a bar that shows a share of 0 to 1, below a heading and details in words."""
    words = "".join(f"<span>{escape(one)}</span>" for one in details)
    return (
        f'<div class="pc-progress"><b>{escape(heading)}</b>{words}'
        f'<div class="pc-track" role="progressbar" aria-label="{escape(heading)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{share * 100:.0f}"><i style="width:{share:.1%}"></i></div></div>'
    )


def busy(heading: str | Code, detail: str = "") -> str:
    """Return a bar that moves without a number."""
    return (
        f'<div class="pc-progress"><b>{escape(str(heading))}</b><span>{escape(detail)}</span>'
        '<div class="pc-track pc-busy"><i></i></div></div>'
    )
