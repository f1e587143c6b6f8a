"""The Review tab: confusions, photos whose class may be wrong, and training again after corrections."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...config import TrainConfig
from ...data.assets import Asset
from ...data.explained_groups import Evidence, ExplainedGroup, evidence_of, explain_groups
from ...data.project import Project
from ...errors import DataError, ModelError
from ...messages import Message, joined, message, sentence
from ...messages.evaluation import MorePhotosCode
from ...messages.groups import ReviewGroupsCode, ReviewGroupsScript
from ...messages.guide import WhatCode
from ...messages.review_page import ReviewCode
from ...messages.steps_page import StepsCode
from ...models.training_photos import comparing_backbone
from ...workflows.check import Checked, MorePhotos, check
from ...workflows.review import Review, review
from .. import colors, guides, html, undo
from ..components import dropdown, scripted_html
from ..handlers import QUIET, Action, event_data, in_order, plain
from ..queue import DEVICE, FREE
from ..sessions import Home, thumbnail_bytes
from ..train import history, jobs, retraining, runs
from . import gallery, groups, lists
from .lists import ListedPhoto, PhotoCheck

ID = "review"
TITLE = ReviewCode.TAB
PAGE = 24  # photos shown at once
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
    seen: Any  # the number of what a check of the photos would look at, see ``lists.number_of``


@dataclass(frozen=True)
class ReviewTab:
    """How to redraw this tab; the button that trains again, its action, and the model that came of it.

    The action needs the settings as inputs, too; ``finished`` changes when a training that was started here has ended.
    """

    train: gr.Button
    train_again: Action
    finished: gr.State
    refresh: Sequence[Action]


def show(home: Home, token: str, which: str | None = None, count: int = PAGE, found: PhotoCheck | None = None) -> View:
    """Draw the tab as the project is now; ``which`` list of photos is wanted, and how many of them."""
    project = home.find(token)
    if project is None:
        return _nothing()
    with project:
        reviewed = _review(project)
        if reviewed is None:
            return _nothing()
        drawn = _draw(project, reviewed, which, count, found or PhotoCheck())
    improving = jobs.is_improving(home, token)
    return drawn._replace(state=drawn.state + html.quiet(html.text(StepsCode.STARTS_AGAIN))) if improving else drawn


def _review(project: Project) -> Review | None:
    with suppress(ModelError):  # the report of a project from elsewhere
        return review(project)
    return None


def _nothing() -> View:
    hidden = gr.update(visible=False)
    return View(gr.update(visible=True), hidden, "", "", "", "", gr.skip(), hidden, gr.skip(), "", hidden, 0)


def _draw(project: Project, reviewed: Review, which: str | None, count: int, found: PhotoCheck) -> View:
    listed = lists.lists(project, reviewed, found)
    together = _Together.of(reviewed.photos, found)
    chosen = lists.validate(which, reviewed.report)
    titles = {name: str(title) for name, title in lists.TITLES.items()}
    counts = {name: len(photos) for name, photos in listed.items()} | {lists.GROUPS: together.count}
    if chosen not in counts:
        titles[chosen], listed[chosen] = lists.cell(chosen, reviewed)
        counts[chosen] = len(listed[chosen])
    choices = [
        (sentence(ReviewCode.LIST_CHOICE, title=titles[name], count=count), name) for name, count in counts.items()
    ]
    limit, changes = _limit(count), _changes(project, reviewed)
    if chosen == lists.GROUPS:
        photos, is_more = together.render(project, limit * groups.PER_STEP)
    else:
        wanted = listed[chosen]
        photos, is_more = _render(project, wanted[:limit], list(project.classes())), len(wanted) > limit
    return View(
        gr.update(visible=False),
        gr.update(visible=True),
        gallery.matrix(reviewed.report),
        gallery.classes(reviewed.report),
        gallery.advice(found.more_photos),
        _state(changes),
        gr.update(variant="primary" if changes else "secondary"),
        undo.update_button(project),
        gr.update(choices=choices, value=chosen),
        (photos or lists.empty(chosen, reviewed)) + _mark_drawing(),
        gr.update(visible=is_more),
        lists.number_of(reviewed.run, reviewed.photos, project.groups_from()),
    )


@dataclass(frozen=True)
class _Together:
    """The photos that belong together, and those that are in no group."""

    groups: list[ExplainedGroup]
    alone: list[Asset]

    @classmethod
    def of(cls, photos: Iterable[Asset], found: PhotoCheck) -> _Together:
        compared = [photo for photo in photos if photo.split == "train" and photo.id in found.evidence.ids]
        explained = explain_groups(compared, found.evidence)
        grouped = {photo.id for group in explained for photo in group.photos}
        return cls(explained, [photo for photo in compared if photo.id not in grouped])

    @property
    def count(self) -> int:
        """The number of photos in groups."""
        return sum(len(group.photos) for group in self.groups)

    def render(self, project: Project, limit: int) -> tuple[str, bool]:
        """Return the HTML with so many photos at most, empty where there is none, and whether there are more."""
        if not self.groups and not self.alone:
            return "", False
        drawn = groups.render(self.groups, self.alone, limit, partial(thumbnail_bytes, project))
        return drawn, groups.count_shown(self.groups, self.alone) > limit


def _changes(project: Project, reviewed: Review) -> str:
    """Return what was changed since the training, in words; empty where nothing was."""
    changes = [history.describe_changes(reviewed.changes)]
    if project.catalog.edits.is_regrouped_since(reviewed.run.created):
        changes.append(str(ReviewGroupsCode.CHANGED))
    return joined([words for words in changes if words])


def _state(changes: str) -> str:
    words = html.text(ReviewCode.CHANGED, changes=changes) if changes else html.text(ReviewCode.UNCHANGED)
    return f'<p class="pc-state">{words}</p>'


def _mark_drawing() -> str:
    """Return an invisible mark that differs each time: an equal list is not drawn, and sent cards would stay dead."""
    return f'<i hidden data-drawn="{time.monotonic_ns()}"></i>'


def _limit(claimed: object) -> int:
    return max(PAGE, min(int(claimed), 100_000)) if isinstance(claimed, (int, float)) else PAGE


def _render(project: Project, photos: Sequence[ListedPhoto], labels: Sequence[str]) -> str:
    rendered: list[str] = []
    group: list[str] = []  # HTML of photos of one group
    color_of = colors.class_colors(project)
    for index, one in enumerate(photos):
        picture = thumbnail_bytes(project, one.photo)
        about, color = one.describe(), color_of.get(one.photo.label)
        group.append(gallery.photo(one.photo, picture, about, one.suggested, labels, color))
        if index + 1 == len(photos) or photos[index + 1].group != one.group or not one.group:
            rendered += [gallery.group(one.group, group)] if one.group else group
            group = []
    is_listed = rendered and len(labels) > html.MOST_OPTIONS
    return "".join(rendered) + (html.datalist(gallery.LISTED, labels) if is_listed else "")


def check_photos(home: Home, token: str, found: PhotoCheck | None = None, seen: int = 0) -> Any:
    """Check the photos themselves; features of photos that were there at the training are cached.

    Nothing is done where that was ``found`` for what was ``seen`` last: the check of many photos takes the device.
    """
    if found is not None and found.checked and found.checked == seen:
        return gr.skip()
    project = home.find(token)
    if project is None:
        return PhotoCheck()
    with project:
        reviewed = _review(project)
        if reviewed is None or not project.classes("train"):
            return PhotoCheck()
        number = lists.number_of(reviewed.run, reviewed.photos, project.groups_from())
        backbone = comparing_backbone(project.models / reviewed.run.name, reviewed.report).name
        config = TrainConfig(backbone=backbone, resize_modes=(reviewed.report.resize_mode,))
        *_, last = check(project, config, label_issues=False)
        assert isinstance(last, Checked)
        compared = project.photos(split="train")  # those that cannot be read have left it
        return PhotoCheck(
            tuple((poor.photo.id, message(poor.code)) for poor in last.quality),
            Evidence() if last.grouping is None else evidence_of(compared, last.grouping, project.groups_from()),
            advice_on(last.more_photos),
            number,
        )


def advice_on(more_photos: Sequence[MorePhotos]) -> tuple[Message, ...]:
    """Return which photos to add; where many classes have too few, that is one sentence."""
    few = [more for more in more_photos if more.reason is MorePhotosCode.FEW]
    if len(few) <= gallery.MOST_ADVICE:
        few = []
    others = (more for more in more_photos if more not in few)
    advice = tuple(message(more.reason, label=more.label, count=more.count) for more in others)
    if not few:
        return advice
    labels, most = [more.label for more in few[: gallery.MOST_ADVICE]], max(more.count for more in few)
    return (message(MorePhotosCode.FEW_CLASSES, count=len(few), most=most, labels=labels), *advice)


def answer(home: Home, token: str, event: gr.EventData) -> str:
    """Move one photo, confirm its class, or remove it; keep several together, or no longer."""
    data = event_data(event)
    if data.get("action") in ("join", "part"):
        return _regroup(home, token, data.get("ids"), together=data.get("action") == "join")
    id, action, label = data.get("id"), data.get("action"), str(data.get("label", ""))
    if type(id) is not int or abs(id) > 2**62:
        raise DataError(ReviewCode.WHICH_PHOTO)
    with home.open(token) as project:
        photo = project.catalog.asset(id)
        if action == "move":
            project.move([id], label)
            return html.note(sentence(ReviewCode.MOVED, old=photo.label, new=label.strip()), "good")
        if action == "confirm":
            project.confirm([id])
            return html.note(sentence(ReviewCode.CONFIRMED, label=photo.label), "good")
        if action == "remove":
            project.remove([id])
            return html.note(sentence(ReviewCode.REMOVED, label=photo.label), "good")
    raise DataError(ReviewCode.WHICH_ACTION)


def _regroup(home: Home, token: str, claimed: object, together: bool) -> str:
    """Join photos, given by their ids, or part them."""
    ids = {id for id in claimed if type(id) is int and abs(id) < 2**62} if isinstance(claimed, list) else set()
    with home.open(token) as project:
        present = sorted(photo.id for photo in project.catalog.with_ids(ids))
        if len(present) < (2 if together else 1):
            raise DataError(ReviewGroupsCode.TOO_FEW if together else ReviewCode.WHICH_PHOTO)
        if together:
            project.join(present)
            return html.note(sentence(ReviewGroupsCode.JOINED, count=len(present)), "good")
        project.part(present)
        return html.note(sentence(ReviewGroupsCode.PARTED, count=len(present)), "good")


def open_cell(event: gr.EventData) -> tuple[str, int]:
    """Return the list behind a number of the matrix or a class, and how many photos of it to show."""
    data = event_data(event)
    return lists.cell_name(data.get("label"), data.get("predicted")), PAGE


def what_changed(home: Home, token: str) -> str:
    """Return the newest training beside the one before it."""
    with home.open(token) as project:
        entries = [history.Entry.of(run, True) for run in project.catalog.runs.newest(2)]
        if not entries or entries[0].report is None:
            return ""
        later, seconds = entries[0], entries[0].run.seconds
        if len(entries) == 1:
            return gallery.headline(None, entries[0].report, seconds)
        table = runs.compare_entries(project, entries[1], later)
    return (
        f"{gallery.headline(entries[1].report, entries[0].report, seconds)}"
        f'<details class="pc-details" open><summary>{html.text(ReviewCode.WHAT_CHANGED)}</summary>'
        f'<div class="pc-inside">{table}</div></details>'
    )


def build(home: Home, token: gr.BrowserState) -> ReviewTab:
    """Create the components of the tab and connect its own events."""
    with gr.Column() as nothing:
        gr.HTML(html.quiet(html.text(ReviewCode.TRAIN_FIRST), "pc-center"))
    with gr.Column(visible=False) as filled:
        with gr.Row(elem_classes="pc-tables"):
            matrix = scripted_html("${value}", _HERE / "cells.js", "review-matrix")
            classes = scripted_html("${value}", _HERE / "cells.js", "review-classes")
        advice = gr.HTML()
        again = retraining.build(home, token, what_changed, "review-changed")
        which = dropdown(ReviewCode.SHOW, elem_id="review-which", value=lists.DEFAULT)
        gr.HTML(guides.what(WhatCode.DOUBTFUL), elem_id="review-what")
        photos = scripted_html(
            '<div class="pc-photos">${value}</div>', _HERE / "review.js", "review-photos", ReviewGroupsScript
        )
        more = gr.Button(str(ReviewCode.SHOW_MORE), visible=False, elem_id="review-more")
        with gr.Column(elem_classes="pc-bar"):
            result = gr.HTML(elem_id="review-message")
            with gr.Row(elem_classes="pc-row"):
                state = gr.HTML(elem_id="review-state", min_width=180)
                undo_button = undo.button("review-undo")
                train = gr.Button(str(ReviewCode.TRAIN_AGAIN), min_width=140, scale=0, elem_id="review-train")
    # What was chosen is read when a drawing begins; by the list itself one that was asked for before would win.
    chosen, count = gr.State(lists.DEFAULT), gr.State(PAGE)
    found, seen = gr.State(PhotoCheck()), gr.State(0)
    view: list[Any] = [nothing, filled, matrix, classes, advice, state, train, undo_button, which, photos, more, seen]
    redraw = Action(in_order(plain(show, home)), [token, chosen, count, found], view)
    check_action = Action(plain(check_photos, home), [token, found, seen], [found], DEVICE)
    redraw.on(found.change)
    # of two presses, one after the other, the second one counts as well
    redraw.after(photos.submit(plain(answer, home), [token], [result], trigger_mode="multiple", **QUIET, **FREE))
    redraw.after(undo_button.click(plain(undo.undo, home), [token], [result], **QUIET, **FREE))
    for cells in (matrix, classes):
        redraw.after(cells.select(plain(open_cell), None, [chosen, count], trigger_mode="always_last", **QUIET, **FREE))
    redraw.after(Action(lambda name: (name, PAGE), [which], [chosen, count]).on(which.input, queue=False))
    redraw.after(more.click(lambda shown: shown + PAGE, [count], [count], queue=False, **QUIET))
    return ReviewTab(train, again.train_again, again.finished, [redraw, check_action])
