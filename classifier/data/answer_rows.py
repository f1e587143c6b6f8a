"""One answer of many, and which of them are asked for in which order, as SQLite understands it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

_LONGEST_NUMBER = 20  # digits compared as a number

Kind = Literal["all", "sure", "unsure", "unlike", "error"]
Sort = Literal["given", "file", "label", "confidence", "second", "second_confidence", "state"]


@dataclass(frozen=True)
class AnswerRow:
    """The answer for one photo.

    Args:
        id: of the photo in its table, in the order they came; 0 until it is stored.
        file: the name the person knows.
        label: the class that is answered, the likeliest where the model is not sure; None where there is no answer.
        confidence: in ``label``, 0 to 1.
        second: the likeliest of the other classes; None where there is none.
        second_confidence: in ``second``.
        unsure: the model is not sure, or the photo is ``unlike`` those it was trained on.
        unlike: the photo is out of distribution.
        error: the sentence why the photo cannot be used, None where it can.
        copy: the file to show, sort and train on, relative to the table's folder or absolute; None where there is none.
        sha256: of the file as it came, empty where no copy of it is kept.
        given: the class that a person gave the photo in place of the answer, None where nobody did.
    """

    id: int
    file: str
    label: str | None = None
    confidence: float | None = None
    second: str | None = None
    second_confidence: float | None = None
    unsure: bool = False
    unlike: bool = False
    error: str | None = None
    copy: str | None = None
    sha256: str = ""
    given: str | None = None


@dataclass(frozen=True)
class Query:
    """Which rows, and in which order.

    Args:
        label: only those of this answered class.
        kind: all, sure answers, not sure (those unlike the training photos included), these alone, or photos that
            cannot be used.
        text: only those whose file name holds it, whatever the case.
        sort: ``given`` is the order in which the photos came, ``state`` by how usable the answer is.
        descending: the other way round.
    """

    label: str | None = None
    kind: Kind = "all"
    text: str = ""
    sort: Sort = "given"
    descending: bool = False


ALL = Query()


@dataclass(frozen=True)
class Totals:
    """How many photos a table has, how many of them have no sure answer, are unlike the training photos, are unusable.

    ``unsure`` includes ``unlike``.
    """

    photos: int
    unsure: int
    unlike: int
    errors: int

    @property
    def sure(self) -> int:
        """How many have a sure answer."""
        return self.photos - self.unsure - self.errors


_KINDS = {
    "all": "1",
    "sure": "error IS NULL AND NOT unsure",
    "unsure": "unsure",
    "unlike": "unlike",
    "error": "error IS NOT NULL",
}
_STATE = "CASE WHEN error IS NOT NULL THEN 3 WHEN unlike THEN 2 WHEN unsure THEN 1 ELSE 0 END"
_ORDERS = {
    "given": "id",
    "file": "file_key",
    "label": "label_key",
    "confidence": "confidence",
    "second": "second_key",
    "second_confidence": "second_confidence",
    "state": _STATE,
}


def natural_text(text: str) -> str:
    """Return a text that sorts in natural order where texts are compared letter by letter: “2” before “10”."""
    return re.sub("[0-9]+", lambda digits: digits[0].lstrip("0").zfill(_LONGEST_NUMBER), text.casefold())


def where(query: Query) -> tuple[str, list[Any]]:
    """Return a condition and its values; it needs the function ``fold``, ``str.casefold``."""
    parts: list[str] = [_KINDS[query.kind]]
    values: list[Any] = []
    if query.label is not None:
        parts.append("label = ?")
        values.append(query.label)
    if query.text.strip():
        parts.append("instr(fold(file), ?) > 0")  # SQLite's own lower() knows the letters of ASCII only
        values.append(query.text.strip().casefold())
    return " AND ".join(parts), values


def order(query: Query) -> str:
    """Return the order; rows without a value come last, and equal ones as they came."""
    column = _ORDERS[query.sort]
    direction = " DESC" if query.descending else ""
    missing = f"{query.sort} IS NULL, " if query.sort not in ("given", "file", "state") else ""
    return f"{missing}{column}{direction}, id"
