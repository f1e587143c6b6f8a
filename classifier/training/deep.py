"""Deep training: the network itself learns from the photos, and is kept only where that proves better.

A quarter of the photos is held out, photos of one scene together. The network is fine-tuned on the others and
judged on these, as is a quick model that has not seen them either. If it is no better, that is the end. If it
is, it learns for a third as many rounds more from all photos, so that nothing a person brought is wasted; the
score stays the one from before.
"""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .. import distributed
from ..config import Preprocessing, TrainConfig, current_names
from ..data import splits
from ..data.dataset import Sample
from ..errors import ModelError
from ..events import Epoch, Note, Progress
from ..models import networks, surgery
from ..models.features import FeatureExtractor
from ..models.transforms import AUGMENTATIONS
from . import augmented_cache, finetune, linear_head
from . import schedule as plans
from .finetune import FineTuneSpec, NonFiniteLossError, TrainState
from .schedule import TrainPlan

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Event = Progress | Epoch | Note

_REFINE = 0.3  # of the learning rate, for the rounds on all photos
_FRESH_FASTER = 10.0  # times the learning rate, for a network that starts from random weights
_SURELY = 1.5  # standard errors by which deep training has to lead


@dataclass(frozen=True)
class FineTunedNetwork:
    """A network that deep training has made.

    ``tensors`` are those of the network without its classifier, of ``weight`` (C, D) and ``bias`` (C,).
    ``logits`` (J, C) are those of the photos at ``places`` (J,), each from a copy that has not seen it. They and
    the classifier have been divided by the ``temperature``.
    """

    tensors: dict[str, Tensor]
    weight: Floats
    bias: Floats
    places: Ints
    logits: Floats
    temperature: float
    preprocessing: Preprocessing
    plan: TrainPlan


@dataclass(frozen=True)
class Photos:
    """What there is to learn from: the photos, their classes and scenes (N,), and the quick model's view of them.

    ``features`` (N, D) are None for a network from scratch.
    """

    samples: Sequence[Sample]
    labels: Ints
    groups: Ints
    classes: int
    features: Floats | None


def fine_tune(
    extractor: FeatureExtractor,
    photos: Photos,
    preparation: Preprocessing,
    config: TrainConfig,
    folder: Path,
    stop: Callable[[], bool],
) -> Generator[Event, None, FineTunedNetwork | None]:
    """Fine-tune ``config.backbone``; None where the quick model was already as good, which a ``Note`` says.

    What is unfinished is kept in ``folder``: cut off at any moment, it goes on from the last whole epoch
    and ends with the same network. ``stop`` is asked after every batch. Raises ``StorageError`` when the
    disk is full.
    """
    parts = splits.stratified_group_folds(photos.labels, photos.groups, plans.PARTS, config.seed)
    held_out = np.flatnonzero(parts == parts.min())
    quick = None if photos.features is None else _quick_answers(photos, parts)[held_out]
    right = 0 if quick is None else int((quick.argmax(1) == photos.labels[held_out]).sum())
    if quick is not None and len(quick) - right < 2:
        yield Note(
            f"Quick training was already as good: it gets {right} of {len(quick)} held-out photos right, so "
            "nothing is left that deep training could prove to do better."
        )
        return None
    network = networks.build(config.backbone, photos.classes, config.seed).eval().requires_grad_(False)
    plan = _planned(folder, lambda: plans.make_plan(extractor, network, photos.samples, preparation, config))
    preparation = replace(preparation, size=plan.size)
    course = yield from _course(extractor, network, photos, preparation, config, plan, folder)
    learner = TrainState(course.lesson(held_out), extractor.device)
    yield from _learn(learner, folder / "held-out.safetensors", "Learning", stop)
    for sentence in finetune.hints(learner.history, len(held_out)):
        yield Note(sentence)
    if not (yield from _better(learner, quick)):
        return None
    if learner.finished:  # else the person was in a hurry
        last = TrainState(course.last_lesson(learner), extractor.device)
        yield from _learn(last, folder / "all.safetensors", "Learning from all photos", stop)
        return course.tuned(learner, last.best_tensors)
    return course.tuned(learner, learner.best_tensors)


# -- is it better?


def _quick_answers(photos: Photos, parts: Ints) -> Floats:
    """The quick model's probabilities (N, C) of each photo, judged on the same parts."""
    assert photos.features is not None
    return linear_head.fit_linear_head(photos.features, photos.labels, photos.classes, parts).probabilities


def _better(learner: TrainState, quick: Floats | None) -> Generator[Event, None, bool]:
    """Whether deep training is worth keeping, which is said."""
    if learner.best == 0:
        yield Note("Deep training ended before a first round was over; the quick model is kept.")
        return False
    if quick is None:
        return True
    truth = learner.lesson.labels[learner.lesson.held_out]
    logs = torch.from_numpy(learner.held_out / linear_head.temperature(learner.held_out, truth)).log_softmax(1).numpy()
    right, before = (int((answers.argmax(1) == truth).sum()) for answers in (logs, quick))
    score = f"{right} of {len(truth)} held-out photos right, the quick model {before}"
    if not is_clearly_better(logs, np.log(np.maximum(quick, 1e-12)), truth):
        yield Note(
            f"Deep training is not clearly better: it gets {score}. The quick model is kept."
            if right > before
            else f"Quick training was already as good, so its model is kept: deep training gets {score}."
        )
        return False
    yield Note(f"Deep training is better: it gets {score}.")
    return True


