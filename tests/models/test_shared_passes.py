"""Pictures of several threads in one pass of a network."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest

from classifier.models.shared_passes import MOST, SharedPasses
from tests.ui.jobs import LONG


class Network:
    """Doubles numbers; the first pass waits until it may end."""

    def __init__(self) -> None:
        self.passes: list[list[int]] = []
        self.begun, self.may_end = threading.Event(), threading.Event()

    def compute(self, together: list[int]) -> list[int]:
        self.passes.append(together)
        self.begun.set()
        assert self.may_end.wait(LONG)
        return [2 * one for one in together]


def ask_while_one_runs(
    network: Network,
    *asked: Callable[[SharedPasses[int, int]], list[int]],
    rest: Callable[[float], object] = lambda seconds: None,
) -> list[list[int]]:
    """Return the outputs of callers that come, in this order, while the pass of the first one runs."""
    passes: SharedPasses[int, int] = SharedPasses(rest)
    with ThreadPoolExecutor(len(asked)) as pool:
        found = [pool.submit(asked[0], passes)]
        assert network.begun.wait(LONG)
        for count, one in enumerate(asked[1:], 1):
            found.append(pool.submit(one, passes))
            while len(passes._waiting) < count:
                threading.Event().wait(0.001)
        network.may_end.set()
        return [one.result(LONG) for one in found]


def test_what_comes_while_a_pass_runs_is_computed_together() -> None:
    network = Network()
    asked = [lambda passes, n=n: passes.run("model", [n], network.compute) for n in range(4)]
    assert ask_while_one_runs(network, *asked) == [[0], [2], [4], [6]]
    assert network.passes == [[0], [1, 2, 3]]


@pytest.mark.slow
def test_others_have_the_device_between_two_passes() -> None:
    network, times = Network(), list[tuple[float, float]]()

    def compute(together: list[int]) -> list[int]:
        started = monotonic()
        outputs = network.compute(together)
        sleep(0.3)  # longer than the thread of the second pass needs to go on
        times.append((started, monotonic()))
        return outputs

    asked = [lambda passes, n=n: passes.run("model", [n], compute) for n in range(2)]
    assert ask_while_one_runs(network, *asked, rest=sleep) == [[0], [2]]
    (started, ended), (next_started, _) = times
    assert next_started - ended >= 0.95 * min(0.5, ended - started)


def test_many_pictures_of_one_caller_do_not_keep_others_waiting() -> None:
    network, many = Network(), list(range(100, 100 + 2 * MOST))
    outputs = ask_while_one_runs(
        network,
        lambda passes: passes.run("model", [0], network.compute),
        lambda passes: passes.run("model", many, network.compute),
        lambda passes: passes.run("model", [1, 2], network.compute),
        lambda passes: passes.run("other", [3], network.compute),
    )
    assert outputs == [[0], [2 * one for one in many], [2, 4], [6]]
    assert network.passes[1] == [100, 1, 101, 2, *many[2 : MOST - 2]]
    assert network.passes[2] == [3]
    assert max(map(len, network.passes)) == MOST


def test_an_error_reaches_those_whose_pictures_were_in_the_pass() -> None:
    network = Network()

    def fails(together: list[int]) -> list[int]:
        raise OSError("no device")

    def ask(passes: SharedPasses[int, int]) -> list[int]:
        with pytest.raises(OSError, match="no device"):
            passes.run("broken", [1], fails)
        return []

    first, *_, last = ask_while_one_runs(
        network,
        lambda passes: passes.run("model", [1], network.compute),
        ask,
        ask,
        lambda passes: passes.run("model", [2], network.compute),
    )
    assert (first, last) == ([2], [4])
    assert SharedPasses[int, int]().run("model", [], fails) == []
