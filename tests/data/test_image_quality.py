from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from classifier.data import image_quality
from classifier.data.descriptors import DESCRIPTOR_SIZE, compute_descriptor
from classifier.messages import message
from classifier.messages.data import DatasetQualityCode, QualityCode


def draw_texture(seed: int) -> Image.Image:
    """A picture with detail at every scale, as photos have, and full contrast."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(rng.integers(0, 255, (side, side), np.uint8)).resize((256, 256)), float)
        for side in (4, 16, 64, 256)
    ]
    photo = Image.fromarray(np.average(layers, 0, (4, 3, 2, 1)).astype(np.uint8)).convert("RGB")
    return photo.point(lambda value: max(0, min(255, round((value - 128) * 2 + 128))))


SPOIL = {
    QualityCode.BLURRED: lambda photo: photo.filter(ImageFilter.GaussianBlur(4)),
    QualityCode.DARK: lambda photo: ImageEnhance.Brightness(photo).enhance(0.15),
    QualityCode.BLOWN_OUT: lambda photo: ImageEnhance.Brightness(photo).enhance(8),
    QualityCode.EMPTY: lambda photo: Image.new("RGB", photo.size, (120, 120, 120)),
}


def find(photos: list[Image.Image], sizes: list[tuple[int, int]] | None = None) -> list[tuple[int, QualityCode]]:
    widths, heights = np.array(sizes or [photo.size for photo in photos]).T
    descriptors = np.stack(list(map(compute_descriptor, photos)))
    return [(issue.index, issue.code) for issue in image_quality.find_quality_issues(descriptors, widths, heights)]


@pytest.mark.parametrize("code", SPOIL)
def test_a_spoiled_photo_is_found_and_the_good_ones_are_not(code: QualityCode) -> None:
    photos = [draw_texture(seed) for seed in range(8)]
    assert find(photos) == []
    photos[3] = SPOIL[code](photos[3])
    assert find(photos) == [(3, code)]


@pytest.mark.parametrize("code", SPOIL)
def test_what_all_photos_have_is_an_issue_of_none(code: QualityCode) -> None:
    assert find([SPOIL[code](draw_texture(seed)) for seed in range(6)]) == []


def test_small_and_long_photos_are_found_beside_usual_ones() -> None:
    photos = [draw_texture(seed) for seed in range(5)]
    sizes = [(640, 480), (48, 40), (480, 640), (2000, 300), (640, 480)]
    assert find(photos, sizes) == [(1, QualityCode.TINY), (3, QualityCode.ODD_SHAPED)]
    assert find(photos, [(32, 32)] * 5) == []


# Thresholds: one photo whose measure is on either side, among usual photos that are far from the threshold.

USUAL = {
    "sharpness": 0.5,
    "darkest": 0.1,
    "median": 0.4,
    "brightest": 0.9,
    "overexposed": 0.0,
    "short": 400,
    "long": 500,
}


def find_codes(usual: dict[str, float], **changes: float) -> set[QualityCode]:
    """The issues of one photo with the usual measures and ``changes``, among six usual ones."""
    rows = [USUAL | usual] * 6 + [USUAL | usual | changes]
    names = ("sharpness", "darkest", "median", "brightest", "overexposed")
    measures = np.array([[row[name] for name in names] for row in rows], np.float32)
    shorts, longs = (np.array([row[name] for row in rows], np.int64) for name in ("short", "long"))
    issues = image_quality.find_quality_issues(measures, shorts, longs)
    assert all(issue.index == 6 for issue in issues)
    return {issue.code for issue in issues}


@pytest.mark.parametrize(
    ("code", "poor", "good", "usual"),
    [
        (QualityCode.BLURRED, {"sharpness": 0.115}, {"sharpness": 0.125}, {}),
        (QualityCode.BLURRED, {"sharpness": 0.0998}, {"sharpness": 0.1002}, {"sharpness": 0.25}),
        (QualityCode.DARK, {"brightest": 0.215}, {"brightest": 0.225}, {}),
        (QualityCode.DARK, {"brightest": 0.1998}, {"brightest": 0.2002}, {"brightest": 0.5}),
        (QualityCode.BLOWN_OUT, {"darkest": 0.805}, {"darkest": 0.795}, {}),
        (QualityCode.BLOWN_OUT, {"overexposed": 0.755}, {"overexposed": 0.745}, {}),
        (QualityCode.BLOWN_OUT, {"overexposed": 0.801}, {"overexposed": 0.799}, {"overexposed": 0.32}),
        (QualityCode.EMPTY, {"darkest": 0.45, "brightest": 0.505}, {"darkest": 0.45, "brightest": 0.515}, {}),
        (QualityCode.TINY, {"short": 63, "long": 80}, {"short": 64, "long": 80}, {}),
        (QualityCode.TINY, {"short": 39, "long": 50}, {"short": 40, "long": 50}, {"short": 100}),
        (QualityCode.ODD_SHAPED, {"long": 1201}, {"long": 1200}, {}),
        (QualityCode.ODD_SHAPED, {"long": 1251}, {"long": 1249}, {"long": 1000}),
    ],
)
def test_the_thresholds_of_each_issue(
    code: QualityCode, poor: dict[str, float], good: dict[str, float], usual: dict[str, float]
) -> None:
    assert find_codes(usual, **poor) == {code}
    assert find_codes(usual, **good) == set()


def test_bright_photos_are_overexposed_only_in_a_set_that_is_not_bright() -> None:
    assert find_codes({"darkest": 0.39}, darkest=0.85) == {QualityCode.BLOWN_OUT}
    assert find_codes({"darkest": 0.41}, darkest=0.85) == set()


def test_an_even_surface_is_an_issue_only_where_photos_have_contrast() -> None:
    even = {"darkest": 0.5, "brightest": 0.54}
    assert find_codes({"brightest": 0.251}, **even) == {QualityCode.EMPTY}
    assert find_codes({"brightest": 0.249}, **even) == set()


def test_a_photo_has_one_issue_of_exposure_and_none_of_sharpness_then() -> None:
    assert find_codes({}, sharpness=0, darkest=0.0, brightest=0.05) == {QualityCode.DARK}
    assert find_codes({}, sharpness=0, darkest=0.98, brightest=1, overexposed=1) == {QualityCode.BLOWN_OUT}
    assert find_codes({}, sharpness=0, darkest=0.5, brightest=0.51) == {QualityCode.EMPTY}
    assert find_codes({}, sharpness=0, short=20, long=100) == {
        QualityCode.BLURRED, QualityCode.TINY, QualityCode.ODD_SHAPED,
    }  # fmt: skip


def test_photos_without_measures_are_judged_by_their_size_only() -> None:
    unknown = np.full((3, DESCRIPTOR_SIZE), np.nan, np.float32)
    issues = image_quality.find_quality_issues(unknown, np.array([600, 20, 600]), np.array([400, 20, 400]))
    assert [(issue.index, issue.code) for issue in issues] == [(1, QualityCode.TINY)]
    assert image_quality.find_quality_issues(unknown[:0], np.zeros(0), np.zeros(0)) == []


def test_unknown_measures_do_not_hide_the_issue_of_another_photo() -> None:
    photos = [draw_texture(seed) for seed in range(5)]
    photos[1] = SPOIL[QualityCode.DARK](photos[1])
    descriptors = np.stack(list(map(compute_descriptor, photos)))
    descriptors[3] = np.nan
    (issue,) = image_quality.find_quality_issues(descriptors, np.full(5, 256), np.full(5, 256))
    assert (issue.index, issue.code) == (1, QualityCode.DARK)


def test_a_set_of_small_photos_is_described() -> None:
    tiny = message(DatasetQualityCode.MOSTLY_TINY, width=40, height=63)
    unknown = np.full((5, DESCRIPTOR_SIZE), np.nan, np.float32)
    assert image_quality.describe_set(unknown[:3], np.array([40, 40, 900]), np.array([63, 63, 900])) == [tiny]
    assert image_quality.describe_set(unknown, np.full(5, 64), np.full(5, 200)) == []
    assert image_quality.describe_set(unknown[:0], np.zeros(0), np.zeros(0)) == []


# Sets in which there is nothing to see, or always the same


def describe(pictures: Sequence[Image.Image]) -> np.ndarray:
    return np.stack([compute_descriptor(picture) for picture in pictures])


def draw_line(end: int) -> Image.Image:
    """A thin line far from the middle of a black picture."""
    picture = Image.new("RGB", (500, 400))
    ImageDraw.Draw(picture).line((10, 10, end, 30), fill="white", width=2)
    return picture


@pytest.mark.parametrize("color", ["black", "white", (120, 130, 140), (200, 10, 10)])
def test_a_photo_of_one_even_color_is_blank(color: str) -> None:
    blank = describe([Image.new("RGB", size, color) for size in ((100, 80), (300, 700), (9, 9))])
    assert image_quality.find_blank(blank).all()
    others = describe([draw_line(60), draw_texture(0), Image.linear_gradient("L").convert("RGB")])
    assert not image_quality.find_blank(others).any()
    assert not image_quality.find_blank(np.full((2, DESCRIPTOR_SIZE), np.nan)).any()


def test_a_set_that_is_mostly_blank_is_described() -> None:
    pictures = [Image.new("RGB", (100 + number, 80), "white") for number in range(3)] + [draw_texture(0)]
    (remark,) = image_quality.describe_set(describe(pictures), np.full(4, 256), np.full(4, 256))
    assert remark == message(DatasetQualityCode.MOSTLY_BLANK, blank=3, count=4)
    assert image_quality.describe_set(describe(pictures[2:]), np.full(2, 256), np.full(2, 256)) == []


@pytest.mark.parametrize(
    ("picture", "code"),
    [(Image.new("RGB", (64, 64)), DatasetQualityCode.ALL_BLANK), (draw_texture(3), DatasetQualityCode.ALL_SAME)],
)
def test_photos_of_one_picture_cannot_be_told_apart(picture: Image.Image, code: DatasetQualityCode) -> None:
    descriptors = describe([picture] * 4)
    features = np.random.default_rng(0).normal(size=(1, 64)) * (1 + 1e-3 * np.arange(4)[:, None])
    assert image_quality.explain_sameness(features.astype(np.float32), descriptors) == message(code, count=4)
    descriptors[1] = np.nan  # a photo that could not be opened again
    assert image_quality.explain_sameness(features.astype(np.float32), descriptors) == message(code, count=4)


def test_photos_that_differ_in_any_way_can_be_told_apart() -> None:
    features = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    same = describe([Image.new("RGB", (64, 64), (76, 76, 76)), Image.new("RGB", (64, 64), (255, 0, 0))] * 2)
    assert np.ptp(same[:, -5:], axis=0).max() == 0  # red is as bright as that gray
    assert image_quality.explain_sameness(features, same) is None
    lines = describe([draw_line(60), draw_line(100), draw_line(60), draw_line(100)])
    assert image_quality.explain_sameness(features[:1].repeat(4, 0), lines) is None
    assert image_quality.explain_sameness(features[:1], same[:1]) is None
    assert image_quality.explain_sameness(features, np.full((4, DESCRIPTOR_SIZE), np.nan)) is None


# Measures of one picture


def test_the_more_a_picture_is_blurred_the_less_sharp_it_is() -> None:
    rng = np.random.default_rng(0)
    sharp = Image.fromarray(rng.integers(0, 255, (64, 64), np.uint8)).resize((256, 256), Image.Resampling.NEAREST)
    found = [
        image_quality.measure_quality(sharp.filter(ImageFilter.GaussianBlur(radius)))[image_quality.SHARPNESS]
        for radius in (0, 1.5, 3, 6)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.1 < found[0]


def test_sharpness_is_that_of_the_middle() -> None:
    sharp = draw_texture(1).convert("L")
    framed = Image.new("L", (600, 500), 128)
    framed.paste(sharp, (172, 122))
    expected = image_quality.measure_quality(sharp)[image_quality.SHARPNESS]
    assert image_quality.measure_quality(framed)[image_quality.SHARPNESS] == expected


def test_a_uniform_surface_is_sharp_and_a_smooth_gradient_is_not() -> None:
    ramp = np.linspace(0, 1, 256)[None].repeat(256, 0)
    for contrast, sharpness in ((0.0, 1), (0.15, 1), (0.25, 0)):
        gray = Image.fromarray((100 + 255 * contrast * ramp).round().astype(np.uint8))
        assert image_quality.measure_quality(gray)[image_quality.SHARPNESS] == sharpness


def test_the_sharpness_of_a_picture_of_thirteen_pixels_is_measured() -> None:
    """Its quarter is 3 by 3 pixels, the least that has a pixel with neighbors on all sides."""
    gray = draw_texture(1).convert("L").resize((13, 13), Image.Resampling.BICUBIC)
    smooth = gray.filter(ImageFilter.GaussianBlur(2))
    assert 0.02 < image_quality.measure_quality(smooth)[image_quality.SHARPNESS] < 0.98


def test_brightness_is_that_of_the_darkest_median_and_brightest_twentieth() -> None:
    gray = Image.fromarray(np.arange(100, 200, dtype=np.uint8)[None].repeat(4, 0))
    measures = image_quality.measure_quality(gray) * 255
    assert measures[image_quality.DARKEST : image_quality.OVEREXPOSED].round().tolist() == [104, 149, 194]


def test_pixels_from_250_on_are_overexposed() -> None:
    gray = Image.fromarray(np.array([[100, 249, 250, 255]] * 3, np.uint8))
    assert image_quality.measure_quality(gray)[image_quality.OVEREXPOSED] == pytest.approx(0.5)


def test_every_issue_has_the_word_that_the_command_line_prints() -> None:
    assert [code.id for code in QualityCode] == ["blurred", "dark", "blown-out", "empty", "tiny", "odd-shaped"]
