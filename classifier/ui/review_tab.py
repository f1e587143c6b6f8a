"""The Review tab: what was taken for what, photos whose class may be wrong, and training again after corrections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from .. import models
from ..catalog import Asset
from ..checking import Checked, check
from ..config import TrainConfig
from ..errors import ClassifierError, DataError, PhotoError
from ..metrics import Report
from ..project import Project
from ..reviewing import Answer, Review, review
from . import gallery, history, plots, settings, trainings
from .events import DEVICE, FREE, WATCH, afterwards, plain
from .session import Home
from .uploads import choice

PAGE = 24  # photos shown at once
_TICK = 0.1  # seconds between two looks at the training
_HERE = Path(__file__).parent
_NAMES = {
    "suspects": "Maybe in the wrong class",
    "mistakes": "Taken for something else, the surest first",
    "twice": "The same photo in two classes",
    "poor": "Poor photos",
    "alike": "Look-alikes",
}
_NONE = {
    "suspects": "No photo looks as if it were in the wrong class.",
    "mistakes": "Every photo was taken for what it is.",
    "twice": "No photo is in two classes.",
    "poor": "No photo stands out as blurred, dark, blown-out, tiny or odd-shaped.",
    "alike": "No photos look alike.",
}


@dataclass(frozen=True)
class Checkup:
    """What a look at the photos themselves found: ids with advice, ids of one scene, what to add."""

    poor: tuple[tuple[int, str], ...] = ()
    alike: tuple[tuple[int, ...], ...] = ()
    more: tuple[str, ...] = ()


class View(NamedTuple):
    """What the tab shows, in the order of its outputs."""

    nothing: Any
    filled: Any
    matrix: str
    classes: str
    advice: str
    state: str
    train: Any
    undo: Any
    which: Any
    photos: str
    more: Any


@dataclass(frozen=True)
class ReviewTab:
    """How to draw this tab anew, how to look at the photos themselves, and the event of a training that ended."""

    trained: Any
    refresh: Callable[..., Any]
    inputs: list[Any]
    outputs: list[Any]
    checkup: Callable[..., Any]
    checked: list[Any]


class _Shown(NamedTuple):
    """A photo on view: what is said of it (HTML), the class to move it to, and the line above its group (HTML)."""

    photo: Asset
    said: str
    suggested: str | None = None
    group: str = ""


# -- handlers


def show(home: Home, token: str, which: str | None = None, count: int = PAGE, found: Checkup | None = None) -> View:
    """Draws the tab as the project is now; ``which`` photos are wanted, and how many of them."""
    project = home.find(token)
    if project is None:
        return _nothing()
    with project:
        try:
            reviewed = review(project)
        except ClassifierError:  # the report of a project made elsewhere
            reviewed = None
        return _nothing() if reviewed is None else _drawn(project, reviewed, which, count, found or Checkup())


def _nothing() -> View:
    hidden = gr.update(visible=False)
    return View(gr.update(visible=True), hidden, "", "", "", "", gr.skip(), hidden, gr.skip(), "", hidden)


def _drawn(project: Project, reviewed: Review, which: str | None, count: int, found: Checkup) -> View:
    shown = _lists(project, reviewed, found)
    chosen = _chosen(which, reviewed.report)
    choices = gallery.counts({key: len(rows) for key, rows in shown.items()}, _NAMES)
    if chosen not in shown:
        title, rows = _cell(chosen, reviewed)
        shown[chosen] = rows
        choices.append((f"{title} ({len(rows):,})", chosen))
    wanted = shown[chosen]
    changed = any(reviewed.changes)
    return View(
        gr.update(visible=False),
        gr.update(visible=True),
        gallery.matrix(reviewed.report),
        gallery.classes(reviewed.report),
        "".join(plots.note(sentence) for sentence in found.more),
        _state(reviewed),
        gr.update(variant="primary" if changed else "secondary"),
        gr.update(visible=True),
        gr.update(choices=choices, value=chosen),
        _cards(project, wanted[: _count(count)], list(project.classes())) or plots.note(_empty(chosen), "good"),
        gr.update(visible=len(wanted) > _count(count)),
    )


def _state(reviewed: Review) -> str:
    told = history.changed(reviewed.changes)
    sentence = f"Since the last training {told}." if told else "Nothing changed since the last training."
    return f'<p class="pc-state">{sentence}</p>'


def _count(claimed: object) -> int:
    return max(PAGE, min(int(claimed), 100_000)) if isinstance(claimed, (int, float)) else PAGE


def _empty(chosen: str) -> str:
    return _NONE.get(chosen, "No photos are left here.")


# -- which photos


def _chosen(which: str | None, report: Report) -> str:
    """One of the lists, or a cell “cell:2:0”, or the mistakes of a class “cell:2:-1”; anything else is the first."""
    if which in _NAMES:
        return which
    parts = (which or "").split(":")
    if len(parts) == 3 and parts[0] == "cell" and all(part.lstrip("-").isdecimal() for part in parts[1:]):
        true, taken = (int(part[:9]) for part in parts[1:])
        if 0 <= true < len(report.labels) and -1 <= taken < len(report.labels):
            return f"cell:{true}:{taken}"
    return "suspects"


def _cell(chosen: str, reviewed: Review) -> tuple[str, list[_Shown]]:
    true, taken = (int(part) for part in chosen.split(":")[1:])
    labels = reviewed.report.labels
    if taken < 0:
        behind = [answer for answer in reviewed.mistakes() if answer.photo.label == labels[true]]
        return f"{labels[true]} taken for something else", _answers(behind, reviewed.report)
    behind = reviewed.cell(labels[true], labels[taken])
    title = f"{labels[true]} recognised" if true == taken else f"{labels[true]} taken for {labels[taken]}"
    return title, _answers(behind, reviewed.report)


def _answers(answers: Sequence[Answer], report: Report) -> list[_Shown]:
    return [
        _Shown(answer.photo, gallery.taken_for(answer, report), None if answer.right else answer.predicted)
        for answer in answers
    ]


def _lists(project: Project, reviewed: Review, found: Checkup) -> dict[str, list[_Shown]]:
    photos = {photo.id: photo for photo in project.photos()}
    twice = [
        _Shown(photo, f"In <b>{escape(photo.label)}</b>.", None, f"Which is right? Photo {number}")
        for number, group in enumerate(project.conflicts(), 1)
        for photo in group
    ]
    poor = [
        _Shown(photos[id], f"In <b>{escape(photos[id].label)}</b>; {escape(advice)}.")
        for id, advice in found.poor
        if id in photos and not photos[id].confirmed
    ]
    alike = [
        _Shown(photos[id], f"In <b>{escape(photos[id].label)}</b>.", None, _of_one_scene(number, len(scene)))
        for number, scene in enumerate(_still_there(found.alike, photos), 1)
        for id in scene
    ]
    return {
        "suspects": _answers(reviewed.suspects(), reviewed.report),
        "mistakes": _answers(reviewed.mistakes(), reviewed.report),
        "twice": twice,
        "poor": poor,
        "alike": alike,
    }


def _of_one_scene(number: int, size: int) -> str:
    return f"Group {number}: {size} photos of one scene. They never stand on both sides when the model is judged."


def _still_there(scenes: Sequence[Sequence[int]], photos: dict[int, Asset]) -> Iterator[list[int]]:
    for scene in scenes:
        here = [id for id in scene if id in photos]
        if len(here) > 1:
            yield here


def _cards(project: Project, rows: Sequence[_Shown], labels: Sequence[str]) -> str:
    html: list[str] = []
    group: list[str] = []
    for place, row in enumerate(rows):
        group.append(gallery.card(row.photo, _thumbnail(project, row.photo), row.said, row.suggested, labels))
        if place + 1 == len(rows) or rows[place + 1].group != row.group or not row.group:
            html += [gallery.group(row.group, group)] if row.group else group
            group = []
    return "".join(html)


def _thumbnail(project: Project, photo: Asset) -> bytes | None:
    try:
        return project.thumbnail(photo).read_bytes()
    except (PhotoError, OSError):
        return None


def checkup(home: Home, token: str) -> Checkup:
    """Looks at the photos themselves; all was computed when the model was trained, but for what came since."""
    project = home.find(token)
    if project is None:
        return Checkup()
    with project:
        reviewed = review(project)
        if reviewed is None or not project.photos():
            return Checkup()
        name = reviewed.report.backbone
        eyes = TrainConfig().backbone if models.from_scratch(name) else name
        config = TrainConfig(backbone=eyes, fits=(reviewed.report.fit,))
        *_, last = check(project, config, suspects=False)
        assert isinstance(last, Checked)
        return Checkup(
            tuple((poor.photo.id, poor.advice) for poor in last.quality),
            tuple(tuple(asset.id for asset in scene) for scene in last.look_alikes),
            tuple(more.advice for more in last.more_photos),
        )


# -- answers of the person


def answer(home: Home, token: str, event: gr.EventData) -> str:
    """Moves one photo, notes that it is right, or removes it."""
    data = event._data if isinstance(event._data, dict) else {}
    id, action, label = data.get("id"), data.get("action"), str(data.get("label", ""))
    if type(id) is not int or abs(id) > 2**62:
        raise DataError("It is not clear which photo was meant; reload the page.")
    with home.open(token) as project:
        photo = project.catalog.asset(id)
        if action == "move":
            project.move([id], label)
            return plots.note(f"Moved 1 photo from “{photo.label}” to “{label.strip()}”.", "good")
        if action == "right":
            project.confirm([id])
            return plots.note(f"Noted: 1 photo of “{photo.label}” is right; it is not suspected again.", "good")
        if action == "remove":
            project.remove([id])
            return plots.note(f"Removed 1 photo of “{photo.label}”.", "good")
    raise DataError("It is not clear what to do with this photo; reload the page.")


def undo(home: Home, token: str) -> str:
    """Takes back the last change."""
    with home.open(token) as project:
        what = project.undo()
    return plots.note(f"Took back {what}." if what else "There is nothing to take back.")


def open_cell(event: gr.EventData) -> tuple[str, int]:
    """The photos behind a number of the table."""
    data = event._data if isinstance(event._data, dict) else {}
    return f"cell:{data.get('true')}:{data.get('taken')}", PAGE


def train_again(home: Home, token: str, *chosen: Any) -> Iterator[tuple[str, str]]:
    """Trains quickly with the settings of the Train tab, and says what that changed."""
    config = replace(settings.config(*chosen), mode="quick")
    if models.from_scratch(config.backbone):
        config = replace(config, backbone=TrainConfig().backbone)
    trainings.start(home, token, config)
    job = trainings.job(home, token)
    while job is not None and not job.state.over:
        yield trainings.bar(job.state, home.jobs.ahead(job)), ""
        time.sleep(_TICK)
    problem = job.state.problem if job is not None else ""
    yield "", plots.note(problem, "warn") if problem else _what_it_brought(home, token)


def _what_it_brought(home: Home, token: str) -> str:
    """The newest training beside the one before it."""
    with home.open(token) as project:
        runs = [history.Entry.of(run, True) for run in project.catalog.runs()[:2]]
        if not runs or runs[0].report is None:
            return ""
        if len(runs) == 1:
            return gallery.headline(None, runs[0].report, runs[0].run.seconds)
        between = project.catalog.changed_since(runs[1].run.id, runs[0].run.id)
        since = project.catalog.changed_since(runs[0].run.id)
    table = history.comparison(runs[1], runs[0], between, since)
    lid = '<details class="pc-details" open><summary>What changed</summary><div class="pc-inside">'
    return f"{gallery.headline(runs[1].report, runs[0].report, runs[0].run.seconds)}{lid}{table}</div></details>"


# -- layout


def build(home: Home, token: gr.BrowserState, chosen: list[Any]) -> ReviewTab:
    """Draws the tab and wires its own events; ``chosen`` are the settings of the Train tab."""
    with gr.Column() as nothing:
        gr.HTML(
            '<p class="pc-quiet pc-center">Train first. Then you see here which photos were mixed up, '
            "which may be in the wrong class, and can put them right.</p>"
        )
    with gr.Column(visible=False) as filled:
        with gr.Row(elem_classes="pc-tables"):
            matrix = _html("cells.js", "review-matrix")
            classes = _html("cells.js", "review-classes")
        advice = gr.HTML()
        progress, brought = gr.HTML(), gr.HTML(elem_id="review-brought")
        which = choice("Show", elem_id="review-which")
        photos = gr.HTML(
            html_template='<div class="pc-looks">${value}</div>',
            js_on_load=(_HERE / "review.js").read_text("utf-8"),
            elem_id="review-photos",
            apply_default_css=False,
        )
        more = gr.Button("Show more", visible=False, elem_id="review-more")
        with gr.Column(elem_classes="pc-bar"):
            message = gr.HTML(elem_id="review-message")
            with gr.Row(elem_classes="pc-row"):
                state = gr.HTML(elem_id="review-state", min_width=180)
                undo_button = gr.Button("Undo", min_width=80, scale=0, elem_id="review-undo")
                train = gr.Button("Train again", min_width=140, scale=0, elem_id="review-train")
    count, found = gr.State(PAGE), gr.State(Checkup())
    view: list[Any] = [nothing, filled, matrix, classes, advice, state, train, undo_button, which, photos, more]
    refresh, where = plain(show, home), [token, which, count, found]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    quiet = {**hidden, **FREE}

    def redrawn(event: Any) -> None:
        afterwards(event, refresh, where, view, **quiet)

    redrawn(photos.submit(plain(answer, home), [token], [message], **quiet))
    redrawn(undo_button.click(plain(undo, home), [token], [message], **quiet))
    for cells in (matrix, classes):
        redrawn(cells.select(plain(open_cell), None, [which, count], **quiet))
    redrawn(which.input(lambda: PAGE, None, [count], queue=False, **hidden))
    redrawn(more.click(lambda shown: shown + PAGE, [count], [count], queue=False, **hidden))
    trained = train.click(plain(train_again, home), [token, *chosen], [progress, brought], **hidden, **WATCH)
    redrawn(trained)
    look = plain(checkup, home)
    trained.then(look, [token], [found], **hidden, **DEVICE).then(refresh, where, view, **quiet)
    return ReviewTab(trained, refresh, list(where), view, look, [found])


def _html(script: str, elem_id: str) -> gr.HTML:
    return gr.HTML(
        html_template="${value}",
        js_on_load=(_HERE / script).read_text("utf-8"),
        elem_id=elem_id,
        apply_default_css=False,
    )
