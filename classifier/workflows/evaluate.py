"""A model judged on photos set apart: after its training, or ``evaluate`` at any later time."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .. import device as devices
from ..data.catalog import Asset, RunAsset
from ..data.project import Project
from ..errors import DataError, PhotoError
from ..evaluation import metrics
from ..evaluation.report import EvaluatedOn, Report, rescore
from ..events import Progress
from ..models import networks
from ..models.checkpoint import TrainedModel
from ..models.features import FeatureExtractor
from ..models.loader import EvalViews, run_batches
from ..models.predictor import UNLIKE, Prediction, Predictor
from .check import encode_labels, extract_project_features, group_near_duplicates

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_CHECKING = "Checking on the test photos"


def evaluate(predictor: Predictor, project: Project) -> Report:
    """Judge a finished model on labelled photos, each answered as ``Predictor`` answers it.

    Photos of classes the model does not have, and those that cannot be read, are left out and listed.
    Raises ``DataError`` when no photo remains.
    """
    photos = _test_photos(project, predictor.report)
    answers = list(predictor.outcomes([project.photo_path(asset) for asset in photos], top_k=len(predictor.labels)))
    project.leave_out(
        {asset.id: str(answer) for asset, answer in zip(photos, answers) if isinstance(answer, PhotoError)}
    )
    judged = [(asset, answer) for asset, answer in zip(photos, answers) if isinstance(answer, Prediction)]
    if not judged:
        raise DataError("None of the test photos can be read; the list of left-out files says why.")
    place = {label: index for index, label in enumerate(predictor.labels)}
    probabilities = np.zeros((len(judged), len(place)), np.float32)
    for row, (_, answer) in zip(probabilities, judged):
        for guess in answer.top:
            row[place[guess.label]] = guess.confidence
    truth = encode_labels([asset for asset, _ in judged], predictor.labels)
    known = np.array([answer.reason != UNLIKE for _, answer in judged])
    return rescore(predictor.report, probabilities, truth, "test", familiar=known)


Judged = tuple[Report, tuple[RunAsset, ...]]  # and what was said of each photo


def on_own_split(
    extractor: FeatureExtractor, project: Project, learnt: TrainedModel
) -> Generator[Progress, None, Judged]:
    """The report on the test or else the validation photos the person set apart; as it is if there are none."""
    for name in ("test", "val"):
        photos = _of_known_classes(project, project.catalog.assets(split=name), learnt.report)
        if photos:
            return (yield from _judged(extractor, project, photos, learnt, learnt.report))
    return learnt.report, ()


def on_test(
    extractor: FeatureExtractor, test: Project, learnt: TrainedModel, report: Report
) -> Generator[Progress, None, Report]:
    """The report on photos that were brought for this."""
    judged, _ = yield from _judged(extractor, test, _test_photos(test, report), learnt, report)
    return judged


def to_run_assets(
    photos: Sequence[Asset], probabilities: Floats, labels: Sequence[str], split: str | None = None
) -> list[RunAsset]:
    """What was said of photos that the model had not seen, from probabilities (N, C); ``split`` replaces theirs."""
    truth, best = encode_labels(photos, labels), probabilities.argmax(1)
    return [
        RunAsset(
            asset.sha256, asset.label, split or asset.split, labels[taken], float(row[taken]), float(1 - row[true])
        )
        for asset, true, taken, row in zip(photos, truth, best, probabilities)
    ]


def _of_known_classes(project: Project, photos: Sequence[Asset], report: Report) -> list[Asset]:
    """The photos whose class the model has; the others stay where they are and are listed as left out."""
    known = [asset for asset in photos if asset.label in report.labels]
    strange = [asset for asset in photos if asset.label not in report.labels]
    reasons = [(asset.source, f"not judged: there is no class “{asset.label}” to learn from") for asset in strange]
    project.catalog.note_left_out(reasons)
    return known


def _test_photos(test: Project, report: Report) -> list[Asset]:
    known = _of_known_classes(test, test.catalog.assets(), report)
    if not known:
        raise DataError("None of the test folders has the name of a class; name them like the training folders.")
    return known


def _judged(
    extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], learnt: TrainedModel, report: Report
) -> Generator[Progress, None, Judged]:
    """The report with its scores taken on these photos instead, or as it is if none of them can be read."""
    good, logits, table = yield from _answers(extractor, project, photos, learnt)
    if not good:
        return report, ()
    probabilities = metrics.softmax(logits)
    evaluated_on: EvaluatedOn = "val" if good[0].split == "val" else "test"
    scenes = group_near_duplicates(extractor, project, good, table) if len(table) == len(good) else None
    known = None if learnt.familiar is None else learnt.familiar.in_distribution(table, probabilities)
    judged = rescore(report, probabilities, encode_labels(good, report.labels), evaluated_on, scenes, known)
    return judged, tuple(to_run_assets(good, probabilities, report.labels))


def _answers(
    extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], learnt: TrainedModel
) -> Generator[Progress, None, tuple[list[Asset], Floats, Floats]]:
    """The photos that can be read, the model's logits (n, C), and the features (n, D) that tell scenes apart."""
    if learnt.network is None:
        good, table = yield from extract_project_features(extractor, project, photos, learnt.preparation, _CHECKING)
        return good, table @ learnt.weight.T + learnt.bias if good else table, table
    good, logits = yield from _of_network(extractor, project, photos, learnt, learnt.network)
    preparation = networks.preprocessing(extractor.backbone).with_resize_mode(learnt.report.resize_mode)
    _, table = yield from extract_project_features(extractor, project, good, preparation, _CHECKING)
    return good, logits, table


def _of_network(
    extractor: FeatureExtractor, project: Project, photos: Sequence[Asset], learnt: TrainedModel, network: nn.Module
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """The photos that can be read and the network's logits (n, C), as ``Predictor`` will give them."""
    device = devices.for_long_work(extractor.device)
    network = network.to(device.torch_device).to(memory_format=torch.channels_last)
    paths = [project.photo_path(asset) for asset in photos]
    stream = run_batches(
        network, paths, EvalViews((learnt.preparation,)), device, torch.float32, None, extractor.limits
    )
    good, rows, reasons = [], [], {}
    for number, (asset, outcome) in enumerate(zip(photos, stream), 1):
        if isinstance(outcome, str):
            reasons[asset.id] = outcome
        else:
            good.append(asset)
            rows.append(outcome[0].numpy())
        yield Progress(_CHECKING, number, len(photos), None)
    project.leave_out(reasons)
    return good, np.stack(rows) if rows else np.zeros((0, len(learnt.bias)), np.float32)
