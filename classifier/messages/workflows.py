"""Sentences of the workflows: progress steps, and why photos cannot be checked, trained on or evaluated."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class StepCode(Code):
    """The steps of checking, training and evaluating that report their progress."""

    FETCH_NETWORK = "Fetching the network"
    FETCH_MODEL = "Fetching the model"
    FETCH_SET = "Fetching the photos"
    UNPACK_SET = "Unpacking the photos"
    ADD_SET = "Adding the photos"
    PUBLISH = "Sending the files"
    EXTRACT_FEATURES = "Looking at the photos"
    COMPARE_RESIZE_MODES = "Trying how the photos fit"
    TRAIN_HEAD = "Learning the classes"
    EVALUATE = "Checking on the test photos"
    SAVE = "Writing the model"
    PREDICT = "Looking at the new photos"
    JOIN = "Looking at the photos with {title}"


IN_MEGABYTES = (StepCode.FETCH_NETWORK, StepCode.FETCH_MODEL, StepCode.FETCH_SET, StepCode.PUBLISH)  # not in photos


@unique
class StepsCode(Code):
    """What the steps of a training in mode auto are, and why one was dropped."""

    STEP_NOT_KEPT = "Step {number} cannot be taken back: its model was not kept."
    NOT_EXPECTED_BETTER = "It is not expected to be right more often."
    ANSWERS_TOO_SLOW = (
        "It is expected to be right on {gain:.1f} more of 100 photos, too few for answers that take {cost:.1f} times "
        "as long."
    )
    NO_MORE_RIGHT = "It was right on no more of your photos, and its answers take {cost:.1f} times as long."
    STEP_NO_TIME = "The time that is left does not suffice for it."
    STEP_FAILED = "It could not be tried: {why}"
    OTHER_PHOTOS = (
        "The steps in “{folder}” were taken with other photos, classes or groups, so a further one cannot be compared "
        "with them; name a new folder for the model."
    )


@unique
class WorkflowCode(Code):
    """Why a set of photos cannot be checked, trained on or evaluated."""

    NO_PHOTOS = "There are no photos to learn from: add at least two folders, each named after what its photos show."
    NONE_USABLE = "None of the {count:file|files} ({places:comma}) can be used: {reasons:comma}."
    ONE_UNUSABLE = "The only file here, {file}, cannot be used: {reason}."
    REASON = "{count:file|files} ({reason})"
    ONLY_APART = (
        "{count:photo|photos} {count:*is|are} there to test or validate with, and none to train on: add photos to "
        "train on, in at least two classes."
    )
    ONE_CLASS = (
        "There is only one class, “{label}”: add photos of at least one other class, so that there is something to "
        "tell apart."
    )
    ONLY_CONFLICTS = (
        "There is no photo that lies in one class only: add photos of at least one other class, so that there is "
        "something to tell apart."
    )
    CLASS_UNREADABLE = "No photo of “{label}” can be read; the list of left-out files says why. Add others."
    UNTRAINED_NETWORK = (
        "“{backbone}” has learned nothing yet, so quick training has nothing to build on; choose deep training or "
        "another network."
    )
    STOPPED_EARLY = "The training ended before anything was learned; train again to go on."
    TEST_UNREADABLE = "None of the test photos can be read; the list of left-out files says why."
    TEST_CLASSES_UNKNOWN = "None of the test folders has the name of a class; name them like the training folders."
    SHARE_OUT_OF_RANGE = "The share to set apart is {share:g}; it must be between 0 and 1, such as 0.2 for a fifth."
    NOTHING_TO_SET_APART = (
        "No photos can be set apart: those of each class all belong together. Add photos taken on other occasions."
    )


@unique
class LearningNoteCode(Code):
    """What a person should know of how the photos were learned."""

    MIDDLE = "The middle of the photos tells these classes apart: in new photos, too, keep what counts in the middle."


@unique
class OfferCode(Code):
    """A network that may be better on the photos than those in use."""

    FETCH = "{title} ({megabytes:,} MB, fetched once; license {license}) is usually better on photos like these."
    AT_HAND = "{title} (fetched already; license {license}) is usually better on photos like these."
