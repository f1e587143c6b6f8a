"""Codes of data set layouts: why a photo has no label, why a reading is asked about, why there is none."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class NotTakenCode(Code):
    """Why a photo has no label in a reading."""

    MASK = "a picture of a mask or label, by the name of its folder"
    BESIDE_SPLITS = "it lies beside the folders for training and testing"
    OUTSIDE_CLASSES = "it lies in no folder of a class"
    NOT_IN_TABLE = "the table does not name it"
    NO_LABEL = "its name holds no label"
    SEVERAL_LABELS = "it has several labels, and one label a photo is what this program can use"
    UNLABELED_SPLIT = "nothing says what it shows: kept apart as unlabeled"


@unique
class QuestionCode(Code):
    """Why a reading is not taken unasked."""

    NAMES = "the labels would come from file names alone"
    BOXES = "the labels would come from the boxes of an object detector"
    COLLECTIONS = "the same folder names recur in several folders"
    DATES = "the folders are dates"
    THIN_TABLE = "no header says which column is the label"
    FEW_NAMED = "the table names only some of the photos"
    FEW_LABELED = "some photos have no label"
    SEVERAL_LABELS = "many photos have several labels or none"
    TABLE_DIFFERS = "a table says otherwise than the folders"
    TABLES_DIFFER = "two tables say different things"
    SPLIT_AS_CLASS = "a folder is named like a part for training or testing"
    BESIDE_SPLITS = "more photos lie beside the folders for training and testing than in them"


@unique
class RefusalCode(Code):
    """Why there is no reading."""

    NO_PHOTOS = "there is no picture among the files"
    ONLY_ARRAYS = "the files hold arrays of numbers, not pictures"
    ONLY_ARCHIVES = "the files are archives that are not open"
    NO_LABELS = "nothing says what the pictures show"


@unique
class OriginCode(Code):
    """Where the labels of a reading come from, to be put after “from”."""

    FOLDERS = "folders"
    COLLECTIONS = "the folders that recur in several folders"
    NAMES_FIRST = "the beginning of the file names"
    NAMES_PART = "the file names"
    NAMES_ENDING = "the ending of the file names"
    COLUMN = "{file}, column “{column}”"
    TABLE = "{file}"
    BOXES = "the boxes of an object detector"


@unique
class EvidenceCode(Code):
    """How many pictures have a label, one member for each of ``OriginCode``."""

    FOLDERS = "{matched:,} of {total:picture|pictures} {total:*lies|lie} in a folder of a class"
    COLLECTIONS = "{matched:,} of {total:picture|pictures} {total:*lies|lie} in a folder whose name recurs"
    NAMES_FIRST = "{matched:,} of {total:picture|pictures} {total:*has|have} a name that begins with a recurring word"
    NAMES_PART = "{matched:,} of {total:picture|pictures} {total:*has|have} a recurring word in {total:*its|their} name"
    NAMES_ENDING = "{matched:,} of {total:picture|pictures} {total:*has|have} a name with a recurring ending"
    COLUMN = "{matched:,} of {total:picture|pictures} {total:*is|are} named in {by} of {file}"
    TABLE = "{matched:,} of {total:picture|pictures} {total:*is|are} named in {file}"
    BOXES = "{matched:,} of {total:picture|pictures} {total:*has|have} boxes of one class"


@unique
class ExampleCode(Code):
    """What is asked about a reading, one member for each of ``OriginCode``."""

    FOLDERS = "The folders are {classes:counts}: are these the classes?"
    COLLECTIONS = "The folders {classes:counts} recur in several folders: are these the classes?"
    NAMES_FIRST = "The names begin with {classes:counts}: are these the classes?"
    NAMES_PART = "The names contain {classes:counts}: are these the classes?"
    NAMES_ENDING = "The names end with {classes:counts}: are these the classes?"
    COLUMN = "Column “{column}” of {file} says {classes:counts}: are these the classes?"
    TABLE = "{file} says {classes:counts}: are these the classes?"
    BOXES = "The boxes are of {classes:counts}: are these the classes?"


@unique
class SummaryCode(Code):
    """The parts of the line that says what is read."""

    CLASSES = "{count:class|classes} from {origin}"
    PHOTOS = "{count:photo|photos}"
    TRAIN = "{count:photo|photos} to train on"
    VAL = "{count:,} to validate"
    TEST = "{count:,} to test"
    LEFT_OUT = "left out: {places:comma}"
    PLACE = "{folder} ({count:picture|pictures})"
    LOOSE = "{count:picture|pictures} in no folder"
    MORE_PLACES = "{count:other folder|other folders}"
    MORE_CLASSES = "{count:other class|other classes}"
    GROUPS = "{count:group|groups} of photos that belong together"


@unique
class AnswerCode(Code):
    """What the command line says where nothing is read unasked."""

    ASK = "It is not certain what the photos show: {question}. Choose with {choices:alternatives}."
    CHOICE = "--labels {option} ({summary})"
    REFUSED = "{count:picture|pictures} {count:*lies|lie} in {places:comma}, but {reason}."
    REFUSED_FILES = "Nothing can be learned from these files: {reason}."
    NO_SUCH_READING = "--labels {option} does not fit these files. {choices}"
    POSSIBLE = "What fits: {choices:alternatives}."
    NONE_POSSIBLE = "No other reading fits either."
