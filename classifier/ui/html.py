"""Results -> HTML. Pure functions; every name that a visitor could have chosen is escaped here."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import groupby

from ..data.catalog import Asset
from ..data.intake import LeftOut
from ..data.labels import natural_key
from ..evaluation.metrics import percent
from ..events import Progress
from ..models.predictor import Prediction

_ICONS = {"note": "ℹ", "warn": "!", "good": "✓"}


def note(text: str, kind: str = "note") -> str:
    """A framed sentence; ``kind`` is ``note``, ``good`` or ``warn``. The text is escaped."""
    icon = _ICONS[kind]
    return (
        f'<div class="pc-note pc-{kind}" role="status"><span aria-hidden="true">{icon}</span>'
        f"<div>{escape(text)}</div></div>"
    )


def photos(count: int) -> str:
    """“1 photo”, “1,234 photos”."""
    return "1 photo" if count == 1 else f"{count:,} photos"


# -- photos


def class_counts(counts: Mapping[str, int]) -> str:
    """How many photos each class has, as bars."""
    most = max(counts.values(), default=1)
    total = f"{photos(sum(counts.values()))} in {len(counts)} {'class' if len(counts) == 1 else 'classes'}"
    rows = "".join(bar(label, count / most, f"{count:,}") for label, count in counts.items())
    return f'<h3 class="pc-h">{total}</h3><ul class="pc-bars">{rows}</ul>'


def photo_card(asset: Asset, jpeg: bytes) -> str:
    """One photo that can be ticked."""
    name = asset.source.rsplit("/", 1)[-1]
    return (
        f'<label class="pc-card" title="{escape(asset.source)}"><input type="checkbox" value="{asset.id}" '
        f'aria-label="Choose {escape(name)}">{picture(jpeg, name)}</label>'
    )


def left_out(files: Sequence[LeftOut]) -> str:
    """What was not taken and why: one line per reason, which opens to the names of all its files."""
    if not files:
        return ""
    ordered = sorted(files, key=lambda file: (_kind(file.reason), natural_key(file.file)))
    groups = [(kind, list(group)) for kind, group in groupby(ordered, key=lambda file: _kind(file.reason))]
    groups.sort(key=lambda pair: -len(pair[1]))
    what = "1 file was left out" if len(files) == 1 else f"{len(files):,} files were left out"
    reasons = "".join(_reason(kind, group) for kind, group in groups)
    return f'<details class="pc-details pc-outer"><summary><b>{what}</b> - see why</summary>{reasons}</details>'


def _kind(reason: str) -> str:
    """The reason without what differs from file to file, so that files with one problem stand together."""
    return re.sub(r"“[^”]*”", "“…”", re.sub(r"\d[\d,.]* megapixels, and", "… megapixels, and", reason))


def _reason(kind: str, files: list[LeftOut]) -> str:
    same = len({file.reason for file in files}) == 1
    title = files[0].reason if same else kind.replace("“…”", "another file").replace("… megapixels, and", "")
    names = "".join(
        f"<li>{escape(file.file)}{'' if same else f'<small>{escape(file.reason)}</small>'}</li>" for file in files
    )
    return (
        f'<details class="pc-details"><summary><b>{len(files):,}</b> {escape(title)}</summary>'
        f"<ul>{names}</ul></details>"
    )


def conflicts(groups: Sequence[Sequence[Asset]]) -> str:
    """Photos that lie in several classes at once, with the classes."""
    if not groups:
        return ""
    rows = "".join(
        f"<li>{escape(group[0].source.rsplit('/', 1)[-1])}: "
        f"{' and '.join(f'<b>{escape(asset.label)}</b>' for asset in group)}</li>"
        for group in groups
    )
    what = "1 photo is" if len(groups) == 1 else f"{len(groups):,} photos are"
    return (
        f'<details class="pc-details pc-warn"><summary><b>{what} in two classes</b> - '
        "remove each from the class where it is wrong</summary>"
        f"<ul>{rows}</ul></details>"
    )


# -- training


def when(name: str) -> str:
    """When a model was made, from its name: “2025-03-01-141530-quick” -> “1 Mar 2025, 14:15:30”."""
    try:
        made = datetime.strptime("-".join(name.split("-")[:4]), "%Y-%m-%d-%H%M%S")
    except ValueError:
        return name
    return f"{made.day} {made:%b %Y, %H:%M:%S}"


def duration(seconds: float) -> str:
    """A rough time in words."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {max(10, round(seconds / 10) * 10)} seconds"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes" if minutes < 90 else f"about {seconds / 3600:.1f} hours"


