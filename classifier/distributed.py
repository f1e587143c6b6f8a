"""Several processes started by ``torchrun``, on one machine or several: shared work, sums, and who is lost.

The machines need no folder in common: each has its own copy of the photos, and what a process computes reaches the
others as messages. The main process decides what depends on files, clocks and persons. Values travel as JSON and as
tensors in the format of safetensors; nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor

from .errors import ClassifierError
from .messages import Message
from .messages.data import arguments_to_json, restore
from .messages.device import ProcessCode
from .pulse import Pulse

S = TypeVar("S")
T = TypeVar("T")
Tensors = Mapping[str, Tensor]
Shared = Tensors | Message
"""What the processes tell one another of a photo: tensors, or why there are none."""

_JOIN = timedelta(minutes=2)  # from the first process that is there to the last
_LONGEST = timedelta(hours=6)  # that a process waits for one that is alive, such as for its photos to be listed
_ANSWER = timedelta(seconds=40)  # that the store may take to answer
_ERROR = "error"  # the name of an error among tensors
_work: dist.ProcessGroup | None = None  # of all processes, see ``process_group``
_gradients: dist.ProcessGroup | None = None  # of the processes that have a GPU each, see ``process_group``
_is_alone = False  # while ``decide`` runs its work


class SharedError(ClassifierError):
    """Raised in all processes for an error that one of them had, so that none waits for another."""


class LostProcessError(ClassifierError):
    """Raised where another process has ended or can no longer be reached."""


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if _is_initialized() else 0


def world_size() -> int:
    """Return the number of processes; 1 without ``torchrun``."""
    return dist.get_world_size() if _is_initialized() else 1


def is_main_process() -> bool:
    """Whether this process, of rank 0, writes the model and prints."""
    return rank() == 0


def is_local_main_process() -> bool:
    """Whether this process writes what all processes of its machine read."""
    return not _is_initialized() or os.environ.get("LOCAL_RANK", "0") == "0"


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that ``torchrun`` started; does nothing for a single one.

    Raises ``LostProcessError`` where one of them does not come within two minutes. Where another process has ended, the
    functions that wait for it raise it too; where its machine cannot be reached, this process ends with the sentence
    and exit code 2 after ``pulse.PATIENCE`` seconds.

    Example::

        with process_group():
            *_, finished = train(project, TrainConfig(mode="deep"), Path("model"))
    """
    global _work, _gradients
    ranks, local_rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    if ranks < 2 or _is_initialized():
        yield
        return
    gpus = torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(local_rank % gpus)
    with _translated():
        dist.init_process_group("gloo", timeout=_JOIN)
    try:
        with Pulse(_open_store(), rank(), ranks, _end_process):
            with _translated():
                _work = dist.new_group(backend="gloo", timeout=_LONGEST)  # type: ignore[assignment]  # of which all are
            own_gpu = has_own_gpu(int(os.environ.get("LOCAL_WORLD_SIZE", ranks)), gpus)
            if everywhere(np.array([own_gpu])).all():
                _gradients = dist.new_group(backend="nccl")  # type: ignore[assignment]  # of which all are members
            yield
            barrier()
    finally:
        _work = _gradients = None
        dist.destroy_process_group()


def has_own_gpu(local_world_size: int, gpus: int) -> bool:
    """Whether each process of this machine has a GPU of its own, as NCCL demands."""
    return local_world_size <= gpus


def barrier() -> None:
    """Wait until all processes are here."""
    if _is_initialized():
        with _translated():
            dist.barrier(_work)


def all_reduce(loss: float, correct: int, gradients: Sequence[Tensor]) -> tuple[float, int, list[Tensor]]:
    """Add up loss, number of correct predictions and gradients over all processes, in one message."""
    if not _is_initialized():
        return loss, correct, list(gradients)
    device = gradients[0].device
    group = _gradients if device.type == "cuda" and _gradients else _work
    head = torch.tensor([loss, correct], dtype=torch.float32, device=device)
    flat = torch.cat([head, *(gradient.flatten() for gradient in gradients)])
    flat = flat.cpu() if group is _work else flat
    with _translated():
        dist.all_reduce(flat, group=group)
    values = flat[2:].to(device).split([gradient.numel() for gradient in gradients])
    shaped = [value.view(gradient.shape) for value, gradient in zip(values, gradients)]
    return float(flat[0]), int(flat[1]), shaped


def broadcast(value: T) -> T:
    """Return the JSON value of the main process: what depends on a clock or a person has to be the same in all."""
    if not _is_initialized():
        return value
    return _from_json(broadcast_tensors({"": _to_json(value)})[""])


def broadcast_tensors(tensors: Tensors) -> Tensors:
    """Return the tensors (on the CPU) of the main process."""
    if not _is_initialized():
        return tensors
    content = bytearray(save(dict(tensors)) if is_main_process() else b"")
    size = torch.tensor([len(content)])
    with _translated():
        dist.broadcast(size, 0, _work)
        buffer = torch.frombuffer(content, dtype=torch.uint8) if content else torch.empty(int(size), dtype=torch.uint8)
        dist.broadcast(buffer, 0, _work)
    return tensors if is_main_process() else load(buffer.numpy().tobytes())


