"""Deep training: fine-tune the network itself, and keep what is expected to classify more new photos correctly.

The network is fine-tuned as deep, as long and on as many folds as the time allows (``cross_fit``). Where the linear
head is better than every network on the way to the fine-tuned one, it stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import distributed
from ..config import Preprocessing, TrainConfig
from ..data import splits
from ..data.dataset import TrainingSet
from ..errors import DataError
from ..evaluation.class_balance import is_measurable
from ..events import Epoch, Note
from ..messages import Message, message
from ..messages.training import TrainingCode
from ..models import networks, surgery
from ..models.features import FeatureExtractor
from . import finetune, linear_head, resume
from .cross_fit import Event, FineTunedNetwork
from .finetune import Schedule
from .loss import LossFunction, cross_entropy
from .schedule import make_plan, warmup_cosine
from .slices import cross_fit

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_STANDARD_ERRORS = 1.5  # of the mean gain, from which it is certain


def fine_tune(
    extractor: FeatureExtractor,
    training_set: TrainingSet,
    preprocessing: Preprocessing,
    config: TrainConfig,
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
    loss_fn: LossFunction = cross_entropy,
    schedule: Schedule = warmup_cosine,
    validation: TrainingSet | None = None,
) -> Iterator[Event | FineTunedNetwork]:
    """Fine-tune the extractor's backbone on the training set; yields the ``FineTunedNetwork`` last.

    Where the linear head is as good there is no network; a ``Note`` tells the verdict. The training is resumed as that
    of ``cross_fit``. Raises ``StorageError`` when the disk is full.

    Args:
        extractor: its backbone is trained, on its device; its cache keeps the measured speed.
        training_set: the photos; ``features`` train the linear head to compare with.
        preprocessing: of the evaluation.
        config: the settings.
        folder: of the unfinished training, see ``resume.prepare_folder``.
        stop: called after every step; True ends the training with the best so far.
        loss_fn: see ``loss.LossFunction``.
        schedule: factor of the learning rates by progress.
        validation: other photos of the same classes, see ``cross_fit``.
    """
    from_scratch = extractor.backbone.from_scratch
    if from_scratch and len(np.unique(training_set.groups)) == 1:
        raise DataError(TrainingCode.ONE_GROUP_FROM_SCRATCH)
    if not from_scratch and not is_measurable(training_set.y, training_set.groups):
        single = len(training_set) == len(training_set.labels)
        yield Note(message(TrainingCode.ONE_PHOTO_EACH if single else TrainingCode.ONE_GROUP))
        return
    y, contents = training_set.y, (sample.sha256 for sample in training_set.samples)
    folds = splits.stratified_group_folds(y, training_set.groups, config.folds, config.seed, contents)
    if not from_scratch and (reason := _nothing_to_gain(training_set, folds)):
        yield Note(reason)
        return
    network = networks.build(extractor.backbone, len(training_set.labels), config.seed)
    fold_count = len(np.unique(folds))
    plan = resume.load_plan(folder, lambda: make_plan(extractor, network, len(y), preprocessing, config, fold_count))
    if not from_scratch and not surgery.stages(network):
        yield Note(message(TrainingCode.NO_STAGES))
    epochs: list[Epoch] = []
    found: FineTunedNetwork | None = None
    settings: dict[str, Any] = {"loss_fn": loss_fn, "schedule": schedule, "validation": validation}
    for event in cross_fit(extractor, training_set, folds, preprocessing, config, plan, folder, stop, **settings):
        if isinstance(event, FineTunedNetwork):
            found = event
            continue
        if isinstance(event, Epoch):
            epochs.append(event)
        yield event
    val_count = int((folds == folds.min()).sum()) if validation is None else len(validation)
    yield from map(Note, finetune.hints(epochs, val_count))
    verdict = message(TrainingCode.NO_EPOCH) if found is None else _verdict(found, y)
    if verdict is not None:
        yield Note(verdict)
    if found is not None and found.alpha:
        yield found


def is_clearly_better(log_probs: Floats, baseline: Floats, y_true: Ints) -> bool:
    """Whether log probabilities (J, C) of photos (J,) are better than those of a baseline by more than chance.

    More photos have to be classified correctly, and the mean gain in log-likelihood has to exceed ``_STANDARD_ERRORS``
    standard errors of the paired differences, which on few photos is more sensitive than the count.
    """
    gain = (log_probs - baseline)[np.arange(len(y_true)), y_true]
    more = _count_correct(log_probs, y_true) - _count_correct(baseline, y_true)
    standard_error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    return more > 0 and float(gain.mean()) > _STANDARD_ERRORS * standard_error


def _nothing_to_gain(training_set: TrainingSet, folds: Ints) -> Message | None:
    """The reason not to begin: where the linear head has at most one photo wrong, there is next to nothing to gain."""
    y, total = training_set.y, len(training_set.y)
    head = linear_head.fit_linear_head(training_set.features, y, len(training_set.labels), folds)
    correct = distributed.broadcast(_count_correct(head.probabilities, y))
    return None if total - correct >= 2 else message(TrainingCode.QUICK_ALL_RIGHT, correct=correct, total=total)


def _count_correct(probs: Floats, y_true: Ints) -> int:
    return int((probs.argmax(1) == y_true).sum())


def _verdict(found: FineTunedNetwork, y: Ints) -> Message | None:
    """What is kept and how certain that is; None for a network from scratch, which replaces nothing."""
    if found.head_logits is None:
        return None
    y_true = y[found.val_idx]
    log_probs, baseline = (finetune.log_probs(one, y_true) for one in (found.logits, found.head_logits))
    counts = {"correct": _count_correct(log_probs, y_true), "baseline": _count_correct(baseline, y_true)}
    if not found.alpha:
        code = TrainingCode.NOT_BETTER
    elif is_clearly_better(log_probs, baseline, y_true):
        code = TrainingCode.BETTER
    else:
        more = counts["correct"] > counts["baseline"]
        code = TrainingCode.PROBABLY_BETTER if more else TrainingCode.SURER
    return message(code, total=len(y_true), **counts)
