"""The panel of the Photos tab with public sets to try: fetched in the background, and a part of one is added."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...errors import DataError
from ...events import Note, Progress
from ...messages import message, sentence
from ...messages.photos_page import PhotosCode
from ...messages.sets import SetsPanelCode
from ...messages.workflows import StepCode
from ...workflows.offers import has_network
from ...workflows.public_sets import SETS, PublicSet, fetch_set
from .. import html
from ..background import Job, ShouldStop
from ..handlers import Action, Handler, plain
from ..host_limits import HostLimits
from ..queue import FREE, WATCH, Concurrency
from ..sessions import Home, is_token

_INTERVAL = 1.0  # seconds between two looks how far it is
_PER_SPLIT = 1_000  # photos of a set that are added, of those to train on and of those to test with
_FEWEST = 10  # of a class


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    panel: Any
    words: Any
    choice: Any
    press: Any
    timer: Any
    arrived: Any


class Arrived(NamedTuple):
    """When photos of a set were added, and the words for it."""

    moment: int = 0
    words: str = ""


class SetsPanel(NamedTuple):
    """The ``Arrived``, which changes when photos came, and how to draw the panel."""

    arrived: gr.State
    refresh: Action


_UNCHANGED = View(*[gr.skip()] * 6)


def offered(limits: HostLimits) -> tuple[PublicSet, ...]:
    """Return the sets that the host has room for."""
    return tuple(one for one in SETS if one.classes <= limits.classes and one.megabytes <= limits.upload_megabytes)


def show(home: Home, token: str) -> View:
    """Draw the progress where a set is fetched, as after the page was loaded again."""
    job = _job(home, token)
    if job is None or job.state.ended:
        return _UNCHANGED._replace(timer=gr.Timer(active=False))
    return _running(job)._replace(panel=gr.update(open=True))


def unfold(home: Home, token: str, name: str | None) -> View:
    """Draw the sets to choose from where there is a network; it is asked for only here."""
    job = _job(home, token)
    if job is not None and not job.state.ended:
        return _running(job)
    if has_network():
        return _ready(home, name)
    hidden = gr.update(visible=False)
    return _ready(home, None)._replace(words=html.note(SetsPanelCode.NO_NETWORK), choice=hidden, press=hidden)


def choose(home: Home, token: str, name: str | None) -> View:
    """Draw what the chosen set is."""
    return _ready(home, name)


def press(home: Home, token: str, name: str | None) -> View:
    """Fetch the chosen set, or stop what is fetched."""
    folder, job = home.folder(token), _job(home, token)
    if job is not None and not job.state.ended:
        job.stop()
        job.wait(_INTERVAL)
        return _stopped(home, job)
    chosen = _find(home, name)
    if chosen is None:
        raise DataError(SetsPanelCode.WHICH_SET)
    home.check_room()
    return _running(home.loading.start(folder, _Fetching(home, token, chosen), graceful=False))


def follow(home: Home, token: str, name: str | None) -> View:
    """Draw how far it is, and what came of it."""
    job = _job(home, token)
    if job is None:
        return _ready(home, name)
    state = job.state
    if not state.ended:
        return _running(job)
    if state.error is not None:
        return _ready(home, _chosen(job).name)._replace(words=html.note(state.error, "warn"))
    if state.phase == "stopped" and not state.notes:
        return _stopped(home, job)
    words = "".join(html.note(note, "good") for note in state.notes)
    return _ready(home, name)._replace(arrived=Arrived(time.monotonic_ns(), words))


def tell(arrived: Arrived) -> str:
    """Return what was added, for the line of the tab."""
    return arrived.words


def _job(home: Home, token: str) -> Job | None:
    return home.loading.get(home.folder(token)) if is_token(token) else None


def _find(home: Home, name: object) -> PublicSet | None:
    return next((one for one in offered(home.limits) if one.name == name), None)


def _ready(home: Home, name: object) -> View:
    chosen = _find(home, name)
    words = ""
    if chosen is not None:
        part = sentence(SetsPanelCode.PART, count=_per_class(chosen))
        words = html.quiet(html.escape(f"{chosen.about()} {part}"))
    button = gr.update(visible=chosen is not None, value=str(SetsPanelCode.FETCH), variant="primary")
    shown = gr.update(visible=True, value=None if chosen is None else chosen.name)
    return _UNCHANGED._replace(words=words, choice=shown, press=button, timer=gr.Timer(active=False))


def _running(job: Job) -> View:
    progress = job.state.progress
    bar = html.busy(SetsPanelCode.STARTING) if progress is None else html.progress(progress)
    stop = gr.update(visible=True, value=str(SetsPanelCode.STOP), variant="secondary")
    words = html.quiet(html.escape(_title(_chosen(job)))) + bar
    return _UNCHANGED._replace(words=words, choice=gr.update(visible=False), press=stop, timer=gr.Timer(active=True))


def _per_class(chosen: PublicSet) -> int:
    return max(_FEWEST, _PER_SPLIT // chosen.classes)


def _stopped(home: Home, job: Job) -> View:
    return _ready(home, _chosen(job).name)._replace(words=html.note(SetsPanelCode.STOPPED))


def _title(one: PublicSet) -> str:
    return sentence(SetsPanelCode.CHOICE, title=one.title, megabytes=one.megabytes)


@dataclass(frozen=True)
class _Fetching:
    """The work of a background job: fetch a set, and add a part of it to the visitor's project."""

    home: Home
    token: str
    chosen: PublicSet

    def __call__(self, should_stop: ShouldStop) -> Generator[Any, None, None]:
        with tempfile.TemporaryDirectory(prefix="set-") as scratch:
            folder = Path(scratch) / self.chosen.name
            with closing(fetch_set(self.chosen, folder, _per_class(self.chosen))) as events:  # type: ignore[type-var]
                for event in events:
                    if isinstance(event, Progress):
                        yield event
            yield Progress(StepCode.ADD_SET, 0, 1, None)
            if should_stop():
                return
            with self.home.open(self.token) as project:
                added = project.add(folder).added
        yield Note(message(PhotosCode.ADDED, count=added))


def _chosen(job: Job) -> PublicSet:
    """Return the set that a job fetches."""
    assert isinstance(job.work, _Fetching)
    return job.work.chosen


def build(home: Home, token: gr.BrowserState, panel: gr.Accordion) -> SetsPanel:
    """Create the components of the panel inside its accordion and connect its own events."""
    choices = [(_title(one), one.name) for one in offered(home.limits)]
    choice = gr.Radio(choices, label=str(SetsPanelCode.WHICH), visible=False, elem_id="photos-sets-choice")
    words = gr.HTML(html_template='<div aria-live="polite">${value}</div>', elem_id="photos-sets-words")
    button = gr.Button(str(SetsPanelCode.FETCH), visible=False, elem_id="photos-sets-fetch")
    timer, arrived = gr.Timer(_INTERVAL, active=False), gr.State(Arrived())
    view: list[Any] = [panel, words, choice, button, timer, arrived]

    def action(handler: Handler, concurrency: Concurrency = FREE) -> Action:
        return Action(plain(handler, home), [token, choice], view, concurrency)

    action(unfold).on(panel.expand)
    action(choose).on(choice.input)
    action(press).on(button.click)
    action(follow, WATCH).on(timer.tick)
    return SetsPanel(arrived, Action(plain(show, home), [token], view))
