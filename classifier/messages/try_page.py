"""Codes of the Try it tab."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class TryCode(Code):
    """The Try it tab."""

    TAB = "4 · Try it"
    NO_MODEL_YET = "There is no model yet. Add photos, press Train, then come back."
    MODEL = "Model"
    MODEL_SCORE = "{name} · {accuracy:percent} right"
    DEMO_TITLE = "What is in your photo?"
    DEMO_ABOUT = "Show it a photo; it says which of its classes that is, how sure it is, and what spoke for it."
    DEMO_EMPTY = (
        "There is no model to show yet. Put the folder of a trained model into the folder of models (checkpoints, or "
        "what CLASSIFIER_CHECKPOINTS names), then load this page again."
    )
    DEMO_DROP = "Drop a photo here"
    DEMO_HINT = "Up to {limit} at once. You can also paste one."
    DEMO_CHOOSE = "Choose photos"
    DEMO_TOO_MANY = "Here up to {limit} photos are tried at once, and no zips; choose fewer."
    DROP_TITLE = "Drop photos it has not seen"
    DROP_HINT = "A few, or any number: a zip, or more than {limit}, is answered in a table. You can also paste one."
    DROP_CHOOSE = "Choose photos or a zip"
    TRAIN_AGAIN = "Train again"
    CAMERA_PHOTO = "Camera"
    THRESHOLD = "How sure it must be to answer, in percent"
    WORSE = "Which mistake is worse?"
    WORSE_CLASS = "Missing this class"
    WORSE_TIMES = "is so many times worse than a false alarm"
    UNSURE_COST = "“Not sure” is so many times as bad as a false alarm"
    SAVE_COSTS = "Save"
    COSTS_IN_USE = "Each class has a threshold of its own, by what mistakes cost. Moving this slider removes the costs."
    BY_COSTS = "“{other}” is likelier, but missing “{label}” is worse."
    TOP_K = "Answers per photo"
    NOT_SURE = "Not sure"
    UNLIKE = "Unlike its training photos"
    UNLIKE_WHY = (
        "It has learned from no photo like this one. Of its classes <b>{label}</b> fits best, but none may be right."
    )
    BETWEEN = "It cannot decide between <b>{label}</b> and <b>{other}</b>."
    TOO_LOW = "Its best guess is <b>{label}</b>, but {confidence:percent} is not sure enough to answer."
    IF_IT_HAD_TO = "If it had to choose among its classes"
    SURE = "{label}"
    PROBABLY = "Probably {label}"
    PERHAPS = "Perhaps {label}"
    CONFIDENCE = "How sure it is"
    NO_PHOTO = "No photo"
    WHY = "Why?"
    WHY_LABEL = "Why? {name}"
    WRONG = "Wrong? It is"
    WRONG_CLASS = "class"
    WRONG_LABEL = "Wrong? It is (class of {name})"
    ADD = "Add to my photos"
    ADD_LABEL = "Add to my photos: {name}"
    MORE = "Why, or put it right"
    MORE_LABEL = "Why, or put it right: {name}"
    SUMMARY = "Answers for {count:photo|photos}"
    ADDED = "Added to “{label}”. The next training learns from it."
    MOVED = "Moved from {old:list} to “{label}”. The next training learns from it."
    ALREADY_HERE = "It is in “{label}” already."
    HEAT = "The warmer a place, the more it spoke for “{label}”"
    HEAT_PICTURE = "The photo, warm where it spoke for {label}"
    NO_HEAT = "No single part of the photo spoke for “{label}”."
    NO_MAP = "{count:network|networks} of this model cannot show which part of a photo they went by."
    NEAREST = "Most like these of your photos"
    NEAREST_PHOTO = "One of your photos of {label}"
    NOT_ON_VIEW = "This photo is no longer on view; drop it again."
    FILE_GONE = "This photo is no longer here; drop it again."
    NOT_ARRIVED = "The photos did not arrive; choose them again."
    OTHER_KIND = (
        "These {count:photo|photos} look different from the training photos (told apart {times} times of 100): expect "
        "more mistakes than its score says."
    )
    NO_LABEL = "Write what the photo shows first."
    NO_MODEL = "There is no model yet; train one first, on the Train tab."
    NO_MODEL_CHOSEN = "No model was chosen; choose one from the list."
    UNKNOWN_MODEL = "There is no model called “{name}”. There are: {known:quoted}."
    NO_SHARED_MODEL = "This server offers no models over the network; put one into its checkpoints folder."
    NO_IMAGES = "Not all of “images” came with this call; send each photo as a file."
    TOO_MANY_PHOTOS = "{count:,} photos came, and up to {limit} are taken in one call; send them in parts."
    NO_IMAGE = "No photo came with this call; send one as “image”."
    NO_TOP_K = "“top_k” must be a whole number from 1 to {most}."


@unique
class LiveCode(Code):
    """The panel of the Try it tab that answers what a camera sees."""

    START = "Use the camera"
    STOP = "Turn the camera off"
    KEEP = "Try this picture"
    HINT = "It answers while you move things in front of the camera. The pictures are not kept."
    VIDEO = "What the camera sees"
    ANSWER = "What it says now"
    NO_FRAME = "The picture of the camera did not arrive; try again."


@unique
class LiveScript(Code):
    """The words of ``live.js``."""

    STARTING = "One moment…"
    NOT_SURE = "Not sure"
    UNLIKE = "Unlike its training photos"
    PERCENT = "{percent} %"
    NO_ANSWER = "No answer came; it goes on trying."


@unique
class JudgeCode(Code):
    """The panel of the Try it tab that judges a model on labeled photos."""

    TITLE = "How good is it on other photos?"
    DROP_TITLE = "Drop photos whose class you know"
    DROP_HINT = "A folder or zip with one folder per class, or photos and a table. They are not learned from."
    JUDGED_ON = "Judged on the photos that you dropped."
    GONE = "These photos are no longer here; drop them again."
    DELETED = "The photos were used for this answer only and are deleted again."
    WRONG = "{count:photo|photos} taken for something else"
    SOME = "({shown} of them shown)"


@unique
class ExamplesCode(Code):
    """The photos of the Try it tab for those who trained with the example photos."""

    TITLE = "Photos it has not seen"
    ABOUT = "Press one and see what the model says. It has never seen these; one of them is of no class at all."
    PHOTO = "Photo {number}"
    PHOTO_OF = "Try an example photo of {label}"
    STRANGE = "Something strange"
    STRANGE_PHOTO = "Try an example photo of a toy duck, which is of no class"
    WHICH = "It is not clear which example photo was meant; reload the page."


@unique
class AnswersScript(Code):
    """The words of ``answers.js``."""

    EXPLAINING = "Looking…"
