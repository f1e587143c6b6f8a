"""Mode auto: steps that raise the expected accuracy, interrupted, resumed and taken back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from scipy.special import softmax

from classifier import (
    Epoch,
    Finished,
    ModelError,
    Predictor,
    Progress,
    Project,
    SettingError,
    Step,
    StorageError,
    TrainConfig,
    train,
)
from classifier.messages import Code
from classifier.messages.training import TrainingCode
from classifier.messages.workflows import StepCode, StepsCode
from classifier.models import checkpoint
from classifier.training import attempts, resume
from classifier.training.schedule import TrainPlan
from classifier.workflows.steps import list_steps, read_evidence, step_in_use, use_step
from classifier.workflows.train import unfinished
from tests.helpers import draw_photo

CONFIG = TrainConfig(mode="auto", resize_modes=("whole",), minutes=0, max_steps=4, seed=3)
PLAN = TrainPlan(unfreeze=1, views=2, epochs=12, folds=2)


LITE1 = "tf_efficientnet_lite1"


def is_of(event: Progress, code: Code) -> bool:
    """Whether progress is that of a step."""
    return getattr(event.step, "code", event.step) is code


def plan_little(folder: Path) -> Path:
    """Give the fine-tuning of an unfinished training the plan that it goes on with: its own takes a minute."""
    plan = folder / "resume" / "tail" / "tf_efficientnet_lite2" / "plan.json"
    plan.parent.mkdir(parents=True)
    plan.write_text(json.dumps(asdict(PLAN)))
    return plan


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small photos of each of two classes that differ little, so that not every step finds all of them."""
    folder = tmp_path_factory.mktemp("steps") / "photos"
    for label, tint in (("dark", (60, 50, 40)), ("light", (66, 56, 46))):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            draw_photo(number + 100 * len(label), (64, 48), tint).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(photos: Path) -> Iterator[tuple[Project, Path, list[Step], Finished]]:
    """A training of four steps: its project, folder, steps and last event."""
    with Project.over(photos, features=photos.parent / "features") as project:
        events, told = train(project, CONFIG, photos.parent / "model"), []
        for event in events:
            if isinstance(event, Step):
                told.append(event)
                if event.number == 1:
                    plan_little(photos.parent / "model")
        assert isinstance(event, Finished)
        # A step that is kept after its first fold comes once more after the last: kept, or dropped after all.
        assert all(step.kept for step, later in pairwise(told) if step.number == later.number)
        yield project, photos.parent / "model", list({step.number: step for step in told}.values()), event


@pytest.mark.slow
def test_steps_are_tried_in_order_and_the_best_is_kept(run: tuple[Project, Path, list[Step], Finished]) -> None:
    project, folder, steps, finished = run
    assert [(step.number, step.name) for step in steps] == [(1, "head"), (2, "stages"), (3, "joined"), (4, "tail")]
    assert steps[0].kept
    assert steps[0].before is None
    for step in steps[1:]:
        assert step.kept == (step.why is None)
        assert step.before is not None
    for earlier, later in pairwise(step for step in steps if step.kept):
        if later.name in ("stages", "joined"):  # judged on all photos
            assert later.before == earlier.accuracy, "what the person read last"
    assert finished.steps == tuple(steps) == list_steps(folder)
    assert step_in_use(folder) == max(step.number for step in steps if step.kept)
    assert not (folder / "resume").exists()
    (entry,) = project.catalog.runs.newest()
    assert (entry.name, entry.mode, len(entry.details["steps"])) == ("model", "auto", 4)
    assert len(json.loads((folder / "training.json").read_text())["steps"]) == 4
    assert Predictor(folder).report.accuracy == finished.report.accuracy


