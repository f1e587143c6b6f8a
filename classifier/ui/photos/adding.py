"""Adding photos: what was dropped is read or asked about, and can be read another way; example photos."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path

import gradio as gr

from ...config import Limits
from ...data.decoding import draw_small_apart
from ...data.example import draw_example
from ...data.incoming import Incoming, State, describe
from ...data.layout import Decision, Layout, Reading
from ...data.layout.folder_names import names_a_class
from ...data.project import IntakeResult, Project
from ...errors import DataError, LayoutError, PhotoError
from ...files import storage_error
from ...messages import sentence
from ...messages.data import ProjectCode, UploadNoteCode
from ...messages.languages import spoken
from ...messages.layout import RefusalCode
from ...messages.photos_page import PhotosCode, ReadingCode
from .. import html
from ..handlers import event_data
from ..sessions import Home, check_capacity
from ..uploads import delete_uploads, parse_upload
from . import grid, readings

_EXAMPLES = 6  # pictures in one question
_PER_READING = 3
_SIZE = 176  # pixels, twice what is shown


def add(home: Home, token: str, event: gr.EventData) -> str:
    """Add what was dropped: folders, zips, tables, or photos of one class; what is uncertain waits for ``answer``."""
    upload = parse_upload(event._data, home.limits.upload.files)
    try:
        home.check_room()
        with home.open(token) as project:
            check_capacity(project, len(upload.files))
            try:
                return summarize(project.uploads.receive(upload.files, upload.label), len(upload.missing))
            except LayoutError as error:
                if error.layout is None:  # nothing waits
                    raise
                return _missing(len(upload.missing))  # the question is drawn from what waits
    finally:
        delete_uploads(path for _, path in upload.files)


def answer(home: Home, token: str, event: gr.EventData) -> str:
    """Do what was pressed in a question: take a reading, put all photos into one class, or forget the upload."""
    data = event_data(event)
    with home.open(token) as project:
        incoming = project.uploads.last()
        if incoming is None:
            raise DataError(ReadingCode.WHICH_READING)
        if data.get("do") == "cancel":
            project.uploads.forget()
            return html.note(ReadingCode.FORGOTTEN)
        home.check_room()
        if data.get("do") == "one-class":
            label = str(data.get("text", ""))
            if not label.strip():
                raise DataError(ReadingCode.EMPTY_CLASS)
            return summarize(project.uploads.take_label(label))
        option = data.get("option")
        if option not in [reading.option for reading in incoming.layout.readings]:
            raise DataError(ReadingCode.WHICH_READING)
        return summarize(project.uploads.take(str(option)))


def add_example(home: Home, token: str) -> str:
    """Add the example photos."""
    home.check_room()
    with tempfile.TemporaryDirectory(prefix="example-") as folder, home.open(token) as project:
        try:
            for name, content in _draw_example():
                Path(folder, name).parent.mkdir(exist_ok=True)
                Path(folder, name).write_bytes(content)
        except OSError as error:
            raise storage_error(error) from error
        return summarize(project.add(Path(folder)))


@cache
def _draw_example() -> tuple[tuple[str, bytes], ...]:
    """Draw the example photos, once for all visitors: it takes seconds. Returns names below a folder, and files."""
    with tempfile.TemporaryDirectory(prefix="example-") as folder:
        draw_example(Path(folder))
        photos = sorted(Path(folder).rglob("*.jpg"))
        return tuple((path.relative_to(folder).as_posix(), path.read_bytes()) for path in photos)


def summarize(result: IntakeResult, missing: int = 0) -> str:
    """Return what was added and what was not, and what else is to be known of it."""
    used = sum(map(grid.is_used, result.left_out))
    counts = (
        (PhotosCode.ALREADY_HERE, result.already),
        (PhotosCode.LEFT_OUT, len(result.left_out) - used),
        (PhotosCode.SEVERAL, used),
        (PhotosCode.NOT_ARRIVED, missing),
    )
    parts = [sentence(PhotosCode.ADDED, count=result.added) if result.added else sentence(PhotosCode.ADDED_NONE)]
    parts += [sentence(code, count=count) for code, count in counts if count]
    # The line of the reading says how many photos have no label.
    notes = "".join(html.note(note) for note in result.notes if note.code is not UploadNoteCode.UNLABELED)
    return html.note(" ".join(parts), "good" if result.added and not missing else "note") + notes


def _missing(count: int) -> str:
    return html.note(sentence(PhotosCode.NOT_ARRIVED, count=count)) if count else ""


def waiting(project: Project) -> str:
    """Return how the last upload was read, or the question about it, as HTML; empty where there is none."""
    try:
        return _draw_waiting(project.uploads.state(), project.limits, spoken().tag)
    except DataError as error:
        if error.code is not ProjectCode.UPLOAD_GONE:
            raise
        return ""


@lru_cache(maxsize=128)  # the tab is drawn at every press, and to read a large upload takes seconds
def _draw_waiting(state: State, limits: Limits, language: str) -> str:
    """Return what is waiting in the language that is spoken; raises ``DataError`` where nothing is."""
    incoming = describe(state, limits)
    layout = incoming.layout
    if incoming.taken is not None:
        return readings.taken(layout, incoming.taken, _examples(incoming, incoming.taken))
    one_class = _one_class(layout)
    if layout.decision is Decision.READ:
        return readings.retry(layout, _examples(incoming, None))
    if layout.decision is Decision.ASK:
        return readings.question(layout, _examples(incoming, None), one_class)
    if layout.refusal is RefusalCode.NO_LABELS and one_class is not None:
        return readings.which_class(one_class)
    return readings.refusal(str(layout.error()), layout.photos)


def _one_class(layout: Layout) -> readings.OneClass | None:
    """Return the offer to put all photos into one class where they lie in one folder, or in none."""
    folders = {name.rpartition("/")[0] for name in layout.names}
    if len(folders) != 1:
        return None
    folder = folders.pop().rpartition("/")[2]
    return readings.OneClass(layout.photos, folder if names_a_class(folder) else "")


def _examples(incoming: Incoming, taken: str | None) -> dict[str, list[tuple[str, bytes]]]:
    """Return some photos of each reading that is offered, of different classes."""
    offered = [reading for reading in incoming.layout.readings if reading.option != taken]
    each = min(_PER_READING, _EXAMPLES // max(1, len(offered)))
    return {reading.option: _pictures(reading, incoming, each) for reading in offered}


def _pictures(reading: Reading, incoming: Incoming, count: int) -> list[tuple[str, bytes]]:
    first: dict[str, str] = {}
    for name, label in reading.labels.items():
        first.setdefault(label, name)
    labels = [label for label, _ in reading.class_counts().most_common(count)]
    paths = [(label, incoming.files.get(first[label])) for label in labels]
    return [(label, small) for label, path in paths if path is not None and (small := _small_picture(path))]


def _small_picture(path: Path) -> bytes:
    """Return a small JPEG of a photo that waits; empty where it cannot be shown."""
    with suppress(PhotoError, OSError):
        return _draw_small(path, path.stat().st_mtime_ns)
    return b""


@lru_cache(maxsize=256)  # the tab is drawn at every press, and a photo from a phone takes 50 ms
def _draw_small(path: Path, changed: int) -> bytes:
    return draw_small_apart(path, _SIZE)