def is_clearly_better(one: Floats, other: Floats, truth: Ints) -> bool:
    """Whether log-probabilities (H, C) are better than others of the same photos (H,).

    They have to be right on more photos, and likelier by ``_SURELY`` standard errors of the difference photo
    by photo: on few photos that tells more than the count alone.
    """
    rows = np.arange(len(truth))
    gain = (one - other)[rows, truth]
    more = int((one.argmax(1) == truth).sum()) - int((other.argmax(1) == truth).sum())
    return more > 0 and float(gain.mean()) > _SURELY * float(gain.std(ddof=1)) / np.sqrt(len(gain))


# -- the plan, kept


def _planned(folder: Path, make: Callable[[], TrainPlan]) -> TrainPlan:
    """The plan this training began with, or a new one; all processes follow the first."""
    path = folder / "plan.json"
    plan = distributed.broadcast(TrainPlan(**json.loads(path.read_text("utf-8"))) if path.exists() else make())
    assert isinstance(plan, TrainPlan)
    if distributed.is_main_process():
        write(path, json.dumps(asdict(plan)))
    return plan


# -- the course: what every copy learns from


@dataclass(frozen=True)
class Course:
    """The network, the views and the settings that all copies share."""

    network: nn.Module
    rest: nn.Module
    stages: Sequence[Sequence[str]]
    classifier: str
    kept: Tensor
    features: Floats | None
    photos: Photos
    preparation: Preprocessing
    config: TrainConfig
    plan: TrainPlan

    def lesson(self, held_out: Ints) -> FineTuneSpec:
        """What there is to learn without some photos, from a head that has not seen them either."""
        seen = np.setdiff1d(np.arange(len(self.photos.labels)), held_out)
        if self.features is not None:
            labels, groups = self.photos.labels[seen], self.photos.groups[seen]
            folds = splits.stratified_group_folds(labels, groups, self.config.folds, self.config.seed)
            fitted = linear_head.fit_linear_head(self.features[seen], labels, self.photos.classes, folds)
            last = self.rest.get_submodule(self.classifier)
            last.weight = nn.Parameter(torch.from_numpy(fitted.weight))
            last.bias = nn.Parameter(torch.from_numpy(fitted.bias))
        fresh = self.features is None
        rate = self.config.learning_rate * (_FRESH_FASTER if fresh else 1)
        return FineTuneSpec(
            self.rest, self.classifier, self.stages, self.kept, self.photos.labels, seen, held_out, self.preparation,
            self.plan.epochs, self.config.batch, rate, self.config.optimizer, self.config.seed, fresh,
            AUGMENTATIONS[self.config.domain].hflip,
        )  # fmt: skip

    def last_lesson(self, learner: TrainState) -> FineTuneSpec:
        """What is left to learn from all photos, more gently, for one that has learnt from most of them."""
        network = copy.deepcopy(self.rest)
        network.load_state_dict({**network.state_dict(), **learner.best_tensors})
        everything = np.arange(len(self.photos.labels))
        return replace(
            learner.lesson, network=network, seen=everything, held_out=everything[:0], epochs=self.plan.last_epochs,
            rate=learner.lesson.rate * _REFINE, seed=self.config.seed + 1,
        )  # fmt: skip

    def tuned(self, judged: TrainState, learnt: dict[str, Tensor]) -> FineTunedNetwork:
        """The whole network with what was learnt, and the temperature that fits what it said of held-out photos."""
        tensors = {key: value.detach().clone().contiguous() for key, value in self.network.state_dict().items()}
        tensors.update({key: value.to(tensors[key].dtype).contiguous() for key, value in learnt.items()})
        weight = tensors.pop(f"{self.classifier}.weight").numpy()
        bias = tensors.pop(f"{self.classifier}.bias").numpy()
        places, logits = judged.lesson.held_out, judged.held_out
        temperature = np.float32(linear_head.temperature(logits, self.photos.labels[places]))
        return FineTunedNetwork(
            tensors, weight / temperature, bias / temperature, places, logits / temperature, float(temperature),
            self.preparation, self.plan,
        )  # fmt: skip


def _course(
    extractor: FeatureExtractor,
    network: nn.Module,
    photos: Photos,
    preparation: Preprocessing,
    config: TrainConfig,
    plan: TrainPlan,
    folder: Path,
) -> Generator[Event, None, Course]:
    network = network.cpu()
    all_stages = surgery.stages(network)
    stages = all_stages[-plan.unfreeze :] if plan.unfreeze else all_stages
    rest = surgery.trainable_tail(network, stages) if plan.unfreeze else network
    front = None
    if plan.unfreeze:
        front = surgery.fuse_batch_norm(surgery.frozen_trunk(network, stages), trusted=False)
        front = front.to(extractor.device.torch_device, extractor.device.dtype).to(memory_format=torch.channels_last)
    names = tuple(sample.sha256 for sample in photos.samples)
    varied = augmented_cache.AugmentedViews(preparation, config.domain, names, plan.views, config.seed)
    paths = [sample.path for sample in photos.samples]
    kept = yield from augmented_cache.build_augmented_cache(
        folder / "views.bin", front, paths, varied, extractor.device, extractor.limits
    )
    classifier = networks.classifier(config.backbone)
    features = None
    if photos.features is not None:
        features = _features(rest, classifier, kept, preparation, extractor)
    return Course(network, rest, stages, classifier, kept, features, photos, preparation, config, plan)


