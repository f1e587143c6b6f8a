"""What a project file says of a project, as JSON: written from a catalog, and read back with every value checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, TypeVar, get_args

from ..config import Limits
from ..messages import Message
from ..messages.data import arguments_to_json, restore
from .assets import Asset, Split
from .catalog import Catalog
from .edit_history import Edit
from .intake import LeftOut, clean_name
from .labels import clean_label
from .project_mark import FORMAT, VERSION
from .run_history import Run, RunAsset
from .stored_rows import is_run_asset

T = TypeVar("T")
_SHA256, _CHOICE, _MODE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[a-z_]{1,40}"), re.compile(r"[a-z]{1,20}")
_TAKEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?", re.ASCII)
_GROUP = re.compile(r"[0-9]{1,15}")
PHOTO_FILE = re.compile(r"photos/[0-9a-f]{2}/[0-9a-f]{64}\.[0-9a-z]{1,8}")
MODEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,98}[A-Za-z0-9_]")
MODEL_FILE = re.compile(r"([A-Za-z0-9_]{1,20}/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,98}")  # in a folder of its own
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_CHOICE = 4096, 20_000, 1_000_000  # letters
_LARGEST_ID = 2**53  # what JSON's readers agree on
_LARGEST_SIDE = 1_000_000  # pixels
_MOST_EDITS, MOST_RUNS = 50, 1000


@dataclass(frozen=True)
class Contents:
    """What a project file holds beside the files of photos and models.

    ``photos`` and ``edits`` are rows whose ``path`` is the photo's place in the zip; ``files`` are the SHA-256 of these
    files as stored, by their place, none where the file was saved without photos. ``models`` are the SHA-256 of the
    files of each model by the model's name; ``runs`` are without their photos.
    """

    photos: tuple[Asset, ...]
    edits: tuple[Edit, ...]
    left_out: tuple[LeftOut, ...]
    choices: Mapping[str, str]
    runs: int
    files: Mapping[str, str]
    models: Mapping[str, Mapping[str, str]]


# -- writing


def to_json(catalog: Catalog, files: Mapping[str, str], models: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the content of ``project.json``; photos are given by the place that ``files`` has of them."""
    photos = catalog.assets()
    return {
        "format": FORMAT,
        "version": VERSION,
        "photos": [_photo_to_json(photo) for photo in photos],
        "files": dict(files),
        "edits": [
            {
                "created": edit.created,
                "message": _message_to_json(edit.message),
                "before": _rows(edit.before),
                "added": list(edit.added),
            }
            for edit in _recent(catalog.edits.all(), 2 * len(photos) + 1000)
        ],
        "left_out": [{"file": left.file, "message": _message_to_json(left.message)} for left in catalog.left_out()],
        "choices": catalog.choices(),
        "runs": min(len(catalog.runs.newest()), MOST_RUNS),
        "models": {name: dict(hashes) for name, hashes in models.items()},
    }


def place(photo: Asset) -> str:
    """Return the place of a photo's file in the zip."""
    extension = photo.path.rpartition(".")[2].lower()
    path = f"photos/{photo.sha256[:2]}/{photo.sha256}.{extension}"
    return path if PHOTO_FILE.fullmatch(path) else f"photos/{photo.sha256[:2]}/{photo.sha256}.img"


def _recent(edits: list[Edit], most: int) -> list[Edit]:
    """Return the newest edits that change or add at most so many rows together, oldest first."""
    count, kept = 0, []
    for edit in reversed(edits):
        count += len(edit.before) + len(edit.added)
        if count > most:
            break
        kept.append(edit)
    return kept[::-1]


def _rows(photos: Iterable[Asset]) -> list[dict[str, Any]]:
    return [_photo_to_json(photo) for photo in photos]


def _photo_to_json(photo: Asset) -> dict[str, Any]:
    return {**vars(photo), "path": place(photo), "confirmed": bool(photo.confirmed)}


def _message_to_json(message: Message) -> list[Any]:
    return [message.code.id, json.loads(arguments_to_json(message)), str(message)]


def run_to_json(run: Run, assets: Iterable[RunAsset]) -> dict[str, Any]:
    """Return what a project file holds of a training, with its photos and their predictions."""
    kept = {name: value for name, value in vars(run).items() if name != "id"}
    return {**kept, "photos": [list(asset) for asset in assets]}


# -- reading; each function raises ``ValueError``, ``TypeError`` or ``LookupError`` for what is not as it was written


