"""The panel of the Share tab that publishes a model on the Hugging Face Hub.

On a Space who presses the button signs in with Hugging Face. Elsewhere the token stored on the computer is used, and
only for a browser on that computer: a visitor from elsewhere must not publish in its owner's name. No token is shown or
logged.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from gradio.context import Context

from ...data.decoding import open_apart
from ...errors import ClassifierError, SettingError
from ...events import Progress
from ...messages import sentence
from ...messages.hub import HubCode
from ...messages.publish_page import PublishPanelCode, PublishWhatCode
from ...models import hub
from ...workflows.export import find_format, verification_photos
from ...workflows.publish import Publication, publish
from .. import html
from ..handlers import QUIET, Action, plain
from ..predict.models import own_models, select_model, shared_models
from ..queue import Concurrency
from ..sessions import Home
from .shown_photos import paths_of, preview

# Sending takes as long as the connection does; predictions of others do not wait for it.
PUBLISH = Concurrency(concurrency_id="publish", concurrency_limit=2)
_OAUTH = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")  # of a Space that offers it
_OAUTH_PACKAGES = ("authlib", "itsdangerous")
_SCOPES = ("contribute-repos", "write-repos", "manage-repos")  # one of these may make a repository
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")  # headers that a proxy adds
_LONGEST_NAME = 200  # letters


def offers_sign_in(variables: Mapping[str, str]) -> bool:
    """Return whether this is a Space where visitors can sign in with the right to publish."""
    is_space = variables.get("SYSTEM") == "spaces" and "SPACE_ID" in variables
    is_set = all(variables.get(name) for name in _OAUTH) and all(map(find_spec, _OAUTH_PACKAGES))
    return is_space and is_set and any(scope in variables["OAUTH_SCOPES"].split() for scope in _SCOPES)


def is_own_browser(client: str | None, headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from a browser on this computer, by no proxy and no public link.

    Args:
        client: the address that the connection comes from.
        headers: those of the request.
    """
    named = headers.get("host", "")
    if "@" in named or any(name in headers for name in _PASSED_ON):
        return False
    try:
        host = urlsplit(f"//{named}").hostname or ""
        is_local = host == "localhost" or ipaddress.ip_address(host).is_loopback
        return is_local and ipaddress.ip_address(client or "").is_loopback
    except ValueError:
        return False


def start(
    home: Home,
    token: str,
    model: str | None,
    what: str | None,
    name: str,
    public: bool,
    chosen: list[str] | None,
    request: gr.Request,
    signed_in: gr.OAuthToken | None,
) -> Iterator[str]:
    """Publish a model; yields the progress, then a link to it, or why it was not published.

    ``chosen`` are the photos to show with it, see ``shown_photos.preview``.
    """
    try:
        options = {"public": public, "token": _token(request, signed_in)}
        for event in _publish(home, token, model, what, name, chosen or [], **options):
            if isinstance(event, Publication):
                yield _done(event)
            else:
                yield html.progress(event) if event.done else html.busy(str(event.step))
    except ClassifierError as error:
        yield html.note(error.message, "warn")


def _token(request: gr.Request, signed_in: gr.OAuthToken | None) -> str | None:
    """Return the token of who signed in; None for the one that is stored on this computer."""
    if signed_in is not None:
        return signed_in.token
    if "SPACE_ID" in os.environ:  # what is stored there is its owner's
        raise ClassifierError(HubCode.SIGNED_OUT)
    if not is_own_browser(request.client.host if request.client else None, request.headers):
        raise ClassifierError(PublishPanelCode.OWN_COMPUTER)
    return None


def _publish(
    home: Home, visitor: str, model: str | None, what: str | None, name: str | None, shown: list[str], **options: Any
) -> Iterator[Progress | Publication]:
    if what is None or what not in (code.id for code in PublishWhatCode):
        raise SettingError(PublishPanelCode.NOTHING_CHOSEN)
    name = (name or "").strip()  # an empty field may come as None
    if not name:
        raise SettingError(PublishPanelCode.NO_NAME)
    own = own_models(home, visitor)
    chosen = select_model([*own, *shared_models(home)], model)
    home.check_room()
    photos: list[Path] = []
    if chosen in own:
        with home.open(visitor) as project:
            photos = verification_photos(project, chosen.folder.name)
            options["shown"] = paths_of(project, shown if find_format(what).shows_photos else ())
    options |= {"title": chosen.called, "limits": home.limits.upload, "opener": open_apart}
    yield from publish(chosen.folder, what, name[:_LONGEST_NAME], photos, **options)


