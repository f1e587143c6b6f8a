"""Codes of unlabeled photos that become training photos: the workflow, its page and its command."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class LabelingCode(Code):
    """Why photos cannot be given a class."""

    NO_PHOTO = "None of these photos is here any more; reload the page and choose again."


@unique
class SuggestCode(Code):
    """The lines of the command ``suggest``."""

    SURE = "Sure of “{label}”, to accept together: {count:photo|photos}"
    ASK = "Then ask about these, in this order ({count} of {photos:photo|photos} without a class):"
    QUESTION = "  {file}: {top}"
