"""Codes of the limits that a host sets for the visitors of its page: what is nearly used up, and what is."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class LimitCode(Code):
    """A limit is reached; what is there stays."""

    CLASSES = (
        "With these photos your project would have {count:class|classes}; it can hold {limit:,}. "
        "Nothing was added: join or remove classes first, or bring fewer."
    )
    PROJECT_PHOTOS = (
        "With these photos your project would hold {count:photo|photos}; it can hold {limit:,}. "
        "Nothing was added: remove some first, or add fewer."
    )
    PROJECT_BYTES = (
        "With these photos your project would take {bytes:megabytes} MB; it can take {limit:megabytes} MB. "
        "Nothing was added: remove some first, or add fewer or smaller ones."
    )
    PROJECTS = (
        "This server has room for the photos of {limit:person|people}, and all of it is taken. "
        "Try again later, or run the program on your own computer."
    )
    HOST_BYTES = (
        "This server has no room for this: it keeps {limit:megabytes} MB of photos and models for all people. "
        "Nothing was added, and what you have stays. Try again later, or run the program on your own computer."
    )
    QUEUE = (
        "{count:training waits|trainings wait} already, as many as this server lets wait. "
        "Your photos stay; press Train again in a few minutes."
    )
    ANSWER_QUEUE = (
        "{count:person waits|people wait} for answers already, as many as this server lets wait. "
        "Bring the photos again in a few minutes."
    )
    MINUTES = "A training may take {limit:minute|minutes} here; choose {limit:,} or less, not {value:g}."
    MINUTES_UNLIMITED = "A training may take {limit:minute|minutes} here; choose a time."
    EPOCHS = "A training may have {limit:epoch|epochs} here; write {limit:,} or less, not {value:,}."
    NETWORKS = "On this server only the listed networks can be used, not “{name}”; choose one from the list."
    TIME_IS_UP = "The {limit:minute|minutes} that a training may take here are over; it stopped there."


@unique
class NearCode(Code):
    """A limit is nearly reached: shown from 80 % on."""

    CLASSES = "{used:,} of the {limit:class|classes} that your project can have"
    PROJECT_PHOTOS = "{used:,} of the {limit:photo|photos} that your project can hold"
    PROJECT_BYTES = "{used:megabytes} of the {limit:megabytes} MB that your photos can take"
    PROJECTS = "{used:,} of the {limit:project|projects} that this server has room for"
    HOST_BYTES = "{used:megabytes} of the {limit:megabytes} MB that this server has for all people"
    MINUTES = "{used:g} of the {limit:minute|minutes} that a training may take here"
    EPOCHS = "{used:,} of the {limit:epoch|epochs} that a training may have here"
    QUEUE = "{used:,} of the {limit:training|trainings} that can wait here"
    NEARLY_FULL = "Nearly used up: {what:semicolons}."
