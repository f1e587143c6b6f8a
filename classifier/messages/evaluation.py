"""Codes of evaluation: scores, coverage, comparisons, warnings of a report, advice on more photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import unique
from typing import Protocol

from . import Code, Message, message, sentence


class Answered(Protocol):
    """What answers lead to, see ``evaluation.costs.Outcome``."""

    @property
    def images(self) -> int: ...
    @property
    def missed(self) -> tuple[int, ...]: ...
    @property
    def unsure(self) -> int: ...
    @property
    def cost(self) -> float: ...


@unique
class AccuracyCode(Code):
    """An accuracy in words; which one applies depends on the number of photos, see ``accuracy_in_words``."""

    NO_PHOTOS = "Not measured yet: there is no photo to judge by"
    ONLY_ONE_RIGHT = "The only photo right"
    ONLY_ONE_WRONG = "The only photo wrong"
    ALL = "All {total:photo|photos} right"
    NONE = "None of {total:photo|photos} right"
    OF_FEW = "{count} of {total:photo|photos} right"
    IN_TEN = "About {count} in 10 ({accuracy:percent})"
    IN_HUNDRED = "About {count} in 100 ({accuracy:percent})"
    UNDER_ONE_IN_HUNDRED = "Fewer than 1 in 100 ({accuracy:percent})"
    OVER_99_IN_HUNDRED = "More than 99 in 100 ({accuracy:percent})"


@unique
class ScoreCode(Code):
    """An accuracy with its interval of 95 %."""

    INTERVAL = "With this many photos it could be {low:.0f} to {high:.0f} %."
    WIDE = (
        "The range is wide because most of these photos are of {count:thing|things}: photos of others make it narrower."
    )
    RIGHT = "{accuracy} right"
    CONFLICTING = "{count:photo was|photos were} not used: {count:*it lies|each lies} in several classes at once."
    UNUSABLE = "{count:file was|files were} not used: no photo could be read from {count:*it|them}."
    SCORE = "{score}. {interval}"
    LITTLE = (
        "That proves little: {total:photo|photos} {total:*is|are} too few to tell how often it is right on new ones."
    )
    MORE = "Add photos: once {few} are judged, you get the range to expect."
    TOO_FEW = "{score}. {little} {advice}"


@unique
class CoverageCode(Code):
    """What a threshold of confidence leads to."""

    ANSWERED = "It answers {coverage:percent} of photos, and is right on {accuracy:percent} of those."
    HARDLY_ANY = "It answers hardly any photo."


@unique
class CostCode(Code):
    """What mistakes cost, and what thresholds per class lead to."""

    OUT_OF_RANGE = "The cost of missing “{label}” is {value}; it must be over 0 and at most {most:g}."
    UNSURE_OUT_OF_RANGE = "The cost of “not sure” is {value}; it must be from 0 to {most:g}."
    NO_NUMBER = "“{text}” is no cost; write CLASS=NUMBER, such as crack=5."
    WORSE = "Missing “{label}” counts {weight:g} times as much as a false alarm."
    UNSURE = "“Not sure” counts {cost:g} times as much as a false alarm."
    MISSED = "{count} of “{label}” missed instead of {before}"
    FALSE_ALARMS = "{count:false alarm|false alarms} instead of {before}"
    NOT_SURE = "{count} not sure instead of {before}"
    PHOTOS = "Of {total:photo|photos} judged: {parts:comma}."
    COST = "A photo costs {cost:.3f} on average, {before:.3f} with one threshold for all classes."
    THEORY = (
        "This model does not hold its judged photos, so these thresholds come from theory; train it again to see what "
        "they lead to."
    )
    FOUND = "of {images}, {found} found"
    RIGHT = "of {answers:answer|answers}, {found} right"


@unique
class ComparisonCode(Code):
    """How the later of two models compares with the earlier one on the same photos (McNemar's exact test)."""

    BETTER = "The later one is better by more than chance: {gained:photo|photos} more right, {lost:photo|photos} fewer."
    WORSE = "The later one is worse by more than chance: {gained:photo|photos} more right, {lost:photo|photos} fewer."
    UNDECIDED = (
        "Which of the two is better cannot be told: {gained:photo|photos} more right, {lost:photo|photos} fewer."
    )
    NO_COMMON_PHOTOS = "Which of the two is better cannot be told: no photo was judged by both."


@unique
class WarningCode(Code):
    """What to know of the photos before the score is trusted."""

    ONE_CLASS = "There is only one class, “{label}”: add photos of at least one other."
    SINGLE_PHOTO = "There is a single photo of {labels:list}: it cannot be checked and counts as wrong."
    ONE_EACH = (
        "There is only one photo of each class, so it cannot be measured how often the model is right: add at least "
        "one more of each."
    )
    FEW_PHOTOS = "There are few photos of {counts:counts}: with {enough} or more each, the score says more."
    IMBALANCED = "“{large}” has {most} photos and “{small}” only {fewest}: add photos of “{small}”."
    ONE_GROUP = (
        "All photos of {counts:counts} are near copies of one another or of one group, so it cannot be measured how "
        "often others are recognized: add photos taken on other occasions."
    )
    ONE_SESSION = (
        "Nearly all photos of {labels:list} were taken in one go: the score holds for that place and day. Add photos "
        "taken at other times."
    )
    FEW_THINGS = (
        "Nearly all photos of {labels:list} are of one or two things, or of one or two moments: the score says little "
        "about others."
    )
    ONE_BACKGROUND = (
        "Nearly all photos of {labels:list} have one of a few backgrounds, which no other class has: the score holds "
        "for these places. Add photos taken elsewhere."
    )
    OTHER_PHOTOS = (
        "The test photos look different from the training photos (told apart {times} times of 100): expect less than "
        "the training score."
    )
    TEXT = "{text}"  # of a report written before warnings had codes


@unique
class ApartCode(Code):
    """What to know of the scores on photos that the person keeps apart from the training photos."""

    TEST_NEAR = (
        "{near} of the {total} test photos {near:*looks|look} like training photos or {near:*is|are} of the same "
        "things; on the other {others} it is right on {right}."
    )
    TEST_ALL_NEAR = (
        "All of the test photos ({near}) look like training photos or are of the same things, so they cannot show how "
        "often it is right on new ones: add test photos taken on other occasions."
    )
    VALIDATION = (
        "Second score, on {count:validation photo|validation photos}: {score}. They helped to choose, so it says "
        "less of new photos."
    )
    VALIDATION_NEAR = (
        "{near} of the {total} validation photos {near:*looks|look} like training photos or {near:*is|are} of the same "
        "things: {near:*it decides|they decide} nothing."
    )


@unique
class LabelIssueCode(Code):
    """What is said where no label is questioned."""

    TOO_WEAK = (
        "The model is wrong too often ({accuracy:percent} right) to tell which photos may be in the wrong class; with "
        "more photos of each class it can."
    )


@unique
class MorePhotosCode(Code):
    """Why more photos of a class are asked for."""

    FEW = "Add about {count} photos of “{label}”: there are too few to learn from and to judge by."
    FEW_CLASSES = (
        "{count} classes have too few photos to learn from and to judge by: add up to {most} of each, of "
        "{labels:list} first."
    )
    UNEVEN = "Add about {count} photos of “{label}”: other classes have many times as many."
    GAIN = "Add about {count} photos of “{label}”: of all classes it would gain most from more."


@unique
class FormCode(Code):
    """What is wrong with one entry of a report."""

    MISSING = "“{name}” is missing"
    UNKNOWN = "“{name}” is unknown"
    NO_TEXT = "“{name}” is no text"
    NO_LIST = "“{name}” is no list"
    NO_OBJECT = "“{name}” is no object"
    NO_COUNT = "“{name}” is no whole number from 0 on"
    NO_NUMBER = "“{name}” is no number from {low:g} to {high:g}"
    NO_FLAG = "“{name}” is neither true nor false"
    NO_CHOICE = "“{name}” is none of {choices:alternatives}"
    TOO_MANY = "“{name}” has more than {most} entries"
    OTHER_COUNT = "“{name}” has not one entry for each class"
    LABEL_EMPTY = "a class has no name"
    LABEL_TWICE = "two classes have one name"


@unique
class FileCode(Code):
    """What is wrong with a file of a checkpoint that evaluation reads."""

    REPORT_INCOMPLETE = "The model's report is incomplete or not one of this program's (report.json: {why})."
    OOD_DAMAGED = "What the model keeps of its training photos (familiar.safetensors) is damaged; get the folder again."


def costs_in_words(costs: Mapping[str, float], unsure_cost: float) -> list[Message]:
    """Return what each mistake costs: a sentence for each class with a weight of its own, and one for “not sure”."""
    worse = [message(CostCode.WORSE, label=label, weight=weight) for label, weight in costs.items()]
    return [*worse, message(CostCode.UNSURE, cost=unsure_cost)]


def outcomes_in_words(labels: Sequence[str], costs: Mapping[str, float], after: Answered, before: Answered) -> str:
    """Return in words how many mistakes there are of each kind, with thresholds per class and with one for all.

    Args:
        labels: the classes (C).
        costs: weights of those whose misses are counted apart; all other wrong answers are false alarms.
        after: what happens with thresholds per class.
        before: what happens with one threshold.
    """
    missed = [
        sentence(CostCode.MISSED, label=label, count=now, before=then)
        for label, now, then in zip(labels, after.missed, before.missed)
        if label in costs
    ]
    now, then = (
        sum(count for label, count in zip(labels, one.missed) if label not in costs) for one in (after, before)
    )
    alarms = sentence(CostCode.FALSE_ALARMS, count=now, before=then)
    unsure = sentence(CostCode.NOT_SURE, count=after.unsure, before=before.unsure)
    photos = sentence(CostCode.PHOTOS, total=after.images, parts=[*missed, alarms, unsure])
    return f"{photos} {sentence(CostCode.COST, cost=after.cost, before=before.cost)}"


def accuracy_in_words(accuracy: float, total: int, correct: int | None = None) -> str:
    """Return an accuracy of 0 to 1 on ``total`` photos in words, as the page and the command line show it.

    Few photos are counted; of others it is in ten from 5 % to under 95 %, otherwise in hundred. All or none are only
    named where ``correct`` (by default the rounded product of the other two) is ``total`` or 0.

    >>> accuracy_in_words(0.91, 100)
    'About 9 in 10 (91 %)'
    """
    return str(_accuracy_message(accuracy, total, correct))


def interval_in_words(low: float, high: float) -> str:
    """Return the sentence of an interval of accuracies, each 0 to 1."""
    return sentence(ScoreCode.INTERVAL, low=low * 100, high=high * 100)


def score_in_words(accuracy: float, low: float, high: float, total: int, correct: int | None = None) -> str:
    """Return an accuracy with its interval in words, as the page and the command line show it.

    An interval that tells nothing gives way to how many photos it takes.

    Args:
        accuracy: proportion of the photos that are right, 0 to 1.
        low: lower end of the interval, 0 to 1.
        high: upper end of the interval, 0 to 1.
        total: number of photos judged.
        correct: number of them that are right; by default ``accuracy * total``, rounded.
    """
    score, little = correct_in_words(accuracy, total, correct), how_little(low, high, total)
    if little is None:
        return sentence(ScoreCode.SCORE, score=score, interval=interval_in_words(low, high))
    advice = more_photos() if tells_nothing(low, high, total) else interval_in_words(low, high)
    return sentence(ScoreCode.TOO_FEW, score=score, little=little, advice=advice)


def tells_nothing(low: float, high: float, total: int = 0) -> bool:
    """Return whether an interval of few photos is so wide that nobody learns anything from it.

    Args:
        low: lower end of the interval, 0 to 1.
        high: upper end of the interval, 0 to 1.
        total: number of photos judged; by default few. An interval of many is wide for a reason, which is told with it.
    """
    return total < _FEW and high - low > _WIDE


def more_photos() -> str:
    """Return the sentence that stands in place of an interval that tells nothing."""
    return sentence(ScoreCode.MORE, few=_FEW)


def how_little(low: float, high: float, total: int) -> Message | None:
    """Return the sentence that so few photos prove little, None where they are enough or there is none.

    Args:
        low: lower end of the interval, 0 to 1.
        high: upper end of the interval, 0 to 1.
        total: number of photos judged.
    """
    too_few = total and (total < _FEW or high - low > _WIDE)
    return message(ScoreCode.LITTLE, total=total) if too_few else None


def correct_in_words(accuracy: float, total: int, correct: int | None = None) -> str:
    """Return ``accuracy_in_words`` with the word “right”, where it can stand alone.

    >>> correct_in_words(0.91, 100)
    'About 9 in 10 (91 %) right'
    """
    words = _accuracy_message(accuracy, total, correct)
    return sentence(ScoreCode.RIGHT, accuracy=words) if words.code in _APPROXIMATE else str(words)


def coverage_in_words(coverage: float, selective_accuracy: float) -> str:
    """Return in words how many photos are answered, and how many of these answers are right, each 0 to 1."""
    if coverage < 0.005:
        return sentence(CoverageCode.HARDLY_ANY)
    return sentence(CoverageCode.ANSWERED, coverage=coverage, accuracy=selective_accuracy)


_WIDE = 0.5  # width of an interval above which an accuracy says next to nothing
_FEW = 20  # photos, two classes of as many as ``evaluation.class_balance`` asks for
_APPROXIMATE = {
    AccuracyCode.IN_TEN,
    AccuracyCode.IN_HUNDRED,
    AccuracyCode.UNDER_ONE_IN_HUNDRED,
    AccuracyCode.OVER_99_IN_HUNDRED,
}


def _accuracy_message(accuracy: float, total: int, correct: int | None) -> Message:
    correct = round(accuracy * total) if correct is None else correct
    if not total:
        return message(AccuracyCode.NO_PHOTOS)
    if total == 1:
        return message(AccuracyCode.ONLY_ONE_RIGHT if correct else AccuracyCode.ONLY_ONE_WRONG)
    if correct in (0, total):
        return message(AccuracyCode.ALL if correct else AccuracyCode.NONE, total=total)
    if total < _FEW:
        return message(AccuracyCode.OF_FEW, count=correct, total=total)
    if 0.05 <= accuracy < 0.95:
        # Half up: Python rounds 0.5 to 0, and 5 % are not 0 in 10.
        return message(AccuracyCode.IN_TEN, count=int(accuracy * 10 + 0.5), accuracy=accuracy)
    hundredths = round(accuracy * 100)
    if hundredths == 0:
        return message(AccuracyCode.UNDER_ONE_IN_HUNDRED, accuracy=accuracy)
    if hundredths == 100:
        return message(AccuracyCode.OVER_99_IN_HUNDRED, accuracy=accuracy)
    return message(AccuracyCode.IN_HUNDRED, count=hundredths, accuracy=accuracy)
