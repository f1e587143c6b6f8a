from __future__ import annotations

from collections.abc import Iterator

import pytest

from classifier.data.catalog import Catalog
from tests.data.catalogs import photo


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    """Four photos: a and b are cats, c is a dog, d is a dog for testing."""
    with Catalog(None) as made:
        made.add([photo("a"), photo("b"), photo("c", "dog"), photo("d", "dog", "test")])
        yield made
