from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from classifier import Finished, Project, TrainConfig, train
from classifier.data.example import draw_example
from classifier.errors import ModelError, PhotoError
from classifier.evaluation.report import Report
from classifier.messages.data import PhotoCode
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.workflows.similar import find_similar, nearest_neighbors
from tests.helpers import draw_photo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos to train on in ``mine``, others of the same classes in ``new``."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_example(folder / "mine", per_class=5)
    draw_example(folder / "new", per_class=1, seed=9)
    return folder


@pytest.fixture(scope="module")
def trained_project(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """The folder of a project that was trained on, and the report of its model."""
    folder = tmp_path_factory.mktemp("project") / "one"
    with Project.open(folder) as project:
        project.add(drawn / "mine")
        *_, last = train(project, TrainConfig(resize_modes=("whole", "crop")))
    assert isinstance(last, Finished)
    return folder, last.report


@pytest.fixture
def report(trained_project: tuple[Path, Report]) -> Report:
    return trained_project[1]


@pytest.fixture
def project(trained_project: tuple[Path, Report], tmp_path: Path) -> Iterator[Project]:
    with Project.open(Path(shutil.copytree(trained_project[0], tmp_path / "project"))) as project:
        yield project


def cached_features(folder: Path, shas: list[str], report: Report) -> dict[str, np.ndarray]:
    preprocessing = networks.preprocessing(resolve(report.backbone)).with_resize_mode(report.resize_mode)
    with closing(FeatureCache(folder)) as cache:
        return cache.get(report.backbone, preprocessing, shas)


@pytest.mark.parametrize("count", [1, 3, 99])
def test_similar_photos_are_those_of_brute_force(
    count: int, project: Project, report: Report, drawn: Path, tmp_path: Path
) -> None:
    photo = drawn / "new" / "mug" / "mug 01.jpg"
    with Project.open(tmp_path / "other") as other:  # the photo's features as a training on it caches them
        other.add(drawn / "new")
        list(train(other, TrainConfig(resize_modes=(report.resize_mode,))))
        (asset,) = other.photos("mug")
        query = cached_features(other.features, [asset.sha256], report)[asset.sha256]
    photos = project.photos()
    features = cached_features(project.features, [asset.sha256 for asset in photos], report)
    similarity = cosine_similarity(query[None], np.stack([features[asset.sha256] for asset in photos]))[0]
    best = sorted(zip(similarity, photos), key=lambda pair: -pair[0])[:count]
    found = find_similar(project, report, photo, count=count)
    assert [asset for asset, _ in found] == [asset for _, asset in best]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for cosine, _ in best], abs=1e-4)
    assert found[0][0].label == "mug"


def test_three_photos_are_found_unless_asked(project: Project, report: Report, drawn: Path) -> None:
    assert len(find_similar(project, report, drawn / "new" / "mug" / "mug 01.jpg")) == 3


def test_nothing_of_the_photo_is_kept(
    project: Project, report: Report, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    sha = sha256_of_mug(drawn / "new")
    before = cached_features(project.features, [sha], report)
    find_similar(project, report, drawn / "new" / "mug" / "mug 01.jpg")
    assert before == cached_features(project.features, [sha], report) == {}
    assert list((tmp_path / "temporary").iterdir()) == []


def sha256_of_mug(folder: Path) -> str:
    with Project.over(folder) as project:
        return project.photos("mug")[0].sha256


def test_the_photo_itself_is_skipped_and_duplicates_count_once(project: Project, report: Report, drawn: Path) -> None:
    one, two = sorted((drawn / "mine" / "key").iterdir())[:2]
    project.add_files([(two.name, two)], "spare")
    found = [asset.sha256 for asset, _ in find_similar(project, report, one, count=99)]
    assert len(found) == len(set(found)) == 4 * 5 - 1
    with Project.over(drawn / "mine") as mine:
        own = next(asset.sha256 for asset in mine.photos("key") if asset.source.endswith(one.name))
    assert own not in found


def test_photos_without_cached_features_are_skipped(
    project: Project, report: Report, drawn: Path, tmp_path: Path
) -> None:
    draw_photo(3).save(tmp_path / "later.jpg")
    project.add_files([("later.jpg", tmp_path / "later.jpg")], "mug")
    photo = drawn / "new" / "mug" / "mug 01.jpg"
    found = find_similar(project, report, photo, count=99)
    assert len(found) == 4 * 5
    assert all(asset.source != "later.jpg" for asset, _ in found)
    (project.features / "features.sqlite").unlink()
    assert find_similar(project, report, photo) == []


def test_test_photos_are_no_training_photos(project: Project, report: Report, drawn: Path) -> None:
    project.catalog.edits.set_split([asset.id for asset in project.photos("mug")], "test")
    found = find_similar(project, report, drawn / "new" / "mug" / "mug 01.jpg", count=99)
    assert {asset.label for asset, _ in found} == {"apple", "key", "leaf"}


def test_a_network_from_scratch_uses_features_of_the_default(project: Project, report: Report, drawn: Path) -> None:
    photo = drawn / "new" / "leaf" / "leaf 01.jpg"
    fresh = replace(report, backbone="small_cnn")
    assert find_similar(project, fresh, photo) == find_similar(project, report, photo) != []


def test_an_unknown_backbone_is_a_model_error(project: Project, report: Report, drawn: Path) -> None:
    with pytest.raises(ModelError):
        find_similar(project, replace(report, backbone="nonsense"), drawn / "new" / "leaf" / "leaf 01.jpg")


def test_a_file_that_is_no_photo_is_a_photo_error(project: Project, report: Report, tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("hello")
    for path, code in ((tmp_path / "note.jpg", PhotoCode.TEXT), (tmp_path / "missing.jpg", PhotoCode.CANNOT_READ)):
        with pytest.raises(PhotoError, match=r"^[A-Z].*\.$") as raised:
            find_similar(project, report, path)
        assert raised.value.code is code


@pytest.mark.parametrize("count", [1, 5, 40])
def test_nearest_neighbors_are_those_of_scikit_learn(count: int) -> None:
    rng = np.random.default_rng(count)
    features, query = rng.normal(size=(40, 8)).astype(np.float32), rng.normal(size=8).astype(np.float32)
    oracle = NearestNeighbors(n_neighbors=count, metric="cosine").fit(features)
    expected = oracle.kneighbors(query[None])[1][0].tolist()
    assert nearest_neighbors(query, features, count).tolist() == expected


def test_features_of_zeros_are_similar_to_nothing() -> None:
    features = np.array([[0, 0], [1, 1], [2, 2]], np.float32)
    assert nearest_neighbors(np.array([1, 1], np.float32), features, 1).tolist() == [1]
    assert nearest_neighbors(np.zeros(2, np.float32), features).tolist() == [0, 1, 2]
