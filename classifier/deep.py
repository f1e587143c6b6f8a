"""Deep training: the network itself learns from the photos, and is kept only where that proves better.

A quarter of the photos is held out, photos of one scene together. The network is fine-tuned on the others and
judged on these, as is a quick model that has not seen them either. If it is no better, that is the end. If it
is, it learns for a third as many rounds more from all photos, so that nothing a person brought is wasted; the
score stays the one from before.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
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

from . import anatomy, finetune, head, models, processes, split, views
from .config import Preprocessing, TrainConfig
from .errors import ModelError, StorageError
from .features import Embedder, Progress
from .finetune import Astray, Epoch, Learner, Lesson, Note
from .fits import Sample

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Event = Progress | Epoch | Note

PARTS = 4  # one of them is held out
_REFINE = 0.3  # of the learning rate, for the rounds on all photos
_EPOCHS = 6  # rounds at the usual size; smaller pictures get more of them in the same time
_MOST_EPOCHS = 12
_PATIENT = 5  # minutes from which more rounds are worth their time
_FRESH_EPOCHS = 24
_FRESH_FASTER = 10.0  # times the learning rate, for a network that starts from random weights
_VIEWS = 6
_MOST_BYTES = 4 * 2**30  # of views on disk
_USUAL_SIZE = 224
_SMALL_PHOTO = 160  # pixels; photos with a shorter side hold no more than a square of that size
_STEP = 3.3  # forward passes that a step of training takes: forward, twice that backward, the rest
_SURELY = 1.5  # standard errors by which deep training has to lead
_REFERENCE = 60.0  # pictures a second of Lite0 at 224 pixels forward: two cores with bfloat16


@dataclass(frozen=True)
class Plan:
    """How deep and how long: ``size`` in pixels, ``thaw`` stages (0: all and what is before them), and the rest."""

    size: int
    thaw: int
    views: int
    epochs: int

    @property
    def last_epochs(self) -> int:
        """Rounds on all photos, once deep training has proved better."""
        return -(-self.epochs // 3)


@dataclass(frozen=True)
class Tuned:
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
    plan: Plan


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


def tune(
    tools: Embedder,
    photos: Photos,
    preparation: Preprocessing,
    config: TrainConfig,
    folder: Path,
    stop: Callable[[], bool],
) -> Generator[Event, None, Tuned | None]:
    """Fine-tune ``config.backbone``; None where the quick model was already as good, which a ``Note`` says.

    What is unfinished is kept in ``folder``: cut off at any moment, it goes on from the last whole epoch
    and ends with the same network. ``stop`` is asked after every batch. Raises ``StorageError`` when the
    disk is full.
    """
    parts = split.folds(photos.labels, photos.groups, PARTS, config.seed)
    held_out = np.flatnonzero(parts == parts.min())
    quick = None if photos.features is None else _quick_answers(photos, parts)[held_out]
    right = 0 if quick is None else int((quick.argmax(1) == photos.labels[held_out]).sum())
    if quick is not None and len(quick) - right < 2:
        yield Note(
            f"Quick training was already as good: it gets {right} of {len(quick)} held-out photos right, so "
            "nothing is left that deep training could prove to do better."
        )
        return None
    network = models.build(config.backbone, photos.classes, config.seed).eval().requires_grad_(False)
    plan = _planned(folder, lambda: _plan(tools, network, photos, preparation, config))
    preparation = replace(preparation, size=plan.size)
    course = yield from _course(tools, network, photos, preparation, config, plan, folder)
    learner = Learner(course.lesson(held_out), tools.device)
    yield from _learn(learner, folder / "held-out.safetensors", "Learning", stop)
    for sentence in finetune.hints(learner.history, len(held_out)):
        yield Note(sentence)
    if not (yield from _better(learner, quick)):
        return None
    if learner.finished:  # else the person was in a hurry
        last = Learner(course.last_lesson(learner), tools.device)
        yield from _learn(last, folder / "all.safetensors", "Learning from all photos", stop)
        return course.tuned(learner, last.best_tensors)
    return course.tuned(learner, learner.best_tensors)


# -- is it better?


def _quick_answers(photos: Photos, parts: Ints) -> Floats:
    """The quick model's probabilities (N, C) of each photo, judged on the same parts."""
    assert photos.features is not None
    return head.fit(photos.features, photos.labels, photos.classes, parts).probabilities


