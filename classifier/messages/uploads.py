"""Codes of uploads: why files that a browser sends are not taken."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class UploadErrorCode(Code):
    """The answers of the upload route; the page shows them where a picture of the camera cannot be sent."""

    TOO_LARGE = "The files are larger than the {limit:,} bytes that are taken at once; send less."
    TOO_MANY = "More than {limit:,} files came in one request; send them in parts."
    NO_FILES = "No files came with this request; choose them again."
    NOT_UNDERSTOOD = "This upload could not be understood or broke off; send it again."
    LOGIN = "Log in first; then send the files again."
