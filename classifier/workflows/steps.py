"""The steps of a training in mode auto: what was tried, and the models that were kept, each of which can be taken back.

The folder ``steps`` of a model holds ``steps.json``, all steps in order, and for each that was kept a folder with its
number: the whole model, and in ``run.json`` what the catalog had of it. Files named after a step hold the out-of-fold
probabilities of what it tried.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .. import distributed
from ..data.project import Project
from ..data.run_history import RunAsset
from ..errors import ModelError
from ..evaluation.report import Report
from ..events import Step
from ..files import atomic_write, read_json, regular_size
from ..messages.models import CheckpointCode
from ..messages.workflows import StepsCode
from ..models import checkpoint, model_folder, training_record
from ..models.checkpoint import read_report
from .candidates import Candidate, CatalogEntry, step_from_json, step_to_json

_FILE, _RUN, _EVIDENCE = "steps.json", "run.json", "{}-{}.safetensors"
_ARRAYS = ("idx", "probs", "in_distribution")  # of a candidate
_LARGEST = 256 * 2**20  # bytes of a file
_MOST = 10_000  # steps that are read


def list_steps(folder: Path, photos: str | None = None) -> tuple[Step, ...]:
    """Return all steps of the training whose model is in ``folder``, also while it goes on; none where there are none.

    With ``photos``, the digest of a training set, only those of a training on these photos, labels and groups.

    Example::

        for step in list_steps(Path("model")):
            print(step.number, step.name, step.accuracy, "kept" if step.kept else "dropped")
    """
    found = _read(folder)
    if photos is not None and found.get("photos") != photos:
        return ()
    try:
        return tuple(map(step_from_json, found.get("steps", ())))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(CheckpointCode.FILE_DAMAGED, file=_FILE) from error


def step_in_use(folder: Path) -> int:
    """Return the number of the step whose model is in ``folder``; 0 where there are no steps."""
    number = _read(folder).get("in_use", 0)
    return number if type(number) is int else 0


def use_step(project: Project, folder: Path, number: int) -> None:
    """Put the model of a step that was kept in the place of the one in use, in ``folder`` and in the catalog.

    The other steps stay. Raises ``ModelError`` where that step was not kept or its model is gone, or a training is at
    work in the folder, ``StorageError`` where it cannot be written.

    Example::

        use_step(project, project.models / "2026-01-31-101500-auto", 1)
    """
    steps = list_steps(folder)
    if not any(step.number == number and step.kept for step in steps) or not _step_folder(folder, number).is_dir():
        raise ModelError(StepsCode.STEP_NOT_KEPT, number=number)
    with model_folder.reserve(folder):
        put_back(project, folder, number, steps)
        _write(folder, {**_read(folder), "in_use": number})


def put_back(project: Project, folder: Path, number: int, steps: Sequence[Step]) -> Report:
    """Put the model of a step into ``folder`` and the catalog, with all ``steps`` in its records; return its report.

    Raises as ``use_step`` does; the folder is reserved by the caller.
    """
    kept = _step_folder(folder, number)
    report, entry = read_report(kept), _read_file(kept / _RUN)
    records = {"steps": list(map(step_to_json, steps))}
    model_folder.copy_in(kept, folder)
    training = {**_read_file(folder / training_record.FILE), **records}
    with atomic_write(folder / training_record.FILE, CheckpointCode.DISK_FULL) as part:
        part.write_text(training_record.dump(training), encoding="utf-8")
    rows, details = [RunAsset(*row) for row in entry["rows"]], {**entry["details"], **records}
    run = entry["mode"], report.to_json(), rows, entry["seconds"], details
    project.catalog.runs.record(folder.name, *run, replace=True)
    return report


def read_decision(folder: Path) -> Mapping[str, Any] | None:
    """Return the threshold and costs that were set on the model in use since its step; None where none were."""
    with suppress(ModelError):
        kept, now = (read_report(one).to_json() for one in (_step_folder(folder, step_in_use(folder)), folder))
        changed = {name for name in kept if kept[name] != now[name]}
        if changed and changed <= {*checkpoint.DECISION}:
            return {name: now[name] for name in checkpoint.DECISION}
    return None


def decide_again(folder: Path, decision: Mapping[str, Any]) -> Report:
    """Set the threshold and costs that ``read_decision`` returned; return the report of the model."""
    report = checkpoint.set_threshold(folder, decision["threshold"])
    if decision["thresholds"]:
        report = checkpoint.set_costs(folder, decision["costs"], decision["unsure_cost"])
    return report


def keep(folder: Path, number: int, entry: CatalogEntry) -> None:
    """Keep a copy of the model in ``folder`` as that of a step, with its entry in the catalog."""
    kept = _step_folder(folder, number)
    model_folder.copy_in(folder, kept)
    with atomic_write(kept / _RUN, CheckpointCode.DISK_FULL) as part:
        part.write_text(json.dumps(entry.to_json()), encoding="utf-8")


def keep_evidence(folder: Path, number: int, candidates: Sequence[Candidate]) -> None:
    """Keep what the candidates of a step are compared by, with which later steps go on after an interruption.

    They take the place of those that the step offered before.
    """
    _folder(folder).mkdir(exist_ok=True)
    for path in _folder(folder).glob(_EVIDENCE.format(number, "*")):
        path.unlink()
    for position, one in enumerate(candidates):
        values = {name: torch.from_numpy(np.ascontiguousarray(getattr(one, name))) for name in _ARRAYS}
        known = {"name": one.name, "backbone": one.backbone, "cost": str(one.cost)}
        with atomic_write(_folder(folder) / _EVIDENCE.format(number, position), CheckpointCode.DISK_FULL) as part:
            save_file(values, part, metadata=known)


def read_evidence(folder: Path, number: int) -> Iterator[Candidate]:
    """Yield the candidates of a step, without their models; those that cannot be read are left out."""
    for position in itertools.count():
        path = _folder(folder) / _EVIDENCE.format(number, position)
        if not path.exists():
            break
        with suppress(OSError, SafetensorError, KeyError, ValueError, TypeError):
            regular_size(path)
            with safe_open(path, "pt") as file:
                known = file.metadata()
                idx, probs, usual = (file.get_tensor(name).numpy() for name in _ARRAYS)
            yield Candidate(known["name"], known["backbone"], float(known["cost"]), idx, probs, usual, None)


def share_evidence(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield the candidates of the main process, without their models."""
    known: list[list[Any]] = distributed.broadcast([[one.name, one.backbone, one.cost] for one in candidates])
    tensors = distributed.broadcast_tensors(
        {
            f"{position} {name}": torch.from_numpy(np.ascontiguousarray(getattr(one, name)))
            for position, one in enumerate(candidates)
            for name in _ARRAYS
        }
    )
    for position, (name, backbone, cost) in enumerate(known):
        idx, probs, usual = (tensors[f"{position} {array}"].numpy() for array in _ARRAYS)
        yield Candidate(name, backbone, cost, idx, probs, usual, None)


