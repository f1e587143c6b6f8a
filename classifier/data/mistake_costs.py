"""What the person says a mistake costs, as a project keeps it for its next model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite


@dataclass(frozen=True)
class MistakeCosts:
    """The costs of mistakes, where that of a false alarm is 1.

    ``costs``: of missing a class, by its label; ``unsure_cost``: of “not sure”.
    """

    costs: Mapping[str, float] = field(default_factory=dict)
    unsure_cost: float = 0.5

    def renamed(self, old: str, new: str) -> MistakeCosts:
        """Return the costs with those of a class under another name, too; where two become one the larger counts.

        The old name keeps its cost for ``undo``; a class that does not exist costs nothing.
        """
        weight = max(self.costs[old], self.costs.get(new, 0.0))
        return MistakeCosts({**self.costs, new: weight}, self.unsure_cost)

    def to_json(self) -> str:
        """Return the text that the catalog holds."""
        return json.dumps({"costs": dict(self.costs), "unsure_cost": self.unsure_cost}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> MistakeCosts | None:
        """Return the costs of a text; None where it holds anything else, as a catalog from elsewhere may."""
        try:
            data = json.loads(text)
            costs, unsure_cost = data["costs"], data["unsure_cost"]
            weights = {label: float(weight) for label, weight in costs.items()}
            found = cls(weights, float(unsure_cost))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return None
        in_range = all(isfinite(value) and 0 < value <= _LARGEST for value in found.costs.values())
        return found if in_range and 0 <= found.unsure_cost <= _LARGEST else None


_LARGEST = 1000.0  # as in ``evaluation.costs``, which this layer may not import
