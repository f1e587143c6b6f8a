"""Sentences of the command line: what ``--help`` explains, what the commands print, and why one cannot run."""

from __future__ import annotations

from enum import unique

from . import EnglishCode


@unique
class CommandHelp(EnglishCode):
    """What each command does, by its name in capitals."""

    PROGRAM = "Train an image classifier on your own photos."
    APP = "serve the page, on which all of this is done in the browser"
    EXAMPLE = "draw a small photo-like set into a folder, or fetch a public one by name"
    CHECK = "show what the photos look like before training"
    TRAIN = "train a model and write it to a folder"
    REVIEW = "show the photos behind a score, and those that may be mislabeled"
    EVALUATE = "evaluate a model on labeled photos"
    PREDICT = "show what is in photos"
    SUGGEST = "say which photos without a class to accept together, and which to ask a person about first"
    THRESHOLD = "show what it costs to answer only when sure, or set how sure is enough"
    EXPORT = "write a model in another format, and verify that it answers the same"
    PROJECT = "save a project in one file, open one, rename one of its trainings, or undo its last edit"


@unique
class ArgumentHelp(EnglishCode):
    """What each argument means that is no field of ``TrainConfig``."""

    JSON = "print the result as one JSON object on the last line"
    PER_CLASS = "photos of each class (default: 24; with --set all, else the first N of each class and part)"
    SET = "fetch a public set: cifar10, mnist, fashion_mnist, flowers, oxford_pets or eurosat"
    DATA = (
        "a folder or zip of photos with their classes: in folders, in a table, or with --labels in other ways; a .tar "
        "(WebDataset), a .parquet, or a text that lists such; several may be named, such as train.zip test.zip"
    )
    REVIEW_DATA = "folders or zips of photos with their classes, trained on quickly; or a project of the page"
    LABELS = (
        "where the classes come from: folders[:LEVEL], names[:first|ending], boxes, FILE[:COLUMN] for a table, or "
        "COLUMN of a .parquet or of a tar's .json (default: the only way that fits)"
    )
    GROUPS = (
        "which photos belong together: auto, names, folders, FILE for a table, COLUMN of a .parquet, or none (but near "
        "duplicates)"
    )
    REDUCED = (
        "keep only copies of 512 pixels of the photos in .tar and .parquet files, for data that is larger than the disk"
    )
    MAX_FILES = "refuse data of more files (default: no limit)"
    TEST_LABELS = "where the classes of the photos of --test come from, as with --labels"
    RUN = "which training of the project (default: the newest)"
    MODEL = "the model"
    PATHS = "photos, or folders, zips, tars or Parquet files of photos"
    TOP_K = "answers per photo"
    QUESTIONS = "photos to ask about"
    CSV = "also write the answers as a table"
    SORT_INTO = "also copy the photos into a folder per class below DIR, and one for those it is not sure of"
    THRESHOLD = "from 0 (always answer) to 1; saved in the model, where it removes costs"
    COST = (
        "missing this class is WEIGHT times as bad as a false alarm; thresholds per class follow from it and are saved "
        "in the model; may be repeated"
    )
    UNSURE_COST = "cost of “not sure”, where a false alarm costs 1 (default: 0.5)"
    OUT = "where the model goes (with --project: by default into the project)"
    PROJECT = (
        "keep photos, classes, changes and trainings in the project in this folder, which is made if it is new; photos "
        "that it has already stay as they are there"
    )
    PROJECT_ACTION = (
        "what to do: save FROM a project TO a file, open FROM a file TO a new folder, rename in a project, or undo the "
        "last edit of a project, such as adding photos"
    )
    PROJECT_FROM = "the folder of a project; with open, a project file"
    PROJECT_TO = "the file to write; with open, the new folder; with rename, the name of a training; not with undo"
    PROJECT_TITLE = "with rename, what the training and its model are called; none: its own name"
    WITHOUT_PHOTOS = "save labels, trainings and models without the photos"
    TO = "zip, onnx, pt2, hub, web or space"
    EXPORT_OUT = "where the export goes, a new file or folder; hub:owner/name publishes it on the Hugging Face Hub"
    EXPORT_PHOTOS = (
        "photos to verify the export with, best some that the model was not trained on (default: drawn pictures); may "
        "be repeated"
    )
    PUBLIC = "with --out hub:…: everybody may see it (default: you alone)"
    TITLE = "with --to web or space: what the model is called there"
    SHOW = "with --to hub or web: a photo that whoever sees the card or the page may see; may be repeated"
    SELF_CHECK = "only try whether training can work, and show why not"
    TEST = "a folder or zip of photos with their classes to evaluate the finished model on"
    SET_APART = "set a share of the photos apart to test with, from 0 to 1; those that belong together stay together"
    DEVICE = "cpu, cuda, cuda:1 or mps (default: the best there is)"
    DEEP_GROUP = "deep training"
    WITH_DEFAULT = "{text} (default %(default)s)"
    CHOSEN_BY_TIME = "{text} (default: by the time)"


