"""Photos that belong together -> HTML: each group with its evidence, then the photos in none. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...data.assets import Asset
from ...data.explained_groups import ExplainedGroup, Origin
from ...messages import joined
from ...messages.groups import ReviewGroupsCode, ReviewGroupsScript
from .. import html
from ..photos.grid import photo_card

_SHOWN = 12  # photos of one group
PER_STEP = 2  # times as many photos as in the other lists: they are small here
_REASONS: dict[Origin, ReviewGroupsCode] = {
    "look": ReviewGroupsCode.LOOK,
    "layout": ReviewGroupsCode.LAYOUT,
    "names": ReviewGroupsCode.NAMES,
    "times": ReviewGroupsCode.TIMES,
    "series": ReviewGroupsCode.SERIES,
    "own": ReviewGroupsCode.OWN,
}

Picture = Callable[[Asset], bytes]


def count_shown(groups: Sequence[ExplainedGroup], alone: Sequence[Asset]) -> int:
    """Return how many photos ``render`` shows without a limit."""
    return sum(min(len(group.photos), _SHOWN) for group in groups) + len(alone)


def render(groups: Sequence[ExplainedGroup], alone: Sequence[Asset], limit: int, picture: Picture) -> str:
    """Return the groups and the photos in none, with what can be done with those that are selected.

    Args:
        groups: the groups, largest first.
        alone: the photos in no group.
        limit: how many photos to show.
        picture: gives the picture of a photo.
    """
    sections = "".join(_sections(groups, limit, picture))
    left = limit - count_shown(groups, ())
    if alone and left > 0:
        title = html.text(ReviewGroupsCode.ALONE, count=len(alone))
        sections += f'<section class="pc-group"><p><b>{title}</b></p>{_grid(alone[:left], picture)}</section>'
    return f"{html.quiet(html.text(ReviewGroupsCode.INTRO))}{_tools()}{sections}"


def _sections(groups: Sequence[ExplainedGroup], limit: int, picture: Picture) -> Iterator[str]:
    for group in groups:
        if limit <= 0:
            return
        yield _section(group, picture)
        limit -= min(len(group.photos), _SHOWN)


def _section(group: ExplainedGroup, picture: Picture) -> str:
    size = len(group.photos)
    reasons = joined([str(_REASONS[origin]) for origin in group.origins])
    hidden = size - _SHOWN
    more = html.quiet(html.text(ReviewGroupsCode.MORE, count=hidden)) if hidden > 0 else ""
    ids = " ".join(str(photo.id) for photo in group.photos)
    return (
        f'<section class="pc-group" data-ids="{ids}"><label class="pc-all"><input type="checkbox" class="pc-whole" '
        f'aria-label="{html.text(ReviewGroupsCode.WHOLE, size=size)}"> '
        f"<b>{html.text(ReviewGroupsCode.GROUP, size=size, reasons=reasons)}</b></label>"
        f"{_grid(group.photos[:_SHOWN], picture)}{more}</section>"
    )


def _grid(photos: Sequence[Asset], picture: Picture) -> str:
    return f'<div class="pc-grid">{"".join(photo_card(photo, picture(photo)) for photo in photos)}</div>'


def _tools() -> str:
    join, part = html.text(ReviewGroupsCode.JOIN), html.text(ReviewGroupsCode.PART)
    return (
        f'<div class="pc-tools"><span class="pc-chosen" role="status">{html.text(ReviewGroupsScript.SELECT)}</span>'
        '<span class="pc-actions" hidden>'
        f'<button type="button" class="pc-button pc-main" data-together="join">{join}</button>'
        f'<button type="button" class="pc-button" data-together="part">{part}</button>'
        "</span></div>"
    )
