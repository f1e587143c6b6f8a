"""Names and small texts -> the readings of a data set: where labels, splits and groups come from.

Pure but for ``texts``, which opens tables. A reading is taken unasked only where one fits and its evidence is strong.
No library reads layouts so: those that load data sets expect one form and fail, or guess, on any other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from ...messages import Code
from .candidates import Candidates
from .choosing import decide
from .decision import Decision, Layout
from .options import choose_groups, choose_labels, option_file
from .photos import find_photos
from .reading import Reading, Source
from .refusal import refuse_files
from .texts import Texts, read_texts, wants_text

__all__ = [
    "Decision",
    "Layout",
    "Reading",
    "Source",
    "Texts",
    "choose",
    "option_file",
    "read_layout",
    "read_texts",
    "wants_text",
]

_NONE: Mapping[str, Code] = MappingProxyType({})


def read_layout(
    names: Sequence[str],
    texts: Mapping[str, str],
    *,
    known: Collection[str] = (),
    unreadable: Mapping[str, Code] = _NONE,
) -> Layout:
    """Return the readings of a data set.

    Args:
        names: relative file names, with ``/``.
        texts: the content of small texts by name, see ``read_texts``.
        known: classes that there are already; photos in a folder “test” of these are to test with.
        unreadable: why other tables could not be read, to be said where nothing fits.

    Example::

        layout = read_layout(["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"], {})
        layout.readings[0].labels["dog/1.jpg"]  # "dog"
    """
    pictures = find_photos(names)
    return decide(Candidates.of(pictures, texts, known, unreadable)) if pictures else refuse_files(names)


def choose(
    names: Sequence[str],
    texts: Mapping[str, str],
    labels: str | None,
    groups: str = "auto",
    *,
    known: Collection[str] = (),
    unreadable: Mapping[str, Code] = _NONE,
) -> Layout:
    """Return the layout with the reading that ``--labels`` takes, and the groups that ``--groups`` takes.

    Args:
        names: as for ``read_layout``, like ``known`` and ``unreadable``.
        texts: also of a table outside the data set, under the name that the option has for it.
        labels: ``folders[:LEVEL]``, ``names[:first|ending]``, ``boxes`` or ``FILE[:COLUMN]``; None reads the layout.
        groups: ``auto``, ``names``, ``folders``, ``FILE`` or ``none``.

    Raises:
        LayoutError: where no such reading or groups are possible.
    """
    pictures = find_photos(names)
    if not pictures:
        layout = refuse_files(names)
        if labels is not None:
            raise layout.error()
        return layout
    found = Candidates.of(pictures, texts, known, unreadable)
    layout = decide(found)
    if labels is not None:
        layout = choose_labels(found, layout, labels)
    return choose_groups(found, layout, groups)
