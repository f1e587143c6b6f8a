from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from classifier.config import Preprocessing
from classifier.training.batches import Batch, load_batch, place_views, sample_batches
from tests.training.runs import CPU, make_data, make_spec


def joined(epoch: int, **changes: object) -> Batch:
    batches = sample_batches(make_data(), make_spec(**changes), epoch)
    return Batch(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in ("idx", "view", "flipped")))


def by_image(batch: Batch, values: NDArray[np.generic]) -> list[object]:
    return [value for _, value in sorted(zip(batch.idx.tolist(), values.tolist()))]


def test_an_epoch_has_every_training_image_once_in_random_order() -> None:
    first, second = joined(0), joined(1)
    assert sorted(first.idx) == sorted(second.idx) == list(range(12))
    assert first.idx.tolist() != second.idx.tolist()
    assert joined(0).idx.tolist() == first.idx.tolist()
    assert joined(0, seed=1).idx.tolist() != first.idx.tolist()


@pytest.mark.parametrize(("batch", "sizes"), [(4, [4, 4, 4]), (5, [6, 6]), (7, [6, 6]), (30, [12]), (1, [1] * 12)])
def test_batches_are_of_about_one_size(batch: int, sizes: list[int]) -> None:
    assert [len(part) for part in sample_batches(make_data(), make_spec(batch=batch), 0)] == sizes


def test_classes_that_differ_in_size_are_sampled_evenly() -> None:
    uneven = make_data(y=np.array([0] * 10 + [1] * 4 + [2, 2]), train_idx=np.arange(14))  # 10 to 4
    drawn = np.concatenate([batch.idx for epoch in range(60) for batch in sample_batches(uneven, make_spec(), epoch)])
    assert len(drawn) == 60 * 14
    assert uneven.y[drawn].mean() == pytest.approx(0.5, abs=0.06)
    twice = make_data(y=np.array([0] * 8 + [1] * 4 + [1] * 4))  # 8 to 4
    drawn = np.concatenate([batch.idx for batch in sample_batches(twice, make_spec(), 0)])
    assert sorted(drawn) == list(range(12))


def test_every_image_takes_its_augmented_views_in_turn() -> None:
    epochs = [joined(epoch) for epoch in range(6)]
    views = np.array([by_image(batch, batch.view) for batch in epochs])  # (6, 12)
    assert views.min() == 1
    assert views.max() == 3
    assert (views[:3] != views[1:4]).all()
    assert np.array_equal(views[:3], views[3:])
    assert all(sorted(column) == [1, 2, 3] for column in views[:3].T)
    assert len(set(views[0])) == 3  # not all begin with the same


def test_half_of_the_images_are_flipped_and_not_the_same_in_each_epoch() -> None:
    flips = np.array([by_image(batch, batch.flipped) for batch in (joined(epoch, hflip=True) for epoch in range(40))])
    assert flips.mean() == pytest.approx(0.5, abs=0.06)
    assert (flips.any(0) & ~flips.all(0)).all()
    assert not joined(0, hflip=False).flipped.any()


def test_a_flipped_image_is_mirrored_from_left_to_right() -> None:
    row = torch.arange(8, dtype=torch.uint8) * 20
    data = make_data(views=row.expand(16, 4, 3, 8, 8).clone(), preprocessing=Preprocessing(size=8))
    batch = Batch(np.array([3, 5]), np.array([1, 2]), np.array([True, False]))
    inputs, targets = load_batch(data, batch, CPU)
    assert inputs.shape == (2, 3, 8, 8)
    torch.testing.assert_close(inputs[1, 0, 0], row / 255 * 2 - 1)  # mean and standard deviation one half
    torch.testing.assert_close(inputs[0], inputs[1].flip(-1))
    assert targets.tolist() == [1, 1]
    assert torch.equal(data.views[3, 1, 0, 0], row)  # the cache is left as it was


def test_a_batch_reads_the_view_that_it_names() -> None:
    data = make_data()
    batch = Batch(np.array([0, 1, 2]), np.array([1, 2, 3]), np.zeros(3, np.bool_))
    inputs, targets = load_batch(data, batch, CPU)
    expected = torch.stack([data.views[0, 1], data.views[1, 2], data.views[2, 3]]).float() / 255 * 2 - 1
    torch.testing.assert_close(inputs, expected)
    assert targets.tolist() == [0, 1, 0]


def test_activations_are_not_flipped_and_come_as_channels_first() -> None:
    views = torch.randn(16, 4, 5, 6, 7, generator=torch.Generator().manual_seed(0)).bfloat16()  # (N, V, H, W, C)
    batch = Batch(np.array([3, 5]), np.array([1, 2]), np.array([True, True]))
    inputs, _ = load_batch(make_data(views=views), batch, CPU)
    assert inputs.shape == (2, 7, 5, 6)
    assert torch.equal(inputs[1, :, 2, 3], views[5, 2, 2, 3])
    tokens = views[:, :, 0]  # (N, V, W, C) as of a transformer
    inputs, _ = load_batch(make_data(views=tokens), batch, CPU)
    assert torch.equal(inputs[0], tokens[3, 1])


def test_views_stay_where_they_are_without_a_gpu() -> None:
    views = make_data().views
    assert place_views(views, CPU) is views


def test_some_rows_of_a_batch_keep_their_view_and_flip() -> None:
    batch = Batch(np.array([4, 5, 6]), np.array([1, 2, 3]), np.array([True, False, True]))
    part = batch[np.array([2, 0])]
    assert (part.idx.tolist(), part.view.tolist(), part.flipped.tolist()) == ([6, 4], [3, 1], [True, True])
    assert len(part) == 2
