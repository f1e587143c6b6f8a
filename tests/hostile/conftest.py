"""A page in a process of its own that the attacks over the network share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .served import Page, page


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page(tmp_path_factory.mktemp("page")) as one:
        yield one
