"""Many photos at once on the Try it tab: the job, the table, its files, and what a visitor may not do."""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier import DataError, Finished
from classifier.data.answer_table import AnswerTable
from classifier.ui.host_limits import HostLimits
from classifier.ui.predict import bulk, bulk_jobs, bulk_table, threshold, trying
from classifier.ui.predict.answers import PredictState
from classifier.ui.predict.bulk_table import Shown
from classifier.ui.predict.models import own_models
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import NASTY, draw_photo, encode
from tests.ui.jobs import Steps, progress

MakeHome = Callable[..., tuple[Home, str]]


@pytest.fixture
def make_home(trained: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeHome:
    """``make_home(**limits)`` gives a home with the model “shared”, and the token of a visitor with one of theirs."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    shutil.copytree(trained.folder, tmp_path / "checkpoints/shared")

    def make(**limits: int) -> tuple[Home, str]:
        home = Home(tmp_path / "home", tmp_path / "checkpoints", limits=HostLimits(**limits))
        with home.open(token := ensure_token(None)) as project:
            shutil.copytree(trained.folder, project.models / "own")
        return home, token

    return make


def upload(name: str, content: bytes, number: list[int] = [0]) -> dict[str, str]:  # noqa: B006  # counts the uploads
    """A file in the upload folder, as the drop area would send it."""
    number[0] += 1
    folder = Path(gr.utils.get_upload_folder()) / f"{number[0]:064x}"
    folder.mkdir(parents=True)
    (folder / "upload").write_bytes(content)
    return {"path": str(folder / "upload"), "name": name}


def zipped(example_set: Path, *more: tuple[str, bytes], each: int = 2) -> bytes:
    """A zip with some photos of each class, and other files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for photo in sorted(path for number in range(1, each + 1) for path in example_set.glob(f"*/* {number:02}.jpg")):
            packed.write(photo, f"day/{photo.name}")
        for name, content in more:
            packed.writestr(name, content)
    return stream.getvalue()


def drop(home: Home, token: str, *files: dict[str, str], model: str = "shared") -> Any:
    event = gr.EventData(None, {"files": list(files), "label": ""})
    return trying.accept(home, token, model, 3, PredictState(), event)


def finish(home: Home, token: str, model: str = "shared", shown: Shown | None = None) -> bulk.View:
    """Wait for the end of the job and draw the panel."""
    job = bulk_jobs.get_job(home, token)
    assert job is not None
    assert job.wait(120)
    assert job.state.error is None
    return bulk.show(home, token, model, shown or Shown())


def files(rows: str) -> list[str]:
    return re.findall(r'class="pc-td-file" title="[^"]*">([^<]*)<', rows)


def press(home: Home, token: str, shown: Shown, **sent: Any) -> tuple[list[str], Shown]:
    rows, after = bulk.select(home, token, shown, gr.EventData(None, sent))
    return files(rows), after


@pytest.fixture
def filled(make_home: MakeHome, example_set: Path) -> tuple[Home, str, bulk.View]:
    """A visitor who dropped a zip of eight photos, a stranger, and a broken one with a hostile name."""
    home, token = make_home()
    more = (("x/stranger.jpg", encode(draw_photo(3))), (f"{NASTY.replace('/', '')}.jpg", b"\xff\xd8nothing"))
    shown = drop(home, token, upload("=new.zip", zipped(example_set, *more)))
    assert shown == ("", PredictState())
    return home, token, finish(home, token)


@pytest.mark.slow
def test_a_zip_becomes_a_table_that_is_sorted_and_filtered(filled: tuple[Home, str, bulk.View]) -> None:
    home, token, view = filled
    assert "Answers for 10 photos" in view.words
    assert "<script" not in view.rows
    assert len(files(view.rows)) == 10
    assert view.rows.count("data:image/jpeg;base64") == 9
    assert view.version
    names, shown = press(home, token, view.shown, sort="confidence")
    assert names[0] == "stranger.jpg"
    names, shown = press(home, token, shown, sort="confidence")
    assert names[-2] == "stranger.jpg"  # the broken one stays last
    assert press(home, token, shown, kind="unlike")[0] == ["stranger.jpg"]
    assert "&lt;script&gt;" in press(home, token, shown, kind="error")[0][0]
    assert press(home, token, shown, label="mug")[0] in (["mug 01.jpg", "mug 02.jpg"], ["mug 02.jpg", "mug 01.jpg"])
    names, shown = press(home, token, Shown(), text="KEY")
    assert names == ["key 01.jpg", "key 02.jpg"]
    assert press(home, token, shown, text="\0nothing")[0] == []
    assert not list(Path(gr.utils.get_upload_folder()).rglob("upload"))
    assert [path.name for path in (home.folder(token) / "answers").iterdir()] == ["table"]


@pytest.mark.parametrize(
    "sent", [{}, {"sort": "id; DROP TABLE"}, {"sort": ["file"]}, {"kind": 5}, {"label": {}}, {"label": "cow"},
             {"text": None}, {"text": "'" * 10**6}, {"page": -1}, {"page": "9" * 50}, {"page": 10**30}, {"page": "x"}]
)  # fmt: skip
def test_odd_wishes_of_a_browser_do_nothing(sent: dict[str, Any], tmp_path: Path) -> None:
    with AnswerTable.create(tmp_path / "table", ["cat"]) as table:
        rows, shown = bulk_table.render(table, bulk_table.change(Shown(), sent))
    assert "No photo fits" in rows
    assert shown.page == 0
    assert shown.query.label is None


@pytest.mark.slow
def test_the_table_is_saved_as_csv_and_as_sorted_photos(filled: tuple[Home, str, bulk.View]) -> None:
    home, token, _ = filled
    assert "answers.csv" in bulk.save_csv(home, token, None)  # type: ignore[arg-type]
    *_, link = bulk.save_zip(home, token, None)  # type: ignore[arg-type]
    assert re.search(r'href="download/[\w-]{43}/sorted%20photos.zip"', link)
    saved = {path.suffix: path for path in (home.folder(token) / "downloads").rglob("*.*")}
    rows = list(csv.reader(io.StringIO(saved[".csv"].read_text("utf-8-sig"), newline="")))
    assert len(rows) == 11
    assert all(row[0].startswith("'=new.zip/") for row in rows[1:])
    with zipfile.ZipFile(saved[".zip"]) as packed:
        assert {"mug/mug 01.jpg", "key/key 02.jpg", "unsure/stranger.jpg"} <= set(packed.namelist())
        assert len(packed.namelist()) == 9


@pytest.mark.slow
def test_the_slider_of_an_own_model_moves_the_answers_of_its_table(make_home: MakeHome, example_set: Path) -> None:
    home, token = make_home()
    name = own_models(home, token)[0].name
    drop(home, token, upload("new.zip", zipped(example_set)), model=name)
    before = finish(home, token, name)
    threshold.save_threshold(home, token, name, 100, 3, PredictState())
    after = bulk.answer_by_threshold(home, token, name, Shown())
    assert "not sure <span>8</span>" in after.rows
    assert after.version != before.version
    threshold.save_threshold(home, token, name, 0, 3, PredictState())
    assert bulk.answer_by_threshold(home, token, name, Shown()).rows == before.rows
    other = bulk.show(home, token, "shared", Shown())
    assert other.again["visible"] is True
    bulk.answer_again(home, token, "shared", Shown())
    again = finish(home, token)
    assert again.rows == before.rows
    assert again.again["visible"] is False
    assert bulk_jobs.set_threshold(home, token, name, 1.0) is False  # it is of the other model now


@pytest.mark.slow
def test_new_photos_replace_the_table_and_a_press_deletes_it(make_home: MakeHome, example_set: Path) -> None:
    home, token = make_home()
    for number in (1, 2):
        drop(home, token, upload("new.zip", zipped(example_set, each=number)))
        view = finish(home, token)
        assert len(files(view.rows)) == 4 * number
    stranger = ensure_token(None)
    assert bulk.show(home, stranger, "shared", Shown()).version == ""
    with pytest.raises(DataError, match="no table"):
        bulk.save_csv(home, stranger, None)  # type: ignore[arg-type]
    gone = bulk.delete(home, token, "shared", view.shown)
    assert gone.panel["visible"] is False
    assert not (home.folder(token) / "answers").exists()
    with pytest.raises(DataError, match="no table"):
        bulk.select(home, token, Shown(), gr.EventData(None, {}))


@pytest.mark.slow
def test_limits_of_a_visitor_hold_and_the_table_before_stays(make_home: MakeHome, example_set: Path) -> None:
    home, token = make_home(project_photos=6)
    drop(home, token, upload("new.zip", zipped(example_set, each=1)))
    before = finish(home, token)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros.bin", bytes(60_000_000))
    for content, words in (
        (zipped(example_set), "can hold 6"),
        (bomb.getvalue(), "times its size"),
        (b"PK", "damaged"),
    ):
        with pytest.raises(DataError, match=words):
            drop(home, token, upload("new.zip", content))
    assert bulk.show(home, token, "shared", Shown()).rows == before.rows
    assert not list(Path(gr.utils.get_upload_folder()).rglob("upload"))
    assert [path.name for path in (home.folder(token) / "answers").iterdir()] == ["table"]


@pytest.fixture
def busy(make_home: MakeHome, example_set: Path) -> Iterator[tuple[Home, str, Steps]]:
    """A visitor whose photos wait for those of another."""
    home, token = make_home()
    work = Steps(progress(1))
    home.answering.start(home.root / "another", work, graceful=False)
    drop(home, token, upload("new.zip", zipped(example_set, each=1)))
    yield home, token, work
    work.allowed.release()
    home.answering.cancel(home.root / "another")


def test_photos_that_wait_can_be_stopped_and_leave_nothing(busy: tuple[Home, str, Steps]) -> None:
    home, token, _ = busy
    view = bulk.show(home, token, "shared", Shown())
    assert "1 person is before you" in view.words
    assert view.version == ""
    with pytest.raises(DataError, match="still being looked at"):
        bulk.save_csv(home, token, None)  # type: ignore[arg-type]
    assert bulk.update(home, token, "shared", Shown(), view.seen) == (gr.skip(),) * len(view)
    assert bulk.stop(home, token, "shared", Shown()).panel["visible"] is False
    home.delete(token)
    assert not home.folder(token).exists()


@pytest.mark.slow
def test_what_was_looked_at_before_the_program_ended_is_shown_as_a_part(make_home: MakeHome, example_set: Path) -> None:
    home, token = make_home()
    drop(home, token, upload("new.zip", zipped(example_set, each=1)))
    finish(home, token)
    with bulk_jobs.need_table(home, token) as table:
        table.set_fact("complete", False)
        table.set_fact("total", 300)
    restarted = Home(home.root, home.checkpoints)
    view = bulk.show(restarted, token, "shared", Shown())
    assert "4 of 300 photos were looked at" in view.words
    assert view.version == ""
