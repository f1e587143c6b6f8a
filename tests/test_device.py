from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from classifier import device as devices
from classifier.errors import SettingError


def test_the_cpu_is_always_there() -> None:
    cpu = devices.choose("cpu")
    assert (cpu.is_cpu, cpu.name) == (True, "CPU")
    assert cpu.workers >= 1
    assert cpu.batch >= 1
    assert cpu.dtype in (torch.float32, torch.bfloat16)


def test_without_a_name_a_device_is_found_and_found_again() -> None:
    assert devices.choose() == devices.choose()
    assert devices.choose().name


@pytest.mark.parametrize("name", ["potato", "cuda:x", "cuda:77", "meta", "xla", "cpu:3", "CPU 1", "1"])
def test_a_device_that_is_not_there_is_a_plain_message(name: str) -> None:
    with pytest.raises(SettingError, match=f"“{name}”"):
        devices.choose(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_a_plain_message() -> None:
    with pytest.raises(SettingError, match="no usable NVIDIA GPU"):
        devices.choose("cuda")


def test_workers_have_one_thread_each_and_the_number_comes_back_even_after_an_error() -> None:
    before = torch.get_num_threads()
    cpu = devices.choose("cpu")
    with devices.single_threaded_workers(cpu) as pool:
        assert set(pool.map(lambda _: torch.get_num_threads(), range(20))) == {1}
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError), devices.single_threaded_workers(cpu) as pool:
        pool.submit(divmod, 1, 0).result()
    assert torch.get_num_threads() == before


def test_a_stream_gives_what_the_work_gives_and_ends_it_when_left() -> None:
    ended = []

    def count(top: int) -> Iterator[int]:
        try:
            yield from range(top)
        finally:
            ended.append(top)

    assert list(devices.stream(count, 3)) == [0, 1, 2]
    left = devices.stream(count, 9)
    assert next(left) == 0
    left.close()  # type: ignore[attr-defined]
    assert ended == [3, 9]


def test_a_prediction_that_ends_while_a_training_works_leaves_the_threads_to_it() -> None:
    before = torch.get_num_threads()
    cpu = devices.choose("cpu")
    training, prediction = devices.single_threaded_workers(cpu), devices.single_threaded_workers(cpu)
    with training:
        torch.set_num_threads(1)
        with prediction:
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
