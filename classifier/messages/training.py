"""Sentences of deep training: progress steps, outcomes, advice on the curves, and the overfit check."""

from __future__ import annotations

from enum import unique

from . import Code, EnglishCode


@unique
class TrainingCode(Code):
    """The steps of deep training, how it ends, and what stops it."""

    PREPARE_VIEWS = "Preparing views of the photos"
    EPOCH = "Learning, round {number} of {total}"
    EPOCH_ON_ALL = "Learning from all photos, round {number} of {total}"

    QUICK_ALL_RIGHT = (
        "Quick training was already as good: it gets {correct} of {total} held-out photos right, so nothing is left "
        "that deep training could prove to do better."
    )
    ONE_GROUP = (
        "The photos of each class are near copies of one another or of one group, so none can be held back to check a "
        "longer training by: the quick model is kept. Add photos taken on other occasions."
    )
    ONE_PHOTO_EACH = (
        "There is only one photo of each class, so none can be held back to check a longer training by: the quick "
        "model is kept. Add more photos of each."
    )
    ONE_GROUP_FROM_SCRATCH = (
        "All photos are near copies of one another or of one group, so none can be held back to check the network by; "
        "add photos taken on other occasions, or choose a network that is trained already."
    )
    NO_STAGES = (
        "This network cannot be divided into parts, so all of it is trained, which takes more time than the last "
        "parts alone."
    )
    NO_EPOCH = "Deep training ended before a first round was over; the quick model is kept."
    BETTER = "Deep training is better: it gets {correct} of {total} held-out photos right, the quick model {baseline}."
    PROBABLY_BETTER = (
        "Deep training is probably better, though not beyond chance: it gets {correct} of {total} held-out photos "
        "right, the quick model {baseline}."
    )
    SURER = (
        "Deep training is as good within chance and surer of what is right, so it is kept: it gets {correct} of "
        "{total} held-out photos right, the quick model {baseline}."
    )
    NOT_BETTER = (
        "Quick training was already as good, so its model is kept: deep training gets {correct} of {total} held-out "
        "photos right, the quick model {baseline}."
    )

    NON_FINITE_LOSS = (
        "The training diverged: its loss became infinite. Choose a smaller learning rate than {rate:g}, such as "
        "{smaller:g}."
    )
    BEST_KEPT = "The last round before that is kept."
    OUT_OF_MEMORY = (
        "The memory did not suffice for {before} photos at once: going on with {after} at a time, which gives the "
        "same result more slowly."
    )
    OUT_OF_MEMORY_FROM_SCRATCH = (
        "The memory did not suffice for {before} photos at once: going on with {after} at a time. A network that "
        "starts from scratch then gives a slightly different result."
    )
    TOO_LITTLE_MEMORY = (
        "Deep training takes about {needed:megabytes} MB of memory with this network, and {free:megabytes} MB are "
        "free here: choose a smaller network, or quick training."
    )
    DISK_FULL = (
        "The disk is full: the training stopped, and the earlier model is untouched; free some space and train "
        "again, it goes on from there."
    )
    PHOTO_UNREADABLE = "A photo can no longer be read ({reason}); train again."
    NOTHING_UNFINISHED = "There is no unfinished training in “{folder}” ({reason})."


@unique
class HintCode(Code):
    """What the curves of a training mean, with the usual causes."""

    NO_PROGRESS = (
        "The photos were not learned any better from round to round. Usual causes: a learning rate that is too small "
        "or too large, or labels that do not follow what the photos show."
    )
    OVERFITTING = (
        "The training photos are recognized far better than new ones: they are learned by heart. Usual causes: too "
        "few photos, photos that are all alike, or wrong labels. More photos help most."
    )
    NOISY_SCORE = (
        "The score jumps from round to round because only {count:photo is|photos are} held out to take it; more "
        "photos make it steadier."
    )


@unique
class OverfitCode(EnglishCode):
    """What the check of a network on a few photos prints."""

    ONE_CLASS = "A self-check needs photos of at least two classes; add another folder."
    SHAPE = "{name:24} {shape}"
    BATCH = "batch {name:18} {value}"
    OVERFITS = "learned by heart: yes (loss {before:.3f} to {after:.3f})"
    DEVICES = (
        "CPU and {device} ({dtype}): the same class for {same} of {photos:photo|photos}, largest difference of a "
        "probability {largest_difference:.1e}"
    )
    DOES_NOT_OVERFIT = (
        "learned by heart: no: look at the learning rate and at the labels (loss {before:.3f} to {after:.3f})"
    )
