"""The page in the language of who opens it: which one that is, the same page once per language, and its head.

A visitor's language is that of the switch in the header, which keeps it in a cookie; else the first one that the
browser asks for and that there is; else English.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.context import LocalContext

from ..messages import Code, languages
from ..messages.page import PageCode
from . import html
from .components import scripted_html

if TYPE_CHECKING:
    from .sessions import Home

COOKIE = "language"
_SCRIPT = Path(__file__).parent / "language.js"
_MOST_TRIES = 5
_building = threading.Lock()


def of_headers(headers: Mapping[str, str]) -> str:
    """Return the language of who sends a request with these headers, whose names are in small letters."""
    try:
        chosen = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        chosen = None
    return languages.best_of(chosen.value if chosen else "", headers.get("accept-language", ""))


def of_event() -> str:
    """Return the language of who caused the event that is handled now; English outside of events."""
    request = LocalContext.request.get(None)
    return languages.ENGLISH if request is None else of_headers(request.headers)


class Page(gr.Blocks):
    """Blocks whose texts are in the language of the context in which they are served.

    The page is built again when it is first asked for in another language, and only the texts of that copy are kept:
    components and events are those of the first page, so that all languages share handlers and sessions.

    ``home`` is what the page is served over.
    """

    home: Home

    def __init__(self, fill: Callable[[gr.Blocks], None], **settings: Any) -> None:
        self._fill, self._settings = fill, settings
        self._texts: dict[str, dict[str, Any]] = {}
        with languages.speaking(languages.ENGLISH):
            super().__init__(title=str(PageCode.TITLE), **settings)
            with self:
                fill(self)

    @property
    def config(self) -> Any:
        """What a browser gets: components and events."""
        tag = languages.spoken().tag
        return self._config if tag == languages.ENGLISH else {**self._config, **self._translated(tag)}

    @config.setter
    def config(self, config: Any) -> None:
        self._config = config

    def _translated(self, tag: str) -> dict[str, Any]:
        """Return the title and the components in a language; nothing where the page cannot be built again."""
        with _building:
            for _ in range(0 if tag in self._texts else _MOST_TRIES):
                with gr.Blocks(title=str(PageCode.TITLE), **self._settings) as copy:
                    self._fill(copy)
                if _kinds(copy.config) == _kinds(self._config):
                    both = zip(self._config["components"], copy.config["components"])
                    components = [{**own, "props": other["props"]} for own, other in both]
                    self._texts[tag] = {"title": copy.config["title"], "components": components}
                    break
        return self._texts.get(tag, {})


def _kinds(config: Any) -> list[tuple[Any, Any]]:
    """Return what must be the same in two copies of a page.

    A component that a handler makes for its answer meanwhile becomes part of the page that is being built, as Gradio
    knows one such page for all threads; then it is built once more.
    """
    return [(one["type"], one["props"].get("elem_id")) for one in config["components"]]


def header(title: Code, about: Code) -> gr.HTML:
    """Create the head of the page, with the list of languages, each by its own name."""
    chosen, tags = languages.spoken().tag, languages.available()
    options = "".join(
        f'<option value="{tag}" lang="{tag}"{" selected" if tag == chosen else ""}>'
        f"{html.escape(languages.find(tag).name)}</option>"
        for tag in tags
    )
    switch = f'<select class="pc-language" aria-label="{html.text(PageCode.LANGUAGE)}">{options}</select>'
    return scripted_html(
        f'<header class="pc-header"><h1>{html.text(title)}</h1>{switch}<p>{html.text(about)}</p></header>',
        _SCRIPT,
        "header",
    )
