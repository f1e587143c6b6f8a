"""Classes that may be one -> HTML: names that are written almost alike, and a new name that exists. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...messages.photos_page import JoinCode
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
    return (
        '<div class="pc-question pc-join" role="group" tabindex="-1" aria-labelledby="pc-exists" data-focus>'
        f'<p id="pc-exists">{html.text(JoinCode.EXISTS, label=new, count=count)}</p><div class="pc-actions">'
        f'<button type="button" class="pc-button pc-main" data-do="join" data-old="{escape(old)}" '
        f'data-label="{escape(new)}">{html.text(JoinCode.JOIN)}</button>'
        f'<button type="button" class="pc-button" data-do="keep">{html.text(JoinCode.KEEP)}</button></div></div>'
    )