@pytest.mark.slow
def test_a_fine_tuned_network_is_also_averaged_with_pretrained_ones(
    run: tuple[Project, Path, list[Step], Finished],
) -> None:
    _, folder, steps, _ = run
    evidence = list(read_evidence(folder, 4))
    if not evidence:  # so on this machine's arithmetic
        pytest.skip("the linear head alone was better than every fine-tuned network")
    (first,) = read_evidence(folder, 2)
    alone, averaged, *with_joined = evidence
    assert averaged.backbone == f"{first.backbone}+{alone.backbone}"
    joined = [f"{step.backbone}+{alone.backbone}" for step in steps[2:3] if step.kept]
    assert [one.backbone for one in with_joined] == joined
    assert averaged.prior > alone.prior > 0
    expected = softmax((np.log(first.probs[alone.idx]) + np.log(alone.probs)) / 2, 1)
    np.testing.assert_allclose(averaged.probs, expected, atol=1e-3)


@pytest.mark.slow
def test_an_interrupted_training_goes_on_at_its_step(run: tuple[Project, Path, list[Step], Finished]) -> None:
    _, whole, steps, _ = run
    folder = whole.parent / "again"
    with Project.over(whole.parent / "photos", features=whole.parent / "features") as project:
        events = train(project, CONFIG, folder)
        assert next(event for event in events if isinstance(event, Step)).number == 1
        assert checkpoint.read_report(folder).images == 12  # a model is there while the rest is tried
        plan_little(folder)
        events.close()  # type: ignore[attr-defined]
        project.models.mkdir(exist_ok=True)
        events, numbers = train(project, CONFIG, folder), list[int]()
        while 4 not in numbers:  # it is kept after its first fold, or dropped at its end
            numbers += [event.number for event in [next(events)] if isinstance(event, Step)]
        assert numbers == [2, 3, 4]
        events.close()  # type: ignore[attr-defined]
        *_, finished = train(project, CONFIG, folder)
        assert isinstance(finished, Finished)
        timeless = [replace(step, seconds=0) for step in steps]
        assert [replace(step, seconds=0) for step in finished.steps] == timeless
        tensors, expected = (load_file(one / "model.safetensors") for one in (folder, whole))
        assert tensors.keys() == expected.keys()
        assert all(tensors[name].equal(expected[name]) for name in tensors)
        assert unfinished(project) is None


@pytest.mark.slow
def test_a_stop_in_the_first_fold_keeps_the_best_so_far_and_leaves_the_step_for_later(
    run: tuple[Project, Path, list[Step], Finished],
) -> None:
    project, whole, steps, _ = run
    folder, epochs = whole.parent / "stopped", list[Epoch]()
    for event in train(project, CONFIG, folder, stop=lambda: len(epochs) > 0):
        if isinstance(event, Epoch):
            epochs.append(event)
        if isinstance(event, Step) and event.number == 1:
            plan_little(folder)
    assert isinstance(event, Finished)
    assert len(epochs) == 1
    assert [(step.name, step.kept) for step in event.steps] == [(step.name, step.kept) for step in steps[:3]]


@pytest.mark.slow
@pytest.mark.parametrize(("first_of", "taken"), [(StepCode.JOIN, 1), (TrainingCode.PREPARE_VIEWS, 3)])
def test_a_stop_does_not_wait_for_features_or_views_of_all_photos(
    run: tuple[Project, Path, list[Step], Finished], first_of: Code, taken: int
) -> None:
    project, whole, *_ = run
    folder, seen = whole.parent / f"stopped-{taken}", list[Progress]()
    for event in train(project, CONFIG, folder, stop=lambda: len(seen) > 0):
        if isinstance(event, Step) and event.number == 1:
            plan_little(folder)
        if isinstance(event, Progress) and is_of(event, first_of):
            seen.append(event)
    assert isinstance(event, Finished)
    assert len(seen) == 1
    assert len(event.steps) == taken
    assert Predictor(folder).report.accuracy == event.report.accuracy


@pytest.fixture
def ended(photos: Path, tmp_path: Path) -> Iterator[tuple[Project, Path]]:
    """A training that has ended after its first step: its project and folder."""
    with Project.over(photos, features=photos.parent / "features") as project:
        list(train(project, replace(CONFIG, max_steps=1), tmp_path / "model"))
        yield project, tmp_path / "model"


