"""Reads the small texts beside photos: the only module of this package that opens files, with ``spreadsheets``.

A text is hostile: its size is checked before it is read, and nothing in it is run.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...config import LIMITS, Limits
from ...messages import Code
from ...messages.layout import UnreadableCode
from ..code_pages import guess_code_page
from .photos import is_junk, suffix_of
from .spreadsheets import SPREADSHEETS, UnreadableTableError, read_spreadsheet

_TABLES = frozenset(".csv .tsv .txt .json .jsonl .ndjson .manifest .labels".split())
_ANNOTATIONS = frozenset(".xml .yaml .yml .names".split())
_MAX_TABLE = 32 * 2**20  # bytes
_MAX_ANNOTATION = 2**20
_MAX_TOTAL = 256 * 2**20
_MAX_LINES = 1_500_000  # of all texts together: rows take more time than their bytes
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLED_WORDS = 100  # from which a code page is guessed


@dataclass(frozen=True)
class Texts:
    """The content of tables and annotations by name, and why others could not be read."""

    texts: dict[str, str]
    unreadable: dict[str, Code]


def wants_text(name: str) -> bool:
    """Return whether a file may be a table or an annotation, by its name."""
    suffix = suffix_of(name.rpartition("/")[2])
    return (suffix in _TABLES or suffix in _ANNOTATIONS or suffix in SPREADSHEETS) and not is_junk(name)


def read_texts(files: Iterable[tuple[str, Path]], limits: Limits = LIMITS) -> Texts:
    """Read the tables and annotations among files given as (relative name, path); links are not followed.

    Example::

        texts, unreadable = astuple(read_texts([("labels.csv", Path("photos/labels.csv"))]))
    """
    found = Texts({}, {})
    left, lines = _MAX_TOTAL, _MAX_LINES
    for name, path in files:
        if not wants_text(name) or path.is_symlink() or not path.is_file():
            continue
        try:
            text = _read(name, path, min(left, limits.bytes_per_file))
        except UnreadableTableError as error:
            found.unreadable[name] = error.code
        except OSError:
            found.unreadable[name] = UnreadableCode.CANNOT_OPEN
        else:
            if text is None:
                continue
            count = max(text.count("\n"), text.count("\r"))
            if count > lines:
                found.unreadable[name] = UnreadableCode.TOO_LARGE
                continue
            left, lines = left - len(text), lines - count
            found.texts[name] = text
    return found


def decode(data: bytes) -> str | None:
    """Return the text of bytes: UTF-8, UTF-16, otherwise in the likeliest code page; None for what is no text."""
    for mark, codec in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(codec, "replace")
    if b"\0" in data[:1000]:
        little, big = data[1:1000:2].count(0), data[0:1000:2].count(0)
        if max(little, big) < len(data[:1000]) / 4 or min(little, big) > len(data[:1000]) / 20:
            return None
        return data.decode("utf-16-le" if little > big else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        words = dict.fromkeys(word for line in data.splitlines() for word in line.split() if not word.isascii())
        return data.decode(guess_code_page(list(words)[:_SAMPLED_WORDS]).codec, "replace")


def _read(name: str, path: Path, most: int) -> str | None:
    suffix = suffix_of(name.rpartition("/")[2])
    if suffix in SPREADSHEETS:
        return read_spreadsheet(path, suffix)
    limit = min(most, _MAX_ANNOTATION if suffix in _ANNOTATIONS else _MAX_TABLE)
    if path.stat().st_size > limit:
        raise UnreadableTableError(UnreadableCode.TOO_LARGE)
    with path.open("rb") as stream:
        return decode(stream.read(limit))
