"""The JSON of each command: other programs rely on its keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import TrainConfig
from ..data.assets import Asset
from ..data.project import Project
from ..data.run_history import Run
from ..errors import LayoutError
from ..events import Step
from ..messages import sentence
from ..messages.cli import OutputCode
from ..messages.data import RepeatCode

if TYPE_CHECKING:  # these import torch, and “--help” must not wait for it
    from ..evaluation.costs import Outcome
    from ..evaluation.report import Report
    from ..exporters.base import Exported
    from ..workflows.check import Checked
    from ..workflows.overfit_check import OverfitCheck
    from ..workflows.public_sets import PublicSet
    from ..workflows.publish import Publication
    from ..workflows.review import PhotoPrediction, Review
    from ..workflows.train import Finished

_SHOWN_CLASSES = 3  # of a photo that lies in several


def check_json(project: Project, checked: Checked) -> dict[str, Any]:
    """Return what ``check`` found, where each photo came from, and what changed since each run of the project."""
    return {
        "classes": checked.classes,
        "images": sum(checked.classes.values()),
        "left_out": left_out_json(project),
        **layout_json(project, _groups_of_check(checked)),
        "exact_duplicates": _exact_duplicates(project),
        "near_duplicates": [[asset.source for asset in group] for group in checked.near_duplicates],
        "suspects": [
            {
                "file": issue.photo.source,
                "label": issue.photo.label,
                "suggested": issue.suggested,
                "score": round(issue.score, 4),
            }
            for issue in checked.mislabeled
        ],
        "warnings": [str(warning) for warning in checked.warnings],
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
        "photos": [_photo_json(asset) for asset in project.photos()],
        "runs": [_run_json(project, run) for run in project.catalog.runs.newest()],
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {**vars(step), "why": None if step.why is None else str(step.why)}


def train_json(project: Project, test: Project | None, finished: Finished, config: TrainConfig) -> dict[str, Any]:
    """Return what a training gave: the classes with their photos, the scores, what was left out."""
    report, grouping = finished.report, finished.report.grouping
    conflicts = _conflicts(project)
    left_out = left_out_json(project) + list(conflicts.values()) + ([] if test is None else left_out_json(test))
    counts = Counter(asset.label for asset in project.photos() if asset.split == "train" and asset.id not in conflicts)
    tested = _test_json(report if finished.test is None else finished.test)
    return {
        "classes": {label: counts[label] for label in report.labels},
        "images": report.images,
        **_scores_json(report),
        "warnings": _warnings(report, *([] if finished.test is None else [finished.test])),
        "accuracy_ungrouped": None if grouping is None else grouping.accuracy_ungrouped,
        "grouping": None if grouping is None else vars(grouping),
        "left_out": left_out,
        **layout_json(project, None if grouping is None else (grouping.origin, grouping.count)),
        "seconds": round(finished.seconds, 3),
        "mode": config.mode,
        "kept": finished.mode,
        "notes": [str(note) for note in finished.notes],
        **({"steps": list(map(_step_json, finished.steps))} if config.mode == "auto" else {}),
        "backbone": config.backbone,
        "checkpoint": str(finished.folder),
        **tested,
    }


def evaluate_json(project: Project, report: Report) -> dict[str, Any]:
    """Return the scores of a model on the photos of a project; ``images`` is the number of photos evaluated."""
    images = sum(map(sum, report.confusion))
    scores = _scores_json(report)
    return {
        "classes": list(report.labels),
        "images": images,
        **scores,
        **_test_json(report),
        "left_out": left_out_json(project),
        **layout_json(project),
    }


def review_json(project: Project, review: Review) -> dict[str, Any]:
    """Return the photos behind a training's score, those that may be mislabeled, and what changed since."""
    labels = review.report.labels
    cells = ((true, predicted, review.cell(true, predicted)) for true in labels for predicted in labels)
    return {
        **_run_json(project, review.run),
        **layout_json(project),
        "confusion": [
            {"label": true, "predicted": predicted, "files": [one.photo.source for one in cell]}
            for true, predicted, cell in cells
            if cell
        ],
        "suspects": [_prediction_json(one) for one in review.label_issues()],
        "mistakes": [_prediction_json(one) for one in review.mistakes()],
    }


