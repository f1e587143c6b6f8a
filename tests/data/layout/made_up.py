"""Made-up layouts: names and small texts as people have them, and what is right to read out of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from classifier.data.layout import Layout

Counts = Mapping[str, int]
AB = {"cat": 12, "dog": 10}
TWO = {"cat": 12, "dog": 12}
IDS = tuple(f"{number:04}" for number in range(24))
LABELS = tuple("cat" if number % 2 else "dog" for number in range(24))
HASHES = tuple(f"{number * 2654435761 % 2**32:08x}" for number in range(1, 61))


@dataclass(frozen=True)
class Case:
    """One layout.

    ``classes`` and ``splits`` are those of the first reading where it is read, of any offered one where it is asked;
    ``says`` are words of the question or refusal, ``groups`` is the number of groups, ``not_taken`` the number of
    photos by the code of their reason. ``split_classes`` are folders named like a split that are classes here.
    """

    name: str
    files: Sequence[str]
    decision: str
    classes: Counts | None = None
    splits: Counts | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    groups: int | None = None
    not_taken: Counts | None = None
    split_classes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """All file names, of photos and texts."""
        return [*self.files, *self.texts]


def many(pattern: str, count: int, start: int = 1) -> list[str]:
    """Return names with a number each."""
    return [pattern.format(number) for number in range(start, start + count)]


def folders(counts: Counts, before: str = "", pattern: str = "{}.jpg") -> list[str]:
    """Return the names of photos in one folder for each class."""
    return [f"{before}{label}/{name}" for label, count in counts.items() for name in many(pattern, count)]


def csv(header: Sequence[object], rows: Iterable[Sequence[object]], separator: str = ",") -> str:
    """Return a table as text; an empty header is left out."""
    lines = [header, *rows] if header else list(rows)
    return "".join(separator.join(map(str, row)) + "\n" for row in lines)


def pairs(suffix: str = ".jpg", before: str = "") -> list[tuple[str, str]]:
    """Return the file name and the label of ``IDS``."""
    return [(f"{before}{name}{suffix}", label) for name, label in zip(IDS, LABELS)]


def line(case: Case, layout: Layout) -> str:
    """Return one line of the table of all layouts: what is read, asked or refused."""
    words = layout.readings[0].in_words() if layout.readings else str(layout.error())
    others = f" (+{len(layout.readings) - 1})" if len(layout.readings) > 1 else ""
    return f"{layout.decision.value:6} {case.name:44.44} {words[:110]}{others}"
