"""What the header of a column says: a label, a group, a measure."""

from __future__ import annotations

import re
from functools import lru_cache

# Headers that mean the label itself, and those that mean it where no other does.
_LABELS = frozenset(
    "label labels class classes category categories target targets diagnosis dx y classname categoryname labelname "
    "classlabel classification breed breedname choice choices etiqueta etiquetas clase classe klasse categoria "
    "categorie kategorie rotulo etichetta метка класс 标签 类别 類別 標籤 ラベル クラス 라벨 클래스".split()
)
_PROPERTIES = frozenset(
    "species type kind variety genre tag tags style emotion disease condition finding family genus gender sex grade "
    "stage quality status state outcome cultivar crop plantname commonname color colour weather material".split()
)
_GROUPS = frozenset(
    "group groups patient patients subject person plant individual video track scene session source participant "
    "donor camera site location slide burst clip sequence lesion case specimen".split()
)
_MEASURES = frozenset(
    "width height x y w h xmin ymin xmax ymax left top right bottom size area confidence score lat lon latitude "
    "longitude age year month day date time timestamp index filesize channels dpi".split()
)
_OTHERS = frozenset(
    "license licence copyright author photographer creator user annotator software format extension ext mimetype mode "
    "orientation split fold notes note comment comments description caption url link createdat updatedat".split()
)
_NUMBERS = frozenset("id ids index idx count number num no nr name code key path file filename source url".split())


@lru_cache(maxsize=4096)
def header_words(cell: str) -> tuple[str, ...]:
    """Return the words of a header in small letters; of a path within JSON, those of its innermost name."""
    inner = [part for part in cell.split("/") if part and not part.isdigit()]
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", inner[-1] if inner else cell)
    return tuple(word for word in re.split(r"[\W_\d]+", spaced.casefold()) if word)


@lru_cache(maxsize=4096)
def label_rank(cell: str) -> int:
    """Return 2 for a header that means the label, 1 for a property that may be the label, 0 for others.

    “class”, “dog_breed” and “label_name” mean it; “sex” and “species” may; “class_count” does not.
    """
    words = header_words(cell)
    if not words or len(words) > 3:
        return 0
    joined = "".join(words)
    if joined in _LABELS or (len(words) == 2 and words[0] in _LABELS and words[1] in ("id", "index", "name", "idx")):
        return 2
    if set(words) & _NUMBERS or (words[0] in _LABELS and words[-1] == "type"):
        return 0
    if words[0] in _LABELS or words[-1] in _LABELS:
        return 2
    return 1 if joined in _PROPERTIES or words[0] in _PROPERTIES or words[-1] in _PROPERTIES else 0


def is_group_header(cell: str) -> bool:
    """Return whether a header means a group: patient, scene_id, session, id; never a label."""
    words = header_words(cell)
    if not words or label_rank(cell) == 2:
        return False
    return words[-1] in ("id", "ids") or words[-1] in _GROUPS or (words[0] in _GROUPS and words[-1] in _NUMBERS)


def names_group(cell: str) -> bool:
    """Return whether a header says which group: a patient or a video, not only an id."""
    return any(word in _GROUPS for word in header_words(cell))


def is_measure_header(cell: str) -> bool:
    """Return whether a header means a number that is no label: width, x, confidence, age."""
    return "".join(header_words(cell)) in _MEASURES


def is_other_header(cell: str) -> bool:
    """Return whether a header means something else that repeats but is no label: a license, an author, a format."""
    return "".join(header_words(cell)) in _OTHERS


def are_boxes(header: tuple[str, ...]) -> bool:
    """Return whether columns hold the corners of boxes."""
    words = {"".join(header_words(cell)) for cell in header}
    corners = (
        {"xmin", "ymin"},
        {"left", "top", "width", "height"},
        {"x", "y", "width", "height"},
        {"regionshapeattributes"},
    )
    return any(names <= words for names in corners)