def threshold_json(report: Report, outcome: Outcome | None) -> dict[str, Any]:
    """Return the confidence from which a model answers, and what that and every other threshold leads to."""
    point = None if report.thresholds else report.coverage_at(report.threshold)
    answered, right = (point.coverage, point.selective_accuracy) if point else _answered(outcome)
    return {
        "threshold": report.threshold,
        "answered": answered,
        "right": right,
        "cost": report.to_json()["cost"],
        "thresholds": dict(zip(report.labels, report.class_thresholds)),
        "costs": dict(report.costs),
        "unsure_cost": report.unsure_cost,
        "expected_cost": report.expected_cost,
        "expected_cost_before": report.expected_cost_before,
        "per_class": outcome and {
            row.label: {"images": row.images, "found": row.found, "answers": row.answers,
                        "precision": row.precision, "recall": row.recall}
            for row in outcome.per_class
        },
    }  # fmt: skip


def _answered(outcome: Outcome | None) -> tuple[float | None, float | None]:
    """Return the proportion of photos that are answered, and of these that are right; None where it is not known."""
    if outcome is None:
        return None, None
    answers = outcome.images - outcome.unsure
    right = sum(row.found for row in outcome.per_class)
    return answers / outcome.images, right / answers if answers else 1.0


def export_json(exported: Exported) -> dict[str, Any]:
    """Return where an export is, how it was verified, and what its format lacks."""
    return {
        "format": exported.format,
        "path": str(exported.path),
        "size": exported.size,
        "verified": exported.verification.to_json(),
        "lacks": [str(lack) for lack in exported.lacks],
    }


def publish_json(published: Publication) -> dict[str, Any]:
    """Return what ``export_json`` does for a published export, its address on the Hub, and whether all may see it."""
    return {
        "format": published.format,
        "path": f"hub:{published.repository}",
        "url": published.url,
        "public": published.public,
        "size": published.size,
        "verified": published.verification.to_json(),
        "lacks": [str(lack) for lack in published.lacks],
    }


def overfit_check_json(result: OverfitCheck) -> dict[str, Any]:
    """Return the shapes through the network, one batch, and whether a few photos can be learned."""
    return {
        "shapes": [{"module": name, "shape": list(shape)} for name, shape in result.shapes],
        "batch": result.batch,
        "loss_before": result.loss_before,
        "loss_after": result.loss_after,
        "learnt_by_heart": result.overfits,
        "devices": None if result.devices is None else vars(result.devices),
    }


def conflict_reason(labels: Iterable[str]) -> str:
    """Return why a photo that lies in several classes is left out."""
    ordered = sorted(labels)
    if len(ordered) <= _SHOWN_CLASSES:
        return sentence(OutputCode.IN_SEVERAL_CLASSES, labels=ordered)
    shown = [f"“{label}”" for label in ordered[:_SHOWN_CLASSES]]
    return sentence(OutputCode.IN_MANY_CLASSES, labels=shown, more=len(ordered) - len(shown))


def layout_json(project: Project, groups: tuple[str, int] | None = None) -> dict[str, Any]:
    """Return under ``layout`` how the photos were read, None for a project of the page, which holds several uploads.

    ``groups``: where groups come from that the layout does not show, and their number.
    """
    intake = project.intake
    if intake is None or intake.layout is None:
        return {"layout": None}
    layout = {**intake.layout.to_json(intake.reading)["layout"], "notes": list(map(str, intake.notes))}
    if groups is not None and groups[0] != "layout":
        layout["groups"] = dict(zip(("from", "count"), groups))
    return {"layout": layout}


def layout_error_json(error: LayoutError) -> dict[str, Any]:
    """Return the readings that fit under ``readings``, and the files that have none by reason."""
    found = {"readings": []} if error.layout is None else error.layout.to_json(None)
    return {"error": str(error), **found}


def set_json(chosen: PublicSet, folder: Path, photos: Mapping[str, int]) -> dict[str, Any]:
    """Return the result of ``example --set``; ``photos`` is their number by class."""
    return {
        "folder": str(folder), "set": chosen.name, "photos": sum(photos.values()), "classes": sorted(photos),
        "source": chosen.source, "license": chosen.license or None,
    }  # fmt: skip


