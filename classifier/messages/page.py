"""Codes of the page: every heading, label, hint, button and sentence on it, by the part of the page.

Those of the Train tab are in ``training_page``.

A sentence may hold ``<b>…</b>``; ``ui.html.rich`` escapes its arguments and keeps the tags. The enums whose names
end in ``Script`` are the words of a script in the browser, which fills their arguments itself.
"""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class PageCode(Code):
    """What belongs to no tab: the header, the footer, the project of a visitor, errors."""

    TITLE = "Teach a photo classifier"
    SUBTITLE = "Show it photos of each kind of thing, press Train, see how far to trust it, put it right, try it."
    LANGUAGE = "Language"
    OPENING = "One moment, the page is opening…"
    NOT_OPENED = "The page did not open. Check the connection, then load it again."
    ERROR = "That did not work"
    BUG_TITLE = "Sorry"
    BUG = "Something went wrong here, and it is not your fault. Reload the page and try again; your photos are safe."
    KEPT_HERE = "Your photos and models stay on the computer that runs this page until you delete them."
    KEPT_FOR_HOURS = (
        "Your photos and models are kept on the server that runs this page, seen by nobody else, and deleted "
        "{hours:g} {hours:*hour|hours} after your last visit."
    )
    TRIED_PHOTOS = (
        "Photos you only try are deleted within the hour; those in a table of answers when you bring others, and with "
        "your own photos."
    )
    DEMO_PHOTOS = "Photos are deleted within the hour, and seen by nobody else."
    DELETE = "Delete my photos and models"
    DELETE_QUESTION = "<b>Delete all your photos and models for good?</b> Nothing brings them back."
    DELETE_NO = "Keep them"
    DELETE_YES = "Delete everything"
    DELETED = "Your photos and models are deleted."
    LOST_PROJECT = "This page has lost track of your project; reload it to go on."
    PROJECT_FULL = (
        "Your project has {present:photo|photos} and {incoming:file|files} came; it can hold {limit:,}. "
        "Remove some photos first, or add fewer."
    )
    UNDO = "Undo {what}"
    UNDONE = "Took back {what}."
    NOTHING_TO_UNDO = "There is nothing to take back."
    ENLARGE = "Show {name} large"
    PICTURE_GONE = "cannot be shown"
    COUNT_OF = "{count:,} of {total:,}"


@unique
class FrameScript(Code):
    """The words of ``frame.js``."""

    ERROR = "That did not work"
    BUG = "Something went wrong here, and it is not your fault. Reload the page and try again; your photos are safe."
    CONNECTION_LOST = "No connection"
    CONNECTION_LOST_WORDS = "The page does not reach the program. It goes on by itself when the connection is back."


@unique
class UploadCode(Code):
    """The area that photos are dropped on, and the camera."""

    CHOOSE_FOLDER = "Choose a folder"
    CLASS_EXAMPLE = "for example: cat"
    ADD = "Add"
    CANCEL = "Cancel"
    PROGRESS = "How much is sent"
    NO_FILES = "No photos came with this; choose them again."
    TOO_MANY_FILES = "{count:,} files came, and at most {limit:,} are taken at once; add them in parts."
    NAMELESS_FILE = "a file without a name"


@unique
class DropScript(Code):
    """The words of ``drop.js``."""

    READING_FOLDERS = "Looking through the folders…"
    SENDING = "Sending {count:file|files}…"
    FIGURES = "{done} of {total:file|files}, {sent} of {size} MB"
    FIGURES_MINUTES = "{done} of {total:file|files}, {sent} of {size} MB, about {minutes:minute|minutes} left"
    FIGURES_SECONDS = "{done} of {total:file|files}, {sent} of {size} MB, less than a minute left"
    CANCELLED = "Cancelled. Nothing was added."
    READING_PHOTOS = "Looking at the photos…"
    BUSY = "One moment: the last photos are still on their way."
    WHICH_CLASS = "Which class do these {count} photos belong to?"
    WHICH_CLASS_ONE = "Which class does this photo belong to?"
    TOO_MANY_FILES = "{count} files are too many: at most {limit} are taken at once; add them in parts."
    TOO_LARGE_ONE = (
        "“{name}” is larger than the {limit} MB that a file may have here and was not sent. Save a picture smaller, "
        "or split a zip in two."
    )
    TOO_LARGE = (
        "{count} files are larger than the {limit} MB that a file may have here and were not sent, “{name}” for one. "
        "Save pictures smaller, or split a zip in two."
    )


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
class ViewerScript(Code):
    """The words of ``viewer.js``: one photo, large."""

    CLOSE = "Close"
    BACK = "Photo before"
    ON = "Next photo"
    POSITION = "{name} · {number} of {total}"


