"""Sentences of the public sets: how they are fetched, and why one cannot be."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class DownloadCode(Code):
    """Why a file was not fetched."""

    NO_NETWORK = "“{file}” cannot be fetched: {host} does not answer. Check this computer's connection and try again."
    REFUSED = "“{file}” cannot be fetched: {host} refuses it (HTTP status {status}). Try again later."
    CUT_OFF = "The download of “{file}” was cut off after {done:megabytes} megabytes. Try again: it goes on from there."
    DAMAGED = (
        "“{file}” from {host} is not what it should be (its checksum differs), so it was not used; try again later."
    )


@unique
class SetCode(Code):
    """What a public set is, and why it is not there."""

    FOLDER_NOT_EMPTY = "“{folder}” is there already and not an empty folder; name a new one."
    UNKNOWN = "There is no set “{name}”; there are {names:list}."
    ABOUT = (
        "{title}: {photos:picture|pictures} of {classes:class|classes}, {megabytes:,} MB to fetch. Source: {source}. "
        "License: {license}."
    )
    NO_LICENSE = "none is stated"


@unique
class SetsPanelCode(Code):
    """The panel of the Photos tab with public sets."""

    TITLE = "Try a well-known set of pictures"
    WHICH = "Sets that courses and papers use"
    CHOICE = "{title} ({megabytes:,} MB)"
    PART = (
        "Up to {count:,} pictures of each class are added to train on, and as many to test with, where the set has "
        "such a part."
    )
    FETCH = "Fetch it and add a part"
    STOP = "Stop"
    STOPPED = "Stopped: nothing was added. What was fetched is kept, and the next try goes on from there."
    STARTING = "Asking for the pictures…"
    NO_NETWORK = "These sets are fetched from the internet, and this computer does not reach it now."
    WHICH_SET = "Choose a set first."
