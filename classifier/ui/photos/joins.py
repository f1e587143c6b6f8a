"""Questions about classes -> HTML: names written almost alike, a new name that exists, a removal. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...messages import Code
from ...messages.photos_page import JoinCode, PhotosCode
from .. import html
from ..html import escape


def similar(groups: Sequence[Sequence[str]], counts: Mapping[str, int]) -> str:
    """Return a note for each group of class names that are written almost alike; one press joins the group."""
    return "".join(_similar(sorted(group, key=lambda label: -counts.get(label, 0)), counts) for group in groups)


def _similar(group: Sequence[str], counts: Mapping[str, int]) -> str:
    label = group[0]
    words = html.text(JoinCode.SIMILAR, classes=[(label, counts.get(label, 0)) for label in group])
    button = (
        f'<button type="button" class="pc-button" data-do="join" data-label="{escape(label)}">'
        f"{html.text(JoinCode.JOIN_AS, label=label)}</button>"
    )
    return f'<div class="pc-question pc-join"><p>{words}</p><div class="pc-actions">{button}</div></div>'


def exists(old: str, new: str, count: int) -> str:
    """Return the question whether a class that gets the name of another is to be joined with it.

    Args:
        old: the class to rename.
        new: the class that has the new name.
        count: number of photos of ``new``.
    """
    join = (
        f'<button type="button" class="pc-button pc-main" data-do="join" data-old="{escape(old)}" '
        f'data-label="{escape(new)}">{html.text(JoinCode.JOIN)}</button>'
    )
    return _question(html.text(JoinCode.EXISTS, label=new, count=count), join, JoinCode.KEEP)


def removal(label: str, count: int) -> str:
    """Return the question whether a class with so many photos is to be removed."""
    remove = (
        f'<button type="button" class="pc-button" data-do="remove" data-label="{escape(label)}">'
        f"{html.text(PhotosCode.REMOVE_YES, label=html.cut(label))}</button>"
    )
    return _question(html.text(PhotosCode.REMOVE_QUESTION, label=label, count=count), remove, PhotosCode.REMOVE_NO)


def _question(words: str, button: str, keep: Code) -> str:
    """Return a question that takes the focus when it appears; ``words`` and ``button`` are HTML."""
    return (
        '<div class="pc-question pc-join" role="group" tabindex="-1" aria-labelledby="pc-asked" data-focus>'
        f'<p id="pc-asked">{words}</p><div class="pc-actions">{button}'
        f'<button type="button" class="pc-button" data-do="keep">{html.text(keep)}</button></div></div>'
    )