def progress(event: Progress) -> str:
    """A bar with the step in plain words, how many photos are done, and the time left."""
    share = min(1.0, event.done / event.total) if event.total else 0.0
    left = "" if event.seconds_left is None else f"{duration(event.seconds_left)} left"
    count = f"{event.done:,} of {photos(event.total)}" if event.done else ""
    details = " · ".join(part for part in (count, left) if part)
    return (
        f'<div class="pc-progress"><b>{escape(event.step)}</b><span>{details}</span>'
        f'<div class="pc-track" role="progressbar" aria-label="{escape(event.step)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{share * 100:.0f}"><i style="width:{share:.1%}"></i></div></div>'
    )


def waiting(sentence: str) -> str:
    """The bar before anything is known."""
    return (
        f'<div class="pc-progress"><b>{escape(sentence)}</b><span></span>'
        '<div class="pc-track pc-busy"><i></i></div></div>'
    )


def strip(jpegs: Sequence[bytes]) -> str:
    """One photo as it is, and then varied as training would vary it."""
    if not jpegs:
        return ""
    names = ["as it is", *(f"varied, {number} of {len(jpegs) - 1}" for number in range(1, len(jpegs)))]
    pictures = "".join(picture(jpeg, f"The photo {name}") for name, jpeg in zip(names, jpegs))
    return (
        '<figure class="pc-strip"><figcaption>While it learns, each photo is shown in many ways. One of yours, '
        f"first as it is. What it shows must stay the same in all of them:</figcaption><div>{pictures}</div></figure>"
    )


def in_ten(share: float) -> str:
    """A share as people say it."""
    if share == 1:
        return "Every photo right"
    if share >= 0.995:
        return "Nearly every photo right"
    if share >= 0.95:
        return f"About {round(share * 100)} in 100 right"
    return f"About {round(share * 10)} in 10 right"


# -- predicting


def answer(prediction: Prediction, jpeg: bytes, name: str, more: str = "") -> str:
    """One photo with the likeliest classes, or “Not sure” said plainly above them; ``more`` is HTML below both."""
    best = prediction.top[0]
    verdict = (
        f'<p class="pc-big">Not sure</p><p>Its best guess is <b>{escape(best.label)}</b>, '
        f"but {escape(prediction.reason or 'no class is likely enough')}.</p>"
        if prediction.unsure
        else f'<p class="pc-big">{_hedge(best.confidence)}{escape(best.label)}</p>'
    )
    rows = "".join(bar(guess.label, guess.confidence, percent(guess.confidence)) for guess in prediction.top)
    return _answer_card(
        jpeg, name, f'{verdict}<p class="pc-quiet">How sure it is</p><ul class="pc-bars">{rows}</ul>',
        "pc-unsure" if prediction.unsure else "", more,
    )  # fmt: skip


def _hedge(confidence: float) -> str:
    return "" if confidence >= 0.8 else "Probably " if confidence >= 0.5 else "Perhaps "


def unusable(name: str, reason: str) -> str:
    """A file that was to be tried and is no photo."""
    return _answer_card(None, name, f'<p class="pc-big">No photo</p><p>{escape(reason)}</p>', "pc-unsure")


def _answer_card(jpeg: bytes | None, name: str, text: str, kind: str, more: str = "") -> str:
    photo = picture(jpeg, name) if jpeg else ""
    return (
        f'<article class="pc-answer {kind}"><figure>{photo}<figcaption>{escape(name)}</figcaption></figure>'
        f"<div>{text}</div>{more}</article>"
    )


def picture(jpeg: bytes, name: str) -> str:
    """A picture that travels inside the page: it has no address to be fetched from. Without bytes, that it is gone."""
    if not jpeg:
        return '<span class="pc-gone">cannot be shown</span>'
    return f'<img alt="{escape(name)}" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'


def bar(label: str, share: float, text: str) -> str:
    """One row of a list of bars: a name, a share from 0 to 1, and what to write beside it."""
    return (
        f'<li><span class="pc-name" title="{escape(label)}">{escape(label)}</span>'
        f'<span class="pc-track"><i style="width:{share:.1%}"></i></span>'
        f'<span class="pc-num">{escape(text)}</span></li>'
    )


def cards(items: Iterable[str]) -> str:
    """Answers side by side."""
    return f'<div class="pc-answers">{"".join(items)}</div>'
