"""The tables of languages, kept up to date: which sentences they need, what is wrong in them, and a new state of them.

``python -m classifier.messages.translating de`` brings ``languages/de.po`` up to the sentences of the program, or makes
it: new ones are empty, those whose English changed are marked as unsure (fuzzy) and keep their translation, those that
are gone are removed. Then it prints how many are to be translated, and what is wrong in the others.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import string
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from . import Code, EnglishCode, WordCode, languages
from .languages import Language, Table

_TAG = re.compile(r"</?\w+[^>]*>")
_PACKAGE = "classifier.messages"  # __name__ is another where this runs as a program
_HEADER = "Language: {tag}\nContent-Type: text/plain; charset=utf-8\n"


def needed() -> dict[str, Code]:
    """Return the codes that a language has to translate, by their keys, in the order in which they are written."""
    found = [code for kind in _kinds() for code in kind if kind is WordCode or _has_words(str(code.value))]
    return {code.key: code for code in found}


def missing(table: Table) -> list[str]:
    """Return the keys of sentences that a table lacks, or has of an older English sentence only."""
    return [key for key, code in needed().items() if (key, str(code.value)) not in table]


def unused(table: Table) -> list[str]:
    """Return the keys in a table that no sentence has."""
    codes = needed()
    return [key for key, _ in table if key not in codes]


def faults(language: Language) -> list[str]:
    """Return what is wrong in the translated sentences: other arguments, tags or blanks, too few plural forms."""
    forms = len(language.plural_categories)
    found = []
    for (key, english), text in language.table.items():
        try:
            found += [f"{key}: {fault}" for fault in _compare(english, text, forms)]
        except ValueError as error:
            found.append(f"{key}: {error}")
    return found


def update(path: Path) -> None:
    """Bring the table of a language, whose tag is the name of the file, up to the sentences of the program."""
    from babel.messages.pofile import read_po

    lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    before = {str(entry.context): entry for entry in read_po(lines) if entry.id}
    blocks = [_block("", "", _HEADER.format(tag=path.stem))]
    kind = None
    for key, code in needed().items():
        entry = before.get(key)
        text = str(entry.string) if entry is not None else ""
        is_unsure = bool(text) and entry is not None and (entry.fuzzy or str(entry.id) != code.value)
        remark = "" if type(code) is kind else inspect.cleandoc(type(code).__doc__ or "").partition("\n")[0]
        kind = type(code)
        blocks.append(_block(key, str(code.value), text, remark, is_unsure))
    path.write_text("\n".join(blocks), "utf-8")


def _block(key: str, english: str, text: str, remark: str = "", is_unsure: bool = False) -> str:
    from babel.messages.pofile import escape

    lines = [f"#. {remark}"] if remark else []
    lines += ["#, fuzzy"] if is_unsure else []
    lines += [f"msgctxt {escape(key)}"] if key else []
    return "\n".join([*lines, f"msgid {escape(english)}", f"msgstr {escape(text)}", ""])


def _kinds() -> Iterator[type[Code]]:
    names = sorted(found.name for found in pkgutil.iter_modules(importlib.import_module(_PACKAGE).__path__))
    for name in ("", *(f".{name}" for name in names if name not in ("languages", "translating"))):
        module = importlib.import_module(_PACKAGE + name)
        kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Code)]
        yield from (kind for kind in kinds if kind.__module__ == module.__name__ and not issubclass(kind, EnglishCode))


def _has_words(text: str) -> bool:
    """Return whether a sentence is more than arguments, numbers and signs that all languages share."""
    parts = list(string.Formatter().parse(text))
    return any(
        letter.isalpha() or letter in ".,;?!“" for literal, *_ in parts for letter in _TAG.sub("", literal)
    ) or any("|" in (form or "") for _, _, form, _ in parts)


def _compare(english: str, text: str, forms: int) -> Iterator[str]:
    """Yield how a translation differs from its sentence where both must be the same."""
    wanted, given = _fields(english), _fields(text)
    if wanted.keys() != given.keys():
        yield f"needs the arguments {sorted(wanted)}, has {sorted(given)}"
    for name in wanted.keys() & given.keys():
        for form in given[name] - wanted[name]:
            if "|" not in form and form not in ("", ","):
                yield f"“{form}” is no form of {name}"
            elif "|" in form and not any("|" in one or one == "," for one in wanted[name]):
                yield f"{name} is no number that has plural forms"
        for form in given[name]:
            if "|" in form and len(form.split("|")) != forms:
                yield f"{name} needs {forms} plural forms"
    if Counter(_TAG.findall(english)) != Counter(_TAG.findall(text)):
        yield "has other tags"
    # Signs alone, such as those between the words of a row, have the blanks that the language writes.
    if any(map(str.isalpha, english)) and _outer_blanks(english) != _outer_blanks(text):
        yield "begins or ends with other blanks"


def _outer_blanks(text: str) -> tuple[bool, bool]:
    return text[:1].isspace(), text[-1:].isspace()


def _fields(text: str) -> dict[str, set[str]]:
    """Return the arguments of a sentence with the forms in which they occur."""
    found: dict[str, set[str]] = {}
    for _, name, form, _ in string.Formatter().parse(text):
        if name is not None:
            found.setdefault(name, set()).add(form or "")
    return found


def main(tags: list[str]) -> None:
    """Update the tables of languages, by default all, and print what is to be done in them."""
    for tag in tags or languages.available()[1:]:
        path = languages.FOLDER / f"{tag}.po"
        update(path)
        language = Language(tag, partial(languages.read_table, path))
        print(f"{path}: {len(missing(language.table))} of {len(needed())} to translate")
        print(*faults(language), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
