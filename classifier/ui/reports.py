"""Reports of models, each read once for as long as its file stays the same: every visit of a tab lists the models."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import ModelError
from ..evaluation.report import Report
from ..messages.models import CheckpointCode
from ..models import checkpoint
from ..models.sized_cache import SizedCache

_MOST, _FEWEST = 128 * 2**20, 4  # bytes of the reports that are kept, and how many whatever their size
_BASE, _CELL = 2**14, 8  # bytes of a report, and of a number of its confusion matrix


class _File(NamedTuple):
    """The report of a model as it is: each time it is written it is another file."""

    folder: Path
    number: int
    modified: int
    size: int


def find_report(folder: Path) -> Report | None:
    """Return the report of a model folder, None where another program made it; see ``checkpoint.find_report``."""
    checkpoint.check_is_model(folder)
    try:
        stat = (folder / "report.json").stat()
    except OSError:
        return checkpoint.find_report(folder)
    return _reports(_File(folder.absolute(), stat.st_ino, stat.st_mtime_ns, stat.st_size))


def read_report(folder: Path) -> Report:
    """Return the report of a model folder; raises ``ModelError`` where there is none or it is damaged."""
    report = find_report(folder)
    if report is None:
        raise ModelError(CheckpointCode.REPORT_MISSING)
    return report


def _read(file: _File) -> Report | None:
    return checkpoint.find_report(file.folder)


def _size(report: Report | None) -> int:
    return _BASE + (0 if report is None else _CELL * len(report.confusion) ** 2)


_reports: SizedCache[_File, Report | None] = SizedCache(_read, _size, _MOST, _FEWEST)