@pytest.mark.slow
def test_a_network_that_is_added_is_tried_wherever_the_program_ended(ended: tuple[Project, Path]) -> None:
    """The steps before it stay, also where it is asked for with other settings."""
    project, folder = ended
    config, first = replace(CONFIG, max_steps=2, seed=9), folder / "steps" / "1" / "report.json"
    written = first.stat().st_mtime_ns
    events = train(project, config, folder, networks=(LITE1,))
    next(event for event in events if isinstance(event, Progress))  # no photo was read
    events.close()  # type: ignore[attr-defined]
    events = train(project, config, folder)
    next(event for event in events if isinstance(event, Progress) and is_of(event, StepCode.JOIN))
    events.close()  # type: ignore[attr-defined]
    *_, finished = train(project, config, folder)
    assert isinstance(finished, Finished)
    assert [(step.name, step.backbone) for step in finished.steps] == [("head", CONFIG.backbone), ("network", LITE1)]
    assert first.stat().st_mtime_ns == written
    assert not (folder / "resume").exists()


@pytest.mark.slow
def test_steps_on_other_photos_are_kept_when_a_network_is_to_follow_them(ended: tuple[Project, Path]) -> None:
    project, folder = ended
    project.move([project.photos("dark")[0].id], "light")
    with pytest.raises(ModelError) as refused:
        list(train(project, replace(CONFIG, max_steps=2), folder, networks=(LITE1,)))
    assert refused.value.code is StepsCode.OTHER_PHOTOS
    assert [step.name for step in list_steps(folder)] == ["head"]
    assert not (folder / "resume").exists()


def test_networks_that_do_not_exist_are_refused_before_anything_is_trained(photos: Path, tmp_path: Path) -> None:
    for network, error in (("resnet1000", ModelError), ("small_cnn", SettingError)):
        with Project.over(photos, features=tmp_path) as project, pytest.raises(error):
            next(iter(train(project, CONFIG, tmp_path / "model", networks=(network,))))


@pytest.mark.slow
def test_a_photo_that_is_gone_fails_a_step_in_words(photos: Path, tmp_path: Path) -> None:
    few = Path(shutil.copytree(photos, tmp_path / "few"))
    with Project.over(few, features=tmp_path / "features") as project:
        for event in (events := train(project, replace(CONFIG, max_steps=3), tmp_path / "model")):
            if isinstance(event, Step) and event.number == 1:
                (few / "dark" / "0.png").unlink()  # the features of the second step are cached
        events.close()  # type: ignore[attr-defined]
        assert isinstance(event, Finished)
        assert event.steps[2].why is not None
        assert "A photo can no longer be read" in str(event.steps[2].why)
        assert [left.file for left in project.left_out()] == ["dark/0.png"]


@pytest.mark.slow
def test_a_step_that_fails_leaves_nothing_behind(photos: Path, tmp_path: Path) -> None:
    """Views of all photos may have filled the disk: the next step needs the space."""
    with Project.over(photos, features=photos.parent / "features") as project:
        for event in train(project, CONFIG, tmp_path / "model"):
            if isinstance(event, Step) and event.number == 1:
                (plan_little(tmp_path / "model").parent / "views.bin.part").mkdir()  # it cannot be written
            if isinstance(event, Step) and event.number == 4:
                assert list((tmp_path / "model" / "resume" / "tail").iterdir()) == []
    assert isinstance(event, Finished)
    assert event.steps[3].why is not None
    assert event.steps[3].why.code is StepsCode.STEP_FAILED


