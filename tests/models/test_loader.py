from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader

from classifier.config import LIMITS, Limits, PixelRanges, Preprocessing
from classifier.data.dataset import PhotoDataset, Sample
from classifier.device import Device
from classifier.errors import ModelError
from classifier.messages import Message
from classifier.messages.data import PhotoCode
from classifier.models.loader import EvalViews, map_in_order, run_batches
from classifier.models.transforms import eval_transform, normalize
from tests.helpers import draw_photo, encode
from tests.picture_files import png16

P = Preprocessing(size=16, mean=(0.1, 0.2, 0.3))
VIEWS = EvalViews((P, P.with_resize_mode("squash")))
DEVICE = Device(torch.device("cpu"), torch.float32, workers=2, batch=3)


class Mean(nn.Module):
    """Mean color of a picture; counts the batches and their sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.threads: set[int] = set()

    def forward(self, pixels: Tensor) -> Tensor:
        self.sizes.append(len(pixels))
        self.threads.add(torch.get_num_threads())
        assert torch.is_inference_mode_enabled()
        return pixels.mean((2, 3))


def test_outputs_are_those_of_each_picture_alone_in_order() -> None:
    pictures = [draw_photo(seed, (40 + seed, 30)) for seed in range(11)]
    network = Mean()
    outputs = list(run_batches(network, pictures, VIEWS, DEVICE, torch.float32, None, LIMITS))
    for picture, output in zip(pictures, outputs, strict=True):
        views = torch.stack([eval_transform(one)(picture) for one in VIEWS.preprocessings])
        expected = normalize(views, P, torch.device("cpu"), torch.float32).mean((2, 3))
        assert isinstance(output, Tensor)
        assert torch.allclose(output, expected, atol=1e-6)
    assert sorted(set(network.sizes)) == [2, 3]  # 11 pictures in batches of 3
    assert network.threads == {1}


class Hungry(Mean):
    """Asks for memory that no system has for more than so many pictures."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, pixels: Tensor) -> Tensor:
        if len(pixels) > self.most:
            torch.empty(2**60, dtype=torch.uint8)
        return super().forward(pixels)


def test_where_memory_runs_out_batches_become_smaller() -> None:
    pictures = [draw_photo(seed) for seed in range(11)]
    device, found = replace(DEVICE, batch=6), []
    for network in (Mean(), Hungry(2)):
        found.append(list(run_batches(network, pictures, VIEWS, device, torch.float32, None, LIMITS)))
        assert max(network.sizes) == (6 if len(found) == 1 else 2)
    for all_at_once, in_parts in zip(*found, strict=True):
        assert isinstance(all_at_once, Tensor)
        assert isinstance(in_parts, Tensor)
        assert torch.equal(all_at_once, in_parts)
    with pytest.raises(ModelError, match="memory does not suffice"):
        list(run_batches(Hungry(0), pictures, VIEWS, device, torch.float32, None, LIMITS))


@pytest.mark.parametrize(("count", "sizes"), [(1, {1}), (4, {2}), (5, {2, 3}), (7, {1, 3})])
def test_a_few_pictures_are_divided_among_the_workers(count: int, sizes: set[int]) -> None:
    network = Mean()
    pictures = [draw_photo(seed) for seed in range(count)]
    assert len(list(run_batches(network, pictures, EvalViews((P,)), DEVICE, torch.float32, None, LIMITS))) == count
    assert set(network.sizes) == sizes


def test_without_a_network_the_views_come_as_bytes() -> None:
    (output,) = run_batches(None, [draw_photo()], VIEWS, DEVICE, torch.float32, None, LIMITS)
    assert isinstance(output, Tensor)
    assert (output.dtype, output.shape) == (torch.uint8, (2, 3, 16, 16))
    assert torch.equal(output[1], eval_transform(VIEWS.preprocessings[1])(draw_photo()))


def test_outputs_have_the_dtype_that_was_asked_for() -> None:
    (output,) = run_batches(Mean(), [draw_photo()], VIEWS, DEVICE, torch.bfloat16, None, LIMITS)
    assert isinstance(output, Tensor)
    assert output.dtype == torch.bfloat16


@pytest.mark.parametrize("network", [None, Mean()])
def test_a_message_takes_the_place_of_an_unusable_picture(network: nn.Module | None, tmp_path: Path) -> None:
    good = encode(draw_photo())
    sources = [b"", good, tmp_path / "missing.jpg", good, good[:300]]
    outputs = list(run_batches(network, sources, VIEWS, DEVICE, torch.float32, None, LIMITS))
    assert [isinstance(output, Message) for output in outputs] == [True, False, True, False, True]
    assert outputs[0].code is PhotoCode.EMPTY_FILE
    assert outputs[2].code is PhotoCode.CANNOT_OPEN
    unusable = list(run_batches(network, sources[:1], VIEWS, DEVICE, torch.float32, None, LIMITS))
    assert unusable == [outputs[0]]
    assert list(run_batches(network, [], VIEWS, DEVICE, torch.float32, None, LIMITS)) == []


