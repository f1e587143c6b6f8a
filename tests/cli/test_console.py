"""What is printed on consoles that lack letters, and what an output that cannot be written leads to."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from classifier.cli.console import print_json

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from classifier.cli.console import finish, protect_streams
protect_streams()
{code}
sys.exit(finish({exit_code}))
"""


def run(code: str, exit_code: int = 0, encoding: str = "utf-8", shell: str = "@") -> subprocess.CompletedProcess[bytes]:
    """Run code in a process with protected streams, by a line of a shell in which “@” is the process."""
    script = SCRIPT.format(code=code, exit_code=exit_code)
    command = ["sh", "-c", shell.replace("@", '"$0" -c "$1"'), sys.executable, script]
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False, env=environment)


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("utf-8", "“猫” Ключ 🍃…"),
        ("cp1252", "“\\u732b” \\u041a\\u043b\\u044e\\u0447 \\U0001f343…"),
        ("cp1251", "“\\u732b” Ключ \\U0001f343…"),
        ("cp437", '"\\u732b" \\u041a\\u043b\\u044e\\u0447 \\U0001f343...'),
        ("ascii", '"\\u732b" \\u041a\\u043b\\u044e\\u0447 \\U0001f343...'),
        ("gbk", "“猫” Ключ \\U0001f343…"),
    ],
)
def test_letters_that_a_console_lacks_are_escapes_and_signs_plain(encoding: str, printed: str) -> None:
    for stream in ("stdout", "stderr"):
        done = run(f"print('“猫” Ключ 🍃…', file=sys.{stream})", encoding=encoding)
        assert (done.stdout + done.stderr).decode(encoding) == f"{printed}\n"
        assert done.returncode == 0


def test_a_name_that_is_no_text_can_be_printed() -> None:
    assert run(r"print('\udcff.jpg')").stdout == b"\\udcff.jpg\n"


@pytest.mark.parametrize("exit_code", [0, 2])
def test_a_closed_pipe_is_no_error(exit_code: int) -> None:
    done = run("print('x' * 100_000); print('y')", exit_code, shell='{ @; echo "$?" >&2; } | true')
    assert done.stderr.decode() == f"{exit_code}\n"


@pytest.mark.parametrize(("exit_code", "expected"), [(0, 2), (2, 2), (130, 130)])
def test_a_closed_output_is_told_after_the_work(exit_code: int, expected: int) -> None:
    done = run("print('lost'); print('done', file=sys.stderr)", exit_code, shell="@ >&-")
    assert done.returncode == expected
    first, last = done.stderr.decode().splitlines()
    assert first == "done"
    assert last.startswith("The output could not be written (Bad file descriptor)")


def test_nothing_printed_into_a_closed_output_is_no_error() -> None:
    assert run("", shell="@ >&-").returncode == 0


def test_a_file_is_never_opened_in_place_of_a_closed_output() -> None:
    done = run("file = open('/dev/null'); print(file.fileno() > 2, file=sys.stderr)", shell="@ >&-")
    assert done.stderr == b"True\n"


@pytest.mark.parametrize(
    ("encoding", "letters"), [("utf-8", "猫"), ("UTF8", "猫"), ("cp1252", "\\u732b"), ("gbk", "\\u732b")]
)
def test_json_has_letters_for_utf_8_only(encoding: str, letters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", stream)
    print_json({"label": "猫"})
    stream.flush()
    printed = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert letters in printed
    assert json.loads(printed) == {"label": "猫"}
