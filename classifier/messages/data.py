"""Codes of photos and of what they come in: files left out, folders and zips, pictures, projects, quality."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class LeftOutCode(Code):
    """Why a file was left out before its content was read."""

    JUNK = "a file the computer keeps for itself, not a photo"
    NO_CLASS = "not in a class folder: put it into a folder named after what it shows"
    LINK = "a link to another place, not a photo itself: put the photo here instead"
    NOT_A_FILE = "not a file with a picture in it"
    NAME_OUTSIDE = "its name points outside the folder it came in: rename it"
    NAME_UNREADABLE = "its name holds characters that cannot be read: rename it"


@unique
class IntakeCode(Code):
    """Why a folder or zip as a whole cannot be used."""

    MISSING = "There is no folder or zip at “{place}”; check the name and try again."
    TOO_MANY_FILES = "“{name}” holds more than {limit:,} files; choose the folder of photos only."
    EMPTY_FOLDER = "The folder “{name}” is empty; put one folder of photos per class into it."
    FOLDER_UNREADABLE = "The folder “{name}” cannot be read; check that you may open it."
    ZIP_DAMAGED = "The zip “{name}” is damaged or no zip at all; make it again from your photo folders."
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
    ZIP_NESTED = (
        "The zip holds another archive (“{member}”), so it was not opened; make a plain zip of your photo folders."
    )


@unique
class PhotoCode(Code):
    """Why one file is not a usable photo."""

    EMPTY_FILE = "The file is empty: 0 bytes; copy it again from where it came."
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
    TOO_LARGE = "The picture is too large to open; save it smaller."
    NO_MEMORY = "The picture needs more memory than this computer has free; save it smaller."
    CUT_OFF = "The file is cut off: its end is missing; copy it again from where it came."
    DAMAGED = "The picture is damaged: it could not be decoded; open it in another program and save it again."
    DAMAGED_HEADER = "The picture is damaged: it starts like a picture but does not go on as one; copy it again."
    PDF = "This is a PDF document, not a photo; save the photo as JPEG or PNG."
    ZIP = "This is a zip archive or an office document, not a photo; save the photo as JPEG or PNG."
    ARCHIVE = "This is an archive, not a photo; save the photo as JPEG or PNG."
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
    TEXT = "This is a text, not a picture."
    UNKNOWN_FORMAT = "This is not a picture this program can read; save it as JPEG or PNG."
