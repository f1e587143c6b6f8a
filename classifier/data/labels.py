"""Class names: cleaned without joining two, compared as people see them, in natural order, and as folder names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from ..config import LIMITS, Limits
from ..errors import DataError
from ..messages.data import DifferenceCode, ProjectCode

_JOINERS = "\u200c\u200d"  # zero width; parts of emoji and of words in Indic scripts and Persian
# Unicode's Default_Ignorable_Code_Point outside the categories Cc, Cf and Cs, and the blank of Braille.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_UNNAMED = "unnamed"

# Letters of Cyrillic and Greek that look like a Latin letter in small or in capital form, after case folding, and
# signs that programs put in place of those of the keyboard: the part of Unicode's confusables (UTS 39) that
# keyboards and corrections of spelling bring into folder names.
_LOOK_ALIKE = str.maketrans(
    "авеёкмнорстухіїјѕһԁԛԝӏ" + "αβεζηικμνορτυχϲϳ" + "ı" + "‐‑‒–—―−" + "‘’‚‛`´ʼ′" + "“”„″",
    "abeëkmhopctyxiïjshdqwl" + "abezhikmnoptyxcj" + "i" + "-------" + "''''''''" + '""""',
)

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')  # in a folder's name on Windows
_DEVICES = re.compile(r"(con|prn|aux|nul|clock\$|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)
_FOLDER_LETTERS = 100  # leaves 160 of the 260 letters of a path on Windows to the rest
_FOLDER_BYTES = 240  # of 255 on Linux, in UTF-8; a number may be added


@lru_cache(maxsize=1024)  # thousands of photos share a few dozen class names
def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key for natural order: “2” before “10”, capital letters beside small ones."""
    # Digits are compared by their number, then as text: int() refuses numbers of thousands of digits.
    numbered = [
        (0, len(piece.lstrip("0")), piece.lstrip("0")) if index % 2 else (1, 0, piece)
        for index, piece in enumerate(re.split("([0-9]+)", text.casefold()))
        if piece
    ]
    return (*numbered, (-1, 0, text))


def clean_label(text: str, limits: Limits = LIMITS) -> str:
    """Normalize a class name: composed letters (NFC), single spaces, no invisible characters, limited length.

    The result is empty if nothing visible is left. Different names may give one: see ``clean_labels``.
    """
    composed = " ".join(unicodedata.normalize("NFC", _remove_invisible(text)).split())
    return composed[: limits.label_letters].rstrip(_JOINERS + " ")


def chosen_label(text: str, limits: Limits) -> str:
    """Return the name that a person gave a class, cleaned; raises ``DataError`` where nothing is left of it."""
    label = clean_label(text, limits)
    if not label:
        raise DataError(ProjectCode.EMPTY_LABEL)
    return label


def clean_labels(raw: Iterable[str], limits: Limits = LIMITS) -> dict[str, str]:
    """Return a clean class name for each of the names that folders or table cells have; no two get the same.

    A name that is clean already is kept. Of names that cleaning would join, the first in natural order gets the
    clean name, and the others a number: “cat”, “cat (2)”. Independent of the order of ``raw``.

    Example::

        clean_labels(["cat", "cat\\u200b"])  # {"cat": "cat", "cat\\u200b": "cat (2)"}
    """

    def shorten(label: str, room: int) -> str:
        return label[: max(1, limits.label_letters - room)]

    return _make_distinct(raw, lambda text: clean_label(text, limits) or _UNNAMED, str, shorten)


@lru_cache(maxsize=1024)
def label_key(text: str, limits: Limits = LIMITS) -> str:
    """Return what a class name looks like: equal for names that a person would take for the same.

    These are names that differ only by case, width, Unicode form, blanks, letters that look alike (Latin, Cyrillic
    and Greek), or in what ``clean_label`` cuts off. The key is for comparing, not for showing.
    """
    wide = unicodedata.normalize("NFKC", clean_label(text, limits))
    folded = unicodedata.normalize("NFKC", wide.casefold()).translate(_LOOK_ALIKE).replace("i\u0307", "i")
    return "".join(letter for letter in folded if not (letter.isspace() or _is_invisible(letter)))


def similar_labels(labels: Iterable[str], limits: Limits = LIMITS) -> list[tuple[str, ...]]:
    """Return the groups of class names that look the same, as ``label_key`` compares them, in natural order.

    A name that ``clean_labels`` gave a number belongs to the name without: “cat” and “cat (2)”.
    """
    ordered = sorted(set(labels), key=natural_key)
    keys = {label: label_key(label, limits) for label in ordered}
    shown = set(keys.values())
    full = {key[: limits.label_letters - 4]: key for label, key in keys.items() if len(label) == limits.label_letters}
    groups: dict[str, list[str]] = {}
    for label in ordered:
        base = label_key(re.sub(r" \((?:[2-9]|[1-9][0-9]+)\)$", "", label), limits)
        base = full.get(base, base) if len(label) == limits.label_letters else base
        groups.setdefault(base if base in shown else keys[label], []).append(label)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def name_difference(labels: Sequence[str]) -> DifferenceCode:
    """Return in what the names of one group of ``similar_labels`` differ."""
    if len({label.casefold() for label in labels}) == 1:
        return DifferenceCode.CAPITALS
    if len({"".join(label.casefold().split()) for label in labels}) == 1:
        return DifferenceCode.BLANKS
    return DifferenceCode.LOOK_ALIKES if len(set(map(label_key, labels))) == 1 else DifferenceCode.CUT_OFF


def folder_name(label: str) -> str:
    """Return a name for the folder of a class that every system accepts; equal to ``label`` wherever that is safe.

    Replaced are characters and names that Windows reserves, a dot in front (a hidden folder), blanks and dots at
    the end, invisible characters and what is too long. Different labels may give one: see ``folder_names``.
    """
    name = _FORBIDDEN.sub("_", " ".join(unicodedata.normalize("NFC", _remove_invisible(label)).split()))
    name = _shorten_folder(name, 0)
    if name.startswith("."):
        name = "_" + name[1:]
    device = _DEVICES.match(name)
    if device:
        name = f"{name[: device.end(1)]}_{name[device.end(1) :]}"
    return name or "_"


def folder_names(labels: Iterable[str]) -> dict[str, str]:
    """Return a safe folder name for each class name; no two are one folder, whatever the disk.

    Some disks ignore case, some compose or decompose letters. Independent of the order of ``labels``.

    Example::

        folder_names(["Bees", "bees", "CON"])  # {"Bees": "Bees", "bees": "bees (2)", "CON": "CON_"}
    """
    return _make_distinct(labels, folder_name, _disk_key, _shorten_folder)


def _make_distinct(
    texts: Iterable[str], clean: Callable[[str], str], same: Callable[[str], str], shorten: Callable[[str, int], str]
) -> dict[str, str]:
    """Clean each text and number those whose results are the ``same``; ``shorten`` leaves room for the number."""
    given = list(dict.fromkeys(texts))
    cleaned = {text: clean(text) for text in given}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    names: dict[str, str] = {}
    for text in sorted(given, key=lambda text: (cleaned[text] != text, natural_key(text))):
        name, base = cleaned[text], same(cleaned[text])
        while same(name) in taken:
            numbers[base] = numbers.get(base, 1) + 1
            end = f" ({numbers[base]})"
            name = shorten(cleaned[text], len(end)).rstrip() + end
        taken.add(same(name))
        names[text] = name
    return {text: names[text] for text in given}


def _shorten_folder(name: str, room: int) -> str:
    encoded = name[: _FOLDER_LETTERS - room].encode()[: _FOLDER_BYTES - room]
    return encoded.decode(errors="ignore").rstrip(_JOINERS + " .")


def _disk_key(name: str) -> str:
    """Return a key that is equal for names that some disk takes for one: HFS+ also ignores joiners."""
    letters = unicodedata.normalize("NFKD", "".join(letter for letter in name if letter not in _JOINERS))
    return unicodedata.normalize("NFKD", letters.upper().casefold())


def _remove_invisible(text: str) -> str:
    """Remove what cannot be seen, except where it changes how the letter before is drawn; line ends become blanks."""
    kept: list[str] = []
    for letter in re.sub(r"\s", " ", text):
        before = unicodedata.category(kept[-1]) if kept else "Zs"
        if letter in _JOINERS:  # between letters without case, as of Persian and Hindi, and between emoji
            visible = before[0] in "MS" or before == "Lo"
        elif "\ufe00" <= letter <= "\ufe0f":  # text or emoji
            visible = before[0] not in "LZ"
        else:
            visible = not _is_invisible(letter)
        if visible:
            kept.append(letter)
    return "".join(kept)


def _is_invisible(letter: str) -> bool:
    """Return whether a character is a control, a text-direction override, half a surrogate pair, or draws nothing."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs") or bool(_IGNORABLE.match(letter))
