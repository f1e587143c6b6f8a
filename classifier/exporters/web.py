"""A folder of static files, in which a browser classifies photos by itself.

``model.json`` holds what the page needs to know of the model, ``files.js`` the hashes of the files, by which the page
is kept for the time without a network. The same folder is a static Space of the Hugging Face Hub.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from ..config import NO_RANGES
from ..errors import ExportError
from ..messages import Code, Message, message
from ..messages.exporting import ExportCode
from ..messages.languages import spoken
from ..messages.web_page import README, WebFactCode, WebLackCode, WebPageCode
from ..models.model_card import TAG
from ..models.picture_sources import to_source
from . import onnx_graph, web_runtime
from .base import Format, Loaded, Model, Options
from .graph import INPUT, OUTPUTS, Bools, Floats, Pixels, describe, read_description
from .web_samples import write_samples

CONFIG, NETWORK, RECORD, HASHES = "model.json", "model.onnx", "export.json", "files.js"
PACKAGES = ("onnx", "onnxruntime")
_RUNTIME = "runtime"
_NOT_KEPT = (HASHES, "README.md", "service-worker.js", f"{_RUNTIME}/LICENSE.txt")  # not needed without a network


# -- writing


def _write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
    title = options.title_or(WebPageCode.TITLE)
    out.mkdir()
    _copy_page(out, title)
    web_runtime.copy_runtime(out / _RUNTIME)
    onnx_graph.write_onnx(model, out / NETWORK)
    (out / "README.md").write_text(
        README.format(quoted=_quote(title), title=title, tag=TAG, version=web_runtime.VERSION), "utf-8"
    )
    (out / "manifest.webmanifest").write_text(_dump(_manifest(title)), "utf-8")
    photos = [
        options.opener(to_source(photo, options.limits), None, options.limits, NO_RANGES) for photo in options.shown
    ]
    samples = write_samples(out, model.folder, photos)
    size = sum((out / name).stat().st_size for name in _kept(out))
    (out / CONFIG).write_text(_dump({**_describe(model, title), "samples": samples, "bytes": size}), "utf-8")
    (out / HASHES).write_text(hashes_of(out), "utf-8")
    return _lacks(model)


def _quote(text: str) -> str:
    """Return a text as YAML, which JSON is."""
    return json.dumps(text, ensure_ascii=False)


def _copy_page(out: Path, title: str) -> None:
    """Copy the files that are the same for every model; the page gets its sentences."""
    for source in resources.files(__package__).joinpath("web_page").iterdir():
        content = source.read_bytes()
        if source.name == "index.html":
            words = {code.id: html.escape(str(code)) for code in WebPageCode}
            filled = string.Template(content.decode()).substitute({**words, **_page_attributes(title)})
            content = filled.encode()
        (out / source.name).write_bytes(content)


def _page_attributes(title: str) -> dict[str, str]:
    return {"title": html.escape(title), "language": spoken().tag, "direction": spoken().direction}


def _describe(model: Model, title: str) -> dict[str, Any]:
    facts = [] if model.checkpoint.report is None else list(map(str, _facts(model)))
    sentences = {code.id: str(code) for code in WebPageCode}
    rules = {"language": spoken().tag, "categories": spoken().plural_categories}
    return {**json.loads(describe(model)), "title": title, "facts": facts, "sentences": sentences, "rules": rules}


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


FORMAT = Format("web", "", _write, _load, _record, PACKAGES, shows_photos=True, most_members=1, repository="space")
