"""Event handlers of the page: errors become messages, values come by name, and what a tab is to the others."""

from __future__ import annotations

import html
import inspect
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from threading import Lock
from typing import Any, Protocol

import gradio as gr
from gradio.blocks import BlockContext
from gradio.context import LocalContext
from gradio.events import Dependency

from ..errors import ClassifierError
from ..messages.languages import speaking
from ..messages.page import PageCode
from . import languages
from .failures import explain
from .foreground import going_first
from .queue import DEVICE, FREE, PREDICT, Concurrency

log = logging.getLogger(__name__)

Handler = Callable[..., Any]
Keep = Callable[[Any], Any]  # an answer -> what of it no newer one has sent
# Without a list of its own Gradio keeps a state for every output of an event, hidden or not, and at each message of the
# server gives all components theirs again, which takes the browser longer than what the event is for.
QUIET: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": (), "api_visibility": "private"}
_MOST_PAGES = 10_000  # open pages whose newest answers are known
_later: ContextVar[list[Keep] | None] = ContextVar("later", default=None)  # see ``_asked_later``
# What Gradio neither checks nor changes on its way to a handler or back.
_UNCHANGED = (gr.HTML, gr.State, gr.BrowserState, gr.Button, gr.Timer, BlockContext)
WITH_SIGN: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": None}  # on the outputs, while it runs


@dataclass(frozen=True)
class Action:
    """A handler with the components it reads and those it writes."""

    handler: Handler
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    concurrency: Concurrency = field(default_factory=lambda: FREE)

    def on(self, event: Callable[..., Dependency], **settings: Any) -> Dependency:
        """Run the handler at an event, such as ``button.click`` or ``earlier.then``.

        Gradio processes each value in a thread of its own, and each change of threads takes its time during a training:
        that is left out where it would change nothing.
        """
        handler = going_first(self.handler) if self.concurrency in (DEVICE, PREDICT) else self.handler
        processed = {"preprocess": _are_processed(self.inputs), "postprocess": _are_processed(self.outputs)}
        settings = {**QUIET, **_at_last(event), **processed, **self.concurrency, **settings}
        return event(handler, list(self.inputs), list(self.outputs), **settings)

    def after(self, event: Dependency, **settings: Any) -> None:
        """Run the handler when an event is over, also if it failed: ``then`` alone is skipped after an error."""
        self.on(event.then, **settings)
        self.on(event.failure, **settings)


def _at_last(event: Callable[..., Dependency]) -> dict[str, Any]:
    """Return the setting by which an event runs once more where it came while it ran, if that is what it is for.

    Gradio ignores the second one. What follows another event would show the state before that, and of values that are
    entered one after the other the last one would not count.
    """
    follows = isinstance(event, partial) and event.func is not gr.on  # such as ``earlier.then``
    return {"trigger_mode": "always_last"} if follows or getattr(event, "event_name", "") == "input" else {}


def _are_processed(blocks: Sequence[Any]) -> bool:
    return not all(isinstance(block, _UNCHANGED) for block in blocks)


def at_opening(action: Action) -> Action:
    """Return an action for a page that was just built: it sends nothing that is there, or hidden, from the beginning.

    Gradio's page looks through all of its components for each that is hidden again.
    """

    @wraps(action.handler)
    def run(*values: Any) -> Any:
        result = action.handler(*values)
        if len(action.outputs) == 1:
            return _unless_so(action.outputs[0], result)
        if not isinstance(result, tuple):  # one skip for all outputs
            return result
        return tuple(map(_unless_so, action.outputs, result))

    return replace(action, handler=run)


def _unless_so(block: Any, result: Any) -> Any:
    """Return what an event wants of a component, nothing where it was built so."""
    is_hidden = isinstance(result, dict) and result == gr.update(visible=False) and block.visible is False
    is_same = isinstance(block, gr.HTML) and isinstance(result, str) and result == block.value
    return gr.skip() if is_hidden or is_same else result


class Tab(Protocol):
    """What ``build`` of every tab returns; what else other tabs need is an attribute of the tab's own class."""

    @property
    def refresh(self) -> Sequence[Action]:
        """Redraw the tab as the project is now: when it is opened, and when another tab changed something."""


def run_all(event: Callable[..., Dependency], actions: Sequence[Action]) -> Dependency:
    """Run actions in turn at an event, such as ``tab.select`` or ``earlier.then``; return the last one's event.

    The browser asks once for neighbors that read nothing of one another, as each request takes its time.
    """
    (first, *others), groups = actions, []
    group = [first]
    for action in others:
        if _can_join(group, action):
            group.append(action)
        else:
            groups.append(group)
            group = [action]
    for one in groups:
        event = _join(one).on(event).then
    return _join(group).on(event)


def _can_join(group: Sequence[Action], action: Action) -> bool:
    """Return whether an action can run in one event with those before it."""
    written = {block._id for one in group for block in one.outputs}
    return (
        written.isdisjoint(block._id for block in (*action.inputs, *action.outputs))
        and all(one.concurrency == action.concurrency for one in group)
        and all(_takes_inputs_only(one) for one in (*group, action))
    )


def _takes_inputs_only(action: Action) -> bool:
    """Return whether a handler returns once and takes one value for each input, and nothing else of Gradio's."""
    try:
        inspect.signature(action.handler).bind(*action.inputs)
    except TypeError:
        return False
    return not inspect.isgeneratorfunction(action.handler)


