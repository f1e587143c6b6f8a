"""Sentences that were stored in English, told in the language of the context.

Reports and tables of answers hold some sentences as text. Each is recognized by the English sentence of its code.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from . import Code, languages, sentence

Readers = dict[str, Callable[[str], Any]]
_NUMBER = r"\d[\d,.]*"


def retold(text: str, *kinds: type[Code]) -> str:
    """Return a stored English sentence in the language of the context; as it is where no code of ``kinds`` made it."""
    if languages.spoken().tag == languages.ENGLISH:
        return text
    for code in (code for kind in kinds for code in kind):
        pattern, readers = _pattern(str(code.value))
        found = pattern.fullmatch(text) if pattern else None
        if found:
            try:
                return sentence(code, **{name: readers[name](value) for name, value in found.groupdict().items()})
            except ValueError:  # a name has the form of a number
                continue
    return text


@lru_cache(maxsize=512)
def _pattern(english: str) -> tuple[re.Pattern[str] | None, Readers]:
    """Return what a sentence looks like when its arguments are filled in, and how to read these."""
    parts: list[str] = []
    readers: Readers = {}
    for literal, name, form, _ in string.Formatter().parse(english):
        parts.append(re.escape(literal))
        if name is None:
            continue
        piece = f"(?P={name})" if name in readers else f"(?P<{name}>{_NUMBER if form else '.+?'})"
        if form and "|" in form:
            words = "|".join(map(re.escape, form.removeprefix("*").split("|")))
            parts.append(f"(?:{words})" if form.startswith("*") else f"{piece} (?:{words})")
        elif form in ("", ",", "megabytes", None):
            parts.append(piece)
        else:
            return None, {}
        if not (form or "").startswith("*"):
            readers.setdefault(name, _READERS.get(form or "", _count))
    return re.compile("".join(parts), re.DOTALL), readers


def _count(text: str) -> int:
    return int(text.replace(",", ""))


def _bytes(text: str) -> float:
    return float(text.replace(",", "")) * 1e6


_READERS: Readers = {"": str, "megabytes": _bytes}
