"""The languages that sentences are told in: one table per language, its rules by Babel, and the language spoken now.

``TAG.po`` beside this file is a table, in the format of gettext, that any editor of translations opens. The context of
an entry is the key of a code, ``page.PageCode.TITLE``, its text the English sentence. An entry whose English sentence
is no longer that of the code counts as missing; what is missing is told in English. ``translating`` keeps the tables
up to date. The language is that of the context (PEP 567), by default English: the command line and what is written to
files are English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

if TYPE_CHECKING:
    from babel import Locale

ENGLISH = "en"
FOLDER = Path(__file__).parent
# English as Britain writes dates and lists: 1 Mar 2025; a, b and c.
_LOCALES = {ENGLISH: "en_GB"}
_MOST_COUNTED = 1000  # numbers up to it show which plural forms a language has for whole numbers
_LONGEST_ASKED = 1000

P = ParamSpec("P")
T = TypeVar("T")
Table = Mapping[tuple[str, str], str]  # (key of a code, English sentence) -> sentence


@dataclass(frozen=True, eq=False)
class Language:
    """A language by its tag (BCP 47), such as “de” or “zh-CN”; ``read`` returns the sentences that it translates."""

    tag: str
    read: Callable[[], Table] = dict

    @cached_property
    def table(self) -> Table:
        """The sentences."""
        return self.read()

    @cached_property
    def locale(self) -> Locale:
        """Babel's rules for the language, whatever the region."""
        from babel import Locale  # 50 ms, which the start of a command should not take

        return Locale.parse(_LOCALES.get(self.tag, self.tag.partition("-")[0]))

    @property
    def name(self) -> str:
        """The language's own name: “Deutsch”."""
        name = str(self.locale.get_language_name())
        return name[:1].upper() + name[1:]

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Whether it is written from left to right or from right to left."""
        return "rtl" if self.locale.text_direction == "rtl" else "ltr"

    @cached_property
    def _categories(self) -> tuple[str, ...]:
        """The categories of the numbers from 0 on, as far as they are counted."""
        return tuple(self.locale.plural_form(number) for number in range(_MOST_COUNTED + 1))

    @cached_property
    def plural_categories(self) -> tuple[str, ...]:
        """The categories that whole numbers fall into, in the order of Unicode: “one”, “other” in English."""
        return tuple(name for name in ("zero", "one", "two", "few", "many", "other") if name in self._categories)

    def plural(self, number: float, forms: Sequence[str]) -> str:
        """Return the form for a number; ``forms`` are in the order of ``plural_categories``.

        Numbers beyond those counted, and fractions, take the last form where they have none of their own.
        """
        whole = int(number) if number == int(number) else number
        is_counted = isinstance(whole, int) and 0 <= whole <= _MOST_COUNTED
        category = self._categories[whole] if is_counted else self.locale.plural_form(whole)  # type: ignore[index]
        place = self.plural_categories.index(category) if category in self.plural_categories else -1
        return forms[min(place, len(forms) - 1)]

    def number(self, formatted: str) -> str:
        """Return a number that Python formatted, such as “1,234.5”, with the signs of the language."""
        return formatted.translate(self._signs)

    @cached_property
    def _signs(self) -> dict[int, str]:
        symbols = self.locale.number_symbols
        symbols = symbols.get("latn", symbols)
        return {ord(","): str(symbols["group"]), ord("."): str(symbols["decimal"])}

    def all_of(self, words: Sequence[str]) -> str:
        """Return “a, b and c”."""
        return self._listed(words, "standard")

    def one_of(self, words: Sequence[str]) -> str:
        """Return “a, b or c”."""
        return self._listed(words, "or")

    def _listed(self, words: Sequence[str], style: Literal["standard", "or"]) -> str:
        from babel.lists import format_list

        return format_list(words, style, self.locale)

    def moment(self, when: datetime) -> str:
        """Return a date with its time: “1 Mar 2025, 14:15:30”."""
        from babel.dates import format_datetime

        return str(format_datetime(when, "medium", locale=self.locale))


_spoken: ContextVar[Language] = ContextVar("language")
_known: dict[str, Language] = {ENGLISH: Language(ENGLISH)}


def add(language: Language) -> None:
    """Offer a language besides those that have a table in the folder."""
    _known[language.tag] = language


def available() -> list[str]:
    """Return the tags of all languages, English first."""
    return [ENGLISH, *sorted((_shipped() | _known.keys()) - {ENGLISH})]


def find(tag: str) -> Language:
    """Return the language of one of the tags of ``available``; its table is read when a sentence of it is told."""
    return _known.setdefault(tag, Language(tag, partial(read_table, FOLDER / f"{tag}.po")))


@lru_cache(maxsize=1)
def _shipped() -> frozenset[str]:
    return frozenset(path.stem for path in FOLDER.glob("*.po"))


def read_table(path: Path) -> Table:
    """Return the sentences of a file; those that are empty or marked as unsure (fuzzy) are left out."""
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        entries = read_po(file)
    return {
        (str(entry.context), str(entry.id)): str(entry.string)
        for entry in entries
        if entry.id and entry.string and not entry.fuzzy
    }


def spoken() -> Language:
    """Return the language of this context."""
    return _spoken.get(_known[ENGLISH])


def speak(tag: str) -> None:
    """Set the language of this context to one of the tags of ``available``."""
    _spoken.set(find(tag))


@contextmanager
def speaking(tag: str) -> Iterator[None]:
    """Set the language of this context for a while.

    Example::

        with speaking("de"):
            print(message(code))
    """
    before = _spoken.set(find(tag))
    try:
        yield
    finally:
        _spoken.reset(before)


def in_english(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that tells all in English, whatever the language of the context: what is written to files."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with speaking(ENGLISH):
            return function(*args, **kwargs)

    return run


def best_of(wanted: str, accepted: str) -> str:
    """Return the tag of the language for a visitor.

    Args:
        wanted: the tag that was chosen on the page; it counts where there is such a language.
        accepted: the header Accept-Language of the browser, such as “de-CH,de;q=0.9,en;q=0.5”.
    """
    tags = available()
    return wanted if wanted in tags else _accepted(accepted[:_LONGEST_ASKED], tuple(tags))


@lru_cache(maxsize=256)
def _accepted(header: str, tags: tuple[str, ...]) -> str:
    """Return the first of the tags that a browser prefers, by the whole tag or by its first part, else English."""
    exact = {tag.lower(): tag for tag in tags}
    alike = {tag.lower().partition("-")[0]: tag for tag in reversed(tags)}
    for asked in sorted(map(_preference, header.split(",")), key=lambda pair: -pair[1]):
        tag = asked[0].lower()
        found = exact.get(tag) or alike.get(tag.partition("-")[0])
        if found and asked[1] > 0:
            return found
    return ENGLISH


def _preference(entry: str) -> tuple[str, float]:
    tag, _, parameter = entry.partition(";")
    weight = parameter.strip().removeprefix("q=")
    try:
        return tag.strip(), float(weight) if weight else 1.0
    except ValueError:
        return tag.strip(), 0.0
