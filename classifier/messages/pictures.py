"""Codes of pictures and tables of a report: the confusion matrix, the learning curves, the numbers."""

from __future__ import annotations

from enum import unique

from . import Code, EnglishCode


@unique
class PictureCode(EnglishCode):
    """Words in a picture; only letters that Pillow's own font has."""

    CONFUSION = "What was taken for what"
    CONFUSION_WORST = "What was taken for what: the {shown} of {total} classes with the most mistakes"
    ROWS = "Rows: the photo's class. Columns: the answer. Blue: right. Orange: wrong."
    NOT_JUDGED = "not judged"
    NUMBERED = "{number} {name}"
    ACCURACY = "Photos right"
    LOSS = "Error (loss), lower is better"
    ROUND = "round"
    TRAIN = "photos it learns from"
    VAL = "photos held out"
    BEST = "best round: {number}"
    NO_EPOCHS = "There is no round to draw."


@unique
class NumberCode(EnglishCode):
    """The heads and measures of a table of numbers."""

    MEASURE = "measure"
    CLASS = "class"
    PREDICTED = "answer"
    VALUE = "value"
    TRAINED = "photos trained on"
    JUDGED = "photos judged"
    ACCURACY = "accuracy"
    ACCURACY_LOW = "accuracy, lower end of the 95 % interval"
    ACCURACY_HIGH = "accuracy, upper end of the 95 % interval"
    MACRO_PRECISION = "precision, macro"
    MACRO_RECALL = "recall, macro"
    MACRO_F1 = "F1, macro"
    LOSS = "loss (cross entropy)"
    CONFLICTING = "photos not used, in several classes"
    UNUSABLE = "files not used, unreadable"
    PHOTOS = "photos judged, of the class"
    PRECISION = "precision"
    RECALL = "recall"
    F1 = "F1"
    COUNT = "photos of the class with the answer"


@unique
class SavingCode(Code):
    """Numbers and pictures to save on the Train tab."""

    SAVE = "Save numbers and pictures"
    NO_MODEL = "There is no model to save numbers of; train first."
    CONFUSION = "Which class was taken for which, as a picture"
    CURVES = "Accuracy and loss by round, as a picture"
    NUMBERED = "The numbers in the picture stand for:"
