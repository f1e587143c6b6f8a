"""The table of hostile input: each ends within ten seconds with a sentence, takes no gigabyte, and stays inside.

``pytest -n 0 -s tests/hostile/test_table.py`` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import archive_cases, project_cases, table_cases
from .attacks import Outcome, Prepare, Victim, victim

MEGABYTES = 1000
CASES: dict[tuple[str, str], Prepare] = {
    **{("upload", name): prepare for name, prepare in archive_cases.CASES.items()},
    **{("upload", name): prepare for name, prepare in table_cases.CASES.items()},
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
    assert str(tmp_path) not in outcome.words
    assert outcome.megabytes < MEGABYTES
    assert outcome.strays == ()


def line(kind: str, name: str, outcome: Outcome) -> str:
    """Return the row of the table."""
    words = (outcome.failure or outcome.words).strip().splitlines()
    return f"{kind:8} {name:46.46} {outcome.megabytes:5} MB  {words[-1][:150] if words else ''}"