@unique
class GridScript(Code):
    """The words of ``grid.js``."""

    SELECT = "Choose photos to move or remove them"
    SELECTED = "{count} chosen"


@unique
class ReviewCode(Code):
    """The Review tab."""

    TAB = "3 · Review"
    TRAIN_FIRST = (
        "Train first. Then you see here which photos were mixed up, which may be in the wrong class, and can put them "
        "right."
    )
    MATRIX = "What was taken for what"
    MATRIX_ALL = "The whole table: what was taken for what"
    SEARCH_CLASS = "Find a class"
    ADVICE = "What would help most"
    ADVICE_MORE = "{count} more to know"
    MATRIX_CORNER = "is ↓ taken for →"
    MATRIX_HINT = "Framed numbers are right, the others are wrong. Press a number to see its photos."
    CELL = "{count:photo|photos} of {label} taken for {predicted}"
    CLASSES = "Class by class"
    CLASS = "Class"
    RECOGNIZED = "Recognized"
    PRECISION = "Right when it says so"
    CLASSES_HINT = "Press a class to see its photos that were taken for something else."
    NEVER_PREDICTED = "never says so"
    SHOW = "Show"
    SHOW_MORE = "Show more"
    TRAIN_AGAIN = "Train again"
    LIST_CHOICE = "{title} ({count:,})"
    LIST_LABEL_ISSUES = "Maybe in the wrong class"
    LIST_MISTAKES = "Taken for something else, the surest first"
    LIST_CONFLICTS = "The same photo in several classes"
    LIST_QUALITY = "Poor photos"
    LIST_GROUPS = "Photos that belong together"
    NONE_LABEL_ISSUES = "No photo looks as if it were in the wrong class."
    NONE_MISTAKES = "Every photo was taken for what it is."
    NONE_CONFLICTS = "No photo is in several classes."
    NONE_QUALITY = "No photo stands out as blurred, dark, blown-out, tiny or odd-shaped."
    NONE_LEFT = "No photos are left here."
    TITLE_MISTAKES = "{label} taken for something else"
    TITLE_RECOGNIZED = "{label} recognized"
    TITLE_CONFUSED = "{label} taken for {predicted}"
    PHOTO_RECOGNIZED = "<b>{label}</b>, recognized ({confidence:percent} sure)."
    PHOTO_CONFUSED = "In <b>{label}</b>, looks like <b>{predicted}</b> ({confidence:percent} sure)."
    PHOTO_CONFIRMED = "You called it right."
    PHOTO_IN = "In <b>{label}</b>."
    PHOTO_ADVICE = "In <b>{label}</b>; {advice}."
    GROUP_CONFLICT = "Which is right? Photo {number}"
    MOVE_TO = "Move to {label}"
    MOVE_TO_OTHER = "Move to…"
    MOVE_TO_OTHER_LABEL = "Move {name} to another class"
    CONFIRM = "It is {label}"
    REMOVE = "Remove"
    REMOVE_LABEL = "Remove {name}"
    CHANGED = "Since the last training {changes}."
    UNCHANGED = "Nothing changed since the last training."
    WHICH_PHOTO = "It is not clear which photo was meant; reload the page."
    WHICH_ACTION = "It is not clear what to do with this photo; reload the page."
    MOVED = "Moved 1 photo from “{old}” to “{new}”."
    CONFIRMED = "Noted: 1 photo of “{label}” is right; it is not suspected again."
    REMOVED = "Removed 1 photo of “{label}”."
    TRAINED = "Trained in {seconds:.1f} seconds: {score}."
    TRAINED_SAME = "Trained in {seconds:.1f} seconds: as many right as before ({accuracy:percent})."
    TRAINED_CHANGED = "Trained in {seconds:.1f} seconds: {before:percent} right before, {after:percent} now."
    WHAT_CHANGED = "What changed"


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
    HEAT = "What spoke for “{label}”: the warmer, the more"
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
