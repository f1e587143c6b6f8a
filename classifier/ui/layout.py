"""The tabs of the page, every event that connects two of them, and the footer with the visitor's own data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, Protocol, TypeVar

import gradio as gr
from gradio.events import Dependency

from ..messages import Code
from ..messages.page import PageCode
from . import guides, html, languages, viewer
from .components import frame, scripted_html
from .handlers import QUIET, Action, Handler, Tab, at_opening, in_order, plain, run_all
from .photos import tab as photos_tab
from .predict import tab as predict_tab
from .queue import FREE
from .review import tab as review_tab
from .sessions import Home, ensure_token, token_store
from .share import tab as share_tab
from .train import jobs
from .train import tab as train_tab

_NEWS = Path(__file__).parent / "news.js"
T = TypeVar("T", bound=Tab)
T_co = TypeVar("T_co", bound=Tab, covariant=True)


class TabModule(Protocol[T_co]):
    """The module ``tab`` of a tab's folder."""

    @property
    def ID(self) -> str:
        """The name by which the tab is opened."""

    @property
    def TITLE(self) -> Code:
        """The words on the tab."""

    def build(self, home: Home, token: gr.BrowserState) -> T_co:
        """Create the components of the tab and connect its own events."""


class _Tabs:
    """Places tabs in a row; each is redrawn when it is opened, and then ``also``."""

    def __init__(self, home: Home, token: gr.BrowserState, also: Action) -> None:
        self._home, self._token, self._also = home, token, also
        self.placed: list[Tab] = []

    def place(self, module: TabModule[T]) -> T:
        """Add a tab and return what its ``build`` returned."""
        with gr.Tab(html.narrow(str(module.TITLE)), id=module.ID) as page:
            tab = module.build(self._home, self._token)
            gr.HTML(guides.guide(module.ID))
        run_all(page.select, [*tab.refresh, self._also])
        self.placed.append(tab)
        return tab


def build_layout(page: gr.Blocks, home: Home) -> None:
    """Fill the page; called inside its context."""
    token = token_store(home)
    languages.header(PageCode.TITLE, PageCode.SUBTITLE)
    near = gr.HTML(elem_id="limits")
    viewer.build(home, token)
    news = scripted_html("${value}", _NEWS, "news")
    frame()
    show_limits = Action(in_order(plain(_show_limits, home)), [token], [near])
    with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
        row = _Tabs(home, token, show_limits)
        photos = row.place(photos_tab)
        training = row.place(train_tab)
        review = row.place(review_tab)
        predict = row.place(predict_tab)
        share = row.place(share_tab)

    # The browser's token comes first, since everything else is found by it.
    loaded = Action(plain(ensure_token), [token], [token]).on(page.load)
    loaded = run_all(loaded.then, [at_opening(action) for action in photos.refresh])  # what is seen first
    loaded = at_opening(training.resume).on(loaded.then)
    open_running = Action(plain(_open_running_training, home), [token], [tabs])
    drawn = [open_running, training.runs.refresh, *predict.refresh, show_limits]
    run_all(loaded.then, [at_opening(action) for action in drawn])
    show_limits.on(photos.message.change)

    _connect_first_minute(photos, training, predict, tabs)
    _open_on(photos.next.click, train_tab, tabs)
    _open_on(training.review.click, review_tab, tabs)
    _open_on(training.next.click, predict_tab, tabs)
    review.refresh[0].on(training.model.change)
    Action(plain(train_tab.news, home), [token, news], [news]).on(training.drawn.change)
    for changed in (training.runs.deleted, training.runs.renamed, training.runs.stepped):
        run_all(changed.then, [*predict.refresh, *share.refresh])
    used = replace(predict.choose, inputs=[token, training.runs.chosen]).on(training.runs.used.then)
    _open_on(used.then, predict_tab, tabs)
    replace(review.train_again, inputs=[token, *training.settings]).on(review.train.click)
    for refresh in (review.refresh, training.refresh):
        run_all(review.finished.change, refresh)
    replace(predict.unlabeled.train_again, inputs=[token, *training.settings]).on(predict.unlabeled.train.click)
    answered = predict.unlabeled.answer_again.on(predict.unlabeled.finished.change)
    run_all(answered.then, [predict.many.refresh, *training.refresh])
    run_all(predict.corrected.then, photos.refresh)
    _open_on(training.start.on(predict.again.click).then, train_tab, tabs)
    refresh = [action for tab in row.placed for action in tab.refresh]
    run_all(share.opened.change, [*refresh, training.runs.refresh, show_limits])
    _build_footer(home, token, row.placed, photos.message)


