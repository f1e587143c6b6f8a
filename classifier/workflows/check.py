"""Check a project's photos before training: near duplicates, poor photos, label issues, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..config import DEFAULTS, TrainConfig
from ..data import image_quality
from ..data.assets import Asset
from ..data.dataset import class_names, duplicate_groups, encode_labels
from ..data.grouping import Grouping
from ..data.project import Project
from ..evaluation.class_balance import class_balance_warnings, classes_of_one_group
from ..evaluation.label_errors import find_label_issues, is_too_weak
from ..evaluation.sessions import session_warnings
from ..events import Progress
from ..messages import Code, Message, message, sentence
from ..messages.data import QualityCode
from ..messages.evaluation import LabelIssueCode
from ..models import backbones
from ..training import learning_curve, linear_head
from ..training.cached_head import head_folds
from .describing import describe_assets
from .photo_notes import divided_groups, no_photos, similar_classes

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class MislabeledPhoto:
    """A photo whose label may be wrong, the class it is likelier of, and the score of the label issue, 0 to 1."""

    photo: Asset
    suggested: str
    score: float


@dataclass(frozen=True)
class PoorPhoto:
    """A photo to fix, and what is wrong with it."""

    photo: Asset
    code: QualityCode

    @property
    def kind(self) -> str:
        """The issue in a word, as in the command line's JSON: ``blurred``, ``blown-out``, …"""
        return self.code.id

    @property
    def advice(self) -> str:
        """What to do about it, in a sentence."""
        return str(self.code)


@dataclass(frozen=True)
class MorePhotos:
    """Photos to add: about how many of a class, by how much its recall would rise (0 to 1), and the reason."""

    label: str
    count: int
    gain: float
    reason: Code

    @property
    def advice(self) -> str:
        """What to do and why, in a sentence."""
        return sentence(self.reason, label=self.label, count=self.count)


@dataclass(frozen=True)
class Checked:
    """The last event of a check.

    ``classes`` counts the photos of each class; ``near_duplicates`` are groups of at least two photos; ``mislabeled``
    are the label issues and ``quality`` the photos to fix, both worst first; ``warnings`` are of the set as a whole;
    ``more_photos`` is what to add, most urgent first; ``conflicts`` are photos that lie in several classes at once.
    ``grouping`` tells which photos belong together and why.

    Example::

        *_, checked = check(project)
        for issue in checked.mislabeled:
            print(issue.photo.source, issue.suggested)
    """

    classes: dict[str, int]
    near_duplicates: tuple[tuple[Asset, ...], ...]
    mislabeled: tuple[MislabeledPhoto, ...]
    warnings: tuple[Message, ...]
    quality: tuple[PoorPhoto, ...] = ()
    more_photos: tuple[MorePhotos, ...] = ()
    conflicts: tuple[tuple[Asset, ...], ...] = ()
    grouping: Grouping | None = None


def check(
    project: Project,
    config: TrainConfig = DEFAULTS,
    device: str | None = None,
    label_issues: bool = True,
) -> Iterator[Progress | Checked]:
    """Check the photos of a project before training. Yields ``Progress``, and ``Checked`` last.

    Works with any number of classes, so that it can tell what is missing. Features are those of the first resize mode
    of ``config``. Without ``label_issues`` no head is fitted: after a training its predictions show the label issues,
    see ``review``. Photos whose label the person confirmed are no label issues.

    Raises ``DataError`` where there is no photo at all, ``ModelError`` where the backbone cannot be loaded.

    Example::

        with Project.over(Path("photos")) as project:
            *_, checked = check(project)
    """
    assets = project.catalog.assets(split="train")
    if not assets:
        raise no_photos(project)
    backbone = backbones.resolve(config.backbone)
    described = yield from describe_assets(project, assets, backbone, config, device)
    assets, features, descriptors, grouping = described
    groups = grouping.groups
    labels = class_names(assets)
    y = encode_labels(assets, labels)
    poor, remarks = _find_poor_photos(assets, descriptors)
    sameness = image_quality.explain_sameness(features, descriptors)
    remarks = remarks if sameness is None else (sameness,)
    mislabeled: tuple[MislabeledPhoto, ...] = ()
    if label_issues and len(labels) > 1 and sameness is None:
        mislabeled, accuracy = _find_mislabeled(assets, features, y, labels, groups, config)
        if not mislabeled and is_too_weak(accuracy):
            remarks = (*remarks, message(LabelIssueCode.TOO_WEAK, accuracy=accuracy))
    yield Checked(
        project.classes(),
        duplicate_groups(assets, grouping.near_duplicates),
        mislabeled,
        (
            *similar_classes(project),
            *class_balance_warnings(y, labels, groups),
            *session_warnings(y, labels, groups, [asset.taken for asset in assets], descriptors),
            *divided_groups(project, grouping),
            *grouping.warnings,
            *remarks,
        ),
        poor,
        tuple(_recommend_photos(features, y, labels, groups, config.seed)),
        tuple(map(tuple, project.conflicts())),
        grouping,
    )


def _find_mislabeled(
    assets: Sequence[Asset], features: Floats, y: Ints, labels: Sequence[str], groups: Ints, config: TrainConfig
) -> tuple[tuple[MislabeledPhoto, ...], float]:
    """Return the label issues by the out-of-fold predictions of a linear head, worst first, and its accuracy.

    None of a class whose photos are all in one group: the head that predicts them has not seen the class.
    """
    folds = head_folds(y, groups, config, (asset.sha256 for asset in assets))
    head = linear_head.fit_linear_head(features, y, len(labels), folds)
    unseen = set(classes_of_one_group(y, groups))
    mislabeled = tuple(
        MislabeledPhoto(assets[issue.index], labels[issue.suggested], issue.score)
        for issue in find_label_issues(head.probabilities, y)
        if not assets[issue.index].confirmed and y[issue.index] not in unseen
    )
    return mislabeled, float((head.probabilities.argmax(1) == y).mean())


def _find_poor_photos(
    assets: Sequence[Asset], descriptors: Floats
) -> tuple[tuple[PoorPhoto, ...], tuple[Message, ...]]:
    """Return the photos to fix, and what to know of the set as a whole."""
    widths = np.array([asset.width for asset in assets], np.int64)
    heights = np.array([asset.height for asset in assets], np.int64)
    issues = image_quality.find_quality_issues(descriptors, widths, heights)
    poor = tuple(PoorPhoto(assets[issue.index], issue.code) for issue in issues)
    return poor, tuple(image_quality.describe_set(descriptors, widths, heights))


def _recommend_photos(
    features: Floats, y: Ints, labels: Sequence[str], groups: Ints, seed: int
) -> Iterator[MorePhotos]:
    """Yield what to add, most urgent first."""
    counts = np.bincount(y, minlength=len(labels))
    curve = learning_curve.learning_curve(features, y, len(labels), groups, seed) if len(labels) > 1 else None
    for request in learning_curve.recommend_more_photos(counts, curve):
        yield MorePhotos(labels[request.label], request.count, request.gain, request.reason)
