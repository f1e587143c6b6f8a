"""Components that several tabs use: a list of choices, HTML with a script of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import gradio as gr

from ..messages import Code
from ..messages.languages import spoken
from ..messages.page import FrameScript
from . import html

_HERE = Path(__file__).parent
CAMERA_SCRIPT = _HERE / "camera.js"  # ``openCamera`` and ``closeCamera`` of scripts that use it


def dropdown(label: Code, elem_id: str, value: str = "") -> gr.HTML:
    """Create a list to choose from, which takes ``gr.update(choices=…, value=…)``; handlers check the value themselves.

    A handler that only draws the list again leaves its value alone, so that it takes nothing back that was chosen
    meanwhile.

    The browser's own list: Gradio's opens when the keyboard reaches it, and neither Esc nor a click elsewhere closes
    it. Its check refuses what is not among the choices it keeps for this page, in words of its own: after a restart of
    the server, and right after a class was renamed.
    """
    words = html.text(label)
    return gr.HTML(
        value=value,
        html_template=f'<label class="pc-choose"><span>{words}</span><select aria-label="{words}"></select></label>',
        js_on_load=load_script(_HERE / "choose.js"),
        elem_id=elem_id,
        apply_default_css=False,
        choices=[],
    )


def frame() -> gr.HTML:
    """Create what has no look: the script for headings of pop-ups, words that are read out, and the focus."""
    return scripted_html("", _HERE / "frame.js", "frame", FrameScript)


def scripted_html(
    template: str, script: Path, elem_id: str, words: Iterable[Code] = (), uses: Sequence[Path] = ()
) -> gr.HTML:
    """Create HTML with a script.

    A function and no subclass: Gradio writes a file beside the source of every subclass of a component.

    Args:
        template: HTML in which ``${value}`` is the component's value, and other ``{``, ``}`` must not occur.
        script: JavaScript file, run once when the component is mounted.
        elem_id: id of the element.
        words: sentences of the script, which it gets by ``say(code, arguments)``.
        uses: scripts before it, whose functions it calls.
    """
    return gr.HTML(
        value="",
        html_template=template,
        js_on_load=load_script(script, words, uses),
        elem_id=elem_id,
        apply_default_css=False,
    )


def load_script(path: Path, words: Iterable[Code] = (), uses: Sequence[Path] = ()) -> str:
    """Return a script with its sentences, the function ``say`` and the scripts that it uses before it."""
    code = "\n".join(one.read_text("utf-8") for one in (*uses, path))
    by_code = {word.id: str(word) for word in words}
    if not by_code:
        return code
    sentences = json.dumps(by_code, ensure_ascii=False)
    rules = json.dumps({"language": spoken().tag, "categories": spoken().plural_categories})
    say = (_HERE / "say.js").read_text("utf-8")
    return f"const sentences = {sentences};\nconst rules = {rules};\n{say}\n{code}"
