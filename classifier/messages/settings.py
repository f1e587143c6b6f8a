"""Labels and hints of the settings, by the name of the field of ``TrainConfig`` in capitals.

Page and command line read them by name: a new setting needs its label here and, where it helps, a hint.
"""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class SettingLabel(Code):
    """The label of each setting."""

    MODE = "Way of training (mode)"
    MINUTES = "How long may it take?"
    MAX_STEPS = "Most steps"
    DOMAIN = "What kind of photos?"
    BACKBONE = "Network (backbone)"
    LEARNING_RATE = "Step size (learning rate)"
    EPOCHS = "Rounds (epochs)"
    BATCH = "Photos per step (batch)"
    OPTIMIZER = "Way of correcting (optimizer)"
    UNFREEZE = "Stages that learn (unfreeze depth)"
    SEED = "Starting number (seed)"


@unique
class SettingHint(Code):
    """What a setting does, for those that have more to say than their label."""

    MINUTES = "You can stop it at any time: the best so far is kept."
    MAX_STEPS = "After so many it ends, the first one included. Empty: as the time allows."
    DOMAIN = "So that they are only ever varied in ways that keep their meaning."
    BACKBONE = "The network that turns each photo into numbers."
    LEARNING_RATE = (
        "How far each correction goes. Too large and it forgets what it knew; too small and it learns little."
    )
    EPOCHS = "How often it goes through all photos. Empty: chosen from the time."
    BATCH = "How many photos it sees before each correction. Fewer need less memory."
    OPTIMIZER = "AdamW suits nearly everything; SGD is the older way, and needs a larger step size."
    UNFREEZE = (
        "How many of the network's last stages change; the others stay as they came. Empty: chosen from the "
        "time. 0: everything learns."
    )
    SEED = "On a processor (CPU) the same number on the same photos gives the same model; on a GPU nearly the same."


@unique
class ChoiceLabel(Code):
    """The words for a value of a setting, as SETTING_VALUE; a value without is shown as it is."""

    MODE_AUTO = "Step by step: the best of what it tries in the time"
    MODE_QUICK = "Quick: the first step alone"
    MODE_DEEP = "Deep: one network learns for the whole time"
    DOMAIN_PHOTO = "Everyday photos"
    DOMAIN_MEDICAL = "Medical pictures"
    DOMAIN_AERIAL = "Pictures from above"
    DOMAIN_DOCUMENT = "Documents"
    OPTIMIZER_ADAMW = "AdamW"
    OPTIMIZER_SGD = "SGD with momentum"


@unique
class SettingCode(Code):
    """Other words around the settings, and why a value typed on the page cannot work."""

    MINUTES_CHOICE = "about {minutes:g} {minutes:*minute|minutes}"
    SECONDS_ONLY = "seconds only"
    MINUTES_UNLIMITED = "as long as it helps"
    DEEP_IN_SECONDS = (
        "Deep training takes minutes: choose how long it may take, or another way of training below “Advanced”."
    )
    CHOSEN_FOR_YOU = "chosen from the time"
    BACKBONE_CHOICE = "{title}: {good_for}"
    BACKBONE_FETCHED = "{title}: {good_for} (fetched once, {megabytes} MB)"
    OTHER_BACKBONE = "Another network"
    OTHER_BACKBONE_HINT = (
        "The name of any other image network of the timm library, fetched once. Empty: the one chosen above."
    )
    OTHER_BACKBONE_EXAMPLE = "for example: resnet26d"
    NAME_TOO_LONG = "The name of the other network is longer than {limit} letters; check it."
    BACKBONE_NOT_OFFERED = "This network is not among those offered here; choose one from the list."
    EMPTY = "“{label}” is empty; write a number, or reload the page for the usual one."
    NOT_WHOLE = "“{label}” is {value:g}; it must be a whole number."
    NOT_A_NUMBER = "“{label}” is “{value}”; write a whole number, or nothing to have it chosen."


def setting_label(name: str) -> str:
    """The label of a field of ``TrainConfig``; its own name where there is none yet."""
    found = SettingLabel.__members__.get(name.upper())
    return str(found or name.replace("_", " ").capitalize())


def setting_hint(name: str) -> str | None:
    """What a field of ``TrainConfig`` does, or None."""
    found = SettingHint.__members__.get(name.upper())
    return None if found is None else str(found)


def choice_label(name: str, value: str) -> str:
    """The words for a value of a field of ``TrainConfig``; the value itself where there are none."""
    found = ChoiceLabel.__members__.get(f"{name}_{value}".upper())
    return str(found or value)
