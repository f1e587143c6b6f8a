"""The Photos tab: photos in, by class; looking at them, moving, renaming, removing, undoing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ...data.example import draw_example
from ...data.project import IntakeResult
from ...errors import DataError
from .. import html
from ..handlers import FREE, afterwards, plain
from ..sessions import Home, check_room, small
from ..uploads import camera, choice, discard, done, drop_area, received

PAGE = 60  # photos shown at once
_HERE = Path(__file__).parent
_GRID = """
<div class="pc-extractor">
  <label class="pc-all"><input type="checkbox"> All shown</label>
  <span class="pc-chosen" role="status">Choose photos to move or remove them</span>
  <span class="pc-actions" hidden>
    <input class="pc-move" type="text" list="pc-classes" maxlength="80" placeholder="other class"
      aria-label="Class to move the chosen photos to" autocomplete="off">
    <button type="button" class="pc-button pc-do-move">Move</button>
    <button type="button" class="pc-button pc-do-remove">Remove</button>
  </span>
</div>
<div class="pc-grid">${value}</div>
"""


class View(NamedTuple):
    """What the tab shows, in the order of its outputs."""

    drop: str
    undo: Any
    empty: Any
    filled: Any
    counts: str
    classes: Any
    grid: str
    page: int
    pager: Any
    position: str
    notes: str
    next: Any


@dataclass(frozen=True)
class PhotosTab:
    """What other tabs need: the button that leads on, the line that says what was done, how to draw this tab."""

    next: gr.Button
    message: gr.HTML
    refresh: Callable[..., Any]
    inputs: list[gr.components.Component]
    outputs: list[Any]


# -- handlers


def show(home: Home, token: str, label: str | None = None, page: int = 0) -> View:
    """Draws the tab as the project is now; ``label`` is the class whose photos are wanted."""
    project = home.find(token)
    if project is None:
        return _empty()
    with project:
        counts = project.classes()
        notes = html.conflicts(project.conflicts()) + html.left_out(project.left_out())
        if not counts:
            return _empty()._replace(notes=notes, undo=gr.update(visible=True))
        label = label if label in counts else next(iter(counts))
        pages = -(-counts[label] // PAGE)
        page = min(max(int(page or 0), 0), pages - 1)
        photos = project.photos(label)[page * PAGE : (page + 1) * PAGE]
        return View(
            done(),
            gr.update(visible=True),
            gr.update(visible=False),
            gr.update(visible=True),
            html.class_counts(counts),
            gr.update(choices=[(f"{name} ({count:,})", name) for name, count in counts.items()], value=label),
            _datalist(counts) + "".join(html.photo_card(photo, small(project, photo)) for photo in photos),
            page,
            gr.update(visible=pages > 1),
            f"{page * PAGE + 1}-{page * PAGE + len(photos)} of {html.photos(counts[label])}",
            notes,
            gr.update(interactive=len(counts) > 1, value=_next(len(counts))),
        )


def _empty() -> View:
    hidden = gr.update(visible=False)
    return View(
        done(),
        hidden,
        gr.update(visible=True),
        hidden,
        "",
        gr.update(choices=[], value=None),
        "",
        0,
        hidden,
        "",
        "",
        gr.skip(),
    )


def _next(classes: int) -> str:
    return "Next: train" if classes > 1 else "Add a second class, then you can train"


def _datalist(counts: dict[str, int]) -> str:
    options = "".join(f'<option value="{escape(label)}"></option>' for label in counts)
    return f'<datalist id="pc-classes">{options}</datalist>'


def add(home: Home, token: str, event: gr.EventData) -> str:
    """Takes in what was dropped: zips, a folder with its names, or loose photos of one class."""
    came = received(event._data)
    zips = [path for name, path in came.files if "/" not in name and name.lower().endswith(".zip")]
    files = [(name, path) for name, path in came.files if path not in zips]
    try:
        with home.open(token) as project:
            check_room(project, len(files))
            results = [project.add(path, came.label) for path in zips]
            if files:
                results.append(project.add_files(files, came.label))
        return _told(results, len(came.missing))
    finally:
        discard([path for _, path in came.files])


def _told(results: list[IntakeResult], missing: int) -> str:
    added, already = sum(result.added for result in results), sum(result.already for result in results)
    left_out = sum(len(result.left_out) for result in results)
    parts = [f"Added {html.photos(added)}." if added else "No new photos."]
    if already:
        parts.append(f"{html.photos(already)} {'was' if already == 1 else 'were'} here already.")
    if left_out:
        parts.append(f"{left_out:,} {'file was' if left_out == 1 else 'files were'} left out; see why below.")
    if missing:
        parts.append(f"{missing:,} {'file' if missing == 1 else 'files'} did not arrive; add them again.")
    return html.note(" ".join(parts), "good" if added and not missing else "note")


def add_shot(home: Home, token: str, shot: str | None, label: str) -> tuple[str, None]:
    """Takes in one picture from the camera."""
    if shot is None:
        raise DataError("There is no picture yet; take one with the camera first.")
    path = Path(shot)
    try:
        with home.open(token) as project:
            check_room(project, 1)
            result = project.add_files([(path.name, path)], label)
        return _told([result], 0), None
    finally:
        discard([path])


def add_example(home: Home, token: str) -> str:
    """Draws example photos and takes them in."""
    with tempfile.TemporaryDirectory(prefix="example-") as folder, home.open(token) as project:
        draw_example(Path(folder))
        return _told([project.add(Path(folder))], 0)


def edit(home: Home, token: str, event: gr.EventData) -> str:
    """Moves or removes the photos that were ticked."""
    data = event._data if isinstance(event._data, dict) else {}
    claimed = data.get("ids")
    ids = [id for id in claimed if isinstance(id, int) and abs(id) < 2**62] if isinstance(claimed, list) else []
    if not ids:
        raise DataError("No photos were chosen; tick the ones you mean first.")
    with home.open(token) as project:
        if data.get("action") == "move":
            project.move(ids, str(data.get("label", "")))
            return html.note(f"Moved {html.photos(len(ids))}.", "good")
        project.remove(ids)
        return html.note(f"Removed {html.photos(len(ids))}. Undo brings them back.", "good")


def rename(home: Home, token: str, label: str | None, name: str) -> tuple[str, str, str]:
    """Renames the class on view; its new name is the class to show next."""
    with home.open(token) as project:
        project.rename_class(label or "", name)
        new = next((known for known in project.classes() if known == " ".join(name.split())), label or "")
    return html.note(f"“{label}” is now “{new}”.", "good"), "", new


def remove_class(home: Home, token: str, label: str | None) -> str:
    """Takes out the class on view with its photos."""
    with home.open(token) as project:
        project.remove_class(label or "")
    return html.note(f"Removed the class “{label}”. Undo brings it back.", "good")


def undo(home: Home, token: str) -> str:
    """Takes back the last change."""
    with home.open(token) as project:
        what = project.undo()
    return html.note(f"Took back {what}." if what else "There is nothing to take back.")


# -- layout


def build(home: Home, token: gr.BrowserState) -> PhotosTab:
    """Draws the tab and wires its own events."""
    drop = drop_area(
        "Drop your photos here",
        "A folder with one folder inside for each class, or a zip of it. Single photos work too: "
        "you will be asked what they show.",
        "Choose photos or a zip",
        folders=True,
        elem_id="photos-drop",
    )
    message = gr.HTML()
    undo_button = gr.Button("Undo the last change", size="sm", visible=False, elem_classes="pc-link")
    with gr.Column(visible=False) as empty:
        gr.HTML(
            '<p class="pc-quiet pc-center">A class is a kind of thing to tell apart, such as <b>cat</b>. '
            "Two classes are needed. Ten photos of each are a start, fifty are good.</p>"
        )
        example = gr.Button("No photos at hand? Try with example photos", elem_classes="pc-wide")
    with gr.Column(visible=False) as filled:
        counts = gr.HTML()
        forward = gr.Button("Next: train", variant="primary", size="lg", elem_id="photos-next")
        classes = choice("Photos of")
        grid = gr.HTML(
            html_template=_GRID,
            js_on_load=(_HERE / "grid.js").read_text("utf-8"),
            elem_id="photos-grid",
            apply_default_css=False,
        )
        with gr.Row(visible=False, elem_classes="pc-row pc-pager") as pager:
            back = gr.Button("Earlier", min_width=80)
            position = gr.HTML(elem_classes="pc-center")
            on = gr.Button("Later", min_width=80)
        with gr.Accordion("Rename or remove this class", open=False), gr.Row(elem_classes="pc-row"):
            name = gr.Textbox(label="New name", max_length=80, scale=2, min_width=160)
            rename_button = gr.Button("Rename", min_width=100)
            remove_button = gr.Button("Remove class", variant="stop", min_width=100)
    with gr.Accordion("Take photos with the camera", open=False):
        shot_class = gr.Textbox(label="Class of the photos", placeholder="for example: cat", max_length=80)
        shot = camera()
        shot_button = gr.Button("Add this photo")
    notes = gr.HTML()
    page = gr.State(0)
    view: list[Any] = [drop, undo_button, empty, filled, counts, classes, grid, page, pager, position, notes, forward]
    refresh, where = plain(show, home), [token, classes, page]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", **FREE}

    def wire(event: Callable[..., Any], handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
        afterwards(event(plain(handler, home), inputs, outputs, **quiet), refresh, where, view, **quiet)

    wire(drop.submit, add, [token], [message])
    wire(example.click, add_example, [token], [message])
    wire(grid.submit, edit, [token], [message])
    wire(undo_button.click, undo, [token], [message])
    wire(rename_button.click, rename, [token, classes, name], [message, name, classes])
    wire(remove_button.click, remove_class, [token, classes], [message])
    wire(shot_button.click, add_shot, [token, shot, shot_class], [message, shot])
    classes.input(plain(_first_page, home), [token, classes], view, **quiet)
    back.click(plain(_turn, home, -1), where, view, **quiet)
    on.click(plain(_turn, home, 1), where, view, **quiet)
    return PhotosTab(forward, message, refresh, list(where), view)


def _first_page(home: Home, token: str, label: str | None) -> View:
    return show(home, token, label, 0)


def _turn(home: Home, step: int, token: str, label: str | None, page: int) -> View:
    return show(home, token, label, page + step)
