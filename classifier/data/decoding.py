"""Decoding of the pictures of strangers in processes of their own, which may run out of memory or time, or crash.

A decoder that is given a picture made to do harm takes gigabytes, minutes, or ends its process. So every picture that
comes from a browser is first opened by ``decoding_worker``: one process per core, started when it is needed and
replaced when it ends. What the project stores is written there, so later steps read its copies with threads.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..config import LIMITS, NO_RANGES, Limits, PixelRanges
from ..errors import PhotoError
from ..messages.data import PhotoCode, restore
from .decoding_worker import BEHIND, SECONDS
from .descriptors import DESCRIPTOR_SIZE, describe_grays
from .images import PictureInfo, Source, open_picture

if sys.platform == "linux":
    import fcntl

Floats = NDArray[np.float32]
_MOST_WORKERS = 8
_DESCRIBED = 8  # pictures of one job: one that somebody waits for an answer to must not wait long for a worker
_MOST_SLOW = 2  # pictures of one upload
_PACKAGES = Path(__file__).resolve().parents[2]  # where ``classifier`` is
# Seconds by the clock per second of the processor: more on a busy machine. Windows does not limit the latter.
_PATIENCE = 1 if sys.platform == "win32" else 3
_LOOK = 0.25  # seconds between two looks for what takes too long
_PATIENCE_BEHIND = 4  # times as many for a worker of a low priority
_PIPE = 2**20  # bytes that wait between two processes, where the system can: pixels go through in a few pieces
# The limit of memory counts what the threads of a library set aside.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class UploadDecoder:
    """Decodes the pictures of one upload in workers of a low priority: nobody waits for them as for an answer.

    Once several of them were too slow, each of the others may take a second only, so that one upload does not keep the
    workers from everybody else. ``seconds`` are those of the processor that each may take before.
    """

    def __init__(self, seconds: int = SECONDS) -> None:
        self._most_seconds = seconds
        self._slow = 0

    def probe(self, source: Path, limits: Limits = LIMITS) -> PictureInfo:
        """See ``DecodingWorkers.probe``."""
        with self._count_slow():
            return _workers(os.getpid(), True).probe(source, limits, self._seconds)

    def store(self, source: Path, target: Path, thumbnail: Path, limits: Limits = LIMITS) -> None:
        """See ``DecodingWorkers.store``."""
        with self._count_slow():
            _workers(os.getpid(), True).store(source, target, thumbnail, limits, self._seconds)

    @property
    def _seconds(self) -> int:
        return self._most_seconds if self._slow < _MOST_SLOW else 1

    @contextmanager
    def _count_slow(self) -> Iterator[None]:
        try:
            yield
        except PhotoError as error:
            self._slow += error.code is PhotoCode.TOO_SLOW
            raise


def draw_small_apart(source: Path, side: int, limits: Limits = LIMITS) -> bytes:
    """``decoding_copies.draw_small`` in a worker: a JPEG of a picture that fits into ``side`` pixels."""
    return _workers(os.getpid()).draw_small(source, side, limits)


def open_apart(
    source: Source | Image.Image,
    shortest: int | None = None,
    limits: Limits = LIMITS,
    pixel_ranges: PixelRanges = NO_RANGES,
) -> Image.Image:
    """``images.open_picture`` in a worker; what is no file is opened here.

    The pixels are the same, but without ``shortest`` a picture above 16 megapixels is made smaller, as a copy of it is.
    """
    if not isinstance(source, Path):
        return open_picture(source, shortest, limits, pixel_ranges)
    return _workers(os.getpid()).open(source, shortest, limits, pixel_ranges)


def describe_apart(grays: Sequence[Image.Image]) -> Floats:
    """``descriptors.describe_grays`` in a worker.

    Its many small operations would each wait for Python's lock in a process where others are at work.
    """
    parts = [grays[start : start + _DESCRIBED] for start in range(0, len(grays), _DESCRIBED)]
    return np.concatenate([np.empty((0, DESCRIPTOR_SIZE), np.float32), *map(_describe_few, parts)])


def _describe_few(grays: Sequence[Image.Image]) -> Floats:
    try:
        return _workers(os.getpid()).describe(grays)
    except PhotoError:  # the worker was ended by the system
        return describe_grays(grays)


class _Deadlines:
    """Calls what is to be done where jobs take too long, from one thread.

    A thread for each of thousands of small pictures would take as long as some of them where others are at work.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._due: dict[int, tuple[float, Callable[[], None]]] = {}
        threading.Thread(target=self._watch, name="deadlines", daemon=True).start()

    def add(self, seconds: float, late: Callable[[], None]) -> int:
        """Call ``late`` after so many seconds, unless the number that is returned is removed before."""
        with self._changed:
            number = next(self._numbers)
            self._due[number] = monotonic() + seconds, late
            self._changed.notify()
        return number

    def remove(self, number: int) -> None:
        """Call nothing for this number."""
        with self._changed:
            self._due.pop(number, None)

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due)
                late = [number for number, (at, _) in self._due.items() if at < monotonic()]
                calls = [self._due.pop(number)[1] for number in late]
            for call in calls:
                call()
            sleep(_LOOK)


