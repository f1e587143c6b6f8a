"""Every handler of the page passes through ``plain``: the one place where an error becomes a message."""

from __future__ import annotations

import html
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypedDict

import gradio as gr

from ..errors import ClassifierError

log = logging.getLogger(__name__)


SORRY = "Something went wrong here, and it is not your fault. Reload the page and try again; your photos are safe."


class Turn(TypedDict):
    """Settings of an event that uses the device."""

    concurrency_id: str
    concurrency_limit: int


# Predictions come one after another: side by side they would slow each other down many times over.
DEVICE = Turn(concurrency_id="device", concurrency_limit=1)
# Taking in photos and redrawing the page may run side by side for several visitors.
FREE = Turn(concurrency_id="page", concurrency_limit=8)
# Looking how far a training is takes no time, and must not wait for a large upload.
WATCH = Turn(concurrency_id="watch", concurrency_limit=16)


def plain(handler: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """The handler with its first arguments given and its errors in plain words.

    Gradio looks at a handler's signature and annotations, so the result has those of the rest.
    """
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def call(*args: Any) -> Any:
            with _told():
                yield from handler(*first, *args)
    else:

        @wraps(handler)
        def call(*args: Any) -> Any:
            with _told():
                return handler(*first, *args)

    signature = inspect.signature(handler)
    rest = list(signature.parameters.values())[len(first) :]
    call.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    return call


def afterwards(event: Any, handler: Callable[..., Any], inputs: Any, outputs: Any, **settings: Any) -> None:
    """Runs a handler when an event is over, also if it failed: Gradio's ``then`` alone is skipped after an error."""
    event.then(handler, inputs, outputs, **settings)
    event.failure(handler, inputs, outputs, **settings)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except ClassifierError as error:
        # The page shows messages as HTML, and a class or file may be called “<b>x</b>”.
        sentence = html.escape(str(error), quote=False)
        raise gr.Error(sentence, title="That did not work", print_exception=False) from error
    except Exception as error:
        log.exception("A bug, not a mistake of the visitor")
        raise gr.Error(
            SORRY,
            title="Sorry",
            print_exception=False,
        ) from error
