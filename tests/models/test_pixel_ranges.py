"""Sets of photos of more than 8 bits, from the measured range to the answers of the trained model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import timm
from PIL import Image

from classifier import Finished, Predictor, Project, evaluate
from classifier import device as devices
from classifier.config import Limits, PixelRanges
from classifier.data.example import draw_example
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor, extract_descriptors
from classifier.models.pixel_ranges import with_pixel_ranges
from classifier.workflows.similar import find_similar
from tests.helpers import draw_photo, train_on
from tests.picture_files import png16, tiff

TWELVE_BITS = PixelRanges(integer=(0, 4095))


def gray_values(path: Path) -> np.ndarray:
    """A drawn photo as gray values (H, W), 0 to 255."""
    return np.asarray(Image.open(path).convert("L")).astype(np.uint16)


def write_deep(source: Path, folder: Path, marked: str = "") -> Path:
    """Gray photos of 12 bits in PNG of 16, one folder each; those of the class ``marked`` get a burnt-in marker."""
    for path in sorted(source.glob("*/*")):
        values = gray_values(path) * 16 + 7
        if path.parent.name == marked:
            values[:20, :30] = 65535
        target = folder / path.parent.name / f"{path.stem}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png16(values))
    return folder


@pytest.fixture(scope="module")
def deep_set(example_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_deep(example_set, tmp_path_factory.mktemp("deep") / "photos", "key")


@pytest.fixture(scope="module")
def deep_model(deep_set: Path, features: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return train_on(deep_set, features, tmp_path_factory.mktemp("deep model") / "model", resize_modes=("whole",))


@pytest.fixture
def extractor(tmp_path: Path) -> Iterator[FeatureExtractor]:
    with closing(FeatureCache(tmp_path / "cache")) as cache:
        yield FeatureExtractor(resolve("tf_efficientnet_lite0"), devices.choose("cpu"), cache, Limits())


def measure(folder: Path, extractor: FeatureExtractor) -> PixelRanges:
    with Project.over(folder, features=Path("not used")) as project:
        return with_pixel_ranges(extractor, project).pixel_ranges


@pytest.mark.slow
def test_a_marker_in_one_class_does_not_change_the_range_of_the_set(
    deep_set: Path, extractor: FeatureExtractor
) -> None:
    assert measure(deep_set, extractor) == TWELVE_BITS


@pytest.mark.slow
def test_one_photo_of_another_camera_does_not_change_the_range(
    deep_set: Path, extractor: FeatureExtractor, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(deep_set, tmp_path / "photos"))
    (folder / "mug" / "bright.png").write_bytes(png16(np.asarray(draw_photo().convert("L")) * np.uint16(257)))
    assert measure(folder, extractor) == TWELVE_BITS


def test_whole_numbers_and_floats_have_ranges_of_their_own(extractor: FeatureExtractor, tmp_path: Path) -> None:
    values = np.asarray(draw_photo().convert("L"))
    for label, factor in (("a", 16), ("b", 14)):
        (tmp_path / label).mkdir()
        (tmp_path / label / "whole.png").write_bytes(png16(values * np.uint16(factor)))
        (tmp_path / label / "real.tif").write_bytes(tiff((values * (factor / 8192)).astype(np.float32)))
    assert measure(tmp_path, extractor) == PixelRanges(integer=(0, 4095), real=(0, 1))


def test_a_set_of_eight_bits_has_no_ranges_and_is_cached_as_such(
    example_set: Path, extractor: FeatureExtractor, trained: Finished
) -> None:
    assert measure(example_set, extractor) == PixelRanges()
    assert "pixel_ranges" not in json.loads((trained.folder / "config.json").read_text("utf-8"))


def test_the_range_is_measured_once(deep_set: Path, extractor: FeatureExtractor, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(deep_set, tmp_path / "photos"))
    with Project.over(folder, features=tmp_path) as project:
        first = with_pixel_ranges(extractor, project)
        for path in folder.glob("*/*"):
            path.unlink()
        assert with_pixel_ranges(extractor, project) == first


def test_descriptors_depend_on_the_range(deep_set: Path, extractor: FeatureExtractor, tmp_path: Path) -> None:
    path = tmp_path / "dark.png"
    path.write_bytes(png16(np.asarray(draw_photo().convert("L")) * np.uint16(2)))
    with Project.over(deep_set, features=tmp_path) as project:
        ranged = with_pixel_ranges(extractor, project)
    plain, dark = (extract_descriptors(one, [("sha", path)]) for one in (ranged, extractor))
    assert not np.array_equal(plain, dark)
    again, _ = (extract_descriptors(one, [("sha", Path("gone"))]) for one in (ranged, extractor))
    assert np.array_equal(plain, again)


@pytest.mark.slow
def test_the_model_keeps_the_range_and_other_programs_open_its_folder(deep_model: Finished) -> None:
    assert json.loads((deep_model.folder / "config.json").read_text("utf-8"))["pixel_ranges"] == {"integer": [0, 4095]}
    assert Predictor(deep_model.folder, "cpu").preprocessing.pixel_ranges == TWELVE_BITS
    network = timm.create_model(f"local-dir:{deep_model.folder}", pretrained=True)
    assert network.num_classes == 4
    transformers = pytest.importorskip("transformers")
    classify = transformers.pipeline("image-classification", str(deep_model.folder), device="cpu")
    photo = draw_photo(7)
    expected = {row["label"]: row["score"] for row in classify(photo, top_k=4)}
    (prediction,) = Predictor(deep_model.folder, "cpu").predict(photo)
    assert {one.label: one.confidence for one in prediction.top} == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_a_deep_photo_is_predicted_like_the_same_photo_of_eight_bits(
    deep_model: Finished, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("new")
    draw_example(folder / "photos", per_class=2, seed=9)
    predictor = Predictor(deep_model.folder, "cpu")
    for path in sorted((folder / "photos").glob("*/*")):
        values = gray_values(path)
        for factor in (1, 4):  # the second is darker, and is to be predicted as a dark photo
            dark = values // factor
            shallow = Image.fromarray(dark.astype(np.uint8))
            forms = [png16(dark * 16 + 7), tiff(dark * 16 + 7), png16(dark * 16 + 7, (b"sBIT", b"\x0c"))]
            (expected,) = predictor.predict(shallow)
            for prediction in predictor.predict(forms):
                assert prediction.top[0].label == expected.top[0].label
                assert prediction.top[0].confidence == pytest.approx(expected.top[0].confidence, abs=0.05)
    explained = predictor.explain(png16(values * 16 + 7)).pixels.astype(int)
    assert np.abs(explained - predictor.explain(Image.fromarray(values.astype(np.uint8))).pixels).max() <= 3


@pytest.mark.slow
def test_evaluation_and_similar_photos_use_the_range_of_the_model(
    deep_model: Finished, deep_set: Path, features: Path, tmp_path: Path
) -> None:
    assert deep_model.report.accuracy > 0.7
    draw_example(tmp_path / "new", per_class=2, seed=9)
    predictor = Predictor(deep_model.folder, "cpu")
    with Project.over(write_deep(tmp_path / "new", tmp_path / "deep"), features=features) as project:
        assert evaluate(predictor, project).accuracy > 0.7
    photo = next((tmp_path / "deep" / "mug").iterdir())
    ranges = predictor.preprocessing.pixel_ranges
    with Project.over(deep_set, features=features) as project:
        assert len(find_similar(project, deep_model.report, photo, pixel_ranges=ranges)) == 3
        assert find_similar(project, deep_model.report, photo) == []  # other features
