from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from classifier.data.linking import connect


@pytest.mark.parametrize(("count", "links"), [(1, 0), (9, 4), (300, 200), (300, 900), (2000, 1900)])
def test_components_are_those_of_scipy_numbered_by_their_first_node(count: int, links: int) -> None:
    pairs = np.random.default_rng(links).integers(0, count, (links, 2))
    graph = coo_array((np.ones(links), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    expected = connected_components(graph, directed=False)[1]
    firsts = np.unique(expected, return_index=True)[1]
    assert connect(count, pairs).tolist() == firsts[expected].tolist()


def test_a_long_chain_in_any_order_is_one_component() -> None:
    order = np.random.default_rng(0).permutation(5000)
    assert not connect(5000, np.stack([order[:-1], order[1:]], 1)).any()
