"""The progress of a whole training, from that of its stages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from classifier import TrainConfig
from classifier.events import Progress
from classifier.messages.training import TrainingCode
from classifier.messages.workflows import StepCode
from classifier.ui.background import Overall
from classifier.ui.train.overall import OverallProgress
from tests.ui.jobs import step

STAGES = (
    (StepCode.COMPARE_RESIZE_MODES, 40, 0.25),
    (StepCode.EXTRACT_FEATURES, 300, 0.1),
    (StepCode.EXTRACT_FEATURES, 60, 0.1),  # the test photos
    (StepCode.TRAIN_HEAD, 0, 4.0),
    (StepCode.EVALUATE, 20, 0.1),
    (StepCode.SAVE, 1, 0.5),
)


def follow(config: TrainConfig, after: int = 0) -> Iterator[Overall]:
    """The stages of a training, each photo of which takes its seconds, and ``after`` rounds after its first model."""
    now = [100.0]
    overall = OverallProgress(config, lambda: now[0])
    for stage, count, seconds in STAGES:
        for done in range(0, count + 1, 10):
            told = overall.follow(Progress(stage, done, count, None))
            assert told is not None
            yield told
            now[0] += 10 * seconds
    assert overall.follow(step(1)) is None
    for _ in range(after):
        told = overall.follow(Progress(TrainingCode.PREPARE_VIEWS, 0, 10, None))
        assert told is not None
        yield told
        now[0] += 10


def test_the_progress_of_a_training_never_goes_back() -> None:
    told = list(follow(TrainConfig()))
    shares = [one.share or 0.0 for one in told]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] > 0.95
    assert told[-1].stage is StepCode.SAVE


def test_photos_that_were_looked_at_before_do_not_count_twice() -> None:
    now = [0.0]
    overall = OverallProgress(TrainConfig(), lambda: now[0])
    shares = []
    for done in (*range(0, 129, 8), *range(0, 401, 8)):  # a sample, then all photos, the sample's at once
        now[0] += 0.0 if len(shares) > 16 and done <= 128 else 1.0
        told = overall.follow(Progress(StepCode.EXTRACT_FEATURES, done, 400, None))
        assert told is not None
        assert told.share is not None
        shares.append(told.share)
    assert shares == sorted(shares)
    assert set(shares[17:34]) == {shares[16]}
    assert shares[16] / shares[-1] == pytest.approx(128 / 400)


def test_the_time_left_goes_down_but_for_small_corrections() -> None:
    left = [one.seconds_left for one in follow(TrainConfig()) if one.seconds_left is not None]
    assert len(left) > 20
    assert max(later - earlier for earlier, later in pairwise(left)) < 5
    assert left[-1] < 10


def test_a_training_with_a_limit_tells_the_first_model_and_goes_by_the_time() -> None:
    told = list(follow(TrainConfig(mode="auto", minutes=5), after=30))
    shares = [one.share or 0.0 for one in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0  # it may take longer than planned
    assert told[10].until_first
    assert told[10].seconds_left is not None
    assert told[-1].seconds_left is None


def test_the_end_of_a_training_without_a_limit_is_not_known() -> None:
    told = list(follow(TrainConfig(mode="auto", minutes=0), after=2))
    assert told[10].share is not None
    assert told[-1].share is None
    deep = list(follow(TrainConfig(mode="deep", minutes=0), after=1))
    assert {one.share for one in deep} == {None}
    timed = list(follow(TrainConfig(mode="deep", minutes=5)))
    assert timed[-1].seconds_left is not None
    assert not timed[-1].until_first


def test_time_in_which_a_training_waits_for_others_does_not_count() -> None:
    now = [0.0]
    overall = OverallProgress(TrainConfig(mode="auto", minutes=1), lambda: now[0])
    now[0] = 90.0
    overall.suspend(60.0)
    told = overall.follow(Progress(StepCode.EXTRACT_FEATURES, 1, 2, None))
    assert told is not None
    assert told.share == 0.5
