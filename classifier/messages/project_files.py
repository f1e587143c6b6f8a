"""Sentences of project files: why one cannot be saved or opened, and what the page and the command line say of them."""

from __future__ import annotations

from enum import unique

from . import Code, EnglishCode


@unique
class ProjectFileCode(Code):
    """Why a project file cannot be saved or opened as a whole."""

    NO_PROJECT = "“{place}” is no project of this program; name the folder of one."
    NO_TARGET = "“project {action}” needs to know where to: name TO, too."
    FOLDER_NOT_EMPTY = "“{place}” is there already and not an empty folder; name a new one."
    MISSING = "There is no file “{place}”; check the name and try again."
    NO_PROJECT_FILE = "“{name}” is no project file: a zip with “project.json” in it, as this program saves one."
    DAMAGED = "The project file “{name}” is damaged, or was changed by hand ({what}); save the project again."
    OTHER_FORMAT = "The “project.json” in “{name}” is that of another program; nothing was opened."
    OTHER_VERSION = (
        "“{name}” was saved by a newer version of this program (form {found}, this reads {expected}); open it there."
    )
    STRANGE_MEMBER = "“{name}” holds “{member}”, which is no part of a project, so nothing was opened."
    TOO_LARGE = "The project file unpacks to more than {limit:megabytes} megabytes, as much as is taken here."
    IS_PROJECT = (
        "“{name}” is a saved project, not a zip of photos: open it under “Share”, “Project file”, or by “python -m "
        "classifier project open”."
    )


@unique
class ProjectFilePart(Code):
    """What is wrong with a project file, as a phrase that fits in parentheses."""

    ZIP = "it cannot be unpacked"
    JSON = "“{member}” is not as this program writes it"
    PHOTOS = "a photo is there twice"


@unique
class NotOpenedCode(Code):
    """Why a photo or a model of a project file was left out; the rest was opened."""

    NO_FILE = "the project file lists it, but does not hold it"
    OTHER_CONTENT = "its content is not the one that was saved: copy the project file again"
    MODEL = "the model was not opened: {why}"


@unique
class ProjectFileOutput(EnglishCode):
    """What the command line prints."""

    SAVED = "Saved {photos:photo|photos} and {models:model|models} in {file}: {bytes:megabytes} megabytes."
    SAVED_WITHOUT = "Saved the labels of {photos:photo|photos} and {models:model|models}, no pictures, in {file}."
    OPENED = "Opened {photos:photo|photos} and {models:model|models} in {folder}."
    OPENED_WITHOUT = (
        "Opened {models:model|models} in {folder}. The file holds no pictures: add the photos again to train on."
    )
    LEFT_OUT = "left out: {file}: {reason}"
    RENAMED = "“{name}” is now called “{title}”."
    UNDONE = "Took back {what}."
    NOTHING_TO_UNDO = "There is nothing to take back."


@unique
class ProjectFilePage(Code):
    """The panel of project files on the page."""

    TITLE = "Project file"
    ABOUT = (
        "Everything of this page in one file: photos, classes, changes, trainings and models, but for a training that "
        "has not ended. Open it later, here or on another machine, and go on where you were."
    )
    CHOICE = "What the file holds"
    WITH_PHOTOS = "With photos: everything"
    WITHOUT_PHOTOS = "Without photos: labels, trainings and models only"
    SAVE = "Save the project"
    NOTHING = "There is nothing to save yet: add photos first."
    SAVING = "Saving the project…"
    OPEN_TITLE = "Open a project file"
    OPEN_HINT = "Drop a project file here, or choose one."
    OPEN_CHOOSE = "Choose a project file"
    QUESTION = (
        "<b>Replace what is here?</b> This page has {photos:photo|photos} and {models:model|models}. The project in "
        "“{name}” takes their place, and nothing brings them back."
    )
    REPLACE = "Replace it"
    KEEP = "Keep what is here"
    KEPT = "Nothing was changed."
    OPENED = "Opened: {photos:photo|photos}, {models:model|models}."
    OPENED_WITHOUT = (
        "Opened: {models:model|models}. The file holds no pictures: add the photos again on the Photos tab to train."
    )
    LEFT_OUT = "{count:file was|files were} left out; the Photos tab lists photos with the reason."
    MODEL_LEFT_OUT = "“{name}”: {reason}"
    ONE_FILE = "Drop one project file."
    UPLOAD_GONE = "The file is no longer there; drop it again."