def _connect_first_minute(
    photos: photos_tab.PhotosTab, training: train_tab.TrainTab, predict: predict_tab.PredictTab, tabs: gr.Tabs
) -> None:
    """Follow the newest model on the Try it tab; the example button leads through a training to an answer there."""
    trying = gr.State(False)
    began = training.start.on(photos.example.success)
    Action(lambda: (gr.Tabs(selected=train_tab.ID), True), [], [tabs, trying]).on(began.success)
    chosen = predict.choose_newest.on(training.model.change)
    answer = replace(predict.answer_newest, inputs=[*predict.answer_newest.inputs, trying])
    show_answer = Action(_open_once, [trying], [tabs, trying], answer.concurrency)
    predict.explain_single.on(run_all(chosen.then, [answer, show_answer]).then)


def _open_once(wanted: bool) -> tuple[Any, bool]:
    """Open the Try it tab after the first training with the example photos."""
    return gr.Tabs(selected=predict_tab.ID) if wanted else gr.skip(), False


def _open_on(event: Callable[..., Dependency], module: TabModule[Any], tabs: gr.Tabs) -> None:
    Action(_opener(module.ID), [], [tabs]).on(event)


def _opener(id: str) -> Handler:
    def open_tab() -> gr.Tabs:
        return gr.Tabs(selected=id)

    return open_tab


def _show_limits(home: Home, token: str) -> str:
    """Return the limits that are nearly reached, as HTML; empty where none is."""
    near = home.nearly_full(token)
    return "" if near is None else html.note(near, "warn")


def _open_running_training(home: Home, token: str) -> Any:
    """Open the Train tab for a visitor who comes back during a training."""
    return gr.Tabs(selected=train_tab.ID) if jobs.is_training(home, token) else gr.skip()


def _delete(home: Home, token: str) -> tuple[str, str]:
    home.delete(token)
    return html.note(PageCode.DELETED, "good"), ""


def _build_footer(home: Home, token: gr.BrowserState, tabs: Sequence[Tab], photos_message: gr.HTML) -> None:
    """Create the line that says what is kept and for how long, and the button that deletes it."""
    with gr.Column(elem_classes="pc-footer"):
        retention = f"{escape(str(home.retention()))} {html.text(PageCode.TRIED_PHOTOS)}"
        gr.HTML(html.quiet(retention))
        ask = gr.Button(str(PageCode.DELETE), size="sm", elem_id="delete-all", elem_classes="pc-link")
        with gr.Column(visible=False) as confirmation:
            gr.HTML(f"<p>{html.rich(PageCode.DELETE_QUESTION)}</p>")
            with gr.Row():
                no = gr.Button(str(PageCode.DELETE_NO), elem_id="delete-all-no")
                yes = gr.Button(str(PageCode.DELETE_YES), variant="stop", elem_id="delete-all-yes")
        message = gr.HTML()
    both = [ask, confirmation]
    opened = (gr.update(visible=False), gr.update(visible=True))
    closed = (gr.update(visible=True), gr.update(visible=False))
    ask.click(lambda: opened, None, both, queue=False, **QUIET)
    no.click(lambda: closed, None, both, queue=False, **QUIET)
    deleted = yes.click(plain(_delete, home), token, [message, photos_message], **QUIET, **FREE)
    deleted = deleted.then(lambda: closed, None, both, **QUIET, **FREE)
    run_all(deleted.then, [action for tab in tabs for action in tab.refresh])
