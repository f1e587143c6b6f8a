"""Adding photos on the page: what is read, what is asked, what waits, and what is forgotten."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from classifier.errors import ClassifierError, DataError
from classifier.messages.languages import speaking
from classifier.messages.photos_page import ReadingCode
from classifier.ui.host_limits import HostLimits
from classifier.ui.photos import adding
from classifier.ui.photos import tab as photos_tab
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import NASTY, SHA, draw_photo, encode

Drop = Callable[..., str]
FLAT = [f"pets/{label}.{number}.jpg" for number in range(8) for label in ("cat", "dog")]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", tmp_path)


@pytest.fixture
def token() -> str:
    return ensure_token(None)


@pytest.fixture
def drop(home: Home, token: str, uploads: Path) -> Drop:
    """``drop(names, label="", **texts)`` uploads a photo for each name, as the script of the page does."""

    def upload(names: list[str], label: str = "", texts: dict[str, str] | None = None) -> str:
        rows = []
        for number, name in enumerate([*names, *(texts or {})]):
            path = uploads / f"{number:064x}" / name.rpartition("/")[2]
            path.parent.mkdir(exist_ok=True)
            if name in (texts or {}):
                path.write_text((texts or {})[name])
            else:
                draw_photo(number).save(path, "JPEG")
            rows.append({"path": str(path), "name": name})
        return adding.add(home, token, gr.EventData(None, {"files": rows, "label": label}))

    return upload


def press(home: Home, token: str, **data: Any) -> str:
    return adding.answer(home, token, gr.EventData(None, data))


def counts(home: Home, token: str) -> dict[str, int]:
    with home.open(token) as project:
        return project.classes()


def test_what_is_certain_is_added_and_said_in_one_line(home: Home, token: str, drop: Drop) -> None:
    message = drop([f"photos/{label}/{number}.jpg" for label in ("cat", "dog") for number in range(3)])
    assert "Added 6 photos." in message
    assert "Read as 2 classes from folders; 6 photos." in photos_tab.show(home, token).reading


def test_a_table_dropped_with_photos_gives_classes_and_splits(home: Home, token: str, drop: Drop) -> None:
    names = [f"{number}.jpg" for number in range(12)]
    rows = [f"{number}.jpg,{'ab'[number % 2]},{'test' if number > 7 else 'train'}" for number in range(12)]
    assert "Added 12 photos." in drop(names, texts={"labels.csv": "\n".join(["file,label,split", *rows])})
    view = photos_tab.show(home, token)
    assert "labels.csv" in view.reading
    assert view.purpose["choices"] == [("For training (8)", "train"), ("For testing (4)", "test")]
    assert "8 photos in 2 classes" in view.classes


def test_a_table_that_comes_after_the_photos_is_read_with_them(home: Home, token: str, drop: Drop) -> None:
    names = [f"IMG_{number}.jpg" for number in range(8)]
    drop(names)
    assert "If a table says what they show" in photos_tab.show(home, token).reading
    rows = [f"{name},{'cat' if number % 2 else 'dog'}" for number, name in enumerate(names)]
    assert "Added 8 photos." in drop([], texts={"labels.csv": "\n".join(["file,label", *rows])})
    assert counts(home, token) == {"cat": 4, "dog": 4}


def test_what_is_uncertain_waits_and_nothing_is_added(home: Home, token: str, drop: Drop, uploads: Path) -> None:
    assert drop(FLAT) == ""
    view = photos_tab.show(home, token)
    assert "are these the classes?" in view.reading
    assert view.reading.count("<img") >= 2
    assert counts(home, token) == {}
    assert list(uploads.rglob("*.jpg")) == [uploads / ("a" * 64) / "a.jpg"]  # none of those that came
    assert "Added 16 photos." in press(home, token, do="take", option="names:first")
    assert counts(home, token) == {"cat": 8, "dog": 8}


def test_what_waits_is_read_once_for_all_drawings_in_a_language(home: Home, token: str, drop: Drop) -> None:
    drop(FLAT)
    first = photos_tab.show(home, token).reading
    before = adding._draw_waiting.cache_info().misses
    assert photos_tab.show(home, token).reading == first
    assert adding._draw_waiting.cache_info().misses == before
    with speaking("de"):
        assert photos_tab.show(home, token).reading != first
    press(home, token, do="cancel")
    assert photos_tab.show(home, token).reading == ""


def test_another_reading_takes_the_place_of_the_first(home: Home, token: str, drop: Drop) -> None:
    drop([f"hands/{who}/{what}/{n}.jpg" for who in ("anna", "ben") for what in ("fist", "palm") for n in range(3)])
    with home.open(token) as project:
        waiting = project.uploads.last()
    assert waiting is not None
    for reading in (*waiting.layout.readings, waiting.layout.readings[0]):
        press(home, token, do="take", option=reading.option)
        assert counts(home, token) == dict(reading.class_counts())
        assert reading.in_words() in photos_tab.show(home, token).reading


def test_photos_of_one_class_are_added_under_its_name(home: Home, token: str, drop: Drop) -> None:
    drop([f"IMG_{number}.jpg" for number in range(7)])
    assert "Which class do these 7 photos belong to?" in photos_tab.show(home, token).reading
    with pytest.raises(DataError, match="Write which class"):
        press(home, token, do="one-class", text="  ")
    press(home, token, do="one-class", text="cat")
    assert counts(home, token) == {"cat": 7}
    assert "Added 2 photos" in drop(["a.jpg", "b.jpg"], label="dog")
    assert counts(home, token) == {"cat": 7, "dog": 2}


def test_cancel_forgets_what_waits(home: Home, token: str, drop: Drop) -> None:
    drop(FLAT)
    assert "Nothing was added" in press(home, token, do="cancel")
    assert photos_tab.show(home, token).reading == ""
    with pytest.raises(DataError) as caught:
        press(home, token, do="take", option="names:first")
    assert caught.value.code is ReadingCode.WHICH_READING
    with home.open(token) as project:
        assert not list(project.folder.rglob("*.jpg"))


def test_a_new_drop_replaces_the_question(home: Home, token: str, drop: Drop) -> None:
    drop(FLAT)
    drop([f"photos/{label}/{number}.jpg" for label in ("cup", "key") for number in range(3)])
    assert "are these the classes?" not in photos_tab.show(home, token).reading
    assert counts(home, token) == {"cup": 3, "key": 3}


def test_photos_in_split_folders_without_labels_are_refused_with_their_number(
    home: Home, token: str, drop: Drop
) -> None:
    assert drop([f"set/{split}/IMG_{number}.jpg" for split in ("train", "test") for number in range(4)]) == ""
    shown = photos_tab.show(home, token).reading
    assert "Nothing was added" in shown
    assert "8 pictures" in shown
    assert counts(home, token) == {}


def test_an_option_that_was_not_offered_is_refused(home: Home, token: str, drop: Drop) -> None:
    drop(FLAT)
    for option in (None, 5, "../../etc/passwd", NASTY, "boxes"):
        with pytest.raises(DataError) as caught:
            press(home, token, do="take", option=option)
        assert caught.value.code is ReadingCode.WHICH_READING
    assert counts(home, token) == {}


def test_what_cannot_be_opened_is_an_error_and_the_last_question_stays(home: Home, token: str, drop: Drop) -> None:
    drop(FLAT)
    with pytest.raises(ClassifierError, match="“bad"):
        drop([], texts={"bad.zip": "no zip"})
    assert "are these the classes?" in photos_tab.show(home, token).reading


def test_hostile_names_are_shown_as_text(home: Home, token: str, drop: Drop) -> None:
    label = NASTY.replace("/", "")
    drop([f"pets/{name}.{number}.jpg" for number in range(6) for name in (label, "dog")])
    shown = photos_tab.show(home, token).reading
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    press(home, token, do="take", option=_readings(home, token)[0].option)
    view = photos_tab.show(home, token)
    assert "<script" not in view.reading + view.classes + view.grid


def test_a_disk_without_room_adds_nothing(tmp_path: Path, token: str, uploads: Path) -> None:
    home = Home(tmp_path / "home", tmp_path, limits=HostLimits(host_megabytes=1))
    home.root.mkdir()
    (home.root / "large").write_bytes(b"x" * 1_100_000)
    rows = [{"path": str(uploads / SHA / "a.jpg"), "name": "cat/a.jpg"}]
    for work in (
        lambda: adding.add(home, token, gr.EventData(None, {"files": rows, "label": "cat"})),
        lambda: adding.add_example(home, token),
    ):
        with pytest.raises(ClassifierError):
            work()
    assert home.find(token) is None


def test_a_file_with_several_pictures_is_added_and_noted(home: Home, token: str, uploads: Path) -> None:
    draw_photo(1).save(uploads / SHA / "a.gif", save_all=True, append_images=[draw_photo(2)])
    rows = [{"path": str(uploads / SHA / "a.gif"), "name": "cat/a.gif"}]
    message = adding.add(home, token, gr.EventData(None, {"files": rows, "label": "cat"}))
    assert "Added 1 photo. 1 file holds several pictures, of which one is used" in message
    assert "left out" not in message
    assert "used in part" in photos_tab.show(home, token).notes


LIMITED = {
    "classes": (HostLimits(classes=2), [f"set/{label}/{number}.jpg" for label in "abc" for number in range(2)]),
    "photos": (HostLimits(project_photos=4), [f"set/{label}/{number}.jpg" for label in "ab" for number in range(2)]),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kind", LIMITED)
def test_beyond_a_limit_a_sentence_says_so_and_what_is_there_stays(
    tmp_path: Path, token: str, uploads: Path, kind: str, zipped: bool
) -> None:
    limits, names = LIMITED[kind]
    home = Home(tmp_path / "home", tmp_path, limits=limits)
    with home.open(token) as project:
        project.add_files([("first.jpg", uploads / SHA / "a.jpg")], "a")
    files = {name: encode(draw_photo(number)) for number, name in enumerate(names)}
    if zipped:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        files = {"set.zip": stream.getvalue()}
    rows = []
    for number, (name, content) in enumerate(files.items()):
        path = uploads / f"{number:064x}" / name.rpartition("/")[2]
        path.parent.mkdir()
        path.write_bytes(content)
        rows.append({"path": str(path), "name": name})
    with pytest.raises(DataError, match="it can hold") as caught:
        adding.add(home, token, gr.EventData(None, {"files": rows, "label": ""}))
    assert str(tmp_path) not in str(caught.value)
    assert counts(home, token) == {"a": 1}
    assert not any(Path(row["path"]).exists() for row in rows)
    if kind == "photos" and not zipped:  # counted before anything is read
        assert photos_tab.show(home, token).reading == ""
        return
    assert "need not be sent again" in photos_tab.show(home, token).reading
    roomy = Home(home.root, tmp_path)
    press(roomy, token, do="take", option="folders:1")
    assert sum(counts(roomy, token).values()) == len(names) + 1


def _readings(home: Home, token: str) -> Any:
    with home.open(token) as project:
        waiting = project.uploads.last()
        assert waiting is not None
        return waiting.layout.readings
