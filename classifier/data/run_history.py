"""The trainings that a project remembers: their reports, and the photos of each with what was predicted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import stored_rows
from .database import Database


@dataclass(frozen=True)
class Run:
    """One training: when, name, mode, its report as recorded, and its duration in seconds.

    ``seconds`` is 0 for a run recorded before durations were. ``title`` is what the person called it, empty where they
    did not; ``details`` hold its epochs and verdict, see ``models.training_record``.
    """

    id: int
    created: str
    name: str
    mode: str
    report: dict[str, Any]
    seconds: float
    title: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class RunAsset(NamedTuple):
    """A photo as it was in a run, with the prediction of a model that was not trained on it.

    ``split`` is ``held_out`` for a training photo that deep training used for validation. ``confidence`` is the
    probability of ``predicted``, ``label_error_prob`` the probability that ``label`` is wrong; both are None where
    the photo was not predicted.
    """

    sha256: str
    label: str
    split: str
    predicted: str | None = None
    confidence: float | None = None
    label_error_prob: float | None = None


class Changes(NamedTuple):
    """SHA-256 of the photos added, removed or moved to another class since a run."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabeled: tuple[str, ...]


Pair = tuple[str, str]  # SHA-256 and class
Photos = Sequence[tuple[Any, ...]]  # rows that begin with SHA-256, class and split


