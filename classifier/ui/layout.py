"""The page: its tabs, every wire between two tabs, and the visitor's own corner at the bottom."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from . import html
from .handlers import DEVICE, FREE, plain
from .photos import tab as photos_tab
from .predict import tab as predict_tab
from .review import tab as review_tab
from .sessions import Home, token_store, welcome
from .train import jobs
from .train import runs as runs_panel
from .train import tab as train_tab

_HEADER = """
<header class="pc-header">
  <h1>Teach a photo classifier</h1>
  <p>Show it photos of each kind of thing, press Train, see how far to trust it, put it right, try it.</p>
</header>
"""
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", **FREE}


def lay_out(page: gr.Blocks, home: Home) -> None:
    """Fills the page; called inside its context."""
    token = token_store(home)
    gr.HTML(_HEADER)
    with gr.Tabs(elem_id="tabs") as tabs:
        with gr.Tab("1 · Photos", id="photos") as photos_page:
            photos = photos_tab.build(home, token)
        with gr.Tab("2 · Train", id="train") as train_page:
            training = train_tab.build(home, token)
            runs = runs_panel.build(home, token)
        with gr.Tab("3 · Review", id="review") as review_page:
            review = review_tab.build(home, token, training.inputs[1:])
        with gr.Tab("4 · Try it", id="try") as try_page:
            trying = predict_tab.build(home, token)
    refreshed = [photos, training, runs, review, trying]

    # The browser's token comes first, since everything else is found by it.
    here = page.load(plain(welcome), token, token, **_QUIET)
    here = here.then(training.arrive, training.inputs, training.outputs, **_QUIET)
    here = here.then(plain(_to_a_training, home), token, tabs, **_QUIET)
    _refresh_all(here, [photos, runs, trying])
    photos_page.select(photos.refresh, photos.inputs, photos.outputs, **_QUIET)
    on_train = train_page.select(training.refresh, training.inputs, training.outputs, **_QUIET)
    _refresh_all(on_train, [runs, training.strip])
    on_review = review_page.select(review.refresh, review.inputs, review.outputs, **_QUIET)
    looked = on_review.then(review.checkup, review.inputs[:1], review.checked, **{**_QUIET, **DEVICE})
    _refresh_all(looked, [review])
    _refresh_all(review.trained, [training, runs])
    try_page.select(trying.refresh, trying.inputs, trying.outputs, **_QUIET)
    ended = training.newest.change(trying.refresh_newest, trying.inputs[:1], trying.outputs, **_QUIET)
    _refresh_all(ended, [runs])
    _refresh_all(runs.deleted, [training, trying])
    shown = runs.used.then(trying.refresh, [*trying.inputs[:1], runs.chosen], trying.outputs, **_QUIET)
    shown.then(_go_to("try"), None, tabs, **_QUIET)
    photos.next.click(_go_to("train"), None, tabs, **_QUIET)
    training.review.click(_go_to("review"), None, tabs, **_QUIET)
    training.next.click(_go_to("try"), None, tabs, **_QUIET)
    _refresh_all(trying.corrected, [photos])
    begun = trying.again.click(training.start, training.inputs, training.outputs, **_QUIET)
    begun.then(_go_to("train"), None, tabs, **_QUIET)
    _corner(home, token, refreshed, photos.message)


def _refresh_all(event: Any, tabs: list[Any]) -> None:
    for tab in tabs:
        event = event.then(tab.refresh, tab.inputs, tab.outputs, **_QUIET)


def _go_to(tab: str) -> Any:
    def go() -> gr.Tabs:
        return gr.Tabs(selected=tab)

    return go


def _to_a_training(home: Home, token: str) -> Any:
    """Who comes back while a training is under way sees that first."""
    return gr.Tabs(selected="train") if jobs.under_way(home, token) else gr.skip()


def _forget(home: Home, token: str) -> tuple[str, str]:
    home.forget(token)
    return html.note("Your photos and models are deleted.", "good"), ""


def _corner(home: Home, token: gr.BrowserState, tabs: list[Any], said: gr.HTML) -> None:
    """What is kept, for how long, and a button to have it deleted now."""
    with gr.Column(elem_classes="pc-footer"):
        gr.HTML(f'<p class="pc-quiet">{escape(home.promise())} Photos you only try are deleted within the hour.</p>')
        ask = gr.Button("Delete my photos and models", size="sm", elem_id="forget", elem_classes="pc-link")
        with gr.Column(visible=False) as sure:
            gr.HTML("<p><b>Delete all your photos and models for good?</b> Nothing brings them back.</p>")
            with gr.Row():
                no = gr.Button("Keep them", elem_id="forget-no")
                yes = gr.Button("Delete everything", variant="stop", elem_id="forget-yes")
        message = gr.HTML()
    closed = (gr.update(visible=True), gr.update(visible=False))
    ask.click(lambda: (gr.update(visible=False), gr.update(visible=True)), None, [ask, sure], queue=False, **_QUIET)
    no.click(lambda: closed, None, [ask, sure], queue=False, **_QUIET)
    gone = yes.click(plain(_forget, home), token, [message, said], **_QUIET)
    _refresh_all(gone.then(lambda: closed, None, [ask, sure], **_QUIET), tabs)
