"""Choose by cross-validation how a picture is brought to the input size: squashed, padded whole, cropped or zoomed.

On long photos the choice is worth up to ten points: there squashing, padding and cropping are compared on a sample of
the photos, and only the best is computed for all of them. On others squashing is as good as these on every set tried,
and a comparison would take more passes of the network. Only where the subject is small and in the middle, as in the
boxes of a detector, zooming brings up to six points. Whether it may is known from the pass that is needed in any case:
the network's last map, pooled with more weight in the middle, then separates the classes better.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .. import distributed
from ..config import ResizeMode
from ..data import splits
from ..data.dataset import Sample
from ..events import Progress
from ..messages import Code, Message
from ..messages.workflows import StepCode
from ..models import networks
from ..models.features import FeatureExtractor, extract_features
from . import linear_head

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Score = tuple[NDArray[np.bool_], Floats]  # which photos (n,) are correct out of fold, and their squared errors

_SAMPLE_SIZES = (48, 128)  # photos on which all modes are compared, and those on which the best two are
# By which the middle must lead: on eleven of thirteen sets it leads by 2.5 at most, on traffic signs by 4 to 7.
_MIDDLE_STANDARD_ERRORS = 3.0
_FOLDS = 5
_STANDARD_ERRORS = 1.5  # small differences are chance, and a wrong choice costs points
_WITH_ZOOM: tuple[ResizeMode, ...] = ("squash", "zoom")
_ELONGATED = 2.0  # times the short side: a photo from which on squashing may change what it shows
_FEW_ELONGATED = 0.1  # share of the photos


@dataclass(frozen=True)
class ResizeModeChoice:
    """The chosen mode, the indices (n) of the readable photos with their features (n, D), why others are not."""

    resize_mode: ResizeMode
    indices: list[int]
    features: Floats
    reasons: dict[int, Message]


def choose_resize_mode(
    extractor: FeatureExtractor, samples: Sequence[Sample], resize_modes: tuple[ResizeMode, ...], seed: int
) -> Generator[Progress, None, ResizeModeChoice]:
    """Extract features in the resize mode that separates the classes best.

    The choice is cached with the features until a fifth of the labeled photos is different: corrections, or a few
    photos more, then cost only the features of what is new.
    """
    resize_modes = _modes_to_compare(samples, resize_modes, extractor.backbone.built_in)
    key = json.dumps([extractor.backbone.name, resize_modes, seed])
    contents = [f"{sample.sha256} {sample.label}" for sample in samples]
    cached = distributed.decide(lambda: extractor.cache.get_choice(key, contents))
    if cached is None:
        compare = _compare_zoom if resize_modes == _WITH_ZOOM else _compare
        resize_mode = distributed.broadcast((yield from compare(extractor, samples, resize_modes, seed)))
        if distributed.is_main_process():
            extractor.cache.put_choice(key, contents, resize_mode)
    else:
        resize_mode = next(resize_mode for resize_mode in resize_modes if resize_mode == cached)
    indices, features, reasons = yield from _extract(
        extractor, samples, range(len(samples)), [resize_mode], StepCode.EXTRACT_FEATURES
    )
    return ResizeModeChoice(resize_mode, indices, np.ascontiguousarray(features[:, 0]), reasons)


def _compare(
    extractor: FeatureExtractor, samples: Sequence[Sample], resize_modes: tuple[ResizeMode, ...], seed: int
) -> Generator[Progress, None, ResizeMode]:
    """Return the first mode, unless another is significantly better on a sample.

    Only the best of the others on a small sample is compared on a larger one; none where none beats the first.
    """
    default, *others = resize_modes
    if not others:
        return default
    order = _shuffle(samples, seed)
    small, large = _SAMPLE_SIZES
    baseline, *scores = yield from _score_modes(extractor, samples, order[:small], resize_modes, seed)
    scores_of = dict(zip(others, scores))
    better = [mode for mode, score in scores_of.items() if score[0].sum() > baseline[0].sum()]
    better.sort(key=lambda mode: _rank(scores_of[mode]), reverse=True)
    better = distributed.broadcast(better)
    if not better:
        return default
    rival = better[0]
    rival_score = scores_of[rival]
    if small < len(order):
        sample = order[:large]
        baseline, rival_score = yield from _score_modes(extractor, samples, sample, (default, rival), seed)
    significant = linear_head.is_significantly_better(rival_score[0], baseline[0], _STANDARD_ERRORS)
    return rival if significant else default


def _compare_zoom(
    extractor: FeatureExtractor, samples: Sequence[Sample], resize_modes: tuple[ResizeMode, ...], seed: int
) -> Generator[Progress, None, ResizeMode]:
    """Return the first mode, “squash”, or “zoom” where the middle of the pictures separates the classes better.

    The features of a sample are pooled twice, from one pass. Only where those of the middle are significantly better
    are the same photos zoomed: that comparison, of pictures that differ, is less certain, and has to agree. As the pass
    is needed in any case, the progress is that of the features of all photos.
    """
    default, zoom = resize_modes
    sample = _shuffle(samples, seed)[: _SAMPLE_SIZES[1]]
    if len(sample) < _SAMPLE_SIZES[0]:
        return default
    twice, step = replace(extractor, middle=True), StepCode.EXTRACT_FEATURES
    scoring = _score_modes(twice, samples, sample, [default], seed, step)
    whole, middle = yield from _count_among_all(scoring, len(samples))
    if not distributed.broadcast(_leads(middle, whole, _MIDDLE_STANDARD_ERRORS)):
        return default
    scoring = _score_modes(extractor, samples, sample, [default, zoom], seed, step)
    squashed, zoomed = yield from _count_among_all(scoring, len(samples))
    return zoom if _leads(zoomed, squashed, 0) else default


def _count_among_all(
    scoring: Generator[Progress, None, list[Score]], total: int
) -> Generator[Progress, None, list[Score]]:
    """Yield the progress of a sample as that of all ``total`` photos; how long all take is not known from it."""
    while True:
        try:
            event = next(scoring)
        except StopIteration as end:
            scores: list[Score] = end.value
            return scores
        yield replace(event, total=total, seconds_left=None)


def _leads(score: Score, baseline: Score, standard_errors: float) -> bool:
    """Return whether the squared errors (n,) are lower than in a baseline by more than ``standard_errors``."""
    lead = baseline[1] - score[1]
    return bool(lead.sum() > standard_errors * np.sqrt(len(lead)) * lead.std()) if len(lead) else False


def _score_modes(
    extractor: FeatureExtractor,
    samples: Sequence[Sample],
    chosen: Sequence[int],
    resize_modes: Sequence[ResizeMode],
    seed: int,
    step: Code = StepCode.COMPARE_RESIZE_MODES,
) -> Generator[Progress, None, list[Score]]:
    """Return the score of each mode on the chosen photos; with ``extractor.middle``, each followed by its middle's."""
    indices, features, _ = yield from _extract(extractor, samples, chosen, resize_modes, step)
    return _cross_validate(samples, indices, features, seed)


