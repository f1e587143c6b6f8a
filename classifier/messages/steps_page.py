"""Codes of the steps of a training on the page: what was tried, what it brought, taking one back; see ``page``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import unique

from . import Code, joined, sentence


@unique
class StepNameCode(Code):
    """What a step tried, by the name of the step in capitals."""

    HEAD = "{network}, with a last layer for your classes"
    STAGES = "{network}, its middle part used, too"
    JOINED = "{network} side by side"
    TAIL = "The last part of {network} learns, too"
    DEEP = "More parts of {network} learn, too"
    AVERAGED = "{learned}; its answers are averaged with those of {network}"
    NETWORK = "Another network: {network}"
    OTHER = "Another way to train {network}"


@unique
class StepTitleCode(Code):
    """What a training was, from the step whose model is used, by the name of the step in capitals."""

    HEAD = "First step"
    STAGES = "Middle part used"
    JOINED = "Networks side by side"
    TAIL = "Last part learned"
    DEEP = "More parts learned"
    NETWORK = "Another network"


@unique
class StepsCode(Code):
    """The list of steps, and what is said of them while a training goes on."""

    HEADING = "What was tried"
    NUMBER = "Step {number}"
    SCORE = "{score:percent} right"
    BROUGHT = "{before:percent} → {score:percent} right"
    SAME = "{score:percent} right as before; expected to do better on new photos"
    LOWER = "{score:percent} right, {before:percent} before: too close to tell; expected to do better on new photos"
    RANGE = "could be {low:percent} to {high:percent}"
    DROPPED = "Not kept: {score:percent} right, the model before it {before:percent}"
    DROPPED_WHY = "Not kept. {why}"
    COST = "an answer takes about {times:.1f} times as long"
    IN_USE = "in use"
    USE = "Use this step"
    USE_LABEL = "Use step {number}: {name}"
    SUMMARY = "Steps ({count})"

    IMPROVING = "Still improving, {seconds:duration} left"
    IMPROVING_UNLIMITED = "Still improving, until two steps in a row bring nothing"
    IMPROVING_LAST = "Still improving, the last step"
    FINISHING = "Stopping; the best so far is kept"

    NEWS_FIRST = "A first model is there: {score:percent} right. Try it and Review use it while the training goes on."
    NEWS_BROUGHT = (
        "Step {number} brought {before:percent} → {score:percent} right. Try it and Review use it from now on."
    )
    NEWS_SAME = "Step {number} is expected to do better on new photos. Try it and Review use it from now on."
    NEWS_DROPPED = "Step {number} brought nothing and was dropped; the model you had stays."
    NEWS_ENDED = "The training has ended: {score:percent} right."
    NEWS_AGAIN = "Photos were corrected: the training began again. Past trainings keep the earlier model."
    NEWS_FIRST_AGAIN = (
        "Photos were corrected: the training began again, and its first model gets {score:percent} right."
    )

    STARTS_AGAIN = "A training goes on; it begins again by itself with what you correct."

    TAKEN_BACK = "Step {number} is in use now: {score:percent} right."
    STILL_ENDING = "The training is still ending; press again in a moment."
    NO_STEP = "This step is no longer there; reload the page."
    NO_STEPS = "There is no training with steps yet; train first."


@unique
class OfferPanelCode(Code):
    """The panel of a better network."""

    FETCH = "Fetch it and try it"
    TRY = "Try it as one more step"
    WAITING = "The network is there; it is tried when the training has ended"


def step_name(name: str, networks: Sequence[str]) -> str:
    """Return what a step tried in plain words; ``networks`` are their titles, last one that learned beside others."""
    code = StepNameCode.__members__.get(name.upper(), StepNameCode.OTHER)
    *others, learned = networks
    if code not in (StepNameCode.TAIL, StepNameCode.DEEP) or not others:
        return sentence(code, network=joined(networks))
    return sentence(StepNameCode.AVERAGED, learned=sentence(code, network=learned), network=joined(others))


def step_title(name: str) -> str:
    """Return what a training was whose model is that of this step."""
    return str(StepTitleCode.__members__.get(name.upper(), name))
