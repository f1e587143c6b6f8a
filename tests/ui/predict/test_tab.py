"""The handlers of the Try it tab: predictions, explanations, corrections, and the threshold."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from classifier import ClassifierError, Finished, Prediction, TrainConfig, train
from classifier.data.example import draw_example
from classifier.data.intake import sha256
from classifier.data.mistake_costs import MistakeCosts
from classifier.errors import DataError, ModelError
from classifier.models.checkpoint import read_report, set_costs, set_threshold
from classifier.ui.predict import answers, endpoints, mistakes, threshold, trying
from classifier.ui.predict import tab as predict_tab
from classifier.ui.predict.answers import PredictState
from classifier.ui.predict.models import own_models, shared_models
from classifier.ui.sessions import Home, ensure_token
from tests.helpers import NASTY

Visit = Callable[[], tuple[Home, str]]


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A visitor's ``project`` with a model, a model for everybody in ``checkpoints``, and ``new`` photos to try."""
    folder = tmp_path_factory.mktemp("owned")
    draw_example(folder / "drawn", per_class=5)
    draw_example(folder / "new", per_class=2, seed=9)
    home = Home(folder, folder / "checkpoints")
    with home.open(token := ensure_token(None)) as project:
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
        shutil.copytree(owned / "project", home.folder(token := ensure_token(None)))
        return home, token

    return visit


def uploaded(photo: Path, name: str | None = None) -> dict[str, str]:
    """A photo in the upload folder, as the drop area would send it."""
    folder = Path(gr.utils.get_upload_folder()) / sha256(photo)
    folder.mkdir(parents=True, exist_ok=True)
    return {"path": str(shutil.copy(photo, folder / photo.name)), "name": name or photo.name}


def try_photos(
    home: Home, token: str, *photos: dict[str, str], model: str | None = None, old: PredictState | None = None
) -> Any:
    chosen = model or own_models(home, token)[0].name
    event = gr.EventData(None, {"files": list(photos), "label": ""})
    return trying.accept(home, token, chosen, 3, old or PredictState(), event)


