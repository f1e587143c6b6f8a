"""Codes of the page that belong to no tab, and those of the area for photos, which several tabs have.

Those of a tab, and of its larger panels, are in the other modules whose names end in ``page``.

A sentence may hold ``<b>…</b>``; ``ui.html.rich`` escapes its arguments and keeps the tags. The enums whose names
end in ``Script`` are the words of a script in the browser, which fills their arguments itself.
"""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class PageCode(Code):
    """What belongs to no tab: the header, the footer, the project of a visitor, errors."""

    TITLE = "Teach a photo classifier"
    SUBTITLE = "Show it photos of each kind of thing, press Train, see how far to trust it, put it right, try it."
    LANGUAGE = "Language"
    OPENING = "One moment, the page is opening…"
    NOT_OPENED = "The page did not open. Check the connection, then load it again."
    ERROR = "That did not work"
    BUG_TITLE = "Sorry"
    BUG = "Something went wrong here, and it is not your fault. Reload the page and try again; your photos are safe."
    KEPT_HERE = "Your photos and models stay on the computer that runs this page until you delete them."
    KEPT_FOR_HOURS = (
        "Your photos and models are kept on the server that runs this page, seen by nobody else, and deleted "
        "{hours:g} {hours:*hour|hours} after your last visit."
    )
    TRIED_PHOTOS = (
        "Photos you only try are deleted within the hour. Those behind a table of answers stay until you bring others, "
        "or delete everything."
    )
    DEMO_PHOTOS = "Photos are deleted within the hour, and seen by nobody else."
    DELETE = "Delete my photos and models"
    DELETE_QUESTION = "<b>Delete all your photos and models for good?</b> Nothing brings them back."
    DELETE_NO = "Keep them"
    DELETE_YES = "Delete everything"
    DELETED = "Your photos and models are deleted."
    LOST_PROJECT = "This page has lost track of your project; reload it to go on."
    PROJECT_FULL = (
        "Your project has {present:photo|photos} and {incoming:file|files} came; it can hold {limit:,}. "
        "Remove some photos first, or add fewer."
    )
    UNDO = "Undo {what}"
    UNDONE = "Took back {what}."
    NOTHING_TO_UNDO = "There is nothing to take back."
    ENLARGE = "Show {name} large"
    PICTURE_GONE = "cannot be shown"
    COUNT_OF = "{count:,} of {total:,}"


@unique
class FrameScript(Code):
    """The words of ``frame.js``."""

    ERROR = "That did not work"
    BUG = "Something went wrong here, and it is not your fault. Reload the page and try again; your photos are safe."
    CONNECTION_LOST = "No connection"
    CONNECTION_LOST_WORDS = "The page does not reach the program. It goes on by itself when the connection is back."


@unique
class UploadCode(Code):
    """The area that photos are dropped on, and the camera."""

    CHOOSE_FOLDER = "Choose a folder"
    CLASS_EXAMPLE = "for example: cat"
    ADD = "Add"
    CANCEL = "Cancel"
    PROGRESS = "How much is sent"
    NO_FILES = "No photos came with this; choose them again."
    TOO_MANY_FILES = "{count:,} files came, and at most {limit:,} are taken at once; add them in parts."
    NAMELESS_FILE = "a file without a name"


@unique
class DropScript(Code):
    """The words of ``drop.js``."""

    READING_FOLDERS = "Looking through the folders…"
    SENDING = "Sending {count:file|files}…"
    FIGURES = "{done} of {total:file|files}, {sent} of {size} MB"
    FIGURES_MINUTES = "{done} of {total:file|files}, {sent} of {size} MB, about {minutes:minute|minutes} left"
    FIGURES_SECONDS = "{done} of {total:file|files}, {sent} of {size} MB, less than a minute left"
    CANCELLED = "Cancelled. Nothing was added."
    READING_PHOTOS = "Looking at the photos…"
    BUSY = "One moment: the last photos are still on their way."
    WHICH_CLASS = "Which class do these {count} photos belong to?"
    WHICH_CLASS_ONE = "Which class does this photo belong to?"
    TOO_MANY_FILES = "{count} files are too many: at most {limit} are taken at once; add them in parts."
    TOO_LARGE_ONE = (
        "“{name}” is larger than the {limit} MB that a file may have here and was not sent. Save a picture smaller, "
        "or split a zip in two."
    )
    TOO_LARGE = (
        "{count} files are larger than the {limit} MB that a file may have here and were not sent, “{name}” for one. "
        "Save pictures smaller, or split a zip in two."
    )


@unique
class ViewerScript(Code):
    """The words of ``viewer.js``: one photo, large."""

    CLOSE = "Close"
    BACK = "Photo before"
    ON = "Next photo"
    POSITION = "{name} · {number} of {total}"
