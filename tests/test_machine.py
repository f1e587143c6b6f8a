"""The program on machines as they are: proxies, ports, consoles, disks, and installed as a package.

Each test starts a process of its own in the environment that it is about.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from classifier import Project, __version__, train
from classifier.data.example import draw_example
from classifier.errors import ModelError
from classifier.files import Lock
from classifier.messages.models import CheckpointCode
from classifier.models.model_folder import FILES
from tests import processes

ROOT = Path(__file__).parents[1]
NAMES = ("杯子", "Ключ", "leaf 🍃", "apple")
_START = 300.0  # seconds until the page answers, on a busy machine
NOBODY = "http://127.0.0.1:9"  # no proxy listens there
ABROAD = "203.0.113.7"  # an address kept for documentation
PROXIES = {"HTTP_PROXY": NOBODY, "https_proxy": NOBODY, "ALL_PROXY": "socks5://127.0.0.1:9"}
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


def environment(**changes: str) -> dict[str, str]:
    """The environment of this process without what the tests are about, and with changes."""
    ours = re.compile(r"(?i).*_proxy|GRADIO_.*|CLASSIFIER_.*|PYTHONIOENCODING|PYTHONUTF8")
    return {name: value for name, value in os.environ.items() if not ours.fullmatch(name)} | changes


def run(*command: object, cwd: Path = ROOT, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of Python in its own process."""
    return subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, env=environment(**changes), capture_output=True, text=True,
        encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip


