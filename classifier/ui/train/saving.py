"""Numbers and pictures of the newest training, to look at and to save: CSV and PNG."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path

import gradio as gr
from PIL import Image

from ...data.csv_files import write_csv
from ...data.project import Project
from ...errors import DataError
from ...evaluation import pictures
from ...evaluation.number_table import number_rows
from ...evaluation.report import Report
from ...events import Epoch
from ...files import atomic_write, storage_error
from ...messages import Code
from ...messages.pictures import SavingCode
from ...models.training_record import read_epochs
from .. import downloads, html
from ..handlers import WITH_SIGN, Action, plain
from ..sessions import Home
from . import groups


def save(home: Home, token: str, request: gr.Request) -> str:
    """Write the files of the newest training and return its pictures with a link to each file, as HTML."""
    project = home.find(token)
    if project is None:
        raise DataError(SavingCode.NO_MODEL)
    with project:
        trained = groups.read_newest(project)
        if trained is None:
            raise DataError(SavingCode.NO_MODEL)
        epochs = _epochs(project, trained.name)
    home.check_room()
    report, folder = trained.report, home.folder(token)
    table = downloads.new_file(folder, f"{trained.name}-numbers.csv")
    write_csv(table, number_rows(report))
    parts = [_link(table, request)]
    for name, alt, image in _pictures(report, epochs):
        png = pictures.to_png(image)
        path = downloads.new_file(folder, f"{trained.name}-{name}.png")
        _write(path, png)
        parts.append(f"{_link(path, request)}{_show(png, alt)}")
    return f'<div class="pc-saved">{"".join(parts)}{_names(report)}</div>'


def _pictures(report: Report, epochs: Sequence[Epoch]) -> Iterator[tuple[str, Code, Image.Image]]:
    yield "confusion", SavingCode.CONFUSION, pictures.draw_confusion(report.labels, report.confusion)
    if epochs:
        yield "curves", SavingCode.CURVES, pictures.draw_curves(epochs)


def _epochs(project: Project, name: str) -> Sequence[Epoch]:
    """Return the epochs of a training as the project recorded them, none of a quick one."""
    run = project.catalog.runs.find(name)
    return () if run is None else read_epochs(run.details)


def _write(path: Path, content: bytes) -> None:
    try:
        with atomic_write(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise storage_error(error) from error


def _link(path: Path, request: gr.Request) -> str:
    return f"<p>{downloads.link(downloads.offer(path, request), path)}</p>"


def _show(png: bytes, alt: Code) -> str:
    """Return a picture in the page, so that it has no address."""
    return f'<img alt="{html.text(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _names(report: Report) -> str:
    """Return the classes that have numbers in the picture, because no font has their letters."""
    named = pictures.numbered_names(report.labels, report.confusion)
    if not named:
        return ""
    rows = "".join(f'<li value="{number}">{html.escape(name)}</li>' for number, name in named)
    return f"<p>{html.text(SavingCode.NUMBERED)}</p><ol>{rows}</ol>"


def connect(home: Home, token: gr.BrowserState, button: gr.Button, newest: gr.State) -> None:
    """Show what was saved below a button, until there is another model."""
    saved = gr.HTML(elem_id="train-saved")
    Action(plain(save, home), [token], [saved]).on(button.click, **WITH_SIGN)
    Action(lambda: "", [], [saved]).on(newest.change, queue=False)
