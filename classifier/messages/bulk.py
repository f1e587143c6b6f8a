"""Codes of answers for many photos at once: the table, its files, and why one cannot be made."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class BulkCode(Code):
    """The table of answers and the files made of it."""

    DAMAGED = "The table of answers cannot be read any more; bring the photos again."
    NOT_WRITTEN = "The table of answers cannot be written ({why}); free some space and try again."
    COPY_GONE = "“{file}” is no longer there, so it cannot be sorted into a folder; bring the photos again."
    FOLDER_NOT_EMPTY = "“{folder}” is there already and not an empty folder; name a new one."
    SORT_PHOTOS = "Sorting the photos into folders"


@unique
class ColumnCode(Code):
    """The heads of the table, on the page and in CSV."""

    FILE = "file"
    LABEL = "class"
    CONFIDENCE = "how sure"
    SECOND = "second guess"
    SECOND_CONFIDENCE = "how sure of the second"
    UNSURE = "not sure"
    UNLIKE = "unlike the training photos"
    ERROR = "not used because"
