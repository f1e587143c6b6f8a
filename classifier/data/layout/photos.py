"""Which of the given files are photos, and what a cell of a table may call them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .gif .bmp .dib .tif .tiff .webp .avif .heic .heif .hif .ico .jp2 .j2k .ppm .pgm "
    ".pbm".split()
)
ARRAY_SUFFIXES = frozenset(
    ".h5 .hdf5 .mat .npz .npy .tfrecord .tfrecords .mdb .lmdb .parquet .arrow .pkl .pickle".split()
)
ARCHIVE_SUFFIXES = frozenset(".zip .tar .tgz .rar .7z .gz .bz2 .xz .zst".split())
_OTHER_SUFFIXES = frozenset(
    ".txt .csv .tsv .json .jsonl .xml .yaml .yml .md .rst .html .htm .pdf .doc .docx .xls .xlsx .ppt .pptx .py .ipynb "
    ".js .ts .java .c .cpp .h .hpp .cs .csproj .sln .m .r .rb .go .rs .sh .bat .ps1 .toml .cfg .ini .lock .log .db "
    ".sqlite .joblib .pt .pth .onnx .pb .tflite .mp4 .avi .mov .mkv .webm .mp3 .wav .svg .psd .ai .eps .data .labels "
    ".manifest .names .cache .tmp .crdownload .part .download .jpg_original .bak .exe .dll .so .url .lnk "
    ".icloud".split()
)
_JUNK = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"})
_PROJECT_FILE = re.compile(
    r"(?i)(license|licence|readme|makefile|dockerfile|notice|authors|changelog|copying|contributors?)"
)
_IDX = re.compile(r"idx\d-ubyte")  # MNIST's format
_LONGEST_CELL = 500  # letters of a path


def is_junk(name: str) -> bool:
    """Return whether a name belongs to the operating system or an editor."""
    return any(part.startswith(".") or part.casefold() in _JUNK for part in name.split("/"))


def suffix_of(base: str) -> str:
    """Return the suffix of a file name in small letters, with its dot."""
    dot = base.rfind(".")
    return base[dot:].lower() if dot > 0 else ""


def stem_of(base: str) -> str:
    """Return a file name without the suffix of a picture."""
    suffix = suffix_of(base)
    return base[: -len(suffix)] if suffix in PICTURE_SUFFIXES else base


def is_array(name: str) -> bool:
    """Return whether a file holds arrays of numbers by its name: HDF5, NumPy, MNIST's idx and the like."""
    return suffix_of(name) in ARRAY_SUFFIXES or _IDX.search(name) is not None


def find_photos(names: Sequence[str]) -> list[str]:
    """Return the names of pictures by their suffix; where hardly any file has one, of all that are nothing else."""
    usable = [name for name in names if not is_junk(name)]
    pictures = [name for name in usable if suffix_of(name) in PICTURE_SUFFIXES]
    others = [name for name in usable if not is_known_kind(name)]
    return pictures if len(pictures) * 20 > len(others) else others


def is_known_kind(name: str) -> bool:
    """Return whether a name says what the file is: a picture, a text, an archive, arrays, a program …"""
    suffix, base = suffix_of(name), name.rpartition("/")[2]
    kinds = (PICTURE_SUFFIXES, _OTHER_SUFFIXES, ARCHIVE_SUFFIXES, ARRAY_SUFFIXES)
    return any(suffix in kind for kind in kinds) or _PROJECT_FILE.fullmatch(base) is not None


@dataclass(frozen=True)
class Photo:
    """A file that looks like a picture: ``dirs`` are its folders without that of the split."""

    name: str
    dirs: tuple[str, ...]
    split: str = "train"

    @cached_property
    def base(self) -> str:
        """The file name without folders."""
        return self.name.rpartition("/")[2]

    @cached_property
    def stem(self) -> str:
        """The file name without folders and suffix."""
        return stem_of(self.base)


class PhotoIndex:
    """Finds the photo that a cell of a table names.

    A cell names a photo only if it names exactly one: by the longest matching path, then in the table's own folder,
    then in its split; with or without suffix, ``\\`` or ``/``; a number also without its leading zeros.
    """

    def __init__(self, photos: Sequence[Photo]) -> None:
        self.photos = photos
        self._by_base: dict[str, list[int]] = defaultdict(list)
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        self._by_number: dict[str, list[int]] = defaultdict(list)
        for number, photo in enumerate(photos):
            base = photo.base.casefold()
            stem = stem_of(base)
            self._by_base[base].append(number)
            self._by_stem[stem].append(number)
            if stem.isdigit():
                self._by_number[stem.lstrip("0") or "0"].append(number)

    def find(self, cell: str, folder: tuple[str, ...] = (), split: str | None = None) -> int | None:
        """Return the index of the photo that ``cell`` names, None for no or several; ``folder`` is the table's."""
        if not cell or len(cell) > _LONGEST_CELL:
            return None
        text = cell.strip().casefold()
        found = self._candidates(text) if "/" not in text and "\\" not in text else None
        if found is None:
            parts = tuple(part for part in re.split(r"[\\/]+", text) if part not in ("", "."))
            if not parts or ".." in parts:
                return None
            found = self._candidates(parts[-1])
            if len(found) > 1:
                found = self._longest(found, parts[:-1])
        if len(found) > 1:
            found = [n for n in found if self._folder(n)[: len(folder)] == folder] or found
        if len(found) > 1 and split:
            found = [n for n in found if self.photos[n].split == split] or found
        return found[0] if len(found) == 1 else None

    def _candidates(self, base: str) -> list[int]:
        found = self._by_base.get(base) or self._by_stem.get(base) or self._by_stem.get(stem_of(base))
        if not found and base.isdigit():
            found = self._by_number.get(base.lstrip("0") or "0")
        return found or []

    def _folder(self, number: int) -> tuple[str, ...]:
        return tuple(self.photos[number].name.casefold().split("/")[:-1])

    def _longest(self, found: list[int], dirs: tuple[str, ...]) -> list[int]:
        def matching(number: int) -> int:
            own = self._folder(number)
            same = 0
            while same < min(len(own), len(dirs)) and own[-1 - same] == dirs[-1 - same]:
                same += 1
            return same

        lengths = {number: matching(number) for number in found}
        most = max(lengths.values())
        return [number for number in found if lengths[number] == most]
