"""The guide beside each tab, and what explains a word -> HTML."""

from __future__ import annotations

from ..messages import Code
from ..messages.guide import GuideCode, WhatCode
from . import html

_GUIDES: dict[str, tuple[GuideCode, ...]] = {
    "photos": (
        GuideCode.PHOTOS, GuideCode.PHOTOS_COUNT, GuideCode.PHOTOS_LIKE, GuideCode.PHOTOS_VARIED, GuideCode.PHOTOS_SAME,
        GuideCode.PHOTOS_NOTHING,
    ),
    "train": (
        GuideCode.TRAIN, GuideCode.TRAIN_SCORE, GuideCode.TRAIN_RANGE, GuideCode.TRAIN_CLASSES, GuideCode.TRAIN_AGAIN,
    ),
    "review": (GuideCode.REVIEW, GuideCode.REVIEW_LABELS, GuideCode.REVIEW_MIXED, GuideCode.REVIEW_AGAIN),
    "try": (GuideCode.TRY, GuideCode.TRY_SURE, GuideCode.TRY_UNSURE, GuideCode.TRY_WRONG),
    "share": (GuideCode.SHARE, GuideCode.SHARE_TELL, GuideCode.SHARE_PHOTOS),
}  # fmt: skip


def guide(tab: str) -> str:
    """Return the guide of a tab, closed until it is wanted."""
    title, *sentences = _GUIDES[tab]
    rows = "".join(f"<li>{html.rich(one)}</li>" for one in (*sentences, GuideCode.NOT_FOR))
    return f'<details class="pc-details pc-guide"><summary>{html.text(title)}</summary><ul>{rows}</ul></details>'


def what(explanation: Code) -> str:
    """Return “What is this?”, which opens the explanation of a word beside it."""
    ask = html.text(WhatCode.ASK)
    return f'<details class="pc-what"><summary>{ask}</summary><p>{html.text(explanation)}</p></details>'
