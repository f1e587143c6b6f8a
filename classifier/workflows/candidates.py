"""Models to compare in mode auto, steps as JSON values, and what the catalog keeps of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ..data.run_history import RunAsset
from ..events import Step, StepName
from ..messages.data import arguments_to_json, restore
from ..models import joined
from ..models.checkpoint import TrainedModel

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FINE_TUNED: tuple[StepName, ...] = ("tail", "deep")  # steps that train a network


# What fine-tuning brought on the mean of 8 sets, from 3 points less to 12 more; and what the mean with the head, which
# is wrong on other photos, brought beyond that.
_PRIOR_OF_FINE_TUNED, _PRIOR_OF_AVERAGED = 0.03, 0.04


@dataclass(frozen=True)
class Candidate:
    """A model to compare: its out-of-fold probabilities (J, C) of the training photos ``idx`` (J,), ascending.

    ``in_distribution`` (J,) is whether it finds them like the others. ``backbone`` names its networks, ``cost`` is that
    of an answer as ``Backbone.cost`` is. ``model`` is None where it was trained before an interruption and lies in its
    folder.
    """

    name: StepName
    backbone: str
    cost: float
    idx: Ints
    probs: Floats
    in_distribution: Bools
    model: TrainedModel | None

    @classmethod
    def of(cls, name: StepName, model: TrainedModel, idx: Ints | None = None) -> Candidate:
        """Return the candidate of a model that was evaluated on the training photos ``idx`` (J,), by default on all."""
        evaluated = model.evaluated
        assert evaluated is not None
        backbones = [member.backbone for member in model.members]
        cost = joined.relative_cost(backbones, model.preprocessing.size)
        names = "+".join(one.name for one in backbones)
        idx = np.arange(len(evaluated.probs)) if idx is None else idx
        return cls(name, names, cost, idx, evaluated.probs, evaluated.in_distribution, model)

    @property
    def is_single(self) -> bool:
        """Whether it is of one network that other programs open."""
        return "+" not in self.backbone and self.name != "stages"

    @property
    def prior(self) -> float:
        """See ``model_choice.Evidence``."""
        if self.name not in FINE_TUNED:
            return 0.0
        return _PRIOR_OF_AVERAGED if "+" in self.backbone else _PRIOR_OF_FINE_TUNED

    def usual(self, idx: Ints) -> Bools:
        """Return which of some of its photos are like the others."""
        return self.in_distribution[np.searchsorted(self.idx, idx)]


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
    reason = (
        None
        if why is None
        else {"sentence": str(why), "code": why.code.id, "arguments": json.loads(arguments_to_json(why))}
    )
    return {**asdict(step), "why": reason}


def step_from_json(data: Mapping[str, Any]) -> Step:
    """Read what ``step_to_json`` returned; raises ``ValueError`` where it is something else."""
    if data.keys() != {field.name for field in fields(Step)} or data["name"] not in get_args(StepName):
        raise ValueError("no step")
    numbers = ("accuracy", "low", "high", "seconds", "cost")
    if not all(isinstance(data[name], (int, float)) for name in numbers) or type(data["number"]) is not int:
        raise ValueError("no step")
    why = data["why"]
    return Step(**{**data, "why": None if why is None else restore(why["code"], why["arguments"], why["sentence"])})
