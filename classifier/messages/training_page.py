"""Codes of the Train tab of the page: training, its charts, scores, and past trainings; see ``page``."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class TrainCode(Code):
    """The Train tab."""

    TAB = "2 · Train"
    TRAIN = "Train"
    TRAIN_AGAIN = "Train again"
    STOP = "Stop"
    STOP_HERE = "Stop here, keep the best so far"
    NEXT = "Try it now"
    REVIEW = "Look at doubtful photos"
    ADVANCED = "Advanced"
    ADD_FIRST_CLASSES = "Add at least two classes on the Photos tab, then you can train."
    ADD_SECOND_CLASS = "Add a second class on the Photos tab, then you can train."
    TAKES = "{photos:photo|photos} in {classes:class|classes}: this will take {seconds:duration}."
    TAKES_UNLIMITED = (
        "{photos:photo|photos} in {classes:class|classes}: this goes on until it no longer gets better. "
        "You may close the page meanwhile."
    )
    TAKES_STEPS = (
        "{photos:photo|photos} in {classes:class|classes}: a first model in {seconds:duration}, then it goes on by "
        "itself and shows what each step brings. You may close the page meanwhile."
    )
    HELD = "Others go first: it goes on by itself in a moment"
    QUEUED = "Waiting for its turn: {count:training is|trainings are} before yours"
    QUEUED_FOR = "Waiting for its turn: {count:training is|trainings are} before yours; it begins in {seconds:duration}"
    STARTING = "Getting ready…"
    STOPPING = "Stopping…"
    PROGRESS_COUNT = "{done:,} of {total:photo|photos}"
    PROGRESS_MEGABYTES = "{done:,} of {total:,} MB"
    PROGRESS_LEFT = "{seconds:duration} left"
    FIRST_MODEL_IN = "a first model in {seconds:duration}"
    TRAINING = "Training"
    ENDED_PROGRAM = (
        "The last deep training twice ended the program that runs this page, most likely for want of memory. It was "
        "not started again. Press Train to try once more in smaller steps, or choose a smaller network or quick "
        "training."
    )
    ENDED_PROGRAM_QUICK = (
        "The last training twice ended the program that runs this page, most likely for want of memory. It was not "
        "started again. Press Train to try once more, or choose a smaller network."
    )
    STOPPED = "Stopped. Nothing of this training was kept."
    HISTORY = "How the training went"
    VIEWS = (
        "While it learns, each photo is shown in many ways. One of yours, first as it is. What it shows must stay the "
        "same in all of them:"
    )
    VIEW_ORIGINAL = "The photo as it is"
    VIEW_VARIED = "The photo varied, {number} of {total}"


@unique
class SelfCheckCode(Code):
    """The check, under Advanced, whether training can work at all."""

    BUTTON = "Check that training can work"
    HINT = (
        "Trains the network on eight of your photos until it knows them by heart, which takes about half a minute. If "
        "it cannot, more photos will not help. What it saw is kept with the next model."
    )
    RUNNING = "Learning a few photos by heart…"
    TRAINING = "A training is running; check when it has ended."
    NO_PHOTOS = "There are no photos to check with; add some on the Photos tab."
    GOOD = (
        "Training can work: the network learned a few photos by heart (its error fell from {before:.2f} to "
        "{after:.2f})."
    )
    BAD = (
        "The network did not learn a few photos by heart (its error went from {before:.2f} to {after:.2f}). Look at "
        "the step size below “Advanced”, and whether the photos are in the right classes."
    )
    SEEN = "What it saw"


@unique
class CurveCode(Code):
    """The charts of a deep training."""

    ACCURACY = "Photos right"
    LOSS = "Error (loss), lower is better"
    ROUND = "round"
    TRAIN = "photos it learns from"
    VAL = "photos held out"
    VAL_LEGEND = "photos held out: what counts"
    BEST = "best so far: round {number}, {accuracy:percent} of the held-out photos right"
    DESCRIPTION = (
        "Rounds {first} to {last}. Photos it learns from: from {train_first} to {train_last}. Photos held out: from "
        "{val_first} to {val_last}."
    )
    DESCRIPTION_BEST = "Best round: {number}."


@unique
class ScoreCode(Code):
    """How good a model is."""

    HEADING = "How good is it?"
    RANGE = "With this many photos it could be anything from <b>{low}</b> to <b>{high} %</b>."
    ON_OUT_OF_FOLD = "Each photo was judged by a model that had not seen it."
    ON_VAL = "Judged on your validation photos, which the model had not seen."
    ON_TEST = "Judged on your test photos, which the model had not seen."
    PHOTOS_NEEDED = (
        "For a range of {points} points to either side about {needed:,} photos have to be judged; {evaluated:,} were."
    )
    PER_CLASS = "How many of each class it recognizes"
    WORST_CLASSES = "The {count:class that is|classes that are} recognized least:"
    EVERY_CLASS = "All {count} classes"
    NOT_JUDGED = "not judged"
    LEARNED_FROM = "It learned from {count:photo|photos}."
    CONFUSIONS = "What it mixes up most"
    CONFUSION = "<b>{label}</b> taken for <b>{predicted}</b>: {count:photo|photos}"
    KNOW = "What to know of this score"
    KNOW_MORE = "{count} more to know"
    MORE = "More numbers"
    ACCURACY = "Right (accuracy)"
    EXACT = "{value:.1f} %"
    MACRO_PRECISION = "Precision, mean of the classes (macro)"
    MACRO_F1 = "F1, mean of the classes (macro)"
    LOSS = "Error (loss, cross entropy), lower is better"
    LOSS_VALUE = "{value:.3f}"
    BALANCED = "Right, each class counted the same (macro recall)"
    TOP_THREE = "Right class among its first 3 answers"
    CALIBRATION = "How sure it says it is, and how often it is right, differ by"
    CALIBRATION_BEFORE = "The same before its confidence was adjusted"
    POINTS = "{points:.0f} points"
    GROUPS = "Different scenes among the photos judged"
    CLASS = "Class"
    PRECISION = "Precision"
    RECALL = "Recall"
    F1 = "F1"


@unique
class TogetherCode(Code):
    """Photos that belong together, and the switch that keeps them together."""

    HEADING = "Photos that belong together"
    SWITCH = "Keep photos that belong together on one side"
    SWITCH_HINT = "It learns from all of them or is judged by all of them, never both."
    KEPT = "Found and kept together: {what}."
    OFFERED = (
        "Photos may belong together: {what}. That is not certain, so they are not kept together. Where you know that "
        "it is so, turn the switch on."
    )
    NOT_KEPT = "Photos that belong together by their folders, names or times are not kept together."
    NOT_KEPT_WHAT = "Not kept together: {what}."
    SCORE_KEPT = "Kept together"
    SCORE_NOT_KEPT = "Not kept"
    TOO_GOOD = "The score without keeping them together is too good: it holds only for more photos of the same things."
    NOT_LOWER = "Keeping them together does not lower the score here."
    EARLIER = "The score with them kept together is of an earlier training."
    TRAIN_AGAIN = "Train again to see the score with this change."


@unique
class RunsCode(Code):
    """Past trainings: the list, and two of them side by side."""

    TITLE = "Past trainings ({count})"
    HINT = "Newest first. Tick two to see what changed."
    COMPARE = "Compare the two ticked"
    AUTO = "Step by step"
    QUICK = "Quick"
    DEEP = "Deep"
    NAME = "{made} · {mode}"
    SCORE = "{score}; could be {range}"
    SCORE_OF_FEW = "{score}; too few photos to tell"
    SCORE_UNREADABLE = "Its score cannot be read."
    RANGE = "{low:.0f} to {high:.0f} %"
    JUDGED = "{count:photo|photos} judged"
    KEPT_TOGETHER = "photos that belong together kept together"
    OLD_LABELS = "Trained before your last changes: since then, {changes}."
    MODEL_GONE = "Its model is gone."
    TRY = "Try it"
    TRY_LABEL = "Try photos with {name}"
    COMPARE_LABEL = "Compare {name}"
    WENT = "How it went"
    RENAME = "Rename"
    RENAME_LABEL = "Rename {name}"
    RENAME_FIELD = "Name of this training and its model"
    RENAME_HINT = "Empty: the time when it was made."
    RENAME_NO = "Cancel"
    RENAME_YES = "Save the name"
    DELETE = "Delete"
    DELETE_LABEL = "Delete {name}"
    DELETE_QUESTION = "<b>Delete the training of {name} and its model?</b> Nothing brings it back. Your photos stay."
    DELETE_NO = "Keep it"
    DELETE_YES = "Delete it"
    NO_LONGER_LISTED = "This training is no longer in the list; reload the page."
    MODEL_MISSING = "The model of this training is gone; train again."
    TICK_TWO = "Tick two trainings to compare them."
    NONE_YET = "There are no trainings yet; train first."
    NOT_COMPARABLE = "The score of one of the two cannot be read, so they cannot be compared."
    CAPTION = "The two trainings side by side"
    EARLIER = "Earlier"
    LATER = "Later"
    CHANGE = "Change"
    ROW_MODE = "Mode"
    ROW_NETWORK = "Network"
    ROW_TIME = "Time"
    ROW_RIGHT = "Right"
    ROW_RANGE = "Could be"
    TOO_FEW = "too few photos to tell"
    UNKNOWN = "–"
    SAME = "same"
    MORE_POINTS = "+{points}"
    FEWER_POINTS = "−{points}"
    COMPARED_ON = "{compared:photo was|photos were} judged by both, and they differ on {different:photo|photos}."
    PHOTOS_CHANGED = "From the earlier to the later, {changes}."
    PHOTOS_SAME = "Both had the same photos in the same classes."
    CHANGED_SINCE = "Since the later one, {changes}."
    ADDED = "{count:photo|photos} came"
    REMOVED = "{count:photo|photos} went"
    RELABELED = "{count:photo|photos} changed class"
