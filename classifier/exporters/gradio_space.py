"""A Gradio app with the model: a folder that runs on a Hugging Face Space or any computer as it is.

``app.py`` in it needs nothing of this package. It is verified in a process of its own, by the app's own code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata, resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml  # type: ignore[import-untyped, unused-ignore]
from PIL import Image

from ..config import PixelRanges
from ..errors import ExportError
from ..messages import Code, Message, message
from ..messages.exporting import ExportCode
from ..messages.space import README, SpaceCode, SpaceLackCode
from ..models.model_card import TAG
from .base import Answer, Format, Loaded, Model, Options
from .files import copy_model

MODEL, ABOUT, RECORD = "model", "model.json", "export.json"
_FILES = "space_files"  # in this package
_COPIED = ("app.py", "requirements.txt")
_LICENSES = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-sa-4.0", "openrail", "other"}
# Run in the folder of the app: a line of file names comes in, a line of answers goes out.
_SERVE = """
import json, sys
out, sys.stdout = sys.stdout, sys.stderr  # whatever libraries print
sys.path.insert(0, "")
from app import Classifier
model = Classifier()
print(json.dumps([model.labels, model.thresholds, model.pixel_ranges]), file=out, flush=True)
for line in sys.stdin:
    print(json.dumps(model.answer(json.loads(line))), file=out, flush=True)
"""


# -- writing


def _write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
    copy_model(model, out / MODEL)
    for source in resources.files(__package__).joinpath(_FILES).iterdir():
        if source.name in _COPIED:
            (out / source.name).write_bytes(source.read_bytes())
    title = options.title_or(SpaceCode.TITLE)
    (out / "README.md").write_text(_readme(model, title), "utf-8")
    (out / ABOUT).write_text(_about(model, title), "utf-8")
    return _lacks(model)


def _readme(model: Model, title: str) -> str:
    entries: dict[str, Any] = {
        "title": title,
        "emoji": "📷",
        "colorFrom": "blue",
        "colorTo": "indigo",
        "sdk": "gradio",
        "sdk_version": metadata.version("gradio"),
        "python_version": "3.12",
        "app_file": "app.py",
        "pinned": False,
        "short_description": str(SpaceCode.SHORT),
        "suggested_hardware": "cpu-basic",
        "tags": ["image-classification", TAG],
    }
    license = json.loads((model.folder / "config.json").read_text("utf-8")).get("pretrained_cfg", {}).get("license")
    if license in _LICENSES:
        entries["license"] = license
    front_matter = str(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=10**6))
    return README.format(front_matter=front_matter, title=title)


def _about(model: Model, title: str) -> str:
    preprocessing = model.checkpoint.preprocessing
    about = {
        "title": title,
        "labels": list(model.labels),
        "thresholds": list(model.thresholds),
        "preprocessing": preprocessing.to_timm(),
        "pixel_ranges": preprocessing.pixel_ranges.to_json(),
    }
    return json.dumps(about, indent=1)


def _lacks(model: Model) -> tuple[Message, ...]:
    codes: list[Code] = [SpaceLackCode.FILE_KINDS]
    if model.checkpoint.preprocessing.pixel_ranges.to_json():
        codes.append(SpaceLackCode.DEEP)
    return tuple(map(message, codes))


def _record(out: Path, verification: Mapping[str, Any]) -> None:
    (out / RECORD).write_text(json.dumps(verification, indent=1), "utf-8")


# -- loading


@contextmanager
def _load(out: Path) -> Iterator[Loaded]:
    """Answer by the app's own code in a fresh process."""
    command = [sys.executable, "-B", "-c", _SERVE]
    pipe = subprocess.PIPE
    with (
        TemporaryDirectory(prefix="photos-") as scratch,
        subprocess.Popen(command, cwd=out, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as app,
    ):
        try:
            labels, thresholds, ranges = _read(app)

            def answer(pictures: Sequence[Image.Image]) -> list[Answer]:
                paths = [Path(scratch, f"{number}.png") for number in range(len(pictures))]
                for picture, path in zip(pictures, paths):
                    picture.save(path, compress_level=1)
                assert app.stdin is not None
                app.stdin.write(json.dumps(list(map(str, paths))) + "\n")
                app.stdin.flush()
                return [_to_answer(found, labels) for found in _read(app)]

            yield Loaded(tuple(labels), answer, tuple(thresholds), PixelRanges.from_json(ranges))
        finally:
            app.kill()


def _read(app: subprocess.Popen[str]) -> Any:
    assert app.stdout is not None
    line = app.stdout.readline()
    if not line:
        raise ExportError(ExportCode.UNREADABLE, why="app.py")
    return json.loads(line)


def _to_answer(found: Mapping[str, Any], labels: Sequence[str]) -> Answer:
    probs = np.array([found["confidences"][label] for label in labels], np.float32)
    return Answer(found["label"], probs, found["unsure"])


FORMAT = Format("space", "", _write, _load, _record, repository="space")