def _done(published: Publication) -> str:
    code = PublishPanelCode.DONE_PUBLIC if published.public else PublishPanelCode.DONE_PRIVATE
    words = html.text(PublishPanelCode.OPEN, name=published.repository)
    link = f'<a href="{html.escape(published.url)}" target="_blank" rel="noopener noreferrer">{words}</a>'
    return f"{html.note(code, 'good')}<p>{link}</p>{html.quiet(html.escape(str(published.verification.sentence())))}"


def _sign_in_words(profile: gr.OAuthProfile | None) -> dict[str, Any]:
    """Return the words on the button: to sign in, or to sign out who is signed in."""
    if profile is None:
        return gr.update(value=str(PublishPanelCode.SIGN_IN))
    return gr.update(value=sentence(PublishPanelCode.SIGN_OUT, name=profile.username))


def _build_sign_in() -> None:
    """Create the button that signs in and out; its script leads to Gradio's addresses for it."""
    button = gr.LoginButton(
        str(PublishPanelCode.SIGN_IN), str(PublishPanelCode.SIGN_OUT), icon=None, elem_id="publish-sign-in"
    )
    button.load_event_to_attach = None  # Gradio's own would be offered to programs, and shows any name as it is
    page = Context.root_block
    assert page is not None  # the panel is built inside a page
    Action(plain(_sign_in_words), [], [button]).on(page.load)


def build(home: Home, token: gr.BrowserState, model: gr.HTML) -> None:
    """Create the panel and connect its events; nothing where the Hub is switched off."""
    if hub.is_switched_off():
        return
    is_space, can_sign_in = "SPACE_ID" in os.environ, offers_sign_in(os.environ)
    choices = [(str(code), code.id) for code in PublishWhatCode]
    with gr.Accordion(str(PublishPanelCode.TITLE), open=False, elem_id="publish"):
        gr.HTML(html.quiet(html.text(PublishPanelCode.INTRO)))
        if is_space and not can_sign_in:
            gr.HTML(html.note(PublishPanelCode.NOT_OFFERED))
            return
        if can_sign_in:
            _build_sign_in()
        else:
            gr.HTML(html.quiet(html.text(PublishPanelCode.STORED)))
        what = gr.Radio(
            choices, value=choices[0][1], label=str(PublishPanelCode.WHAT), elem_id="publish-what",
            elem_classes="pc-stack",
        )  # fmt: skip
        name = gr.Textbox(
            label=str(PublishPanelCode.NAME), info=str(PublishPanelCode.NAME_HELP), max_length=_LONGEST_NAME,
            elem_id="publish-name",
        )  # fmt: skip
        public = gr.Checkbox(False, label=str(PublishPanelCode.PUBLIC), elem_id="publish-public")
        wanted = gr.Checkbox(False, label=str(PublishPanelCode.SHOW), elem_id="publish-show")
        photos, chosen = gr.HTML(elem_id="publish-photos"), gr.State([])
        press = gr.Button(str(PublishPanelCode.PUBLISH), variant="primary", elem_id="publish-start")
        result = gr.HTML(elem_id="publish-result")
    press.click(lambda: gr.update(interactive=False), None, press, queue=False, **QUIET)
    done = Action(plain(start, home), [token, model, what, name, public, chosen], [result], PUBLISH).on(press.click)
    Action(lambda: gr.update(interactive=True), [], [press]).after(done, queue=False)
    Action(plain(preview, home), [token, model, wanted], [photos, chosen]).on(wanted.change)
    Action(lambda: False, [], [wanted]).on(model.change, queue=False)  # photos are shown only after they were seen
    for choice in (model, what, name):
        Action(lambda: "", [], [result]).on(choice.input, queue=False)
