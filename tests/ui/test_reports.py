"""Reports of models that are kept while their files stay the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from classifier.errors import ModelError
from classifier.files import atomic_write
from classifier.ui import reports
from tests.helpers import report


def write(folder: Path, threshold: float) -> None:
    with atomic_write(folder / "report.json") as part:
        part.write_text(json.dumps(report(threshold=threshold).to_json()))


def test_a_report_is_read_again_only_where_it_was_written_again(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert reports.find_report(tmp_path) is None
    with pytest.raises(ModelError):
        reports.read_report(tmp_path)
    for threshold in (0.25, 0.75, 0.25, 0.75):  # of the same size, within a moment
        write(tmp_path, threshold)
        assert reports.read_report(tmp_path).threshold == threshold
        assert reports.read_report(tmp_path) is reports.find_report(tmp_path)
    (tmp_path / "report.json").write_text("{")
    for _ in range(2):
        with pytest.raises(ModelError):
            reports.find_report(tmp_path)
