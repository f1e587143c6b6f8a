"""Fine-tuning: the last stages of a network learn on kept views of the photos, epoch by epoch.

Linear probe first, then fine-tune from its head (LP-FT; Kumar et al., arXiv 2202.10054). Batch norms keep
their pretrained statistics, because small batches have none worth keeping.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import device as devices
from .. import distributed
from ..config import Optimizer, Preprocessing
from ..device import Device
from ..errors import ClassifierError
from ..events import Epoch, Note
from ..models import transforms
from . import linear_head

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

HEAD_FASTER = 3.0  # times the rate of the last stage; the first stage is slower again by about as much
_SLOWER = 0.87  # the rate of each stage in relation to that of the stage behind it
_SMOOTHING = 0.1  # Szegedy et al., arXiv 1512.00567
_WEIGHT_DECAY = 1e-2
_CLIP = 1.0  # the largest length of a gradient
_WARM_UP = 0.15  # share of the steps in which the rate rises; it then falls along a cosine
_UNEVEN = 2  # times as many photos as the smallest class, from which classes are drawn evenly
_PATIENCE = 4  # epochs without progress on the held-out photos


class NonFiniteLossError(ClassifierError):
    """The loss is no number any more: what was learnt last is worthless."""


@dataclass(frozen=True)
class FineTuneSpec:
    """What one copy of the network learns from, and how.

    ``network`` is the thawed part with its classifier, in evaluation mode; ``views`` (N, 1 + V, …) are what it
    reads: of each photo first the view all later loaders take, then the varied ones; bytes are pictures.
    ``seen`` and ``held_out`` are places among the N. ``stages`` name the thawed modules, for their rates. A
    ``fresh`` network starts from random weights: its batch norms have to learn their statistics, too. Pictures that
    still show the same in a ``mirror`` are seen in it every other time, by chance: twice the views for nothing.
    """

    network: nn.Module
    classifier: str
    stages: Sequence[Sequence[str]]
    views: Tensor
    labels: Ints
    seen: Ints
    held_out: Ints
    preprocessing: Preprocessing
    epochs: int
    batch: int
    rate: float
    optimizer: Optimizer
    seed: int
    fresh: bool = False
    mirror: bool = False


class TrainState:
    """A copy of a network in training; what ``state`` gives of it is all that the next epoch depends on."""

    def __init__(self, lesson: FineTuneSpec, device: Device) -> None:
        self.lesson = lesson
        self.device = device
        self.network = copy.deepcopy(lesson.network).to(device.torch_device).to(memory_format=torch.channels_last)
        self.network.eval().requires_grad_(True)
        self.named = dict(self.network.named_parameters())
        self.statistics = dict(self.network.named_buffers()) if lesson.fresh else {}
        self.optimizer = _optimizer(lesson, self.named)
        self.scaler = torch.amp.GradScaler(device.torch_device.type, enabled=device.dtype == torch.float16)
        self.epoch = 0
        self.best = 0
        self.best_loss = float("inf")
        self.best_tensors = self._copy()
        self.held_out = np.zeros((0, 0), np.float32)
        self.views = _near(lesson.views, device)
        self.micro = 2 * lesson.batch  # the most photos at once; batches are not all of one size
        self.history: list[Epoch] = []

    def _copy(self) -> dict[str, Tensor]:
        values = self.named | self.statistics
        return {name: value.detach().to("cpu", copy=True) for name, value in values.items()}

    # -- what is kept between epochs

    def state(self) -> dict[str, Tensor]:
        """Everything the rest of the training depends on, as tensors."""
        tensors = {f"now.{name}": value for name, value in self._copy().items()}
        tensors |= {f"best.{name}": value for name, value in self.best_tensors.items()}
        for name, value in self.named.items():
            for key, moment in self.optimizer.state[value].items():
                tensors[f"{key}.{name}"] = torch.as_tensor(moment).detach().cpu().clone()
        tensors["held_out"] = torch.from_numpy(self.held_out)
        numbers = [self.epoch, self.best, self.best_loss, self.micro, self.scaler.get_scale()]
        tensors["history"] = torch.tensor([astuple(epoch) for epoch in self.history], dtype=torch.float64)
        tensors["numbers"] = torch.tensor(numbers, dtype=torch.float64)
        return {key: value.contiguous() for key, value in tensors.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what ``state`` gave."""
        epoch, best, self.best_loss, micro, scale = tensors["numbers"].tolist()
        self.epoch, self.best, self.micro = int(epoch), int(best), int(micro)
        self.held_out = tensors["held_out"].numpy()
        self.history = [
            Epoch(int(row[0]), int(row[1]), row[2], row[3], row[4], row[5], int(row[6]))
            for row in tensors["history"].tolist()
        ]
        with torch.no_grad():
            for name, value in (self.named | self.statistics).items():
                value.copy_(tensors[f"now.{name}"])
                self.best_tensors[name] = tensors[f"best.{name}"]
            for name, value in self.named.items():
                for key in ("step", "exp_avg", "exp_avg_sq", "momentum_buffer"):
                    if f"{key}.{name}" in tensors:
                        moment = tensors[f"{key}.{name}"]
                        self.optimizer.state[value][key] = moment if key == "step" else moment.to(value.device)
        if self.scaler.is_enabled():
            self.scaler.load_state_dict({**self.scaler.state_dict(), "scale": scale})

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the held-out photos have long ceased to be recognised better."""
        return self.epoch >= self.lesson.epochs or self.epoch - self.best >= max(_PATIENCE, self.lesson.epochs // 3)

    # -- learning

    def learn(self, pool: ThreadPoolExecutor) -> Iterator[tuple[int, int] | Note]:
        """One epoch, which goes into ``history``: yields batches done and in all, and notes; raises ``NonFiniteLossError``."""
        lesson = self.lesson
        self.network.train(lesson.fresh)
        batches = _batches(lesson, self.epoch)
        loss, right, count = 0.0, 0, 0
        for number, rows in enumerate(batches):
            self._set_rate((self.epoch + number / len(batches)) / lesson.epochs)
            views = 1 + (self.epoch + _first_view(lesson, rows)) % (lesson.views.shape[1] - 1)
            before = self.micro
            batch_loss, batch_right = self._step(rows, views, pool)
            if self.micro < before:
                yield Note(
                    f"The memory did not suffice for {before} photos at once: going on with {self.micro} at a time, "
                    "which gives the same result more slowly."
                )
            loss, right, count = loss + batch_loss * len(rows), right + batch_right, count + len(rows)
            if not np.isfinite(batch_loss):
                raise NonFiniteLossError(
                    "The training went astray: its numbers grew beyond all bounds. Choose a smaller learning rate "
                    f"than {lesson.rate:g}, such as {lesson.rate / 10:g}."
                )
            yield number + 1, len(batches)
        self.epoch += 1
        self.history.append(self._judge(loss / count, right / count, pool))

    def _set_rate(self, progress: float) -> None:
        factor = (
            progress / _WARM_UP
            if progress < _WARM_UP
            else 0.5 + 0.5 * np.cos(np.pi * (progress - _WARM_UP) / (1 - _WARM_UP))
        )
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * max(float(factor), 1e-3)

    def _step(self, rows: Ints, views: Ints, pool: ThreadPoolExecutor) -> tuple[float, int]:
        """One correction from a batch; each process of several works on its share of it."""
        while True:
            try:
                loss, right, gradients = self._gradients(rows, views, pool)
                break
            except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
                if not _out_of_memory(error) or self.micro == 1:
                    raise
                self.micro = -(-self.micro // 2)
                if not self.device.is_cpu:
                    torch.cuda.empty_cache()
        if not self.lesson.fresh:
            loss, right, gradients = distributed.all_reduce(loss, right, gradients)
        for parameter, gradient in zip(self.named.values(), gradients):
            parameter.grad = gradient
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.named.values(), _CLIP)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss, right

    def _gradients(self, rows: Ints, views: Ints, pool: ThreadPoolExecutor) -> tuple[float, int, list[Tensor]]:
        """The sums over the batch, computed in pieces side by side and added up in a fixed order."""
        # A fresh batch norm takes its statistics from the batch, so that one is divided neither among threads nor
        # among processes.
        share = (0, 1) if self.lesson.fresh else (distributed.rank(), distributed.world_size())
        mine = np.arange(share[0], len(rows), share[1])
        threads = self.device.workers if self.device.is_cpu and not self.lesson.fresh else 1
        size = max(1, min(self.micro, -(-len(mine) // threads)))
        pieces = [mine[start : start + size] for start in range(0, len(mine), size)]
        jobs = ((rows[piece], views[piece], len(rows)) for piece in pieces)
        if self.lesson.fresh:  # nor do two batches write statistics at once
            answers = (pool.submit(self._piece, *job).result() for job in jobs)
        else:
            answers = (job.result() for job in [pool.submit(self._piece, *job) for job in jobs])
        total = [torch.zeros_like(parameter) for parameter in self.named.values()]
        loss, right = 0.0, 0
        for piece_loss, piece_right, gradients in answers:
            loss, right = loss + piece_loss, right + piece_right
            for sum_, gradient in zip(total, gradients):
                sum_ += gradient
        return loss, right, total

    def _piece(self, rows: Ints, views: Ints, total: int) -> tuple[float, int, Sequence[Tensor]]:
        places = torch.from_numpy(rows).to(self.views.device), torch.from_numpy(views).to(self.views.device)
        values = self.views[places]
        if self.lesson.mirror and values.dtype == torch.uint8:
            turned = torch.from_numpy(_mirrored(self.lesson, self.epoch)[rows]).to(values.device)
            values[turned] = values[turned].flip(-1)
        inputs = self._inputs(values)
        targets = torch.from_numpy(self.lesson.labels[rows]).to(inputs.device)
        with torch.enable_grad():
            logits = self._logits(inputs)
            loss = nn.functional.cross_entropy(logits, targets, label_smoothing=_SMOOTHING, reduction="sum") / total
            gradients = torch.autograd.grad(self.scaler.scale(loss), list(self.named.values()))
        return float(loss.detach()), int((logits.argmax(1) == targets).sum()), gradients

    def _inputs(self, values: Tensor) -> Tensor:
        if values.dtype == torch.uint8:
            return transforms.normalize(values, self.lesson.preprocessing, self.device.torch_device, torch.float32)
        moved = values.to(self.device.torch_device, non_blocking=True)
        return moved.permute(0, 3, 1, 2) if moved.ndim == 4 else moved  # kept as (B, H, W, C)

    def _logits(self, inputs: Tensor) -> Tensor:
        with self.device.autocast():
            logits: Tensor = self.network(inputs if self.device.dtype != torch.float32 else inputs.float())
        return logits.float()

    # -- judging

    def _judge(self, loss: float, accuracy: float, pool: ThreadPoolExecutor) -> Epoch:
        lesson, truth = self.lesson, self.lesson.labels[self.lesson.held_out]
        self.network.eval()
        if not len(truth):  # nobody judges: the last epoch counts
            self.best, self.best_tensors = self.epoch, self._copy()
            return Epoch(self.epoch, lesson.epochs, loss, accuracy, loss, accuracy, self.epoch)
        answers = self.answers(pool)
        # At the confidence the model will answer with; else a round that is only less sure would pass for better.
        logs = torch.from_numpy(answers / linear_head.temperature(answers, truth)).log_softmax(1).numpy()
        val_loss = float(-logs[np.arange(len(truth)), truth].mean())
        if val_loss < self.best_loss:
            self.best, self.best_loss, self.best_tensors, self.held_out = (
                self.epoch,
                val_loss,
                self._copy(),
                answers,
            )
        share = float((answers.argmax(1) == truth).mean())
        return Epoch(self.epoch, lesson.epochs, loss, accuracy, val_loss, share, self.best)

    def answers(self, pool: ThreadPoolExecutor) -> Floats:
        """Logits (H, C) of the held-out photos in the one view that all later loaders take."""
        size = min(self.device.batch, self.micro)
        rows = torch.from_numpy(self.lesson.held_out)
        return np.concatenate([part.numpy() for part in pool.map(self._answer, rows.split(size))])

    @torch.inference_mode()
    def _answer(self, rows: Tensor) -> Tensor:
        return self._logits(self._inputs(self.views[rows.to(self.views.device), 0])).cpu()


@contextmanager
def workers(device: Device) -> Iterator[ThreadPoolExecutor]:
    """Threads for ``TrainState.learn``; the one that waits for them leaves the cores to them meanwhile."""
    with devices.single_threaded_workers(device) as pool:
        torch.set_num_threads(1 if device.is_cpu else device.workers)
        yield pool


def _near(views: Tensor, device: Device) -> Tensor:
    """The views on the GPU where they take at most half of its free memory, else where they are."""
    if device.torch_device.type != "cuda" or 2 * views.nbytes > torch.cuda.mem_get_info(device.torch_device)[0]:
        return views
    return views.to(device.torch_device)


def _optimizer(lesson: FineTuneSpec, named: dict[str, nn.Parameter]) -> torch.optim.Optimizer:
    """Rates fall from the head to the first stage; norms and biases are not pulled towards zero."""
    alike: dict[tuple[float, float], list[nn.Parameter]] = {}  # few groups: each is a handful of calls
    for name, parameter in named.items():
        rate = lesson.rate * HEAD_FASTER
        if not name.startswith(f"{lesson.classifier}."):
            rate = lesson.rate * _SLOWER ** _distance(name, lesson.stages)
        decay = _WEIGHT_DECAY if parameter.ndim > 1 else 0.0
        alike.setdefault((rate, decay), []).append(parameter)
    groups = [
        {"params": parameters, "lr": rate, "peak": rate, "weight_decay": decay}
        for (rate, decay), parameters in alike.items()
    ]
    if lesson.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=lesson.rate, momentum=0.9)
    # Not the fused form: it goes over the memory of parameter and gradient without a look at their strides.
    return torch.optim.AdamW(groups, lr=lesson.rate, fused=False)


def _distance(name: str, stages: Sequence[Sequence[str]]) -> int:
    """How many stages lie between a parameter and the head."""
    for distance, stage in enumerate(reversed(stages)):
        if any(name == module or name.startswith(f"{module}.") for module in stage):
            return distance
    return len(stages)


def _batches(lesson: FineTuneSpec, epoch: int) -> list[Ints]:
    """The photos of one epoch in random order, classes evenly where they differ much, in batches of about one size."""
    rng = np.random.default_rng([lesson.seed, epoch])
    counts = np.bincount(lesson.labels[lesson.seen])
    present = counts[counts > 0]
    if present.max() > _UNEVEN * present.min():
        chances = 1 / counts[lesson.labels[lesson.seen]]
        order = rng.choice(lesson.seen, len(lesson.seen), p=chances / chances.sum())
    else:
        order = rng.permutation(lesson.seen)
    return [part.astype(np.int64) for part in np.array_split(order, max(1, round(len(order) / lesson.batch)))]


def _first_view(lesson: FineTuneSpec, rows: Ints) -> Ints:
    """Which view of each photo comes in the first epoch; each later one takes the next."""
    many = np.random.default_rng([lesson.seed]).integers(0, 2**31, len(lesson.labels))
    return many[rows]


def _mirrored(lesson: FineTuneSpec, epoch: int) -> NDArray[np.bool_]:
    """Which photos (N,) are seen in the mirror in one epoch."""
    return np.random.default_rng([lesson.seed, epoch, 1]).random(len(lesson.labels)) < 0.5


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def hints(epochs: Sequence[Epoch], held_out: int) -> list[str]:
    """What the curves of a training say, in plain words, each with the usual causes."""
    if len(epochs) < 3:
        return []
    first, last = epochs[0], epochs[-1]
    said = []
    if last.loss > 0.97 * first.loss:
        said.append(
            "The photos were not learnt any better from round to round. Usual causes: a learning rate that is too "
            "small or too large, or labels that do not follow what the photos show."
        )
    if last.accuracy - last.val_accuracy > 0.25:
        said.append(
            "The training photos are recognised far better than new ones: they are learnt by heart. Usual causes: too "
            "few photos, photos that are all alike, or wrong labels. More photos help most."
        )
    jumps = [abs(one.val_accuracy - other.val_accuracy) for one, other in pairwise(epochs)]
    if held_out < 50 and max(jumps) > 0.1:
        said.append(
            f"The score jumps from round to round because only {held_out} photos are held out to take it; "
            "more photos make it steadier."
        )
    return said
