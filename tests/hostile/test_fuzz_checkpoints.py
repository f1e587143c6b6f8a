"""Model folders with damaged or forged files: a reason, or an answer that is a number."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .checkpoints import joined, sound, use, write
from .fuzzing import fuzzed, json_values, mutations

TEXTS = st.sampled_from(["config.json", "report.json", "report.json", "training.json", "training_photos.json"])
VALUES = st.one_of(
    json_values(), st.sampled_from([float("nan"), float("inf"), 1e308, 1e-320, 2**70, -1, True, "x" * 5000, [[]], {}])
)


def forge(text: bytes, seeds: list[int], values: list[Any]) -> bytes:
    """Return a JSON text with other values at some places, chosen by ``seeds``."""
    data = json.loads(text)
    for seed, value in zip(seeds, values):
        rng = random.Random(seed)
        inner, key = data, rng.choice(sorted(data))
        while isinstance(inner[key], (dict, list)) and inner[key] and rng.random() < 0.7:
            inner = inner[key]
            key = rng.choice(sorted(inner)) if isinstance(inner, dict) else rng.randrange(len(inner))
        if rng.random() < 0.2:
            del inner[key]
        else:
            inner[key] = deepcopy(value)  # the same list may come twice
        if not data:
            break
    return json.dumps(data).encode("utf-8", "replace")


def check(files: Callable[[], dict[str, bytes]] = sound, **changed: bytes) -> None:
    """Use a sound model with these files changed."""
    with TemporaryDirectory() as folder:
        refusal = use(write(Path(folder) / "model", files, **changed))
        assert refusal is None or refusal.endswith((".", "”", "?", ")"))


@pytest.mark.slow
@given(TEXTS, st.lists(st.tuples(st.integers(0, 2**32), VALUES), min_size=1, max_size=3))
@fuzzed(50)
def test_a_forged_text_of_a_model_is_refused_or_harmless(file: str, changes: list[tuple[int, Any]]) -> None:
    seeds, values = map(list, zip(*changes))
    check(**{file.partition(".")[0]: forge(sound()[file], seeds, values)})


@pytest.mark.slow
@given(st.sampled_from(sorted(sound())), mutations())
@fuzzed(40)
def test_a_damaged_file_of_a_model_is_refused_or_harmless(file: str, mutate: Callable[[bytes], bytes]) -> None:
    check(**{file.partition(".")[0]: mutate(sound()[file])})


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 2**32), VALUES), min_size=1, max_size=3))
@fuzzed(12)
def test_a_forged_model_of_several_networks_is_refused_or_harmless(changes: list[tuple[int, Any]]) -> None:
    seeds, values = map(list, zip(*changes))
    check(joined, config=forge(joined()["config.json"], seeds, values))


@pytest.mark.slow
@given(mutations())
@fuzzed(6)
def test_damaged_weights_of_several_networks_are_refused_or_harmless(mutate: Callable[[bytes], bytes]) -> None:
    check(joined, model=mutate(joined()["model.safetensors"]))
