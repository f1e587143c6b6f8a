"""Event handlers of the page: errors become messages, values come by name, and what a tab is to the others."""

from __future__ import annotations

import html
import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Protocol

import gradio as gr
from gradio.events import Dependency

from ..errors import ClassifierError
from ..messages.page import PageCode
from .queue import DEVICE, FREE, Concurrency, going_first

log = logging.getLogger(__name__)

Handler = Callable[..., Any]
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class Action:
    """A handler with the components it reads and those it writes."""

    handler: Handler
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    concurrency: Concurrency = field(default_factory=lambda: FREE)

    def on(self, event: Callable[..., Dependency], **settings: Any) -> Dependency:
        """Run the handler at an event, such as ``button.click`` or ``earlier.then``."""
        handler = going_first(self.handler) if self.concurrency is DEVICE else self.handler
        return event(handler, list(self.inputs), list(self.outputs), **{**QUIET, **self.concurrency, **settings})

    def after(self, event: Dependency, **settings: Any) -> None:
        """Run the handler when an event is over, also if it failed: ``then`` alone is skipped after an error."""
        self.on(event.then, **settings)
        self.on(event.failure, **settings)


class Tab(Protocol):
    """What ``build`` of every tab returns; what else other tabs need is an attribute of the tab's own class."""

    @property
    def refresh(self) -> Sequence[Action]:
        """Redraw the tab as the project is now: when it is opened, and when another tab changed something."""


def run_all(event: Dependency, actions: Sequence[Action]) -> Dependency:
    """Run actions one after another when an event is over; return the last one's event."""
    for action in actions:
        event = action.on(event.then)
    return event


def plain(handler: Handler, *first: Any, names: Sequence[str] = ()) -> Handler:
    """Bind the first arguments of a handler and turn its errors into messages of the page.

    Gradio inspects signatures and annotations, so the result has those of the remaining parameters.

    Args:
        handler: function or generator function.
        first: values of its first parameters.
        names: names of the last ``len(names)`` inputs; the handler takes these as one dict, its last parameter.
    """
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def call(*args: Any) -> Any:
            with _errors_as_messages():
                yield from handler(*first, *_collect(args, names))
    else:

        @wraps(handler)
        def call(*args: Any) -> Any:
            with _errors_as_messages():
                return handler(*first, *_collect(args, names))

    signature = inspect.signature(handler)
    rest = list(signature.parameters.values())[len(first) :]
    if names:
        rest[-1] = inspect.Parameter(rest[-1].name, inspect.Parameter.VAR_POSITIONAL)
    call.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    return call


def _collect(args: tuple[Any, ...], names: Sequence[str]) -> tuple[Any, ...]:
    if not names:
        return args
    return (*args[: -len(names)], dict(zip(names, args[-len(names) :], strict=True)))


def event_data(event: gr.EventData) -> dict[str, Any]:
    """Return what a script of the page sent with an event; it may hold anything."""
    return event._data if isinstance(event._data, dict) else {}


@contextmanager
def _errors_as_messages() -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except ClassifierError as error:
        # Gradio renders messages as HTML, and a class or file may be called “<b>x</b>”.
        sentence = html.escape(str(error), quote=False)
        raise gr.Error(sentence, title=str(PageCode.ERROR), print_exception=False) from error
    except Exception as error:
        log.exception("A bug, not a mistake of the visitor")
        raise gr.Error(str(PageCode.BUG), title=str(PageCode.BUG_TITLE), print_exception=False) from error