@lru_cache(maxsize=1)
def _deadlines(process: int) -> _Deadlines:
    """Return the deadlines of this process: a forked one has no threads of its parent."""
    return _Deadlines()


class _Worker:
    """One process of ``decoding_worker``. It ends with this object and with the program, at the latest.

    Args:
        behind: whether others have the processor before it.

    Raises:
        PhotoError: if the process cannot be started.
    """

    def __init__(self, behind: bool) -> None:
        paths = [str(_PACKAGES), os.environ.get("PYTHONPATH", "")]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.decoding_worker", *([BEHIND] if behind else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            )
        except OSError as error:  # else it would be taken for one of the picture's file
            raise PhotoError(PhotoCode.NO_DECODER, why=error.strerror or type(error).__name__) from error
        self._patience = _PATIENCE * (_PATIENCE_BEHIND if behind else 1)
        self.close = weakref.finalize(self, _end, self._process, os.getpid())
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._jobs, self._answers = self._process.stdin, self._process.stdout
        if sys.platform == "linux":
            with suppress(OSError):  # it may not be that large
                fcntl.fcntl(self._answers, fcntl.F_SETPIPE_SZ, _PIPE)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, job: dict[str, Any], content: bytes, seconds: int) -> tuple[dict[str, Any], bytes]:
        """Return the answer to a job that ``content`` belongs to.

        Raises ``PhotoError`` where the process ends before it answers.
        """
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            self._process.kill()

        deadlines = _deadlines(os.getpid())
        number = deadlines.add(self._patience * seconds, end)
        try:
            self._jobs.write(json.dumps({**job, "bytes": len(content)}).encode() + b"\n")
            self._jobs.write(content)
            self._jobs.flush()
            head = json.loads(self._answers.readline())
            body = self._answers.read(head["bytes"])
            if len(body) == head["bytes"]:
                return head, body
        except (OSError, ValueError, LookupError, TypeError):  # it ended, or its answer is none
            pass
        finally:
            deadlines.remove(number)
        with suppress(subprocess.TimeoutExpired):  # how it ended says why
            self._process.wait(1)
        self.close()
        if is_late.is_set() or self._process.returncode == -getattr(signal, "SIGXCPU", 0):
            raise PhotoError(PhotoCode.TOO_SLOW, seconds=seconds)
        raise PhotoError(PhotoCode.DECODER_ENDED)


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a worker, which may be at work, and close its streams. ``owner`` is the process that started it."""
    if os.getpid() == owner:
        process.kill()
        process.wait()
    else:  # this process was forked: the worker stays its parent's
        process.poll()
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with suppress(OSError):
            stream.close()


class DecodingWorkers:
    """Several worker processes; a picture takes one that is idle and waits where there is none.

    Every method raises ``PhotoError`` for a picture that cannot be used, that needs more than ``seconds`` of the
    processor or ``decoding_worker.MEMORY``, or that ends its worker.

    Args:
        count: of processes; each is started when it is needed.
        seconds: of the processor that one picture may take.
        behind: whether others have the processor before them.
    """

    def __init__(self, count: int, seconds: int = SECONDS, behind: bool = False) -> None:
        self._seconds, self._behind = seconds, behind
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()  # None for one that is not started
        for _ in range(count):
            self._idle.put(None)

    def probe(self, source: Path, limits: Limits, seconds: int | None = None) -> PictureInfo:
        """See ``images.probe``; ``seconds`` stand for those of all pictures."""
        return PictureInfo(**self._run("probe", source, limits, seconds)[0])

    def store(self, source: Path, target: Path, thumbnail: Path, limits: Limits, seconds: int | None = None) -> None:
        """See ``decoding_copies.write_copy``; raises ``OSError`` where a file cannot be written."""
        self._run("store", source, limits, seconds, target=str(target.absolute()), thumbnail=str(thumbnail.absolute()))

    def draw_small(self, source: Path, side: int, limits: Limits) -> bytes:
        """See ``decoding_copies.draw_small``."""
        return self._run("draw", source, limits, None, side=side)[1]

    def open(self, source: Path, shortest: int | None, limits: Limits, pixel_ranges: PixelRanges) -> Image.Image:
        """See ``images.open_picture``."""
        ranges = pixel_ranges.to_json()
        (width, height), pixels = self._run("open", source, limits, None, shortest=shortest, ranges=ranges)
        return Image.frombytes("RGB", (width, height), pixels)

    def describe(self, grays: Sequence[Image.Image]) -> Floats:
        """See ``descriptors.describe_grays``."""
        job = {"do": "describe", "sizes": [gray.size for gray in grays], "limits": asdict(LIMITS)}
        body = self._ask(job, self._seconds, b"".join(gray.tobytes() for gray in grays))[1]
        return np.frombuffer(body, np.float32).reshape(len(grays), DESCRIPTOR_SIZE).copy()

    def close(self) -> None:
        """End the workers that are idle."""
        idle = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for worker in idle:
            if worker is not None:
                worker.close()
            self._idle.put(None)

    def _run(
        self, task: str, source: Path, limits: Limits, seconds: int | None, **arguments: object
    ) -> tuple[Any, bytes]:
        """Return the result of a job with a file, and its bytes."""
        job = {"do": task, "path": str(source.absolute()), "limits": asdict(limits), **arguments}
        return self._ask(job, seconds or self._seconds)

    def _ask(self, job: dict[str, Any], seconds: int, content: bytes = b"") -> tuple[Any, bytes]:
        """Return the result of a job and its bytes."""
        worker = self._idle.get()
        try:
            if worker is None or not worker.is_alive():
                worker = _Worker(self._behind)
            answer, body = worker.ask({**job, "seconds": seconds}, content, seconds)
        finally:
            self._idle.put(worker if worker is not None and worker.is_alive() else None)
        if "refused" in answer:
            reason = restore(*answer["refused"])
            raise PhotoError(reason.code, **dict(reason.arguments))
        if "errno" in answer:
            number = answer["errno"] or errno.EIO
            raise OSError(number, os.strerror(number))
        return answer["result"], body


@lru_cache(maxsize=2)
def _workers(process: int, behind: bool = False) -> DecodingWorkers:
    """Return the workers of this process: a forked one must not read the answers to its parent.

    Those ``behind`` are others, so that a picture that is to be answered does not wait for uploads.
    """
    return DecodingWorkers(min(_MOST_WORKERS, os.cpu_count() or 1), behind=behind)
