"""What the command line prints as JSON: its keys are relied on from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..config import TrainConfig
from ..data.catalog import Asset, Run
from ..data.project import Project
from ..messages.data import RepeatCode

if TYPE_CHECKING:  # these import torch, and “--help” must not wait for it
    from ..evaluation.report import Report
    from ..workflows.check import Checked
    from ..workflows.review import PhotoPrediction, Review
    from ..workflows.train import Finished


def of_check(project: Project, checked: Checked) -> dict[str, Any]:
    """What ``check`` found, and where each photo stands; for a project of the page also what changed since each run."""
    return {
        "classes": checked.classes,
        "images": sum(checked.classes.values()),
        "left_out": left_out(project),
        "exact_duplicates": _repeats(project),
        "near_duplicates": [[asset.source for asset in scene] for scene in checked.near_duplicates],
        "suspects": [
            {
                "file": suspect.photo.source,
                "label": suspect.photo.label,
                "suggested": suspect.suggested,
                "score": round(suspect.score, 4),
            }
            for suspect in checked.suspects
        ],
        "warnings": list(checked.warnings),
        "quality": [
            {"file": poor.photo.source, "label": poor.photo.label, "problem": poor.kind, "advice": poor.advice}
            for poor in checked.quality
        ],
        "more_photos": [
            {"label": more.label, "add": more.count, "gain": round(more.gain, 4), "advice": more.advice}
            for more in checked.more_photos
        ],
        "conflicts": [
            {"files": [asset.source for asset in group], "classes": [asset.label for asset in group]}
            for group in checked.conflicts
        ],
        "splits": project.catalog.balance(),
        "photos": [_provenance(asset) for asset in project.photos()],
        "runs": [_since(project, run) for run in project.catalog.runs()],
    }


def _provenance(asset: Asset) -> dict[str, Any]:
    """Where a photo came from, and what it is known by."""
    return {
        "file": asset.source, "label": asset.label, "split": asset.split, "sha256": asset.sha256,
        "width": asset.width, "height": asset.height, "bytes": asset.size, "added": asset.created,
        "called_right": bool(asset.confirmed),
    }  # fmt: skip


def of_review(project: Project, seen: Review) -> dict[str, Any]:
    """The photos behind a training's score: what was taken for what, what may be mislabelled, what changed since."""
    labels = seen.report.labels
    cells = ((true, taken, seen.cell(true, taken)) for true in labels for taken in labels)
    return {
        **_since(project, seen.run),
        "confusion": [
            {"label": true, "predicted": taken, "files": [answer.photo.source for answer in answers]}
            for true, taken, answers in cells
            if answers
        ],
        "suspects": [_answer(answer) for answer in seen.suspects()],
        "mistakes": [_answer(answer) for answer in seen.mistakes()],
    }


def _answer(answer: PhotoPrediction) -> dict[str, Any]:
    """A photo and what was said of it."""
    return {
        "file": answer.photo.source, "label": answer.photo.label, "predicted": answer.predicted,
        "confidence": round(answer.confidence, 4), "doubt": round(answer.doubt, 4),
    }  # fmt: skip


def _since(project: Project, run: Run) -> dict[str, Any]:
    """A training of a project made on the page, and the files that changed since."""
    names = {asset.sha256: asset.source for asset in project.photos()}
    changes = project.catalog.changed_since(run.id)
    files = {"added": changes.added, "removed": changes.removed, "relabelled": changes.relabeled}
    return {
        "name": run.name, "created": run.created, "mode": run.mode, "accuracy": run.report["accuracy"],
        "judged": len(project.catalog.evaluated_assets(run.id)),
        **{what: [names.get(sha, sha) for sha in shas] for what, shas in files.items()},
    }  # fmt: skip


def _repeats(project: Project) -> list[str]:
    """Files with the content of another: left out within a class, or lying in two classes."""
    again = [file.file for file in project.left_out() if isinstance(file.code, RepeatCode)]
    return again + [asset.source for group in project.conflicts() for asset in group]


def of_training(project: Project, test: Project | None, finished: Finished, config: TrainConfig) -> dict[str, Any]:
    """What a training gave: the classes with their photos, the scores, what was left out."""
    report = finished.report
    disputed = _disputed(project)
    missing = left_out(project) + list(disputed.values()) + ([] if test is None else left_out(test))
    learned = Counter(asset.label for asset in project.photos() if asset.split == "train" and asset.id not in disputed)
    tested = {} if finished.test is None else {"test_accuracy": finished.test.accuracy}
    return {
        "classes": {label: learned[label] for label in report.labels},
        **scores(report),
        "left_out": missing,
        "seconds": round(finished.seconds, 3),
        "mode": config.mode,
        "kept": finished.mode,
        "notes": list(finished.notes),
        "backbone": config.backbone,
        "checkpoint": str(finished.folder),
        **tested,
    }


def scores(report: Report) -> dict[str, Any]:
    """A report's scores."""
    return {
        "images": report.images,
        "judged_on": report.evaluated_on,
        "accuracy": report.accuracy,
        "accuracy_low": report.accuracy_low,
        "accuracy_high": report.accuracy_high,
        "balanced_accuracy": report.balanced_accuracy,
        "per_class": {
            row.label: {"images": row.images, "precision": row.precision, "recall": row.recall, "f1": row.f1}
            for row in report.per_class
        },
        "fit": report.resize_mode,
        "warnings": list(report.warnings),
    }


def left_out(project: Project) -> list[dict[str, str]]:
    """Every file that was not used, and why."""
    return [{"file": file.file, "reason": file.reason} for file in project.left_out()]


def _disputed(project: Project) -> dict[int, dict[str, str]]:
    """By id, the photos that training passes over because each lies in several classes."""
    return {
        asset.id: {"file": asset.source, "reason": f"it lies in {_all_of(group)} at once: keep it in one of them"}
        for group in project.conflicts()
        for asset in group
        if asset.split == "train"
    }


def _all_of(group: Sequence[Asset]) -> str:
    return " and ".join(f"“{label}”" for label in sorted(asset.label for asset in group))
