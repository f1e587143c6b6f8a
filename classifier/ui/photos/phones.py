"""The panel of the Photos tab that lets phones add photos to one class: a code and a link, and what came by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import segno
from gradio.context import Context

from ...data.adding import IntakeResult
from ...errors import DataError
from ...messages.bringing import PhoneCode
from ...messages.photos_page import ReadingCode
from .. import html, phone_links
from ..components import scripted_html
from ..handlers import QUIET, Action, event_data, plain
from ..phone_links import Add, PhoneLink
from ..queue import WATCH
from ..sessions import Home, check_capacity, is_token

_PRESS_SCRIPT = Path(__file__).parent / "press.js"
_INTERVAL = 2.0  # seconds between two looks whether photos came
_LONGEST_CLASS = 80  # letters


class Seen(NamedTuple):
    """What the panel shows of a link: the photos that came, and the minutes that are left."""

    photos: int = 0
    minutes: int = 0


class View(NamedTuple):
    """What the panel shows, in the order of its outputs."""

    panel: Any
    timer: Any
    seen: Any
    arrived: Any


class PhonePanel(NamedTuple):
    """A number that changes whenever photos came, and how to draw the panel."""

    arrived: gr.State
    refresh: Sequence[Action]


def show(home: Home, page: gr.Blocks, token: str, request: gr.Request) -> View:
    """Draw the panel of a page as the link of the project is now."""
    link = phone_links.link_of(home.folder(token)) if is_token(token) else None
    try:
        address = _address(page, request)
    except DataError as error:
        phones = html.note(error.message, "warn")
        return View(phones, gr.Timer(active=False), Seen(), gr.skip())
    if link is None:
        return View(_form(), gr.Timer(active=False), Seen(), gr.skip())
    return View(_open(link, address), gr.Timer(active=True), _seen(link), gr.skip())


def press(home: Home, page: gr.Blocks, token: str, event: gr.EventData, request: gr.Request) -> View:
    """Open a link to a class, or end the one that is open."""
    data = event_data(event)
    folder = home.folder(token)
    if data.get("do") != "open":
        phone_links.end_links(folder)
        ended = f'<div tabindex="-1" data-focus>{html.note(PhoneCode.ENDED)}</div>'
        return View(ended + _form(), gr.Timer(active=False), Seen(), gr.skip())
    label = " ".join(str(data.get("text", ""))[:_LONGEST_CLASS].split())
    if not label:
        raise DataError(ReadingCode.EMPTY_CLASS)
    address = _address(page, request)
    limits = home.limits.upload
    most_bytes = min(limits.bytes_per_file, limits.bytes_unpacked)
    link = phone_links.open_link(PhoneLink(folder, label, _adder(home, token, label), most_bytes))
    return View(_open(link, address, "data-focus"), gr.Timer(active=True), _seen(link), gr.skip())


def watch(home: Home, page: gr.Blocks, token: str, seen: Seen, request: gr.Request) -> View:
    """Draw what came since, if anything did."""
    link = phone_links.link_of(home.folder(token)) if is_token(token) else None
    if link is None:
        return show(home, page, token, request)._replace(panel=html.note(PhoneCode.ENDED) + _form())
    now = _seen(link)
    if now == seen:
        return View(*[gr.skip()] * 4)
    arrived = gr.skip() if now.photos == seen.photos else now.photos
    return View(_open(link, _address(page, request)), gr.skip(), now, arrived)


def build(home: Home, token: gr.BrowserState) -> PhonePanel:
    """Create the components of the panel and connect its own events."""
    gr.HTML(html.quiet(html.text(PhoneCode.ABOUT)))
    page = Context.root_block
    assert page is not None
    panel = scripted_html("${value}", _PRESS_SCRIPT, "photos-phones")
    timer, seen, arrived = gr.Timer(_INTERVAL, active=False), gr.State(Seen()), gr.State(0)
    view = [panel, timer, seen, arrived]
    panel.submit(plain(press, home, page), [token], view, **QUIET)
    Action(plain(watch, home, page), [token, seen], view, WATCH).on(timer.tick)
    return PhonePanel(arrived, [Action(plain(show, home, page), [token], view)])


def _adder(home: Home, token: str, label: str) -> Add:
    def add(name: str, path: Path) -> IntakeResult:
        home.check_room()
        with home.open(token) as project:
            check_capacity(project, 1)
            return project.add_files([(name, path)], label)

    return add


def _address(page: gr.Blocks, request: gr.Request) -> str:
    """Return the address of the page for phones; raises ``DataError`` where they cannot reach it."""
    headers = request.headers
    opened = headers.get("referer") or headers.get("origin") or f"http://{headers.get('host', '')}"
    return phone_links.find_address(opened, page.server_name, page.share_url, phone_links.network_address())


def _seen(link: PhoneLink) -> Seen:
    return Seen(link.photos, link.minutes_left)


def _form() -> str:
    return (
        f'<div class="pc-ask"><label>{html.text(PhoneCode.CLASS)}<input type="text" list="pc-classes" '
        f'maxlength="{_LONGEST_CLASS}" placeholder="{html.text(PhoneCode.CLASS_EXAMPLE)}" autocomplete="off"></label>'
        f'<button type="button" class="pc-button pc-main" data-do="open">{html.text(PhoneCode.START)}</button></div>'
    )


def _open(link: PhoneLink, place: str, more: str = "") -> str:
    """Return the code and the link, with the number of photos that came; ``more`` are attributes of its heading."""
    address = f"{place}phone/{link.token}"
    code = segno.make_qr(address, error="m").svg_inline(omitsize=True, border=3)
    shown = html.escape(address)
    return (
        f'<div class="pc-phones"><h2 class="pc-h" tabindex="-1" {more}>{html.text(PhoneCode.OPEN, label=link.label)}'
        f'</h2><p>{html.text(PhoneCode.SCAN)}</p><div class="pc-code" role="img" '
        f'aria-label="{html.text(PhoneCode.CODE)}">{code}</div>'
        f'<p><a class="pc-address" href="{shown}" target="_blank" rel="noopener">{shown}</a></p>'
        f'<p class="pc-status" aria-live="polite">{html.text(PhoneCode.ARRIVED, count=link.photos)}</p>'
        f"{html.quiet(html.text(PhoneCode.ENDS, minutes=link.minutes_left))}"
        f"{html.quiet(html.text(PhoneCode.SAME_NETWORK))}"
        f'<button type="button" class="pc-button" data-do="end">{html.text(PhoneCode.END)}</button></div>'
    )
