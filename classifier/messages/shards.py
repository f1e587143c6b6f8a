"""Codes of tar and Parquet files with photos, and of texts that list them."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class ShardCode(Code):
    """Why a tar or Parquet file, or a list of such, cannot be used as a whole."""

    TAR_DAMAGED = "“{name}” is cut off or damaged, or is no tar; copy or download it again."
    TOO_MANY_IN_SHARD = "“{name}” holds more than {limit:,} files; split it in two."
    TOO_BIG = "“{name}” unpacks to more than {limit:megabytes} megabytes; split it in two."
    BOMB = "“{name}” unpacks to more than {limit} times its size, as no photos do; it was not opened."
    OUTSIDE = (
        "“{name}” holds a file outside its own folder (“{member}”), so it was not opened; make it again from your "
        "photo folders."
    )
    EMPTY = "“{name}” holds no photo with a class."
    PARQUET_DAMAGED = "“{name}” is cut off or damaged, or is no Parquet file; copy or download it again."
    NEEDS_PYARROW = "“{name}” can only be read with the package pyarrow; install it: pip install pyarrow."
    NO_PICTURES = "“{name}” has no column of pictures; its columns are {columns:comma}."
    NO_COLUMN = "“{name}” has no column “{column}” that can name classes; its columns are {columns:comma}."
    WHICH_COLUMN = "Nothing says which column of “{name}” holds the classes; name one with --labels: {columns:comma}."
    LISTED_MISSING = "“{name}” lists “{place}”, which is not there; correct the list, or copy the file."


@unique
class ShardLeftOutCode(Code):
    """Why a file of a tar, or a row of a Parquet file, was left out."""

    LINK_IN_TAR = "a link inside a tar, which is not followed: put the photo itself in its place"
    PICKLE = "Python objects (pickle), which may run programs and are never opened"
    LABEL_MISSING = "nothing beside it says what it shows"
    NO_BYTES = "its row holds no picture"
