"""Fine-tuning: the last stages of a network, trained on kept activations of varied views, in several parts at once.

Linear probe first, then fine-tune from its head (LP-FT; Kumar et al., arXiv 2202.10054). The photos are
divided into parts; for each part a copy of the network learns on all others, so that every photo is judged
by a copy that has not seen it, at every epoch. The finished network is the mean of the copies' weights
(“model soups”; Wortsman et al., arXiv 2203.05482): copies that started from one point lie in one valley.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from . import device as devices
from .device import Device

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    epochs: int = 10
    batch: int = 16
    rate: float = 3e-4
    head_rate: float = 1e-3
    decay: float = 0.7
    weight_decay: float = 1e-2
    smoothing: float = 0.1
    clip: float = 1.0
    warm_up: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class Task:
    network: nn.Module
    views: Tensor
    clean: Tensor
    labels: Tensor
    parts: Tensor
    heads: Sequence[tuple[Floats, Floats]]
    stages: Sequence[Sequence[str]]
    classifier: str


@dataclass(frozen=True)
class Epoch:
    """One round over the photos is done: number ``number`` of at most ``total``, counted from 1.

    ``loss`` and ``accuracy`` are of the varied training views, ``held_out_loss`` and ``held_out_accuracy``
    of photos the judging copy has not seen; ``best`` is the number of the best round so far.
    """

    number: int
    total: int
    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float
    best: int


@dataclass(frozen=True)
class Note:
    """Something the person should know, in one or two plain sentences."""

    sentence: str


@dataclass(frozen=True)
class Round:
    number: int
    loss: float
    held_out: Tensor  # (N, C)


class Copy:
    """One copy of the thawed network in training, with float32 weights beside those it computes with."""

    def __init__(self, task: Task, head: tuple[Floats, Floats], plan: Plan, device: Device) -> None:
        import copy

        self.network = copy.deepcopy(task.network).requires_grad_(True)
        last = self.network.get_submodule(task.classifier)
        last.weight = nn.Parameter(torch.from_numpy(head[0].copy()))
        last.bias = nn.Parameter(torch.from_numpy(head[1].copy()))
        self.names = [name for name, _ in self.network.named_parameters()]
        self.masters = [parameter.detach().clone().float() for parameter in self.network.parameters()]
        self.network.to(device.torch_device, device.dtype)
        self.parameters = list(self.network.parameters())
        groups = []
        for name, master in zip(self.names, self.masters):
            if name.startswith(f"{task.classifier}."):
                rate = plan.head_rate
            else:
                place = next(
                    i
                    for i, stage in enumerate(reversed(task.stages))
                    if any(name.startswith(f"{m}.") or name == m for m in stage)
                )
                rate = plan.rate * plan.decay**place
            groups.append(
                {
                    "params": [master],
                    "lr": rate,
                    "peak": rate,
                    "weight_decay": plan.weight_decay if master.ndim > 1 else 0.0,
                }
            )
        self.optimiser = torch.optim.AdamW(groups, fused=True)

    def publish(self) -> None:
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, self.masters)


def gradients(copy: Copy, inputs: Tensor, targets: Tensor, total: int, smoothing: float) -> tuple[float, list[Tensor]]:
    logits = copy.network(inputs).float()
    loss = nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="sum") / total
    return float(loss), list(torch.autograd.grad(loss, copy.parameters))


def step(copy: Copy, inputs: Tensor, targets: Tensor, pool: ThreadPoolExecutor, shards: int, plan: Plan) -> float:
    size = -(-len(inputs) // shards)
    jobs = [
        pool.submit(gradients, copy, inputs[i : i + size], targets[i : i + size], len(inputs), plan.smoothing)
        for i in range(0, len(inputs), size)
    ]
    results = [job.result() for job in jobs]
    for place, master in enumerate(copy.masters):
        master.grad = sum((grads[place].float() for _, grads in results[1:]), results[0][1][place].float())
    nn.utils.clip_grad_norm_(copy.masters, plan.clip)
    copy.optimiser.step()
    copy.publish()
    return sum(loss for loss, _ in results)


def rate_at(progress: float, warm_up: float) -> float:
    if progress < warm_up:
        return (progress + 1e-3) / warm_up
    return 0.5 * (1 + float(np.cos(np.pi * (progress - warm_up) / (1 - warm_up))))


def fine_tune(task: Task, plan: Plan, device: Device) -> Iterator[Any]:
    kinds = range(len(task.heads))
    copies = [Copy(task, head, plan, device) for head in task.heads]
    views = task.views.shape[1]
    before = torch.get_num_threads()
    with devices.single_threaded_workers(device) as pool:
        torch.set_num_threads(1)
        for epoch in range(plan.epochs):
            losses = []
            for kind in kinds:
                seen = np.flatnonzero(task.parts.numpy() != kind)
                rng = np.random.default_rng([plan.seed, epoch, kind])
                order = rng.permutation(seen)
                shift = np.random.default_rng([plan.seed, kind]).integers(0, views, len(task.labels))
                batches = np.array_split(order, max(1, round(len(order) / plan.batch)))
                for number, batch in enumerate(batches):
                    now = rate_at((epoch + number / len(batches)) / plan.epochs, plan.warm_up)
                    for group in copies[kind].optimiser.param_groups:
                        group["lr"] = group["peak"] * now
                    rows = torch.from_numpy(batch)
                    inputs = task.views[rows, torch.from_numpy((shift[batch] + epoch) % views)]
                    if inputs.ndim == 4:
                        inputs = inputs.permute(0, 3, 1, 2)
                    losses.append(step(copies[kind], inputs, task.labels[rows], pool, device.workers, plan))
            held = torch.zeros(len(task.labels), len(task.heads[0][1]))
            jobs = []
            for kind in kinds:
                for rows in torch.from_numpy(np.flatnonzero(task.parts.numpy() == kind)).split(8):
                    jobs.append((rows, pool.submit(answers, copies[kind].network, task.clean[rows])))
            for rows, job in jobs:
                held[rows] = job.result()
            yield Round(epoch, float(np.mean(losses)), held), copies
    torch.set_num_threads(before)


@torch.inference_mode()
def answers(network: nn.Module, inputs: Tensor) -> Tensor:
    return network(inputs.permute(0, 3, 1, 2) if inputs.ndim == 4 else inputs).float()
