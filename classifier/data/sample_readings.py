"""Samples, of which tars, Parquet files and files of packed pictures say what they show -> the reading of these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..messages import message
from ..messages.layout import OriginCode
from .file_sets import File, FileSet
from .layout import Decision, Layout, Reading, Source, Texts
from .layout.candidates import Candidates
from .layout.options import choose_groups
from .layout.photos import PICTURE_SUFFIXES, is_known_kind, suffix_of
from .layout.refusal import refuse_files

STATED = "folders"  # the option of the reading: the files are named as if they lay in folders of their classes


def read_samples(
    files: Sequence[tuple[str, File]], tables: Texts, groups: str = "auto", known: Collection[str] = ()
) -> Layout:
    """Return the layout of samples, whose classes are as they are stated, whatever they are called.

    Args:
        files: with their names in the layout; those that are no samples are passed over.
        tables: may name classes that are numbers, and groups.
        groups: as for ``layout.choose``.
        known: the classes that the project has already.

    Raises ``LayoutError`` where the groups are not possible.
    """
    samples = {key: file.sample for key, file in files if file.sample and _may_be_picture(file.name)}
    if not samples:
        return refuse_files([key for key, _ in files])
    found = Candidates.of(list(samples) if tables.texts else (), tables.texts, (), tables.unreadable)
    splits, lone = _splits({key: sample.split or "train" for key, sample in samples.items()}, bool(known))
    by_key = {key: sample.group for key, sample in samples.items() if sample.group}
    trained = sum(split == "train" for split in splits.values())
    reading = Reading(
        source=Source.FOLDERS,
        option=STATED,
        labels={key: sample.label for key, sample in samples.items()},
        splits=splits,
        not_taken={},
        matched=trained,
        total=trained,
        origin=message(OriginCode.STATED),
        groups=by_key,
        groups_from="names" if by_key else "",
    )
    layout = Layout(
        Decision.READ, (found.finish(reading),), photos=len(samples), names=tuple(samples),
        unreadable=found.unreadable, lone_folder=lone,
    )  # fmt: skip
    return choose_groups(found, layout, groups)


def without_samples(sets: Iterable[FileSet]) -> list[FileSet]:
    """Return the sets with files of which nothing is stated, to be read by their names."""
    return [replace(one, files=tuple(replace(file, sample=None) for file in one.files)) for one in sets]


def _splits(stated: dict[str, str], known: bool) -> tuple[dict[str, str], str]:
    """Return the splits, and the only one where all are for validation or all to test: that may be but their name.

    Several without one to train on say nothing either, unless there are photos already.
    """
    found = set(stated.values())
    lone = next(iter(found)) if len(found) == 1 and "train" not in found else ""
    if lone or ("train" not in found and not known):
        return dict.fromkeys(stated, "train"), lone
    return stated, ""


def _may_be_picture(name: str) -> bool:
    base = name.rpartition("/")[2]
    return suffix_of(base) in PICTURE_SUFFIXES or not is_known_kind(base)
