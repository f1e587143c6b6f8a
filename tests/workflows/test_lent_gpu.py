"""Work on a GPU that is lent for seconds, by a stand-in: the same results as without, and errors with their kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file

from classifier import DataError, Predictor, Project, leases, train
from classifier.data.example import draw_example
from classifier.leases import LeaseError
from classifier.messages.workflows import WorkflowCode
from tests.training.runs import equal
from tests.zero_gpu import Lender


def fail(count: int) -> Iterator[int]:
    yield count
    raise DataError(WorkflowCode.STOPPED_EARLY)


@pytest.mark.slow
def test_training_and_answers_are_the_same_on_a_lent_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_example(tmp_path / "photos", per_class=3)
    photos = sorted((tmp_path / "photos").glob("*/*.*"))
    answers, weights, lender = [], [], Lender()
    for name in ("here", "lent"):
        if name == "lent":
            monkeypatch.setattr(leases, "_runner", None)  # and as before at the end
            leases.host_on_zero_gpu(lender.gpu)
        with Project.open(tmp_path / name) as project:
            project.add(tmp_path / "photos")
            *_, finished = train(project)
            weights.append(load_file(finished.folder / "model.safetensors"))  # type: ignore[union-attr]
            answers.append(Predictor(finished.folder).predict(photos))  # type: ignore[union-attr]
    assert equal(*weights)
    assert answers[0] == answers[1]
    assert len(lender.durations) >= 2
    assert max(lender.durations) <= 12  # seconds, for a few photos


@pytest.mark.slow
def test_an_error_on_a_lent_gpu_keeps_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_runner", None)
    leases.host_on_zero_gpu(Lender(None, 1).gpu)
    with pytest.raises(DataError) as caught:
        list(leases.stream(fail, 3))
    assert caught.value.code is WorkflowCode.STOPPED_EARLY
    with pytest.raises(LeaseError):
        list(leases.stream(fail, 3))


def test_a_lent_gpu_computes_photos_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(leases.slices(range(100_000), 1.0)) == [range(100_000)]
    monkeypatch.setattr(leases, "_runner", None)
    parts = list(leases.slices(range(100_000), 2.0))
    assert [one for part in parts for one in part] == list(range(100_000))
    assert all(leases.estimate(len(part), 2.0) <= leases.SLICE for part in parts)
