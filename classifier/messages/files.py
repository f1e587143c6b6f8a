"""Codes of files and folders that cannot be written."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class StorageCode(Code):
    """Why a file could not be written."""

    DISK_FULL = "The disk is full: nothing more can be saved; free some space and try again."
    READ_ONLY = "The disk can only be read at present: nothing is saved until it can be written to again."
    NOT_WRITTEN = "A file could not be saved; check that this program may write to its folder."
    NOT_WRITTEN_TO = "“{place}” cannot be written ({why}); check that this program may write there."
    NO_HOME = "This user has no home folder to keep projects in; name a folder for them in CLASSIFIER_HOME."
    TEMPORARY_CACHE = (
        "The cache folder “{folder}” cannot be written ({why}): a temporary one is used, which is deleted when this "
        "program ends."
    )
    NOT_PRINTED = "The output could not be written ({why}); files that the command made, such as a model, are complete."
    REFUSED = "The operating system refused ({why}); check disk, memory and permissions, and try again."
