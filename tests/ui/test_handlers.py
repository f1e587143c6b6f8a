"""Handlers: errors become messages of the page, and settings reach them by name."""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest
import torch
from gradio.context import LocalContext

from classifier.errors import DataError
from classifier.messages.models import PredictCode
from classifier.messages.page import PageCode
from classifier.messages.try_page import TryCode
from classifier.ui.handlers import Action, Order, at_opening, event_data, in_order, plain, run_all
from tests.ui.jobs import LONG


def test_an_error_on_purpose_becomes_its_sentence_with_names_escaped() -> None:
    def handler(home: str, name: str) -> None:
        raise DataError(TryCode.ADDED, label=name)

    with pytest.raises(gr.Error) as caught:
        plain(handler, "home")("<b>x</b>")
    assert "“&lt;b&gt;x&lt;/b&gt;”" in caught.value.message


def test_a_bug_is_logged_and_the_page_shows_one_calm_sentence(caplog: pytest.LogCaptureFixture) -> None:
    def handler() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("secret detail")

    events = plain(handler)()
    assert next(events) == 1
    with pytest.raises(gr.Error) as caught:
        next(events)
    assert caught.value.message == str(PageCode.BUG)
    assert "secret detail" in caplog.text


def test_memory_that_runs_out_is_told_and_is_no_bug(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(gr.Error) as caught:
        plain(lambda: torch.empty(2**60, dtype=torch.uint8))()
    assert (caught.value.message, caught.value.title) == (str(PredictCode.NO_MEMORY), str(PageCode.ERROR))
    assert caplog.text == ""


def test_the_last_inputs_arrive_as_one_dict_by_name() -> None:
    def handler(home: str, token: str, version: int, values: dict[str, Any]) -> object:
        return home, token, version, values

    def generator(home: str, values: dict[str, Any]) -> Iterator[object]:
        yield home, values

    wrapped = plain(handler, "home", names=("mode", "seed"))
    assert wrapped("token", 3, "quick", 7) == ("home", "token", 3, {"mode": "quick", "seed": 7})
    assert list(plain(generator, "home", names=("seed",))(5)) == [("home", {"seed": 5})]
    inspect.signature(wrapped).bind("token", 3, "quick", 7)  # as Gradio counts the inputs


@pytest.mark.parametrize("data", [None, "x", [1], 5])
def test_what_is_no_dict_from_a_script_counts_as_empty(data: object) -> None:
    assert event_data(gr.EventData(None, data)) == {}


def test_actions_that_need_nothing_of_one_another_run_in_one_event() -> None:
    def refuse(name: str) -> None:
        raise DataError(TryCode.ADDED, label=name)

    with gr.Blocks() as page:
        boxes = [gr.Textbox() for _ in range(5)]
        name, *others, last = boxes
        actions = [
            Action(lambda value: value + "!", [name], others[:1]),
            Action(plain(refuse), [name], others[1:2]),
            Action(lambda: ("a", gr.skip()), [], [others[2], last]),
            Action(lambda value: value * 2, [last], [name]),
        ]
        run_all(page.load, actions)
    first, second = page.fns.values()
    with pytest.warns(UserWarning, match="“x”"):  # outside of an event, where it is shown
        assert first.fn("x") == ["x!", gr.skip(), "a", gr.skip()]
    assert (first.inputs, first.outputs) == ([name], [*others, last])
    assert (second.inputs, second.outputs, second.fn("b")) == ([last], [name], "bb")


def test_a_late_answer_does_not_replace_that_of_a_drawing_that_began_later() -> None:
    began, may_end = threading.Event(), threading.Event()

    def show(shown: str) -> str:
        if shown == "slow":
            began.set()
            assert may_end.wait(LONG)
        return shown

    def choose(shown: str) -> str:
        return f"{shown} chosen"

    order = Order()
    draw, draw_choice = in_order(plain(show), order), in_order(plain(choose), order)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(run_on, "one", draw, "slow")
        assert began.wait(LONG)
        assert run_on("other", draw, "here") == "here"
        assert run_on("one", draw_choice, "newer") == "newer chosen"
        may_end.set()
        assert slow.result(LONG) == gr.skip()
    assert run_on("one", draw, "newest") == "newest"
    assert draw("outside of a page") == "outside of a page"


def run_on(page: str, handler: Callable[..., Any], *values: Any) -> Any:
    """Run a handler as an event of a page."""

    def run() -> Any:
        LocalContext.request.set(gr.Request(session_hash=page, headers={}))
        return handler(*values)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.Context().run, run).result(LONG)


def test_what_a_joined_event_drew_before_its_slowest_part_does_not_replace_newer() -> None:
    began, may_end = threading.Event(), threading.Event()

    def wait() -> str:
        began.set()
        assert may_end.wait(LONG)
        return "slow"

    order = Order()
    with gr.Blocks() as page:
        first, second, other = (gr.Textbox() for _ in range(3))
        show = Action(in_order(plain(lambda: ("old", "old")), order), [], [first, second])
        run_all(page.load, [show, Action(plain(wait), [], [other])])
    (joined,) = page.fns.values()
    update = in_order(plain(lambda: (gr.skip(), "new")), order)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(run_on, "page", joined.fn)
        assert began.wait(LONG)
        assert run_on("page", update) == (gr.skip(), "new")
        may_end.set()
        assert late.result(LONG) == ["old", gr.skip(), "slow"]
    assert run_on("page", joined.fn) == ["old", "old", "slow"]


def test_what_was_drawn_during_a_change_does_not_replace_the_drawing_of_it() -> None:
    order = Order()
    show = in_order(plain(lambda: "before"), order)
    act = in_order(plain(lambda: run_on("page", show) + " and after"), order, acts=True)
    assert run_on("page", act) == "before and after"


def test_a_page_that_was_just_built_is_not_sent_what_it_is() -> None:
    with gr.Blocks():
        words, panel, shown, state = gr.HTML("a"), gr.Column(visible=False), gr.Column(), gr.State("a")
    hidden = gr.update(visible=False)
    several = at_opening(Action(lambda: ("a", hidden, hidden, "a"), [], [words, panel, shown, state]))
    assert several.handler() == (gr.skip(), gr.skip(), hidden, "a")
    assert at_opening(Action(lambda: "b", [], [words])).handler() == "b"
    assert at_opening(Action(lambda: hidden, [], [panel])).handler() == gr.skip()
    assert at_opening(Action(gr.skip, [], [words, panel])).handler() == gr.skip()