def decide(work: Callable[[], T]) -> T:
    """Return the JSON value that ``work`` returns in the main process, which alone runs it; its error is raised in all.

    For what depends on files, which are not the same on each machine. For ``work`` there is one process.
    """
    global _is_alone
    value: Any = None
    with shared_errors():
        if is_main_process():
            before, _is_alone = _is_alone, True
            try:
                value = work()
            finally:
                _is_alone = before
    return broadcast(value)


@contextmanager
def shared_errors() -> Iterator[None]:
    """Wait for all processes at the end of the body, in which none waits for another; raise in all what one raised."""
    if not _is_initialized():
        yield
        return
    own: Tensors = {}
    try:
        yield
    except ClassifierError as error:
        own = {_ERROR: _message_to_json(error.message)}
    for part in _all_gather(own):
        _raise_error(part)


def is_own(error: ClassifierError) -> bool:
    """Whether other processes do not have an error, so that they wait for this one, which therefore has to end."""
    return world_size() > 1 and not isinstance(error, SharedError)


def everywhere(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which flags (N,) are set in all processes."""
    if not _is_initialized() or not len(flags):
        return flags
    counts = torch.from_numpy(flags.astype(np.uint8))
    with _translated():
        dist.all_reduce(counts, dist.ReduceOp.MIN, _work)
    return np.asarray(counts.numpy() > 0)


def check_same(describe: Callable[[], object]) -> None:
    """Raise ``SharedError`` in all processes where one has another JSON value, say of its photos, than the first.

    ``describe`` is not called where there is one process.
    """
    if not _is_initialized():
        return
    digest = hashlib.sha256(json.dumps(describe()).encode()).hexdigest()
    first = broadcast(digest)
    with shared_errors():
        if digest != first:
            raise ClassifierError(ProcessCode.DIFFERENT, number=rank())


def share(items: Sequence[S], work: Callable[[Sequence[S]], Iterable[Shared]], block: int) -> Iterator[Shared]:
    """Yield in every process what ``work`` yields for each item, in order; each is computed by one process only.

    Errors of ``work`` are raised in all processes.

    Args:
        items: the same in all processes.
        work: gets some of the items, in order; what it yields for each is on the CPU.
        block: number of items whose results a process sends at a time.
    """
    if not _is_initialized():
        yield from work(items)
        return
    size = world_size()
    own = items[rank() :: size]
    results = iter(work(own))
    for start in range(0, len(items), size * block):
        is_last = start + size * block >= len(items)
        parts = _all_gather(_pack(results if is_last else islice(results, block)))
        for part in parts:
            _raise_error(part)
        found = list(map(_unpack, parts))
        for place in range(min(size * block, len(items) - start)):
            yield found[place % size][place // size]


# -- helpers


def _is_initialized() -> bool:
    return not _is_alone and dist.is_available() and dist.is_initialized()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo's, which has no type of its own
        raise LostProcessError(ProcessCode.LOST) from error


def _all_gather(tensors: Tensors) -> list[Tensors]:
    """Return the tensors of all processes, by rank."""
    content = torch.frombuffer(bytearray(save(dict(tensors))), dtype=torch.uint8)
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(world_size())]
    with _translated():
        dist.all_gather(sizes, torch.tensor([len(content)]), _work)
        buffers = [torch.empty(int(max(sizes)), dtype=torch.uint8) for _ in sizes]
        padded = torch.zeros_like(buffers[0])
        padded[: len(content)] = content
        dist.all_gather(buffers, padded, _work)
    return [load(buffer[: int(size)].numpy().tobytes()) for size, buffer in zip(sizes, buffers)]


def _pack(results: Iterable[Shared]) -> Tensors:
    """Return results under their numbers, a message without a further name; or the error that ended them."""
    packed: dict[str, Tensor] = {}
    try:
        for number, result in enumerate(results):
            if isinstance(result, Message):
                packed[f"{number}"] = _message_to_json(result)
            else:
                packed |= {f"{number} {name}": value.contiguous() for name, value in result.items()}
    except ClassifierError as error:
        return {_ERROR: _message_to_json(error.message)}
    return packed


def _unpack(packed: Tensors) -> dict[int, Shared]:
    """Return what ``_pack`` got, by number."""
    found: dict[int, Shared] = {}
    values: dict[int, dict[str, Tensor]] = {}
    for key, value in packed.items():
        number, _, name = key.partition(" ")
        if name:
            found[int(number)] = values.setdefault(int(number), {})
            values[int(number)][name] = value
        else:
            found[int(number)] = restore(*_from_json(value))
    return found


def _raise_error(packed: Tensors) -> None:
    if _ERROR in packed:
        message = restore(*_from_json(packed[_ERROR]))
        raise SharedError(message.code, **dict(message.arguments))


def _message_to_json(message: Message) -> Tensor:
    return _to_json([message.code.id, json.loads(arguments_to_json(message)), str(message)])


def _to_json(value: object) -> Tensor:
    return torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)


def _from_json(content: Tensor) -> Any:
    return json.loads(content.numpy().tobytes())


def _open_store() -> dist.Store:
    """Connect once more to the store of the processes; the first connection may wait for an answer at any time."""
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = dist.TCPStore(address, port, is_master=False, timeout=_ANSWER)
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"classifier/alive/{attempt}", store)


def _end_process() -> None:
    """End this process, whose main thread waits for one that is lost."""
    print(ProcessCode.LOST, file=sys.stderr, flush=True)
    os._exit(2)
