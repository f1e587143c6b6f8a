"""The photos of a project -> HTML: bars of the classes, photos to select, left-out files, conflicts. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...data.assets import Asset
from ...data.intake import LeftOut
from ...data.labels import natural_key
from ...messages import Code, in_row, number, outline
from ...messages.data import SeveralCode
from ...messages.photos_page import GridScript, PhotosCode, PurposeCode, ReadingCode, SplitsCode
from .. import html
from ..html import escape

NAMED = 200  # files that were left out for one reason, and photos in several classes
_CLASSES = 3  # named of a photo that is in several
_FEW_CLASSES = 8  # that the keyboard passes one by one


def template() -> str:
    """Return the HTML around the photos: what may be done with those that are selected."""
    return (
        f'{html.skip()}<div class="pc-tools">'
        f'<label class="pc-all"><input type="checkbox"> {html.text(PhotosCode.SELECT_ALL)}</label>'
        f'<span class="pc-chosen" role="status">{html.text(GridScript.SELECT)}</span>'
        '<span class="pc-actions" hidden><input class="pc-move" type="text" list="pc-classes" maxlength="80" '
        f'placeholder="{html.text(PhotosCode.MOVE_TO)}" aria-label="{html.text(PhotosCode.MOVE_TO_LABEL)}" '
        'autocomplete="off">'
        f'<button type="button" class="pc-button pc-do-move">{html.text(PhotosCode.MOVE)}</button>'
        f'<select class="pc-button pc-do-use" aria-label="{html.text(SplitsCode.USE_LABEL)}">{_uses()}</select>'
        f'<button type="button" class="pc-button pc-do-remove">{html.text(PhotosCode.REMOVE)}</button></span></div>'
        '<div class="pc-grid">${value}</div>'
    )


def _uses() -> str:
    uses = "".join(f'<option value="{code.id}">{html.text(code)}</option>' for code in PurposeCode)
    return f'<option value="">{html.text(SplitsCode.USE)}</option>{uses}'


def class_bars(counts: Mapping[str, int], chosen: str, colors: Mapping[str, int]) -> str:
    """Return the classes as bars with their numbers of photos.

    A bar is a button that shows the photos of its class, ``chosen`` those on view, and takes what is dropped on it.
    """
    most = max(counts.values(), default=1)
    total = html.text(PhotosCode.COUNTS, photos=sum(counts.values()), classes=len(counts))
    rows = "".join(
        _class_bar(label, count, count / most, label == chosen, colors.get(label)) for label, count in counts.items()
    )
    hint = html.quiet(html.text(PhotosCode.CLASSES_HINT), "pc-mouse")
    skip = html.skip() if len(counts) > _FEW_CLASSES else ""
    return f'<h2 class="pc-h">{total}</h2>{hint}{skip}<ul class="pc-bars pc-classes">{rows}</ul>'


def _class_bar(label: str, count: int, fraction: float, chosen: bool, color: int | None) -> str:
    words = html.text(PhotosCode.CLASS_BAR, label=label, count=count)
    return (
        f'<li{html.class_color(color)}><button type="button" class="pc-class" aria-pressed="{str(chosen).lower()}" '
        f'data-label="{escape(label)}" aria-label="{words}" title="{words}">'
        f'<span class="pc-name">{html.class_name(label)}</span><span class="pc-num">{number(count)}</span>'
        f'<span class="pc-track"><i style="width:{fraction:.1%}"></i></span></button></li>'
    )


def photo_card(asset: Asset, jpeg: bytes) -> str:
    """Return one photo that can be selected, dragged to a class and shown large."""
    name = asset.source.rsplit("/", 1)[-1]
    box = f'<input type="checkbox" value="{asset.id}" aria-label="{html.text(PhotosCode.SELECT_PHOTO, name=name)}">'
    return html.card(box, html.enlargeable(jpeg, name, asset.id), asset.source)


def is_used(file: LeftOut) -> bool:
    """Return whether a file is used, and only further pictures in it are not."""
    return isinstance(file.code, SeveralCode)


def left_out(reasons: Sequence[tuple[int, Sequence[LeftOut]]]) -> str:
    """Return the files that were not taken, and those of which one picture is used.

    There is one line for each reason, given as the number of its files and some of them, which opens to their names.
    """
    groups = ((PhotosCode.LEFT_OUT_SUMMARY, False), (PhotosCode.SEVERAL_SUMMARY, True))
    return "".join(_reasons([one for one in reasons if is_used(one[1][0]) is used], code) for code, used in groups)


def _reasons(reasons: Sequence[tuple[int, Sequence[LeftOut]]], summary: Code) -> str:
    if not reasons:
        return ""
    total = sum(count for count, _ in reasons)
    return (
        f'<details class="pc-details pc-outer"><summary>{html.rich(summary, count=total)}'
        f"</summary>{''.join(_reason(count, files) for count, files in reasons)}</details>"
    )


def _reason(count: int, files: Sequence[LeftOut]) -> str:
    """Return so many files of one code, some of which are named; where their sentences differ, each has its own."""
    same = len({file.reason for file in files}) == 1
    title = outline([file.message for file in files])
    names = "".join(
        f"<li>{escape(file.file)}{'' if same else f'<small>{escape(file.reason)}</small>'}</li>"
        for file in sorted(files, key=lambda file: natural_key(file.file))
    )
    summary = html.rich(PhotosCode.LEFT_OUT_REASON, count=count, reason=title)
    return (
        f'<details class="pc-details"><summary>{summary}</summary><ul>{names}{_more(count - len(files))}</ul></details>'
    )


def conflicts(groups: Sequence[Sequence[Asset]], count: int) -> str:
    """Return how many photos are in several classes, and for some of them some of the classes."""
    if not groups:
        return ""
    rows = "".join(
        f"<li>{escape(group[0].source.rsplit('/', 1)[-1])}: {_some_classes([asset.label for asset in group])}</li>"
        for group in groups
    )
    summary = html.rich(PhotosCode.CONFLICTS_SUMMARY, count=count)
    more = _more(count - len(groups))
    return f'<details class="pc-details pc-warn"><summary>{summary}</summary><ul>{rows}{more}</ul></details>'


def _more(rest: int) -> str:
    return f"<li>{html.text(ReadingCode.MORE_CLASSES, count=rest)}</li>" if rest > 0 else ""


def _some_classes(labels: Sequence[str]) -> str:
    named = in_row(f"<b>{escape(label)}</b>" for label in labels[:_CLASSES])
    rest = len(labels) - _CLASSES
    return f"{named} {html.text(ReadingCode.MORE_CLASSES, count=rest)}" if rest > 0 else named
