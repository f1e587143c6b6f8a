"""Codes of files that cannot be written."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class StorageCode(Code):
    """Why a file could not be written."""

    DISK_FULL = "The disk is full: nothing more can be saved; free some space and try again."
    NOT_WRITTEN = "A file could not be saved; check that this program may write to its folder."
    NOT_WRITTEN_TO = "“{place}” cannot be written ({why}); check that this program may write there."
