"""What ``training.json`` tells of a training: the program, its packages, each photo's use, the epochs, the verdict.

A model's folder alone then answers which program made it, from which photos, which of them were held out, and which
epoch was kept. The same epochs and verdict are in the project's catalog, as the ``details`` of a run.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, distribution, version
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from .._version import __version__
from ..config import Mode
from ..data.run_history import RunAsset
from ..events import Epoch
from ..files import read_json
from ..messages import Message
from ..messages.data import arguments_to_json, restore
from ..messages.training import TrainingCode

FILE = "training.json"
_LARGEST = 64 * 2**20  # bytes
_MOST_EPOCHS = 100_000
_PACKAGES = (
    "torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn", "pillow", "pillow-heif", "safetensors",
    "huggingface-hub", "gradio",
)  # fmt: skip
_VERDICTS = (
    TrainingCode.BETTER, TrainingCode.PROBABLY_BETTER, TrainingCode.SURER, TrainingCode.NOT_BETTER,
    TrainingCode.NO_EPOCH, TrainingCode.QUICK_ALL_RIGHT, TrainingCode.ONE_GROUP,
)  # fmt: skip
_USES = {"train": "trained", "held_out": "held_out", "val": "judged", "test": "judged"}  # by the split of a run's photo


@lru_cache(maxsize=1)
def program() -> dict[str, str | None]:
    """Return name and version of this program, and the commit that it was installed or started from, if known."""
    return {"name": __package__.partition(".")[0], "version": __version__, "commit": _commit()}


def _commit() -> str | None:
    with suppress(PackageNotFoundError, ValueError, LookupError, TypeError):  # installed by pip from a repository
        origin = distribution("photo-classifier").read_text("direct_url.json")
        return str(json.loads(origin or "{}")["vcs_info"]["commit_id"])
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():  # else the repository above could be another program's
        return None
    with suppress(OSError, subprocess.SubprocessError):
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, check=True, text=True, timeout=10).stdout.strip() or None
    return None


@cache
def installed_version(name: str) -> str:
    """Return the version of a package, which takes milliseconds to find. Raises ``PackageNotFoundError``."""
    return version(name)


def packages() -> dict[str, str]:
    """Return the versions of Python and of the packages that matter, and of CUDA and cuDNN where torch has them."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = installed_version(name)
    found["torch"] = torch.__version__  # with the kind of build
    if torch.version.cuda is not None:
        found["cuda"] = torch.version.cuda
        found["cudnn"] = str(torch.backends.cudnn.version())
    return found


def photo_uses(
    photos: Iterable[tuple[str, str, str]], training: Iterable[RunAsset], evaluated: Iterable[RunAsset]
) -> list[dict[str, str]]:
    """Return content, class, split and use of each photo of a project.

    ``trained``: the weights come from it; its prediction in the score is that of a model without it. ``held_out``: the
    same, and deep training was evaluated on such photos alone. ``judged``: it was only judged. ``near_training``: a
    test or validation photo that looks like a training photo, counted apart. ``unused``: none of these.

    Args:
        photos: content, class and split of the photos of the catalog.
        training: the photos of the training, as the run has them.
        evaluated: those of other splits that were predicted.
    """
    uses = {(row.sha256, row.label): _USES.get(row.split, row.split) for row in (*training, *evaluated)}
    return [
        {"sha256": sha256, "label": label, "split": split, "use": uses.get((sha256, label), "unused")}
        for sha256, label, split in photos
    ]


def history(epochs: Sequence[Epoch], kept: Mode, mode: Mode, notes: Iterable[Message]) -> dict[str, Any]:
    """Return the epochs of a training, the best of them, and what was kept and why, as JSON values.

    Args:
        epochs: those that were validated, in order; of two with one number the later counts.
        kept: mode of the model that was kept.
        mode: mode that was asked for.
        notes: what the person was told.
    """
    rows = {epoch.number: asdict(epoch) for epoch in epochs}
    best = epochs[-1].best if epochs else 0
    return {
        "epochs": [{name: _finite(value) for name, value in row.items()} for row in rows.values()],
        "best_epoch": best or None,
        "verdict": None if mode == "quick" else _verdict(kept, notes),
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _verdict(kept: Mode, notes: Iterable[Message]) -> dict[str, Any]:
    why = next((note for note in notes if note.code in _VERDICTS), None)
    if why is None:
        return {"kept": kept, "why": ""}
    arguments = json.loads(arguments_to_json(why))
    return {"kept": kept, "why": str(why), "code": why.code.id, "arguments": arguments}


def read_epochs(details: Mapping[str, Any]) -> tuple[Epoch, ...]:
    """Return the epochs that ``history`` gave, none where they are damaged; a number that was not finite is NaN."""
    rows = details.get("epochs")
    if not isinstance(rows, list) or len(rows) > _MOST_EPOCHS:
        return ()
    try:
        return tuple(Epoch(**{name: _number(value) for name, value in row.items()}) for row in rows)
    except (TypeError, ValueError, AttributeError):
        return ()


def _number(value: object) -> Any:
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e9:
        raise ValueError("no number")
    return value


def read_verdict(details: Mapping[str, Any]) -> Message | None:
    """Return why deep training or the quick model was kept; None where nothing is known."""
    verdict = details.get("verdict")
    why = verdict.get("why") if isinstance(verdict, dict) else None
    if not isinstance(verdict, dict) or not isinstance(why, str) or not why:
        return None
    arguments = verdict.get("arguments")
    return restore(str(verdict.get("code")), arguments if isinstance(arguments, dict) else {}, why)


def read_self_check(text: str | None) -> dict[str, Any] | None:
    """Return what a self-check of the project found, from the text that the project keeps; None where there is none."""
    with suppress(ValueError, RecursionError):
        found = json.loads(text or "null")
        return found if isinstance(found, dict) else None
    return None


def details_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the catalog keeps of the content of ``training.json``."""
    return {name: record[name] for name in ("epochs", "best_epoch", "verdict", "steps") if name in record}


def without_photos(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of ``training.json`` as it may leave this machine: without the hashes of photos."""
    return {name: value for name, value in record.items() if name != "photos"}


def dump(record: Mapping[str, Any]) -> str:
    """Return the text of ``training.json``, with each photo in a line of its own."""
    return "".join(dump_parts(record))


def dump_parts(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield what ``dump`` returns, a photo at a time."""
    text = json.dumps(without_photos(record), indent=2, ensure_ascii=False)
    if "photos" not in record:
        yield text
        return
    yield text.removesuffix("}").rstrip() + ("," if len(record) > 1 else "") + '\n  "photos": ['
    for number, photo in enumerate(record["photos"]):
        yield f"{',' if number else ''}\n    {json.dumps(photo)}"
    yield "\n  ]\n}"


def read_record(folder: Path) -> dict[str, Any]:
    """Return the content of ``training.json`` of a model folder, empty where it is missing or damaged."""
    with suppress(OSError, ValueError):
        record = read_json(folder / FILE, _LARGEST)
        return record if isinstance(record, dict) else {}
    return {}
