"""Sentences about photos that belong together, by their names, times and order."""

from __future__ import annotations

from enum import unique

from . import Code, sentence


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
    BY_LAYOUT = "{count:group|groups}, as the folders and files show"
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
    ASKED = "Photos may belong together: {what}. They are not kept together: their looks do not show it clearly."


def groups_in_words(origin: str, count: int, example: str) -> str:
    """Return which photos are kept together, as a phrase.

    Args:
        origin: where the groups come from, ``names``, ``times``, ``series``, ``layout`` or ``own``.
        count: number of groups of two and more photos.
        example: what was found by names, times or order, in words; empty where nothing was.
    """
    if example and origin != "own":
        return example
    return sentence(GroupCode.BY_PERSON if origin == "own" else GroupCode.BY_LAYOUT, count=count)
