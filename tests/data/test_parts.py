from __future__ import annotations

import numpy as np
import pytest

from classifier.data.parts import divide


def draw(count: int, width: int = 80) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, width)).astype(np.float32)


def test_a_small_set_is_one_part() -> None:
    ((own, others),) = divide(draw(50), 50)
    assert own.tolist() == others.tolist() == list(range(50))


@pytest.mark.parametrize("points", [draw(1000), np.ones((1000, 80), np.float32), draw(1000, 3)])
def test_each_point_is_in_one_part_with_some_that_are_near_it(points: np.ndarray) -> None:
    parts = list(divide(points, 100))
    assert sorted(np.concatenate([own for own, _ in parts]).tolist()) == list(range(1000))
    for own, others in parts:
        assert set(own.tolist()) <= set(others.tolist())
        assert len(others) <= 100
        assert (np.diff(others) > 0).all()


def test_points_that_are_near_each_other_are_in_one_part() -> None:
    points = draw(1000)
    points[500:] = points[:500] + 0.01 * draw(500)
    together = set()
    for own, others in divide(points, 150):
        both = set(others.tolist()) & {(row + 500) % 1000 for row in others.tolist()}
        together |= {row % 500 for row in both & set(own.tolist())}
    assert len(together) == 500


def test_the_number_of_parts_grows_as_the_number_of_points() -> None:
    few, many = (len(list(divide(draw(count, 4), 100))) for count in (2000, 8000))
    assert many <= 16 * few
