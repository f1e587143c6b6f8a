"""A folder of static files, or a zip of them, in which a browser classifies photos by itself.

``model.json`` holds what the page needs to know of the model, ``files.js`` the hashes of the files, by which the page
is kept for the time without a network. The same folder is a static Space of the Hugging Face Hub.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import string
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..config import LIMITS, NO_RANGES, Limits
from ..data.images import Opener, open_picture
from ..errors import ExportError
from ..messages import Code, Message, message
from ..messages.exporting import ExportCode
from ..messages.web_page import README, WebFactCode, WebLackCode, WebPageCode
from ..models.model_card import TAG
from ..models.picture_sources import Picture, to_source
from . import onnx_graph, web_runtime
from .base import Format, Loaded, Model
from .graph import INPUT, OUTPUTS, Bools, Floats, Pixels, describe, read_description
from .web_samples import write_samples

CONFIG, NETWORK, RECORD, HASHES = "model.json", "model.onnx", "export.json", "files.js"
PACKAGES = ("onnx", "onnxruntime")
_RUNTIME = "runtime"
_NOT_KEPT = (HASHES, "README.md", "service-worker.js", f"{_RUNTIME}/LICENSE.txt")  # not needed without a network
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: equal models give equal files


def web_format(
    zipped: bool = False, shown: Sequence[Picture] = (), limits: Limits = LIMITS, opener: Opener = open_picture
) -> Format:
    """Return the format as a folder or as one zip, with the pictures by which the page checks itself.

    Args:
        zipped: whether the export is one zip.
        shown: photos that everybody who opens the page may see, of which at most three are taken, made small; without
            any, pictures are drawn.
        limits: of the size of such a photo.
        opener: decodes it, see ``Predictor``.
    """
    write = partial(_write, shown=shown, limits=limits, opener=opener)
    return replace(ZIPPED, write=partial(_write_zip, write=write)) if zipped else replace(FORMAT, write=write)


# -- writing


def _write(
    model: Model,
    out: Path,
    shown: Sequence[Picture] = (),
    limits: Limits = LIMITS,
    opener: Opener = open_picture,
) -> tuple[Message, ...]:
    title = str(WebPageCode.TITLE)
    out.mkdir()
    _copy_page(out, title)
    web_runtime.copy_runtime(out / _RUNTIME)
    onnx_graph.write_onnx(model, out / NETWORK)
    (out / "README.md").write_text(README.format(title=title, tag=TAG, version=web_runtime.VERSION), "utf-8")
    (out / "manifest.webmanifest").write_text(_dump(_manifest(title)), "utf-8")
    photos = [opener(to_source(photo, limits), None, limits, NO_RANGES) for photo in shown]
    samples = write_samples(out, model.folder, photos)
    size = sum((out / name).stat().st_size for name in _kept(out))
    (out / CONFIG).write_text(_dump({**_describe(model, title), "samples": samples, "bytes": size}), "utf-8")
    (out / HASHES).write_text(hashes_of(out), "utf-8")
    return _lacks(model)


def _copy_page(out: Path, title: str) -> None:
    """Copy the files that are the same for every model; the page gets its sentences."""
    for source in resources.files(__package__).joinpath("web_page").iterdir():
        content = source.read_bytes()
        if source.name == "index.html":
            words = {code.id: html.escape(str(code)) for code in WebPageCode}
            filled = string.Template(content.decode()).substitute({**words, "title": html.escape(title)})
            content = filled.encode()
        (out / source.name).write_bytes(content)


def _describe(model: Model, title: str) -> dict[str, Any]:
    facts = [] if model.checkpoint.report is None else list(map(str, _facts(model)))
    sentences = {code.id: code.value for code in WebPageCode}
    return {**json.loads(describe(model)), "title": title, "facts": facts, "sentences": sentences}


def _facts(model: Model) -> Iterator[Message]:
    report = model.checkpoint.report
    assert report is not None
    yield message(WebFactCode.TRAINED_ON, images=report.images, classes=len(report.labels))
    yield message(WebFactCode.SCORE, score=report.in_words())
    low, high = min(model.thresholds), max(model.thresholds)
    if low == high:
        yield message(WebFactCode.UNSURE, threshold=low)
    else:
        yield message(WebFactCode.UNSURE_BY_CLASS, low=low, high=high)
    if model.checkpoint.ood is not None:
        yield message(WebFactCode.UNLIKE)


def _lacks(model: Model) -> tuple[Message, ...]:
    codes: list[Code] = [WebLackCode.FILE_KINDS, WebLackCode.DECODING]
    if model.checkpoint.preprocessing.pixel_ranges.to_json():
        codes.append(WebLackCode.DEEP)
    if model.checkpoint.ood is None:
        codes.append(WebLackCode.UNLIKE)
    return tuple(map(message, codes))


def _manifest(title: str) -> dict[str, Any]:
    icon = {"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}
    colors = {"background_color": "#f6f7f9", "theme_color": "#1d5fd1"}
    return {"name": title, "short_name": title, "start_url": "./", "display": "standalone", "icons": [icon], **colors}


def _kept(out: Path) -> list[str]:
    """Return the names of the files that a browser keeps, in a fixed order."""
    found = (path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return sorted(name for name in found if name not in _NOT_KEPT)


def hashes_of(out: Path) -> str:
    """Return the script that names the kept files, and a version that changes with any of them."""
    digests = {name: hashlib.sha384((out / name).read_bytes()).digest() for name in _kept(out) if name != RECORD}
    version = hashlib.sha256(b"".join(digests.values())).hexdigest()[:16]
    hashes = {name: f"sha384-{base64.b64encode(digest).decode()}" for name, digest in digests.items()}
    del hashes["index.html"]  # kept under the address of the folder, and some web servers add to it
    # The record is written last, when all that is hashed was verified.
    return f"self.FILES = {_dump({'version': version, 'integrity': {**hashes, RECORD: ''}})};\n"


def _check_hashes(out: Path) -> None:
    if (out / HASHES).read_text("utf-8") != hashes_of(out):
        raise ExportError(ExportCode.UNREADABLE, why=HASHES)


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True)


def _record(out: Path, record: Mapping[str, Any]) -> None:
    (out / RECORD).write_text(_dump(record), "utf-8")


# -- loading


@contextmanager
def _load(out: Path) -> Iterator[Loaded]:
    """Answer as the page does, by nothing but its files, in Python."""
    import onnxruntime

    web_runtime.check_runtime(out / _RUNTIME)
    _check_hashes(out)
    session = onnxruntime.InferenceSession(out / NETWORK, providers=["CPUExecutionProvider"])

    def run(pixels: Pixels) -> tuple[Floats, Bools]:
        probs, in_distribution = session.run(list(OUTPUTS), {INPUT: pixels})
        return probs, in_distribution

    yield read_description((out / CONFIG).read_text("utf-8"), run)


# -- as a zip


def _write_zip(
    model: Model, out: Path, write: Callable[[Model, Path], tuple[Message, ...]] = _write
) -> tuple[Message, ...]:
    with TemporaryDirectory(prefix=".page-", dir=out.parent) as scratch:
        folder = Path(scratch, "page")
        lacks = write(model, folder)
        with zipfile.ZipFile(out, "w") as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                _add(archive, path.relative_to(folder).as_posix(), path.read_bytes())
    return lacks


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


@contextmanager
def _load_zip(out: Path) -> Iterator[Loaded]:
    with TemporaryDirectory(prefix="page-") as scratch:
        with zipfile.ZipFile(out) as archive:
            archive.extractall(scratch)
        with _load(Path(scratch)) as loaded:
            yield loaded


def _record_zip(out: Path, record: Mapping[str, Any]) -> None:
    with zipfile.ZipFile(out, "a") as archive:
        _add(archive, RECORD, _dump(record).encode())


FORMAT = Format("web", "", _write, _load, _record, PACKAGES)
ZIPPED = Format("web", ".zip", _write_zip, _load_zip, _record_zip, PACKAGES)
