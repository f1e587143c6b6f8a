"""Any sequence of edits gives what a list of photos in plain Python gives, and undo goes back step by step."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from classifier.data.assets import Asset
from classifier.data.catalog import Catalog

from .fuzzing import fuzzed

LABELS = st.sampled_from(["cat", "dog", "Cat", "é", "e\u0301", "'; DROP TABLE assets; --", "😀", "x" * 80])
PHOTOS = st.sampled_from([f"{number:064x}" for number in range(6)])
PLACES = st.sets(st.integers(0, 12), max_size=5)
Row = tuple[int, str, str, bool]  # id, content, class, whether it was confirmed
_UNDO_STEPS = 50


def asset(sha256: str, label: str) -> Asset:
    """Return a photo that is not in a catalog yet."""
    return Asset(0, f"photos/{sha256}.jpg", sha256, label, "train", None, "a.jpg", 1, 1, 1, "")


class CatalogMachine(RuleBasedStateMachine):
    """The catalog beside its model: rows by id, and of each edit the rows before it and the ids that it added."""

    @initialize()
    def open(self) -> None:
        """Begin with an empty catalog."""
        self.catalog = Catalog(None)
        self.rows: dict[int, Row] = {}
        self.edits: list[tuple[list[Row], list[int]]] = []

    def teardown(self) -> None:
        """Close it."""
        if hasattr(self, "catalog"):
            self.catalog.close()

    def ids(self, places: set[int]) -> list[int]:
        """Return some ids, some of which are not there."""
        present = sorted(self.rows)
        return [present[place] if place < len(present) else 1000 + place for place in sorted(places)]

    def has(self, content: str, label: str, but: int = 0) -> bool:
        """Return whether a class has a photo."""
        return any(row[1:3] == (content, label) and row[0] != but for row in self.rows.values())

    def remember(self, before: list[Row], added: list[int] | None = None) -> None:
        """Note an edit that changes something."""
        if before or added:
            self.edits = [*self.edits, (before, added or [])][-_UNDO_STEPS:]

    def set_label(self, rows: list[Row], label: str, confirmed: bool) -> None:
        """Move rows; one that the class has already is dropped."""
        for id, content, _, mark in rows:
            del self.rows[id]
            if not self.has(content, label):
                self.rows[id] = (id, content, label, mark or confirmed)

    @rule(photos=st.lists(st.tuples(PHOTOS, LABELS), max_size=5))
    def add(self, photos: list[tuple[str, str]]) -> None:
        """Add photos; one that its class has already is skipped."""
        new = [pair for pair in dict.fromkeys(photos) if not self.has(*pair)]
        self.catalog.edits.add(asset(*pair) for pair in photos)
        added = [one for one in self.catalog.assets() if one.id not in self.rows]
        assert {(one.sha256, one.label) for one in added} == set(new)
        self.rows |= {one.id: (one.id, one.sha256, one.label, False) for one in added}
        self.remember([], [one.id for one in added])

    @rule(places=PLACES, label=LABELS)
    def relabel(self, places: set[int], label: str) -> None:
        """Move photos to a class."""
        ids = self.ids(places)
        before = [self.rows[id] for id in ids if id in self.rows and self.rows[id][2] != label]
        self.catalog.edits.relabel(ids, label)
        self.remember(before)
        self.set_label(before, label, confirmed=True)

    @rule(old=LABELS, new=LABELS)
    def rename(self, old: str, new: str) -> None:
        """Rename a class, or merge it into another."""
        before = [row for row in self.rows.values() if row[2] == old != new]
        self.catalog.edits.rename(old, new)
        self.remember(before)
        self.set_label(before, new, confirmed=False)

    @rule(places=PLACES)
    def remove(self, places: set[int]) -> None:
        """Remove photos."""
        ids = self.ids(places)
        before = [self.rows[id] for id in ids if id in self.rows]
        self.catalog.edits.remove(ids)
        self.remember(before)
        for row in before:
            del self.rows[row[0]]

    @rule(places=PLACES)
    def confirm(self, places: set[int]) -> None:
        """Confirm photos; the same photos in other classes are removed."""
        ids = [id for id in self.ids(places) if id in self.rows]
        contents = {self.rows[id][1] for id in ids}
        before = [row for row in self.rows.values() if row[1] in contents]
        self.catalog.edits.confirm(ids)
        self.remember(before)
        for row in before:
            if row[0] in ids:
                self.rows[row[0]] = (*row[:3], True)
            else:
                del self.rows[row[0]]

    @rule()
    def undo(self) -> None:
        """Undo the last edit."""
        undone = self.catalog.edits.undo()
        assert (undone is None) == (not self.edits)
        before, added = self.edits.pop() if self.edits else ([], [])
        for id in (*(row[0] for row in before), *added):
            self.rows.pop(id, None)
        self.rows |= {row[0]: row for row in before}

    @invariant()
    def rows_are_equal(self) -> None:
        """The catalog holds what the model holds."""
        if not hasattr(self, "catalog"):
            return
        found = {one.id: (one.id, one.sha256, one.label, one.confirmed) for one in self.catalog.assets()}
        assert found == self.rows
        counts = Counter(row[2] for row in self.rows.values())
        assert self.catalog.balance().get("train", {}) == dict(counts)
        assert set(self.catalog.labels()) == set(counts)


CatalogMachine.TestCase.settings = fuzzed(25, stateful_step_count=25)
TestEdits = CatalogMachine.TestCase
