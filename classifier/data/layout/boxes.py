"""Labels from the boxes of object detectors, where each picture holds one class: YOLO, VOC, COCO, Edge Impulse."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...messages import message
from ...messages.layout import OriginCode, QuestionCode
from .columns import TableLabels
from .index import PhotoIndex
from .reading import Source
from .split_names import split_words
from .tables import load_json

Found = Iterable[tuple[int, Iterable[str]]]  # a photo and the labels of its boxes

_YOLO_ROW = re.compile(r"\d+(\s+-?\d*\.?\d+(e-?\d+)?){4,}\s*")
_XML_NAME = re.compile(r"<name>\s*([^<]{1,80})</name>")
_XML_FILE = re.compile(r"<filename>\s*([^<]{1,200})</filename>")
_WORDS = ('"annotations"', '"files"', '"shapes"')  # of the formats in JSON
_HALF = 0.5


def is_yolo(text: str) -> bool:
    """Return whether a text holds rows of a class number and a box."""
    first = text[:1000].lstrip().partition("\n")[0]
    return _YOLO_ROW.fullmatch(first.strip()) is not None


def read_boxes(texts: Mapping[str, str], index: PhotoIndex) -> list[TableLabels]:
    """Return the labels of boxes, of the format that names most photos; with words for classes before numbers."""
    documents = {
        name: data
        for name, text in texts.items()
        if name.endswith((".labels", ".json")) and any(word in text for word in _WORDS)
        if (data := load_json(text))
    }
    sources: list[tuple[str, Found]] = [
        ("YOLO", _read_yolo(texts, index)),
        ("VOC", _read_voc(texts, index)),
        ("COCO", (pair for name, data in documents.items() for pair in _read_coco(name, data, index))),
        ("CreateML", (pair for name, data in documents.items() for pair in _read_createml(name, data, index))),
        ("labelme", (pair for name, data in documents.items() for pair in _read_labelme(name, data, index))),
        ("Edge Impulse", (pair for name, data in documents.items() for pair in _read_edge_impulse(name, data, index))),
    ]
    found = [labels for form, pairs in sources if (labels := make_boxes(form, pairs)) is not None]
    return sorted(found, key=lambda labels: (_are_numbers(labels), -len(labels.labels)))[:1]


def read_file_labels(texts: Mapping[str, str], index: PhotoIndex) -> list[TableLabels]:
    """Return the labels of files in Edge Impulse's ``info.labels``, where it has no boxes."""
    found = []
    for name, text in texts.items():
        data = load_json(text) if name.endswith(".labels") and '"files"' in text else None
        labels = {number: label for number, row in _edge_impulse_rows(name, data, index) if (label := _own_label(row))}
        if 2 <= len(set(labels.values())) <= len(labels) / 4:
            found.append(_labels_of_files(name, labels))
    return found


def make_boxes(form: str, pairs: Found) -> TableLabels | None:
    """Return the labels of boxes, None for hardly any."""
    by_photo: dict[int, set[str]] = {}
    for number, labels in pairs:
        by_photo.setdefault(number, set()).update(labels)
    by_photo = {number: labels for number, labels in by_photo.items() if labels}
    single = {number: next(iter(found)) for number, found in by_photo.items() if len(found) == 1}
    several = frozenset(number for number, found in by_photo.items() if len(found) > 1)
    if len(by_photo) < 2:
        return None
    many = len(several) > _HALF * len(by_photo)
    return TableLabels(
        source=Source.BOXES,
        table="",
        title=form,
        labels=single,
        named=frozenset(by_photo),
        origin=message(OriginCode.BOXES, form=form),
        several=several,
        questions=(QuestionCode.SEVERAL_LABELS,) if many else (),
    )


def _are_numbers(labels: TableLabels) -> bool:
    return all(label.isdigit() for label in set(labels.labels.values()))


def _read_yolo(texts: Mapping[str, str], index: PhotoIndex) -> Iterator[tuple[int, Iterable[str]]]:
    for name, text in texts.items():
        if not name.endswith(".txt") or not is_yolo(text):
            continue
        dirs = name.casefold().split("/")[:-1]
        split = next((found[0] for part in dirs if (found := split_words(part))), None)
        cell = "/".join([*("images" if part == "labels" else part for part in dirs), name.rpartition("/")[2][:-4]])
        number = index.find(cell, (), split)
        if number is not None:
            yield number, {row.split(None, 1)[0] for row in text.splitlines() if row.strip()}