def _join(actions: Sequence[Action]) -> Action:
    """Make one action of several. Where one of them fails, its outputs stay and its message is shown as a warning."""
    if len(actions) == 1:
        return actions[0]
    inputs = {block._id: block for action in actions for block in action.inputs}

    def run(*values: Any) -> Any:
        given = dict(zip(inputs, values, strict=True))
        results: list[tuple[Any, list[Keep]]] = []
        errors: list[gr.Error] = []
        for action in actions:
            with _asked_later() as keep:
                try:
                    result = action.handler(*(given[block._id] for block in action.inputs))
                except gr.Error as error:
                    errors.append(error)
                    result = gr.skip()
            results.append((result, keep))
        if len(errors) == len(actions):
            raise errors[0]
        for message, title in dict.fromkeys((error.message, error.title) for error in errors):
            gr.Warning(message, title=title)
        return [one for action, result in zip(actions, results) for one in _outputs(action, *result)]

    run.__name__ = "_and_".join(dict.fromkeys(getattr(action.handler, "__name__", "run") for action in actions))
    outputs = [block for action in actions for block in action.outputs]
    return Action(run, list(inputs.values()), outputs, actions[0].concurrency)


def _outputs(action: Action, result: Any, keep: Iterable[Keep]) -> Sequence[Any]:
    """Return what a member of a joined event sends to each of its outputs, now that the others have answered, too."""
    for newest in keep:
        result = newest(result)
    is_several = isinstance(result, tuple) and len(action.outputs) != 1
    return result if is_several else [result] * len(action.outputs)


def plain(handler: Handler, *first: Any, names: Sequence[str] = ()) -> Handler:
    """Bind the first arguments of a handler, turn its errors into messages, and tell all in the visitor's language.

    Gradio inspects signatures and annotations, so the result has those of the remaining parameters.

    Args:
        handler: function or generator function.
        first: values of its first parameters.
        names: names of the last ``len(names)`` inputs; the handler takes these as one dict, its last parameter.
    """
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def call(*args: Any) -> Any:
            language = languages.of_event()
            with closing(handler(*first, *_collect(args, names))) as results:
                while True:
                    # Gradio takes each result in a context of its own.
                    with speaking(language), _errors_as_messages():
                        try:
                            result = next(results)
                        except StopIteration:
                            return
                    yield result
    else:

        @wraps(handler)
        def call(*args: Any) -> Any:
            with speaking(languages.of_event()), _errors_as_messages():
                return handler(*first, *_collect(args, names))

    signature = inspect.signature(handler)
    rest = list(signature.parameters.values())[len(first) :]
    if names:
        rest[-1] = inspect.Parameter(rest[-1].name, inspect.Parameter.VAR_POSITIONAL)
    call.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    return call


class Order:
    """The order of the answers of handlers that write the same outputs: of each page and output the newest counts."""

    def __init__(self) -> None:
        self._numbers, self._lock = itertools.count(), Lock()
        self._answered = OrderedDict[str, dict[int, int]]()

    def begin(self) -> Keep:
        """Return what keeps the newest of an answer that begins now: what newer ones have sent already is skipped."""
        page = getattr(LocalContext.request.get(None), "session_hash", None)
        return partial(self._newest, page, next(self._numbers))

    def _newest(self, page: str | None, number: int, result: Any) -> Any:
        if page is None:  # outside of events
            return result
        with self._lock:
            answered = self._answered.setdefault(page, {})
            self._answered.move_to_end(page)
            while len(self._answered) > _MOST_PAGES:
                self._answered.popitem(last=False)
            if not isinstance(result, tuple):
                return _unless_newer(answered, number, 0, result)
            return tuple(_unless_newer(answered, number, place, one) for place, one in enumerate(result))


def _unless_newer(answered: dict[int, int], number: int, place: int, result: Any) -> Any:
    if isinstance(result, dict) and result == gr.skip():
        return result
    if number < answered.get(place, 0):
        return gr.skip()
    answered[place] = number
    return result


def in_order(handler: Handler, order: Order | None = None, acts: bool = False) -> Handler:
    """Return a handler that draws what is there, whose late answers do not replace newer ones.

    The same drawing is asked for by several events, which run at the same time. Where one that began later on the same
    page has answered first, an answer is left out: it is of choices, or of a state of the project, of before.

    Args:
        handler: what draws, and returns once.
        order: that of all handlers that write the same outputs, in the same order; by default the handler's own.
        acts: whether the handler changes what it draws first: nothing that began before that is newer.
    """
    order = order or Order()

    @wraps(handler)
    def draw(*values: Any) -> Any:
        later, began = _later.get(), order.begin()
        result = handler(*values)
        keep = order.begin() if acts else began
        if later is None:
            return keep(result)
        later.append(keep)
        return result

    return draw


@contextmanager
def _asked_later() -> Iterator[list[Keep]]:
    """Give what is to be asked of ``in_order`` handlers when an answer is sent: that of a joined event waits for all.

    What others have sent meanwhile is newer.
    """
    keep: list[Keep] = []
    token = _later.set(keep)
    try:
        yield keep
    finally:
        _later.reset(token)


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
        code = explain(error, log)
        title = PageCode.BUG_TITLE if code is PageCode.BUG else PageCode.ERROR
        raise gr.Error(str(code), title=str(title), print_exception=False) from error
