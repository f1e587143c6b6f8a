"""Code and arguments -> sentence, for the page and the command line.

The modules of this package hold the codes, one enum per topic. The value of a code is its English sentence, a
format string over named arguments; another language is a table from codes to format strings. Beside the usual
format specifications there are

- ``{count:photo|photos}``: the number with the word for one or for several, “1 photo”, “1,234 photos”;
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
from enum import Enum
from typing import Any


class Code(Enum):
    """Base of all codes; ``str(code)`` is its English sentence with the arguments still open."""

    def __str__(self) -> str:
        return str(self.value)

    @property
    def id(self) -> str:
        """The name for files and JSON: small letters."""
        return self.name.lower()


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
    """The English sentence of a code; raises ``KeyError`` where an argument is missing."""
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
    if whole == 100 and share < 1:
        return "99 %" if share < 0.995 else "over 99 %"
    return "under 1 %" if whole == 0 and share > 0 else f"{whole} %"


def duration(seconds: float) -> str:
    """A rough time in words."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {max(10, round(seconds / 10) * 10)} seconds"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes" if minutes < 90 else f"about {seconds / 3600:.1f} hours"


def listed(names: Iterable[object]) -> str:
    """“a”, “b” and “c”."""
    return joined([f"“{name}”" for name in names])


def listed_counts(counts: Iterable[tuple[object, int]]) -> str:
    """“a” (3), “b” (1) and “c” (5)."""
    return joined([f"“{name}” ({count:,})" for name, count in counts])


def joined(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


_GAP = object()
_LINE_ENDS = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _Formatter(string.Formatter):
    """``str.format`` with the specifications named in the module's docstring."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is _GAP:
            return "…"
        if "|" in format_spec:
            one, _, several = format_spec.removeprefix("*").partition("|")
            word = one if value == 1 else several
            return word if format_spec.startswith("*") else f"{value:,} {word}"
        if format_spec in _SPECIFICATIONS:
            return harmless(_SPECIFICATIONS[format_spec](value))
        return harmless(str(super().format_field(value, format_spec)))


_SPECIFICATIONS: dict[str, Any] = {
    "percent": percent,
    "duration": duration,
    "list": listed,
    "quoted": lambda names: ", ".join(f"“{name}”" for name in names),
    "counted": lambda pairs: ", ".join(f"“{name}” ({count})" for name, count in pairs),
    "comma": lambda names: ", ".join(map(str, names)),
    "alternatives": lambda names: " or ".join(map(str, names)),
    "semicolons": lambda sentences: "; ".join(map(str, sentences)),
    "counts": listed_counts,
    "megabytes": lambda count: f"{count / 1e6:,.1f}".removesuffix(".0"),
}
_FORMATTER = _Formatter()
