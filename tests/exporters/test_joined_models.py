"""Models that join networks: formats that hold them whole, and those that hold the model of one network."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from classifier import Exported, Predictor
from classifier.exporters import gradio_space, hub_repo, web
from classifier.exporters.base import Format, Model
from classifier.exporters.files import choose_model
from classifier.exporters.making import make
from classifier.messages.exporting import LackCode
from classifier.models import checkpoint, model_folder
from classifier.workflows.export import find_format
from tests.exporters.test_gradio_space import load_here
from tests.helpers import draw_photo
from tests.models.test_joined import joined_model, ood_model
from tests.models.test_stage_features import stages_model

ONE_NETWORK = {
    LackCode.ONE_NETWORK, LackCode.ONE_NETWORK_SCORES, LackCode.LAST_FEATURES, LackCode.LAST_FEATURES_SCORES,
}  # fmt: skip
PHOTOS = [draw_photo(seed, (90, 60)) for seed in range(4)]


@pytest.fixture(scope="module", params=["two networks", "stages of one"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A joined model, a step of its training and what the training left; not to be changed."""
    folder, make, width = tmp_path_factory.mktemp("joined") / "model", joined_model, 64 + 512
    if request.param == "stages of one":
        make, width = stages_model, 1280 + 112 + 320
    checkpoint.save(folder, make(ood=ood_model(width, limit=1.3)), {})
    checkpoint.save(folder / model_folder.STEPS / "1", make(), {})
    return folder


def exported(format: Format, folder: Path, out: Path) -> Exported:
    *_, last = make(format, folder, out, PHOTOS)
    assert isinstance(last, Exported)
    assert (last.verification.same, last.verification.photos) == (4, 4)
    return last


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "pt2", "zip", "space"])
def test_a_format_holds_all_networks_and_answers_as_they_do(name: str, folder: Path, tmp_path: Path) -> None:
    format = replace(gradio_space.FORMAT, load=load_here) if name == "space" else find_format(name)
    last = exported(format, folder, tmp_path / f"model.{name}")
    assert not {one.code for one in last.lacks} & ONE_NETWORK
    assert any(one.unsure for one in Predictor(folder).predict(PHOTOS))


def test_a_web_page_holds_one_network_with_its_stages_but_not_several(folder: Path) -> None:
    model = Model.load(folder)
    chosen, lost = choose_model(model, web.FORMAT.most_members)
    assert chosen.folder == (folder if len(model.checkpoint.members) == 1 else folder / "single")
    assert bool(lost) == (len(model.checkpoint.members) > 1)


@pytest.mark.slow
def test_a_zip_can_be_opened_and_exported_again(folder: Path, tmp_path: Path) -> None:
    exported(find_format("zip"), folder, tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        archive.extractall(tmp_path)
    assert not (tmp_path / "model" / "steps").exists()
    exported(hub_repo.FORMAT, tmp_path / "model", tmp_path / "repo")


@pytest.mark.slow
def test_a_repository_gets_the_model_of_one_network_and_says_what_that_costs(folder: Path, tmp_path: Path) -> None:
    last = exported(hub_repo.FORMAT, folder, tmp_path / "repo")
    codes = {2: LackCode.ONE_NETWORK_SCORES, 1: LackCode.LAST_FEATURES_SCORES}
    assert [one.code for one in last.lacks] == [codes[len(checkpoint.load(folder).members)]]
    assert "right on 100 % of the photos judged instead of 100 %" in str(last.lacks[0])
    assert {path.name for path in last.path.iterdir()} & {"single", "steps"} == set()
    assert Predictor(last.path).predict(PHOTOS) == Predictor(folder / "single").predict(PHOTOS)
