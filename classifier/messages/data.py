"""Codes of photos and of what they come in: files left out, folders and zips, pictures, projects, quality."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import unique
from numbers import Integral, Real
from typing import Any

from . import Code, Message, message
from .layout import NotTakenCode
from .packed import PackedCode
from .shards import ShardCode, ShardLeftOutCode
from .training import TrainingCode
from .workflows import StepsCode


@unique
class LeftOutCode(Code):
    """Why a file was left out before its content was read."""

    JUNK = "a file the computer keeps for itself, not a photo"
    NO_CLASS = "not in a class folder: put it into a folder named after what it shows"
    LINK = "a link that is not followed, since it leads out of the folder or in a circle: put the photo here instead"
    LINK_IN_ZIP = "a link inside a zip, which is not followed: put the photo itself in its place"
    LINK_BROKEN = "a link to a file that is not there: put the photo here instead"
    NOT_A_FILE = "not a file with a picture in it"
    LOCKED = "locked with a password: unpack it and add the photo itself"
    NAME_OUTSIDE = "its name points outside the folder it came in: rename it"
    NAME_UNREADABLE = "its name holds characters that cannot be read: rename it"
    NAME_TOO_LONG = "its name with those of its folders is too long: put it into fewer folders"
    ICLOUD = "only a stand-in for a photo in iCloud: choose “Download Now” for it in the Finder, then add the photo"
    GIT_LFS = "only a pointer to a photo in Git LFS: get the photo with “git lfs pull”, then add it"
    IN_CLOUD = (
        "still in a cloud such as OneDrive, iCloud or Dropbox, and could not be fetched: make it available on this "
        "computer, then add it"
    )
    ONLY_ZEROS = (
        "holds nothing but zeros: it was not copied to the end, or is still in a cloud such as OneDrive or Dropbox; "
        "make it available on this computer, then add it"
    )
    SHORTCUT = "a shortcut, not the photo: add the photo that it leads to"
    WEB_LINK = "a link to a web page, not a photo: save the picture itself, then add it"
    DAMAGED_IN_ZIP = "damaged in its zip: make the zip again from the photos"
    HALF_DOWNLOADED = "a download that is not finished: download the photo to the end, then add it"


@unique
class IntakeCode(Code):
    """Why a folder or zip as a whole cannot be used."""

    MISSING = "There is no folder or zip at “{place}”; check the name and try again."
    TOO_MANY_FILES = "“{name}” holds more than {limit:,} files; choose the folder of photos only."
    EMPTY_FOLDER = "The folder “{name}” is empty; put one folder of photos per class into it."
    FOLDER_UNREADABLE = "The folder “{name}” cannot be read; check that you may open it."
    ZIP_DAMAGED = "The zip “{name}” is damaged or no zip at all; make it again from your photo folders."
    ZIP_CUT_OFF = "The zip “{name}” is cut off: its end is missing; copy or download it again."
    ZIP_METHOD = "“{name}” is packed in a way this program cannot read; make it again as a plain zip."
    ZIP_TOO_MANY_FILES = "The zip holds {count:,} files, and at most {limit:,} are taken; split it in two."
    ZIP_TOO_BIG = "The zip unpacks to more than {limit:megabytes} megabytes; split it in two."
    ZIP_BOMB = "The zip unpacks to more than {limit} times its size, as no photos do; it was not opened."
    ZIP_OUTSIDE = (
        "The zip holds a file outside its own folder (“{member}”), so it was not opened; make a plain zip of your "
        "photo folders."
    )
    ZIP_LINK = (
        "The zip holds a link or device (“{member}”) in place of a file, so it was not opened; make a plain zip of "
        "your photo folders."
    )
    ZIP_LOCKED = (
        "The zip holds files locked with a password, so it was not opened; make a plain zip of your photo folders."
    )
    ZIPS_APART = (
        "There are {count:zip|zips} ({names:comma}) and no photo beside them, and nothing says how they belong "
        "together: give each by itself, or all of them one after another."
    )
    ZIP_BESIDE = "a zip beside the class folders, which was not opened: give it by itself"
    ZIPS_UNREADABLE = "There is no photo, only what cannot be opened: {reasons:comma}."
    ZIP_REASON = "{names:list} ({reason})"


@unique
class PhotoCode(Code):
    """Why one file is not a usable photo."""

    EMPTY_FILE = (
        "The file is empty: 0 bytes; copy it again from where it came, or from OneDrive, Dropbox or iCloud if it is "
        "still there."
    )
    FILE_TOO_BIG = (
        "The file is too big: {size:megabytes} megabytes, and at most {limit:megabytes} are read; save the picture "
        "smaller."
    )
    CANNOT_OPEN = "The file cannot be opened ({why}); check that you may read it."
    CANNOT_READ = "The file cannot be opened; check that you may read it."
    NO_PIXELS = "The picture is 0 pixels wide or high; there is nothing to see in it."
    TOO_MANY_PIXELS = (
        "The picture is too large: {pixels:megabytes} megapixels, and at most {limit:megabytes} are opened; save it "
        "smaller."
    )
    TOO_ELONGATED = (
        "The picture is too long and narrow: {width:,} by {height:,} pixels, and its long side may be at most {limit} "
        "times its short side; cut it into pieces."
    )
    TOO_LARGE = "The picture is too large to open; save it smaller."
    NO_MEMORY = "The picture needs more memory than this computer has free; save it smaller."
    MUCH_MEMORY = "The picture needs more than {limit:megabytes} megabytes of memory to open; save it smaller."
    TOO_SLOW = (
        "The picture takes more than {seconds:second|seconds} to open; open it in another program and save it as a "
        "plain JPEG or PNG."
    )
    DECODER_ENDED = (
        "The picture ended the program that opens pictures: it is damaged, or made to do harm; open it in another "
        "program and save it again."
    )
    NO_DECODER = "The program that opens pictures could not be started ({why}); tell whoever runs this page."
    CUT_OFF = "The file is cut off: its end is missing; copy it again from where it came."
    DAMAGED = "The picture is damaged: it could not be decoded; open it in another program and save it again."
    DAMAGED_HEADER = "The picture is damaged: it starts like a picture but does not go on as one; copy it again."
    PDF = "This is a PDF document, not a photo; save the photo as JPEG or PNG."
    ZIP = "This is a zip archive or an office document, not a photo; save the photo as JPEG or PNG."
    ARCHIVE = "This is an archive, not a photo; unpack it and add the folder that comes out."
    CAMERA_RAW = "This is a camera's raw file, not a photo; save the photo as JPEG or PNG."
    VIDEO = "This is a video, not a photo; save the photo as JPEG or PNG."
    SOUND = "This is a sound recording, not a photo; save the photo as JPEG or PNG."
    PHOTOSHOP = "This is a Photoshop file, not a photo; save the photo as JPEG or PNG."
    POSTSCRIPT = "This is a PostScript drawing, not a photo; save the photo as JPEG or PNG."
    OFFICE = (
        "This is an office document or a file the computer keeps for itself, not a photo; save the photo as JPEG or "
        "PNG."
    )
    PROGRAM = "This is a program, not a photo; save the photo as JPEG or PNG."
    WEB_PAGE = "This is a web page saved under a picture's name; open the page and save the picture itself."
    SVG = "This is a drawing in SVG form, not a photo; save it as PNG."
    XBM = "This is an XBM file, a black and white picture written as source text; save it as PNG."
    XPM = "This is an XPM file, an icon written as source text; save it as PNG."
    TEXT = "This is a text, not a picture."
    KIND_OF_TIFF = (
        "This TIFF holds {bands:band|bands} of {bits} bits, a kind that cannot be read; save it as PNG, or as a TIFF "
        "of 8 or 16 bits with one or three colors."
    )
    UNKNOWN_FORMAT = "This is not a picture this program can read; save it as JPEG or PNG."


@unique
class SeveralCode(Code):
    """Which picture of a file with several is used; the others count as left out."""

    LARGEST = "{others} of the {total} pictures in this file; the largest is used"
    PRIMARY = "{others} of the {total} pictures in this file; the main one is used"
    FIRST = "{others} of the {total} frames of this moving picture; the first is used"


@unique
class RepeatCode(Code):
    """Why a photo was left out whose content another file has already."""

    REPEATED_IN_CLASS = "the same photo as “{name}”, which is already in this class"
    REPEATED_IN_TRAINING = "the same photo as “{name}”, which is among the training photos"
    REPEATED_IN_VALIDATION = "the same photo as “{name}”, which is among the validation photos"
    REPEATED_IN_TEST = "the same photo as “{name}”, which is among the test photos"
    REMOVED_BEFORE = "removed from this project before, so it was not added again: add it on the page to have it back"


@unique
class UploadNoteCode(Code):
    """What a person should know of an upload that was taken."""

    MATCHED = "{pairs:comma}: written differently in the parts for training and testing, and taken for one class."
    MATCHED_PAIR = "“{name}” is “{label}”"
    OWN_TEST = "The {count:photo|photos} of “{name}” {count:*is|are} kept to test with, as its name says."
    OWN_VAL = "The {count:photo|photos} of “{name}” {count:*is|are} kept to validate with, as its name says."
    UNLABELED = "{count:photo|photos} without a label {count:*is|are} kept apart and not used."
    CODE_PAGE = (
        "The zip “{name}” does not say which letters its file names are written in; they were read as {page}. If they "
        "look wrong, unpack the zip and add the folder instead."
    )
    SIMILAR_CLASSES = (
        "{classes:counts} are kept as different classes, though their names differ only in {difference}. If they are "
        "one, put their photos into one folder, or join them on the page."
    )


@unique
class DifferenceCode(Code):
    """In what the names of classes differ that look the same, as a phrase that fits after “differ only in”."""

    CAPITALS = "capital and small letters"
    BLANKS = "blanks"
    LOOK_ALIKES = "letters or signs that look alike"
    CUT_OFF = "what cannot be seen, or was too long"


@unique
class NotEvaluatedCode(Code):
    """Why a photo set apart for evaluation was not evaluated, though it stays in the project."""

    CLASS_NOT_TRAINED = "not judged: there is no class “{label}” to learn from"


@unique
class EditCode(Code):
    """What an edit of the catalog did, as a phrase that fits after “Took back”."""

    ADDED = "adding {count:photo|photos}"
    ADDED_TO = "adding {count:photo|photos} to “{label}”"
    MOVED = "moving {count:photo|photos} to “{label}”"
    CONFIRMED = "calling {count:photo|photos} right"
    RENAMED = "renaming “{old}” to “{new}”"
    REMOVED = "removing {count:photo|photos}"
    JOINED = "keeping {count:photo|photos} together"
    PARTED = "taking {count:photo|photos} apart"
    TO_TRAIN = "moving {count:photo|photos} to the training photos"
    TO_VAL = "moving {count:photo|photos} to the validation photos"
    TO_TEST = "moving {count:photo|photos} to the test photos"
    TO_HELD_OUT = "setting {count:photo|photos} aside"


@unique
class StoredCode(Code):
    """A sentence that was stored before sentences had codes, or by a version that had other codes."""

    SENTENCE = "{text}"


@unique
class CatalogCode(Code):
    """Why the catalog cannot be read or written."""

    CANNOT_OPEN = "The project's list of photos ({name}) cannot be opened; check the folder that it is in."
    CANNOT_WRITE = "The project's list of photos cannot be written ({why}); try again."
    CATALOG_DAMAGED = "The project's list of photos is damaged; try again, and it is made again from the photos."
    CATALOG_FOREIGN = "The file “{name}” belongs to another program; choose another folder."
    CATALOG_OTHER_VERSION = (
        "The project was made by another version of this program (list {found}, this one reads {expected}); open it "
        "with that version."
    )
    UNKNOWN_SPLIT = "There is no division called “{split}”; photos are for training, validation or test, or set aside."
    PHOTO_GONE = "This photo is no longer in the project; reload the page."


@unique
class RepairCode(Code):
    """What became of a list of photos that was damaged."""

    MADE_AGAIN = (
        "Your list of photos was damaged and was made again: {count:photo is|photos are} as before. The damaged list "
        "is kept in the project's folder as “{name}”."
    )
    FROM_TRAINING = (
        "{count:photo has|photos have} the class that the last training noted; corrections since then are lost."
    )
    UNSORTED = "{count:photo has|photos have} lost the class: sort what is set aside under “{label}”."
    NO_UNDO = "Earlier changes can no longer be undone."
    CLASS = "class lost"


@unique
class ProjectCode(Code):
    """Why a project cannot do what was asked of it."""

    TOO_MANY_AT_ONCE = "{count:,} files came, and at most {limit:,} are taken at once; add fewer."
    EMPTY_LABEL = "The class has no name; give it one that says what its photos show."
    DELETED = "The project was deleted meanwhile, so nothing was added."
    UPLOAD_GONE = "The upload is no longer there; add the photos again."
    HAS_CLASSES = (
        "“{name}” is a project of the page, whose photos have their classes; give it alone, and say nothing of labels "
        "or groups."
    )
    CLASS_EXISTS = "There is a class “{label}” already; join the two, or choose another name."
    UNKNOWN_LABEL = "There is no class “{label}”; reload the page to see the classes there are."
    UNKNOWN_RUN = "There is no training called “{name}”; name one of those that there are."
    NOT_FOLDER_OR_ZIP = (
        "“{name}” is neither a folder nor a zip, tar or Parquet file; choose a folder of photos or a zip of it."
    )
    EMPTY_ZIP = "The zip “{name}” is empty; put one folder of photos per class into it."


@unique
class QualityCode(Code):
    """What is wrong with a photo, as advice that fits after its file name and a colon."""

    BLURRED = "it is blurred: take it again, or remove it if new photos will be sharp"
    DARK = "it is very dark: take it again with more light, or remove it"
    BLOWN_OUT = "it is so bright that little is left to see: take it again with less light, or remove it"
    EMPTY = "it shows next to nothing, one even surface: look whether it is the right photo, or remove it"
    TINY = "it is very small: use the original photo if there is a larger one"
    ODD_SHAPED = "it is very long and thin, and is shrunk or cut to fit a square: cut out the part that matters"

    @property
    def id(self) -> str:
        """The value of the command line's JSON key ``problem``."""
        return super().id.replace("_", "-")


