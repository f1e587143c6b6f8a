"""Device selection: CPU, CUDA or MPS, with dtype, number of worker threads and batch size; and what memory is free."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path, PurePosixPath

import torch

from .errors import SettingError
from .messages.device import DeviceCode

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")  # the cgroups that this process belongs to


@dataclass(frozen=True)
class Device:
    """A device and how to use it well.

    ``dtype`` is the fastest precision for features and mixed-precision training; whatever a person is shown is
    computed in float32. ``workers`` threads decode pictures in parallel; on a CPU each of them also runs the
    network, single-threaded, on ``batch`` pictures at a time (see ``models.loader.run_batches``).
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
        """A name for people, such as “CPU” or “NVIDIA H100”."""
        if self.torch_device.type == "cuda":
            return torch.cuda.get_device_name(self.torch_device)
        return {"cpu": "CPU", "mps": "Apple GPU"}.get(self.torch_device.type, str(self.torch_device))

    def autocast(self) -> AbstractContextManager[object]:
        """Mixed precision in ``dtype``; a null context for float32, where ``torch.autocast`` warns on a CPU."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.torch_device.type, self.dtype)


def choose(name: str | None = None) -> Device:
    """Return the device called ``name`` (``cpu``, ``cuda``, ``cuda:1``, ``mps``), or the best one available.

    Raises ``SettingError`` when there is no such device on this machine.
    """
    kind = _checked(name) if name else _best()
    cores = _available_cores()
    if kind.type == "cpu":
        # The activations of eight pictures in a small network fit into a core's cache; those of 32 do not, and
        # the same work takes a third longer (benchmarks/embedding.py).
        return Device(kind, torch.bfloat16 if _cpu_has_bf16() else torch.float32, cores, 8)
    dtype = torch.float16 if kind.type == "mps" else gpu_dtype(torch.cuda.get_device_capability(kind))
    return Device(kind, dtype, cores, 64)


def gpu_dtype(capability: tuple[int, int]) -> torch.dtype:
    """The fast half precision of an NVIDIA GPU of this compute capability (major, minor).

    bfloat16 has tensor cores from Ampere (8.0) on. ``torch.cuda.is_bf16_supported()`` is also true for V100, T4
    and RTX 20, where bfloat16 is emulated and slower than float16.
    """
    return torch.bfloat16 if capability >= (8, 0) else torch.float16


def cpu_quota(root: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int | None:
    """Return the number of cores that the cgroups of this process allow, rounded up, or None without a quota.

    A container limited to one core still sees all cores of its host in ``os.sched_getaffinity``.
    ``root`` is where the cgroup file system is mounted, ``membership`` a file in the form of ``/proc/self/cgroup``.
    """
    folders = _cgroup_folders(root, membership, ("cpu", "cpu,cpuacct"))
    quotas = [quota for folder in folders if (quota := _read_quota(folder)) is not None]
    return max(1, ceil(min(quotas))) if quotas else None


def free_memory(
    root: Path = _CGROUPS, membership: Path = _MEMBERSHIP, meminfo: Path = Path("/proc/meminfo")
) -> int | None:
    """Return the bytes of memory that this process may still take: of the machine, or of its cgroups if these are less.

    None where the system does not say. The parameters are as in ``cpu_quota``.
    """
    known = [_read_free(folder) for folder in _cgroup_folders(root, membership, ("memory",))]
    with contextlib.suppress(OSError, ValueError, IndexError):  # not Linux
        lines = dict(line.split(":", 1) for line in meminfo.read_text("ascii").splitlines() if ":" in line)
        known.append(int(lines.get("MemAvailable", "").split()[0]) * 1024)
    return min((free for free in known if free is not None), default=None)


def _read_free(folder: Path) -> int | None:
    """Bytes that a cgroup of version 2 or 1 may still take; what only caches files counts as free."""
    for limit, used, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        with contextlib.suppress(OSError, ValueError):  # “max”, no such file, or in no known form: no limit
            allowed, taken = (int((folder / name).read_text("ascii")) for name in (limit, used))
            rows = (line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
            files = sum(int(row[1]) for row in rows if len(row) == 2 and row[0] == cached)
            return max(0, allowed - taken + files)
    return None


def _checked(name: str) -> torch.device:
    try:
        kind = torch.device(name)
    except RuntimeError as error:
        raise SettingError(DeviceCode.UNKNOWN, name=name) from error
    if kind.type not in ("cpu", "cuda", "mps") or (kind.index and kind.type != "cuda"):
        raise SettingError(DeviceCode.UNKNOWN, name=name)
    if kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count():
        raise SettingError(DeviceCode.NO_CUDA, name=name)
    if kind.type == "mps" and not torch.backends.mps.is_available():
        raise SettingError(DeviceCode.NO_MPS, name=name)
    return kind


def _best() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _available_cores() -> int:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cores = os.cpu_count() or 1
    cores = min(cores, cpu_quota() or cores)
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))  # torchrun's processes share them


def _cgroup_folders(root: Path, membership: Path, controllers_v1: tuple[str, ...]) -> Iterator[Path]:
    """The folders that may hold a limit of this process: its cgroup and all above it, of version 2 and of version 1.

    Inside a container the mounted root often is the container's own cgroup, whatever path ``membership`` has.
    """
    yield from (root, *(root / name for name in controllers_v1))
    try:
        entries = [line.split(":", 2) for line in membership.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):  # not Linux
        return
    for _, controllers, path in (entry for entry in entries if len(entry) == 3):
        if not controllers or controllers_v1[0] in controllers.split(","):
            own = PurePosixPath(path.lstrip("/"))
            yield from (root / controllers / part for part in (own, *own.parents))


def _read_quota(folder: Path) -> float | None:
    """Cores allowed by version 2's ``cpu.max`` (“quota period” or “max period”) or version 1's pair of files."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8") for name in ("quota", "period")
            )
        cores = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # “max”, no such file, or in no known form: no quota
        return None
    return cores if cores > 0 else None  # version 1 writes -1 for no quota


