"""Codes of data set layouts: why a photo has no label, why a reading is asked about, why there is none."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class NotTakenCode(Code):
    """Why a photo has no label in a reading."""

    MASK = "a picture of a mask or label, by the name of its folder or its own"
    BESIDE_SPLITS = "it lies beside the folders for training and testing"
    OUTSIDE_CLASSES = "it lies in no folder of a class"
    NOT_IN_TABLE = "the table does not say what it shows"
    NO_BOX = "no box says what it shows"
    NO_LABEL = "its name holds no label"
    SEVERAL_LABELS = "it has several labels, and one label a photo is what this program can use"
    UNLABELED_SPLIT = "nothing says what it shows: kept apart as unlabeled"
    UNLABELED = "it lies in a folder for photos without a label"


@unique
class QuestionCode(Code):
    """Why a reading is not taken unasked."""

    NAMES = "the labels would come from file names alone"
    BOXES = "the labels would come from the boxes of an object detector"
    COLLECTIONS = "the same folder names recur in several folders"
    DATES = "the folders are dates"
    GROUPS = "the folders are named like patients, videos or sessions"
    NO_CLASS_NAMES = "the names of the folders say nothing about what the photos show"
    THIN_TABLE = "no header says which column is the label"
    RARE_VALUES = "the column has many different values for so few photos"
    SEVERAL_CANDIDATES = "several columns of the table may be the label"
    FEW_NAMED = "the table names only some of the photos"
    FEW_LABELED = "some photos have no label"
    SEVERAL_LABELS = "many photos have several labels or none"
    TABLE_DIFFERS = "a table says otherwise than the folders"
    TABLES_DIFFER = "two columns or tables say different things"
    SPLIT_AS_CLASS = "a class is named like a part for training or testing"
    FORM_AS_CLASS = "a folder is named like a form of pictures and not like a class"
    BESIDE_SPLITS = "more photos lie beside the folders for training and testing than in them"


@unique
class AskedCode(Code):
    """Why a reading is not taken unasked, with names and numbers; the members are named as in ``QuestionCode``."""

    SPLIT_AS_CLASS = "{folders:list} {count:*is|are} named like {count:*a part|parts} for training or testing"
    FORM_AS_CLASS = "{folders:list} {count:*is|are} named like {count:*a form|forms} of pictures and not like a class"
    SEVERAL_LABELS = (
        "several labels a photo are not possible here: {several:,} of {total:picture|pictures} {several:*has|have} "
        "several and {none:,} none, which would be left out"
    )
    FEW_NAMED = "{file} names only {count:,} of {total:picture|pictures}"
    FEW_LABELED = "only {count:,} of {total:picture|pictures} {total:*has|have} a label so"
    TABLE_DIFFERS = "{file} says otherwise than the folders"


@unique
class NoteCode(Code):
    """What else a person should know of a reading."""

    SPELLINGS = "Names that differ only in spelling between the parts are one class: {pairs:comma}."
    SPELLING = "“{name}” is “{label}”"
    PUT_TOGETHER = (
        "The photos of {count:folder|folders} below the folders of classes were put together with those of their class."
    )
    DIVIDED_GROUPS = (
        "{count:,} of {total:group|groups} of photos that belong together {count:*lies|lie} in more than one of the "
        "given parts for training and testing: the score on them may be too good."
    )
    NAMED = "The names of the classes are from {file}."
    SEVERAL = "{count:photo|photos} with several labels {count:*is|are} left out."
    SPLITS = "The parts for training and testing are from {file}."
    UNREADABLE = "{file} was not read: {reason}."
    LONE_SPLIT = "All photos lie in the folder “{folder}”, named like a part for testing; they are used to train on."
    COMPLETED = "{count:photo|photos} to test with {count:*has|have} {count:*its|their} class from {files:comma}."


@unique
class RefusalCode(Code):
    """Why there is no reading."""

    NO_PHOTOS = "there is no picture among the files"
    ONLY_ARRAYS = "the files hold arrays of numbers, not pictures"
    ONLY_ARCHIVES = "the files are archives that are not open"
    ONLY_MASKS = "all pictures are masks or drawn labels, by the names of their folders"
    NO_LABELS = "nothing says what the pictures show"
    SEVERAL_LABELS = "several labels a photo are not possible here"


@unique
class ReasonCode(Code):
    """Why photos have no label, reason by reason."""

    NO_FOLDERS = "{count:picture|pictures} {count:*lies|lie} in no folder"
    ONE_FOLDER = "all lie in one folder, “{folder}”, whose name is no class"
    ONLY_SPLITS = "the folders {folders:list} are parts for training and testing, and hold no folders of classes"
    ONE_CLASS = (
        "the photos to train on are all of one class, “{label}”, and {count:other class has|other classes have} none"
    )
    NO_CLASS_FOLDERS = "they do not lie in one folder for each class"
    MASKS = "{count:picture|pictures} {count:*is a mask or drawn label|are masks or drawn labels}"
    BESIDE_SPLITS = "{count:picture|pictures} {count:*lies|lie} beside the folders for training and testing"
    NO_TABLE = "no table beside them names them"
    TABLE_FEW = "{file} names only {count:,} of them"
    TABLE_NO_COLUMN = "{file} names {count:,} of them, but no column of it holds labels"
    TABLE_UNREADABLE = "{file} was not read: {reason}"
    SEVERAL_LABELS = (
        "{file} gives {several:,} of {total:picture|pictures} several labels and {none:,} none; this program can use "
        "one label a photo, and the rest {rest:*is|are} not photos of two classes"
    )
    SEVERAL_BOXES = (
        "{several:,} of {total:picture|pictures} with boxes hold several classes, and the rest are not photos of two"
    )
    CAMERA_NAMES = "their names are those that cameras and apps give"
    NUMBER_NAMES = "their names are numbers or codes"
    OTHER_NAMES = "their names do not begin with words that recur"


@unique
class FileKindCode(Code):
    """What files are that are no pictures, and what to do with them."""

    IDX = "{files:quoted} {count:*is|are} in MNIST's idx format: arrays of numbers"
    HDF5 = "{files:quoted} {count:*is|are} in HDF5 format: arrays of numbers"
    NUMPY = "{files:quoted} {count:*is|are} in NumPy's format: arrays of numbers"
    MATLAB = "{files:quoted} {count:*is|are} in Matlab's format: arrays of numbers"
    TFRECORD = "{files:quoted} {count:*is|are} in TensorFlow's record format: packed records"
    LMDB = "{files:quoted} {count:*is|are} an LMDB database: packed records"
    PARQUET = "{files:quoted} {count:*is|are} in Parquet or Arrow format: packed tables"
    PICKLE = "{files:quoted} {count:*is|are} in Python's pickle format, which could run any program and is never opened"
    CIFAR = (
        "{files:quoted} {count:*is|are} CIFAR as Python pickles it; a pickle could run any program and is never opened"
    )
    CIFAR_HELP = (
        "Get the binary version, cifar-10-binary.tar.gz or cifar-100-binary.tar.gz from "
        "https://www.cs.toronto.edu/~kriz/cifar.html, and give that"
    )
    ARRAYS_HELP = "Save each picture in them as a file of its own, PNG or JPEG, in one folder for each class"
    ARCHIVES = "there {count:*is|are} only {count:archive|archives}: {files:quoted}"
    ARCHIVES_HELP = (
        "They are not joined by guess: give one of them, give several one after another, each with its part (train, "
        "test) or its class as its name, or unpack them into one folder with one folder for each class"
    )
    OTHER_ARCHIVES_HELP = "Only zip and tar are opened here: unpack them into one folder with one folder for each class"
    VIDEOS = "there {count:*is|are} only {count:video|videos}: {files:quoted}"
    VIDEOS_HELP = "Save pictures from them, in one folder for each class"
    FILES = "there are only other files: {kinds:counts}"
    NO_FILES = "there is no file"
    FILES_HELP = "Give JPEG, PNG or other pictures, in one folder for each class"


@unique
class OriginCode(Code):
    """Where the labels of a reading come from, to be put after “from”."""

    FOLDERS = "folders"
    LEVEL = "the folders on level {level}"
    COLLECTIONS = "the folders that recur in {count:folder|folders}"
    NAMES_FIRST = "the beginning of the file names"
    NAMES_PART = "the file names"
    NAMES_ENDING = "the ending of the file names"
    COLUMN = "{file}, column “{column}”"
    TABLE = "{file}"
    BOXES = "the boxes of an object detector"
    STATED = "the labels that come with the photos"


@unique
class EvidenceCode(Code):
    """How many pictures have a label, one member for each of ``OriginCode``."""

    FOLDERS = "{matched:,} of {total:picture|pictures} {total:*lies|lie} in a folder of a class"
    LEVEL = "{matched:,} of {total:picture|pictures} {total:*lies|lie} in a folder on level {level}"
    COLLECTIONS = "{matched:,} of {total:picture|pictures} {total:*lies|lie} in a folder whose name recurs"
    NAMES_FIRST = "{matched:,} of {total:picture|pictures} {total:*has|have} a name that begins with a recurring word"
    NAMES_PART = "{matched:,} of {total:picture|pictures} {total:*has|have} a recurring word in {total:*its|their} name"
    NAMES_ENDING = "{matched:,} of {total:picture|pictures} {total:*has|have} a name with a recurring ending"
    COLUMN = "{matched:,} of {total:picture|pictures} {total:*is|are} named in column {by}, with a label"
    TABLE = "{matched:,} of {total:picture|pictures} {total:*is|are} named in column {by}, with one label"
    BOXES = "{matched:,} of {total:picture|pictures} {total:*has|have} boxes of one class"
    STATED = "{matched:,} of {total:picture|pictures} {total:*comes|come} with a label"


@unique
class ExampleCode(Code):
    """What is asked about a reading, one member for each of ``OriginCode``."""

    FOLDERS = "The folders are {classes:comma}: are these the classes?"
    LEVEL = "The folders on level {level} are {classes:comma}: are these the classes?"
    COLLECTIONS = "The folders {classes:comma} recur in {count:folder|folders}: are these the classes?"
    NAMES_FIRST = "The names begin with {classes:comma}: are these the classes?"
    NAMES_PART = "The names contain {classes:comma}: are these the classes?"
    NAMES_ENDING = "The names end with {classes:comma}: are these the classes?"
    COLUMN = "The column “{column}” of {file} holds {classes:comma}: are these the classes?"
    TABLE = "The table {file} holds {classes:comma}: are these the classes?"
    BOXES = "The boxes hold {classes:comma}: are these the classes?"
    STATED = "The labels that come with the photos are {classes:comma}: are these the classes?"


@unique
class SummaryCode(Code):
    """The parts of the line that says what is read."""

    CLASSES = "{count:class|classes} from {origin}"
    PHOTOS = "{count:photo|photos}"
    TRAIN = "{count:photo|photos} to train on"
    VAL = "{count:,} to validate"
    TEST = "{count:,} to test"
    UNLABELED = "{count:,} without a label, kept apart"
    LEFT_OUT = "left out: {places:comma}"
    PLACE = "{folder} ({count:picture|pictures})"
    LOOSE = "{count:picture|pictures} in no folder"
    AMONG = "{count:picture|pictures} among these"
    IN_FOLDER = "{count:,} in {folder}"
    IN_NO_FOLDER = "{count:,} in no folder"
    MORE_PLACES = "{count:other folder|other folders}"
    CLASS = "{label} ({count:,})"
    MORE_CLASSES = "{count:other|others}"
    GROUPS = "{count:group|groups} of photos that belong together"


@unique
class AnswerCode(Code):
    """What the command line says where nothing is read unasked."""

    QUESTION = "{question}."
    ASK = "It is not certain what the photos show: {question}. Choose: {choices:semicolons}."
    CHOICE = "--labels {option} for {classes:comma} ({summary})"
    REFUSED = (
        "There {count:*is|are} {count:picture|pictures} ({places:comma}), but {refusal}: {reasons:semicolons}. Put "
        "them into one folder for each class, or add a table with a column of file names and a column of labels."
    )
    REFUSED_FILES = "There is no picture to learn from: {kinds:semicolons}. {help}."
    NO_SUCH_READING = "--labels {option} does not fit these files: {reason}. {choices}"
    NO_SUCH_GROUPS = "--groups {option} does not fit these files: {reason}."
    POSSIBLE = "Possible here: {choices:semicolons}."
    NONE_POSSIBLE = "No other reading is possible either."


@unique
class OptionCode(Code):
    """Why an option fits no reading."""

    NO_FOLDERS = "the photos do not lie in folders of classes on that level"
    NO_NAMES = "the file names hold no recurring words there"
    NO_BOXES = "no boxes name the photos"
    NO_FILE = "there is no table {file} among them"
    FILE_UNREADABLE = "{file} was not read, since {reason}"
    NO_PHOTO_NAMED = "{file} names none of the photos"
    NO_COLUMN = "{file} has no column {column}; it has {columns:list}"
    NO_LABELS = "that column gives no two classes"
    NO_GROUPS = "they show no groups there"
    NO_WORD = "it must be {words:alternatives}"


@unique
class UnreadableCode(Code):
    """Why a table or annotation was not read."""

    TOO_LARGE = "it is larger than a table of labels should be"
    HOSTILE = "it has longer cells, or more columns or rows, than a table of labels"
    NEEDS_TABLES = (
        "Excel and Parquet tables need an extra package (pip install '.[tables]' where this program lies); or save it "
        "as CSV"
    )
    OLD_TABLE = "tables of this kind are not read; save it as CSV"
    DAMAGED = "it is damaged"
    CANNOT_OPEN = "it cannot be opened"
