"""Where the numbers are crunched, in which precision, and with how many threads: chosen once, from the hardware."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from .errors import SettingError


@dataclass(frozen=True)
class Device:
    """What the hardware does well.

    ``dtype`` is the fast precision for features; anything that is shown to a person is computed in
    float32. ``workers`` threads prepare pictures side by side; on a CPU each of them also runs the
    network by itself on ``batch`` pictures (see ``features.embed``).
    """

    torch_device: torch.device
    dtype: torch.dtype
    workers: int
    batch: int

    @property
    def is_cpu(self) -> bool:
        return self.torch_device.type == "cpu"

    @property
    def name(self) -> str:
        """A name a person knows, such as “CPU” or “NVIDIA H100”."""
        if self.torch_device.type == "cuda":
            return torch.cuda.get_device_name(self.torch_device)
        return {"cpu": "CPU", "mps": "Apple GPU"}.get(self.torch_device.type, str(self.torch_device))


def choose(name: str | None = None) -> Device:
    """The device called ``name`` (``cpu``, ``cuda``, ``cuda:1``, ``mps``), or the best one there is.

    Raises ``SettingError`` where that device is not there.
    """
    try:
        kind = torch.device(name) if name else _best()
    except RuntimeError:
        kind = torch.device("meta")  # no device that computes
    if kind.type not in ("cpu", "cuda", "mps") or (kind.index and kind.type != "cuda"):
        raise SettingError(f"There is no device called “{name}”; choose cpu, cuda, cuda:1 or mps.")
    if kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count():
        raise SettingError(f"The device “{name}” was asked for, but this machine has no usable NVIDIA GPU.")
    if kind.type == "mps" and not torch.backends.mps.is_available():
        raise SettingError(f"The device “{name}” was asked for, but this machine has no usable Apple GPU.")
    cores = _cores()
    if kind.type == "cpu":
        # Eight pictures of a small network's activations stay in a core's cache; 32 do not, and are a
        # third slower (benchmarks/embedding.py).
        return Device(kind, torch.bfloat16 if _cpu_has_bf16() else torch.float32, cores, 8)
    fast = torch.float16 if kind.type == "mps" or not torch.cuda.is_bf16_supported() else torch.bfloat16
    return Device(kind, fast, cores, 64)


def _best() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _cores() -> int:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cores = os.cpu_count() or 1
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))  # torchrun's processes share them


def _cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 itself; without such units it is slower than float32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)


_POOLS = threading.Lock()
_pools = 0  # how many are at work
_threads_before = 1


@contextlib.contextmanager
def single_threaded_workers(device: Device) -> Iterator[ThreadPoolExecutor]:
    """A pool of ``device.workers`` threads in each of which torch's operations use that one thread.

    The number is told in each worker, because OpenMP keeps it by thread, and put back by the last one to
    end, because torch also keeps one for all.
    """
    global _pools, _threads_before
    with _POOLS:
        if not _pools:
            _threads_before = torch.get_num_threads()
        _pools += 1
    _keep_freed_memory()
    try:
        with ThreadPoolExecutor(device.workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        with _POOLS:
            _pools -= 1
            if not _pools:
                torch.set_num_threads(_threads_before)


@lru_cache(maxsize=1)
def _keep_freed_memory() -> None:
    """Let glibc keep the memory of one operation for the next.

    By default it hands every large block back to the system, which then clears it again page by page:
    a quarter of the time of a small network (benchmarks/embedding.py). Other C libraries are left alone.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        for parameter, size in ((-3, 2**25), (-1, 2**29), (-2, 2**26)):  # M_MMAP_THRESHOLD, M_TRIM_…, M_TOP_PAD
            mallopt(parameter, size)


def _stream(work: Callable[..., Iterator[Any]], *args: Any) -> Iterator[Any]:
    yield from work(*args)


_hosted = _stream


def stream(work: Callable[..., Iterator[Any]], *args: Any) -> Iterator[Any]:
    """Run a generator that uses the device: the one place through which all such work passes.

    On a Space with ZeroGPU the work runs in another process that owns a GPU for a minute, so
    ``work`` is a function of a module, and what goes in and comes out can be copied.
    """
    return _hosted(work, *args)


def for_long_work(device: Device) -> Device:
    """The device for work of minutes: on a Space with ZeroGPU, which lends its GPU for one, the CPU."""
    return device if _hosted is _stream else choose("cpu")


def host_on_zero_gpu(seconds: int = 60) -> None:
    """Let Hugging Face's ``spaces`` package wrap ``stream``; called by ``app.py`` on a ZeroGPU Space only."""
    global _hosted
    import spaces  # type: ignore[import-not-found,unused-ignore]  # there, and only there, it is installed

    _hosted = spaces.GPU(duration=seconds)(_stream)