def shell(command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which “classifier” is the command line."""
    line = f'classifier() {{ "{sys.executable}" -m classifier "$@"; }}; set -o pipefail; {command}'
    return subprocess.run(
        ["bash", "-c", line], cwd=ROOT, env=environment(**changes), capture_output=True, text=True, check=False
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a command that could not run."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert re.fullmatch(r"[^\n]+\.\n", done.stderr), done.stderr
    return done.stderr


@contextmanager
def listener() -> Iterator[int]:
    """Another program that listens on a port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def page(command: list[str], cwd: Path, **changes: str) -> Iterator[str]:
    """Start the page, and give its HTML as soon as it answers."""
    port = processes.free_port()
    process = subprocess.Popen(
        [*command, "--port", str(port)], cwd=cwd, env=environment(**changes), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield fetch(port, process)
    finally:
        process.terminate()
        process.communicate()


def fetch(port: int, process: subprocess.Popen[str]) -> str:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()[0]
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read().decode()
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError("the page did not start")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set whose classes have names that few consoles can show."""
    folder = tmp_path_factory.mktemp("machine") / "photos"
    draw_example(folder, per_class=3)
    for path, name in zip(sorted(folder.iterdir()), NAMES):
        path.rename(folder / name)
    return folder


# -- proxies, ports, hosts, folders


@pytest.mark.slow
def test_the_page_starts_behind_proxies_that_cannot_reach_it(tmp_path: Path) -> None:
    with page([sys.executable, "app.py"], ROOT, CLASSIFIER_HOME=str(tmp_path), **PROXIES) as html:
        assert "Teach a photo classifier" in html


@pytest.mark.slow
@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_port_that_is_taken_is_one_sentence(how: str, tmp_path: Path) -> None:
    with listener() as port:
        option, variable = {"option": (["--port", port], ""), "variable": ([], str(port))}[how]
        known = environment(CLASSIFIER_HOME=str(tmp_path), GRADIO_SERVER_PORT=variable)
        done = processes.run(["app.py", *option], env=known)
    assert f"The port {port} is in use" in refusal(done)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "variables", "sentence"),
    [
        (["--port", "seven"], {}, "The port is “seven”"),
        (["--port", "99999"], {}, "from 1 to 65535"),
        ([], {"GRADIO_SERVER_PORT": "seven"}, "The port is “seven”"),
        (["--host", "nothing.invalid"], {}, "“nothing.invalid” is no address of this machine"),
        (["--host", ABROAD], {}, f"“{ABROAD}” is no address of this machine"),
        ([], {"GRADIO_SERVER_NAME": ABROAD}, f"“{ABROAD}” is no address of this machine"),
        ([], {"CLASSIFIER_HOME": __file__}, "test_machine.py” for the photos and models of the page cannot be written"),
        ([], {"CLASSIFIER_HOME": f"{__file__}/home"}, "CLASSIFIER_HOME"),
        ([], {"CLASSIFIER_KEEP_HOURS": "a day"}, "CLASSIFIER_KEEP_HOURS is “a day”"),
        (["--nonsense"], {}, "cannot be understood"),
    ],
)
def test_a_page_that_cannot_start_is_one_sentence(
    options: list[str], variables: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    given = {"CLASSIFIER_HOME": str(tmp_path / "home")} | variables
    assert sentence in refusal(processes.run(["app.py", *options], env=environment(**given)))


# -- consoles


@needs_shell
@pytest.mark.slow
def test_a_console_with_few_letters_gets_escapes_and_progress(photos: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "classifier", "check", str(photos)], cwd=ROOT, check=False, text=True,
        env=environment(PYTHONIOENCODING="cp1252"), stdout=subprocess.PIPE, stderr=theirs, encoding="cp1252",
    )  # fmt: skip
    os.close(theirs)
    progress = os.read(ours, 100_000)
    os.close(ours)
    assert done.returncode == 0
    assert b"Looking at the photos: 12 of 12" in progress
    for name in NAMES:
        assert f"       3  {name.encode('ascii', 'backslashreplace').decode()}\n" in done.stdout
    assert "“apple” (3)" in done.stdout  # signs that the console has stay


@pytest.mark.slow
@needs_full
def test_a_model_is_saved_whatever_the_console_and_the_cache_are(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "模型"
    variables = {"PYTHONIOENCODING": "cp437", "XDG_CACHE_HOME": "/dev/null/cache"}
    done = shell(f'classifier train "{photos}" --out "{out}" >/dev/full', **variables)
    cache, output = done.stderr.splitlines()
    assert done.returncode == 2
    assert cache.startswith('The cache folder "/dev/null/cache/photo-classifier/features" cannot be written')
    assert output.startswith("The output could not be written (No space left on device)")
    assert {path.name for path in out.iterdir()} == set(FILES)


@needs_shell
@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["example {folder} --per-class 1 --json | true", "--help | true", "--version | true"]
)
def test_a_reader_that_has_seen_enough_is_no_error(command: str, tmp_path: Path) -> None:
    done = shell("classifier " + command.format(folder=tmp_path / "drawn"))
    assert (done.returncode, done.stdout) == (0, "")
    assert "None" not in done.stderr
    assert done.stderr.count("\n") == command.startswith("example")  # its own line


@needs_shell
@pytest.mark.slow
@pytest.mark.parametrize(
    "streams", [">&-", "<&- >&- 2>&-", "2>/dev/full >&-", pytest.param(">/dev/full", marks=needs_full)]
)
def test_output_that_cannot_be_written_is_told_by_the_exit_code(streams: str, tmp_path: Path) -> None:
    done = shell(f'classifier example "{tmp_path}/drawn" --per-class 1 --json {streams}')
    assert done.returncode == 2
    assert ("2>" in streams) != ("The output could not be written" in done.stderr)
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.glob("drawn/*/*.jpg"))) == 4


@needs_shell
@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf8"])
def test_json_can_be_read_whatever_the_console_is(encoding: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "classifier", "example", str(tmp_path / NAMES[0]), "--per-class", "1", "--json"]
    out = subprocess.check_output(
        command, cwd=ROOT, env=environment(PYTHONIOENCODING=encoding), stderr=subprocess.DEVNULL
    )
    assert json.loads(out.decode(encoding))["folder"].endswith(NAMES[0])


# -- two trainings at once


def test_a_training_into_a_folder_that_another_holds_ends_at_its_start(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    lock = Lock(out / ".training.lock")
    lock.acquire()
    with Project.over(photos) as project, pytest.raises(ModelError, match=f"process {os.getpid()}, since") as caught:
        next(train(project, out=out))
    lock.release()
    assert caught.value.code is CheckpointCode.IN_USE


# -- the installed command


@pytest.mark.slow
def test_the_installed_command_runs_in_any_folder(tmp_path: Path) -> None:
    if not shutil.which("pip", path=str(Path(sys.executable).parent)) or int(version("setuptools").split(".")[0]) < 77:
        pytest.skip("needs pip and setuptools 77")
    site, elsewhere = install(tmp_path), tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = site / "bin/classifier"
    home = {"PYTHONPATH": str(site), "XDG_DATA_HOME": __file__}
    assert run(command, "--version", cwd=elsewhere, **home).stdout == f"{__version__}\n"
    assert "“classifier --help”" in refusal(run(command, "nonsense", cwd=elsewhere, **home))
    if sys.platform == "linux":  # without CLASSIFIER_HOME projects go to the user's data folder
        assert f"{__file__}/photo-classifier/home" in refusal(run(command, "app", cwd=elsewhere, **home))


def install(folder: Path) -> Path:
    """Install the package from a copy of its sources, as ``pip install .`` does; returns the folder it is in."""
    source, wheels, site = folder / "source", folder / "wheels", folder / "site"
    shutil.copytree(ROOT / "classifier", source / "classifier", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    offline = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    done = run("-m", "pip", "wheel", *offline, "--no-build-isolation", "-w", wheels, source)
    assert done.returncode == 0, done.stderr
    (wheel,) = wheels.iterdir()
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("classifier/")}
    assert in_wheel == {path.relative_to(source).as_posix() for path in source.glob("classifier/**/*.*")}
    done = run("-m", "pip", "install", *offline, "--target", site, wheel)
    assert done.returncode == 0, done.stderr
    return site


def test_the_package_needs_what_the_requirements_name() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 cannot read TOML")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    runtime, tests = (ROOT / "requirements.txt").read_text("utf-8").split("# for the tests")
    assert project["dependencies"] == requirements(runtime)
    assert project["optional-dependencies"]["test"] == requirements(tests.partition("\n")[2])


def test_the_lock_file_has_what_the_package_needs_with_hashes() -> None:
    entries = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text("utf-8"))[1:]
    pinned = {}
    for entry in entries:
        name, _, rest = entry.partition("==")
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), name
        pinned[name] = rest.split()[0]
    runtime, _ = (ROOT / "requirements.txt").read_text("utf-8").split("# for the tests")
    for needed in map(Requirement, requirements(runtime)):
        assert pinned[needed.name] in needed.specifier, needed
    assert not {"pytest", "hypothesis", "pytest-xdist"} & pinned.keys()


def requirements(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]
