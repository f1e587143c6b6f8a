"""Several processes started by ``torchrun``: the rank of this one, and sums and messages over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if _is_initialized() else 0


def world_size() -> int:
    """Return the number of processes; 1 without ``torchrun``."""
    return dist.get_world_size() if _is_initialized() else 1


def is_main_process() -> bool:
    """Whether this process, of rank 0, writes files and prints."""
    return rank() == 0


def choose_backend(local_world_size: int, gpus: int) -> Literal["nccl", "gloo"]:
    """Choose NCCL where each process of this machine has a GPU of its own, else gloo.

    NCCL does not let two processes share a GPU. The answer depends on nothing that differs between the processes of a
    machine: with two backends they would wait for each other forever.
    """
    return "nccl" if local_world_size <= gpus else "gloo"


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that ``torchrun`` started; does nothing for a single one."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if ranks < 2 or _is_initialized():
        yield
        return
    gpus = torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % gpus)
    dist.init_process_group(choose_backend(int(os.environ.get("LOCAL_WORLD_SIZE", ranks)), gpus))
    try:
        yield
    finally:
        dist.destroy_process_group()


def barrier() -> None:
    """Wait until all processes are here."""
    if _is_initialized():
        dist.barrier()


def all_reduce(loss: float, correct: int, gradients: Sequence[Tensor]) -> tuple[float, int, list[Tensor]]:
    """Add up loss, number of correct predictions and gradients over all processes, in one message."""
    if not _is_initialized():
        return loss, correct, list(gradients)
    head = torch.tensor([loss, correct], dtype=torch.float32, device=gradients[0].device)
    flat = torch.cat([head, *(gradient.flatten() for gradient in gradients)])
    dist.all_reduce(flat)
    values = flat[2:].split([gradient.numel() for gradient in gradients])
    shaped = [value.view(gradient.shape) for value, gradient in zip(values, gradients)]
    return float(flat[0]), int(flat[1]), shaped


def broadcast(value: T) -> T:
    """Return the value of the main process: what depends on a clock or a person has to be the same in all of them."""
    if not _is_initialized():
        return value
    values = [value]
    dist.broadcast_object_list(values)
    return values[0]


def _is_initialized() -> bool:
    return dist.is_available() and dist.is_initialized()
