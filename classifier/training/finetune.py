"""Fine-tuning: train the last stages of a network on cached views of the photos, one epoch at a time.

Linear probe first, then fine-tune from its head (LP-FT; Kumar et al., arXiv 2202.10054). Batch norms keep their
pretrained statistics, because small batches give poor ones.

On a CPU a batch is divided into pieces, whose gradients single-threaded workers compute side by side with
``torch.autograd.grad`` and which are added up in a fixed order: twice as fast as one piece on all cores, and
bit-reproducible. The hooks of ``DistributedDataParallel`` are not called by ``torch.autograd.grad`` in worker threads,
so the gradients of several processes are all-reduced explicitly.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import device as devices
from .. import distributed
from ..config import Preprocessing
from ..device import Device
from ..errors import ClassifierError
from ..events import Epoch, Note, Progress
from ..messages import Message, message
from ..messages.training import HintCode, TrainingCode
from . import linear_head
from .batches import Batch, FineTuneData, load_batch, sample_batches, to_inputs
from .loss import LossFunction
from .optimizer import set_learning_rate
from .train_state import FineTuneSpec, TrainState, to_cpu

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
T = TypeVar("T")
Schedule = Callable[[float], float]
"""Progress of the training (0 to 1) -> factor of the initial learning rates."""

MAX_GRADIENT_NORM = 1.0


class NonFiniteLossError(ClassifierError):
    """Raised when the training loss is NaN or infinite."""


def train_one_epoch(
    state: TrainState,
    data: FineTuneData,
    spec: FineTuneSpec,
    loss_fn: LossFunction,
    schedule: Schedule,
    pool: ThreadPoolExecutor,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | Note, None, bool]:
    """Train for one epoch, or for the rest of one, and yield the progress after every step.

    Returns False where ``stop`` ended it early; the next call goes on with the next step.

    Raises ``NonFiniteLossError`` where the loss is NaN or infinite.

    Args:
        state: is changed in place.
        data: the images.
        spec: the settings ``state`` was made with.
        loss_fn: see ``loss.LossFunction``.
        schedule: factor of the learning rates by progress.
        pool: that of ``workers``.
        stop: is called after every step; the main process decides for all.
    """
    state.network.train(spec.from_scratch)
    batches = sample_batches(data, spec, state.epoch)
    first, started = state.step, perf_counter()
    total_loss, correct, count = state.totals
    for number, batch in enumerate(batches[first:], first):
        set_learning_rate(state.optimizer, schedule((state.epoch + number / len(batches)) / spec.epochs))
        micro_batch = state.micro_batch
        loss, batch_correct = train_step(state, data, spec, batch, loss_fn, pool)
        if state.micro_batch < micro_batch:
            code = TrainingCode.OUT_OF_MEMORY_FROM_SCRATCH if spec.from_scratch else TrainingCode.OUT_OF_MEMORY
            yield Note(message(code, before=micro_batch, after=state.micro_batch))
        if not np.isfinite(loss):
            rate = spec.learning_rate
            raise NonFiniteLossError(TrainingCode.NON_FINITE_LOSS, rate=rate, smaller=rate / 10)
        total_loss, correct, count = total_loss + loss * len(batch), correct + batch_correct, count + len(batch)
        state.step, state.totals = number + 1, (total_loss, correct, count)
        seconds = (perf_counter() - started) * (number + 1) / (number + 1 - first)
        yield _progress(state, data, spec, (number + 1) / len(batches), seconds)
        if distributed.broadcast(stop()):
            return False
    state.epoch, state.step, state.totals = state.epoch + 1, 0, (0.0, 0, 0)
    state.train_loss, state.train_accuracy = total_loss / count, correct / count
    return True


def train_step(
    state: TrainState,
    data: FineTuneData,
    spec: FineTuneSpec,
    batch: Batch,
    loss_fn: LossFunction,
    pool: ThreadPoolExecutor,
) -> tuple[float, int]:
    """Update the network once; returns the loss of the batch and the number of images classified correctly.

    Args:
        state: is changed in place.
        data: the images.
        spec: the settings ``state`` was made with.
        batch: the images of this step; each of several processes takes its share of them.
        loss_fn: see ``loss.LossFunction``.
        pool: the workers that compute pieces of the batch.
    """
    parameters = list(state.network.parameters())

    def forward_backward(piece: Batch) -> tuple[float, int, Sequence[Tensor]]:
        inputs, targets = load_batch(data, piece, state.device)  # (B, 3, S, S) or activations, (B,)
        logits = forward(state.network, inputs, state.device)  # (B, C)
        loss = loss_fn(logits, targets, len(batch))
        # Some networks have parameters that take no part: their gradient is zero.
        gradients = torch.autograd.grad(state.scaler.scale(loss), parameters, materialize_grads=True)
        return float(loss.detach()), int((logits.argmax(1) == targets).sum()), gradients

    while True:
        try:
            loss, correct, gradients = _sum_pieces(_map_pieces(forward_backward, state, spec, batch, pool), parameters)
            break
        except (RuntimeError, MemoryError) as error:
            _halve_micro_batch(state, error)
    if not spec.from_scratch:
        loss, correct, gradients = distributed.all_reduce(loss, correct, gradients)
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient
    state.scaler.unscale_(state.optimizer)
    nn.utils.clip_grad_norm_(parameters, MAX_GRADIENT_NORM)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    return loss, correct


def validate(state: TrainState, data: FineTuneData, spec: FineTuneSpec, pool: ThreadPoolExecutor) -> Epoch:
    """Evaluate the network after an epoch, add the result to ``history``, and keep the weights in ``tensors``.

    The loss is computed at the temperature that minimizes it, so that an epoch that is only less confident does not
    count as better. Without validation images loss and accuracy are those of the training.
    """
    state.network.eval()
    y_true = data.y[data.val_idx]
    loss, accuracy = state.train_loss, state.train_accuracy
    if len(y_true):
        device = replace(state.device, batch=min(state.device.batch, state.micro_batch))
        logits = predict(state.network, data.views, data.val_idx, data.preprocessing, device, pool)
        loss = float(-log_probs(logits, y_true)[np.arange(len(y_true)), y_true].mean())
        accuracy = float((logits.argmax(1) == y_true).mean())
    state.tensors = to_cpu(state.network.state_dict())
    train = state.train_loss, state.train_accuracy
    best = min([*((epoch.val_loss, epoch.number) for epoch in state.history), (loss, state.epoch)])[1]
    state.history.append(Epoch(state.epoch, spec.epochs, *train, loss, accuracy, best))
    return state.history[-1]


def forward(network: nn.Module, inputs: Tensor, device: Device) -> Tensor:
    """Compute the logits (B, C) in the precision of the device, and return them as float32."""
    with device.autocast():
        logits: Tensor = network(inputs if device.dtype != torch.float32 else inputs.float())
    return logits.float()


def predict(
    network: nn.Module,
    views: Tensor,
    idx: Ints,
    preprocessing: Preprocessing,
    device: Device,
    pool: ThreadPoolExecutor,
) -> Floats:
    """Predict images in the view of evaluation, the first of each.

    Args:
        network: in evaluation mode and on the device.
        views: (N, 1 + V, …), see ``FineTuneData``.
        idx: the images (J,) among the N.
        preprocessing: whose mean and standard deviation pixels are normalized with.
        device: computes batches of ``device.batch`` images.
        pool: the workers that compute batches side by side.

    Returns:
        What the network gives, (J, C) for logits.
    """

    @torch.inference_mode()
    def run(rows: Tensor) -> Tensor:
        return forward(network, to_inputs(views[rows.to(views.device), 0], preprocessing, device), device).cpu()

    parts = pool.map(run, torch.from_numpy(idx).split(device.batch))
    return np.concatenate([part.numpy() for part in parts])


def log_probs(logits: Floats, y_true: Ints) -> Floats:
    """Return the log probabilities (J, C) at the temperature that fits the logits to the classes (J,)."""
    scaled = torch.from_numpy(logits / linear_head.fit_temperature(logits, y_true))
    found: Floats = scaled.log_softmax(1).numpy()
    return found


@contextmanager
def workers(device: Device) -> Iterator[ThreadPoolExecutor]:
    """Threads that compute pieces of batches; the calling thread leaves the cores to them meanwhile."""
    with devices.single_threaded_workers(device) as pool:
        torch.set_num_threads(1 if device.is_cpu else device.workers)
        yield pool


def hints(epochs: Sequence[Epoch], val_count: int) -> list[Message]:
    """Name what the curves of a training on ``val_count`` validation images show, each with the usual causes."""
    if len(epochs) < 3:
        return []
    first, last = epochs[0], epochs[-1]
    found = []
    if last.loss > 0.97 * first.loss:
        found.append(message(HintCode.NO_PROGRESS))
    if last.accuracy - last.val_accuracy > 0.25:
        found.append(message(HintCode.OVERFITTING))
    jumps = [abs(one.val_accuracy - other.val_accuracy) for one, other in pairwise(epochs)]
    if val_count < 50 and max(jumps) > 0.1:
        found.append(message(HintCode.NOISY_SCORE, count=val_count))
    return found


def _map_pieces(
    work: Callable[[Batch], T], state: TrainState, spec: FineTuneSpec, batch: Batch, pool: ThreadPoolExecutor
) -> Iterator[T]:
    """Run ``work`` on the pieces of this process's share of a batch; results come in order.

    A batch norm in training takes its statistics from the batch and updates them, so that such a batch is divided
    neither among processes nor among threads, and pieces that memory asks for are computed one after another.
    """
    rank, world_size = (0, 1) if spec.from_scratch else (distributed.rank(), distributed.world_size())
    rows = np.arange(rank, len(batch), world_size)
    threads = state.device.workers if state.device.is_cpu and not spec.from_scratch else 1
    size = max(1, min(state.micro_batch, -(-len(rows) // threads)))
    pieces = [batch[rows[start : start + size]] for start in range(0, len(rows), size)]
    if spec.from_scratch:
        return (pool.submit(work, piece).result() for piece in pieces)
    return pool.map(work, pieces)


def _sum_pieces(
    pieces: Iterable[tuple[float, int, Sequence[Tensor]]], parameters: Sequence[Tensor]
) -> tuple[float, int, list[Tensor]]:
    """Return loss, number of correct answers and gradients of a batch, these in the strides of the parameters.

    Optimizers that compute many parameters at once read both in the order of memory.
    """
    loss, correct, total = 0.0, 0, list[Tensor]()
    for piece_loss, piece_correct, gradients in pieces:
        loss, correct = loss + piece_loss, correct + piece_correct
        total = [one + other for one, other in zip(total, gradients)] if total else list(gradients)
    for place, parameter in enumerate(parameters):
        if total[place].stride() != parameter.stride():
            total[place] = torch.empty_like(parameter).copy_(total[place])
    return loss, correct, total


def _halve_micro_batch(state: TrainState, error: Exception) -> None:
    """Prepare for another attempt after ``error``; raises it where memory did not run out or cannot be saved."""
    if not devices.is_out_of_memory(error) or state.micro_batch == 1:
        raise error
    state.micro_batch = -(-state.micro_batch // 2)
    if state.device.torch_device.type == "cuda":
        torch.cuda.empty_cache()


def _progress(state: TrainState, data: FineTuneData, spec: FineTuneSpec, share: float, seconds: float) -> Progress:
    """Progress after a ``share`` of the current epoch that took so many ``seconds``."""
    code = TrainingCode.EPOCH_ON_ALL if spec.on_all else TrainingCode.EPOCH
    count = len(data.train_idx)
    number, total = spec.epochs_before + state.epoch + 1, spec.epochs_before + spec.epochs + spec.epochs_after
    left = seconds / share * (total - number + 1 - share)
    return Progress(message(code, number=number, total=total), round(share * count), count, left)
