"""The Share tab: make a verified export of a model and download it. Panels of other files follow below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from ...data.decoding import open_apart
from ...errors import ClassifierError, SettingError
from ...exporters.base import Exported
from ...messages.share_page import FormatCode, ShareCode
from ...workflows.export import FORMATS, export, find_format, verification_photos
from .. import downloads, html
from ..components import dropdown
from ..handlers import QUIET, Action, in_order, plain
from ..predict.models import own_models, select_model, shared_models
from ..queue import DEVICE
from ..sessions import Home
from . import api, project_file, publish, samples
from .shown_photos import paths_of

ID = "share"
TITLE = ShareCode.TAB
# What other files add below the exports, each by ``build(home, token, model)``; ``model`` is the list of models.
PANELS: tuple[Callable[[Home, gr.BrowserState, gr.HTML], None], ...] = (publish.build, api.build)


class View(NamedTuple):
    """What the tab shows, in the order of its outputs."""

    model: Any
    filled: Any
    nothing: Any


@dataclass(frozen=True)
class ShareTab:
    """How to redraw this tab; ``opened`` changes when a project file was opened: then all tabs are drawn again."""

    refresh: Sequence[Action]
    opened: gr.State


def show(home: Home, token: str, chosen: str | None) -> View:
    """Draw the list of models as it is now, with the newest selected unless the visitor chose another."""
    models = [*own_models(home, token), *shared_models(home)]
    names = [model.name for model in models]
    value = chosen if chosen in names else next(iter(names), None)
    choices = [(model.title, model.name) for model in models]
    return View(gr.update(choices=choices, value=value), gr.update(visible=bool(models)), gr.update(visible=not models))


def make(
    home: Home, token: str, model: str | None, format: str | None, shown: str | None, request: gr.Request
) -> Iterator[str]:
    """Make an export of a model; yields the progress, then the verification with a link, or why there is none.

    ``shown`` are the ids of the photos that it shows, see ``samples``; of anything else it shows none.
    """
    try:
        for event in _export(home, token, model, format, shown):
            if isinstance(event, Exported):
                yield _done(event, request)
            else:
                yield html.progress(event) if event.done else html.busy(str(event.step))
    except ClassifierError as error:
        yield html.note(error.message, "warn")


def _export(home: Home, token: str, model: str | None, format: str | None, shown: str | None) -> Iterator[Any]:
    if format not in FORMATS:
        raise SettingError(ShareCode.NO_FORMAT)
    own = own_models(home, token)
    chosen = select_model([*own, *shared_models(home)], model)
    home.check_room()
    with home.open(token) as project:  # of a visitor without photos, it is made now
        photos = verification_photos(project, chosen.folder.name) if chosen in own else []
        options: dict[str, Any] = {"title": chosen.called, "limits": home.limits.upload, "opener": open_apart}
        if chosen in own and find_format(format).shows_photos:
            options["shown"] = paths_of(project, samples.chosen_photos(project.photos(), shown))
        name = f"{chosen.folder.name}{find_format(format).suffix or '.zip'}"  # one file
        out = downloads.new_file(home.folder(token), name)
        yield from export(chosen.folder, format, out, photos, **options)


def _done(exported: Exported, request: gr.Request) -> str:
    """Return how an export was verified, the link to it, and what its format lacks, as HTML."""
    address = downloads.offer(exported.path, request)
    lacks = "".join(f"<li>{html.escape(str(lack))}</li>" for lack in exported.lacks)
    details = (
        f'<details class="pc-details"><summary>{html.text(ShareCode.LACKS)}</summary>'
        f'<ul class="pc-inside">{lacks}</ul></details>'
    )
    verified = html.note(exported.verification.sentence(), "good")
    return f"{verified}<p>{downloads.link(address, exported.path)}</p>{details if lacks else ''}"


def _formats() -> list[tuple[str, str]]:
    """Return the line and the name of each format that can be made."""
    return [(str(code), code.id) for code in FormatCode if code.id in FORMATS]


def build(home: Home, token: gr.BrowserState) -> ShareTab:
    """Create the components of the tab and connect its own events."""
    with gr.Column(visible=False) as nothing:
        gr.HTML(html.quiet(html.text(ShareCode.NO_MODEL_YET), "pc-center"))
    with gr.Column(visible=False) as filled:
        gr.HTML(html.quiet(html.text(ShareCode.INTRO)))
        model = dropdown(ShareCode.MODEL, elem_id="share-model")
        formats = _formats()
        format = gr.Radio(
            formats, value=formats[0][1], label=str(ShareCode.FORMAT), elem_id="share-format", elem_classes="pc-stack"
        )
        shown = samples.build(home, token, model, format)
        gr.HTML(html.quiet(html.text(ShareCode.PHONES)))
        start = gr.Button(str(ShareCode.MAKE), variant="primary", size="lg", elem_id="share-make")
        result = gr.HTML(elem_id="share-result")
        for panel in PANELS:
            panel(home, token, model)
    file_panel = project_file.build(home, token)
    view: list[Any] = [model, filled, nothing]
    start.click(lambda: gr.update(interactive=False), None, start, queue=False, **QUIET)
    asked = Action(plain(make, home), [token, model, format, shown.photos], [result], DEVICE)
    made = asked.on(start.click, js=samples.SEND_CHOSEN)
    Action(lambda: gr.update(interactive=True), [], [start]).after(made, queue=False)
    for event in (model.input, format.input, *shown.changes):
        Action(lambda: "", [], [result]).on(event, queue=False)
    return ShareTab([Action(in_order(plain(show, home)), [token, model], view)], file_panel.opened)
