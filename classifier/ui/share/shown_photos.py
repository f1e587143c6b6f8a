"""Photos that a published model shows: chosen by one check, seen before they leave, and just these are published."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ...data.assets import Asset
from ...data.project import Project
from ...errors import ModelError
from ...messages import sentence
from ...messages.publish_page import PublishPanelCode
from .. import html
from ..predict.models import own_models
from ..reports import find_report
from ..sessions import Home, thumbnail_bytes

MOST = 6


def preview(home: Home, token: str, model: str | None, wanted: bool) -> tuple[str, list[str]]:
    """Return the photos that would be shown with a model, one of each class, as HTML and by their SHA-256.

    Nothing where they are not wanted; a sentence where the model is none of the visitor's own.
    """
    if not wanted:
        return "", []
    own = next((one for one in own_models(home, token) if one.name == model), None)
    project = home.find(token) if own is not None else None
    if own is None or project is None:
        return html.note(PublishPanelCode.NO_PHOTOS), []
    with project:
        chosen = _choose(project, own.folder)
        rows = "".join(_row(photo.label, thumbnail_bytes(project, photo)) for photo in chosen)
    if not chosen:
        return html.note(PublishPanelCode.NO_PHOTOS), []
    warning = html.note(PublishPanelCode.SEEN_BY_ALL, "warn")
    return f'{warning}<ul class="pc-nearest">{rows}</ul>', [photo.sha256 for photo in chosen]


def _row(label: str, jpeg: bytes) -> str:
    picture = html.enlargeable(jpeg, sentence(PublishPanelCode.PHOTO_OF, label=label))
    return f"<li>{picture}<span>{html.escape(label)}</span></li>"


def paths_of(project: Project, chosen: Sequence[str]) -> list[Path]:
    """Return the files of the photos that were seen in the preview, and are still in the project."""
    present = {photo.sha256: photo for photo in project.photos()}
    return [project.photo_path(present[one]) for one in chosen if one in present]


def _choose(project: Project, folder: Path) -> list[Asset]:
    labels: tuple[str, ...] = ()
    with suppress(ModelError):
        report = find_report(folder)
        labels = () if report is None else report.labels
    photos = project.photos()
    firsts = (next((photo for photo in photos if photo.label == label), None) for label in labels[:MOST])
    return [photo for photo in firsts if photo is not None]
