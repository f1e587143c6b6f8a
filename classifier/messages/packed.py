"""Why files of packed pictures, MNIST's idx files and CIFAR's binary ones, are not used."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class PackedCode(Code):
    """Why one file was left out, to be put after its name."""

    LABELS_MISSING = "holds pictures, but there is no “{file}” beside it that says what they show: add that file"
    PICTURES_MISSING = "holds labels, but there is no “{file}” beside it with the pictures: add that file"
    PACKED_TWICE = "holds the same as “{file}”, which is used"
    LABELS_DIFFER = (
        "holds {count:picture|pictures}, and “{file}” has {labels:label|labels}: they do not belong together; get both "
        "again"
    )
    NOT_IDX = "it is not in MNIST's idx format, with one byte for each value: get it again"
    PACKED_CUT_OFF = (
        "it claims to hold {count:picture|pictures} of {size:,} bytes each and does not: copy or download it again"
    )
    NOT_CIFAR = "it does not hold whole pictures of {size:,} bytes, as CIFAR's binary files do: get it again"
    LABEL_UNKNOWN = "it holds the label {label}, and there are only {count:class|classes}: get it again"
    PACKED_DAMAGED = "it is damaged: copy or download it again"


@unique
class PackedErrorCode(Code):
    """Why pictures that are packed in files are not unpacked at all."""

    UNUSABLE = "No picture can be read from “{file}”: {why}."
    TOO_MANY = "There are {count:,} pictures in {files:list}, and at most {limit:,} are taken at once."
    TOO_BIG = "The pictures in {files:list} have more than {limit:megabytes} megabytes, which is too much."