@pytest.mark.slow
def test_a_step_that_ended_the_program_goes_on_with_less_memory_and_time(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tail, seconds, micro_batches = folder / "resume" / "tail" / "tf_efficientnet_lite2", [0.0], list[float]()
    with Project.over(photos, features=photos.parent / "features") as project:
        for starts, epoch in ((0, 1), (2, 2)):
            if starts:
                (folder / "resume" / "starts.txt").write_text(str(starts))
            for event in (events := train(project, CONFIG, folder)):
                if isinstance(event, Step) and event.number == 1:
                    plan_little(folder)
                if isinstance(event, Epoch) and event.number == epoch:
                    break
                if isinstance(event, Epoch):  # it is shown again, and not complete again
                    assert attempts.count_starts(folder / "resume") == starts + 1
            events.close()  # type: ignore[attr-defined]
            assert attempts.count_starts(folder / "resume") == 0
            micro_batches.append(float(load_file(tail / "fold-0.safetensors")["summary"][5]))
            seconds.append(resume.read_seconds(folder / "resume"))
    assert micro_batches[1] <= micro_batches[0] / 4
    assert seconds[2] > seconds[1] > seconds[0]


@pytest.mark.slow
@pytest.mark.parametrize("interrupted", [False, True])
def test_what_a_person_decides_during_a_training_stays(interrupted: bool, photos: Path, tmp_path: Path) -> None:
    config, folder = replace(CONFIG, max_steps=1), tmp_path / "model"
    with Project.over(photos, features=photos.parent / "features") as project:
        events = train(project, config, folder)
        next(event for event in events if isinstance(event, Step))
        checkpoint.set_threshold(folder, 0.77)
        decided = checkpoint.set_costs(folder, {"dark": 5})
        if interrupted:
            events.close()  # type: ignore[attr-defined]
            events = train(project, config, folder)
        *_, finished = events
    assert isinstance(finished, Finished)
    for report in (finished.report, checkpoint.read_report(folder)):
        assert (report.threshold, report.costs, report.thresholds) == (0.77, {"dark": 5}, decided.thresholds)
    assert checkpoint.read_report(folder / "steps" / "1").threshold != 0.77


@pytest.mark.slow
def test_a_model_that_joins_is_kept_with_a_single_one_once_it_is_saved(tmp_path: Path) -> None:
    """Where it cannot be saved the training ends, to go on at this step; both are evaluated on the test photos."""
    for number in range(18):
        split, label = ("train", "train", "test")[number % 3], ("dark", "light")[number // 9]
        place = tmp_path / "photos" / split / label / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        draw_photo(number + 7200, (64, 48), ((60, 50, 40), (66, 56, 46))[number // 9]).save(place)
    folder, config = tmp_path / "model", replace(CONFIG, max_steps=2)
    with Project.over(tmp_path / "photos", features=tmp_path) as project:
        events = train(project, config, folder)
        next(event for event in events if isinstance(event, Step))
        (folder / "steps" / "2").touch()  # in the place of a folder
        try:
            *_, last = events
        except StorageError:
            assert [step.name for step in list_steps(folder)] == ["head"]
        else:  # so on this machine's arithmetic
            assert not last.steps[1].kept
            pytest.skip("the linear head on the last stage alone was better")
        (folder / "steps" / "2").unlink()
        *_, finished = train(project, config, folder)
    assert isinstance(finished, Finished)
    assert [step.kept for step in finished.steps] == [True, True]
    for report in (finished.report, checkpoint.read_report(folder / "single")):
        assert (report.evaluated_on, report.evaluated_count) == ("test", 6)


@pytest.mark.slow
def test_a_step_is_taken_back_and_put_forward(run: tuple[Project, Path, list[Step], Finished]) -> None:
    project, original, steps, _ = run
    folder = original.parent / "taken" / "model"
    shutil.copytree(original, folder)
    use_step(project, folder, 1)
    assert step_in_use(folder) == 1
    first = checkpoint.read_report(folder / "steps" / "1")
    assert checkpoint.read_report(folder) == first
    assert project.catalog.runs.newest()[0].report["accuracy"] == first.accuracy
    kept = max(step.number for step in steps if step.kept)
    use_step(project, folder, kept)
    assert checkpoint.read_report(folder).accuracy == checkpoint.read_report(original).accuracy
    with pytest.raises(ModelError) as refused:
        use_step(project, folder, 9)
    assert refused.value.message.code is StepsCode.STEP_NOT_KEPT
