"""How other programs ask a model over the network: endpoints with examples to copy, and the address for agents."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

from ...messages import Code
from ...messages.share_api import ApiCode, ApiScript
from .. import html
from ..components import scripted_html
from ..handlers import Action, plain
from ..predict.models import shared_models
from ..predict.trying import MAX_PHOTOS
from ..sessions import Home

_SCRIPT = Path(__file__).parent / "api.js"
_ADDRESS = "ADDRESS"  # of the page, which the browser knows: behind a proxy the server does not
_PYTHON = """\
from gradio_client import Client, handle_file  # pip install gradio_client

client = Client("ADDRESS")
print(client.predict(api_name="/models"))
print(client.predict(image=handle_file("a.jpg"), model=MODEL, top_k=3, api_name="/predict"))
photos = [handle_file("a.jpg"), handle_file("b.jpg")]
print(client.predict(images=photos, model=MODEL, top_k=3, api_name="/predict_many"))"""
_JAVASCRIPT = """\
import { readFile } from "node:fs/promises"; // Node.js 20 and later, without a package

const api = "ADDRESS/gradio_api", form = new FormData();
form.append("files", new Blob([await readFile("a.jpg")]), "a.jpg");
const [path] = await (await fetch(`${api}/upload`, { method: "POST", body: form })).json();
const body = JSON.stringify({ data: [{ path }, MODEL, 3] });
const request = { method: "POST", headers: { "Content-Type": "application/json" }, body };
const { event_id } = await (await fetch(`${api}/call/predict`, request)).json();
const lines = (await (await fetch(`${api}/call/predict/${event_id}`)).text()).trim().split("\\n");
console.log(JSON.stringify(JSON.parse(lines.pop().slice(6))[0])); // behind “data: ”"""
_CURL = """\
FILE=$(curl -s -F "files=@a.jpg" ADDRESS/gradio_api/upload | tr -d '[]"')
BODY='{"data": [{"path": "'$FILE'"}, MODEL, 3]}'
EVENT=$(curl -s -H "Content-Type: application/json" -d "$BODY" ADDRESS/gradio_api/call/predict | cut -d '"' -f 4)
curl -sN ADDRESS/gradio_api/call/predict/$EVENT"""
_AGENTS = """\
{ "mcpServers": { "photos": { "url": "ADDRESS/gradio_api/mcp/" } } }"""


def show(home: Home, model: str | None) -> str:
    """Return the endpoints with examples for the chosen model if programs can use it, or else for one that they can."""
    names = [shared.name for shared in shared_models(home)]
    intro = html.quiet(html.text(ApiCode.INTRO))
    if not names:
        return intro + html.note(ApiCode.NO_SHARED)
    name = model if model in names else names[0]
    words = f"<p>{html.rich(ApiCode.ENDPOINTS, limit=MAX_PHOTOS)}</p>{html.quiet(html.text(ApiCode.MODEL, name=name))}"
    examples = ((ApiCode.PYTHON, python), (ApiCode.JAVASCRIPT, javascript), (ApiCode.CURL, curl))
    shown = "".join(_example(title, write(name)) for title, write in examples)
    return f"{intro}{words}{shown}{_agents(home)}"


def _agents(home: Home) -> str:
    if not home.agents:
        return f'<h3 class="pc-h">{html.text(ApiCode.AGENTS)}</h3>{html.quiet(html.rich(ApiCode.AGENTS_OFF))}'
    return _example(ApiCode.AGENTS, _AGENTS, html.quiet(html.text(ApiCode.AGENTS_ON)))


def python(model: str) -> str:
    """Return the example in Python; the name of the model, which a person chose, is a literal of the language."""
    return _PYTHON.replace("MODEL", repr(model))


def javascript(model: str) -> str:
    """Return the example in JavaScript."""
    return _JAVASCRIPT.replace("MODEL", json.dumps(model))


def curl(model: str) -> str:
    """Return the example for the command line: JSON between single quotes."""
    return _CURL.replace("MODEL", json.dumps(model).replace("'", "\\u0027"))


def _example(title: Code, code: str, below: str = "") -> str:
    shown = html.escape_html(code).replace(_ADDRESS, "<span data-address></span>")
    return (
        f'<section class="pc-example"><h3 class="pc-h">{html.text(title)}</h3>{below}<pre tabindex="0"><code>{shown}'
        f'</code></pre><button type="button" class="pc-button pc-copy">{html.text(ApiCode.COPY)}</button></section>'
    )


def build(home: Home, token: gr.BrowserState, model: gr.HTML) -> None:
    """Create the panel, which follows the list of models."""
    with gr.Accordion(str(ApiCode.TITLE), open=False, elem_id="share-api"):
        examples = scripted_html("${value}", _SCRIPT, "share-api-examples", ApiScript)
    Action(plain(show, home), [model], [examples]).on(model.change)
