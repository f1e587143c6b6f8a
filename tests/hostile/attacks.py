"""What an attack does to the program in a process of its own, and what becomes of it: a sentence, memory, files."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from tests import processes

Prepare = Callable[[Path], object]  # writes what is hostile into a folder
SECONDS = 10  # of the processor, for one attack
PATIENCE = 6  # seconds by the clock per second of the processor, on a busy machine
_START = 300  # until the process is ready


@dataclass(frozen=True)
class Outcome:
    """What became of an attack.

    ``words`` is what the person is told; ``failure`` is the traceback of an unexpected error, “no answer” within ten
    seconds or “ended” where the process ended, None if there was none. ``megabytes`` is the peak of memory above that
    of the idle process, ``strays`` are files that were written outside the project.
    """

    words: str
    failure: str | None = None
    megabytes: int = 0
    strays: tuple[str, ...] = ()


def write_upload(folder: Path, files: Iterable[tuple[str, bytes]], label: str | None = None) -> None:
    """Write the files of an upload, given as (name, content), and their names."""
    (folder / "input").mkdir()
    names = []
    for number, (name, content) in enumerate(files):
        (folder / "input" / f"{number:06}").write_bytes(content)
        names.append(name)
    (folder / "upload.json").write_text(json.dumps({"names": names, "label": label}))


class Victim:
    """A process that attacks itself; it is started again after it hung or ended. Close it after use."""

    def __init__(self) -> None:
        self._process: processes.Process | None = None
        self._pipe: Connection | None = None

    def suffer(self, kind: str, folder: Path) -> Outcome:
        """Run one attack of a kind on what was written into ``folder``."""
        if self._process is None:
            self._start()
        assert self._pipe is not None
        before = {path: path.stat().st_mtime_ns for path in _files(folder)}
        self._pipe.send((kind, str(folder)))
        if not self._pipe.poll(PATIENCE * SECONDS):
            self.close()
            return Outcome("", "no answer")
        try:
            words, failure, megabytes, seconds = self._pipe.recv()
        except EOFError:
            self.close()
            return Outcome("", "ended")
        strays = [path for path in _files(folder) if before.get(path) != path.stat().st_mtime_ns]
        own = (folder / "project", folder / "model", folder / "models")
        outside = tuple(str(path) for path in strays if not any(path.is_relative_to(place) for place in own))
        return Outcome(words, failure if seconds <= SECONDS else f"{seconds:.0f} seconds", megabytes, outside)

    def _start(self) -> None:
        self._pipe, other = Pipe()
        self._process = processes.start(["-m", __name__], stdout=other)
        other.close()
        try:
            if not self._pipe.poll(_START):
                raise TimeoutError
            self._pipe.recv()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def victim() -> Iterator[Victim]:
    """Give a process to attack, and end it."""
    one = Victim()
    try:
        yield one
    finally:
        one.close()


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder and beside it; links are not followed."""
    return [Path(place) / name for place, _, names in os.walk(folder) for name in names if _is_file(Path(place) / name)]


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


# -- in the process


def _serve(pipe: Connection) -> None:
    from . import acts

    with tempfile.TemporaryDirectory() as folder:
        acts.warm_up(Path(folder))
    idle = peak_memory()
    pipe.send("ready")
    while True:
        try:
            kind, place = pipe.recv()
        except EOFError:
            return
        forget_peak()
        words, failure, started = "", None, time.process_time()
        try:
            words = acts.ACTS[kind](Path(place))
        except BaseException:
            failure = traceback.format_exc()
        pipe.send((words, failure, max(0, peak_memory() - idle) // 10**6, time.process_time() - started))


def peak_memory(pid: int | str = "self") -> int:
    """Return the most bytes that a process and its children had in memory so far; 0 where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    return sum(_read_peak(one) for one in (pid, *children(pid)))


def forget_peak(pid: int | str = "self") -> None:
    """Let ``peak_memory`` count from now on."""
    for one in (pid, *children(pid)):
        try:
            Path(f"/proc/{one}/clear_refs").write_text("5")
        except OSError:  # it has ended, or there is none
            continue


def children(pid: int | str) -> list[str]:
    """Return the numbers of the processes that a process started."""
    try:
        found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [child for some in found for child in some]


def _read_peak(pid: int | str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    jobs = Connection(os.dup(1))  # its standard output
    os.dup2(2, 1)
    _serve(jobs)