def _features(
    rest: nn.Module, classifier: str, kept: Tensor, preparation: Preprocessing, extractor: FeatureExtractor
) -> Floats:
    """What the classifier reads (N, D) of the view that all later loaders take: at this size, so that the head fits."""
    last = rest.get_submodule(classifier)
    rest.set_submodule(classifier, nn.Identity())
    empty = np.zeros(0, np.int64)
    lesson = FineTuneSpec(rest, "", (), kept, np.zeros(len(kept), np.int64), empty, np.arange(len(kept)), preparation,
                    1, extractor.device.batch, 1e-4, "adamw", 0)  # fmt: skip
    try:
        with finetune.workers(extractor.device) as pool:
            return TrainState(lesson, extractor.device).answers(pool)
    finally:
        rest.set_submodule(classifier, last)


# -- learning, with what is unfinished on disk


def _learn(learner: TrainState, path: Path, step: str, stop: Callable[[], bool]) -> Generator[Event, None, None]:
    """The epochs that are left; each is on disk before the next begins."""
    _go_on(learner, path)
    if len(learner.lesson.held_out):  # rounds nobody judges are no part of the curve
        yield from learner.history
    with finetune.workers(learner.device) as pool:
        while not learner.finished and not distributed.broadcast(stop()):
            try:
                yield from _epoch(learner, pool, step, stop)
            except NonFiniteLossError as error:
                yield Note(f"{error} What was best so far is kept.")
                return
            except _Stopped:
                return
            _keep(learner, path)
            if len(learner.lesson.held_out):
                yield learner.history[-1]


class _Stopped(Exception):
    """The person pressed Stop in the middle of an epoch."""


def _epoch(
    learner: TrainState, pool: ThreadPoolExecutor, step: str, stop: Callable[[], bool]
) -> Generator[Event, None, None]:
    started, lesson = perf_counter(), learner.lesson
    name = f"{step}, round {learner.epoch + 1} of {lesson.epochs}"
    epochs_left = lesson.epochs - learner.epoch
    for event in learner.learn(pool):
        if isinstance(event, Note):
            yield event
            continue
        number, total = event
        left = (perf_counter() - started) / number * (epochs_left * total - number)
        yield Progress(name, round(number / total * len(lesson.seen)), len(lesson.seen), left)
        if distributed.broadcast(stop()):
            raise _Stopped


def _go_on(learner: TrainState, path: Path) -> None:
    """Take up the last whole epoch, if there is one; a damaged file is as good as none."""
    try:
        learner.restore(load_file(path))
    except (OSError, SafetensorError, KeyError):
        return


def _keep(learner: TrainState, path: Path) -> None:
    if distributed.is_main_process():
        part = path.with_name(f".{path.name}.part")
        try:
            save_file(learner.state(), part)
            part.replace(path)
        except OSError as error:
            raise augmented_cache.full_disk(error) from error
        except SafetensorError as error:  # it hides the system's error in its text
            number = errno.ENOSPC if "No space" in str(error) else errno.EIO
            raise augmented_cache.full_disk(OSError(number, str(error))) from error
    distributed.barrier()


def write(path: Path, text: str) -> None:
    """A small file of the unfinished training, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise augmented_cache.full_disk(error) from error


def prepare_resume_folder(folder: Path, config: TrainConfig, photos: Sequence[str]) -> None:
    """Make ``folder`` ready for a training with these settings on these photos; another one's remains are removed.

    Raises ``StorageError`` where it cannot be written.
    """
    print_ = hashlib.sha256("\n".join([json.dumps(asdict(config)), *sorted(photos)]).encode()).hexdigest()
    path = folder / "settings.json"
    settings = {"config": asdict(config), "photos": print_}
    if distributed.is_main_process():
        try:
            known = json.loads(path.read_text("utf-8")) if path.exists() else None
        except ValueError:
            known = None
        if known is None or known.get("photos") != print_:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                folder.mkdir(parents=True)
            except OSError as error:
                raise augmented_cache.full_disk(error) from error
            write(path, json.dumps(settings))
    distributed.barrier()


def read_resume_config(folder: Path) -> TrainConfig:
    """The settings of an unfinished training; raises ``ModelError`` where there is none."""
    try:
        config = current_names(json.loads((folder / "settings.json").read_text("utf-8"))["config"])
        return TrainConfig(**{**config, "resize_modes": tuple(config["resize_modes"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"There is no unfinished training in “{folder}” ({error}).") from error
