from __future__ import annotations

import numpy as np
import pytest
import torch

from classifier.training.interpolation import choose, interpolate, nested_choice


def logits(correct: float, sure: float, y: np.ndarray, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """Logits of two classes, of which a part is correct by ``sure``."""
    rng = np.random.default_rng(seed)
    sign = np.where(rng.random(len(y)) < correct, 1, -1)
    found = np.zeros((len(y), 2), np.float32)
    found[np.arange(len(y)), y] = sign * sure
    return found


def test_the_ends_are_exact_and_the_middle_is_the_mean() -> None:
    start = {"weight": torch.randn(3, 5), "count": torch.tensor(4)}
    end = {"weight": torch.randn(3, 5), "count": torch.tensor(7)}
    assert torch.equal(interpolate(start, end, 0.0)["weight"], start["weight"])
    assert torch.equal(interpolate(start, end, 1.0)["weight"], end["weight"])
    torch.testing.assert_close(interpolate(start, end, 0.5)["weight"], (start["weight"] + end["weight"]) / 2)
    assert interpolate(start, end, 0.5)["count"] == 7


def test_the_more_accurate_network_is_chosen_however_sure_it_is() -> None:
    y = np.arange(60) % 2
    for sure in (0.5, 2.0, 20.0):
        assert choose(np.stack([logits(0.95, sure, y), logits(0.6, 2.0, y)]), y, np.arange(60)) == 0
    assert choose(np.zeros((5, 0, 2), np.float32), y[:0], y[:0]) == 3  # nothing to go by


def test_what_is_hardly_better_is_not_chosen_and_photos_of_a_group_count_as_one() -> None:
    y = np.arange(200) % 2
    right = np.where(np.arange(200) < 150, 1, -1)
    networks = np.zeros((5, 200, 2), np.float32)
    networks[:, np.arange(200), y] = right
    networks[1, np.arange(148, 153), y[148:153]] = -1, -1, 1, 1, 1  # three photos more, and two fewer
    assert choose(networks, y, np.arange(200)) == 3
    networks[1, np.arange(150, 170), y[150:170]] = 1  # twenty
    assert choose(networks, y, np.arange(200)) == 1
    assert choose(networks, y, np.arange(200) // 100) == 3


def test_a_photo_has_no_part_in_the_choice_of_its_network() -> None:
    y, parts = np.arange(40) % 2, np.arange(40) // 10
    networks = np.stack([logits(0.7, 2.0, y, seed) for seed in range(4)])
    nested = nested_choice(networks, y, np.arange(40), parts)
    for part in range(4):
        chosen = choose(networks[:, parts != part], y[parts != part], np.flatnonzero(parts != part))
        assert np.array_equal(nested[parts == part], networks[chosen, parts == part])
    changed = y.copy()
    changed[parts == 2] = 1 - changed[parts == 2]  # its own labels change nothing
    assert np.array_equal(nested_choice(networks, changed, np.arange(40), parts)[parts == 2], nested[parts == 2])


@pytest.mark.slow
def test_among_equal_networks_the_claim_of_a_nested_choice_is_not_too_high() -> None:
    claims, naive = [], []
    for draw in range(60):
        y = np.arange(30) % 2
        networks = np.stack([logits(0.7, 2.0, y, 100 * draw + seed) for seed in range(5)])
        nested = nested_choice(networks, y, np.arange(30), np.arange(30) // 6)
        claims.append((nested.argmax(1) == y).mean())
        naive.append((networks[choose(networks, y, np.arange(30))].argmax(1) == y).mean())
    assert abs(np.mean(claims) - 0.7) < 0.04 < np.mean(naive) - 0.7
