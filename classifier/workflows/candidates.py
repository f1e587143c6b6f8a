"""Models to compare in mode auto, steps as JSON values, and what the catalog keeps of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ..data.catalog import RunAsset, arguments_to_json
from ..events import Step, StepName
from ..messages.data import restore
from ..models import joined
from ..models.checkpoint import TrainedModel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Candidate:
    """A model to compare: its out-of-fold probabilities (J, C) of the training photos ``idx`` (J,).

    ``backbone`` names its networks, ``cost`` is that of an answer as ``Backbone.cost`` is. ``model`` is None where it
    was trained before an interruption and lies in its folder.
    """

    name: StepName
    backbone: str
    cost: float
    idx: Ints
    probs: Floats
    model: TrainedModel | None

    @classmethod
    def of(cls, name: StepName, model: TrainedModel, idx: Ints | None = None) -> Candidate:
        """Return the candidate of a model that was evaluated on the training photos ``idx`` (J,), by default on all."""
        assert model.evaluated is not None
        probs, backbones = model.evaluated.probs, [member.backbone for member in model.members]
        cost = joined.relative_cost(backbones, model.preprocessing.size)
        names = "+".join(one.name for one in backbones)
        return cls(name, names, cost, np.arange(len(probs)) if idx is None else idx, probs, model)


@dataclass(frozen=True)
class CatalogEntry:
    """What the catalog keeps of a run beside its report."""

    mode: str
    seconds: float
    details: Mapping[str, Any]
    rows: tuple[RunAsset, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return {**vars(self), "details": dict(self.details), "rows": list(map(list, self.rows))}


def step_to_json(step: Step) -> dict[str, Any]:
    """Return a step as JSON values; ``why`` as its sentence, its code and its arguments."""
    why = step.why
    told = (
        None
        if why is None
        else {"sentence": str(why), "code": why.code.id, "arguments": json.loads(arguments_to_json(why))}
    )
    return {**asdict(step), "why": told}


def step_from_json(data: Mapping[str, Any]) -> Step:
    """Read what ``step_to_json`` returned; raises ``ValueError`` where it is something else."""
    if data.keys() != {field.name for field in fields(Step)} or data["name"] not in get_args(StepName):
        raise ValueError("no step")
    numbers = ("accuracy", "low", "high", "seconds", "cost")
    if not all(isinstance(data[name], (int, float)) for name in numbers) or type(data["number"]) is not int:
        raise ValueError("no step")
    why = data["why"]
    return Step(**{**data, "why": None if why is None else restore(why["code"], why["arguments"], why["sentence"])})
