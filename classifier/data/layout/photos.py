"""Which of the given files are photos by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .gif .bmp .dib .tif .tiff .webp .avif .heic .heif .hif .ico .jp2 .j2k .ppm .pgm "
    ".pbm".split()
)
ARCHIVE_SUFFIXES = frozenset(".zip .tar .tgz .rar .7z .gz .bz2 .xz .zst".split())
VIDEO_SUFFIXES = frozenset(".mp4 .avi .mov .mkv .webm .m4v .mpg .mpeg .wmv .3gp".split())
_OTHER_SUFFIXES = frozenset(
    ".txt .csv .tsv .json .jsonl .ndjson .xml .yaml .yml .md .rst .html .htm .pdf .doc .docx .xls .xlsx .ods .ppt "
    ".pptx .py .pyc .ipynb .js .ts .css .scss .java .c .cpp .h .hpp .cs .csproj .sln .m .r .rb .go .rs .sh .bat .ps1 "
    ".toml .cfg .ini .lock .log .db .sqlite .joblib .pt .pth .onnx .pb .tflite .ckpt .safetensors .mp3 .wav .svg "
    ".psd .ai .eps .xmp .aae .dng .cr2 .nef .arw .data .labels .manifest .names .cache .tmp .crdownload .part "
    ".download .jpg_original .bak .exe .dll .so .dat .meta .url .lnk .icloud .prototxt "
    ".gitignore .gitattributes".split()
)
_ARRAYS = {
    "hdf5": frozenset({".h5", ".hdf5"}),
    "numpy": frozenset({".npz", ".npy"}),
    "matlab": frozenset({".mat"}),
    "tfrecord": frozenset({".tfrecord", ".tfrecords"}),
    "lmdb": frozenset({".mdb", ".lmdb"}),
    "parquet": frozenset({".parquet", ".arrow"}),
    "pickle": frozenset({".pkl", ".pickle"}),
}
_ARRAY_KINDS = {suffix: kind for kind, suffixes in _ARRAYS.items() for suffix in suffixes}
_JUNK = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"})
_PROJECT_FILE = re.compile(
    r"(?i)(license|licence|readme|makefile|dockerfile|notice|authors|changelog|copying|contributors?|requirements)"
)
_IDX = re.compile(r"idx\d[-.]ubyte")  # MNIST's format
_CIFAR = re.compile(  # pickled
    r"(.*/)?(data_batch_\d|test_batch|batches\.meta|cifar-100?-python(\.tar\.gz|\.tgz|\.tar|/(train|test|meta)))"
)
_SHARD = re.compile(r"\.tfrecord[s]?-\d+")
_FEW = 20  # pictures are few if other files are so many times as many


class Photo(NamedTuple):
    """A file that looks like a picture: ``dirs`` are its folders without that of the split."""

    name: str
    dirs: tuple[str, ...]
    split: str = "train"

    @property
    def base(self) -> str:
        """The file name without folders."""
        return self.name.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The file name without folders and suffix."""
        return stem_of(self.base)


def is_junk(name: str) -> bool:
    """Return whether a name belongs to the operating system or an editor."""
    folder, _, base = name.rpartition("/")
    return base.startswith(".") or base.casefold() in _JUNK or (folder != "" and _is_junk_folder(folder))


@lru_cache(maxsize=4096)
def _is_junk_folder(folder: str) -> bool:
    return any((part.startswith(".") and part != ".") or part.casefold() in _JUNK for part in folder.split("/"))


def suffix_of(base: str) -> str:
    """Return the suffix of a file name in small letters, with its dot."""
    dot = base.rfind(".")
    return base[dot:].lower() if dot > 0 else ""


def stem_of(base: str) -> str:
    """Return a file name without the suffix of a picture."""
    suffix = suffix_of(base)
    return base[: -len(suffix)] if suffix in PICTURE_SUFFIXES else base


def array_kind(name: str) -> str | None:
    """Return the format of a file of arrays by its name: hdf5, numpy, idx and so on; None for other files."""
    base = name.rpartition("/")[2]
    if _IDX.search(base):
        return "idx"
    if _SHARD.search(base):
        return "tfrecord"
    return "cifar" if _CIFAR.fullmatch(name) else _ARRAY_KINDS.get(suffix_of(base))


def find_photos(names: Sequence[str]) -> list[str]:
    """Return the names of pictures by their suffix; where hardly any file has one, also all of no known kind."""
    usable = [name for name in names if not is_junk(name)]
    pictures = {name for name in usable if suffix_of(name.rpartition("/")[2]) in PICTURE_SUFFIXES}
    others = {name for name in usable if name not in pictures and not is_known_kind(name)}
    found = pictures if pictures and len(pictures) * _FEW > len(others) else pictures | others
    return [name for name in usable if name in found]


def has_few_pictures(photos: Sequence[str]) -> bool:
    """Return whether hardly any of the photos has the suffix of a picture, so that the suffix may be a label."""
    pictures = sum(suffix_of(name.rpartition("/")[2]) in PICTURE_SUFFIXES for name in photos)
    return pictures * _FEW <= len(photos) - pictures


def is_known_kind(name: str) -> bool:
    """Return whether a name says what the file is: a picture, a text, an archive, arrays, a program …"""
    base = name.rpartition("/")[2]
    suffix = suffix_of(base)
    kinds = (PICTURE_SUFFIXES, _OTHER_SUFFIXES, ARCHIVE_SUFFIXES, VIDEO_SUFFIXES)
    if any(suffix in kind for kind in kinds) or array_kind(name) is not None:
        return True
    return _PROJECT_FILE.fullmatch(base) is not None