def _better(learner: Learner, quick: Floats | None) -> Generator[Event, None, bool]:
    """Whether deep training is worth keeping, which is said."""
    if learner.best == 0:
        yield Note("Deep training ended before a first round was over; the quick model is kept.")
        return False
    if quick is None:
        return True
    truth = learner.lesson.labels[learner.lesson.held_out]
    logs = torch.from_numpy(learner.held_out / head.temperature(learner.held_out, truth)).log_softmax(1).numpy()
    right, before = (int((answers.argmax(1) == truth).sum()) for answers in (logs, quick))
    score = f"{right} of {len(truth)} held-out photos right, the quick model {before}"
    if not clearly(logs, np.log(np.maximum(quick, 1e-12)), truth):
        yield Note(
            f"Deep training is not clearly better: it gets {score}. The quick model is kept."
            if right > before
            else f"Quick training was already as good, so its model is kept: deep training gets {score}."
        )
        return False
    yield Note(f"Deep training is better: it gets {score}.")
    return True


def clearly(one: Floats, other: Floats, truth: Ints) -> bool:
    """Whether log-probabilities (H, C) are better than others of the same photos (H,).

    They have to be right on more photos, and likelier by ``_SURELY`` standard errors of the difference photo
    by photo: on few photos that tells more than the count alone.
    """
    rows = np.arange(len(truth))
    gain = (one - other)[rows, truth]
    more = int((one.argmax(1) == truth).sum()) - int((other.argmax(1) == truth).sum())
    return more > 0 and float(gain.mean()) > _SURELY * float(gain.std(ddof=1)) / np.sqrt(len(gain))


# -- the plan


def _planned(folder: Path, make: Callable[[], Plan]) -> Plan:
    """The plan this training began with, or a new one; all processes follow the first."""
    path = folder / "plan.json"
    plan = processes.decided(Plan(**json.loads(path.read_text("utf-8"))) if path.exists() else make())
    assert isinstance(plan, Plan)
    if processes.first():
        write(path, json.dumps(asdict(plan)))
    return plan


def _plan(tools: Embedder, network: nn.Module, photos: Photos, preparation: Preprocessing, config: TrainConfig) -> Plan:
    fresh = models.from_scratch(config.backbone)
    size = _size(photos.samples, preparation, config)
    stages = anatomy.stages(network)
    works = _works(network, stages, size)
    per_second = _speed(tools, network, size)
    count = len(photos.labels)

    def seconds(thaw: int, epochs: int) -> float:
        rest = sum(works[-thaw:]) / sum(works) if thaw else 1.0
        held = 1 / PARTS
        per_epoch = count * rest * ((1 - held) * _STEP + held + _STEP / 3)  # a third as many rounds again on all photos
        return (count * (1 + _VIEWS) * (1 - rest) + epochs * per_epoch) / per_second

    allowed = config.minutes * 60 if config.minutes else math.inf
    depths = [0, *range(len(stages), 0, -1)] if config.thaw is None and not fresh else [config.thaw or 0]
    least, most = _rounds(config, size, fresh)
    thaw = next((depth for depth in depths if seconds(depth, least) <= allowed), depths[-1])
    epochs = least
    while epochs < most and seconds(thaw, epochs + 1) <= allowed:
        epochs += 1
    while config.epochs is None and epochs > 3 and seconds(thaw, epochs) > 1.5 * allowed:
        epochs -= 1
    thawed = anatomy.stages(network)[-thaw:] if thaw else []
    front = anatomy.front(network, thawed) if thaw else None
    one = views.form(front, replace(preparation, size=size), 1, replace(tools.device, dtype=torch.float32)).bytes
    count_views = max(1, min(_VIEWS, epochs, int(_MOST_BYTES / max(1, len(photos.labels) * one)) - 1))
    return Plan(size, thaw, count_views, epochs)


def _rounds(config: TrainConfig, size: int, fresh: bool) -> tuple[int, int]:
    """The fewest rounds for which a shallower training is not chosen instead, and the most."""
    if config.epochs:
        return config.epochs, config.epochs
    least = _FRESH_EPOCHS if fresh else _EPOCHS
    if not config.minutes or config.minutes >= _PATIENT:
        return least, _MOST_EPOCHS * least // _EPOCHS
    return least, max(least, min(_MOST_EPOCHS, round(least * (_USUAL_SIZE / size) ** 1.5)))


def _size(samples: Sequence[Sample], preparation: Preprocessing, config: TrainConfig) -> int:
    """The side of the square: the one the network was trained with, less where the photos themselves are smaller."""
    if models.from_scratch(config.backbone):
        return preparation.size
    cfg = models.pretrained_cfg(config.backbone)
    usual = min(preparation.size, _USUAL_SIZE) if models.is_built_in(config.backbone) else preparation.size
    shorter = float(np.median([min(sample.width, sample.height) for sample in samples]))
    return usual if shorter > _SMALL_PHOTO or cfg.get("fixed_input_size") else min(usual, _SMALL_PHOTO)


