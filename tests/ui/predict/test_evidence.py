"""The Try it tab: how sure it must be, what spoke for an answer, and photos put right; by the page's own handlers."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from classifier import ClassifierError, Finished, Prediction, TrainConfig, train
from classifier.data.example import draw_example
from classifier.data.intake import sha256
from classifier.errors import DataError, ModelError
from classifier.models.checkpoint import read_report, set_threshold
from classifier.ui.predict import answers, evidence
from classifier.ui.predict import tab as predict_tab
from classifier.ui.predict.answers import Trying
from classifier.ui.sessions import Home, welcome
from tests.helpers import NASTY

Visit = Callable[[], tuple[Home, str]]


# -- the picture


def seen(jpeg: bytes | None) -> np.ndarray:
    assert jpeg is not None
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), np.float32)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_the_more_a_part_spoke_for_a_class_the_warmer_and_darker_it_is(shade: int) -> None:
    square = np.full((96, 96, 3), shade, np.uint8)
    heat = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [-9.0, -1.0, 0.0]])
    shown = seen(evidence.overlay(square, heat))
    none, some, most = (shown[16, column] for column in (8, 48, 88))
    for less, more in ((none, some), (some, most)):
        assert more.mean() < less.mean() - 10  # without any colour
        assert more[0] - more[2] > less[0] - less[2] + 20  # in red and blue, which all but a few can tell apart
    against = shown[90, 6]
    assert np.ptp(against) < 12  # what spoke against it has no colour at all


def test_the_map_lies_where_the_heat_is_and_has_the_size_of_the_square() -> None:
    square = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    heat = np.zeros((8, 8))
    heat[1, 6] = 3.0
    shown = seen(evidence.overlay(square, heat))
    assert shown.shape == square.shape
    warmth = shown[..., 0] - shown[..., 2]
    assert np.unravel_index(warmth.reshape(8, 8, 8, 8).mean((1, 3)).argmax(), (8, 8)) == (1, 6)


@pytest.mark.parametrize("heat", [[[-1.0, 0.0]], [[5.0]], [[np.nan, -1.0]], [[np.inf, 0.0]]])
def test_where_no_part_spoke_for_the_class_it_is_said_in_words(heat: list[list[float]]) -> None:
    jpeg = evidence.overlay(np.zeros((32, 32, 3), np.uint8), np.array(heat))
    assert jpeg is None
    assert "No single part of the photo spoke for “&lt;b&gt;”" in evidence.shown("<b>", jpeg, [])


def test_names_of_classes_do_nothing_in_the_evidence() -> None:
    shown = evidence.shown(NASTY, b"jpeg", [(NASTY, b"jpeg"), ('"><img src=x onerror=alert(1)>', b"")])
    assert "<script" not in shown
    assert "<img src" not in shown
    assert shown.count("<img") == 2


# -- the page


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A visitor's ``project`` with a model, a model for everybody in ``checkpoints``, and ``new`` photos to try."""
    folder = tmp_path_factory.mktemp("owned")
    draw_example(folder / "drawn", per_class=5)
    draw_example(folder / "new", per_class=2, seed=9)
    home = Home(folder, folder / "checkpoints")
    with home.open(token := welcome(None)) as project:
        project.add(folder / "drawn")
        *_, last = train(project, TrainConfig(resize_modes=("whole",)))
    assert isinstance(last, Finished)
    home.folder(token).rename(folder / "project")
    (model,) = (folder / "project" / "models").iterdir()
    shutil.copytree(model, folder / "checkpoints" / "shared")
    return folder


