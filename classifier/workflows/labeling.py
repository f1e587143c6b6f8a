"""Unlabeled photos -> training photos with few answers: groups to accept at once, and an order in which to ask.

The model that answered the photos says which are sure: those are shown by class, to be accepted together. The others
are asked one by one, those first between whose two likeliest classes the model decides least (margin sampling;
Scheffer, Decomain and Wrobel, IDA 2001). Measured in ``benchmarks/labeling.py``: the groups bring most; on top of
them, diversity in feature space (k-center) and typicality (Hacohen et al., arXiv 2202.02794), which help most where
nothing is labeled yet, were within noise of the margin alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..data.answer_rows import AnswerRow
from ..data.answer_table import AnswerTable
from ..data.intake import sha256
from ..data.labels import clean_label
from ..data.linking import connect
from ..data.perceptual_hash import HASH_SIZE, compute_hashes, compute_similarity
from ..data.project import Project
from ..errors import DataError
from ..messages.labeling import LabelingCode

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SURE = 0.9  # probability from which a photo is accepted with others of its class
GROUP = 24  # photos accepted with one press, so that each can be seen
QUESTIONS = 24  # photos asked for before the model is trained again
_CANDIDATES = 4  # photos compared for each question, so that near duplicates are asked once
_SAME_PICTURE = 0.9  # similarity of perceptual hashes
_FEWEST = 2  # photos of a group
_UNDO = "labeled"  # the fact of a table that holds what can be taken back
_TAKEN_OUT, _ASIDE = "taken_out", "set_aside"  # facts with the ids of photos
_CONTENTS = "contents"  # a fact: the id of a photo that was given a class -> its SHA-256 in the project
_STEPS = 200  # of which each can be taken back


@dataclass(frozen=True)
class SureGroup:
    """Photos to accept together: ``label`` is the index of their class, ``photos`` are theirs, surest first.

    Example::

        for group in suggest(probs).sure:
            print(labels[group.label], len(group.photos))
    """

    label: int
    photos: tuple[int, ...]


@dataclass(frozen=True)
class Suggestions:
    """What to answer: groups of ``sure`` photos, the largest first, and the others in the order that helps most.

    ``questions`` are these others, by their indices.

    Example::

        found = suggest(probs)
        for group in found.sure:
            print(labels[group.label], [names[index] for index in group.photos])
        print([names[index] for index in found.questions[:10]])
    """

    sure: tuple[SureGroup, ...]
    questions: tuple[int, ...]


def suggest(probs: Floats, groups: Ints | None = None, unlike: Bools | None = None) -> Suggestions:
    """Return which photos to accept together and in which order to ask for the others.

    Args:
        probs: calibrated probabilities (N, C) of photos without a class.
        groups: numbers (N,), equal for near duplicates, of which the first one is asked and the others come last.
        unlike: True for photos (N,) unlike all training photos, which are never sure.

    Example::

        predictions = predictor.predict(paths, top_k=len(predictor.labels))
        shares = [{one.label: one.confidence for one in found.top} for found in predictions]
        found = suggest(np.array([[share[label] for label in predictor.labels] for share in shares]))
        print([paths[index] for index in found.questions[:10]])
    """
    return _suggest(probs.argmax(1), probs.max(1), order(probs, groups), unlike)


def _suggest(y_pred: Ints, confidence: Floats, ordered: Ints, unlike: Bools | None) -> Suggestions:
    """Return which photos (N) to accept together; the others, in the order ``ordered`` (N,), are asked."""
    is_sure = confidence >= SURE
    if unlike is not None:
        is_sure &= ~unlike
    sure = []
    for label in np.unique(y_pred[is_sure]).tolist():
        photos = np.flatnonzero(is_sure & (y_pred == label))
        photos = photos[np.argsort(-confidence[photos], kind="stable")][:GROUP]
        if len(photos) >= _FEWEST:
            sure.append(SureGroup(label, tuple(photos.tolist())))
    grouped = {index for group in sure for index in group.photos}
    questions = tuple(index for index in ordered.tolist() if index not in grouped)
    return Suggestions(tuple(sorted(sure, key=lambda group: -len(group.photos))), questions)


def order(probs: Floats, groups: Ints | None = None) -> Ints:
    """Return the indices (N,) of photos in the order in which to ask for their classes.

    By the margin between the two likeliest classes, smallest first; near duplicates of a photo that comes before come
    last.

    Args:
        probs: probabilities (N, C).
        groups: numbers (N,), equal for near duplicates; by default no two photos are.
    """
    if probs.shape[1] < 2:
        return np.arange(len(probs))
    two = np.partition(probs, -2, 1)[:, -2:]
    return _by_margin(two[:, 1] - two[:, 0], groups)


def _by_margin(margins: Floats, groups: Ints | None = None) -> Ints:
    """Return the indices (N,) in the order of the margins (N,), smallest first, all but one of each group last."""
    ordered = np.argsort(margins, kind="stable")
    if groups is None:
        return ordered
    _, first = np.unique(groups[ordered], return_index=True)
    is_first = np.zeros(len(ordered), np.bool_)
    is_first[first] = True
    return np.concatenate([ordered[is_first], ordered[~is_first]])


# -- photos of a table


@dataclass(frozen=True)
class Given:
    """What came of giving photos a class: how many are new in it, how many came from another, and why others are not.

    Photos that the class had already count as neither.
    """

    added: int
    moved: int
    problems: tuple[str, ...]


class OpenPhotos(NamedTuple):
    """The photos (N) of a table that can be used and that no person answered, in the order they came.

    ``y_pred`` are the indices of their likeliest classes, ``margins`` those between the two likeliest probabilities.
    """

    ids: list[int]
    y_pred: Ints
    confidence: Floats
    margins: Floats
    unlike: Bools


def open_photos(table: AnswerTable) -> OpenPhotos:
    """Return the photos of a table that can be used and that no person answered.

    The table holds the probabilities of all classes, too: of many photos and classes these are hundreds of megabytes.
    """
    aside, place = set(table.fact(_ASIDE) or ()), {label: index for index, label in enumerate(table.labels)}
    rows = [row for row in table.open_answers() if row[0] not in aside and row[1] in place]
    # Thresholds per class can make the second likeliest class the answer.
    likeliest = [place[row[3]] if row[3] in place and (row[4] or 0) > row[2] else place[row[1]] for row in rows]
    answered = np.array([row[2] for row in rows], np.float32)
    second = np.array([row[4] or 0 for row in rows], np.float32)
    return OpenPhotos(
        [row[0] for row in rows],
        np.array(likeliest, np.int64),
        np.maximum(answered, second),
        np.abs(answered - second),
        np.array([row[5] for row in rows], np.bool_),
    )


@dataclass(frozen=True)
class ToLabel:
    """The photos of a table that have no class yet: ``sure`` ones to accept together, by class, and what to ask first.

    ``photos`` is their number, of which ``questions`` has the first ones, in order.

    Example::

        with AnswerTable.open(Path("answers")) as table:
            for label, rows in to_label(table).sure:
                print(label, [row.file for row in rows])
    """

    sure: tuple[tuple[str, tuple[AnswerRow, ...]], ...]
    questions: tuple[AnswerRow, ...]
    photos: int


def to_label(
    table: AnswerTable,
    most: int = QUESTIONS,
    picture: Callable[[AnswerRow], Image.Image | None] | None = None,
) -> ToLabel:
    """Return which photos of a table to accept together, and at most so many questions.

    Args:
        table: answers of a model for photos without a class.
        most: number of questions.
        picture: a small picture of a photo, by which near duplicates among the questions are found; by default the
            thumbnail of the table. They are asked once: the others come last.

    Example::

        *_, answers = predict_many(Predictor("model"), ["new photos.zip"], Path("answers"))
        with answers.open() as table:
            print([row.file for row in to_label(table, most=10).questions])
    """
    photos = open_photos(table)
    if not photos.ids:
        return ToLabel((), (), 0)
    taken_out = set(table.fact(_TAKEN_OUT) or ())
    out = np.array([id in taken_out for id in photos.ids])
    found = _suggest(photos.y_pred, photos.confidence, _by_margin(photos.margins), out | photos.unlike)
    first = [index for index in found.questions if not out[index]][: most * _CANDIDATES]
    shown = {*first, *np.flatnonzero(out).tolist(), *(index for group in found.sure for index in group.photos)}
    by_id = table.rows_of(photos.ids[index] for index in shown)
    rows = {index: by_id[photos.ids[index]] for index in shown}
    pictures = [(picture or table_picture(table))(rows[index]) for index in first]
    copies = find_copies(pictures, photos.y_pred[first])
    ordered = [first[index] for index in _by_margin(photos.margins[first], copies)]
    ordered = [*np.flatnonzero(out).tolist(), *ordered]
    labels = table.labels
    sure = tuple((labels[group.label], tuple(rows[index] for index in group.photos)) for group in found.sure)
    return ToLabel(sure, tuple(rows[index] for index in ordered[:most]), len(photos.ids))


def find_copies(pictures: Sequence[Image.Image | None], y_pred: Ints) -> Ints:
    """Return numbers (N,), equal for pictures that look the same and are answered alike; None looks like no other.

    By perceptual hashes alone, because the features of these photos are not kept. Photos before one camera may look
    the same too; so they are only asked later, and never labeled together.
    """
    hashes = np.stack([_hash(one) for one in pictures]) if pictures else np.zeros((0, HASH_SIZE), np.float32)
    similar = compute_similarity(hashes, hashes) > _SAME_PICTURE
    pairs = np.argwhere(np.triu(similar & (y_pred[:, None] == y_pred[None]), 1))
    return connect(len(pictures), pairs)


def _hash(picture: Image.Image | None) -> Floats:
    if picture is None:
        return np.zeros(HASH_SIZE, np.float32)
    return compute_hashes(picture.convert("L"))


def table_picture(table: AnswerTable) -> Callable[[AnswerRow], Image.Image | None]:
    """Return a function that opens the thumbnail of a photo, which this program wrote; None where there is none."""

    def open_thumbnail(row: AnswerRow) -> Image.Image | None:
        with suppress(OSError), Image.open(table.thumbnail(row), formats=("JPEG",)) as picture:
            picture.load()
            return picture
        return None

    return open_thumbnail


def give_class(project: Project, table: AnswerTable, ids: Sequence[int], label: str) -> Given:
    """Make photos of a table training photos of a class, which a person confirmed; ``take_back`` undoes it.

    A photo that the project has in another class is moved. Raises ``DataError`` where none of the ids is a photo of
    the table that can be used, where the label is none, or where a limit of the project would be exceeded.
    """
    label = clean_label(label, project.limits)
    rows = [row for id in dict.fromkeys(ids) if (row := table.row(id)) is not None and row.error is None]
    paths = [(row, path) for row in rows if (path := table.path(row)) is not None and path.is_file()]
    contents = {row.id: sha256(path) for row, path in paths}
    files = {contents[row.id]: (row, path) for row, path in paths}
    if not files:
        raise DataError(LabelingCode.NO_PHOTO)
    before = project.catalog.with_contents(files)
    elsewhere = [photo for photo in before if photo.label != label]
    known = {photo.sha256 for photo in before}
    new = [(_name(row), path) for content, (row, path) in files.items() if content not in known]
    with project.catalog.edits.as_one_edit():
        project.move([photo.id for photo in elsewhere], label)
        result = project.add_files(new, label) if new else None
        photos = [photo for photo in project.catalog.with_contents(files) if photo.label == label]
        project.confirm([photo.id for photo in photos])
    added = [photo.id for photo in photos if photo.sha256 not in known]
    done = {photo.sha256 for photo in photos}
    labeled = [id for id, content in contents.items() if content in done]
    table.give(labeled, label)
    table.set_fact(_CONTENTS, {**_contents(table), **{str(id): contents[id] for id in labeled}})
    moved = [(photo.id, photo.label) for photo in elsewhere]
    _remember(table, {"rows": labeled, "added": added, "moved": moved})
    problems = () if result is None else tuple(left.reason for left in result.left_out)
    return Given(len(added), len(moved), problems)


def take_out(table: AnswerTable, ids: Sequence[int]) -> None:
    """Note photos that a person took out of a group: they are asked next, and in no group any more."""
    table.set_fact(_TAKEN_OUT, sorted({*(table.fact(_TAKEN_OUT) or ()), *ids}))


def set_aside(table: AnswerTable, id: int) -> None:
    """Note a photo that shows none of the classes: it is not asked again; ``take_back`` undoes it."""
    table.set_fact(_ASIDE, sorted({*(table.fact(_ASIDE) or ()), id}))
    _remember(table, {"rows": [id], "added": [], "moved": []})


def take_back(project: Project, table: AnswerTable) -> int:
    """Undo the last ``give_class`` or ``set_aside``; return of how many photos, 0 where there is nothing to undo.

    Photos that are gone meanwhile stay gone.
    """
    steps = _steps(table)
    if not steps:
        return 0
    last = steps.pop()
    changed = [*last["added"], *(id for id, _ in last["moved"])]
    present = {photo.id for photo in project.catalog.with_ids(changed)}
    project.remove([id for id in last["added"] if id in present])
    for id, label in last["moved"]:
        if id in present:
            project.move([id], label)
    table.set_fact(_CONTENTS, {id: one for id, one in _contents(table).items() if int(id) not in last["rows"]})
    table.give(last["rows"], None)
    table.set_fact(_ASIDE, [id for id in table.fact(_ASIDE) or () if id not in last["rows"]])
    table.set_fact(_UNDO, steps)
    return len(last["rows"])


def follow_project(project: Project, table: AnswerTable) -> None:
    """Bring the classes that a person gave photos up to date, after they were changed elsewhere, or that was undone.

    A photo has the class that it has in the project, and none where it is not there any more.
    """
    labels: dict[str, list[str]] = {}
    contents = _contents(table)
    for photo in project.catalog.with_contents(contents.values()):
        labels.setdefault(photo.sha256, []).append(photo.label)
    for id, content in contents.items():
        row, present = table.row(int(id)), labels.get(content, [])
        if row is not None and row.given not in present:
            table.give([row.id], present[0] if present else None)


def can_take_back(table: AnswerTable) -> bool:
    """Return whether there is something that ``take_back`` would undo."""
    return bool(_steps(table))


def _remember(table: AnswerTable, step: dict[str, Any]) -> None:
    table.set_fact(_UNDO, [*_steps(table), step][-_STEPS:])


def _contents(table: AnswerTable) -> dict[str, str]:
    return dict(table.fact(_CONTENTS) or {})


def _steps(table: AnswerTable) -> list[dict[str, Any]]:
    return list(table.fact(_UNDO) or ())


def _name(row: AnswerRow) -> str:
    """Return the last part of a photo's name: those of its folders, such as “test”, would decide its split."""
    return row.file.rsplit("/", 1)[-1]