def _works(network: nn.Module, stages: Sequence[Sequence[str]], size: int) -> list[float]:
    """The work of what is before the stages and of each of them, in products and, weighted, numbers written."""
    names = [name for stage in stages for name in stage]
    place = {network.get_submodule(name): 1 + number for number, stage in enumerate(stages) for name in stage}
    works = [0.0] * (1 + len(stages))
    inside = [0]

    def entered(module: nn.Module, _: object) -> None:
        inside[0] = place.get(module, inside[0])

    def left(module: nn.Module, _: object, output: object) -> None:
        if isinstance(module, (nn.Conv2d, nn.Linear)) and isinstance(output, Tensor):
            works[inside[0]] += output.numel() * (module.weight[0].numel() + 30)

    hooks = [network.get_submodule(name).register_forward_pre_hook(entered) for name in names]
    hooks += [module.register_forward_hook(left) for module in network.modules()]
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, size, size))
    finally:
        for hook in hooks:
            hook.remove()
    return works


def _speed(tools: Embedder, network: nn.Module, size: int) -> float:
    """Pictures a second forward, on all cores, in steps of a factor of two.

    Coarse on purpose: the plan follows from it, and the same machine is to make the same plan every
    time, however busy it is just now.
    """
    question = f"speed {tools.backbone} {size} {tools.device}"
    remembered = tools.store.recall(question, ["speed"])
    if remembered is None:
        seconds = min(_timed(tools, network, size) for _ in range(3))
        class_ = round(math.log2(1 / seconds / _REFERENCE))
        remembered = str(_REFERENCE * 2.0**class_)
        if processes.first():
            tools.store.remember(question, ["speed"], remembered)
    return float(remembered)


def _timed(tools: Embedder, network: nn.Module, size: int) -> float:
    device = tools.device
    count = 4 if device.is_cpu else 32
    pixels = torch.zeros(count, 3, size, size).to(device.torch_device, memory_format=torch.channels_last)
    moved = network.to(device.torch_device).to(memory_format=torch.channels_last)

    def work(_: int) -> None:
        with torch.inference_mode(), torch.autocast(device.torch_device.type, device.dtype):
            moved(pixels).float().cpu()

    side_by_side = device.workers if device.is_cpu else 1
    with finetune.workers(device) as pool:
        started = perf_counter()
        list(pool.map(work, range(side_by_side)))
        return (perf_counter() - started) / (count * side_by_side)


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
    plan: Plan

    def lesson(self, held_out: Ints) -> Lesson:
        """What there is to learn without some photos, from a head that has not seen them either."""
        seen = np.setdiff1d(np.arange(len(self.photos.labels)), held_out)
        if self.features is not None:
            labels, groups = self.photos.labels[seen], self.photos.groups[seen]
            folds = split.folds(labels, groups, self.config.folds, self.config.seed)
            fitted = head.fit(self.features[seen], labels, self.photos.classes, folds)
            last = self.rest.get_submodule(self.classifier)
            last.weight = nn.Parameter(torch.from_numpy(fitted.weight))
            last.bias = nn.Parameter(torch.from_numpy(fitted.bias))
        fresh = self.features is None
        rate = self.config.learning_rate * (_FRESH_FASTER if fresh else 1)
        return Lesson(
            self.rest, self.classifier, self.stages, self.kept, self.photos.labels, seen, held_out, self.preparation,
            self.plan.epochs, self.config.batch, rate, self.config.optimiser, self.config.seed, fresh,
        )  # fmt: skip

    def last_lesson(self, learner: Learner) -> Lesson:
        """What is left to learn from all photos, more gently, for one that has learnt from most of them."""
        network = copy.deepcopy(self.rest)
        network.load_state_dict({**network.state_dict(), **learner.best_tensors})
        everything = np.arange(len(self.photos.labels))
        return replace(
            learner.lesson, network=network, seen=everything, held_out=everything[:0], epochs=self.plan.last_epochs,
            rate=learner.lesson.rate * _REFINE, seed=self.config.seed + 1,
        )  # fmt: skip

    def tuned(self, judged: Learner, learnt: dict[str, Tensor]) -> Tuned:
        """The whole network with what was learnt, and the temperature that fits what it said of held-out photos."""
        tensors = {key: value.detach().clone().contiguous() for key, value in self.network.state_dict().items()}
        tensors.update({key: value.to(tensors[key].dtype).contiguous() for key, value in learnt.items()})
        weight = tensors.pop(f"{self.classifier}.weight").numpy()
        bias = tensors.pop(f"{self.classifier}.bias").numpy()
        places, logits = judged.lesson.held_out, judged.held_out
        temperature = np.float32(head.temperature(logits, self.photos.labels[places]))
        return Tuned(
            tensors, weight / temperature, bias / temperature, places, logits / temperature, float(temperature),
            self.preparation, self.plan,
        )  # fmt: skip