def record(folder: Path, steps: Sequence[Step], in_use: int, photos: str) -> None:
    """Write which steps there were, whose model is in use, and the digest of the training set.

    Raises ``StorageError`` where it cannot be written.
    """
    _folder(folder).mkdir(exist_ok=True)
    _write(folder, {"photos": photos, "in_use": in_use, "steps": list(map(step_to_json, steps))})


def clear(folder: Path) -> None:
    """Delete the steps of another training in ``folder``."""
    shutil.rmtree(_folder(folder), ignore_errors=True)


def _folder(folder: Path) -> Path:
    return folder / model_folder.STEPS


def _step_folder(folder: Path, number: int) -> Path:
    return _folder(folder) / str(number)


def _read(folder: Path) -> dict[str, Any]:
    path = _folder(folder) / _FILE
    return _read_file(path) if path.exists() else {}


def _write(folder: Path, content: Mapping[str, Any]) -> None:
    with atomic_write(_folder(folder) / _FILE, CheckpointCode.DISK_FULL) as part:
        part.write_text(json.dumps(content), encoding="utf-8")


def _read_file(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path, _LARGEST)
    except (OSError, ValueError) as error:
        raise ModelError(CheckpointCode.FILE_DAMAGED, file=path.name) from error
    if not isinstance(found, dict) or len(found.get("steps", ())) > _MOST:
        raise ModelError(CheckpointCode.FILE_DAMAGED, file=path.name)
    return found
