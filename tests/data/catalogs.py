"""Photos of a catalog, for tests."""

from __future__ import annotations

from classifier.data.assets import Asset
from classifier.data.catalog import Catalog


def photo(sha: str, label: str = "cat", split: str = "train") -> Asset:
    return Asset(0, f"photos/{sha}.jpg", sha, label, split, None, f"{label}/{sha}.jpg", 10, 64, 48, "")


def state(catalog: Catalog) -> list[Asset]:
    return sorted(catalog.assets(), key=lambda asset: asset.id)