def _read_voc(texts: Mapping[str, str], index: PhotoIndex) -> Iterator[tuple[int, Iterable[str]]]:
    for name, text in texts.items():
        if not name.endswith(".xml") or "<annotation" not in text[:500]:
            continue
        folder, _, base = name.casefold().rpartition("/")
        dirs = tuple(folder.split("/")) if folder else ()
        number = index.find(base[:-4], dirs)
        if number is None and (file := _XML_FILE.search(text[:2000])):
            number = index.find(html.unescape(file[1]), dirs)
        if number is not None:
            # No XML parser: each object is cut out by its tag, and no entity is expanded but those of letters.
            found = (_XML_NAME.search(part[:2000]) for part in text.split("<object>")[1:])
            yield number, {html.unescape(match[1].strip()) for match in found if match}


def _folder(name: str) -> tuple[str, ...]:
    return tuple(name.casefold().split("/")[:-1])


def _edge_impulse_rows(name: str, data: object, index: PhotoIndex) -> Iterator[tuple[int, Mapping[str, object]]]:
    files = data.get("files") if isinstance(data, Mapping) else None
    for row in files if isinstance(files, list) else ():
        number = index.find(str(row.get("path", "")), _folder(name)) if isinstance(row, Mapping) else None
        if number is not None:
            yield number, row


def _read_edge_impulse(name: str, data: object, index: PhotoIndex) -> Iterator[tuple[int, Iterable[str]]]:
    """Yield the boxes where at least half of the files have some."""
    rows = list(_edge_impulse_rows(name, data, index))
    boxes = [(number, _box_labels(row.get("boundingBoxes"))) for number, row in rows]
    if 2 * sum(bool(labels) for _, labels in boxes) >= len(rows):
        yield from boxes


def _box_labels(boxes: object) -> set[str]:
    found = boxes if isinstance(boxes, Sequence) and not isinstance(boxes, str) else ()
    return {str(box["label"]) for box in found if isinstance(box, Mapping) and "label" in box}


def _own_label(row: Mapping[str, object]) -> str:
    if _box_labels(row.get("boundingBoxes")):
        return ""
    label = row.get("label")
    label = label.get("label") if isinstance(label, Mapping) else label
    return str(label) if label else ""


def _labels_of_files(name: str, labels: Mapping[int, str]) -> TableLabels:
    return TableLabels(
        source=Source.TABLE,
        table=name,
        title="label",
        labels=labels,
        named=frozenset(labels),
        origin=message(OriginCode.TABLE, file=name, by="path"),
        rank=2,
    )


def _read_createml(name: str, data: object, index: PhotoIndex) -> Iterator[tuple[int, Iterable[str]]]:
    for row in data if isinstance(data, list) else ():
        if isinstance(row, Mapping) and isinstance(row.get("annotations"), list):
            number = index.find(str(row.get("image") or row.get("imagefilename") or ""), _folder(name))
            if number is not None:
                yield number, _box_labels(row["annotations"])


def _read_labelme(name: str, data: object, index: PhotoIndex) -> Iterator[tuple[int, Iterable[str]]]:
    shapes = data.get("shapes") if isinstance(data, Mapping) else None
    if isinstance(data, Mapping) and isinstance(shapes, list):
        stem = name.rpartition("/")[2].rpartition(".")[0]
        number = index.find(str(data.get("imagePath") or stem), _folder(name))
        if number is not None:
            yield number, _box_labels(shapes)


def _read_coco(name: str, data: object, index: PhotoIndex) -> Iterator[tuple[int, Iterable[str]]]:
    annotations = data.get("annotations") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(annotations, list):
        return
    names, files = _column(data, "categories", "name"), _column(data, "images", "file_name")
    numbers = {key: index.find(file, _folder(name)) for key, file in files.items()}
    for row in annotations:
        if isinstance(row, Mapping):
            number = numbers.get(str(row.get("image_id")))
            category = str(row.get("category_id"))
            if number is not None:
                yield number, (names.get(category, category),)


def _column(data: Mapping[str, object], key: str, value: str) -> dict[str, str]:
    """Return id -> value of the objects in one list of a COCO file."""
    rows = data.get(key)
    found = (row for row in rows if isinstance(row, Mapping)) if isinstance(rows, list) else ()
    return {str(row.get("id")): str(row.get(value, "")) for row in found}