def left_out_json(project: Project) -> list[dict[str, str]]:
    """Return every file that was not used, with the reason."""
    return [{"file": left.file, "reason": left.reason} for left in project.left_out()]


def _groups_of_check(checked: Checked) -> tuple[str, int] | None:
    applied = [] if checked.grouping is None else [one for one in checked.grouping.proposals if one.applied]
    return (applied[0].origin, applied[0].count) if applied else None


def _scores_json(report: Report) -> dict[str, Any]:
    return {
        "judged_on": report.evaluated_on,
        **_accuracy_json(report, "accuracy"),
        "balanced_accuracy": report.balanced_accuracy if report.evaluated_count else None,
        "macro": None if report.macro is None else vars(report.macro),
        "loss": report.loss,
        "per_class": {
            row["label"]: {name: row[name] for name in ("images", "precision", "recall", "f1")}
            for row in report.to_json()["per_class"]
        },
        "not_used": {"in_several_classes": report.conflicting, "unreadable": report.unusable},
        "fit": report.resize_mode,
        "warnings": _warnings(report),
        "validation": report.to_json()["validation"],
    }


def _warnings(*reports: Report) -> list[str]:
    """Return what to know of the scores of a model, each sentence once; first of its training, then of test photos."""
    found = [str(warning) for report in reports for warning in (*report.warnings, *report.notes())]
    return list(dict.fromkeys(found))


def _accuracy_json(report: Report, key: str) -> dict[str, Any]:
    """Return accuracy and interval under ``key``; null where no photo was evaluated."""
    values = {key: report.accuracy, f"{key}_low": report.accuracy_low, f"{key}_high": report.accuracy_high}
    return {name: value if report.evaluated_count else None for name, value in values.items()}


def _test_json(report: Report) -> dict[str, Any]:
    """Return the scores on test photos: all of them, and those that do not look like a training photo."""
    if report.evaluated_on != "test" and not report.near_training:
        return {}
    new = _accuracy_json(report, "test_accuracy_new")
    return {
        "test_accuracy": report.accuracy_all,
        "test_near_training": report.near_training,
        **(new if report.evaluated_on == "test" else dict.fromkeys(new)),
    }


def _photo_json(asset: Asset) -> dict[str, Any]:
    return {
        "file": asset.source, "label": asset.label, "split": asset.split, "sha256": asset.sha256,
        "width": asset.width, "height": asset.height, "bytes": asset.size, "added": asset.created,
        "called_right": bool(asset.confirmed), "archive": asset.archive,
    }  # fmt: skip


def _prediction_json(one: PhotoPrediction) -> dict[str, Any]:
    return {
        "file": one.photo.source, "label": one.photo.label, "predicted": one.predicted,
        "confidence": round(one.confidence, 4), "doubt": round(one.label_error_prob, 4),
    }  # fmt: skip


def _run_json(project: Project, run: Run) -> dict[str, Any]:
    """Return a training of a project made on the page, and the files that changed since."""
    names = {asset.sha256: asset.source for asset in project.photos()}
    changes = project.catalog.runs.changed_since(run.id)
    files = {"added": changes.added, "removed": changes.removed, "relabelled": changes.relabeled}
    judged = sum(asset.predicted is not None for asset in project.catalog.runs.evaluated(run.id))
    return {
        "name": run.name, "created": run.created, "mode": run.mode,
        "accuracy": run.report["accuracy"] if judged else None, "judged": judged,
        **{change: [names.get(sha, sha) for sha in shas] for change, shas in files.items()},
    }  # fmt: skip


def _exact_duplicates(project: Project) -> list[str]:
    """Return the files with the content of another: left out within a class, or lying in two classes."""
    repeats = [left.file for left in project.left_out() if isinstance(left.code, RepeatCode)]
    return repeats + [asset.source for group in project.conflicts() for asset in group]


def _conflicts(project: Project) -> dict[int, dict[str, str]]:
    """Return by id the photos that training leaves out because each lies in several classes."""
    return {
        asset.id: {"file": asset.source, "reason": conflict_reason([other.label for other in group])}
        for group in project.conflicts()
        for asset in group
        if asset.split == "train"
    }
