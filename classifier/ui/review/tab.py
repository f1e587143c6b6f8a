"""The Review tab: what was taken for what, photos whose class may be wrong, and training again after corrections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...config import TrainConfig
from ...data.project import Project
from ...errors import ClassifierError, DataError
from ...models import networks
from ...workflows.check import Checked, check
from ...workflows.review import Review, review
from .. import html
from ..handlers import DEVICE, FREE, WATCH, afterwards, plain
from ..sessions import Home, small
from ..train import history, jobs, settings
from ..uploads import choice
from . import gallery, lists
from .lists import Checkup, Shown

PAGE = 24  # photos shown at once
_TICK = 0.1  # seconds between two looks at the training
_HERE = Path(__file__).parent


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
    shown = lists.lists(project, reviewed, found)
    chosen = lists.chosen(which, reviewed.report)
    choices = gallery.counts({key: len(rows) for key, rows in shown.items()}, lists.NAMES)
    if chosen not in shown:
        title, rows = lists.cell(chosen, reviewed)
        shown[chosen] = rows
        choices.append((f"{title} ({len(rows):,})", chosen))
    wanted = shown[chosen]
    cards = _cards(project, wanted[: _count(count)], list(project.classes()))
    changed = any(reviewed.changes)
    return View(
        gr.update(visible=False),
        gr.update(visible=True),
        gallery.matrix(reviewed.report),
        gallery.classes(reviewed.report),
        "".join(html.note(sentence) for sentence in found.more),
        _state(reviewed),
        gr.update(variant="primary" if changed else "secondary"),
        gr.update(visible=True),
        gr.update(choices=choices, value=chosen),
        cards or html.note(lists.empty(chosen), "good"),
        gr.update(visible=len(wanted) > _count(count)),
    )


def _state(reviewed: Review) -> str:
    told = history.changed(reviewed.changes)
    sentence = f"Since the last training {told}." if told else "Nothing changed since the last training."
    return f'<p class="pc-state">{sentence}</p>'


def _count(claimed: object) -> int:
    return max(PAGE, min(int(claimed), 100_000)) if isinstance(claimed, (int, float)) else PAGE


def _cards(project: Project, rows: Sequence[Shown], labels: Sequence[str]) -> str:
    rendered: list[str] = []
    group: list[str] = []
    for place, row in enumerate(rows):
        group.append(gallery.card(row.photo, small(project, row.photo), row.said, row.suggested, labels))
        if place + 1 == len(rows) or rows[place + 1].group != row.group or not row.group:
            rendered += [gallery.group(row.group, group)] if row.group else group
            group = []
    return "".join(rendered)


def checkup(home: Home, token: str) -> Checkup:
    """Looks at the photos themselves; all was computed when the model was trained, but for what came since."""
    project = home.find(token)
    if project is None:
        return Checkup()
    with project:
        reviewed = review(project)
        if reviewed is None or not project.photos():
            return Checkup()
        config = TrainConfig(
            backbone=networks.feature_backbone(reviewed.report.backbone), resize_modes=(reviewed.report.resize_mode,)
        )
        *_, last = check(project, config, suspects=False)
        assert isinstance(last, Checked)
        return Checkup(
            tuple((poor.photo.id, poor.advice) for poor in last.quality),
            tuple(tuple(asset.id for asset in scene) for scene in last.near_duplicates),
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
            return html.note(f"Moved 1 photo from “{photo.label}” to “{label.strip()}”.", "good")
        if action == "right":
            project.confirm([id])
            return html.note(f"Noted: 1 photo of “{photo.label}” is right; it is not suspected again.", "good")
        if action == "remove":
            project.remove([id])
            return html.note(f"Removed 1 photo of “{photo.label}”.", "good")
    raise DataError("It is not clear what to do with this photo; reload the page.")


def undo(home: Home, token: str) -> str:
    """Takes back the last change."""
    with home.open(token) as project:
        what = project.undo()
    return html.note(f"Took back {what}." if what else "There is nothing to take back.")


def open_cell(event: gr.EventData) -> tuple[str, int]:
    """The photos behind a number of the table."""
    data = event._data if isinstance(event._data, dict) else {}
    return f"cell:{data.get('true')}:{data.get('taken')}", PAGE


def train_again(home: Home, token: str, *chosen: Any) -> Iterator[tuple[str, str]]:
    """Trains quickly with the settings of the Train tab, and says what that changed."""
    config = replace(settings.config(*chosen), mode="quick")
    jobs.start(home, token, replace(config, backbone=networks.feature_backbone(config.backbone)))
    job = jobs.job(home, token)
    while job is not None and not job.state.over:
        yield jobs.bar(job.state, home.jobs.ahead(job)), ""
        time.sleep(_TICK)
    problem = job.state.problem if job is not None else ""
    yield "", html.note(problem, "warn") if problem else _what_it_brought(home, token)


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
