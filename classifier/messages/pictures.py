"""Codes of the words in drawn pictures of a report: the confusion matrix and the learning curves."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class PictureCode(Code):
    """Words in a picture; only letters that Pillow's own font has."""

    CONFUSION = "What was taken for what"
    CONFUSION_WORST = "What was taken for what: the {shown} of {total} classes with the most mistakes"
    ROWS = "Rows: the photo's class. Columns: the answer. Blue: right. Orange: wrong."
    NOT_JUDGED = "not judged"
    NUMBERED = "{number} {name}"
    ACCURACY = "Photos right"
    LOSS = "Error (loss), lower is better"
    ROUND = "round"
    TRAIN = "photos it learns from"
    VAL = "photos held out"
    BEST = "best round: {number}"
    NO_EPOCHS = "There is no round to draw."
