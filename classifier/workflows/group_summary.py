"""What a grouping of the training photos rests on, and what the score would be without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..config import DEFAULTS, TrainConfig
from ..data.assets import Asset
from ..data.dataset import TrainingSet
from ..data.grouping import Grouping
from ..evaluation.report import Report
from ..evaluation.report_values import GroupOrigin, GroupSummary
from ..training import linear_head
from ..training.cached_head import head_folds
from ..training.linear_head import LinearHead

Ints = NDArray[np.int64]


def with_groups(
    report: Report, training_set: TrainingSet, head: LinearHead | None = None, config: TrainConfig = DEFAULTS
) -> Report:
    """Return the report with which training photos are kept together, see ``summarize_groups``, or may have to be."""
    grouping, summary = training_set.grouping, summarize_groups(training_set, head, config)
    if grouping is None:
        return report
    return replace(report, grouping=summary, groups_offered=grouping.offered, groups_from=grouping.chosen)


def summarize_groups(
    training_set: TrainingSet, head: LinearHead | None = None, config: TrainConfig = DEFAULTS
) -> GroupSummary | None:
    """Return where the groups of photos come from, None where only near duplicates are grouped.

    With ``head`` also the accuracy that cross-validation claims where only near duplicates are kept together: of a head
    with the penalty and shrinkage of this one, in folds as ``config`` has them.
    """
    grouping = training_set.grouping
    if grouping is None or not grouping.is_grouped:
        return None
    return GroupSummary(
        grouping_origin(grouping, training_set.assets),
        grouping.count,
        next((str(one.description) for one in grouping.proposals if one.applied), ""),
        None if head is None else _accuracy_ungrouped(training_set, grouping.near_duplicates, head, config),
    )


def grouping_origin(grouping: Grouping, assets: Sequence[Asset]) -> GroupOrigin:
    """Return where groups come from besides near duplicates: the person, what was found, or the layout."""
    applied = [proposal.origin for proposal in grouping.proposals if proposal.applied]
    if any(asset.own_group is not None for asset in assets):
        return "own"
    return applied[0] if applied else "layout"


def _accuracy_ungrouped(
    training_set: TrainingSet, near_duplicates: Ints, head: LinearHead, config: TrainConfig
) -> float:
    y, contents = training_set.y, (asset.sha256 for asset in training_set.assets)
    folds = head_folds(y, near_duplicates, config, contents)
    n_classes = len(training_set.labels)
    other = linear_head.fit_linear_head(training_set.features, y, n_classes, folds, (head.C,), head.shrinkage)
    return float((other.probabilities.argmax(1) == y).mean())
