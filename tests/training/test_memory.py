"""What fits into the memory, and trainings that ended the program."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from classifier.errors import DataError
from classifier.messages.training import TrainingCode
from classifier.training import attempts
from classifier.training.memory import activation_bytes, fitting, limit_micro_batch
from tests.training.runs import CPU, make_network

ONE = torch.zeros(1, 3, 34, 34)
PHOTO = 4 * (3 * 8 * 32 * 32 + 2 * 8 + 2)  # convolution, norm and activation; pooled and flat; two classes
WEIGHTS = 4 * (8 * 27 + 8 + 4 * 8 + 2 * 8 + 2) + 8


def test_the_memory_of_a_photo_is_that_of_all_layers() -> None:
    network = make_network()
    assert activation_bytes(network, ONE) == PHOTO
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(("photos", "threads", "fits"), [(1, 1, 1), (1, 2, 1), (9, 1, 8), (100, 2, 32)])
def test_as_many_photos_are_taken_as_fit_half_of_the_memory(photos: int, threads: int, fits: int) -> None:
    assert fitting(make_network(), ONE, 6 * WEIGHTS + 2 * photos * PHOTO + 1, threads) == fits


def test_a_network_that_does_not_fit_is_refused_with_a_sentence() -> None:
    with pytest.raises(DataError, match="choose a smaller network") as caught:
        fitting(make_network(), ONE, 6 * WEIGHTS + PHOTO, 1)
    assert caught.value.code is TrainingCode.TOO_LITTLE_MEMORY


def test_a_typed_batch_is_divided_into_pieces_that_fit() -> None:
    network = nn.Sequential(nn.Conv2d(3, 35, 1), nn.Flatten())  # 160 kB for each photo
    huge = limit_micro_batch(network, ONE, CPU, 10**9, 0)
    assert huge < 10**9
    assert limit_micro_batch(network, ONE, CPU, 16, 0) == 32  # nothing changes where all fit


@pytest.mark.parametrize(("retries", "photos"), [(1, 4), (2, 2), (3, 1), (9, 1)])
def test_a_training_that_ended_the_program_takes_smaller_pieces(retries: int, photos: int) -> None:
    assert limit_micro_batch(make_network(), ONE, CPU, 16, retries) == photos


def test_starts_are_counted_until_an_epoch_is_complete(tmp_path: Path) -> None:
    assert attempts.count_starts(tmp_path) == 0
    for _ in range(3):
        attempts.record_start(tmp_path)
    assert attempts.count_starts(tmp_path) == 3
    attempts.record_epoch(tmp_path)
    assert attempts.count_starts(tmp_path) == 0


@pytest.mark.parametrize("text", ["", "many", "-4", "9" * 5000])
def test_a_damaged_count_of_starts_raises_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "starts.txt").write_text(text)
    assert attempts.count_starts(tmp_path) >= 0
