"""The files of ONNX Runtime Web, which run a model in a browser: one pinned version, from a folder or one download.

The smallest set is used: one script and one WebAssembly file for the processor, on one thread, since several threads
need headers that a plain web server does not send.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

from ..errors import ExportError
from ..files import atomic_write, cache_folder
from ..messages.web_page import WebRuntimeCode

VERSION = "1.30.0"
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
VARIABLE = "CLASSIFIER_ORT_WEB"  # names a folder that has the files; nothing is downloaded then
# Name in the export (some web servers do not know “.mjs”) -> name in the package.
FILES: Mapping[str, str] = {"ort.js": "ort.wasm.bundle.min.mjs", "ort.wasm": "ort-wasm-simd-threaded.wasm"}
_SHA384: Mapping[str, str] = {
    "ort.js": "3cb5b3fa71c4547a63c01b0ed1855dbd08fa9f9f35e08bfc1376fc146d11a7fb8802d8c530228ea4feba88fcde76b206",
    "ort.wasm": "be3049d73eeaae1913c98b0da8a785e9cecdfa7389494f78733128fadbd972ef06ef92696ab1aaf6407e9139c450d54c",
}
_ARCHIVE_SHA384 = "a55dfc6d727e7748c6f0d090706706f6af789be762aff3d2399b1f2a76e1fcfc3844485e9fd9f8c2d044cc52fbb7507d"
_MOST_BYTES = 64 * 2**20  # of the archive, which has 33 million
_TIMEOUT = 60.0  # seconds without an answer
_BLOCK = 2**20  # bytes


def copy_runtime(target: Path, url: str = URL) -> None:
    """Copy the files, whose content is checked, and their license into the folder ``target``.

    They come from the folder that ``CLASSIFIER_ORT_WEB`` names, from the user's cache, or from ``url`` once. Raises
    ``ExportError`` where they cannot be had.
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else _cached(url)
    target.mkdir()
    for name, packaged in FILES.items():
        source = folder / (packaged if named else name)
        if not source.is_file():
            raise ExportError(WebRuntimeCode.MISSING, folder=str(folder), file=source.name, url=URL)
        shutil.copyfile(source, target / name)
    check_runtime(target)
    _copy_license(target / "LICENSE.txt")


def check_runtime(folder: Path) -> None:
    """Raise ``ExportError`` where a file has another content than that of the pinned version."""
    for name, expected in _SHA384.items():
        if hashlib.sha384((folder / name).read_bytes()).hexdigest() != expected:
            raise ExportError(WebRuntimeCode.OTHER_CONTENT, file=FILES[name], version=VERSION, url=URL)


def _copy_license(target: Path) -> None:
    """Write the license of ONNX Runtime and those of what it contains, from its package for Python."""
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent
    target.write_text(
        "\n\n".join((folder / name).read_text("utf-8") for name in ("LICENSE", "ThirdPartyNotices.txt")), "utf-8"
    )


def _cached(url: str) -> Path:
    """Return the folder of this version in the user's cache, where the files are fetched once."""
    folder = cache_folder(f"onnxruntime-web-{VERSION}")
    if not all((folder / name).is_file() for name in FILES):
        with tempfile.TemporaryDirectory() as scratch:
            archive = Path(scratch, "package.tgz")
            _fetch(url, archive)
            _unpack(archive, folder)
    return folder


def _fetch(url: str, archive: Path) -> None:
    digest, size = hashlib.sha384(), 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, archive.open("wb") as file:
            while size <= _MOST_BYTES and (block := response.read(_BLOCK)):
                size += len(block)
                digest.update(block)
                file.write(block)
    except (OSError, HTTPException) as error:
        raise ExportError(WebRuntimeCode.UNREACHABLE, version=VERSION, why=type(error).__name__, url=URL) from error
    if digest.hexdigest() != _ARCHIVE_SHA384:
        raise ExportError(WebRuntimeCode.OTHER_CONTENT, file=url.rpartition("/")[2], version=VERSION, url=URL)


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as package:
        for name, packaged in FILES.items():
            content = package.extractfile(f"package/dist/{packaged}")
            assert content is not None  # the archive's content is known by its hash
            with atomic_write(folder / name) as part, part.open("wb") as file:
                shutil.copyfileobj(content, file)
