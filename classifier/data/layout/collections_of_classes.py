"""Labels from folders that recur in several folders: persons, days or sizes with the same classes in each."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...messages import Code, Message, message
from ...messages.layout import NoteCode, NotTakenCode, OriginCode, QuestionCode
from ..labels import label_key
from .folder_names import Dirs, are_versions, is_container, is_date, is_form, is_group, is_mask_folder
from .photos import Photo
from .reading import Reading, Source, make_reading
from .split_names import split_words

_SHARED = 0.8  # share of a collection's photos that must lie under recurring names
_RECURRING = 0.6  # share of the collections in which a name must recur
_MEMBERS = 0.3  # share of all photos that must lie in collections
_STEPS = 20  # the worst twentieth of very many folders is dropped at a time
_SHOWN = 5  # joined names in a note
_FORMS = 2  # different names but for their numbers, and the share of all names: more are no counters
_MANY_FORMS = 0.3
_VERSION = re.compile(r"([\W_]+(final|masked|mask|seg|segmented|gray|grayscale|aug|augmented|small|large|copy))+$")


def find_collections(levels: Mapping[str, Dirs]) -> dict[Dirs, str]:
    """Return the key of the class of each folder in a collection, empty where there are no collections.

    At least two first-level folders have 80 % of their photos under names that recur in 60 % of them, and these are
    30 % of all photos.
    """
    below: dict[str, Counter[str]] = defaultdict(Counter)
    keys: dict[Dirs, str] = {}
    counts = Counter(levels.values())
    names = Counter(name for _, name in {(dirs[0], dirs[1].casefold()) for dirs in counts if len(dirs) > 1})
    if sum(count > 1 for count in names.values()) < 2:
        return {}
    for dirs, count in counts.items():
        if len(dirs) > 1:
            keys[dirs] = label_key(dirs[1])
            below[dirs[0]][keys[dirs]] += count
    recurring = _recurring_names(below)
    members = {dirs: key for dirs, key in keys.items() if dirs[0] in below and key in recurring}
    if len(recurring) < 2 or sum(counts[dirs] for dirs in members) < _MEMBERS * len(levels):
        return {}
    return members


def read_collections(
    photos: Sequence[Photo], levels: Mapping[str, Dirs], keys: Mapping[Dirs, str], reasons: Mapping[str, Code]
) -> Reading | None:
    """Return the reading of the second level where the first holds collections, to be asked about.

    The group is the file name where names recur between collections, as of copies in several sizes, otherwise the
    collection. ``keys`` are the folders that ``find_collections`` found.
    """
    members = {name: dirs for name, dirs in levels.items() if dirs in keys}
    spellings, notes = _join_spellings(keys)
    labels = {name: spellings[dirs] for name, dirs in members.items()}
    origin = message(OriginCode.COLLECTIONS, count=len({dirs[0] for dirs in members.values()}))
    reading = make_reading(
        Source.FOLDERS, "folders:2", labels, photos, NotTakenCode.OUTSIDE_CLASSES, origin, reasons=reasons
    )
    if reading is None:
        return None
    stems = {name: (labels[name], _plain_stem(name)) for name in members}
    firsts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, key in stems.items():
        firsts[key].add(members[name][0])
    copies = _are_copies(firsts)
    groups = {name: f"{label}/{stem}" if copies else members[name][0] for name, (label, stem) in stems.items()}
    return replace(
        reading,
        groups=groups,
        groups_from="names" if copies else "folders",
        questions=(QuestionCode.COLLECTIONS,),
        notes=notes,
    )


def _join_spellings(keys: Mapping[Dirs, str]) -> tuple[dict[Dirs, str], tuple[Message, ...]]:
    """Return one class name for the folders that look alike in several collections, and a note of those joined.

    None are joined where one collection has two of them.
    """
    given: dict[str, set[str]] = defaultdict(set)
    for dirs, key in keys.items():
        given[key].add(dirs[1])
    folders = Counter((first, key) for first, _, key in {(*dirs[:2], key) for dirs, key in keys.items()})
    apart = {key for (_, key), count in folders.items() if count > 1}
    names = {dirs: dirs[1] if key in apart else min(given[key]) for dirs, key in keys.items()}
    joined = {dirs[1]: name for dirs, name in names.items() if dirs[1] != name}
    pairs = [message(NoteCode.SPELLING, name=name, label=label) for name, label in sorted(joined.items())]
    return names, (message(NoteCode.SPELLINGS, pairs=pairs[:_SHOWN]),) if pairs else ()


def _are_copies(firsts: Mapping[tuple[str, str], set[str]]) -> bool:
    """Return whether files of one name in several collections are the same photo.

    Half of the names recur, and they are more than a word with a counter (1.jpg, IMG_2.jpg), which recur by chance; or
    the collections are named like versions of the same pictures.
    """
    recurring = sum(len(folders) > 1 for folders in firsts.values())
    if recurring and are_versions(set().union(*firsts.values())):
        return True
    if 2 * recurring < len(firsts) or all(is_group(first) or is_date(first) for first in set().union(*firsts.values())):
        return False
    forms = {re.sub(r"\d{1,4}", "#", stem) for _, stem in firsts}
    return len(forms) > max(_FORMS, _MANY_FORMS * len(firsts))


def _plain_stem(name: str) -> str:
    return _VERSION.sub("", Photo(name, ()).stem.casefold())


def _recurring_names(below: dict[str, Counter[str]]) -> set[str]:
    """Return the second-level names that recur; drops first-level folders from ``below`` that do not share them."""
    while len(below) > 1:
        holders = Counter(name for counts in below.values() for name in counts)
        recurring = {
            name for name, count in holders.items()
            if count >= max(2, _RECURRING * len(below)) and not _is_no_class(name)
        }  # fmt: skip
        shares = {
            first: sum(count for name, count in counts.items() if name in recurring) / counts.total()
            for first, counts in below.items()
        }
        kept = [first for first, share in shares.items() if share >= _SHARED]
        if len(kept) == len(below):
            return recurring
        by_share = sorted(shares, key=lambda first: shares[first])
        worst = max(len(by_share) // _STEPS, sum(share == shares[by_share[0]] for share in shares.values()))
        for first in by_share[:worst]:
            del below[first]
    return set()


def _is_no_class(name: str) -> bool:
    kinds = (is_container, is_form, is_mask_folder, is_date, is_group)
    return bool(split_words(name)) or any(is_kind(name) for is_kind in kinds)
