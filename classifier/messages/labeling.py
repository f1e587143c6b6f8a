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


@unique
class LabelPageCode(Code):
    """Unlabeled photos on the Try it tab."""

    TITLE = "Make these photos training photos"
    HINT = "Make these photos training photos: accept or answer them below the table"
    INTRO = "You say what they show; then train again. {photos:photo has|photos have} no class of yours yet."
    ALL_DONE = "All these photos have a class of yours now. Train again to see what they bring."
    SURE_TITLE = "1 · The model is sure: accept many at once"
    SURE_HINT = "Press each photo that does not belong, then accept the others with one press."
    SURE_NONE = "The model is sure of none of the photos that are left; answer some below, then train again."
    SURE_MORE = "{count:more class has|more classes have} photos to accept: they come when these are done."
    GROUP = "<b>{label}</b>"
    ACCEPT = "Accept {count} as “{label}”"
    TAKE_OUT = "{name} belongs to “{label}”"
    ASK_TITLE = "2 · The model is not sure: answer one by one"
    ASK_HINT = "The photos that help most come first. Press a class, or its number on the keyboard; 0 for none of them."
    ASK_NONE = "There is nothing to ask."
    LOOKS_LIKE = "Looks like <b>{label}</b> ({confidence:percent}) or <b>{second}</b> ({second_confidence:percent})."
    LOOKS_LIKE_ONE = "Looks like <b>{label}</b> ({confidence:percent})."
    UNLIKE = "It is unlike the photos that the model was trained on."
    OTHER_CLASS = "another class"
    NONE_OF_THEM = "none of them"
    NUMBER_OF = "Photo {number} of {total}"
    PHOTO = "What does this photo show?"
    GIVEN = "{count:photo is a training photo|photos are training photos} of “{label}” now."
    MOVED = "{count:photo was|photos were} in another class and {count:*is|are} in “{label}” now."
    ALREADY = "“{label}” had {count:*this photo|these photos} already."
    NOT_USED = "{count:photo|photos} could not be used: {reason}."
    SET_ASIDE = "This photo is not asked again."
    TAKEN_BACK = "Undone: {count:photo has|photos have} no class again."
    NOTHING_TO_UNDO = "There is nothing to undo."
    UNDO = "Undo"
    TRAIN = "Train again with them"
    BROUGHT = "Trained with {after:photo|photos} instead of {before}. {verdict}"
    FIRST = "Trained with {after:photo|photos}. {verdict}"
    BROUGHT_MORE = "Both trainings in numbers"
    WHICH = "Choose the photos and their class again; the page had changed."


@unique
class LabelScript(Code):
    """Sentences of the script of unlabeled photos."""

    ACCEPT = "Accept {count} as “{label}”"
    NUMBER_OF = "Photo {number} of {total}"
    SAVING = "Saving…"