def _course(
    tools: Embedder,
    network: nn.Module,
    photos: Photos,
    preparation: Preprocessing,
    config: TrainConfig,
    plan: Plan,
    folder: Path,
) -> Generator[Event, None, Course]:
    network = network.cpu()
    all_stages = anatomy.stages(network)
    stages = all_stages[-plan.thaw :] if plan.thaw else all_stages
    rest = anatomy.rest(network, stages) if plan.thaw else network
    front = None
    if plan.thaw:
        front = anatomy.folded(anatomy.front(network, stages), trusted=False)
        front = front.to(tools.device.torch_device, tools.device.dtype).to(memory_format=torch.channels_last)
    names = tuple(sample.sha256 for sample in photos.samples)
    varied = views.Varied(preparation, config.domain, names, plan.views, config.seed)
    paths = [sample.path for sample in photos.samples]
    kept = yield from views.kept(folder / "views.bin", front, paths, varied, tools.device, tools.limits)
    classifier = models.classifier(config.backbone)
    features = None
    if photos.features is not None:
        features = _features(rest, classifier, kept, preparation, tools)
    return Course(network, rest, stages, classifier, kept, features, photos, preparation, config, plan)


def _features(rest: nn.Module, classifier: str, kept: Tensor, preparation: Preprocessing, tools: Embedder) -> Floats:
    """What the classifier reads (N, D) of the view that all later loaders take: at this size, so that the head fits."""
    last = rest.get_submodule(classifier)
    rest.set_submodule(classifier, nn.Identity())
    empty = np.zeros(0, np.int64)
    lesson = Lesson(rest, "", (), kept, np.zeros(len(kept), np.int64), empty, np.arange(len(kept)), preparation,
                    1, tools.device.batch, 1e-4, "adamw", 0)  # fmt: skip
    try:
        with finetune.workers(tools.device) as pool:
            return Learner(lesson, tools.device).answers(pool)
    finally:
        rest.set_submodule(classifier, last)


# -- learning, with what is unfinished on disk


def _learn(learner: Learner, path: Path, step: str, stop: Callable[[], bool]) -> Generator[Event, None, None]:
    """The epochs that are left; each is on disk before the next begins."""
    _go_on(learner, path)
    if len(learner.lesson.held_out):  # rounds nobody judges are no part of the curve
        yield from learner.history
    with finetune.workers(learner.device) as pool:
        while not learner.finished and not processes.decided(stop()):
            try:
                yield from _epoch(learner, pool, step, stop)
            except Astray as error:
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
    learner: Learner, pool: ThreadPoolExecutor, step: str, stop: Callable[[], bool]
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
        if processes.decided(stop()):
            raise _Stopped


def _go_on(learner: Learner, path: Path) -> None:
    """Take up the last whole epoch, if there is one; a damaged file is as good as none."""
    try:
        learner.restore(load_file(path))
    except (OSError, SafetensorError, KeyError):
        return


def _keep(learner: Learner, path: Path) -> None:
    if processes.first():
        part = path.with_name(f".{path.name}.part")
        try:
            save_file(learner.state(), part)
            part.replace(path)
        except OSError as error:
            raise views.full_disk(error) from error
        except SafetensorError as error:
            raise StorageError(
                "The disk is full: the training stopped, and the model of before is untouched; free some space and "
                "train again, it goes on from there."
            ) from error
    processes.wait()


def write(path: Path, text: str) -> None:
    """A small file of the unfinished training, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise views.full_disk(error) from error


def opened(folder: Path, config: TrainConfig, photos: Sequence[str]) -> None:
    """Make ``folder`` ready for a training with these settings on these photos; another one's remains are removed.

    Raises ``StorageError`` where it cannot be written.
    """
    print_ = hashlib.sha256("\n".join([json.dumps(asdict(config)), *sorted(photos)]).encode()).hexdigest()
    path = folder / "settings.json"
    settings = {"config": asdict(config), "photos": print_}
    if processes.first():
        try:
            known = json.loads(path.read_text("utf-8")) if path.exists() else None
        except ValueError:
            known = None
        if known is None or known.get("photos") != print_:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                folder.mkdir(parents=True)
            except OSError as error:
                raise views.full_disk(error) from error
            write(path, json.dumps(settings))
    processes.wait()


def settings(folder: Path) -> TrainConfig:
    """The settings of an unfinished training; raises ``ModelError`` where there is none."""
    try:
        config = json.loads((folder / "settings.json").read_text("utf-8"))["config"]
        return TrainConfig(**{**config, "fits": tuple(config["fits"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"There is no unfinished training in “{folder}” ({error}).") from error
