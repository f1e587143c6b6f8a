"""What browsers send for an event, checked before Gradio looks at it.

Gradio opens, copies and hands on whatever file a value names, also where the value lacks the mark that it checks, and
fetches addresses; values of a wrong type end in tracebacks. So each body is read here once and made anew from what
was understood.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradio.blocks import BlockFunction
from gradio.components import HTML, BrowserState, Checkbox, Component, Image, Number, Radio, Slider, Textbox
from gradio.routes import App
from gradio.utils import get_upload_folder

from ..messages import Code, sentence
from ..messages.server import RequestCode
from .uploads import uploaded_file

JSON_BYTES = 2**20
BODY_BYTES = 8 * JSON_BYTES  # with the pictures of an agent
LIST_BYTES = 40 * JSON_BYTES  # with the names of the files of a large folder
_MOST_VALUES, _MOST_LISTED = 100_000, 400_000  # three values for each of 100,000 files
_MOST_SEPARATORS = 2_000_000  # also within names; before it is known how many values there are
_DEEPEST = 20
_MOST_FILES = 100  # of one value
_LARGEST = 1e15  # whole numbers up to here are the same in JavaScript
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARK = {"_type": "gradio.FileData"}  # what Gradio checks files by
_UPLOAD = re.compile(r"[0-9a-f]{64}")


class RequestError(Exception):
    """A request that is not answered; ``str(error)`` is the sentence for whoever sent it."""

    def __init__(self, status: int, code: Code, **arguments: Any) -> None:
        super().__init__(sentence(code, **arguments))
        self.status, self.code = status, code


@dataclass(frozen=True)
class Body:
    """A checked body: what Gradio gets, and the names in it that belong to one browser."""

    content: bytes
    names: tuple[str, ...]


def read_event(app: App, content: bytes, api_name: str | None, direct: bool) -> Body:
    """Check the body of a call of an event and return it as Gradio shall see it.

    Args:
        app: Gradio's app.
        content: the body as sent.
        api_name: name of the event in the address, or None.
        direct: whether the event is run at once, which only those may that wait for nothing.

    Raises:
        RequestError: for anything but a call that the page itself could make.
    """
    sent = _read_json(content)
    if len(content) > JSON_BYTES and not _lists_files(sent):
        raise RequestError(413, RequestCode.JSON_TOO_LARGE, limit=JSON_BYTES)
    session = _name(sent.get("session_hash"))
    # A program calls by name, and only what is offered to programs; the page by number.
    fn = _find_event(app, None if api_name is not None and not direct else sent.get("fn_index"), api_name)
    if direct and fn.queue:
        raise RequestError(404, RequestCode.NOT_HERE)
    checked = {
        "data": _check_values(_blocks(app, fn, session), sent.get("data")),
        "event_data": sent.get("event_data"),
        "fn_index": fn._id,
        "session_hash": session,
        "trigger_id": _whole(sent.get("trigger_id")),
    }
    names = [f"session:{session}"] if session else []
    names += [f"upload:{path.parent.name}" for path in _uploads(checked)]
    return Body(json.dumps(checked).encode(), tuple(names))


def read_agent_call(content: bytes) -> Body:
    """Check the body of a request of an agent, by the Model Context Protocol; raises ``RequestError`` for others.

    What it names as a file becomes a call of an endpoint, whose body is checked like any other.
    """
    _read_json(content)
    return Body(content, ())


def read_cancel(content: bytes) -> Body:
    """Check the body of a request that ends an event; raises ``RequestError`` for any other."""
    sent = _read_json(content)
    session, event, number = _name(sent.get("session_hash")), _name(sent.get("event_id")), _whole(sent.get("fn_index"))
    if session is None or event is None or number is None:
        raise RequestError(422, RequestCode.NOT_UNDERSTOOD)
    content = json.dumps({"session_hash": session, "event_id": event, "fn_index": number}).encode()
    return Body(content, (f"session:{session}", f"event:{event}"))


def _read_json(content: bytes) -> dict[str, Any]:
    try:
        if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_SEPARATORS:
            raise ValueError("too many")
        sent = json.loads(content.decode("utf-8"))
        _check_numbers(sent, _MOST_LISTED if _lists_files(sent) else _MOST_VALUES)
        json.dumps(sent, ensure_ascii=False).encode("utf-8")  # half of a letter cannot be written anywhere
    except (ValueError, RecursionError) as error:
        raise RequestError(400, RequestCode.NO_JSON) from error
    if not isinstance(sent, dict):
        raise RequestError(422, RequestCode.NOT_UNDERSTOOD)
    return sent


def _lists_files(sent: object) -> bool:
    """Return whether a script of the page sent a list of files."""
    event_data = sent.get("event_data") if isinstance(sent, dict) else None
    return isinstance(event_data, dict) and isinstance(event_data.get("files"), list)


def _check_numbers(sent: object, most: int) -> None:
    """Raise ``ValueError`` for numbers that are none or too large, more than so many values, or too deep ones."""
    level, count = [sent], 0
    for _ in range(_DEEPEST):
        count += len(level)
        if count > most:
            raise ValueError("too many")
        for value in level:
            if isinstance(value, (int, float)) and not abs(value) <= _LARGEST:  # NaN, too
                raise ValueError("no number")
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise ValueError("too deep")


def _inside(value: object) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _name(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and _SESSION.fullmatch(value)):
        raise RequestError(422, RequestCode.NOT_UNDERSTOOD)
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise RequestError(422, RequestCode.NOT_UNDERSTOOD)
    return value


def _find_event(app: App, number: object, api_name: str | None) -> BlockFunction:
    """Return the event of a call: by its number, or by its name where it is one of those offered to programs."""
    events = app.get_blocks().fns
    index = _whole(number)
    if index is not None and index in events:
        return events[index]
    for event in events.values():
        if index is None and event.api_name == api_name and event.api_visibility == "public":
            return event
    raise RequestError(404, RequestCode.NO_EVENT)


def _blocks(app: App, fn: BlockFunction, session: str | None) -> list[Component]:
    """Return the components that an event reads, as this session has them: with its own choices in lists."""
    held = app.state_holder.session_data.get(session) if session else None
    known: Mapping[int, Any] = held.blocks_config.blocks if held else {}
    return [known.get(block._id, block) for block in fn.inputs]


def _check_values(blocks: Sequence[Component], values: object) -> list[Any]:
    if not isinstance(values, list) or len(values) != len(blocks):
        raise RequestError(422, RequestCode.NOT_UNDERSTOOD)
    return [_check_value(block, value) for block, value in zip(blocks, values, strict=True)]


def _check_value(block: Component, value: Any) -> Any:
    """Return a value as the component shall get it; raises ``RequestError`` for one that it cannot have."""
    if block.stateful:
        return None  # the server keeps states itself
    if value is not None and getattr(block, "data_model", None) is not None:
        takes_several = getattr(block, "file_count", "single") != "single"
        return _check_files(block, value) if takes_several else _check_file(block, value)
    fits = value is None or next((check(block, value) for kind, check in _KINDS if isinstance(block, kind)), True)
    if fits:
        try:
            block.preprocess(value)
            return value
        except Exception as error:  # of any kind: Gradio would raise it, too, and print it
            raise RequestError(422, RequestCode.NO_VALUE) from error
    raise RequestError(422, RequestCode.NO_VALUE)


def _is_text(block: Component, value: Any) -> bool:
    return isinstance(value, str)


def _is_number(block: Component, value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_choice(block: Component, value: Any) -> bool:
    """Whether a value is a text, which handlers check, or one of the choices, which may be numbers."""
    return isinstance(value, str) or value in [choice for _, choice in getattr(block, "choices", ())]


def _is_flag(block: Component, value: Any) -> bool:
    return isinstance(value, bool)


_KINDS: tuple[tuple[Any, Callable[[Component, Any], bool]], ...] = (
    ((BrowserState, HTML, Textbox), _is_text),
    ((Number, Slider), _is_number),
    (Radio, _is_choice),
    (Checkbox, _is_flag),
)


def _check_files(block: Component, values: Any) -> list[dict[str, Any]]:
    """Return the files of a component that takes several."""
    if not isinstance(values, list) or len(values) > _MOST_FILES:
        raise RequestError(422, RequestCode.NO_UPLOAD)
    return [_check_file(block, value) for value in values]


def _check_file(block: Component, value: Any) -> dict[str, Any]:
    """Return a file with nothing in it but the path of an upload."""
    path = uploaded_file(value.get("path")) if isinstance(value, dict) else None
    if path is None:
        raise RequestError(422, RequestCode.NO_UPLOAD)
    checked: dict[str, Any] = {"path": str(path), "meta": _MARK}
    # Pictures are opened by our own code alone: one that it is told to be a drawing Gradio hands on unopened.
    return {**checked, "orig_name": "photo.svg"} if isinstance(block, Image) else checked


def _uploads(checked: object) -> Iterator[Path]:
    """Yield the uploads that a body names; raises ``RequestError`` where it names another file.

    What a script of the page sends may name files that are gone: whoever reads it says so.
    """
    folder = Path(get_upload_folder())
    roots = (folder, folder.resolve())
    level = [checked]
    while level:
        for value in level:
            claim = value.get("path") if isinstance(value, dict) else None
            if claim is not None:
                yield _named_upload(claim, roots)
        level = [inner for value in level for inner in _inside(value)]


def _named_upload(claim: object, roots: tuple[Path, Path]) -> Path:
    """Return the upload at a path in the folder of uploads, which is given as it is called and as it is."""
    path = Path(claim) if isinstance(claim, str) else roots[0]
    is_gone = path.parent.parent in roots and _UPLOAD.fullmatch(path.parent.name)
    found = uploaded_file(claim)
    if found is None and not (is_gone and ".." not in path.parts and not path.exists()):
        raise RequestError(422, RequestCode.NO_UPLOAD)
    return found or path
