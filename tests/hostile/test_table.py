"""The table of hostile input: each ends within ten seconds with a sentence, takes no gigabyte, and stays inside.

``pytest -n 0 -s tests/hostile/test_table.py`` prints it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.test_hostile_pictures import TABLE as PICTURES
from tests.models.test_hostile_checkpoints import HOSTILE as MODELS

from . import archive_cases, checkpoints, project_cases, table_cases
from .attacks import Outcome, Prepare, Victim, victim, write_upload

MEGABYTES = 1000
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX: pipes and links")
# Of the pictures and models that have tables of their own, those that say the most here.
_PICTURES = (
    "thin as a thread", "thin and long", "more pixels than may be", "an icon that holds a large picture",
    "an icon with many entries", "text that unpacks to much", "a color profile that unpacks to much",
    "a TIFF whose pages go in a circle", "a TIFF with a huge tile", "an AVIF that states much", "a packed bitmap",
)  # fmt: skip
_MODELS = (
    "report.json is a pipe", "model.safetensors is a device", "config.json is a link to itself",
    "model.safetensors has 4 gigabytes", "report.json is deep", "report: network is a number", "report: photos 1e308",
    "report: a million labels", "config: a million labels", "config: size of a billion", "config: mean NaN",
    "config: an argument that takes all memory", "weights: NaN", "weights: a header of 100 MB", "training photos: NaN",
)  # fmt: skip


def picture(name: str) -> Prepare:
    """Return what writes the upload of a hostile picture and a sound one."""
    return lambda folder: write_upload(folder, [("cat/1.jpg", archive_cases.PHOTO), ("dog/x", PICTURES[name][0]())])


def model(name: str) -> Prepare:
    """Return what writes a model and damages it."""
    return lambda folder: MODELS[name](checkpoints.write(folder / "model"))


CASES: dict[tuple[str, str], Prepare] = {
    **{("upload", name): prepare for name, prepare in archive_cases.CASES.items()},
    **{("upload", name): prepare for name, prepare in table_cases.CASES.items()},
    **{("upload", name): picture(name) for name in _PICTURES},
    **{("predict", name): picture(name) for name in _PICTURES[:3]},
    **{("model", name): model(name) for name in _MODELS},
    **{("project", name): prepare for name, prepare in project_cases.CASES.items()},
}


@pytest.fixture(scope="module")
def attacked() -> Iterator[Victim]:
    with victim() as one:
        yield one


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), CASES, ids=[" ".join(case) for case in CASES])
def test_hostile_input_ends_with_a_sentence(kind: str, name: str, attacked: Victim, tmp_path: Path) -> None:
    folder = tmp_path / "place"
    folder.mkdir()
    CASES[kind, name](folder)
    outcome = attacked.suffer(kind, folder)
    print(line(kind, name, outcome))
    assert outcome.failure is None, outcome.failure
    assert outcome.words
    assert "Traceback" not in outcome.words
    assert kind == "model" or str(tmp_path) not in outcome.words  # a model is named by its folder on the command line
    assert outcome.megabytes < MEGABYTES
    assert outcome.strays == ()


def line(kind: str, name: str, outcome: Outcome) -> str:
    """Return the row of the table."""
    words = (outcome.failure or outcome.words).strip().splitlines()
    return f"{kind:8} {name:46.46} {outcome.megabytes:5} MB  {words[-1][:150] if words else ''}"
