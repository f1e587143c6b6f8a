"""Sentences about photos that belong together, by their names, times and order."""

from __future__ import annotations

from enum import unique

from . import Code, sentence
from .retelling import retold


@unique
class GroupCode(Code):
    """What may belong together, as a phrase with an example, and what is done about it."""

    BY_NAMES = (
        "{size:photo|photos} each of {count:thing|things}, by a part of their names: “{first}” goes with “{second}”"
    )
    BY_TIMES = (
        "{size:photo|photos} each in {count:burst|bursts}, by the time they were taken: “{first}” goes with “{second}”"
    )
    BY_SERIES = (
        "{size:photo|photos} each in {count} series, which follow one another and look more alike than chance "
        "explains: “{first}” goes with “{second}”"
    )
    BY_LOOK = (
        "{size:photo|photos} of several classes that look alike or have one background: “{first}” goes with “{second}”"
    )
    BY_LAYOUT = "{count:group|groups}, as the folders, files and bursts show"
    BY_PERSON = "{count:group|groups}, with those that you made"
    WITHOUT = (
        "Photos that belong together are kept together when the score is measured: {what}. Without that it would claim "
        "{score}, which holds for more photos of the same things only."
    )
    WITHOUT_SAME = (
        "Photos that belong together are kept together when the score is measured: {what}. Without that it would be "
        "{score}."
    )
    KEPT = "Photos that belong together: {what}. They are kept together when the score is measured."
    ASKED = "Photos may belong together: {what}. That is not certain, so they are not kept together."


@unique
class ReviewGroupsCode(Code):
    """The list of photos that belong together, on the Review tab."""

    INTRO = "The photos of one group are never on both sides when the model is judged."
    LOOK = "they look like one thing"
    LAYOUT = "by the folder or table they came with, or of one burst of the camera"
    NAMES = "by their file names"
    TIMES = "taken within seconds of each other"
    SERIES = "they follow one another and look alike"
    OWN = "you said so"
    GROUP = "{size:photo|photos}: {reasons}"
    WHOLE = "Choose all {size:photo|photos} of this group"
    MORE = "and {count:more photo|more photos}"
    ALONE = "{count:photo|photos} in no group"
    JOIN = "They belong together"
    PART = "They do not"
    TOO_FEW = "Choose at least two photos that belong together."
    JOINED = "Noted: {count:photo belongs|photos belong} together. Train again to judge the model by that."
    PARTED = "Noted: {count:photo is|photos are} in no group. Train again to judge the model by that."
    CHANGED = "you changed which photos belong together"


@unique
class ReviewGroupsScript(Code):
    """The words of ``review.js``."""

    SELECT = "Choose photos, or whole groups"
    SELECTED = "{count} chosen"


def groups_in_words(origin: str, count: int, example: str) -> str:
    """Return which photos are kept together, as a phrase.

    Args:
        origin: where the groups come from, ``names``, ``times``, ``series``, ``layout`` or ``own``.
        count: number of groups of two and more photos.
        example: what was found by names, times or order, in words; empty where nothing was.
    """
    if example and origin != "own":
        return retold(example, GroupCode)
    return sentence(GroupCode.BY_PERSON if origin == "own" else GroupCode.BY_LAYOUT, count=count)