def sent(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def pictures(html: str) -> list[bytes]:
    return [base64.b64decode(found) for found in re.findall(r'src="data:image/jpeg;base64,([^"]*)"', html)]


@pytest.mark.slow
def test_one_photo_is_predicted_first_and_then_explained(visit: Visit, owned: Path) -> None:
    home, token = visit()
    html, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    assert len(pictures(html)) == 1
    assert 'class="pc-button pc-why" aria-label="Why? mug 01.jpg">Why?' in html
    assert "Add to my photos: mug 01.jpg" in html
    html, state = trying.explain_single(home, token, 3, state)
    assert "The warmer a place, the more it spoke for “mug”" in html
    assert "Most like these of your photos" in html
    photo, heat, *like = pictures(html)
    assert Image.open(io.BytesIO(heat)).size == (256, 256)
    with home.open(token) as project:
        mugs = {project.thumbnail(asset).read_bytes() for asset in project.photos("mug")}
    assert len(like) == 3
    assert like[0] in mugs
    assert html.count('aria-label="Why? mug 01.jpg" hidden') == 1
    assert photo == pictures(answers.render(state, 1))[0]


@pytest.mark.slow
def test_several_photos_are_explained_one_by_one(visit: Visit, owned: Path) -> None:
    home, token = visit()
    before, state = try_photos(home, token, *(uploaded(path) for path in sorted((owned / "new").glob("*/*01.jpg"))))
    assert trying.explain_single(home, token, 3, state) == (gr.skip(), gr.skip())
    after, updated = trying.explain(home, token, 3, state, sent(number=state.photos[2].number))
    before_parts, after_parts = (html.split("<article")[1:] for html in (before, after))
    assert [one == other for one, other in zip(before_parts, after_parts)] == [True, True, False, True]
    assert "it spoke for “leaf”" in after_parts[2]
    assert [photo.result for photo in updated.photos] == [photo.result for photo in state.photos]


@pytest.mark.slow
@pytest.mark.parametrize("claim", [None, "0", 99, -1, True, 0.0, [0], {"number": 0}, 10**30])
def test_a_photo_that_is_not_on_view_is_refused(claim: object, visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    for data in ({"number": claim, "label": "mug"}, {}, None, "x", [0]):
        for action in (trying.explain, trying.correct):
            with pytest.raises(DataError, match="no longer on view"):
                action(home, token, 3, state, gr.EventData(None, data))


def test_a_late_click_does_not_meet_a_newer_photo(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, first = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    _, second = try_photos(home, token, uploaded(owned / "new/key/key 01.jpg"), old=first)
    assert not first.photos[0].path.exists()
    assert trying.answer_again(home, token, 3, first) == (gr.skip(), gr.skip())
    with pytest.raises(DataError, match="no longer on view"):
        trying.correct(home, token, 3, second, sent(number=first.photos[0].number, label="rust"))


@pytest.mark.slow
def test_a_second_visitor_sees_no_photo_of_the_first_one(visit: Visit, owned: Path) -> None:
    home, owner = visit()
    photo = owned / "new/mug/mug 01.jpg"
    stranger = ensure_token(None)
    name = own_models(home, owner)[0].name
    with pytest.raises(ModelError, match="There is no model called"):
        try_photos(home, stranger, uploaded(photo), model=name)
    _, theirs = try_photos(home, owner, uploaded(photo))
    with pytest.raises(ModelError, match="There is no model called"):  # with the state of the first one's page, even
        trying.explain_single(home, stranger, 3, theirs)
    for token in (owner, stranger):  # a model for everybody was made of nobody's photos here
        _, state = try_photos(home, token, uploaded(photo), model="shared")
        html, _ = trying.explain_single(home, token, 3, state)
        assert "it spoke for “mug”" in html
        assert "Most like" not in html
        assert len(pictures(html)) == 2


def test_a_file_that_is_no_photo_has_its_reason_and_no_buttons(visit: Visit, tmp_path: Path, owned: Path) -> None:
    home, token = visit()
    (tmp_path / "note.jpg").write_text("hello")
    html, state = try_photos(home, token, uploaded(tmp_path / "note.jpg"))
    assert "No photo" in html
    assert "<button" not in html
    assert trying.explain_single(home, token, 3, state)[0] == html


def test_an_explanation_that_fails_shows_why_in_its_place(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    state.photos[0].path.unlink()
    html, _ = trying.explain_single(home, token, 3, state)
    assert '<div class="pc-evidence" aria-live="polite"><div class="pc-note pc-warn"' in html
    assert "mug" in html
    with pytest.raises(DataError, match="no longer here"):
        trying.correct(home, token, 3, state, sent(number=state.photos[0].number, label="mug"))


def test_a_wrong_prediction_becomes_a_training_photo(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg", "holiday/mug 01.jpg"))
    html, updated, again = trying.correct(home, token, 3, state, sent(number=state.photos[0].number, label=" cup "))
    assert "Added to “cup”. The next training learns from it." in html
    assert again["visible"] is True
    assert '<option value="cup">' in html
    assert updated.photos[0].path.is_file()  # it stays on view
    with home.open(token) as project:
        (added,) = project.photos("cup")
        assert (added.source, added.split) == ("mug 01.jpg", "train")
        assert project.photo_path(added).read_bytes() == updated.photos[0].path.read_bytes()
    html, updated, again = trying.correct(home, token, 3, updated, sent(number=updated.photos[0].number, label="cup"))
    assert "It is in “cup” already." in html
    assert again == gr.skip()
    html, updated, again = trying.correct(home, token, 3, updated, sent(number=updated.photos[0].number, label="mug"))
    assert "Moved from “cup” to “mug”" in html
    with home.open(token) as project:
        assert project.conflicts() == []
        assert "cup" not in project.classes()
        assert project.undo() is not None


def test_a_visitor_without_photos_can_correct_a_prediction(visit: Visit, owned: Path) -> None:
    home, _ = visit()
    token = ensure_token(None)
    _, state = try_photos(home, token, uploaded(owned / "new/key/key 01.jpg"), model="shared")
    assert home.find(token) is None
    assert state.labels == ("apple", "key", "leaf", "mug")
    trying.correct(home, token, 3, state, sent(number=state.photos[0].number, label="rust"))
    with home.open(token) as project:
        assert project.classes() == {"rust": 1}


def test_hostile_names_of_classes_and_photos_do_nothing_on_the_page(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, state = try_photos(home, token, uploaded(owned / "new/key/key 01.jpg", f"../../{NASTY.replace('/', '')}.jpg"))
    label = f'"></option></datalist>{NASTY}'
    html, updated, _ = trying.correct(home, token, 3, state, sent(number=state.photos[0].number, label=label))
    html += trying.explain_single(home, token, 3, updated)[0]
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<datalist") == html.count("</datalist>") == 2
    assert not list(home.root.rglob("*script*"))


@pytest.mark.slow
@pytest.mark.parametrize("label", [None, "", "  ", 5, ["rust"], {"a": 1}])
def test_a_label_that_is_none_is_refused(label: object, visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, state = try_photos(home, token, uploaded(owned / "new/key/key 01.jpg"))
    with pytest.raises(DataError, match="Write what the photo shows"):
        trying.correct(home, token, 3, state, sent(number=state.photos[0].number, label=label))
    with pytest.raises(DataError, match="has no name"):
        trying.correct(home, token, 3, state, sent(number=state.photos[0].number, label="\u200b"))


def test_a_list_that_is_drawn_late_takes_no_choice_back(visit: Visit) -> None:
    home, token = visit()
    older = own_models(home, token)[0]
    shutil.copytree(older.folder, older.folder.with_name("9999-01-01-000000-quick"))  # a training ends meanwhile
    *view, newest = predict_tab.show_newest(home, token, older.name, known=older.name)
    assert view[0]["value"] == newest != older.name
    late = predict_tab.redraw(home, token, older.name).model
    assert "value" not in late
    assert [name for _, name in late["choices"]] == [newest, older.name, "shared"]
    assert predict_tab.redraw(home, token, "gone").model["value"] == newest


def test_the_threshold_of_an_own_model_is_saved_and_applied(visit: Visit, owned: Path) -> None:
    home, token = visit()
    name = own_models(home, token)[0].name
    view = predict_tab.show(home, token, name)
    folder = own_models(home, token)[0].folder
    assert view.threshold["visible"] is True
    assert view.threshold["value"] == round(read_report(folder).threshold * 100)
    before, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    assert "Not sure" not in before
    coverage, after, updated = threshold.save_threshold(home, token, name, 100, 3, state)
    assert re.search(r"It answers .* photo", coverage)
    assert "Not sure" in after
    assert read_report(folder).threshold == 1.0
    assert isinstance(updated.photos[0].result, Prediction)
    assert predict_tab.show(home, token, name).threshold["value"] == 100
    anew = trying.change_model(home, token, name, 3, updated)[0]  # as the model itself says from now on
    assert anew == after
    _, back, _ = threshold.save_threshold(home, token, name, 0, 3, updated)
    assert back == before
    assert threshold.save_threshold(home, token, name, None, 3, updated) == (gr.skip(), gr.skip(), gr.skip())


def test_the_threshold_of_a_shared_model_cannot_be_changed(visit: Visit, owned: Path) -> None:
    home, token = visit()
    view = predict_tab.show(home, token, "shared")
    assert view.threshold["visible"] is False
    assert view.coverage == ""
    before = (owned / "checkpoints/shared/report.json").read_bytes()
    for name in ("shared", "../shared", None, f"mine/../../{owned.name}"):
        with pytest.raises(ModelError):
            threshold.save_threshold(home, token, name, 80, 3, PredictState())
    for sure in (-5, 101, float("nan")):
        with pytest.raises(ClassifierError, match="from 0 to 1"):
            threshold.save_threshold(home, token, own_models(home, token)[0].name, sure, 3, PredictState())
    assert (owned / "checkpoints/shared/report.json").read_bytes() == before


def test_an_old_model_without_coverage_curve_has_only_its_slider(visit: Visit) -> None:
    home, token = visit()
    model = own_models(home, token)[0]
    text = (model.folder / "report.json").read_text(encoding="utf-8")
    (model.folder / "report.json").write_text(re.sub(r'"cost": \[.*?\]', '"cost": []', text, flags=re.DOTALL), "utf-8")
    set_threshold(model.folder, 0.4)
    view = predict_tab.show(home, token, model.name)
    assert (view.threshold["visible"], view.threshold["value"], view.coverage) == (True, 40, "")


@pytest.mark.slow
def test_another_model_predicts_anew_and_drops_the_explanation(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    _, state, _ = trying.correct(home, token, 3, state, sent(number=state.photos[0].number, label="mug"))
    _, state = trying.explain_single(home, token, 3, state)
    html, anew = trying.change_model(home, token, "shared", 3, state)
    assert anew.model == "shared"
    assert "Added to “mug”" not in html  # “train again”: that has been done
    assert "What spoke" not in html
    assert trying.redraw(1, anew).count('class="pc-name"') == 1
    assert trying.redraw(99, anew).count('class="pc-name"') == 4


def test_without_any_model_left_the_tried_photos_are_deleted(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    assert trying.change_model(home, token, None, 3, state) == ("", PredictState())
    assert not state.photos[0].path.exists()


@pytest.mark.parametrize("top_k", [None, "3", float("nan"), float("inf"), True, [3], {}])
def test_a_number_of_answers_that_is_none_gets_a_sentence(top_k: Any, visit: Visit, owned: Path) -> None:
    home, _ = visit()
    image = uploaded(owned / "new/mug/mug 01.jpg")["path"]
    with pytest.raises(DataError, match="whole number from 1 to 10"):
        endpoints.predict(home, image, "shared", top_k)
    assert Path(image).exists()
    assert trying.redraw(top_k, PredictState()) == ""


def test_what_is_no_upload_is_not_opened_for_a_prediction(visit: Visit, owned: Path) -> None:
    home, token = visit()
    photo = owned / "new/mug/mug 01.jpg"
    for claim in (
        None,
        str(photo),
        {"path": str(photo), "orig_name": "x.svg"},
        [str(photo)],
        5,
        "http://localhost/x.jpg",
    ):
        with pytest.raises(DataError, match="No photo came"):
            endpoints.predict(home, claim, "shared", 3)
        with pytest.raises(DataError, match="did not arrive"):
            try_photos(home, token, claim, model="shared")  # type: ignore[arg-type]
    assert photo.exists()


@pytest.mark.parametrize("name", [None, "", 5, {}, "../shared", "mine/x", "/etc/passwd", NASTY])
def test_a_model_that_is_not_offered_gets_a_sentence(name: Any, visit: Visit, owned: Path) -> None:
    home, _ = visit()
    with pytest.raises(ModelError, match="model"):
        endpoints.predict(home, uploaded(owned / "new/mug/mug 01.jpg")["path"], name, 3)


def test_photos_on_view_stay_where_new_ones_cannot_be_predicted(visit: Visit, owned: Path) -> None:
    home, token = visit()
    _, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    new = uploaded(owned / "new/key/key 01.jpg")
    with pytest.raises(ModelError):
        try_photos(home, token, new, model="gone", old=state)
    assert state.photos[0].path.exists()
    assert not Path(new["path"]).exists()


def test_a_model_that_is_being_written_is_not_offered(tmp_path: Path, owned: Path) -> None:
    shutil.copytree(owned / "checkpoints" / "shared", tmp_path / "checkpoints" / ".shared.part")
    assert shared_models(Home(tmp_path, tmp_path / "checkpoints")) == []


def test_costs_of_an_own_model_are_shown_saved_and_kept_for_the_next(visit: Visit, owned: Path) -> None:
    home, token = visit()
    model = own_models(home, token)[0]
    _, state = try_photos(home, token, uploaded(owned / "new/mug/mug 01.jpg"))
    shown, pending = mistakes.preview(home, token, model.name, "mug", 5, 0.4, {})
    assert "Missing “mug” counts 5 times as much" in shown
    assert read_report(model.folder).costs == {}
    coverage, _, updated, *panel = threshold.save_costs(home, token, model.name, "key", 2, 0.4, pending, 3, state)
    report = read_report(model.folder)
    assert (report.costs, report.unsure_cost) == ({"mug": 5, "key": 2}, 0.4)
    assert "threshold of its own" in coverage
    assert trying.change_model(home, token, model.name, 3, updated)[1].photos == updated.photos
    assert panel[-1] == report.costs
    with home.open(token) as project:
        assert project.mistake_costs() == MistakeCosts({"mug": 5, "key": 2}, 0.4)
    threshold.save_threshold(home, token, model.name, 60, 3, updated)
    assert mistakes.forget(home, token, model.name).pending == {}
    with home.open(token) as project:
        assert project.mistake_costs() is None


@pytest.mark.parametrize("weight", [0.25, 1, 20, 1000])
def test_costs_from_elsewhere_are_in_the_range_of_their_slider(weight: float, visit: Visit) -> None:
    home, token = visit()
    model = own_models(home, token)[0]
    set_costs(model.folder, {"mug": weight}, 0.5)
    slider = mistakes.show(home, token, model.name).weight
    expected = weight if weight != 1 else 1.0
    assert slider["minimum"] <= expected <= slider["maximum"]
    assert (slider["value"], slider["minimum"] <= 1, slider["maximum"] >= 20) == (expected, True, True)


def test_the_costs_of_a_shared_model_cannot_be_changed(visit: Visit) -> None:
    home, token = visit()
    assert mistakes.show(home, token, "shared").panel["visible"] is False
    assert mistakes.preview(home, token, "shared", "mug", 5, 0.4, {}) == (gr.skip(), gr.skip())
    with pytest.raises(ModelError):
        threshold.save_costs(home, token, "shared", "mug", 5, 0.4, {}, 3, PredictState())
    for wrong in ({"label": "cow"}, {"weight": -1}, {"unsure_cost": float("nan")}):
        values = {"label": "mug", "weight": 5, "unsure_cost": 0.5, **wrong}
        with pytest.raises(ClassifierError):
            mistakes.save(home, token, own_models(home, token)[0].name, **values, pending={})
