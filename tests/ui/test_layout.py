"""The page as Gradio builds it: tabs in a row, each redrawn when it is opened, and no wrong number of inputs."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from classifier.ui.app import build_app
from classifier.ui.photos import tab as photos_tab
from classifier.ui.predict import tab as predict_tab
from classifier.ui.review import tab as review_tab
from classifier.ui.train import tab as train_tab


@pytest.mark.slow
def test_every_tab_is_redrawn_when_it_is_opened(tmp_path: Path) -> None:
    page = build_app(tmp_path / "home", tmp_path / "checkpoints")  # a wrong number of inputs would be a warning
    tabs = {block.id: block for block in page.blocks.values() if isinstance(block, gr.Tab)}
    assert set(tabs) >= {module.ID for module in (photos_tab, train_tab, review_tab, predict_tab)}
    opened = {
        page.blocks[target].id
        for function in page.fns.values()
        for target, event in function.targets
        if event == "select" and target in page.blocks and isinstance(page.blocks[target], gr.Tab)
    }
    assert opened == set(tabs)


@pytest.mark.slow
def test_what_takes_long_holds_no_slot_of_timers_and_redrawing(tmp_path: Path) -> None:
    page = build_app(tmp_path / "home", tmp_path / "checkpoints")
    groups: dict[str, set[str]] = {}
    for function in page.fns.values():
        if function.queue is not False:
            groups.setdefault(str(function.concurrency_id), set()).add(str(getattr(function.fn, "__name__", "")))
    assert groups["watch"] == {"update", "follow", "watch"}  # of all tabs: none waits for the training
    assert groups["intake"] == {
        "add",
        "answer",
        "add_example",
        "add_burst",
        "save",
        "receive",
        "replace",
        "accept",
        "undo",
    }
    assert {"show", "start", "train_again"} <= groups["page"]
    slots = {str(function.concurrency_id): function.concurrency_limit for function in page.fns.values()}
    assert sum(slots[group] for group in ("watch", "intake", "page", "device", "apart")) <= 40  # threads of Gradio


@pytest.mark.slow
def test_what_is_read_at_an_event_is_read_again_where_more_came_meanwhile(tmp_path: Path) -> None:
    page = build_app(tmp_path / "home", tmp_path / "checkpoints")
    late = {"then", "success", "failure", "input", "change"}
    found = [one for one in page.fns.values() if one.inputs and late.intersection(event for _, event in one.targets)]
    assert len(found) > 100
    assert {one.trigger_mode for one in found} == {"always_last"}


@pytest.mark.slow
@pytest.mark.parametrize(("drawn", "control"), [("review-photos", "review-which"), ("photos-shown", "photos-purpose")])
def test_a_drawing_that_was_asked_for_before_a_choice_shows_what_was_chosen(
    tmp_path: Path, drawn: str, control: str
) -> None:
    """By the control, as the page sends it, it would show the choice of before; a State is read when it begins."""
    page = build_app(tmp_path / "home", tmp_path / "checkpoints")
    found = 0
    for function in page.fns.values():
        names = {block._id: getattr(block, "elem_id", None) for block in (*function.inputs, *function.outputs)}
        inputs = {names[block._id] for block in function.inputs}
        if len(inputs) > 1 and drawn in {names[block._id] for block in function.outputs}:
            changes_it = {(names.get(id), event) for id, event in function.targets} == {(control, "input")}
            assert (control in inputs) == changes_it
            found += not changes_it
    assert found