def test_the_limits_apply_to_every_picture() -> None:
    outputs = run_batches(None, [draw_photo(size=(20, 20))], VIEWS, DEVICE, torch.float32, None, Limits(pixels=399))
    assert [output.code for output in outputs] == [PhotoCode.TOO_MANY_PIXELS]


def test_deep_pictures_are_decoded_by_the_ranges_of_the_preprocessing() -> None:
    deep = png16(np.full((20, 20), 300, np.uint16))
    for top, expected in ((1000, 77), (400, 191)):
        ranged = replace(P, pixel_ranges=PixelRanges(integer=(0, top)))
        (output,) = run_batches(None, [deep], EvalViews((ranged,)), DEVICE, torch.float32, None, LIMITS)
        assert isinstance(output, Tensor)
        assert (output == expected).all()


def test_a_large_jpeg_is_decoded_at_a_smaller_scale() -> None:
    sizes = []

    class Sizes(EvalViews):
        def __call__(self, index: int, picture: Image.Image) -> Tensor:
            sizes.append(picture.size)
            return super().__call__(index, picture)

    large = encode(draw_photo(0, (1200, 800)))
    for shortest in (None, 100, 200):
        list(run_batches(None, [large], Sizes((P,)), DEVICE, torch.float32, shortest, LIMITS))
    assert sizes == [(1200, 800), (150, 100), (300, 200)]


def test_views_are_made_for_the_index_of_the_picture() -> None:
    class Index(EvalViews):
        def __call__(self, index: int, picture: Image.Image) -> Tensor:
            return torch.full((1, 3, 4, 4), index, dtype=torch.uint8)

    pictures = [draw_photo()] * 9
    outputs = run_batches(None, pictures, Index((P,)), DEVICE, torch.float32, None, LIMITS)
    assert [int(output[0, 0, 0, 0]) for output in outputs] == list(range(9))  # type: ignore[index]


def test_the_same_pixels_come_out_of_a_plain_dataloader(tmp_path: Path) -> None:
    samples = []
    for seed in range(5):
        draw_photo(seed, (50, 40)).save(tmp_path / f"{seed}.png")
        samples.append(Sample(str(seed), tmp_path / f"{seed}.png", seed % 2, 50, 40))
    batches = list(DataLoader(PhotoDataset(samples, eval_transform(P)), batch_size=2))
    ours = run_batches(None, [s.path for s in samples], EvalViews((P,)), DEVICE, torch.float32, None, LIMITS)
    assert torch.equal(torch.cat([pixels for pixels, _ in batches]), torch.cat(list(ours)))  # type: ignore[arg-type]
    assert torch.cat([labels for _, labels in batches]).tolist() == [0, 1, 0, 1, 0]


def test_a_single_picture_is_run_in_the_calling_thread_and_as_among_others() -> None:
    used = set[int]()

    class Threads(EvalViews):
        def __call__(self, index: int, picture: Image.Image) -> Tensor:
            used.add(threading.get_ident())
            return super().__call__(index, picture)

    views, pictures, network = Threads(VIEWS.preprocessings), [draw_photo(seed, (40, 30)) for seed in range(3)], Mean()
    (alone,) = run_batches(network, pictures[:1], views, DEVICE, torch.float32, None, LIMITS)
    assert used == {threading.get_ident()}
    first, *_ = run_batches(network, pictures, views, DEVICE, torch.float32, None, LIMITS)
    assert isinstance(alone, Tensor)
    assert isinstance(first, Tensor)
    assert torch.equal(alone, first)


def test_a_gpu_gets_whole_batches_in_the_calling_thread() -> None:
    """torch's device “meta” stands for a GPU: it computes nothing, and its outputs cannot come back."""
    network, threads = Mean(), []
    network.register_forward_pre_hook(lambda *_: threads.append(threading.current_thread()))
    device = replace(DEVICE, torch_device=torch.device("meta"))
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        list(run_batches(network, [draw_photo()] * 4, EvalViews((P,)), device, torch.float32, None, LIMITS))
    assert threads == [threading.main_thread()]


def test_results_are_mapped_in_order_however_long_each_takes() -> None:
    with ThreadPoolExecutor(4) as pool:
        delays = np.random.default_rng(0).uniform(0, 0.01, 20)

        def work(item: int) -> int:
            time.sleep(delays[item])
            return item

        assert list(map_in_order(pool, work, range(20), ahead=8)) == list(range(20))


def test_only_so_many_items_are_under_way() -> None:
    taken = []

    def items() -> object:
        for item in range(10):
            taken.append(item)
            yield item

    with ThreadPoolExecutor(2) as pool:
        results = map_in_order(pool, lambda item: item, items(), ahead=3)  # type: ignore[arg-type, var-annotated]
        assert next(results) == 0
        assert taken == [0, 1, 2]
        assert next(results) == 1
        assert taken == [0, 1, 2, 3]


def test_items_that_have_not_started_are_cancelled_when_closed() -> None:
    started, go = [], threading.Event()

    def work(item: int) -> int:
        started.append(item)
        if item:
            go.wait(120)
        return item

    with ThreadPoolExecutor(1) as pool:
        results = map_in_order(pool, work, range(9), ahead=5)
        assert next(results) == 0
        results.close()  # type: ignore[attr-defined]
        go.set()
    assert started in ([0], [0, 1])
