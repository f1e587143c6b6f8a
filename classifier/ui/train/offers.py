"""A better network for the photos, offered on the Train tab: fetched while the person goes on, then tried as a step."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr

from ...config import TrainConfig
from ...errors import ClassifierError
from ...messages.steps_page import OfferPanelCode
from ...workflows.offers import Offer, fetch_network, suggest_networks
from .. import html
from ..background import Job, ShouldStop, Work
from ..handlers import Action, Handler, plain
from ..queue import FREE, WATCH, Concurrency
from ..sessions import Home, is_token
from . import jobs, settings
from .drawing import Newest, read_newest

_INTERVAL = 1.0  # seconds between two requests for the progress of a download
_POLL = 0.5  # seconds between two looks whether the training has ended


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    panel: Any
    words: Any
    button: Any
    timer: Any
    training: Any  # the timer of the Train tab


_HIDDEN = View(gr.update(visible=False), "", gr.skip(), gr.Timer(active=False), gr.skip())


def show(home: Home, token: str, values: settings.Values) -> View:
    """Draw the progress of a download, or the network that is offered; nothing where none is."""
    job = _job(home, token)
    newest = read_newest(home, token)
    if newest is None:
        return _HIDDEN
    if job is not None and not job.state.ended:
        progress = job.state.progress
        bar = html.busy(OfferPanelCode.WAITING) if progress is None else html.progress(progress)
        return View(gr.update(visible=True), bar, gr.update(visible=False), gr.Timer(active=True), gr.skip())
    training = gr.Timer(active=True) if jobs.is_training(home, token) else gr.skip()
    offer = _offer(home, newest, values)
    if offer is None:
        return _HIDDEN._replace(training=training)
    error = "" if job is None or job.state.error is None else html.note(job.state.error, "warn")
    label = OfferPanelCode.TRY if offer.at_hand else OfferPanelCode.FETCH
    button = gr.update(visible=True, value=str(label))
    return View(gr.update(visible=True), error + html.note(offer.message), button, gr.Timer(active=False), training)


def _job(home: Home, token: str) -> Job | None:
    """Return the download, or what waits to try it; the last one that failed where none goes on."""
    found = [queue.get(home.folder(token)) for queue in (home.fetching, home.trying)] if is_token(token) else []
    known = [job for job in found if job is not None]
    return next((job for job in known if not job.state.ended), next((job for job in known if job.state.error), None))


def follow(home: Home, token: str, values: settings.Values) -> View:
    """Draw the progress of a download."""
    return show(home, token, values)


def fetch(home: Home, token: str, values: settings.Values) -> View:
    """Fetch the network that is offered in the background, and try it when the training that runs has ended."""
    newest = read_newest(home, token)
    offer = None if newest is None else _offer(home, newest, values)
    if offer is not None:
        home.check_room()
        work = fetching_work(home, token, _config(home, values), offer.backbone)
        home.fetching.start(home.folder(token), work, graceful=False)
    return show(home, token, values)


def _config(home: Home, values: settings.Values) -> TrainConfig:
    return replace(settings.to_config(values, home.limits), mode="auto")


def _offer(home: Home, newest: Newest, values: settings.Values) -> Offer | None:
    """Return the best network that is offered and was not tried."""
    try:
        offers = suggest_networks(_config(home, values), newest.trained.report.images)
    except ClassifierError:  # a setting half typed
        return None
    tried = {name for step in newest.tried.steps for name in step.backbone.split("+")}
    return next((offer for offer in offers if offer.backbone not in tried), None)


def fetching_work(home: Home, token: str, config: TrainConfig, network: str) -> Work:
    """Return the work of a background job: fetch a network, and leave it to another job to try it."""

    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        with closing(fetch_network(network)) as events:  # type: ignore[type-var]
            yield from events
        if not should_stop():
            home.trying.start(home.folder(token), _try(home, token, config, network), graceful=False)

    return work


def _try(home: Home, token: str, config: TrainConfig, network: str) -> Work:
    """Return the work that tries a network when the training that runs has ended; downloads do not wait for it."""

    def work(should_stop: ShouldStop) -> Generator[Any, None, None]:
        yield from ()  # it has no progress
        while jobs.is_training(home, token):
            job = jobs.get_job(home, token)
            if should_stop() or job is None:
                return
            job.wait(_POLL)
        newest = read_newest(home, token)
        if newest is not None and not should_stop():
            run = newest.trained.name if newest.tried.steps else None
            one_more = replace(config, max_steps=max(1, len(newest.tried.steps)) + 1)
            jobs.try_network(home, token, one_more, network, run)

    return work


def build(home: Home, token: gr.BrowserState, inputs: Sequence[Any], training: gr.Timer) -> Action:
    """Create the panel and return how to redraw it; the timer ``training`` follows the network that is tried."""
    with gr.Column(visible=False, elem_id="train-offer") as panel:
        words = gr.HTML()
        button = gr.Button(str(OfferPanelCode.FETCH), elem_id="train-offer-fetch")
    timer = gr.Timer(_INTERVAL, active=False)
    view: list[Any] = [panel, words, button, timer, training]

    def action(handler: Handler, concurrency: Concurrency = FREE) -> Action:
        return Action(plain(handler, home, names=settings.NAMES), [token, *inputs], view, concurrency)

    action(fetch).on(button.click)
    action(follow, WATCH).on(timer.tick)
    return action(show)
