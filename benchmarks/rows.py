"""Measured rows in a file, so that a measurement goes on where it was and more can be added."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Rows:
    """Measured rows, one JSON object a line of a file; what is in the file already is not measured again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self._rows: dict[str, Row] = {row["key"]: row for row in map(json.loads, lines)}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def get(self, key: str, measure: Callable[[], Row]) -> Row:
        """Return the row of ``key``, measured and written where the file lacks it."""
        if key not in self._rows:
            self._rows[key] = {"key": key, **measure()}
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._rows[key], ensure_ascii=False) + "\n")
        return self._rows[key]