class RunHistory:
    """The training runs in the database of a catalog."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def record(
        self,
        name: str,
        mode: str,
        report: Mapping[str, Any],
        assets: Iterable[RunAsset],
        seconds: float = 0.0,
        details: Mapping[str, Any] | None = None,
        title: str = "",
        created: str | None = None,
        replace: bool = False,
    ) -> int:
        """Store a training and return its id.

        Args:
            name: the name of the model's folder.
            mode: ``quick``, ``auto`` or ``deep``.
            report: the report as JSON values.
            assets: the photos of the run with their predictions.
            seconds: the duration of the training.
            details: its epochs and verdict as JSON values.
            title: what the person calls it.
            created: when it was, ISO 8601 in UTC; by default now.
            replace: whether it takes the place, the title and the time of the newest run of that name.
        """
        with self._db.write() as db:
            if replace:
                before = db.execute("SELECT id, title, created FROM runs WHERE name = ? ORDER BY id DESC", (name,))
                for run, known, made in before.fetchmany(1):
                    title, created = title or known, created or made
                    db.execute("DELETE FROM runs WHERE id = ?", (run,))
            row = (
                created or stored_rows.now(),
                name,
                mode,
                json.dumps(dict(report)),
                seconds,
                title,
                json.dumps(details or {}),
            )
            columns = "created, name, mode, report, seconds, title, details"
            run = db.execute(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row).lastrowid
            db.executemany(
                "INSERT OR IGNORE INTO run_assets VALUES (?, ?, ?, ?, ?, ?, ?)", [(run, *asset) for asset in assets]
            )
            return int(run or 0)

    def newest(self, most: int | None = None) -> list[Run]:
        """Return all runs, or at most so many, newest first; a report that is damaged is empty."""
        return self._select("1", most)

    def find(self, name: str | None = None, id: int | None = None) -> Run | None:
        """Return the newest run, of that name or id if given; None where there is none."""
        found = self._select("(?1 IS NULL OR name = ?1) AND (?2 IS NULL OR id = ?2)", 1, name, id)
        return found[0] if found else None

    def _select(self, where: str, most: int | None, *values: Any) -> list[Run]:
        columns = "id, created, name, mode, report, seconds, title, details"
        limit = -1 if most is None else most  # -1: none
        query = f"SELECT {columns} FROM runs WHERE {where} ORDER BY id DESC LIMIT {limit:d}"
        return [_run(*row) for row in self._db.rows(query, *values)]

    def assets(self, run_id: int) -> list[RunAsset]:
        """Return the photos of a run: those it was trained on and those it was evaluated on."""
        rows = self._db.rows(
            "SELECT sha256, label, split, predicted, confidence, doubt FROM run_assets WHERE run_id = ? ORDER BY rowid",
            run_id,
        )
        if not all(stored_rows.is_run_asset(row) for row in rows):
            raise self._db.damage()
        return [RunAsset(*row) for row in rows]

    def evaluated(self, run_id: int) -> list[RunAsset]:
        """Return the photos whose predictions are the score of a run: out of fold, or of a split set apart."""
        run = self.find(id=run_id)
        return [] if run is None else evaluated_rows(run.report, self.assets(run_id))

    def changed_since(self, run_id: int, until: int | None = None) -> Changes:
        """Compare the photos of a run with those of today, or with those of the run ``until``.

        Photos set apart for a test count only where the run has such photos. A photo in several classes is left out of
        training, so that it has not been added since.
        """
        if until is not None:
            return compare_photos(self._photos(run_id), self._photos(until), today=False)
        return self.changed_since_each([run_id])[0]

    def changed_since_each(self, run_ids: Sequence[int]) -> list[Changes]:
        """Compare the photos of each run with those of today, as ``changed_since`` does."""
        today = self._db.texts("SELECT sha256, label, split FROM assets", 3) if run_ids else []
        # One look at all rows, as they lie: those of a run by its index lie anywhere.
        source = "run_assets NOT INDEXED" if len(run_ids) > 1 else "run_assets"
        query = f"SELECT DISTINCT run_id, split FROM {source} WHERE run_id IN (SELECT value FROM json_each(?))"
        found = self._db.rows(query, json.dumps(list(run_ids)))
        of_splits: dict[frozenset[str], set[Pair]] = {}
        changes = []
        for id in run_ids:
            splits = _with_held_out(split for run_id, split in found if run_id == id)
            if splits not in of_splits:
                of_splits[splits] = {row[:2] for row in today if row[2] in splits}
            old = set(self._db.texts("SELECT sha256, label FROM run_assets WHERE run_id = ?", 2, id))
            changes.append(_changes(old, of_splits[splits], today))
        return changes

    def _photos(self, run_id: int) -> Photos:
        return self._db.texts("SELECT sha256, label, split FROM run_assets WHERE run_id = ?", 3, run_id)

    def names(self) -> set[str]:
        """Return the names of all runs."""
        return {str(name) for (name,) in self._db.rows("SELECT DISTINCT name FROM runs")}

    def titles(self) -> dict[str, str]:
        """Return what the person called the runs, by their names."""
        rows = self._db.texts("SELECT name, title FROM runs WHERE title <> '' ORDER BY id", 2)
        return {str(name): str(title) for name, title in rows}

    def rename(self, name: str, title: str) -> None:
        """Give the runs of that name another title; an empty one is none."""
        with self._db.write() as db:
            db.execute("UPDATE runs SET title = ? WHERE name = ?", (title, name))

    def delete(self, name: str) -> None:
        """Delete the runs of that name."""
        with self._db.write() as db:
            db.execute("DELETE FROM runs WHERE name = ?", (name,))


def _run(
    id: int,
    created: object,
    name: object,
    mode: object,
    report: object,
    seconds: object,
    title: object,
    details: object,
) -> Run:
    return Run(
        id,
        str(created),
        str(name),
        str(mode),
        stored_rows.read_object(report),
        float(seconds) if isinstance(seconds, float) else 0.0,
        title if isinstance(title, str) else "",
        stored_rows.read_object(details),
    )


def compare_photos(before: Photos, later: Photos, today: bool = True) -> Changes:
    """Compare the photos of a run with ``later`` ones, those of today or of another run; see ``changed_since``."""
    splits = _with_held_out(row[2] for row in before)
    old, new = {row[:2] for row in before}, {row[:2] for row in later if row[2] in splits}
    return _changes(old, new, later if today else ())


def _with_held_out(splits: Iterable[str]) -> frozenset[str]:
    """Return the splits of a run, where those of training photos count as one."""
    found = frozenset(splits)
    return found | {"train", "held_out"} if found & {"train", "held_out"} else found


def _changes(old: set[Pair], new: set[Pair], today: Photos) -> Changes:
    """Compare photos with their classes; those that are in several of ``today`` have not been added."""
    changed = {sha for sha, _ in old ^ new}
    old_ones, new_ones = ({sha for sha, _ in pairs if sha in changed} if changed else set() for pairs in (old, new))
    added = new_ones - old_ones
    if added:
        counts = Counter(row[0] for row in today if row[0] in added)
        added = {sha for sha in added if counts[sha] <= 1}
    return Changes(tuple(sorted(added)), tuple(sorted(old_ones - new_ones)), tuple(sorted(old_ones & new_ones)))


def evaluated_rows(report: Mapping[str, Any], rows: Iterable[RunAsset]) -> list[RunAsset]:
    """Return the photos of a run, of all ``rows`` of it, whose predictions are the score in its report."""
    # Photos set apart may be of classes that the model does not have.
    known = report.get("labels")
    labels = {label for label in known if isinstance(label, str)} if isinstance(known, list) else set()
    rows = [row for row in rows if row.label in labels]
    if (evaluated_on := report.get("judged_on")) != "out_of_fold":
        return [row for row in rows if row.split == evaluated_on]
    val_rows = [row for row in rows if row.split == "held_out"]
    return val_rows or [row for row in rows if row.split == "train"]
