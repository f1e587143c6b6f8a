"""The command ``export``: what it prints, and its errors, each one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from classifier import ExportError, Finished
from classifier.cli.main import main
from classifier.exporters.base import Format
from classifier.workflows.export import find_format
from tests import processes

Capture = pytest.CaptureFixture[str]


def refusal(capsys: Capture, *args: object) -> str:
    assert main(["export", *map(str, args)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.slow
def test_a_zip_is_written_and_how_it_was_verified_is_printed(
    trained: Finished, example_set: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "new" / "model.zip"
    photos = example_set / "mug"
    assert (
        main(["export", str(trained.folder), "--to", "zip", "--out", str(out), "--photos", str(photos), "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.keys() == {"format", "path", "size", "verified", "lacks"}
    assert found["verified"] == {"photos": 8, "same": 8, "largest_difference": 0.0, "drawn": False}
    assert (found["path"], found["size"], found["lacks"]) == (str(out), out.stat().st_size, [])
    assert out.stat().st_mode & 0o777 == 0o644
    before = out.read_bytes()
    assert "is there already" in refusal(capsys, trained.folder, "--to", "zip", "--out", out)
    assert out.read_bytes() == before


@pytest.mark.slow
def test_errors_of_an_export_are_one_sentence(trained: Finished, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "model"
    assert "choose zip, onnx, " in refusal(capsys, trained.folder, "--to", "gif", "--out", out)
    assert "no model" in refusal(capsys, tmp_path, "--to", "zip", "--out", out)
    assert "no file" in refusal(capsys, trained.folder, "--to", "zip", "--out", out, "--photos", tmp_path / "x")
    (tmp_path / "file").write_bytes(b"")
    assert "cannot be written" in refusal(capsys, trained.folder, "--to", "zip", "--out", tmp_path / "file" / "x.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_missing_package_is_named_with_the_line_that_installs_it() -> None:
    def write(*_: object) -> tuple[()]:
        raise AssertionError("it is checked before")

    format = Format("x", ".x", write, find_format("zip").load, write, ("no-such-package", "numpy"))
    with pytest.raises(ExportError, match=r"needs no-such-package: install it with “pip install no-such-package”"):
        format.check_packages()


@pytest.mark.slow
def test_on_a_full_disk_nothing_is_left(trained: Finished, tmp_path: Path) -> None:
    """The largest size of a file stands for the size of the disk."""
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))\n"
        "from classifier.cli.main import main\n"
        f"sys.exit(main(['export', {str(trained.folder)!r}, '--to', 'zip', '--out', {str(tmp_path / 'm.zip')!r}]))\n"
    )
    done = processes.run(["-c", code])
    assert (done.returncode, done.stderr) == (
        2,
        "The disk is full: nothing was exported; free some space and try again.\n",
    )
    assert not list(tmp_path.iterdir())
