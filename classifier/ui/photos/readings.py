"""The readings of an upload -> HTML: what was read, the question which is right, the refusal. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...data.labels import clean_label, clean_labels, natural_key
from ...data.layout import Layout, Reading
from ...messages import Code, number, sentence
from ...messages.layout import SummaryCode
from ...messages.page import UploadCode
from ...messages.photos_page import ReadingCode
from .. import html
from ..html import escape

_CLASSES = 12  # named in a card

Examples = Mapping[str, Sequence[tuple[str, bytes]]]  # option of a reading -> (class, JPEG) of some of its photos


@dataclass(frozen=True)
class OneClass:
    """The offer to put all photos of an upload into one class: how many they are, and the name that suggests itself."""

    photos: int
    suggestion: str = ""


def taken(layout: Layout, option: str, examples: Examples) -> str:
    """Return the line that says what was read; it opens to the other readings.

    There is no line where ``option`` is none of them: the person named one class for all photos.
    """
    line = "".join(
        html.quiet(html.text(ReadingCode.TAKEN, reading=reading.in_words()), "pc-read")
        for reading in layout.readings
        if reading.option == option
    )
    others = [reading for reading in layout.readings if reading.option != option]
    if not others:
        return line
    return (
        f'{line}<details class="pc-details pc-other"><summary>{html.text(ReadingCode.OTHERS)}</summary>'
        f"{_cards(others, examples)}</details>"
    )


def question(layout: Layout, examples: Examples, one_class: OneClass | None) -> str:
    """Return the question which reading is right, with one button for each.

    A reading of one class has no button where its name can be typed: that says the same.
    """
    offered = [reading for reading in layout.readings if one_class is None or len(reading.class_counts()) > 1]
    more = _class_field(html.text(ReadingCode.ALL_ONE_CLASS, count=one_class.photos), one_class) if one_class else ""
    return _group(
        html.text(ReadingCode.QUESTION),
        f"<p>{escape(layout.question())} {html.text(ReadingCode.NOTHING_YET)}</p>"
        f"{_cards(offered, examples)}{more}{_cancel()}",
    )


def retry(layout: Layout, examples: Examples) -> str:
    """Return the offer to add what could not be added before, because a limit was reached or the disk was full."""
    words = f"<p>{html.text(ReadingCode.WAITS_WHY)}</p>"
    return _group(html.text(ReadingCode.WAITS), f"{words}{_cards(layout.readings, examples)}{_cancel()}")


def which_class(one_class: OneClass) -> str:
    """Return the question which class all photos of an upload belong to."""
    code = ReadingCode.WHICH_CLASS_ONE if one_class.photos == 1 else ReadingCode.WHICH_CLASS
    title = html.text(code, count=one_class.photos)
    return _group(title, _class_field(title, one_class, alone=True) + html.quiet(html.text(ReadingCode.TABLE_NEXT)))


def refusal(reason: str, photos: int) -> str:
    """Return why an upload of so many photos cannot be used."""
    table = f" {html.text(ReadingCode.TABLE_NEXT)}" if photos else ""
    return _group(
        html.text(ReadingCode.REFUSED),
        f"<p>{escape(reason)}{table}</p>{html.quiet(html.text(ReadingCode.REFUSED_HELP))}{_cancel(ReadingCode.CLOSE)}",
        "pc-refused",
    )


def _group(title: str, content: str, kind: str = "") -> str:
    """Return a frame that takes the focus when it appears."""
    return (
        f'<section class="pc-question{kind and " " + kind}" role="group" aria-labelledby="pc-question" tabindex="-1" '
        f'data-focus><h2 id="pc-question">{title}</h2>{content}</section>'
    )


def _cancel(word: Code = UploadCode.CANCEL) -> str:
    return f'<button type="button" class="pc-button" data-do="cancel">{html.text(word)}</button>'


def _cards(readings: Sequence[Reading], examples: Examples) -> str:
    alike = len({reading.example() for reading in readings}) < len(readings)  # they differ in splits only
    cards = "".join(
        _card(number, reading, alike, examples.get(reading.option, ())) for number, reading in enumerate(readings)
    )
    return f'<ul class="pc-readings">{cards}</ul>'


def _card(number: int, reading: Reading, alike: bool, examples: Sequence[tuple[str, bytes]]) -> str:
    """Return one reading: its question, its classes with counts, some of its photos, and what follows from it.

    ``alike``: another reading asks the same, so that what follows from it is the heading.
    """
    heading, summary = (reading.in_words(), "") if alike else (reading.example(), reading.in_words())
    pictures = "".join(_example(label, jpeg) for label, jpeg in examples)
    classes = len(reading.class_counts())
    take = html.text(ReadingCode.TAKE, count=classes) if classes > 1 else html.text(ReadingCode.TAKE_ONE)
    return (
        f'<li class="pc-reading"><p id="pc-reading-{number}"><b>{escape(heading)}</b></p>'
        f"{_classes(reading, heading)}{pictures and f'<div class=pc-examples>{pictures}</div>'}"
        f'<p class="pc-quiet" id="pc-summary-{number}">{escape(summary)}</p>'
        f'<button type="button" class="pc-button pc-main" data-do="take" data-option="{escape(reading.option)}" '
        f'aria-describedby="pc-reading-{number} pc-summary-{number}">{take}</button></li>'
    )


def _example(label: str, jpeg: bytes) -> str:
    label = clean_label(label)
    picture = html.enlargeable(jpeg, sentence(ReadingCode.PICTURE_OF, label=label))
    return f"<figure>{picture}<figcaption><bdi>{escape(label)}</bdi></figcaption></figure>"


def _classes(reading: Reading, heading: str) -> str:
    """Return the classes with counts, unless the heading names all of them."""
    names = clean_labels(reading.class_counts())
    counts = sorted(reading.class_counts().items(), key=lambda item: natural_key(item[0]))
    if all(sentence(SummaryCode.CLASS, label=names[label], count=count) in heading for label, count in counts):
        return ""
    chips = "".join(_chip(names[label], count) for label, count in counts[:_CLASSES])
    rest = len(counts) - _CLASSES
    more = f"<li>{html.text(ReadingCode.MORE_CLASSES, count=rest)}</li>" if rest > 0 else ""
    return f'<ul class="pc-chips">{chips}{more}</ul>'


def _chip(label: str, count: int) -> str:
    words = html.text(ReadingCode.CLASS_COUNT, label=label, count=count)
    return f'<li title="{words}"><bdi>{escape(label)}</bdi> <span>{number(count)}</span></li>'


def _class_field(words: str, one_class: OneClass, alone: bool = False) -> str:
    """Return the text field for the class of all photos; ``words`` is its label as HTML.

    ``alone``: nothing else is asked, and the words are the title already.
    """
    title = "" if alone else f"<b>{words}</b>"
    name = f'aria-label="{words}"' if alone else ""
    hint = html.text(UploadCode.CLASS_EXAMPLE)
    return (
        f'<div class="pc-ask"><label>{title}<input type="text" list="pc-classes" maxlength="80" {name} '
        f'value="{escape(one_class.suggestion)}" placeholder="{hint}" autocomplete="off"></label>'
        f'<button type="button" class="pc-button {"pc-main" if alone else ""}" data-do="one-class">'
        f"{html.text(UploadCode.ADD)}</button>{_cancel() if alone else ''}</div>"
    )
