"""Python programs in processes of their own, forked from one that has imported what they need.

An interpreter that imports torch and Gradio takes eight seconds before it begins, a fork takes none. One process
imports once for all programs, and for the processes that pytest-xdist runs the tests in. Tests of the start itself, of
consoles and of options of the interpreter do not use this. Where there is no Linux, each is an interpreter of its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import secrets
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Union

ROOT = Path(__file__).resolve().parents[1]
_IMPORTS = (
    "classifier.ui.app", "classifier.ui.server", "classifier.workflows.train", "classifier.cli.main",
    "classifier.training.linear_head", "classifier.models.predictor", "torch.distributed", "sklearn.linear_model",
)  # fmt: skip
_START = 600.0  # seconds until the process that forks listens
# The process that begins the tests: pytest, or the one that gives tests to several, which imports this first.
_TESTS = int(os.environ.setdefault("PYTEST_FIRST_PROCESS", str(os.getpid())))
# The command in the place of an interpreter for the processes that run tests.
INTERPRETER = shlex.join([sys.executable, __file__]) if sys.platform == "linux" else None


class Forked:
    """A forked program, with the part of ``subprocess.Popen`` that the tests use."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None where the program runs."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit code; that of a signal is negative."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a forked program", timeout or 0)
            self.returncode = int(self._lines.readline())
            self._lines.close()
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the program."""
        with suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the program at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the program to end."""
        self.send_signal(signal.SIGTERM)


Process = Union[Forked, "subprocess.Popen[bytes]"]


def environment() -> dict[str, str]:
    """Return the environment of this process without settings of Gradio and of the program."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GRADIO_", "CLASSIFIER_"))}


def free_port() -> int:
    """Return a port on which nobody listens.

    Not one of those that the system gives to who asks for any, as it could give it to another before it is used.
    """
    while True:
        port = 11_000 + secrets.randbelow(20_000)
        with suppress(OSError), socket.create_server(("", port)):
            return port


def start(
    arguments: Sequence[object],
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    stdout: Any = subprocess.DEVNULL,
    stderr: Any = None,
    stdin: Any = subprocess.DEVNULL,
) -> Process:
    """Start a program in a session of its own.

    Args:
        arguments: those of ``python``: a script, ``-m`` and a module, or ``-c`` and code, each with its own arguments.
        cwd: the folder it begins in.
        env: its environment; that of this process if it is not given.
        stdout: an open file or ``subprocess.DEVNULL``.
        stderr: the same, or None for that of this process.
        stdin: an open file or ``subprocess.DEVNULL``.
    """
    words, variables = [str(one) for one in arguments], dict(os.environ if env is None else env)
    if sys.platform != "linux":
        command = [sys.executable, *words]
        return subprocess.Popen(command, cwd=cwd, env=variables, stdin=stdin, stdout=stdout, stderr=stderr)
    job = json.dumps({"arguments": words, "cwd": str(cwd), "env": variables, "nice": os.nice(0)}).encode()
    with open(os.devnull, "r+b") as null:  # noqa: PTH123
        streams = [null if one == subprocess.DEVNULL else one for one in (stdin, stdout, stderr)]
        files = [2 if one is None else one.fileno() for one in streams]
        connection = _connect()
        socket.send_fds(connection, [len(job).to_bytes(8, "big")], files)
        connection.sendall(job)
    return Forked(connection)


def run(
    arguments: Sequence[object], cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; see ``start``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = start(arguments, cwd, env, out, err).wait()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess([str(one) for one in arguments], code, *texts)


def _connect() -> socket.socket:
    """Connect to the process that forks, which the first test that needs it starts."""
    from filelock import FileLock

    address = Path(tempfile.gettempdir(), f"pytest-fork-{_TESTS}")
    with FileLock(f"{address}.lock"):
        with suppress(OSError):
            return _open(address)
        command = [sys.executable, "-m", "tests.processes", str(address), str(_TESTS)]
        quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        # No Popen, which would warn that it still runs when these tests end.
        os.posix_spawn(command[0], command, {**environment(), "PYTHONPATH": str(ROOT)}, file_actions=quiet, setsid=True)
        end = time.monotonic() + _START
        while time.monotonic() < end:
            with suppress(OSError):
                return _open(address)
            time.sleep(0.05)
    raise RuntimeError("the process that forks programs did not start")


def _open(address: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection


def serve(address: Path, tests: int) -> None:
    """Fork a program for each connection, until the tests are over; returns in each program, where it ends."""
    gc.disable()  # a fifth of the time that the imports take
    for name in _IMPORTS:
        importlib.import_module(name)
    gc.enable()
    gc.collect()
    gc.freeze()  # else the first collection of each program would copy all of it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for the programs
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        server.listen(64)
        server.settimeout(1)
        while _is_running(tests):
            with suppress(TimeoutError):
                connection = server.accept()[0]
                with connection:
                    if os.fork() == 0:
                        server.close()
                        connection.setblocking(True)
                        _keep(connection)
                        return
    address.unlink(missing_ok=True)
    Path(f"{address}.lock").unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _keep(connection: socket.socket) -> None:
    """Start the program that a connection asks for, and send its exit code; returns in the program, when it ended."""
    size, files, *_ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as stream:
        job = json.loads(stream.read(int.from_bytes(size, "big")))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        connection.close()
        _become(job, files)
        return
    for file in files:
        os.close(file)
    with suppress(OSError):  # who asked is gone
        connection.sendall(f"{child}\n".encode())
    ended = os.pidfd_open(child)
    if ended not in select.select([connection, ended], [], [])[0]:  # the tests were killed: so is what they started
        with suppress(ProcessLookupError):  # it has no session of its own yet
            os.killpg(child, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(OSError):
        connection.sendall(f"{code}\n".encode())
    os._exit(0)


def _become(job: dict[str, Any], files: list[int]) -> None:
    """Run a program in this process, as a new interpreter would."""
    os.setsid()
    os.nice(max(0, job["nice"] - os.nice(0)))
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    importlib.reload(importlib.import_module("huggingface_hub.constants"))  # which has read other variables
    kind, *rest = job["arguments"]
    sys.path[0] = str(Path(kind).parent) if kind not in ("-c", "-m") else job["cwd"]
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    if kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [kind, *rest]
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "-u":  # in the place of an interpreter
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a word, and so does what it started
        sys.exit(start(sys.argv[2:], Path.cwd(), stdout=sys.stdout, stdin=sys.stdin).wait())
    serve(Path(sys.argv[1]), int(sys.argv[2]))
