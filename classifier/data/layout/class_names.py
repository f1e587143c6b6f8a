"""Names of numbered classes from a file beside: classes.txt, data.yaml, a table, ImageNet's list of synsets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import yaml  # type: ignore[import-untyped, unused-ignore]

from ...messages import message
from ...messages.layout import NoteCode
from .boxes import is_yolo
from .reading import Reading, Source
from .split_names import name_words
from .tables import Table, load_json

_LONGEST_YAML = 100_000  # letters; parsing takes seconds for more
_LONGEST_LIST = 5_000_000
_FILE_WORDS = frozenset(
    "class classes label labels name names category categories synset synsets species map mapping legend meta metadata "
    "index indices words obj dictionary codes darknet info key".split()
)
_CODE = re.compile(r"\d+|n\d{8}|/m/\w+|[a-z]{1,3}\d+", re.IGNORECASE)
_ROW = re.compile(r"(\S+?)[\s:,;=]+(.+)")


@dataclass(frozen=True)
class NameList:
    """The names of classes in one file, by their number or code; ``by_line`` if the numbers are those of lines."""

    file: str
    names: Mapping[str, str]
    by_line: bool = False

    def of(self, codes: Collection[str], from_zero: bool) -> Mapping[str, str] | None:
        """Return the name of each code, None if one has none or it is open whether lines count from 0 or 1."""
        names: Mapping[str, str] = self.names
        if self.by_line and "0" not in codes and not from_zero:
            if max((int(code) for code in codes if code.isdigit()), default=0) != len(names):
                return None
            names = {str(int(number) + 1): name for number, name in names.items()}
        plain = {code: code.lstrip("0") or "0" if code.isdigit() else code for code in codes}
        found = {code: names.get(code) or names.get(plain[code]) for code in codes}
        return {code: name for code, name in found.items() if name} if all(found.values()) else None


def find_name_lists(texts: Mapping[str, str], tables: Sequence[Table]) -> list[NameList]:
    """Return the lists of class names; ``tables`` are those that name no photo."""
    found = []
    for name, text in texts.items():
        names = _from_yaml(name, text) or _from_json(name, text)
        if names:
            found.append(NameList(name, names))
        elif name.casefold().endswith((".txt", ".names", ".labels")) and _is_named_so(name):
            found += _from_lines(name, text)
    for table in tables:
        if _is_named_so(table.name):
            found += _from_table(table)
    return found


def name_classes(reading: Reading, lists: Sequence[NameList]) -> Reading:
    """Return the reading with names for its numbered classes, if a file has one for each.

    Equal names of two numbers stay two classes: the number is added.
    """
    codes = set(reading.class_counts())
    if not all(_CODE.fullmatch(code) for code in codes):
        return reading
    for names in lists:
        found = names.of(codes, from_zero=reading.source is Source.BOXES)
        if found and set(found.values()) != codes:
            counts = Counter(found.values())
            unique = {code: name if counts[name] == 1 else f"{name} ({code})" for code, name in found.items()}
            note = message(NoteCode.NAMED, file=names.file)
            labels = {name: unique[label] for name, label in reading.labels.items()}
            return replace(reading, labels=labels, notes=(*reading.notes, note))
    return reading


def _is_named_so(name: str) -> bool:
    stem = re.sub(r"(?<=[a-z])(?=(names?|map)\b)", " ", name.rpartition("/")[2].rpartition(".")[0].casefold())
    return bool(set(name_words(stem)) & _FILE_WORDS)


def _from_yaml(name: str, text: str) -> dict[str, str]:
    """Return the names of a YOLO data.yaml. Merge keys are refused: a short text of them takes endless time."""
    if (
        not name.casefold().endswith((".yaml", ".yml"))
        or len(text) > _LONGEST_YAML
        or "<<" in text
        or "names" not in text
    ):
        return {}
    try:
        data = yaml.load(text, Loader=yaml.BaseLoader)  # texts, lists and mappings only
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    names = data.get("names") if isinstance(data, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        return {}
    return {str(key): value for key, value in names.items() if isinstance(value, str)}


def _from_json(name: str, text: str) -> dict[str, str]:
    """Return {number: name} from an object of either direction, or from the list of classes in an object."""
    if not name.casefold().endswith(".json") or len(text) > _LONGEST_LIST:
        return {}
    data = load_json(text)
    if not isinstance(data, dict):
        return {}
    for value in (data.get("classes"), data.get("label_names"), data.get("names")):
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            return {str(number): one for number, one in enumerate(value)}
    if not _is_named_so(name) or not all(isinstance(value, (str, int)) for value in data.values()):
        return {}
    if all(isinstance(value, int) for value in data.values()):
        return {str(number): str(one) for one, number in data.items()}
    return {str(number): str(one) for number, one in data.items()} if all(map(_CODE.fullmatch, data)) else {}


def _from_lines(name: str, text: str) -> Iterator[NameList]:
    """Yield the names of lines: “n01440764 tench”, “0: cat”, or one name a line."""
    if len(text) > _LONGEST_LIST or is_yolo(text):
        return
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [match for line in lines if (match := _ROW.fullmatch(line))]
    if len(rows) == len(lines) and all(_CODE.fullmatch(row[1]) for row in rows):
        yield NameList(name, {row[1]: row[2].strip() for row in rows})
    elif lines and len(set(lines)) == len(lines) and not any(line.isdigit() for line in lines):
        yield NameList(name, {str(number): line for number, line in enumerate(lines)}, by_line=True)


def _are_names(column: Sequence[str]) -> bool:
    """Return whether a column holds words: no codes, numbers or paths."""
    odd = (_CODE.fullmatch(cell) or "/" in cell or not any(map(str.isalpha, cell)) for cell in column)
    return len(set(column)) > 1 and not any(odd)


def _from_table(table: Table) -> Iterator[NameList]:
    """Yield the names by each column of codes, from the next column of words."""
    width = max(map(len, table.rows[:100]))
    columns = [[row[column] if column < len(row) else "" for row in table.rows] for column in range(min(width, 20))]
    whole = table.header is not None or any(_CODE.fullmatch(column[0]) for column in columns)
    bodies = columns if whole else [column[1:] for column in columns]
    words = [number for number, body in enumerate(bodies) if _are_names(body)]
    for number, body in enumerate(bodies):
        if len(set(body)) == len(body) > 1 and all(map(_CODE.fullmatch, body)) and words:
            name = next((word for word in words if word > number), words[0])
            yield NameList(table.name, dict(zip(body, bodies[name])))
