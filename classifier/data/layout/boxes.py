"""Labels from the boxes of object detectors, where each picture holds one class: YOLO, VOC, COCO, Edge Impulse."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping

from ...messages import message
from ...messages.layout import OriginCode, QuestionCode
from .columns import TableLabels
from .photos import PhotoIndex
from .reading import Source
from .split_names import split_words

_YOLO_ROW = re.compile(r"\d+(\s+-?\d*\.?\d+(e-?\d+)?){4,}\s*")
_CLASS_FILES = ("classes.txt", "obj.names", "labels.txt", "classes.names", "_darknet.labels")
_VOC_OBJECT = re.compile(r"<object>.*?<name>\s*([^<]{1,80}?)\s*</name>", re.DOTALL)


def read_boxes(texts: Mapping[str, str], index: PhotoIndex) -> list[TableLabels]:
    """Return the labels of boxes in all texts, one entry per format that names photos."""
    found = [_read_yolo(texts, index), _read_voc(texts, index)]
    found += [_read_json(name, text, index) for name, text in texts.items() if name.endswith((".labels", ".json"))]
    return [labels for labels in found if labels is not None]


def is_yolo(text: str) -> bool:
    """Return whether a text holds rows of a class number and a box."""
    first = text.lstrip().partition("\n")[0]
    return _YOLO_ROW.fullmatch(first) is not None


def _from_labels(labels: Mapping[int, set[str]]) -> TableLabels | None:
    if len(labels) < 2:
        return None
    return TableLabels(
        source=Source.BOXES,
        option="boxes",
        form=("boxes",),
        labels=labels,
        named=frozenset(labels),
        questions=(QuestionCode.BOXES,),
    )


def _read_yolo(texts: Mapping[str, str], index: PhotoIndex) -> TableLabels | None:
    names, labels = _class_names(texts), {}
    for name, text in texts.items():
        if not name.endswith(".txt") or not is_yolo(text):
            continue
        dirs = name.casefold().split("/")[:-1]
        split = next((found[0] for part in dirs if (found := split_words(part))), None)
        cell = "/".join([*("images" if part == "labels" else part for part in dirs), name.rpartition("/")[2][:-4]])
        number = index.find(cell, (), split)
        if number is not None:
            numbers = {row.split()[0] for row in text.splitlines() if row.strip()}
            labels[number] = {names.get(value, value) for value in numbers}
    return _from_labels(labels)


def _class_names(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the names of numbered classes: from a YOLO yaml, or from a text of one name a line."""
    for name, text in texts.items():
        match = re.search(r"^names\s*:(.*)", text, re.MULTILINE | re.DOTALL)
        if name.casefold().endswith((".yaml", ".yml")) and match:
            return _yaml_names(match[1])
    for name, text in texts.items():
        if name.rpartition("/")[2].casefold() in _CLASS_FILES and not is_yolo(text):
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return {str(number): line for number, line in enumerate(lines)}
    return {}


def _yaml_names(block: str) -> dict[str, str]:
    """Read the three forms of a list of names: [a, b], lines of “0: a”, and lines of “- a”."""
    inline = re.match(r"\s*\[(.*?)\]", block, re.DOTALL)
    if inline:
        return {str(n): part.strip().strip("'\"") for n, part in enumerate(inline[1].split(","))}
    numbered = re.findall(r"^\s+(\d+)\s*:\s*(.+?)\s*$", block, re.MULTILINE)
    if numbered:
        return {number: label.strip("'\"") for number, label in numbered}
    return {str(n): label.strip("'\"") for n, label in enumerate(re.findall(r"^\s*-\s+(.+?)\s*$", block, re.MULTILINE))}


def _read_voc(texts: Mapping[str, str], index: PhotoIndex) -> TableLabels | None:
    labels = {}
    for name, text in texts.items():
        if not name.endswith(".xml") or "<annotation" not in text[:500]:
            continue
        folder, _, base = name.casefold().rpartition("/")
        number = index.find(base[:-4], tuple(folder.split("/")) if folder else ())
        objects = set(_VOC_OBJECT.findall(text))
        if number is not None and objects:
            labels[number] = objects
    return _from_labels(labels)


def _read_json(name: str, text: str, index: PhotoIndex) -> TableLabels | None:
    if '"annotations"' not in text and '"files"' not in text:
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    folder = tuple(name.casefold().split("/")[:-1])
    if not isinstance(data, Mapping):
        return None
    if isinstance(data.get("files"), list):
        return _read_edge_impulse(name, data["files"], index, folder)
    if isinstance(data.get("annotations"), list) and isinstance(data.get("images"), list):
        return _read_coco(data, index, folder)
    return None


def _read_edge_impulse(
    name: str, files: list[object], index: PhotoIndex, folder: tuple[str, ...]
) -> TableLabels | None:
    """Read ``info.labels``: the boxes where most files have some, else the label of each file."""
    boxes: dict[int, set[str]] = {}
    labels: dict[int, set[str]] = {}
    for row in files:
        number = index.find(str(row.get("path", "")), folder) if isinstance(row, Mapping) else None
        if number is None or not isinstance(row, Mapping):
            continue
        found = {
            str(box["label"]) for box in row.get("boundingBoxes") or [] if isinstance(box, Mapping) and "label" in box
        }
        label = row.get("label")
        label = label.get("label") if isinstance(label, Mapping) else label
        if found:
            boxes[number] = found
        if label:
            labels[number] = {str(label)}
    if 2 * len(boxes) >= len(labels):
        return _from_labels(boxes)
    if not 2 <= len(Counter(next(iter(found)) for found in labels.values())) <= len(labels) / 4:
        return None
    return TableLabels(
        source=Source.TABLE,
        option=f"{name.rpartition('/')[2]}:label",
        form=("edge-impulse",),
        labels=labels,
        named=frozenset(labels),
        origin=message(OriginCode.TABLE, file=name, by=name),
    )


def _read_coco(data: Mapping[str, object], index: PhotoIndex, folder: tuple[str, ...]) -> TableLabels | None:
    def table(key: str, value: str) -> dict[object, str]:
        rows = data.get(key)
        return (
            {row.get("id"): str(row.get(value)) for row in rows if isinstance(row, Mapping)}
            if isinstance(rows, list)
            else {}
        )

    names, files = table("categories", "name"), table("images", "file_name")
    labels: dict[int, set[str]] = {}
    annotations = data["annotations"]
    for row in annotations if isinstance(annotations, list) else ():
        if isinstance(row, Mapping):
            number = index.find(files.get(row.get("image_id"), ""), folder)
            if number is not None:
                category = row.get("category_id")
                labels.setdefault(number, set()).add(names.get(category, str(category)))
    return _from_labels(labels)
