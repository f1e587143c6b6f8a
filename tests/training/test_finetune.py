from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from classifier import device as devices
from classifier.events import Epoch, Note, Progress
from classifier.messages import Message
from classifier.messages.training import HintCode, TrainingCode
from classifier.training import finetune
from classifier.training.batches import load_batch, sample_batches
from classifier.training.finetune import NonFiniteLossError
from classifier.training.linear_head import fit_temperature
from classifier.training.loss import cross_entropy
from classifier.training.train_state import TrainState
from tests import processes
from tests.training.runs import (
    BEST_CPU,
    CPU,
    HEAD,
    copy_of,
    equal,
    make_data,
    make_network,
    make_spec,
    make_state,
    train,
)


def step(state: TrainState, factor: float = 1.0, **changes: Any) -> tuple[float, int]:
    """One step on the first batch of the first epoch; the loss is scaled by ``factor``."""
    data, spec = make_data(), make_spec(**changes)
    batch = sample_batches(data, spec, 0)[0]
    with finetune.workers(CPU) as pool:
        return finetune.train_step(state, data, spec, batch, lambda *args: factor * cross_entropy(*args), pool)


# -- a step


@pytest.mark.parametrize("factor", [1.0, 100.0], ids=["small gradient", "clipped gradient"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_step_gives_what_a_plain_loop_in_torch_gives(factor: float, optimizer: Any) -> None:
    spec, data = make_spec(optimizer=optimizer), make_data()
    ours, plain = make_state(spec), make_state(spec)
    loss, correct = step(ours, factor, optimizer=optimizer)

    inputs, targets = load_batch(data, sample_batches(data, spec, 0)[0], CPU)
    logits = plain.network(inputs)
    expected = factor * nn.functional.cross_entropy(logits, targets, label_smoothing=0.1)
    expected.backward()
    norm = nn.utils.clip_grad_norm_(plain.network.parameters(), 1.0)
    plain.optimizer.step()
    assert (norm > 1) == (factor > 1)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert correct == int((logits.argmax(1) == targets).sum())
    for found, value in zip(ours.network.parameters(), plain.network.parameters()):
        torch.testing.assert_close(found, value, rtol=1e-4, atol=1e-6)
    assert not equal(dict(ours.network.named_parameters()), dict(make_network().named_parameters()))


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_only_the_rounding(threads: int) -> None:
    one, other, again = (
        make_state(make_spec(), device=replace(CPU, workers=number)) for number in (2, threads, threads)
    )
    for state in (one, other, again):
        step(state)
    for found, value in zip(other.network.parameters(), one.network.parameters()):
        torch.testing.assert_close(found, value, rtol=1e-4, atol=1e-6)
    assert equal(other.network.state_dict(), again.network.state_dict())


class Recorder(nn.Module):
    """The tiny network, which notes each size of its input and whether it was training; fails beyond a size."""

    def __init__(self, limit: int = 1000, error: Exception | None = None) -> None:
        super().__init__()
        self.body = make_network()
        self.limit = limit
        self.error = error or torch.OutOfMemoryError("out of memory")
        self.sizes: list[int] = []
        self.modes: set[tuple[bool, bool]] = set()

    def forward(self, pixels: Tensor) -> Tensor:
        self.sizes.append(len(pixels))
        self.modes.add((self.training, torch.is_inference_mode_enabled()))
        if len(pixels) > self.limit:
            raise self.error
        logits: Tensor = self.body(pixels)
        return logits


def recorded(spec: Any, **settings: Any) -> tuple[TrainState, Recorder]:
    network = Recorder(**settings)
    return TrainState(network, f"body.{HEAD}", [["body.0", "body.1"]], spec, CPU), network


def test_a_batch_is_divided_among_the_threads() -> None:
    state, network = recorded(make_spec(batch=12))
    train(state, make_data(), make_spec(batch=12))
    assert network.sizes == [6, 6, 4]  # two threads; the last are the validation images
    assert network.modes == {(False, False), (False, True)}


def test_a_batch_is_whole_where_batch_norms_train() -> None:
    spec = make_spec(batch=12, from_scratch=True)
    state, network = recorded(spec)
    before = copy_of(network.body[1].state_dict())
    train(state, make_data(), spec)
    assert network.sizes == [12, 4]
    assert network.modes == {(True, False), (False, True)}
    assert not torch.equal(network.body[1].running_mean, before["running_mean"])  # type: ignore[arg-type]
    assert network.body[1].num_batches_tracked == 1


class Meeting(nn.Module):
    """The tiny network, which counts the threads that are in it at once and waits ``seconds`` for another to come."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.body = make_network()
        self.barrier = threading.Barrier(2)
        self.inside = self.most = 0

    def forward(self, pixels: Tensor) -> Tensor:
        self.inside += 1
        self.most = max(self.most, self.inside)
        with suppress(threading.BrokenBarrierError):
            self.barrier.wait(self.seconds)
        logits: Tensor = self.body(pixels)
        self.inside -= 1
        return logits


@pytest.mark.slow
@pytest.mark.parametrize(("from_scratch", "most", "seconds"), [(False, 2, 60), (True, 1, 0.3)])
def test_pieces_run_side_by_side_unless_batch_norms_train(from_scratch: bool, most: int, seconds: float) -> None:
    spec, data = make_spec(from_scratch=from_scratch), make_data()
    network = Meeting(seconds)
    state = TrainState(network, f"body.{HEAD}", [["body.0", "body.1"]], spec, CPU)
    state.micro_batch = 2
    with finetune.workers(CPU) as pool:
        finetune.train_step(state, data, spec, sample_batches(data, spec, 0)[0], cross_entropy, pool)
    assert network.most == most


def test_pretrained_batch_norms_keep_their_statistics() -> None:
    state = make_state(make_spec())
    train(state, make_data(), make_spec())
    assert torch.equal(state.network[1].running_mean, torch.zeros(8))  # type: ignore[index]


# -- out of memory


def test_out_of_memory_halves_the_batch_and_gives_the_same_result() -> None:
    spec = make_spec(batch=6)
    plain, (state, network) = make_state(spec), recorded(spec, limit=2)
    train(plain, make_data(), spec)
    notes = [event.message for event in train(state, make_data(), spec) if isinstance(event, Note)]
    assert notes == [Message(TrainingCode.OUT_OF_MEMORY, (("before", 12), ("after", 2)))]
    assert "same result" in str(notes[0])
    assert state.micro_batch == 2
    assert network.sizes[-2:] == [2, 2]  # also when it validates
    for name, value in plain.network.named_parameters():
        torch.testing.assert_close(network.body.get_parameter(name), value, rtol=1e-3, atol=1e-4)


def test_the_same_result_is_not_promised_where_batch_norms_train() -> None:
    spec = make_spec(batch=6, from_scratch=True)
    state, _ = recorded(spec, limit=3)
    notes = [event.message for event in train(state, make_data(), spec) if isinstance(event, Note)]
    assert [note.code for note in notes] == [TrainingCode.OUT_OF_MEMORY_FROM_SCRATCH]
    assert "same result" not in str(notes[0])
    assert dict(notes[0].arguments) == {"before": 12, "after": 3}


def test_an_odd_number_of_images_is_halved_upwards() -> None:
    spec = make_spec(batch=6)
    state, _ = recorded(spec, limit=3)
    state.micro_batch = 5
    step(state, batch=12)
    assert state.micro_batch == 3


@pytest.mark.parametrize(
    ("limit", "error"),
    [(0, torch.OutOfMemoryError("not even one image")), (1, RuntimeError("shapes do not match"))],
)
def test_an_error_that_smaller_pieces_do_not_mend_is_raised(limit: int, error: Exception) -> None:
    spec = make_spec()
    state, network = recorded(spec, limit=limit, error=error)
    before = copy_of(network.body.state_dict())
    with pytest.raises(RuntimeError) as raised:
        train(state, make_data(), spec)
    assert raised.value is error
    assert state.epoch == 0
    assert equal(network.body.state_dict(), before)


def test_memory_errors_are_told_from_others() -> None:
    refused = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"
    assert devices.is_out_of_memory(torch.OutOfMemoryError())
    assert devices.is_out_of_memory(MemoryError())
    assert devices.is_out_of_memory(RuntimeError(refused))
    assert not devices.is_out_of_memory(RuntimeError("shapes do not match"))
    assert not devices.is_out_of_memory(OSError(refused))


@pytest.mark.slow
def test_memory_that_the_system_refuses_is_recognized() -> None:
    code = (
        "import os, resource, sys, torch\n"
        "from classifier.device import is_out_of_memory\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * os.sysconf('SC_PAGE_SIZE')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))\n"
        "try:\n    torch.empty(2**31)\n"
        "except RuntimeError as error:\n    sys.exit(0 if is_out_of_memory(error) else 1)\n"
    )
    assert processes.run(["-c", code]).returncode == 0


# -- an epoch


def test_the_learning_rate_follows_the_schedule_step_by_step() -> None:
    spec, progress = make_spec(epochs=4), []
    state = make_state(spec)
    initial = [group["initial_lr"] for group in state.optimizer.param_groups]

    def schedule(value: float) -> float:
        progress.append(value)
        return value + 1

    train(state, make_data(), spec, 2, schedule=schedule)
    assert progress == pytest.approx([0, 1 / 12, 2 / 12, 3 / 12, 4 / 12, 5 / 12])
    rates = [group["lr"] for group in state.optimizer.param_groups]
    assert rates == pytest.approx([rate * (1 + 5 / 12) for rate in initial])


def test_progress_counts_images_and_seconds_over_all_epochs() -> None:
    spec = make_spec(epochs=2)
    state = make_state(spec)
    events = [event for event in train(state, make_data(), spec, 2) if isinstance(event, Progress)]
    assert [event.done for event in events] == [4, 8, 12] * 2
    assert {event.total for event in events} == {12}
    steps = [Message(TrainingCode.EPOCH, (("number", number), ("total", 2))) for number in (1, 2)]
    assert [event.step for event in events] == [steps[0]] * 3 + [steps[1]] * 3
    assert str(events[0].step) == "Learning, round 1 of 2"
    assert events[-1].seconds_left == pytest.approx(0, abs=1e-9)
    assert all(event.seconds_left is not None and event.seconds_left > 0 for event in events[:-1])


def test_the_seconds_left_follow_from_the_seconds_so_far() -> None:
    spec, data = make_spec(epochs=2), make_data()
    state = make_state(spec)

    def slow(*args: Any) -> Tensor:
        time.sleep(0.04)
        return cross_entropy(*args)

    with finetune.workers(CPU) as pool:
        started = time.perf_counter()
        events = finetune.train_one_epoch(state, data, spec, slow, lambda _: 1.0, pool)
        for number, event in enumerate(events, 1):
            elapsed = time.perf_counter() - started
            assert isinstance(event, Progress)
            assert event.seconds_left is not None
            assert 0.039 * (6 - number) <= event.seconds_left <= elapsed / number * (6 - number)


def test_rounds_are_counted_over_all_runs_and_the_last_is_named() -> None:
    spec = make_spec(epochs=2, epochs_before=2, epochs_after=2)
    events = train(make_state(spec), make_data(), spec, 2)
    assert [str(event.step) for event in events[::3]] == ["Learning, round 3 of 6", "Learning, round 4 of 6"]
    assert events[-1].seconds_left > 0
    spec = make_spec(epochs=2, epochs_before=4, on_all=True)
    events = train(make_state(spec), make_data(), spec, 2)
    assert str(events[-1].step) == "Learning from all photos, round 6 of 6"
    assert events[-1].seconds_left == pytest.approx(0, abs=1e-9)


def test_without_validation_images_an_epoch_has_the_loss_of_its_training() -> None:
    spec, data = make_spec(), make_data(train_idx=np.arange(16), val_idx=np.arange(0))
    state = make_state(spec)
    train(state, data, spec, 2)
    last, best = state.history[-1], min(state.history, key=lambda epoch: epoch.loss).number
    expected = state.train_loss, state.train_accuracy, state.train_loss, state.train_accuracy, best
    assert last == Epoch(2, 3, *expected)
    assert equal(state.tensors, dict(state.network.state_dict()))


def test_loss_and_accuracy_of_an_epoch_are_means_over_its_images() -> None:
    spec, data = make_spec(batch=5), make_data(train_idx=np.arange(13), val_idx=np.arange(13, 16))
    state = make_state(spec)
    train(state, data, spec, schedule=lambda _: 0.0)  # the network stays as it is
    batches = sample_batches(data, spec, 0)
    assert sorted(map(len, batches)) == [4, 4, 5]
    loss = correct = 0.0
    for batch in batches:
        inputs, targets = load_batch(data, batch, CPU)
        logits = state.network(inputs)
        loss += nn.functional.cross_entropy(logits, targets, label_smoothing=0.1, reduction="sum").item()
        correct += int((logits.argmax(1) == targets).sum())
    assert state.history[0].loss == state.train_loss == pytest.approx(loss / 13, rel=1e-5)
    assert state.history[0].accuracy == state.train_accuracy == correct / 13
    assert state.epoch == state.history[0].number == 1
    assert state.history[0].total == 3


def test_a_stop_ends_the_epoch_after_the_step_and_does_not_count_it() -> None:
    state, calls = make_state(make_spec()), []

    def stop() -> bool:
        calls.append(None)
        return len(calls) == 2

    spec, data = make_spec(), make_data()
    with finetune.workers(CPU) as pool:
        epoch = finetune.train_one_epoch(state, data, spec, cross_entropy, lambda _: 1.0, pool, stop)
        assert [next(epoch).done, next(epoch).done] == [4, 8]  # type: ignore[union-attr]
        with pytest.raises(StopIteration) as end:
            next(epoch)
        assert end.value.value is False
        assert state.epoch == 0
        assert run_to_end(finetune.train_one_epoch(state, data, spec, cross_entropy, lambda _: 1.0, pool)) is True
    assert state.epoch == 1


def run_to_end(events: Iterator[object]) -> object:
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("worst", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_training_and_keeps_the_last(worst: float) -> None:
    spec, data = make_spec(learning_rate=1e-3), make_data()
    state = make_state(spec)
    train(state, data, spec)
    good = copy_of(state.tensors)
    with pytest.raises(NonFiniteLossError, match=r"smaller learning rate than 0\.001, such as 0\.0001") as raised:
        train(state, data, spec, loss_fn=lambda *args: cross_entropy(*args) * worst)
    assert raised.value.code is TrainingCode.NON_FINITE_LOSS
    assert equal(state.tensors, good)
    assert state.epoch == 1


def test_training_lowers_the_loss() -> None:
    spec = make_spec(epochs=8)
    state = make_state(spec, device=BEST_CPU)
    train(state, make_data(), spec, 8)
    assert state.history[-1].loss < 0.7 * state.history[0].loss
    assert state.history[-1].val_accuracy == 1


# -- validation


def test_validation_scores_the_view_of_evaluation_at_the_best_temperature() -> None:
    spec, data = make_spec(), make_data()
    state = make_state(spec)
    train(state, data, spec)
    inputs = data.views[12:, 0].float() / 255 * 2 - 1
    with torch.inference_mode():
        logits = state.network(inputs)
    y_true = torch.from_numpy(data.y[12:])
    temperature = fit_temperature(logits.numpy(), data.y[12:])
    loss = nn.functional.cross_entropy(logits / temperature, y_true)
    assert state.history[0].val_loss == pytest.approx(float(loss), rel=1e-4)
    assert state.history[0].val_accuracy == float((logits.argmax(1) == y_true).float().mean())


def test_the_best_epoch_is_named_and_the_last_one_kept() -> None:
    spec, data = make_spec(), make_data()
    state = make_state(spec)
    train(state, data, spec)
    for parameter in state.network.parameters():  # far worse
        parameter.data.neg_()
    with finetune.workers(CPU) as pool:
        state.epoch = 2
        assert finetune.validate(state, data, spec, pool) == state.history[-1]
    assert state.history[1].val_loss > state.history[0].val_loss
    assert [(epoch.number, epoch.best) for epoch in state.history] == [(1, 1), (2, 1)]
    assert equal(state.tensors, dict(state.network.state_dict()))


def test_prediction_gives_the_outputs_of_the_images_in_their_order() -> None:
    data, network = make_data(), make_network().eval()
    idx = np.array([5, 0, 11, 3, 8])
    with finetune.workers(CPU) as pool:
        found = finetune.predict(network, data.views, idx, data.preprocessing, replace(CPU, batch=2), pool)
    expected = network(data.views[torch.from_numpy(idx), 0].float() / 255 * 2 - 1)
    torch.testing.assert_close(torch.from_numpy(found), expected.detach(), rtol=1e-4, atol=1e-5)


def test_workers_leave_the_cores_to_the_threads_and_give_them_back() -> None:
    before = torch.get_num_threads()
    with finetune.workers(CPU) as pool:
        assert torch.get_num_threads() == 1
        assert pool.submit(torch.get_num_threads).result() == 1
    assert torch.get_num_threads() == before


# -- hints


def curve(losses: list[float], train_accuracy: list[float], val_accuracy: list[float]) -> list[Epoch]:
    rows = zip(losses, train_accuracy, val_accuracy)
    return [Epoch(number, 4, loss, one, 1.0, other, 1) for number, (loss, one, other) in enumerate(rows, 1)]


FLAT = curve([1.0, 1.0, 0.98], [0.5] * 3, [0.5] * 3)
LEARNED = curve([1.0, 0.99, 0.3], [0.5, 0.9, 0.7], [0.5, 0.5, 0.5])  # in the end
OVERFIT = curve([1.0, 0.5, 0.2, 0.1], [0.5, 0.8, 1.0, 1.0], [0.6, 0.6, 0.6, 0.7])
NOISY = curve([1.0, 0.8, 0.6], [0.5, 0.6, 0.7], [0.5, 0.62, 0.6])


@pytest.mark.parametrize(
    ("epochs", "count", "codes"),
    [
        (FLAT, 100, [HintCode.NO_PROGRESS]),
        (FLAT[:2], 100, []),
        (LEARNED, 100, []),
        (OVERFIT, 100, [HintCode.OVERFITTING]),
        (NOISY, 49, [HintCode.NOISY_SCORE]),
        (NOISY, 50, []),
        (LEARNED, 49, []),
    ],
)
def test_hints_name_what_the_curves_show(epochs: list[Epoch], count: int, codes: list[HintCode]) -> None:
    found = finetune.hints(epochs, count)
    assert [hint.code for hint in found] == codes
    assert all(f"only {count} photos are" in str(hint) for hint in found if hint.code is HintCode.NOISY_SCORE)
