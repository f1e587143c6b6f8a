"""Several processes as one: who we are among them, and sums over all of them (torchrun)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor


def rank() -> int:
    """Our number among the processes, from 0; the first is the one that writes."""
    return dist.get_rank() if _is_initialized() else 0


def world_size() -> int:
    """How many processes work together; 1 when this is the only one."""
    return dist.get_world_size() if _is_initialized() else 1


def is_main_process() -> bool:
    """Whether this is the process that writes and speaks."""
    return rank() == 0


def _is_initialized() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes ``torchrun`` started, if it did: NCCL where each has a GPU, else gloo."""
    if "WORLD_SIZE" not in os.environ or int(os.environ["WORLD_SIZE"]) < 2 or _is_initialized():
        yield
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    gpus = torch.cuda.device_count() > local
    if gpus:
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if gpus else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def barrier() -> None:
    """Until all have come here."""
    if _is_initialized():
        dist.barrier()


def all_reduce(loss: float, right: int, gradients: Sequence[Tensor]) -> tuple[float, int, list[Tensor]]:
    """Loss, hits and gradients added up over all processes, in one message."""
    if not _is_initialized():
        return loss, right, list(gradients)
    head = torch.tensor([loss, right], dtype=torch.float32, device=gradients[0].device)
    flat = torch.cat([head, *(gradient.flatten() for gradient in gradients)])
    dist.all_reduce(flat)
    values = flat[2:].split([gradient.numel() for gradient in gradients])
    shaped = [value.view(gradient.shape) for value, gradient in zip(values, gradients)]
    return float(flat[0]), int(flat[1]), shaped


def broadcast(value: object) -> object:
    """The first process's word, for all: what depends on a clock or a person must be the same everywhere."""
    if not _is_initialized():
        return value
    box = [value]
    dist.broadcast_object_list(box)
    return box[0]


def all_gather(value: object) -> list[object]:
    """What each process has, in order of their numbers."""
    if not _is_initialized():
        return [value]
    everyone: list[object] = [None] * world_size()
    dist.all_gather_object(everyone, value)
    return everyone
