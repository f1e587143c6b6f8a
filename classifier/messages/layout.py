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

    NO_PHOTOS = "no photos"
    ONLY_ARRAYS = "only arrays"
    ONLY_ARCHIVES = "only archives"
    NO_LABELS = "no labels"
