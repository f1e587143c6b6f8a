"""Sentences of exports: what each format is for and lacks, how it was verified, and why there is none."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class ExportStep(Code):
    """The steps of an export."""

    WRITE = "Writing the model"
    VERIFY = "Comparing its answers with those of the model"


@unique
class VerificationCode(Code):
    """How an export was verified."""

    SAME = "Same answer on {same} of {photos:photo|photos}, largest difference {difference}."
    SAME_DRAWN = (
        "Same answer on {same} of {photos} drawn pictures (no photos were given), largest difference {difference}."
    )


@unique
class LackCode(Code):
    """What a format cannot hold, so that a program that uses the file has to do it."""

    RESIZING = (
        "The file takes pictures that are already brought to {size} by {size} pixels; how, is in its metadata under "
        "“preprocessing”."
    )
    RULE = (
        "The file answers with probabilities, and whether a picture is like the training photos; which class that "
        "makes, and when the answer is “not sure”, follows from the thresholds in its metadata."
    )
    DEEP = "Photos of more than 8 bits have to be scaled before, by the “pixel_ranges” in its metadata."
    ONE_NETWORK = "It holds the model of one network, {name}, not the {count} networks that this model joins."
    ONE_NETWORK_SCORES = (
        "It holds the model of one network, {name}, not the {count} networks that this model joins: right on "
        "{after:percent} of the photos judged instead of {before:percent}."
    )
    LAST_FEATURES = "It holds the model without what the middle part of {name} adds, which no other program reads."
    LAST_FEATURES_SCORES = (
        "It holds the model without what the middle part of {name} adds, which no other program reads: right on "
        "{after:percent} of the photos judged instead of {before:percent}."
    )
    HEATMAPS = "It cannot show which part of a photo an answer is based on."


@unique
class ExportCode(Code):
    """Why an export cannot be made."""

    UNKNOWN_FORMAT = "There is no format called “{name}”; choose {choices:alternatives}."
    SHOWS_NO_PHOTOS = "The format “{name}” has no place to show photos; leave them out, or choose “hub” or “web”."
    PACKAGES_MISSING = "This format needs {packages:comma}: install {count:*it|them} with “pip install {install}”."
    EXISTS = "“{out}” is there already; name a new place for the export."
    DISK_FULL = "The disk is full: nothing was exported; free some space and try again."
    NOT_WRITTEN = "This model's network cannot be written in this format ({why}); choose another format."
    DIFFERENT = (
        "The written file answered differently from the model on {wrong} of {photos:photo|photos} (the largest "
        "difference of a probability is {difference:.2g}), so it was not kept; try again, or choose another format."
    )
    OTHER_CLASSES = "The written file names other classes than the model, so it was not kept; try again."
    OTHER_THRESHOLDS = "The written file holds other thresholds than the model, so it was not kept; try again."
    OTHER_RANGES = "The written file scales photos of more than 8 bits differently, so it was not kept; try again."
    UNREADABLE = "The written file cannot be opened again ({why}), so it was not kept; try again."


@unique
class DownloadCode(Code):
    """Sentences of files to download."""

    LINK = "Download {name} ({size:megabytes} MB)"
    GONE = "This file is not here any more: links last an hour. Make it again on the page."