@pytest.fixture
def visit(owned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Gives a home, and the token of a visitor who has trained a model; one more at each call."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    home = Home(tmp_path / "home", owned / "checkpoints")

    def visit() -> tuple[Home, str]:
        shutil.copytree(owned / "project", home.folder(token := welcome(None)))
        return home, token

    return visit


def uploaded(photo: Path, name: str | None = None) -> dict[str, str]:
    """A photo in the upload folder, as the drop area would send it."""
    folder = Path(gr.utils.get_upload_folder()) / sha256(photo)
    folder.mkdir(parents=True, exist_ok=True)
    return {"path": str(shutil.copy(photo, folder / photo.name)), "name": name or photo.name}


def tried(home: Home, token: str, *photos: dict[str, str], model: str | None = None, old: Trying | None = None) -> Any:
    chosen = model or predict_tab.own_models(home, token)[0].name
    event = gr.EventData(None, {"files": list(photos), "label": ""})
    return predict_tab.accept(home, token, chosen, 3, old or Trying(), event)


def asked(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def pictures(html: str) -> list[bytes]:
    return [base64.b64decode(found) for found in re.findall(r'src="data:image/jpeg;base64,([^"]*)"', html)]


def test_one_photo_gets_its_answer_first_and_then_what_spoke_for_it(visit: Visit, owned: Path) -> None:
    home, token = visit()
    html, trying = tried(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    assert len(pictures(html)) == 1
    assert '<button type="button" class="pc-button pc-why">Why?' in html
    html, trying = predict_tab.explain_the_only_one(home, token, 3, trying)
    assert "What spoke for “mug”: the warmer, the more" in html
    assert "Most like these of your photos" in html
    photo, heat, *like = pictures(html)
    assert Image.open(io.BytesIO(heat)).size == (288, 288)
    with home.open(token) as project:
        mugs = {project.thumbnail(asset).read_bytes() for asset in project.photos("mug")}
    assert len(like) == 3
    assert like[0] in mugs
    assert html.count('class="pc-button pc-why" hidden') == 1
    assert photo == pictures(answers.drawn(trying, 1))[0]


def test_several_photos_wait_until_they_are_asked_why_and_only_one_card_changes(visit: Visit, owned: Path) -> None:
    home, token = visit()
    before, trying = tried(home, token, *(uploaded(path) for path in sorted((owned / "new").glob("*/*01.jpg"))))
    assert predict_tab.explain_the_only_one(home, token, 3, trying) == (gr.skip(), gr.skip())
    after, known = predict_tab.explain(home, token, 3, trying, asked(card=trying.cards[2].number))
    cards, then = (html.split("<article")[1:] for html in (before, after))
    assert [one == other for one, other in zip(cards, then)] == [True, True, False, True]
    assert "What spoke for “leaf”" in then[2]
    assert [card.outcome for card in known.cards] == [card.outcome for card in trying.cards]


@pytest.mark.parametrize("claim", [None, "0", 99, -1, True, 0.0, [0], {"number": 0}, 10**30])
def test_a_card_that_is_not_on_view_is_refused(claim: object, visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, trying = tried(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    for data in ({"card": claim, "label": "mug"}, {}, None, "x", [0]):
        for action in (predict_tab.explain, predict_tab.correct):
            with pytest.raises(DataError, match="no longer on view"):
                action(home, token, 3, trying, gr.EventData(None, data))


def test_a_late_click_does_not_hit_the_photo_that_came_meanwhile(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, first = tried(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    _, second = tried(home, token, uploaded(owned / "new/key/key 01.jpg"), old=first)
    assert not first.cards[0].path.exists()
    with pytest.raises(DataError, match="no longer on view"):
        predict_tab.correct(home, token, 3, second, asked(card=first.cards[0].number, label="rust"))


def test_a_second_visitor_sees_none_of_the_first_ones_photos(visit: Visit, owned: Path) -> None:
    home, owner = visit()
    photo = owned / "new/mug/mug 01.jpg"
    stranger = welcome(None)
    name = predict_tab.own_models(home, owner)[0].name
    with pytest.raises(ModelError, match="There is no model called"):
        tried(home, stranger, uploaded(photo), model=name)
    _, theirs = tried(home, owner, uploaded(photo))
    with pytest.raises(ModelError, match="There is no model called"):  # with the state of the first one's page, even
        predict_tab.explain_the_only_one(home, stranger, 3, theirs)
    for token in (owner, stranger):  # a model for everybody was made of nobody's photos here
        _, trying = tried(home, token, uploaded(photo), model="shared")
        html, _ = predict_tab.explain_the_only_one(home, token, 3, trying)
        assert "What spoke for “mug”" in html
        assert "Most like" not in html
        assert len(pictures(html)) == 2


def test_a_photo_that_is_none_has_a_card_and_nothing_to_ask(visit: Visit, tmp_path: Path, owned: Path) -> None:
    home, token = visit()
    (tmp_path / "note.jpg").write_text("hello")
    html, trying = tried(home, token, uploaded(tmp_path / "note.jpg"))
    assert "No photo" in html
    assert "<button" not in html
    assert predict_tab.explain_the_only_one(home, token, 3, trying)[0] == html


def test_what_went_wrong_with_the_evidence_is_said_in_the_card(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, trying = tried(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    trying.cards[0].path.unlink()
    html, _ = predict_tab.explain_the_only_one(home, token, 3, trying)
    assert '<div class="pc-evidence" aria-live="polite"><div class="pc-note pc-warn"' in html
    assert "mug" in html
    with pytest.raises(DataError, match="no longer here"):
        predict_tab.correct(home, token, 3, trying, asked(card=trying.cards[0].number, label="mug"))


# -- photos put right


def test_a_wrong_answer_becomes_a_photo_to_learn_from(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, trying = tried(home, token, uploaded(owned / "new/mug/mug 01.jpg", "holiday/mug 01.jpg"))
    html, known, again = predict_tab.correct(home, token, 3, trying, asked(card=trying.cards[0].number, label=" cup "))
    assert "Added to “cup”. Train again to learn from it." in html
    assert again["visible"] is True
    assert '<option value="cup">' in html
    assert known.cards[0].path.is_file()  # it stays on view
    with home.open(token) as project:
        (added,) = project.photos("cup")
        assert (added.source, added.split) == ("mug 01.jpg", "train")
        assert project.photo_path(added).read_bytes() == known.cards[0].path.read_bytes()
    html, known, again = predict_tab.correct(home, token, 3, known, asked(card=known.cards[0].number, label="cup"))
    assert "It is in “cup” already." in html
    assert again == gr.skip()
    html, known, again = predict_tab.correct(home, token, 3, known, asked(card=known.cards[0].number, label="mug"))
    assert "Moved from “cup” to “mug”" in html
    with home.open(token) as project:
        assert project.conflicts() == []
        assert "cup" not in project.classes()
        assert project.undo() is not None


def test_a_photo_can_be_put_right_by_who_has_no_photos_yet(visit: Visit, owned: Path) -> None:
    home, _ = visit()
    token = welcome(None)
    _, trying = tried(home, token, uploaded(owned / "new/key/key 01.jpg"), model="shared")
    assert home.find(token) is None
    assert trying.labels == ("apple", "key", "leaf", "mug")
    predict_tab.correct(home, token, 3, trying, asked(card=trying.cards[0].number, label="rust"))
    with home.open(token) as project:
        assert project.classes() == {"rust": 1}


def test_hostile_names_of_classes_and_photos_do_nothing_on_the_page(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, trying = tried(home, token, uploaded(owned / "new/key/key 01.jpg", f"../../{NASTY.replace('/', '')}.jpg"))
    label = f'"></option></datalist>{NASTY}'
    html, known, _ = predict_tab.correct(home, token, 3, trying, asked(card=trying.cards[0].number, label=label))
    html += predict_tab.explain_the_only_one(home, token, 3, known)[0]
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<datalist") == html.count("</datalist>") == 2
    assert not list(home.root.rglob("*script*"))


@pytest.mark.parametrize("label", [None, "", "  ", 5, ["rust"], {"a": 1}])
def test_what_is_no_name_of_a_class_is_asked_for_again(label: object, visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, trying = tried(home, token, uploaded(owned / "new/key/key 01.jpg"))
    with pytest.raises(DataError, match="Write what the photo shows"):
        predict_tab.correct(home, token, 3, trying, asked(card=trying.cards[0].number, label=label))
    with pytest.raises(DataError, match="has no name"):
        predict_tab.correct(home, token, 3, trying, asked(card=trying.cards[0].number, label="\u200b"))


# -- how sure it must be


def test_how_sure_it_must_be_is_kept_in_ones_own_model_and_the_answers_follow(visit: Visit, owned: Path) -> None:
    home, token = visit()
    name = predict_tab.own_models(home, token)[0].name
    view = predict_tab.show(home, token, name)
    folder = predict_tab.own_models(home, token)[0].folder
    assert view.sure["visible"] is True
    assert view.sure["value"] == round(read_report(folder).threshold * 100)
    before, trying = tried(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    assert "Not sure" not in before
    cost, after, known = predict_tab.keep_sure(home, token, name, 100, 3, trying)
    assert re.search(r"It answers .* photo", cost)
    assert "Not sure" in after
    assert read_report(folder).threshold == 1.0
    assert isinstance(known.cards[0].outcome, Prediction)
    assert predict_tab.show(home, token, name).sure["value"] == 100
    anew = predict_tab.answer_anew(home, token, name, 3, known)[0]  # as the model itself says from now on
    assert anew == after
    _, back, _ = predict_tab.keep_sure(home, token, name, 0, 3, known)
    assert back == before
    assert predict_tab.keep_sure(home, token, name, None, 3, known) == (gr.skip(), gr.skip(), gr.skip())


def test_a_model_for_everybody_stays_as_sure_as_it_is(visit: Visit, owned: Path) -> None:
    home, token = visit()
    view = predict_tab.show(home, token, "shared")
    assert view.sure["visible"] is False
    assert view.cost == ""
    before = (owned / "checkpoints/shared/report.json").read_bytes()
    for name in ("shared", "../shared", None, f"mine/../../{owned.name}"):
        with pytest.raises(ModelError):
            predict_tab.keep_sure(home, token, name, 80, 3, Trying())
    for sure in (-5, 101, float("nan")):
        with pytest.raises(ClassifierError, match="from 0 to 1"):
            predict_tab.keep_sure(home, token, predict_tab.own_models(home, token)[0].name, sure, 3, Trying())
    assert (owned / "checkpoints/shared/report.json").read_bytes() == before


def test_a_model_of_before_costs_were_known_has_its_slider_without_a_sentence(visit: Visit) -> None:
    home, token = visit()
    model = predict_tab.own_models(home, token)[0]
    text = (model.folder / "report.json").read_text(encoding="utf-8")
    (model.folder / "report.json").write_text(re.sub(r'"cost": \[.*?\]', '"cost": []', text, flags=re.DOTALL), "utf-8")
    set_threshold(model.folder, 0.4)
    view = predict_tab.show(home, token, model.name)
    assert (view.sure["visible"], view.sure["value"], view.cost) == (True, 40, "")


# -- another model, another number of answers, everything deleted


def test_another_model_answers_anew_and_nothing_is_left_of_the_evidence_before(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, trying = tried(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    _, trying, _ = predict_tab.correct(home, token, 3, trying, asked(card=trying.cards[0].number, label="mug"))
    _, trying = predict_tab.explain_the_only_one(home, token, 3, trying)
    html, anew = predict_tab.answer_anew(home, token, "shared", 3, trying)
    assert anew.model == "shared"
    assert "Added to “mug”" not in html  # “train again”: that has been done
    assert "What spoke" not in html
    assert predict_tab.redraw(1, anew).count('class="pc-name"') == 1
    assert predict_tab.redraw(99, anew).count('class="pc-name"') == 4


def test_with_the_last_model_gone_the_tried_photos_go_too(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, trying = tried(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    assert predict_tab.answer_anew(home, token, None, 3, trying) == ("", Trying())
    assert not trying.cards[0].path.exists()