def from_json(data: Any, limits: Limits) -> Contents:
    """Return the content of ``project.json``."""
    photos = tuple(_photo(row, limits) for row in _list(data["photos"]))
    edits = tuple(_edit(row, limits) for row in _list(data["edits"]))
    if len({photo.id for photo in photos}) < len(photos) or len(edits) > _MOST_EDITS:
        raise ValueError("an id is there twice, or too many edits")
    if len({(photo.sha256, photo.label) for photo in photos}) < len(photos):
        raise ValueError("a photo is there twice")
    return Contents(
        photos=photos,
        edits=edits,
        left_out=tuple(LeftOut(_name(row["file"]), _message(row["message"])) for row in _list(data["left_out"])),
        choices={
            _matching(name, _CHOICE): _text(value, _LONGEST_CHOICE) for name, value in _dict(data["choices"]).items()
        },
        runs=_whole(data["runs"], 0, MOST_RUNS),
        files={_matching(name, PHOTO_FILE): _matching(sha, _SHA256) for name, sha in _dict(data["files"]).items()},
        models={
            _matching(name, MODEL): {
                _matching(file, MODEL_FILE): _matching(sha, _SHA256) for file, sha in _dict(files).items()
            }
            for name, files in _dict(data["models"]).items()
        },
    )


def run_from_json(data: Any) -> tuple[Run, list[RunAsset]]:
    """Return a training and its photos from what ``run_to_json`` gave."""
    rows = [RunAsset(*row) for row in _list(data["photos"]) if isinstance(row, list)]
    if len(rows) < len(data["photos"]) or not all(is_run_asset(row) and _is_sound(row) for row in rows):
        raise ValueError("no photo of a training")
    run = Run(
        id=0,
        created=_time(data["created"]),
        name=_text(data["name"], 255),
        mode=_matching(data["mode"], _MODE),
        report=_dict(data["report"]),
        seconds=_seconds(data["seconds"]),
        title=_text(data["title"], 200),
        details=_dict(data["details"]),
    )
    return run, rows


def _is_sound(row: RunAsset) -> bool:
    texts = (row.label, row.split, row.predicted or "")
    numbers = (row.confidence or 0.0, row.label_error_prob or 0.0)
    return (
        _SHA256.fullmatch(row.sha256) is not None
        and all(len(text) <= _LONGEST_NAME for text in texts)
        and all(isfinite(number) for number in numbers)
    )


def _photo(row: Any, limits: Limits) -> Asset:
    label = clean_label(_text(row["label"], _LONGEST_NAME), limits)
    if not label or row["split"] not in get_args(Split) or type(row["confirmed"]) is not bool:
        raise ValueError("no class, split or mark")
    sha256 = _matching(row["sha256"], _SHA256)
    path = _matching(row["path"], PHOTO_FILE)
    if not path.startswith(f"photos/{sha256[:2]}/{sha256}."):
        raise ValueError("the file of another photo")
    return Asset(
        id=_whole(row["id"], 1, _LARGEST_ID),
        path=path,
        sha256=sha256,
        label=label,
        split=row["split"],
        duplicate_group=_optional(row["duplicate_group"], lambda value: _whole(value, 1, _LARGEST_ID)),
        source=_name(row["source"]),
        size=_whole(row["size"], 0, limits.bytes_per_file),
        width=_whole(row["width"], 1, _LARGEST_SIDE),
        height=_whole(row["height"], 1, _LARGEST_SIDE),
        created=_time(row["created"]),
        confirmed=row["confirmed"],
        layout_group=_optional(row["layout_group"], _name),
        taken=_optional(row["taken"], _local_time),
        own_group=_optional(row["own_group"], lambda value: _matching(value, _GROUP)),
        archive=_optional(row["archive"], _name),
    )


def _edit(row: Any, limits: Limits) -> Edit:
    before = tuple(_photo(photo, limits) for photo in _list(row["before"]))
    added = tuple(_whole(id, 1, _LARGEST_ID) for id in _list(row.get("added", [])))  # of version 1 there are none
    if not (before or added) or len({photo.id for photo in before}) < len(before):
        raise ValueError("an edit of nothing, or of one photo twice")
    return Edit(_time(row["created"]), _message(row["message"]), before, added)


def _message(value: Any) -> Message:
    code, arguments, text = _list(value)
    if "code" in _dict(arguments) or len(json.dumps(arguments)) > _LONGEST_TEXT:
        raise ValueError("no arguments of a sentence")
    return restore(_text(code, 100), arguments, _text(text, _LONGEST_TEXT))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or clean_name(value) != value:
        raise ValueError("no text")
    return value


def _name(value: Any) -> str:
    return _text(value, 2 * _LONGEST_NAME)


def _matching(value: Any, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError("a text of another form")
    return value


def _whole(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("no whole number in its range")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        raise ValueError("no duration")
    return float(value)


def _time(value: Any) -> str:
    """Return a time in ISO 8601."""
    text = _text(value, 40)
    datetime.fromisoformat(text)  # raises ``ValueError``
    return text


def _local_time(value: Any) -> str:
    """Return a camera's time in the form that ``exif_time`` gives it: without a zone, so that all can be compared."""
    return _time(_matching(value, _TAKEN))


def _optional(value: Any, read: Callable[[Any], T]) -> T | None:
    return None if value is None else read(value)
