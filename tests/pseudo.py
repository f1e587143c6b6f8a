"""Languages that nobody speaks, made of the English sentences: what is still English on a page stands out."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator

from classifier.messages import languages, translating
from classifier.messages.languages import Language

_MARKUP = re.compile(r"(</?\w+[^>]*>|&\w+;)")
_ACCENTED = str.maketrans(
    "aeiouyncsrltAEIOUYNCSRLT", "áéíöüýñçšřłťÁÉÍÖÜÝÑÇŠŘŁŤ"
)  # each word of two letters and more has one of these
_ARABIC = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ابجدهوزحطيكلمنسعفصقرشتثخذض")


def accented() -> Language:
    """English with accents and a third longer, as German is."""
    return Language("de-XA", lambda: _table(Language("de-XA"), _accent))


def from_right_to_left() -> Language:
    """English in Arabic letters, with the plural forms of Arabic."""
    return Language("ar-XB", lambda: _table(Language("ar-XB"), lambda text: text.lower().translate(_ARABIC)))


def offered() -> Iterator[None]:
    """Offer both; taken back afterwards."""
    before = dict(languages._known)
    for language in (accented(), from_right_to_left()):
        languages.add(language)
    yield
    languages._known.clear()
    languages._known.update(before)


def _accent(text: str) -> str:
    return re.sub(r"\w{6,}", lambda word: word[0] + word[0][-1] * (len(word[0]) // 3), text.translate(_ACCENTED))


def _table(language: Language, letters: Callable[[str], str]) -> dict[tuple[str, str], str]:
    codes = translating.needed()
    return {(key, str(code.value)): _told(str(code.value), language, letters) for key, code in codes.items()}


def _told(text: str, language: Language, letters: Callable[[str], str]) -> str:
    parts = []
    for literal, name, form, _ in string.Formatter().parse(text):
        pieces = _MARKUP.split(literal)
        parts += [piece if _MARKUP.fullmatch(piece) else letters(piece) for piece in pieces]
        if name is not None and form and "|" in form:
            one, several = form.removeprefix("*").split("|")
            words = [letters(one if kind == "one" else several) for kind in language.plural_categories]
            form = form[: form.startswith("*")] + "|".join(words)
        parts += [] if name is None else [f"{{{name}:{form}}}" if form else f"{{{name}}}"]
    return "".join(parts)
