"""Sentences of the Share tab about calls from other programs."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class ApiCode(Code):
    """The panel on the endpoints for programs."""

    TITLE = "Ask it from other programs"
    INTRO = (
        "While this page runs, other programs can send it photos and get answers. They can use the models offered to "
        "everybody, never your own: whoever runs this page puts a model into its folder of models for that."
    )
    NO_SHARED = "No model is offered to everybody here yet, so programs would get no answer."
    MODEL = "The examples use the model “{name}”."
    ENDPOINTS = (
        "There are three: <code>/predict</code> for one photo, <code>/predict_many</code> for up to {limit} at once, "
        "<code>/models</code> for the list of models. An answer has the likeliest classes (<code>top</code>), the "
        "class to go by (<code>answer</code>), and whether it is <code>unsure</code>."
    )
    PYTHON = "Python"
    JAVASCRIPT = "JavaScript (Node)"
    CURL = "Command line (curl)"
    AGENTS = "Agents (Model Context Protocol)"
    AGENTS_ON = "Give this address to a program with an assistant; it gets the same three calls as tools."
    AGENTS_OFF = (
        "Assistants can use it as a tool where the program is started with <code>GRADIO_MCP_SERVER=True</code> and the "
        'package from <code>pip install "gradio[mcp]"</code>.'
    )
    COPY = "Copy"


@unique
class ApiScript(Code):
    """The words of ``api.js``."""

    COPIED = "Copied"
