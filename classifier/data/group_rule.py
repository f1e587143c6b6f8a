"""By which names and times other photos belong to the groups of the training photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import series
from .assets import Asset
from .name_groups import NameRule


@dataclass(frozen=True)
class GroupRule:
    """What makes photos one group, as it was found on the training photos.

    Args:
        names: the part of the names that is the key of a group; None where names group nothing.
        is_across: whether photos of several classes are one group by that key.
        burst_seconds: photos of one class that were taken no further apart are one group; 0 where times group nothing.
    """

    names: NameRule | None = None
    is_across: bool = False
    burst_seconds: float = 0.0

    def keys(self, photos: Sequence[Asset]) -> tuple[str | None, ...]:
        """Return the key of each photo (N) by its name, None for a photo that has none."""
        names = self.names
        return tuple(None if names is None else names.key(photo.source) for photo in photos)

    def times(self, photos: Sequence[Asset]) -> tuple[int | None, ...]:
        """Return when each photo (N) was taken, in whole seconds since 1970; None where that is not needed or known."""
        if not self.burst_seconds:
            return (None,) * len(photos)
        found = series.read_times([photo.taken for photo in photos], [photo.source for photo in photos])
        return tuple(None if time is None else series.to_seconds(time) for time in found)


NO_RULE = GroupRule()