@unique
class OptionHelp(EnglishCode):
    """What an option means, by the name of its field of ``TrainConfig`` in capitals; else its label stands there."""

    MODE = "quick takes seconds; auto begins with quick and improves it; deep trains the network itself, in minutes"
    BACKBONE = "a timm network"
    DOMAIN = "kind of pictures"
    SEED = "on a CPU the same number on the same photos gives the same model; on a GPU nearly the same"
    MINUTES = "about how long it may take; 0: as long as it takes"
    UNFREEZE = "how many of the last stages are trained; 0: the whole network"
    EPOCHS = "rounds over the photos"
    BATCH = "photos per step"
    LEARNING_RATE = "of the last stage; that of the head is larger, that of the first stages smaller"
    OPTIMIZER = "rule of each step"


@unique
class CommandCode(EnglishCode):
    """Why a command cannot run."""

    MISUNDERSTOOD = "This command cannot be understood ({why}); “{program} --help” lists what it takes."
    FILE_UNUSABLE = "“{file}” cannot be used ({why}); check the name and try again."
    STOPPED = "Stopped."
    FOLDER_NOT_EMPTY = "“{folder}” is there already and not an empty folder; name a new one."
    PER_CLASS_TOO_SMALL = "{count} photos of each class were asked for; ask for at least 1."
    TEST_UNREAD = "The photos of --test: {why}"
    NO_DATA = "No photos were named; name a folder or zip, or with --project a project that has photos."
    NO_OUT = "No folder was named for the model; name one with --out FOLDER."
    NO_RUN = "“{data}” has no training called “{run}”; name one of those on the page."
    NO_FILE = "There is no file “{file}”; check the name."
    NO_FOLDER = "there is no such folder"
    TABLE_NOT_WRITTEN = "The table cannot be written to “{file}” ({why}); name another place."


@unique
class OutputCode(EnglishCode):
    """What the commands print without ``--json``."""

    EXAMPLE_DRAWN = "Drawn into {folder}: now try “python -m classifier train {folder} --out model”."
    SET_FETCHED = (
        "{photos:photo|photos} of {classes:class|classes} are in {folder}: now try “python -m classifier train "
        "{folder} --out model”."
    )
    READING = "{reading}"
    TEST_READING = "Of --test: {reading}"
    PHOTO_COUNT = "{images:photo|photos} in {classes:class|classes}"
    CLASS_COUNT = "  {count:6}  {label}"
    SPLIT_COUNT = "{split}: {counts:counts}"
    LEFT_OUT = "left out: {file}: {reason}"
    LEFT_OUT_SEVERAL = "left out: {file} and {more} more: {reason}"
    IN_SEVERAL_CLASSES = "it lies in {labels:list} at once: keep it in one of them"
    IN_MANY_CLASSES = "it lies in {labels:comma} and {more} more classes at once: keep it in one of them"
    CONFLICT = "  {file}: {reason}."
    REPEATS = "{repeats:exact repeat|exact repeats}, {groups:group|groups} of look-alikes"
    LABEL_ISSUE = "  {file}: is it really {label}? It looks like {suggested}."
    POOR_PHOTO = "  {file}: {advice}."
    TEST_SCORE = "On the test photos: {score}"
    EXPORTED = "The export is in {out}, {size:megabytes} MB. {verification}"
    PUBLISHED = "{done} {size:megabytes} MB. {verification}"
    MODEL_WRITTEN = "The model is in {folder}, made in {seconds:.1f} seconds."
    REVIEW_SCORE = "{score}; {total:photo|photos} judged"
    TAKEN_FOR = "  {label} taken for {predicted}: {file}"
    TAKEN_FOR_SEVERAL = "  {label} taken for {predicted}: {file} and {more} more"
    ADDED = "{count} added since then"
    REMOVED = "{count} removed since then"
    RELABELED = "{count} moved to another class since then"
    THRESHOLD = "It answers when it is at least {threshold:.0%} sure."
    THRESHOLD_SET = "It answers when it is at least {threshold:.0%} sure. This is saved."
    CLASS_THRESHOLDS = "It answers by a threshold of each class."
    CLASS_THRESHOLDS_SET = "It answers by a threshold of each class. This is saved."
    CLASS_THRESHOLD = "  {threshold:6.1%}  {label}"
    CLASS_SCORE = "  {label}: {found}; {right}"
    COST_UNKNOWN = "What that costs is not known of this model; train it again to see."
    COST = "  {threshold:4.0%} sure: {cost}"
    PREDICTED = "{file}: {top}"
    PREDICTED_OTHER = "{file}: answer {answer}, by its threshold: {top}"
    NOT_SURE = "{file}: not sure, {reason}: {top}"
    NOT_PREDICTED = "{file}: {reason}"
    CONFIDENCE = "{label} {confidence:.1%}"
    PROGRESS = "{step}: {done} of {total}"
    PROGRESS_LEFT = "{step}: {done} of {total}, {seconds:.0f} s left"
    PROGRESS_MEGABYTES = "{step}: {done} of {total} MB"
    PROGRESS_MEGABYTES_LEFT = "{step}: {done} of {total} MB, {seconds:.0f} s left"
    EPOCH = (
        "Round {number} of {total}: {val_accuracy:.1%} of new photos right, {accuracy:.1%} of those it is trained on"
    )
