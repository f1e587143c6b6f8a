from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from classifier import Finished, Project, TrainConfig, train
from classifier.data.example import draw_example
from classifier.errors import PhotoError
from classifier.evaluation.report import Report
from classifier.models import networks
from classifier.models.feature_cache import FeatureCache
from classifier.workflows.similar import nearest
from tests.helpers import draw_photo


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos to train on, and others of the same kinds to try."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_example(folder / "mine", per_class=5)
    draw_example(folder / "new", per_class=1, seed=9)
    return folder


@pytest.fixture(scope="module")
def learnt(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """The folder of a project that was trained on, and the report of its model."""
    folder = tmp_path_factory.mktemp("project") / "one"
    with Project.open(folder) as project:
        project.add(drawn / "mine")
        *_, last = train(project, TrainConfig(resize_modes=("whole", "crop")))
    assert isinstance(last, Finished)
    return folder, last.report


@pytest.fixture
def project(learnt: tuple[Path, Report], tmp_path: Path) -> Iterator[Project]:
    with Project.open(Path(shutil.copytree(learnt[0], tmp_path / "project"))) as project:
        yield project


def kept(folder: Path, shas: list[str], report: Report) -> dict[str, np.ndarray]:
    cache = FeatureCache(folder)
    found = cache.get(
        report.backbone, networks.preprocessing(report.backbone).with_resize_mode(report.resize_mode), shas
    )
    cache.close()
    return found


@pytest.mark.parametrize("count", [1, 3, 99])
def test_the_nearest_photos_are_those_of_brute_force(
    count: int, project: Project, learnt: tuple[Path, Report], drawn: Path, tmp_path: Path
) -> None:
    photo = drawn / "new" / "mug" / "mug 01.jpg"
    with Project.open(tmp_path / "other") as other:  # what training keeps of the tried photo, if it is trained on
        other.add(drawn / "new")
        list(train(other, TrainConfig(resize_modes=(learnt[1].resize_mode,))))
        (asset,) = other.photos("mug")
        query = kept(other.features, [asset.sha256], learnt[1])[asset.sha256]
    photos = project.photos()
    features = kept(project.features, [asset.sha256 for asset in photos], learnt[1])
    likeness = cosine_similarity(query[None], np.stack([features[asset.sha256] for asset in photos]))[0]
    best = sorted(zip(likeness, photos), key=lambda pair: -pair[0])[:count]
    found = nearest(project, learnt[1], photo, count)
    assert [asset for asset, _ in found] == [asset for _, asset in best]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for cosine, _ in best], abs=1e-4)
    assert found[0][0].label == "mug"


def test_nothing_of_a_photo_that_is_only_tried_stays(
    project: Project, learnt: tuple[Path, Report], drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    before = kept(project.features, [_content(drawn / "new")], learnt[1])
    nearest(project, learnt[1], drawn / "new" / "mug" / "mug 01.jpg")
    assert before == kept(project.features, [_content(drawn / "new")], learnt[1]) == {}
    assert list((tmp_path / "temporary").iterdir()) == []


def _content(folder: Path) -> str:
    with Project.over(folder) as tried:
        return tried.photos("mug")[0].sha256


def test_a_photo_is_not_like_itself_and_one_in_two_classes_counts_once(
    project: Project, learnt: tuple[Path, Report], drawn: Path
) -> None:
    one, two = sorted((drawn / "mine" / "key").iterdir())[:2]
    project.add_files([(two.name, two)], "spare")
    found = [asset.sha256 for asset, _ in nearest(project, learnt[1], one, 99)]
    assert len(found) == len(set(found)) == 4 * 5 - 1
    with Project.over(drawn / "mine") as mine:
        own = next(asset.sha256 for asset in mine.photos("key") if asset.source.endswith(one.name))
    assert own not in found


def test_photos_without_kept_features_are_passed_over(
    project: Project, learnt: tuple[Path, Report], drawn: Path, tmp_path: Path
) -> None:
    draw_photo(3).save(tmp_path / "later.jpg")
    project.add_files([("later.jpg", tmp_path / "later.jpg")], "mug")
    photo = drawn / "new" / "mug" / "mug 01.jpg"
    assert all(asset.source != "later.jpg" for asset, _ in nearest(project, learnt[1], photo, 99))
    (project.features / "features.sqlite").unlink()
    assert nearest(project, learnt[1], photo) == []


def test_photos_set_apart_for_a_test_are_no_training_photos(
    project: Project, learnt: tuple[Path, Report], drawn: Path
) -> None:
    project.catalog.set_split([asset.id for asset in project.photos("mug")], "test")
    found = nearest(project, learnt[1], drawn / "new" / "mug" / "mug 01.jpg", 99)
    assert {asset.label for asset, _ in found} == {"apple", "key", "leaf"}


def test_a_network_from_scratch_looks_with_the_eyes_of_the_usual_one(
    project: Project, learnt: tuple[Path, Report], drawn: Path
) -> None:
    photo = drawn / "new" / "leaf" / "leaf 01.jpg"
    fresh = replace(learnt[1], backbone="small_cnn")
    assert nearest(project, fresh, photo) == nearest(project, learnt[1], photo)


def test_what_is_no_photo_gets_its_reason(project: Project, learnt: tuple[Path, Report], tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("hello")
    for path in (tmp_path / "note.jpg", tmp_path / "missing.jpg"):
        with pytest.raises(PhotoError, match=r"^[A-Z].*\.$"):
            nearest(project, learnt[1], path)
