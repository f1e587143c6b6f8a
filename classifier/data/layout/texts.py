"""Reads the small texts beside photos: the only module of this package that opens files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...config import LIMITS, Limits
from ...messages import Code
from .photos import is_junk, suffix_of

_TEXTS = frozenset(".csv .tsv .txt .json .jsonl .ndjson .manifest .xml .yaml .yml .xlsx .labels .names".split())


@dataclass(frozen=True)
class Texts:
    """The content of tables and annotations by name, and why others could not be read."""

    texts: dict[str, str]
    unreadable: dict[str, Code]


def wants_text(name: str) -> bool:
    """Return whether a file may be a table or an annotation, by its name."""
    return suffix_of(name.rpartition("/")[2]) in _TEXTS and not is_junk(name)


def read_texts(files: Iterable[tuple[str, Path]], limits: Limits = LIMITS) -> Texts:
    """Read the tables and annotations among files given as (relative name, path)."""
    texts: dict[str, str] = {}
    for name, path in files:
        if wants_text(name) and path.is_file() and not path.is_symlink():
            try:
                data = path.read_bytes()
            except OSError:
                continue
            texts[name] = data.decode("utf-8-sig", "replace")
    return Texts(texts, {})
