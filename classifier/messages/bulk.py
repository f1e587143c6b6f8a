"""Codes of answers for many photos at once: the table, its files, and why one cannot be made."""

from __future__ import annotations

from enum import unique

from . import Code, EnglishCode


@unique
class BulkCode(Code):
    """The table of answers and the files made of it."""

    DAMAGED = "The table of answers was damaged; try again: what can be read of it is kept."
    NOT_WRITTEN = "The table of answers cannot be written ({why}); free some space and try again."
    COPY_GONE = "“{file}” is no longer there, so it cannot be sorted into a folder; bring the photos again."
    FOLDER_NOT_EMPTY = "“{folder}” is there already and not an empty folder; name a new one."
    SORT_PHOTOS = "Sorting the photos into folders"


@unique
class ColumnCode(EnglishCode):
    """The heads of the table, on the page and in CSV."""

    FILE = "file"
    LABEL = "class"
    CONFIDENCE = "how sure"
    SECOND = "second guess"
    SECOND_CONFIDENCE = "how sure of the second"
    UNSURE = "not sure"
    UNLIKE = "unlike the training photos"
    ERROR = "not used because"


@unique
class BulkPageCode(Code):
    """The table of answers on the Try it tab."""

    WAITING = "{count:person is|people are} before you; your photos wait"
    WAITING_FOR = "{count:person is|people are} before you; your turn comes in {seconds:duration}"
    STARTING = "Getting the photos ready…"
    STOPPING = "Stopping…"
    STOP = "Stop"
    TITLE = "Answers for {count:photo|photos}"
    BY_MODEL = "Answered by {name}."
    OTHER_MODEL = "Another model is chosen above."
    ANSWER_AGAIN = "Answer again with the chosen model"
    STOPPED = "Stopped: {done:,} of {total:photo|photos} were looked at."
    REPAIRED = (
        "The table of answers was damaged: {count:answer is|answers are} as before. The other photos have lost their "
        "names; press “{button}” for their answers."
    )
    KEPT = "These photos are kept for you until you delete them or bring others."
    DELETE = "Delete these photos"
    SAVE_CSV = "Save the table (CSV)"
    SAVE_ZIP = "Save sorted photos (zip)"
    PACKING = "Putting the photos into folders"
    NONE_FOUND = "No photo fits."
    GONE = "There is no table of answers any more; bring the photos again."
    RUNNING = "The photos are still being looked at; wait until the table is there, or press Stop."
    CHIP_ALL = "all"
    CHIP_SURE = "sure"
    CHIP_UNSURE = "not sure"
    CHIP_UNLIKE = "unlike the training photos"
    CHIP_ERROR = "not used"
    FILTER = "Show"
    EVERY_CLASS = "every class"
    CLASS_COUNT = "{label} ({count:,})"
    SEARCH = "Part of the file's name"
    SORT = "Sort by"
    SORT_GIVEN = "as they came"
    PHOTO = "Photo"
    FILE = "File"
    LABEL = "Class"
    CONFIDENCE = "How sure"
    SECOND = "Second guess"
    STATE = "Note"
    GIVEN = "you said: {label}"
    NOT_USED = "Not used: {reason}"
    PERCENT_OF = "{label}, {confidence:percent}"
    PAGE = "{first:,} to {last:,} of {count:,}"
    PREVIOUS = "Previous"
    NEXT = "Next"
