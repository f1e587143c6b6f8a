"""Code and arguments -> sentence, for the page and the command line.

The modules of this package hold the codes, one enum per topic. The value of a code is its English sentence, a
format string over named arguments; another language is a table from codes to format strings, see ``languages``.
A sentence is told in the language of the context. Beside the usual format specifications, whose numbers get the signs
of the language, there are

- ``{count:photo|photos}``: the number with the word for one or for several, “1 photo”, “1,234 photos”; a language
  has as many forms as whole numbers need in it, in the order zero, one, two, few, many, other;
- ``{count:*is|are}``: the word alone;
- ``{share:percent}``: a share of 0 to 1 in whole percent; ``{seconds:duration}``: a rough time;
- ``{names:list}``: names in quotes, “a”, “b” and “c”; ``{names:alternatives}``: a or b or c;
  ``{names:comma}``: a, b, c; ``{sentences:semicolons}``: a; b; c; ``{bytes:megabytes}``;
- ``{counts:counts}``: pairs of name and number, “a” (3) and “b” (5).

Arguments are made ``harmless``: a file's name may hold codes that move a terminal's cursor or turn the text round.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from numbers import Integral, Real
from typing import Any

from . import languages


class Code(Enum):
    """Base of all codes; ``str(code)`` is its sentence with the arguments still open."""

    def __str__(self) -> str:
        return languages.spoken().table.get((self.key, self.value), self.value)

    @property
    def id(self) -> str:
        """The name for files and JSON: small letters."""
        return self.name.lower()

    @property
    def key(self) -> str:
        """The name in the tables of languages: “page.PageCode.TITLE”."""
        kind = type(self)
        return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}.{self.name}"


class EnglishCode(Code):
    """Base of the codes that are told in English only: the command line, and what is written to files."""

    def __str__(self) -> str:
        return str(self.value)


@unique
class WordCode(Code):
    """Rough numbers, and names within a sentence."""

    PERCENT = "{number} %"
    OVER_99_PERCENT = "over 99 %"
    UNDER_1_PERCENT = "under 1 %"
    FEW_SECONDS = "a few seconds"
    SECONDS = "about {number:second|seconds}"
    MINUTES = "about {number:minute|minutes}"
    HOURS = "about {number:.1f} hours"
    QUOTED = "“{name}”"
    COUNTED = "“{name}” ({count:,})"
    OTHERS = "{count:other|others}"
    COMMA = ", "
    SEMICOLON = "; "


@dataclass(frozen=True)
class Message:
    """A code with the arguments of its sentence; ``str(message)`` is the sentence."""

    code: Code
    arguments: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return sentence(self.code, **dict(self.arguments))


def message(code: Code, **arguments: Any) -> Message:
    """The message of a code and its arguments."""
    return Message(code, tuple(arguments.items()))


def sentence(code: Code, **arguments: Any) -> str:
    """The sentence of a code; raises ``KeyError`` where an argument is missing."""
    try:
        return _FORMATTER.vformat(str(code), (), arguments)
    except ValueError:  # a translation formats as a number what is none
        return _FORMATTER.vformat(code.value, (), arguments)


def harmless(text: str) -> str:
    """Return a text in one line, with “�” for each control character and each mark that changes the direction of text.

    For names that come from outside. Letters of Hebrew and Arabic stay as they are.
    """
    return _CONTROLS.sub("\ufffd", _LINE_ENDS.sub(" ", text))


def outline(messages: Sequence[Message]) -> str:
    """The sentence that messages of one code share, with “…” in place of the arguments that differ."""
    first, *others = (dict(one.arguments) for one in messages)
    differing = {name for name, value in first.items() for other in others if other.get(name) != value}
    return sentence(messages[0].code, **{**first, **dict.fromkeys(differing, _GAP)})


def percent(share: float) -> str:
    """A share of 0 to 1 in whole percent; never a flat 0 or 100 that the number does not deserve."""
    whole = round(share * 100)
    if whole == 100 and 0.995 <= share < 1:
        return str(WordCode.OVER_99_PERCENT)
    if whole == 0 and share > 0:
        return str(WordCode.UNDER_1_PERCENT)
    return sentence(WordCode.PERCENT, number=min(whole, 99) if share < 1 else whole)


def duration(seconds: float) -> str:
    """A rough time in words."""
    if seconds < 10:
        return str(WordCode.FEW_SECONDS)
    if seconds < 90:
        return sentence(WordCode.SECONDS, number=max(10, round(seconds / 10) * 10))
    minutes = round(seconds / 60)
    if minutes < 90:
        return sentence(WordCode.MINUTES, number=minutes)
    return sentence(WordCode.HOURS, number=seconds / 3600)


def number(value: float) -> str:
    """A number with the signs of the language: “1,234”."""
    return languages.spoken().number(f"{value:,}")


def moment(when: datetime) -> str:
    """A date with its time: “1 Mar 2025, 14:15:30”, without the marks of direction that are in Arabic dates."""
    return _DIRECTIONS.sub("", languages.spoken().moment(when))


def listed(names: Iterable[object]) -> str:
    """“a”, “b” and “c”; of many the first ones, and how many others there are."""
    return joined(_first([sentence(WordCode.QUOTED, name=name) for name in names]))


def listed_counts(counts: Iterable[tuple[object, int]]) -> str:
    """“a” (3), “b” (1) and “c” (5); of many the first ones, and how many others there are."""
    return joined(_first([sentence(WordCode.COUNTED, name=name, count=count) for name, count in counts]))


def _first(words: list[str]) -> list[str]:
    """Return words, or of more than a sentence can hold the first ones and how many others there are."""
    rest = len(words) - _MOST_LISTED
    return words if rest < 2 else [*words[:_MOST_LISTED], sentence(WordCode.OTHERS, count=rest)]


def joined(words: Sequence[str]) -> str:
    """a, b and c."""
    return languages.spoken().all_of(words)


def in_row(words: Iterable[object], separator: WordCode = WordCode.COMMA) -> str:
    """a, b, c."""
    return str(separator).join(map(str, words))


_GAP = object()
_DIRECTIONS = re.compile("[\u061c\u200e\u200f]")
_MOST_LISTED = 7  # names in a sentence
_LINE_ENDS = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _Formatter(string.Formatter):
    """``str.format`` with the specifications named in the module's docstring."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is _GAP:
            return "…"
        if "|" in format_spec:
            word = languages.spoken().plural(value, format_spec.removeprefix("*").split("|"))
            return word if format_spec.startswith("*") else f"{self.format_field(value, ',')} {word}"
        if format_spec in _SPECIFICATIONS:
            return harmless(_SPECIFICATIONS[format_spec](value))
        formatted = str(super().format_field(value, format_spec))
        return languages.spoken().number(formatted) if _is_number(value, format_spec) else harmless(formatted)


def _is_number(value: object, format_spec: str) -> bool:
    """Return whether the signs of a formatted value are those of a number; a number without any needs none."""
    return isinstance(value, Real) and (bool(format_spec) or not isinstance(value, Integral))


_SPECIFICATIONS: dict[str, Any] = {
    "percent": percent,
    "duration": duration,
    "list": listed,
    "quoted": lambda names: in_row(sentence(WordCode.QUOTED, name=name) for name in names),
    "counted": lambda pairs: in_row(sentence(WordCode.COUNTED, name=name, count=count) for name, count in pairs),
    "comma": in_row,
    "alternatives": lambda names: languages.spoken().one_of(list(map(str, names))),
    "semicolons": lambda sentences: in_row(sentences, WordCode.SEMICOLON),
    "counts": listed_counts,
    "megabytes": lambda count: languages.spoken().number(f"{count / 1e6:,.1f}".removesuffix(".0")),
}
_FORMATTER = _Formatter()
