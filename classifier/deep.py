"""Deep training: the network itself learns from the photos, and is kept only where that proves better.

The photos are divided into parts. A copy of the network is fine-tuned on all parts but one and judged on that
one. If it is no better there than the quick model, that is the end; otherwise the other parts follow, so that
every photo has been judged by a copy that has not seen it. The finished network is the mean of the copies
(“model soups”; Wortsman et al., arXiv 2203.05482): they started from one point and lie in one valley.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
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

PARTS = 3
_FRESH_PARTS = 5  # a network from scratch is trained once, on all parts but one
_EPOCHS = (6, 12)  # as many as are tried before a shallower training is chosen, and as many as ever help
_VIEWS = 6
_MOST_BYTES = 4 * 2**30  # of views on disk
_SMALL_PHOTO = 160  # pixels; photos with a shorter side hold no more than a square of that size
_STEP = 3.3  # forward passes that a step of training takes: forward, twice that backward, the rest
_SURELY = 1.0  # standard errors by which deep training has to lead
_REFERENCE = 60.0  # pictures a second of Lite0 at 224 pixels forward: two cores with bfloat16


@dataclass(frozen=True)
class Plan:
    """How deep and how long: ``size`` in pixels, ``thaw`` stages (0: all and what is before them), and the rest."""

    size: int
    thaw: int
    views: int
    epochs: int
    parts: int


@dataclass(frozen=True)
class Tuned:
    """A network that deep training has made.

    ``tensors`` are those of the network without its classifier, of ``weight`` (C, D) and ``bias`` (C,).
    ``logits`` (J, C) are those of the photos at ``places`` (J,), each from a copy that has not seen it.
    """

    tensors: dict[str, Tensor]
    weight: Floats
    bias: Floats
    places: Ints
    logits: Floats
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
    fresh = models.from_scratch(config.backbone)
    parts = split.folds(photos.labels, photos.groups, _FRESH_PARTS if fresh else PARTS, config.seed)
    quick = None if photos.features is None else _quick_answers(photos, parts)
    if quick is not None and np.count_nonzero(~quick) < 2:
        yield Note(
            "Quick training was already as good: it gets all photos right but one at most, so nothing is left that "
            "deep training could prove to do better."
        )
        return None
    network = models.build(config.backbone, photos.classes, config.seed)
    plan = _planned(folder, lambda: _plan(tools, network, photos, preparation, config))
    preparation = replace(preparation, size=plan.size)
    course = yield from _course(tools, network, photos, preparation, config, plan, folder)
    learnt: list[Learner] = []
    numbers = [int(number) for number in np.unique(parts)][: 1 if fresh else None]
    for number in numbers:
        lesson = course.lesson(parts, number)
        learner = yield from _learn(lesson, tools, folder / f"part-{number}.safetensors", learnt, len(numbers), stop)
        if learner.best == 0:  # stopped, or astray, before the first epoch was over
            break
        learnt.append(learner)
        if quick is not None and _hopeless(learner, quick):
            break
        if learner.epoch < lesson.epochs and (stop() or not learner.finished):
            break
    return (yield from _verdict(course, learnt, quick))


# -- is it better?


def _quick_answers(photos: Photos, parts: Ints) -> NDArray[np.bool_]:
    """Whether the quick model recognises each photo (N,), judged on the same parts."""
    assert photos.features is not None
    fitted = head.fit(photos.features, photos.labels, photos.classes, parts)
    right: NDArray[np.bool_] = fitted.probabilities.argmax(1) == photos.labels
    return right


def _right(learner: Learner) -> NDArray[np.bool_]:
    lesson = learner.lesson
    right: NDArray[np.bool_] = learner.held_out.argmax(1) == lesson.labels[lesson.held_out]
    return right


def _hopeless(learner: Learner, quick: NDArray[np.bool_]) -> bool:
    """Whether the first part says that the others need not follow."""
    return int(_right(learner).sum()) <= int(quick[learner.lesson.held_out].sum())


def _verdict(
    course: Course, learnt: Sequence[Learner], quick: NDArray[np.bool_] | None
) -> Generator[Event, None, Tuned | None]:
    if not learnt:
        yield Note("Deep training ended before it had learnt anything; the quick model is kept.")
        return None
    places = np.concatenate([learner.lesson.held_out for learner in learnt])
    right = np.concatenate([_right(learner) for learner in learnt])
    if quick is not None:
        score = f"{right.sum()} of {len(right)} held-out photos right, the quick model {quick[places].sum()}"
        if not head.ahead(right, quick[places], _SURELY):
            yield Note(f"Quick training was already as good, so its model is kept: deep training got {score}.")
            return None
        yield Note(f"Deep training is better: {score}.")
    return course.soup(learnt, places)


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
    parts = 1 if fresh else PARTS
    share = (_FRESH_PARTS - 1) / _FRESH_PARTS if fresh else (PARTS - 1) / PARTS
    count = len(photos.labels)

    def seconds(thaw: int, epochs: int) -> float:
        rest = sum(works[-thaw:]) / sum(works) if thaw else 1.0
        per_epoch = parts * count * rest * (share * _STEP + 1 - share)
        return (count * (1 + _VIEWS) * (1 - rest) + epochs * per_epoch) / per_second

    allowed = config.minutes * 60 if config.minutes else math.inf
    depths = [0, *range(len(stages), 0, -1)] if config.thaw is None and not fresh else [config.thaw or 0]
    least, most = (
        (config.epochs, config.epochs) if config.epochs else (4 * _EPOCHS[0], 4 * _EPOCHS[1]) if fresh else _EPOCHS
    )
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
    return Plan(size, thaw, count_views, epochs, parts)


def _size(samples: Sequence[Sample], preparation: Preprocessing, config: TrainConfig) -> int:
    """The side of the square: the one the network was trained with, less where the photos themselves are smaller."""
    if models.from_scratch(config.backbone):
        return preparation.size
    cfg = models.pretrained_cfg(config.backbone)
    usual = min(preparation.size, 224) if models.is_built_in(config.backbone) else preparation.size
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

    def lesson(self, parts: Ints, number: int) -> Lesson:
        """What the copy learns that is judged on one part, from the head that has not seen it either."""
        seen, held_out = np.flatnonzero(parts != number), np.flatnonzero(parts == number)
        if self.features is not None:
            labels, groups = self.photos.labels[seen], self.photos.groups[seen]
            folds = split.folds(labels, groups, self.config.folds, self.config.seed)
            fitted = head.fit(self.features[seen], labels, self.photos.classes, folds)
            last = self.rest.get_submodule(self.classifier)
            last.weight = nn.Parameter(torch.from_numpy(fitted.weight))
            last.bias = nn.Parameter(torch.from_numpy(fitted.bias))
        fresh = self.features is None
        return Lesson(
            self.rest, self.classifier, self.stages, self.kept, self.photos.labels, seen, held_out,
            self.preparation, self.plan.epochs, self.config.batch, self.config.learning_rate * (10 if fresh else 1),
            self.config.optimiser, self.config.seed + number, fresh,
        )  # fmt: skip

    def soup(self, learnt: Sequence[Learner], places: Ints) -> Tuned:
        """The mean of the copies, with the temperature that fits what they say of photos they have not seen."""
        logits = np.concatenate([learner.held_out for learner in learnt])
        mean = {
            name: torch.stack([learner.best_tensors[name].float() for learner in learnt]).mean(0)
            for name in learnt[0].best_tensors
        }
        tensors = {key: value.detach().clone().contiguous() for key, value in self.network.state_dict().items()}
        tensors.update({key: value.to(tensors[key].dtype) for key, value in mean.items() if key in tensors})
        weight = tensors.pop(f"{self.classifier}.weight").numpy()
        bias = tensors.pop(f"{self.classifier}.bias").numpy()
        temperature = np.float32(head.temperature(logits, self.photos.labels[places]))
        return Tuned(
            tensors, weight / temperature, bias / temperature, places, logits / temperature, self.preparation, self.plan
        )


def _course(
    tools: Embedder,
    network: nn.Module,
    photos: Photos,
    preparation: Preprocessing,
    config: TrainConfig,
    plan: Plan,
    folder: Path,
) -> Generator[Event, None, Course]:
    network = network.cpu().eval().requires_grad_(False)
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


def _learn(
    lesson: Lesson,
    tools: Embedder,
    path: Path,
    before: Sequence[Learner],
    parts: int,
    stop: Callable[[], bool],
) -> Generator[Event, None, Learner]:
    """One copy's epochs; each is on disk before the next begins."""
    learner = Learner(lesson, tools.device)
    _go_on(learner, path)
    part = len(before) + 1
    done: list[Epoch] = []
    with finetune.workers(tools.device) as pool:
        while not learner.finished and not processes.decided(stop()):
            try:
                yield from _epoch(learner, pool, part, parts, stop, done)
            except Astray as error:
                yield Note(f"{error} What was best so far is kept.")
                break
            except _Stopped:
                break
            _keep(learner, path)
            yield done[-1]
    if part == 1:
        for sentence in finetune.hints(done, len(lesson.held_out)):
            yield Note(sentence)
    return learner


class _Stopped(Exception):
    """The person pressed Stop in the middle of an epoch."""


def _epoch(
    learner: Learner,
    pool: finetune.ThreadPoolExecutor,
    part: int,
    parts: int,
    stop: Callable[[], bool],
    done: list[Epoch],
) -> Iterator[Event]:
    started = perf_counter()
    step = f"Learning, round {learner.epoch + 1} of {learner.lesson.epochs}, pass {part} of {parts}"
    epochs_left = (parts - part + 1) * learner.lesson.epochs - learner.epoch
    for event in learner.learn(pool):
        if isinstance(event, Note):
            yield event
        elif isinstance(event, Epoch):
            done.append(replace(event, part=part, parts=parts))
        else:
            number, total = event
            per_batch = (perf_counter() - started) / number
            yield Progress(step, number, total, per_batch * (epochs_left * total - number))
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