def _cross_validate(samples: Sequence[Sample], indices: Sequence[int], features: Floats, seed: int) -> list[Score]:
    """Return the score of each view of features (n, V, D) of the photos at ``indices``."""
    views = range(features.shape[1])
    if not indices:
        return [(np.zeros(0, np.bool_), np.zeros(0, np.float32)) for _ in views]
    y = np.array([samples[index].label for index in indices], np.int64)
    folds = splits.stratified_group_folds(y, np.arange(len(y)), _FOLDS, seed)
    n_classes = max(sample.label for sample in samples) + 1
    return [linear_head.cross_validated_ridge(features[:, view], y, n_classes, folds) for view in views]


def _extract(
    extractor: FeatureExtractor,
    samples: Sequence[Sample],
    chosen: Sequence[int],
    resize_modes: Sequence[ResizeMode],
    step: Code,
) -> Generator[Progress, None, tuple[list[int], Floats, dict[int, Message]]]:
    """Return the indices (n) of the readable photos among the chosen, their features (n, V, D), the others' reasons.

    V as in ``features.embed``.
    """
    base = networks.preprocessing(extractor.backbone)
    photos = [(samples[index].sha256, samples[index].path) for index in chosen]
    views = [base.with_resize_mode(resize_mode) for resize_mode in resize_modes]
    readable, features, reasons = yield from extract_features(extractor, photos, views, step)
    return [chosen[i] for i in readable], features, {chosen[i]: reason for i, reason in reasons.items()}


def _modes_to_compare(
    samples: Sequence[Sample], resize_modes: tuple[ResizeMode, ...], has_middle: bool
) -> tuple[ResizeMode, ...]:
    """Return all modes but “zoom” where many photos are elongated; else “squash” alone, or with “zoom”.

    The latter for a network whose features of the middle are known. Without “squash” all that were asked for.
    """
    if "squash" not in resize_modes:
        return resize_modes
    elongated = sum(
        max(sample.width, sample.height) >= _ELONGATED * min(sample.width, sample.height) for sample in samples
    )
    if elongated >= _FEW_ELONGATED * len(samples):
        return tuple(mode for mode in resize_modes if mode != "zoom")
    return _WITH_ZOOM if has_middle and "zoom" in resize_modes else ("squash",)


def _shuffle(samples: Sequence[Sample], seed: int) -> list[int]:
    """Return indices in an order by each photo's content: new labels or more photos hardly change it."""
    keys = [hashlib.sha256(f"{seed} {sample.sha256}".encode()).digest() for sample in samples]
    return sorted(range(len(samples)), key=keys.__getitem__)


def _rank(score: Score) -> float:
    """Return the number of correct photos; the squared error decides between equals."""
    return float(score[0].sum()) - 0.01 * float(score[1].mean())
