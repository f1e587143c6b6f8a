"""Codes of the Photos tab, with the questions about data sets as they come: how an upload was read, and help."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class PhotosCode(Code):
    """The Photos tab."""

    TAB = "1 · Photos"
    DROP_TITLE = "Drop your photos here"
    DROP_HINT = (
        "A folder with one folder inside for each class, or a zip of it. A table of labels, or labels in the file "
        "names, work too. Of single photos you will be asked what they show."
    )
    DROP_CHOOSE = "Choose photos or a zip"
    ABOUT_CLASSES = (
        "A class is a kind of thing to tell apart, such as <b>cat</b>. Two classes are needed. Ten photos of each "
        "are a start, fifty are good."
    )
    EXAMPLE = "No photos at hand? Try with example photos"
    NEXT = "Next: train"
    NEXT_NEEDS_CLASS = "Add a second class, then you can train"
    CLASSES_HINT = "Press a class to see its photos. Drop photos on a class to add them to it, or to move them there."
    CLASS_BAR = "{label}: {count:photo|photos}"
    NO_CLASS = "It is not clear which class was meant; reload the page."
    EARLIER = "Earlier"
    LATER = "Later"
    SHOWN = "“{label}”: {total:photo|photos}"
    SHOWN_PART = "“{label}”: {first} to {last} of {total:photo|photos}"
    EDIT_CLASS = "Rename or remove “{label}”"
    NEW_NAME = "New name"
    RENAME = "Rename"
    REMOVE_CLASS = "Remove class"
    REMOVE_QUESTION = "Remove the class “{label}” with its {count:photo|photos}?"
    REMOVE_YES = "Remove “{label}”"
    REMOVE_NO = "Keep it"
    SKIP = "Skip this list"
    SELECT_ALL = "All shown"
    SELECT_PHOTO = "Choose {name}"
    MOVE_TO = "other class"
    MOVE_TO_LABEL = "Class to move the chosen photos to"
    MOVE = "Move"
    REMOVE = "Remove"
    COUNTS = "{photos:photo|photos} in {classes:class|classes}"
    ADDED = "Added {count:photo|photos}."
    ADDED_NONE = "No new photos."
    ALREADY_HERE = "{count:photo|photos} {count:*was|were} here already."
    LEFT_OUT = "{count:file was|files were} left out; see why below."
    SEVERAL = "{count:file holds|files hold} several pictures, of which one is used; see below."
    NOT_ARRIVED = "{count:file|files} did not arrive; add them again."
    MOVED = "Moved {count:photo|photos}."
    REMOVED = "Removed {count:photo|photos}."
    RENAMED = "“{old}” is now “{new}”."
    CLASS_REMOVED = "Removed the class “{label}” with its {count:photo|photos}."
    NONE_SELECTED = "No photos were chosen; tick the ones you mean first."
    LEFT_OUT_SUMMARY = "<b>{count:file was|files were} left out</b> - see why"
    SEVERAL_SUMMARY = "<b>{count:file is|files are} used in part</b> - see which picture"
    LEFT_OUT_REASON = "<b>{count:,}</b> {reason}"
    CONFLICTS_SUMMARY = (
        "<b>{count:photo is|photos are} in more than one class</b> - remove each from the classes where it is wrong"
    )


@unique
class GridScript(Code):
    """The words of ``grid.js``."""

    SELECT = "Choose photos to move or remove them"
    SELECTED = "{count} chosen"


@unique
class ReadingCode(Code):
    """What was read out of an upload, and the questions about it."""

    TAKEN = "Read as {reading}."
    OTHERS = "Read it another way"
    QUESTION = "How are these photos sorted?"
    NOTHING_YET = "Nothing is added until you choose."
    WAITS = "These photos are not added yet"
    WAITS_WHY = "They are kept here and need not be sent again: make room for them, then press the button."
    REFUSED = "Nothing was added"
    REFUSED_HELP = "“Other ways to bring photos” below shows what can be read. Change it and drop it again."
    TABLE_NEXT = "If a table says what they show, drop it here now."
    CLOSE = "Close"
    TAKE = "Take these {count:,} classes"
    TAKE_ONE = "Take this one class"
    CLASS_COUNT = "{label} ({count:,})"
    MORE_CLASSES = "and {count:,} more"
    PICTURE_OF = "A photo of {label}"
    WHICH_CLASS = "Which class do these {count:,} photos belong to?"
    WHICH_CLASS_ONE = "Which class does this photo belong to?"
    ALL_ONE_CLASS = "Or are all {count:,} photos of one class?"
    FORGOTTEN = "Forgotten. Nothing was added."
    WHICH_READING = "It is not clear which way was meant; reload the page."
    EMPTY_CLASS = "Write which class the photos belong to first."


@unique
class PurposeCode(Code):
    """What photos are for, by the name of their split."""

    TRAIN = "For training"
    VAL = "For validation"
    TEST = "For testing"
    HELD_OUT = "Set aside"


@unique
class PurposeHintCode(Code):
    """What follows from what photos are for, by the name of their split."""

    TRAIN = "The model learns from these photos."
    VAL = "Nothing is learned from these photos; they help to choose the best model."
    TEST = "Nothing is learned from these photos; they show how good the model is."
    HELD_OUT = "These photos are used for nothing. They are kept until you remove them."


@unique
class MovedCode(Code):
    """What was done with photos that are for something else now, by the name of their split."""

    TRAIN = "{count:photo|photos} {count:*is|are} for training now."
    VAL = "{count:photo|photos} {count:*is|are} for validation now."
    TEST = "{count:photo|photos} {count:*is|are} for testing now: nothing is learned from {count:*it|them}."
    HELD_OUT = "{count:photo|photos} {count:*is|are} set aside now: used for nothing, but kept."


@unique
class SplitsCode(Code):
    """Choosing what photos are for, and setting a share apart for testing."""

    SHOWN = "Which photos"
    CHOICE = "{purpose} ({count:,})"
    USE = "Use…"
    USE_LABEL = "What the chosen photos are to be for"
    WHICH_PURPOSE = "It is not clear what the photos are to be for; reload the page."
    WHICH_SHARE = "It is not clear how many photos to set apart; reload the page."
    TITLE = "Set a share apart for testing"
    ABOUT = (
        "The model is then tested on photos that it did not learn from. They come from every class, and photos that "
        "belong together stay together."
    )
    SHARE = "How many of the photos for training"
    TENTH = "A tenth"
    FIFTH = "A fifth"
    THIRD = "A third"
    PLAN = "About {count:,} of {total:photo|photos}, whole groups, from each class."
    PRESS = "Set them apart"
    DONE = "{count:,} of {total:photo|photos} {count:*was|were} set apart for testing: {classes:counts}."
    DONE_MANY = (
        "{count:,} of {total:photo|photos} {count:*was|were} set apart for testing, from {classes:class|classes}: "
        "{each} of each."
    )
    FROM_TO = "{low:,} to {high:,}"
    NONE_OF = "None of {labels:list}: the photos of a class that all belong together cannot be divided."
    BACK = "Back to training: {count:test photo|test photos}"


@unique
class JoinCode(Code):
    """Joining classes that may be one."""

    SIMILAR = "{classes:counts} are written almost alike. Are they one class?"
    JOIN_AS = "Join them as “{label}”"
    EXISTS = "There is a class “{label}” already, with {count:photo|photos}: join the two?"
    JOIN = "Join the two"
    KEEP = "Keep both"
    JOINED = "Joined {labels:list}: the class is now “{label}”."
    WHICH_CLASSES = "It is not clear which classes were meant; reload the page."


@unique
class HelpCode(Code):
    """The help of the Photos tab: one sentence for each way to bring photos, and a picture of its files."""

    TITLE = "Other ways to bring photos"
    ABOUT = "Drop what you have, as it is. What was read is shown at once, and where several ways fit you are asked."
    FOLDERS = "<b>One folder for each class.</b>"
    FOLDERS_TREE = """photos/
  cat/    1.jpg  2.jpg  …
  dog/    1.jpg  2.jpg  …"""
    SPLITS = "<b>Folders to train and to test.</b> Nothing is learned from test; it shows how good the model is."
    SPLITS_TREE = """photos/
  train/
    cat/    1.jpg  2.jpg  …
    dog/    1.jpg  2.jpg  …
  val/      cat/  dog/
  test/     cat/  dog/"""
    TABLE = "<b>A table beside the photos</b> that names each photo and its class: csv, tsv, xlsx or json."
    TABLE_TREE = """photos/
  images/   1.jpg  2.jpg  …
  labels.csv

labels.csv:
  file,label
  1.jpg,cat
  2.jpg,dog"""
    NAMES = "<b>The class in the name of the file.</b> You are asked whether the words are the classes."
    NAMES_TREE = """photos/
  cat.1.jpg  cat.2.jpg  …
  dog.1.jpg  dog.2.jpg  …"""
    EXPORT = "<b>An export of Roboflow or of a YOLO program,</b> if each photo shows one class."
    EXPORT_TREE = """export/
  train/  _classes.csv  1.jpg  …
  valid/  _classes.csv  5.jpg  …

yolo/
  data.yaml
  images/   1.jpg  2.jpg  …
  labels/   1.txt  2.txt  …"""
    ZIP = "<b>A zip of any of these.</b> Zips named train and test can be dropped together."
    ZIP_TREE = """photos.zip

train.zip  test.zip"""
