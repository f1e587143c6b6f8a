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
from ..evaluation.report import JudgedOn, Report, rescore
from ..events import Progress
from ..models import networks
from ..models.checkpoint import Learnt
from ..models.features import Embedder
from ..models.loader import Views, run
from ..models.predictor import UNLIKE, Prediction, Predictor
from .check import alike, looked_at, numbers

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
    truth = numbers([asset for asset, _ in judged], predictor.labels)
    known = np.array([answer.reason != UNLIKE for _, answer in judged])
    return rescore(predictor.report, probabilities, truth, "test", familiar=known)


Judged = tuple[Report, tuple[RunAsset, ...]]  # and what was said of each photo


def on_own_split(tools: Embedder, project: Project, learnt: Learnt) -> Generator[Progress, None, Judged]:
    """The report on the test or else the validation photos the person set apart; as it is if there are none."""
    for name in ("test", "val"):
        photos = _of_known_classes(project, project.catalog.assets(split=name), learnt.report)
        if photos:
            return (yield from _judged(tools, project, photos, learnt, learnt.report))
    return learnt.report, ()


def on_test(tools: Embedder, test: Project, learnt: Learnt, report: Report) -> Generator[Progress, None, Report]:
    """The report on photos that were brought for this."""
    judged, _ = yield from _judged(tools, test, _test_photos(test, report), learnt, report)
    return judged


def answered(
    photos: Sequence[Asset], probabilities: Floats, labels: Sequence[str], split: str | None = None
) -> list[RunAsset]:
    """What was said of photos that the model had not seen, from probabilities (N, C); ``split`` replaces theirs."""
    truth, best = numbers(photos, labels), probabilities.argmax(1)
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
    tools: Embedder, project: Project, photos: Sequence[Asset], learnt: Learnt, report: Report
) -> Generator[Progress, None, Judged]:
    """The report with its scores taken on these photos instead, or as it is if none of them can be read."""
    good, logits, table = yield from _answers(tools, project, photos, learnt)
    if not good:
        return report, ()
    probabilities = metrics.softmax(logits)
    judged_on: JudgedOn = "val" if good[0].split == "val" else "test"
    scenes = alike(tools, project, good, table) if len(table) == len(good) else None
    known = None if learnt.familiar is None else learnt.familiar.knows(table, probabilities)
    judged = rescore(report, probabilities, numbers(good, report.labels), judged_on, scenes, known)
    return judged, tuple(answered(good, probabilities, report.labels))


def _answers(
    tools: Embedder, project: Project, photos: Sequence[Asset], learnt: Learnt
) -> Generator[Progress, None, tuple[list[Asset], Floats, Floats]]:
    """The photos that can be read, the model's logits (n, C), and the features (n, D) that tell scenes apart."""
    if learnt.network is None:
        good, table = yield from looked_at(tools, project, photos, learnt.preparation, _CHECKING)
        return good, table @ learnt.weight.T + learnt.bias if good else table, table
    good, logits = yield from _of_network(tools, project, photos, learnt, learnt.network)
    preparation = networks.preprocessing(tools.backbone).fitted(learnt.report.fit)
    _, table = yield from looked_at(tools, project, good, preparation, _CHECKING)
    return good, logits, table


def _of_network(
    tools: Embedder, project: Project, photos: Sequence[Asset], learnt: Learnt, network: nn.Module
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """The photos that can be read and the network's logits (n, C), as ``Predictor`` will give them."""
    device = devices.for_long_work(tools.device)
    network = network.to(device.torch_device).to(memory_format=torch.channels_last)
    paths = [project.photo_path(asset) for asset in photos]
    stream = run(network, paths, Views((learnt.preparation,)), device, torch.float32, None, tools.limits)
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
