"""Photos taken one after another: bursts by the camera's time, and series by number or time with jumps between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from . import name_groups
from .labels import natural_key

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

BURST_SECONDS = (3.0, 10.0, 30.0)  # between two photos of one burst; the shortest that is proved counts
_EPOCH = datetime(1970, 1, 1)
_KNOWN = 0.95  # share of the photos that must have a number or a time
_FAR = 0.95  # quantile of the similarity of photos far apart that neighbors of one series exceed
_REACH = 2  # places within which a photo is compared, so that one different photo does not cut a series
_ALTERNATING = 2  # changes of class, for each class, from which on an order runs through all classes
_FEWEST = 4  # photos of a sequence that can be a series
_MOST_FAR = 2000  # pairs of photos far apart that are compared


def read_times(times: Sequence[str | None], names: Sequence[str]) -> list[datetime | None]:
    """Return when photos (N) were taken, by the camera's time (N) or the time in the name (N)."""
    return [_parse(time) or _parse(name_groups.time_in_name(name)) for time, name in zip(times, names)]


def to_seconds(time: datetime) -> int:
    """Return a local time in whole seconds since 1970."""
    return int((time.replace(tzinfo=None) - _EPOCH).total_seconds() // 1)


def from_seconds(seconds: int) -> datetime:
    """Return the local time so many seconds after 1970; raises ``OverflowError`` beyond the years 1 to 9999."""
    return _EPOCH + timedelta(seconds=seconds)


def burst_groups(times: Sequence[datetime | None], labels: Sequence[str], seconds: float) -> Ints:
    """Return group numbers (N,) of photos of one class that were taken no more than so many seconds apart."""
    known = [photo for photo, time in enumerate(times) if time is not None]
    order = sorted(known, key=lambda photo: (labels[photo], times[photo], photo))
    groups = np.arange(len(times))
    for before, photo in pairwise(order):
        first, second = times[before], times[photo]
        if labels[before] == labels[photo] and first and second and (second - first).total_seconds() <= seconds:
            groups[photo] = groups[before]
    return groups


def find_orders(
    names: Sequence[str], labels: Sequence[str], times: Sequence[datetime | None]
) -> Iterator[tuple[Ints, Ints]]:
    """Yield the orders in which photos (N,) may have been taken, with the sequence (N,) that each photo is of.

    By time where nearly all photos have one, otherwise by the last number in the name; nothing where there is neither.
    The first order runs through all classes, where these alternate in it: photos of one thing that are of several
    classes must not be divided by class, or those of the other classes are learned as what the thing looks like. The
    last one goes class by class.
    """
    keys: list[object]
    if sum(time is not None for time in times) >= _KNOWN * len(names):
        first = datetime.min
        keys = [time or first for time in times]
    else:
        numbers = [name_groups.number_of(name) for name in names]
        if sum(number is not None for number in numbers) < _KNOWN * len(names):
            return
        keys = [number or ("", 0) for number in numbers]
    places = range(len(names))
    order = sorted(places, key=lambda n: (keys[n], natural_key(names[n])))
    classes = set(labels)
    changes = sum(labels[photo] != labels[after] for photo, after in pairwise(order))
    if len(classes) > 1 and changes > _ALTERNATING * len(classes) and len(set(keys)) >= _KNOWN * len(names):
        yield np.array(order), np.zeros(len(names), np.int64)
    yield (
        np.array(sorted(places, key=lambda n: (labels[n], keys[n], natural_key(names[n])))),
        np.unique(labels, return_inverse=True)[1].astype(np.int64),
    )


def series_groups(unit: Floats, sequences: Ints, order: Ints) -> Ints:
    """Return group numbers (N,) of photos that follow one another and are more alike than photos far apart.

    Args:
        unit: comparable features (N, D), see ``chance``.
        sequences: the sequence (N,) that each photo is of; photos of two are not joined.
        order: the photos in the order in which they were taken, sequence by sequence.
    """
    is_joined = np.zeros(len(order), np.bool_)  # a photo of the order with the one after it
    for sequence in np.unique(sequences):
        places = np.flatnonzero(sequences[order] == sequence)
        if len(places) < _FEWEST:
            continue
        members = order[places]
        limit = _limit_of_far_pairs(unit[members])
        for step in range(1, _REACH + 1):
            similar = np.einsum("nd,nd->n", unit[members[:-step]], unit[members[step:]]) > limit
            for between in range(step):
                is_joined[places[between : between + len(similar)][similar]] = True
    groups = np.empty(len(order), np.int64)
    groups[order] = np.cumsum(~np.roll(is_joined, 1))
    return groups


def _limit_of_far_pairs(unit: Floats) -> float:
    """Return the similarity that few pairs of photos exceed which are at least a quarter of the order apart."""
    count = len(unit)
    rng = np.random.default_rng(0)
    first = rng.integers(0, count, _MOST_FAR)
    second = (first + rng.integers(max(count // 4, 1), count - count // 4 + 1, _MOST_FAR)) % count
    different = first != second
    similarity = np.einsum("nd,nd->n", unit[first[different]], unit[second[different]])
    return float(np.quantile(similarity, _FAR))


def _parse(time: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(time) if time else None
    except ValueError:
        return None
