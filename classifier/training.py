"""The stories that join the rooms: ``check`` the photos, ``train`` a model with an honest report, ``evaluate`` it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import advice, audit, checkpoint, familiar, fits, head, metrics, models, quality, split
from . import device as devices
from .catalog import Asset
from .config import Fit, Mode, Preprocessing, TrainConfig
from .errors import DataError, PhotoError
from .features import Embedder, Progress, gather, looks_of
from .metrics import Report
from .names import natural_key
from .predictor import UNLIKE, Prediction, Predictor
from .project import Project
from .store import FeatureStore

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

DEFAULTS = TrainConfig()
_SMALL = 1000  # photos of which twice as many parts for cross-validation cost little
_MIDDLING = head.STRENGTHS[1:2]
_FEW = 10  # photos of a class below which its score says little


@dataclass(frozen=True)
class Finished:
    """The end of training: the report, the checkpoint's folder, the seconds it took.

    ``test`` is the report on separate test photos, if such were given. ``mode`` is that of the model
    kept: deep training keeps the quick one where it was already as good. ``notes`` say so, and what else
    the person should know of the training.
    """

    report: Report
    folder: Path
    seconds: float
    test: Report | None
    mode: Mode = "quick"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suspicion:
    """A photo whose label may be wrong, the class it looks like, and how surely (0 to 1)."""

    photo: Asset
    suggested: str
    score: float


@dataclass(frozen=True)
class Poor:
    """A photo to fix: what is wrong with it in a word, and in a sentence what to do about it."""

    photo: Asset
    kind: quality.Kind
    advice: str


@dataclass(frozen=True)
class More:
    """Photos to add: about how many of a class, how much more of it would be recognised, and why in a sentence."""

    label: str
    count: int
    gain: float
    advice: str


@dataclass(frozen=True)
class Checked:
    """The end of a check: what the photos look like before training; groups hold photos of one scene.

    ``quality`` lists photos to fix, ``more_photos`` what to add, most pressing first, and ``conflicts`` the
    photos that lie in several classes at once.
    """

    classes: dict[str, int]
    look_alikes: tuple[tuple[Asset, ...], ...]
    suspects: tuple[Suspicion, ...]
    warnings: tuple[str, ...]
    quality: tuple[Poor, ...] = ()
    more_photos: tuple[More, ...] = ()
    conflicts: tuple[tuple[Asset, ...], ...] = ()


def estimate_seconds(photos: int, config: TrainConfig) -> float:
    """About how long training takes on this machine, in seconds, before anything is known of the photos."""
    device = devices.choose()
    per_photo = 0.05 / device.workers if device.is_cpu else 0.004
    return 1.0 + photos * per_photo * models.relative_cost(config.backbone)


def train(
    project: Project,
    config: TrainConfig = DEFAULTS,
    out: Path | None = None,
    test: Project | None = None,
    device: str | None = None,
) -> Iterator[Progress | Finished]:
    """Train on the project's photos and write a checkpoint to ``out``, by default among the project's models.

    Yields ``Progress`` and last ``Finished``. Closing the iterator stops the training; features computed
    so far are kept, and no half-written checkpoint is left. Raises ``DataError`` when there are too few
    photos or classes, ``ModelError`` when the backbone cannot be had or ``out`` holds something else,
    ``StorageError`` when the disk is full.
    """
    started = perf_counter()
    folder = out or _new_folder(project, config)
    checkpoint.check_target(folder)
    with closing(FeatureStore(project.features)) as store:
        tools = Embedder(config.backbone, devices.choose(device), store, project.limits)
        photos, labels = _usable(project)
        chosen, photos = yield from _embedded(tools, project, photos, labels, config)
        truth = _numbers(photos, labels)
        groups = _grouped(tools, project, photos, chosen.features)
        folds = split.folds(truth, groups, _parts(config, len(photos)), config.seed)
        yield Progress("Learning the classes", 0, len(photos), None)
        fitted = _fitted(tools.store, photos, chosen, truth, folds, config)
        known, distances = familiar.fit(chosen.features, truth, groups, fitted.probabilities.argmax(1))
        report = _out_of_fold(fitted, truth, labels, groups, distances <= known.limit, chosen.fit, config)
        answers = _Answers(fitted, known)
        report = yield from _on_own_split(tools, project, answers, report)
        tested = None if test is None else (yield from _on_test(tools, test, answers, report))
    preparation = models.preprocessing(config.backbone).fitted(chosen.fit)
    settings = _settings(tools, project, photos, fitted, config)
    tensors = models.tensors(config.backbone, project.features)
    checkpoint.save(folder, tensors, fitted.weight, fitted.bias, preparation, report, settings, known)
    judged = [] if report.judged_on == "out_of_fold" else project.catalog.assets(split=report.judged_on)
    project.catalog.record_run(folder.name, config.mode, report.to_json(), [*photos, *judged])
    yield Finished(report, folder, perf_counter() - started, tested)


def check(
    project: Project,
    config: TrainConfig = DEFAULTS,
    device: str | None = None,
) -> Iterator[Progress | Checked]:
    """Look at the photos before training: look-alikes, labels that may be wrong, what is missing.

    Yields ``Progress`` and last ``Checked``. Works with any number of classes, so that it can say what
    is still needed; raises ``DataError`` only where there is no photo at all.
    """
    photos = project.catalog.assets(split="train")
    if not photos:
        raise DataError(_NO_PHOTOS)
    preparation = models.preprocessing(config.backbone).fitted("whole")
    with closing(FeatureStore(project.features)) as store:
        tools = Embedder(config.backbone, devices.choose(device), store, project.limits)
        photos, table = yield from _looked_at(tools, project, photos, preparation, "Looking at the photos")
        groups = _alike(tools, project, photos, table)
        poor, remarks = _poor(photos, _looks(tools, project, photos))
    labels = tuple(sorted({asset.label for asset in photos}, key=natural_key))
    truth = _numbers(photos, labels)
    found: tuple[Suspicion, ...] = ()
    if len(labels) > 1:
        folds = split.folds(truth, groups, _parts(config, len(photos)), config.seed)
        strengths = head.STRENGTHS if len(photos) < _SMALL else _MIDDLING  # to rank photos one will do
        fitted = head.fit(table, truth, len(labels), folds, strengths)
        found = tuple(
            Suspicion(photos[suspect.photo], labels[suspect.suggested], suspect.score)
            for suspect in audit.suspects(fitted.probabilities, truth)
        )
    yield Checked(
        project.classes(),
        _scenes(photos, groups),
        found,
        (*_warnings(truth, labels), *remarks),
        poor,
        tuple(_more(table, truth, labels, groups, config.seed)),
        tuple(map(tuple, project.conflicts())),
    )


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
    truth = _numbers([asset for asset, _ in judged], predictor.labels)
    known = np.array([answer.reason != UNLIKE for _, answer in judged])
    return metrics.rejudged(predictor.report, probabilities, truth, "test", familiar=known)


# -- which photos

_NO_PHOTOS = "There are no photos to learn from: add at least two folders, each named after what its photos show."


def _new_folder(project: Project, config: TrainConfig) -> Path:
    stem = f"{datetime.now():%Y-%m-%d-%H%M%S}-{config.mode}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1_000_000))
    return project.models / next(name for name in names if not (project.models / name).exists())


def _usable(project: Project) -> tuple[list[Asset], tuple[str, ...]]:
    """The photos to train on and their classes; one that lies in two classes is left to the person to decide."""
    disputed = {asset.sha256 for group in project.conflicts() for asset in group}
    photos = [asset for asset in project.catalog.assets(split="train") if asset.sha256 not in disputed]
    if not photos and not disputed:
        raise DataError(_NO_PHOTOS)
    return photos, _labels(photos)


def _labels(photos: Sequence[Asset]) -> tuple[str, ...]:
    labels = tuple(sorted({asset.label for asset in photos}, key=natural_key))
    if len(labels) < 2:
        only = f"only one class, “{labels[0]}”" if labels else "no photo that lies in one class only"
        raise DataError(
            f"There is {only}: add photos of at least one other class, so that there is something to tell apart."
        )
    return labels


def _numbers(photos: Sequence[Asset], labels: Sequence[str]) -> Ints:
    number = {label: index for index, label in enumerate(labels)}
    return np.array([number[asset.label] for asset in photos], np.int64)


def _embedded(
    tools: Embedder, project: Project, photos: list[Asset], labels: tuple[str, ...], config: TrainConfig
) -> Generator[Progress, None, tuple[fits.Fitted, list[Asset]]]:
    samples = [
        fits.Sample(asset.sha256, project.photo_path(asset), int(label), asset.width, asset.height)
        for asset, label in zip(photos, _numbers(photos, labels))
    ]
    chosen = yield from fits.choose(tools, samples, config.fits, config.seed)
    project.leave_out({photos[place].id: reason for place, reason in chosen.reasons.items()})
    readable = [photos[place] for place in chosen.places]
    gone = sorted(set(labels) - {asset.label for asset in readable}, key=natural_key)
    if gone:
        raise DataError(f"No photo of “{gone[0]}” can be read; the list of left-out files says why. Add others.")
    return chosen, readable


def _looked_at(
    tools: Embedder, project: Project, photos: Sequence[Asset], preparation: Preprocessing, step: str
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """The photos that can be read and their features (n, D); the others go to the list of left-out files."""
    pairs = [(asset.sha256, project.photo_path(asset)) for asset in photos]
    good, table, reasons = yield from gather(tools, pairs, [preparation], step)
    project.leave_out({photos[place].id: reason for place, reason in reasons.items()})
    return [photos[place] for place in good], table[:, 0]


# -- learning and judging


def _fitted(
    store: FeatureStore, photos: Sequence[Asset], chosen: fits.Fitted, truth: Ints, folds: Ints, config: TrainConfig
) -> head.HeadFit:
    """The head. In a large set of which a few photos or labels are new, its penalty is that of the time before.

    The same photos and labels give the same head again, however it was come by.
    """
    kinds = int(truth.max()) + 1
    if len(photos) < _SMALL:
        return head.fit(chosen.features, truth, kinds, folds)
    question = json.dumps(["penalty", config.backbone, chosen.fit, config.seed])
    state = _fingerprint(photos)
    answer = store.recall(question, [asset.sha256 for asset in photos])
    before: dict[str, Any] = json.loads(answer) if answer else {"state": state, "strength": None, "kept": False}
    known: float | None = before["strength"] if before["state"] != state or before["kept"] else None
    fitted = head.fit(chosen.features, truth, kinds, folds, (known,) if known else head.STRENGTHS)
    if answer is None or before["state"] != state:
        note = {"state": state, "strength": fitted.strength, "kept": known is not None}
        store.remember(question, [asset.sha256 for asset in photos], json.dumps(note))
    return fitted


def _fingerprint(photos: Sequence[Asset]) -> str:
    contents = "\n".join(sorted(f"{asset.sha256} {asset.label}" for asset in photos))
    return hashlib.sha256(contents.encode()).hexdigest()


def _parts(config: TrainConfig, photos: int) -> int:
    """Twice the parts for a small set: its judges learn from nine tenths, and lag less behind the finished model."""
    return min(20, 2 * config.folds) if photos < _SMALL else config.folds


def _grouped(tools: Embedder, project: Project, photos: Sequence[Asset], features: Floats) -> Ints:
    """Which photos are of one scene, as numbers (N,); also written to the catalogue."""
    groups = _alike(tools, project, photos, features)
    scenes = _scenes(photos, groups)
    alone: dict[int, int | None] = {asset.id: None for asset in photos}
    project.catalog.set_group(alone | {asset.id: scene[0].id for scene in scenes for asset in scene})
    return groups


def _alike(tools: Embedder, project: Project, photos: Sequence[Asset], features: Floats) -> Ints:
    return audit.look_alikes(features, _looks(tools, project, photos)) if photos else np.zeros(0, np.int64)


def _looks(tools: Embedder, project: Project, photos: Sequence[Asset]) -> Floats:
    return looks_of(tools, [(asset.sha256, project.photo_path(asset)) for asset in photos])


def _poor(photos: Sequence[Asset], looks: Floats) -> tuple[tuple[Poor, ...], tuple[str, ...]]:
    """The photos to fix, and what is to be said of the set as a whole."""
    widths, heights = (np.array([getattr(asset, side) for asset in photos], np.int64) for side in ("width", "height"))
    flaws = quality.flaws(looks, widths, heights)
    poor = tuple(Poor(photos[flaw.photo], flaw.kind, flaw.sentence) for flaw in flaws)
    return poor, tuple(quality.of_the_whole_set(widths, heights))


def _more(features: Floats, truth: Ints, labels: Sequence[str], groups: Ints, seed: int) -> Iterator[More]:
    """What to add, class by class."""
    counts = np.bincount(truth, minlength=len(labels))
    curve = advice.learning_curve(features, truth, len(labels), groups, seed) if len(labels) > 1 else None
    for wanted in advice.wanted(counts, curve):
        yield More(labels[wanted.label], wanted.count, wanted.gain, wanted.sentence(labels))


def _scenes(photos: Sequence[Asset], groups: Ints) -> tuple[tuple[Asset, ...], ...]:
    members: dict[int, list[Asset]] = {}
    for asset, group in zip(photos, groups):
        members.setdefault(int(group), []).append(asset)
    return tuple(tuple(scene) for scene in members.values() if len(scene) > 1)


@dataclass(frozen=True)
class _Answers:
    """What answers: the head, and what it knows of the training photos."""

    head: head.HeadFit
    familiar: familiar.Familiar


def _out_of_fold(
    fitted: head.HeadFit,
    truth: Ints,
    labels: tuple[str, ...],
    groups: Ints,
    known: NDArray[np.bool_],
    fit: Fit,
    config: TrainConfig,
) -> Report:
    return metrics.report(
        fitted.probabilities,
        truth,
        labels,
        images=len(truth),
        judged_on="out_of_fold",
        threshold=metrics.unsure_threshold(fitted.probabilities, truth, familiar=known),
        temperature=fitted.temperature,
        warnings=_warnings(truth, labels),
        fit=fit,
        backbone=config.backbone,
        scenes=groups,
        familiar=known,
    )


def _warnings(truth: Ints, labels: Sequence[str]) -> list[str]:
    counts = np.bincount(truth, minlength=len(labels))
    warnings = []
    if len(labels) == 1:
        warnings.append(f"There is only one class, “{labels[0]}”: add photos of at least one other.")
    single = [f"“{label}”" for label, count in zip(labels, counts) if count == 1]
    if single:
        warnings.append(f"There is a single photo of {', '.join(single)}: it cannot be checked and counts as wrong.")
    few = [f"“{label}” ({count})" for label, count in zip(labels, counts) if count < _FEW]
    if few:
        warnings.append(f"There are few photos of {', '.join(few)}: with {_FEW} or more each, the score says more.")
    if len(labels) > 1 and counts.max() > advice.UNEVEN * counts.min():
        small, large = labels[int(counts.argmin())], labels[int(counts.argmax())]
        warnings.append(
            f"“{large}” has {counts.max()} photos and “{small}” only {counts.min()}: add photos of “{small}”."
        )
    return warnings


def _on_own_split(
    tools: Embedder, project: Project, answers: _Answers, report: Report
) -> Generator[Progress, None, Report]:
    """The report on the test or else the validation photos the person set apart; as it is if there are none."""
    for name in ("test", "val"):
        photos = _of_known_classes(project, project.catalog.assets(split=name), report)
        if photos:
            return (yield from _judged(tools, project, photos, answers, report))
    return report


def _on_test(tools: Embedder, test: Project, answers: _Answers, report: Report) -> Generator[Progress, None, Report]:
    return (yield from _judged(tools, test, _test_photos(test, report), answers, report))


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
    tools: Embedder, project: Project, photos: Sequence[Asset], answers: _Answers, report: Report
) -> Generator[Progress, None, Report]:
    """The report with its scores taken on these photos instead, or as it is if none of them can be read."""
    preparation = models.preprocessing(tools.backbone).fitted(report.fit)
    good, table = yield from _looked_at(tools, project, photos, preparation, "Checking on the test photos")
    if not good:
        return report
    probabilities = metrics.softmax(table @ answers.head.weight.T + answers.head.bias)
    truth = _numbers(good, report.labels)
    judged_on: metrics.JudgedOn = "val" if good[0].split == "val" else "test"
    scenes = _alike(tools, project, good, table)
    known = answers.familiar.knows(table, probabilities.argmax(1))
    return metrics.rejudged(report, probabilities, truth, judged_on, scenes, known)


def _settings(
    tools: Embedder, project: Project, photos: Sequence[Asset], fitted: head.HeadFit, config: TrainConfig
) -> dict[str, Any]:
    """What it takes to train the same model again."""
    packages = ("torch", "torchvision", "timm", "numpy", "pillow", "pillow-heif")
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "config": asdict(config),
        "strength": fitted.strength,
        "device": tools.device.name,
        "precision": str(tools.device.dtype).removeprefix("torch."),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "data": {
            "fingerprint": _fingerprint(photos),
            "splits": {name: sum(counts.values()) for name, counts in project.catalog.balance().items()},
        },
    }