@unique
class DatasetQualityCode(Code):
    """What holds for most photos of a set."""

    ALL_BLANK = (
        "All {count} photos come out blank: one even color with nothing in it, so there is nothing to tell apart. Open "
        "one of them in another program: if it shows more there, save the photos as JPEG; if not, take them again."
    )
    ALL_SAME = (
        "All {count} photos show the same picture, so there is nothing to tell apart: add photos that differ from "
        "class to class."
    )
    MOSTLY_BLANK = (
        "{blank} of {count} photos are blank: one even color with nothing in it. Look whether they were saved rightly, "
        "or remove them."
    )
    MOSTLY_TINY = "Most photos are very small ({width} by {height} pixels): larger ones are told apart better."


# Beginning and end of the sentences that a catalog of version 3 stored, around their one argument.
OLD_LEFT_OUT: tuple[tuple[Code, str, str, str], ...] = (
    (RepeatCode.REPEATED_IN_CLASS, "name", "the same photo as “", "”, which is already in this class"),
    (RepeatCode.REPEATED_IN_TRAINING, "name", "the same photo as “", "”, which is among the training photos"),
    (RepeatCode.REPEATED_IN_VALIDATION, "name", "the same photo as “", "”, which is among the validation photos"),
    (RepeatCode.REPEATED_IN_TEST, "name", "the same photo as “", "”, which is among the test photos"),
    (NotEvaluatedCode.CLASS_NOT_TRAINED, "label", "not judged: there is no class “", "” to learn from"),
)

STORED_CODES: tuple[type[Code], ...] = (
    LeftOutCode, PhotoCode, SeveralCode, RepeatCode, NotEvaluatedCode, EditCode, NotTakenCode, IntakeCode,
    PackedCode, ShardCode, ShardLeftOutCode, TrainingCode, StepsCode,
)  # fmt: skip
_STORED = {code.id: code for codes in STORED_CODES for code in codes}


def restore(code_id: str, arguments: Mapping[str, Any], text: str) -> Message:
    """Return the message that was stored as the id of its code, its arguments and its English sentence ``text``.

    Where this version has no such code, or its sentence needs other arguments, the stored sentence stands for it.
    """
    code = _STORED.get(code_id, StoredCode.SENTENCE)
    restored = message(code, **arguments)
    try:
        str(restored)
    except (LookupError, TypeError, ValueError):
        return message(StoredCode.SENTENCE, text=text)
    return restored


def arguments_to_json(message: Message) -> str:
    """Return the arguments of a message as a JSON object, for ``restore``."""
    return json.dumps(dict(message.arguments), default=_argument_to_json)


def _argument_to_json(value: Any) -> int | float | str:
    """Return NumPy's numbers as Python's, everything else as its text."""
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)