def _cpu_has_bf16() -> bool:
    """Whether the CPU has bfloat16 instructions; without them bfloat16 is slower than float32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)


_pools_lock = threading.RLock()  # an abandoned generator may leave its pool while this thread enters another one
_open_pools = 0
_threads_before = 1


@contextlib.contextmanager
def single_threaded_workers(device: Device) -> Iterator[ThreadPoolExecutor]:
    """A pool of ``device.workers`` threads in each of which torch's operations use only that thread.

    ``torch.set_num_threads`` is called in every worker, because OpenMP keeps the number per thread, and the number
    from before is restored when the last open pool closes, because torch also keeps one for the process.

    A generator that is abandoned does not wait for the threads: the garbage collector may close it in a thread that is
    starting and holds locks of ``threading``, where waiting for another thread never ends.
    """
    global _open_pools, _threads_before
    with _pools_lock:
        if not _open_pools:
            _threads_before = torch.get_num_threads()
        _open_pools += 1
    keep_freed_memory()
    pool = ThreadPoolExecutor(device.workers, initializer=torch.set_num_threads, initargs=(1,))
    wait = True
    try:
        yield pool
    except GeneratorExit:
        wait = False
        raise
    finally:
        pool.shutdown(wait, cancel_futures=True)
        with _pools_lock:
            _open_pools -= 1
            if not _open_pools:
                torch.set_num_threads(_threads_before)


def limit_threads() -> None:
    """Let each operation of torch use one thread; for a server, at its start, before it has threads.

    OpenMP's threads spin while they wait for one another. Where others use the cores too, a small operation takes until
    the system has given each of them a turn: a linear head on 100 photos took 25 times the seconds of the processor.
    """
    torch.set_num_threads(1)


@contextlib.contextmanager
def all_cores(wanted: bool) -> Iterator[None]:
    """Let torch's operations of the calling thread use all cores, where that is ``wanted``, and else that thread alone.

    For work whose operations are small or large as the set of photos is.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(_available_cores() if wanted else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """Let glibc keep the memory that one operation frees for the next one.

    By default it returns every large block to the system, which then has to clear it again page by page: a quarter
    of the run time of a small network (benchmarks/embedding.py). Other C libraries are left as they are.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        for parameter, size in ((-3, 2**25), (-1, 2**29), (-2, 2**26)):  # M_MMAP_THRESHOLD, M_TRIM_…, M_TOP_PAD
            mallopt(parameter, size)


def limit_arenas() -> None:
    """Let glibc keep freed memory in one arena for each core; for a server, at its start, before it has threads.

    By default it makes up to eight for each core as threads come and go, each with what was once freed in it: 2.4 GB in
    place of 1.4 where the page answers for 1,500 photos (benchmarks/bulk.py). Other C libraries are left as they are.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(-8, max(2, os.cpu_count() or 1))  # M_ARENA_MAX


def release_memory() -> None:
    """Return what ``keep_freed_memory`` keeps to the system: for the end of work that took much of it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; torch has no type for the CPU's, only a sentence."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
