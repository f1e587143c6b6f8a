"""Fine-tuning on a GPU that is lent for less time than a training takes: in slices, each in a process with the GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from .. import leases
from ..config import Preprocessing, TrainConfig
from ..data.dataset import TrainingSet
from ..events import Epoch, Progress
from ..leases import LeaseError
from ..messages.training import TrainingCode
from ..models.features import FeatureExtractor
from . import cross_fit as whole
from .cross_fit import Event, FineTunedNetwork, Ints
from .schedule import TrainPlan

_SHORTEST = 10.0  # seconds of a slice
_MOST_LOST = 2  # slices that may be lost in a row


@dataclass(frozen=True)
class _Paused:
    """The last event of a slice that is not that of the training."""


def cross_fit(
    extractor: FeatureExtractor,
    training_set: TrainingSet,
    folds: Ints,
    preprocessing: Preprocessing,
    config: TrainConfig,
    plan: TrainPlan,
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
    expired: Callable[[], bool] = lambda: False,
    early: bool = False,
    **settings: Any,
) -> Iterator[Event | FineTunedNetwork]:
    """Fine-tune as ``cross_fit.cross_fit`` does; where the GPU is lent, in slices of at most ``leases.SLICE`` seconds.

    The state is saved at the end of a slice and of each epoch, so that a slice that is lost is all that is lost: it is
    begun again. Where the person stops the training, a last slice returns its best so far. Raises ``LeaseError`` where
    several slices in a row are lost; then the training can be resumed.

    Args:
        extractor, training_set, folds, preprocessing, config, plan, folder, stop, expired: see ``cross_fit.cross_fit``.
        early: see there; not where the GPU is lent, where each slice would evaluate the network again.
        settings: its others; functions must be those of modules.
    """
    settings |= {"extractor": extractor, "training_set": training_set, "folds": folds, "preprocessing": preprocessing}
    settings |= {"config": config, "plan": plan, "folder": folder}
    if not leases.is_lent():
        yield from whole.cross_fit(**settings, stop=stop, expired=expired, early=early)
        return
    lost, seconds, shown, paused = 0, leases.SLICE, 0, True
    while paused:
        ended, paused = (stop(), expired()), False
        try:
            with closing(leases.stream(_slice, seconds, *ended, settings, seconds=seconds)) as events:  # type: ignore[type-var]
                for event in events:
                    paused = isinstance(event, _Paused) or (not ended[0] and stop())
                    if paused:
                        lost = 0
                        break
                    if isinstance(event, Progress) and event.seconds_left is not None:
                        seconds = min(leases.SLICE, max(_SHORTEST, event.seconds_left))
                    if isinstance(event, Epoch):  # each slice begins with those before it
                        if event.number <= shown:
                            continue
                        lost, shown = 0, event.number
                    yield event
        except LeaseError:
            lost, paused = lost + 1, True
            if lost > _MOST_LOST:
                raise


def _slice(
    seconds: float, stopped: bool, expired: bool, settings: dict[str, Any]
) -> Iterator[Event | FineTunedNetwork | _Paused]:
    """Train for so many seconds, or return the best so far where the training was ``stopped``."""
    end = perf_counter() + seconds
    paused = False

    def pause() -> bool:
        nonlocal paused
        paused = perf_counter() > end
        return paused

    with closing(whole.cross_fit(**settings, stop=lambda: stopped, pause=pause, expired=lambda: expired)) as events:  # type: ignore[type-var]
        for event in events:
            yield event
            if isinstance(event, Progress) and event.step is TrainingCode.PREPARE_VIEWS and pause():
                break
    if paused:
        yield _Paused()
