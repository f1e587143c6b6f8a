from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classifier.data.example import draw_example, draw_unseen
from classifier.data.images import open_picture, probe
from classifier.errors import StorageError


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.glob("*/*"))}


def test_every_class_gets_as_many_photos_as_asked_for(tmp_path: Path) -> None:
    draw_example(tmp_path, per_class=3)
    assert list(read_files(tmp_path)) == [
        f"{label}/{label} {number:02}.jpg" for label in ("apple", "key", "leaf", "mug") for number in (1, 2, 3)
    ]
    infos = [probe(path) for path in tmp_path.glob("*/*")]
    assert {(info.format, info.width, info.height) for info in infos} == {("JPEG", 320, 240), ("JPEG", 240, 320)}


@pytest.mark.slow
def test_equal_seeds_draw_equal_photos_and_others_other_ones(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        draw_example(tmp_path / name, per_class=2, seed=seed)
    one, again, other = (read_files(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert len({*one.values(), *other.values()}) == 16  # no two photos are the same


@pytest.mark.slow
def test_the_drawn_photos_stay_what_other_tests_were_measured_on(tmp_path: Path) -> None:
    draw_example(tmp_path, per_class=6)
    expected = {  # mean and standard deviation of red, green, blue
        "apple": [126.3, 114.5, 110.7, 39.9, 44.2, 49.9],
        "key": [140.7, 131.0, 115.7, 59.0, 68.1, 62.1],
        "leaf": [172.0, 160.5, 129.2, 44.0, 54.5, 58.5],
        "mug": [141.2, 142.6, 146.8, 46.6, 40.9, 43.6],
    }
    for label, statistics in expected.items():
        photos = [np.asarray(open_picture(path)).reshape(-1, 3) for path in (tmp_path / label).iterdir()]
        pixels = np.concatenate(photos)
        np.testing.assert_allclose([*pixels.mean(0), *pixels.std(0)], statistics, atol=0.3, err_msg=label)


def test_a_place_that_cannot_be_written_is_an_error_of_storage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="file"):
        draw_example(tmp_path / "file" / "set", per_class=1)


def test_photos_held_back_are_one_of_each_class_and_one_of_none() -> None:
    first, again = draw_unseen(), draw_unseen()
    assert [label for label, _ in first] == ["apple", "key", "leaf", "mug", ""]
    assert [picture.tobytes() for _, picture in first] == [picture.tobytes() for _, picture in again]
