"""Sentences about photos that belong together, by their names, times and order."""

from __future__ import annotations

from enum import unique

from . import Code


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
    WITHOUT = (
        "{count:group|groups} of photos are kept together when it is measured; without that it would claim {score}, "
        "which holds for more photos of the same things only."
    )
    KEPT = "Photos that belong together: {what}. They are kept together when the score is measured."
    ASKED = "Photos may belong together: {what}. They are not kept together: their looks do not show it clearly."
