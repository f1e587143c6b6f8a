from __future__ import annotations

import numpy as np
import pytest

from classifier.data.large_arrays import allocate, scale_to_unit, side_by_side, signed_roots, take_rows


@pytest.mark.parametrize("mapped", [0, 2**30])
def test_a_mapped_array_holds_what_one_in_memory_does(mapped: int) -> None:
    array = allocate((50, 20), mapped)
    array[:] = np.arange(1000).reshape(50, 20)
    assert type(array) is np.ndarray
    assert array.sum() == 499_500


def test_an_array_of_nothing_can_be_allocated() -> None:
    assert allocate((0, 20), 0).shape == (0, 20)


def test_rows_can_be_taken_in_any_order_and_more_than_once() -> None:
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert take_rows(values, np.array([3, 0, 3])).tolist() == values[[3, 0, 3]].tolist()


def test_roots_keep_signs_and_rows_get_length_one() -> None:
    values = np.array([[4, -9], [0, 0]], np.float32)
    assert signed_roots(values).tolist() == [[2, -3], [0, 0]]
    assert np.linalg.norm(scale_to_unit(signed_roots(values)), axis=1).tolist() == pytest.approx([1, 0])
    assert values.tolist() == [[4, -9], [0, 0]]


def test_arrays_of_the_same_photos_are_joined_by_columns() -> None:
    one, two = np.ones((3, 2), np.float32), np.arange(3, dtype=np.float32)[:, None]
    assert side_by_side([one, two]).tolist() == np.hstack([one, two]).tolist()
