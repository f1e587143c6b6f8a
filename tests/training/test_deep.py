from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import classifier
from classifier import Epoch, Finished, Note, Predictor, Project, TrainConfig, leases, train
from classifier.config import LIMITS, RESIZE_MODES
from classifier.data.assets import Asset
from classifier.data.dataset import Sample, TrainingSet
from classifier.data.example import draw_example
from classifier.data.images import open_picture
from classifier.data.splits import stratified_group_folds
from classifier.errors import DataError, SettingError, StorageError
from classifier.events import Progress
from classifier.leases import LeaseError
from classifier.messages import Code
from classifier.messages.training import HintCode, TrainingCode
from classifier.models import networks, training_record
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.training import attempts, deep, resume
from classifier.training.cross_fit import cross_fit
from classifier.training.deep import FineTunedNetwork, fine_tune
from classifier.training.loss import cross_entropy
from classifier.training.schedule import TrainPlan
from classifier.workflows.train import unfinished
from tests import processes
from tests.helpers import draw_digits
from tests.training.runs import BEST_CPU, equal
from tests.zero_gpu import Lender

SCRATCH = TrainConfig(mode="deep", backbone="small_cnn", epochs=2)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each of three digits; not to be changed."""
    return draw_digits(tmp_path_factory.mktemp("digits") / "data", "038", 12)


def training_set(folder: Path, features: np.ndarray[Any, Any] | None = None) -> TrainingSet:
    """The pictures of class folders, each a group of its own."""
    paths = sorted(folder.glob("*/*.*"))
    labels = tuple(sorted({path.parent.name for path in paths}))
    y = np.array([labels.index(path.parent.name) for path in paths], np.int64)
    samples = []
    for number, path in enumerate(paths):
        width, height = open_picture(path).size
        samples.append(Sample(f"{number:064x}", path, int(y[number]), width, height))
    empty = np.zeros((len(paths), 0), np.float32)
    assets: tuple[Asset, ...] = ()
    return TrainingSet(assets, tuple(samples), labels, y, np.arange(len(y)), empty if features is None else features)


class Runner:
    """Calls ``fine_tune`` on a folder of an unfinished training."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = FeatureCache(folder / "features")

    def start(self, data: TrainingSet, config: TrainConfig = SCRATCH, **settings: Any) -> Iterator[Any]:
        backbone = resolve(config.backbone)
        extractor = FeatureExtractor(backbone, BEST_CPU, self.cache, LIMITS)
        resume.prepare_folder(self.folder / "resume", config, [sample.sha256 for sample in data.samples])
        preprocessing = networks.preprocessing(backbone).with_resize_mode("whole")
        return fine_tune(extractor, data, preprocessing, config, self.folder / "resume", **settings)

    def cross_fit(self, data: TrainingSet, plan: TrainPlan, **settings: Any) -> Iterator[Any]:
        extractor = FeatureExtractor(resolve(SCRATCH.backbone), BEST_CPU, self.cache, LIMITS)
        preprocessing = networks.preprocessing(extractor.backbone)
        folds = stratified_group_folds(data.y, data.groups, SCRATCH.folds, SCRATCH.seed)
        return cross_fit(extractor, data, folds, preprocessing, SCRATCH, plan, self.folder, **settings)

    def run(self, data: TrainingSet, config: TrainConfig = SCRATCH, **settings: Any) -> list[Any]:
        return list(self.start(data, config, **settings))


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    made = Runner(tmp_path / "run")
    with closing(made.cache):
        yield made


def notes(events: list[Any]) -> list[Code]:
    return [event.message.code for event in events if isinstance(event, Note)]


def epochs(events: list[Any]) -> list[int]:
    return [event.number for event in events if isinstance(event, Epoch)]


def steps(events: list[Any]) -> set[object]:
    return {getattr(event.step, "code", event.step) for event in events if isinstance(event, Progress)}


def all_tensors(network: FineTunedNetwork) -> dict[str, Tensor]:
    return network.tensors | {"weight": torch.from_numpy(network.weight), "bias": torch.from_numpy(network.bias)}


# -- one training


@pytest.mark.slow
def test_a_network_from_scratch_is_trained_and_evaluated_on_folds(digits: Path, runner: Runner) -> None:
    data = training_set(digits)
    *events, network = runner.run(data)
    assert epochs(events) == [1, 2]
    assert steps(events) == {TrainingCode.PREPARE_VIEWS, TrainingCode.EPOCH, TrainingCode.EPOCH_ON_ALL}
    assert isinstance(network, FineTunedNetwork)
    assert (network.plan.unfreeze, network.plan.epochs, network.plan.folds) == (0, 2, 3)
    assert len(set(network.val_idx)) == len(network.val_idx) == 22  # three of five folds of 36
    assert network.logits.shape == (22, 3)
    assert network.weight.shape == (3, 64)
    assert (network.preprocessing.size, network.alpha, network.head_logits) == (28, 1, None)
    assert network.on_all
    assert network.in_distribution.mean() > 0.8
    built = networks.build(resolve("small_cnn"), 3)
    head = {"fc.weight": torch.from_numpy(network.weight), "fc.bias": torch.from_numpy(network.bias)}
    built.load_state_dict({**network.tensors, **head})


@pytest.mark.slow
def test_an_interrupted_training_ends_with_the_same_weights(digits: Path, tmp_path: Path) -> None:
    data = training_set(digits)
    whole, cut = Runner(tmp_path / "whole"), Runner(tmp_path / "cut")
    with closing(whole.cache), closing(cut.cache):
        *all_events, expected = whole.run(data)
        events = cut.start(data)
        assert next(event for event in events if isinstance(event, Epoch)).number == 1
        next(events)  # in the middle of the second epoch
        events.close()  # type: ignore[attr-defined]
        events = cut.start(data)
        assert epochs([next(event for event in events if isinstance(event, Epoch))]) == [1]  # yielded again
        next(event for event in events if steps([event]) == {TrainingCode.EPOCH_ON_ALL})
        events.close()  # type: ignore[attr-defined]
        *last_events, found = cut.run(data)
    first = next(event for event in last_events if isinstance(event, Progress))
    assert steps([first]) == {TrainingCode.EPOCH_ON_ALL}  # the run before it was finished
    assert equal(all_tensors(found), all_tensors(expected))
    assert np.array_equal(found.logits, expected.logits)
    assert [event for event in last_events if isinstance(event, Epoch)] == [
        event for event in all_events if isinstance(event, Epoch)
    ]


@pytest.fixture(scope="module")
def one_epoch(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The events of a training of one epoch, the network last."""
    runner = Runner(tmp_path_factory.mktemp("one-epoch"))
    with closing(runner.cache):
        return runner.run(training_set(digits), replace(SCRATCH, epochs=1))


@pytest.mark.slow
def test_equal_seeds_give_equal_weights_and_others_differ(
    digits: Path, one_epoch: list[Any], runner: Runner, tmp_path: Path
) -> None:
    data, config, other = training_set(digits), replace(SCRATCH, epochs=1), Runner(tmp_path / "other")
    with closing(other.cache):
        different = other.run(data, replace(config, seed=2))[-1]
    assert equal(all_tensors(runner.run(data, config)[-1]), all_tensors(one_epoch[-1]))
    assert not equal(all_tensors(different), all_tensors(one_epoch[-1]))


@pytest.mark.slow
def test_what_another_version_left_is_not_continued(digits: Path, runner: Runner) -> None:
    data = training_set(digits)
    events = runner.start(data)
    next(event for event in events if isinstance(event, Epoch))
    events.close()  # type: ignore[attr-defined]
    settings = runner.folder / "resume/settings.json"
    settings.write_text(settings.read_text().replace(f'"version": {resume.VERSION}', '"version": 1'))
    *events, network = runner.run(data)
    assert TrainingCode.PREPARE_VIEWS in steps(events)
    assert epochs(events) == [1, 2]
    assert isinstance(network, FineTunedNetwork)


@pytest.mark.slow
def test_a_stop_keeps_the_best_so_far_and_trains_no_further(digits: Path, runner: Runner) -> None:
    events: list[Any] = []
    config = replace(SCRATCH, epochs=4)
    for event in runner.start(training_set(digits), config, stop=lambda: len(epochs(events)) >= 2):
        events.append(event)
    assert epochs(events) == [1, 2]
    assert TrainingCode.EPOCH_ON_ALL not in steps(events)
    assert isinstance(events[-1], FineTunedNetwork)
    assert not events[-1].on_all
    assert not events[-1].is_complete


@pytest.mark.slow
def test_an_early_network_is_that_of_the_first_fold_and_then_that_of_all_photos(digits: Path, runner: Runner) -> None:
    events = list(runner.cross_fit(training_set(digits), TrainPlan(0, 1, 1, 2), early=True))
    first, on_all, last = (event for event in events if isinstance(event, FineTunedNetwork))

    assert [network.on_all for network in (first, on_all, last)] == [False, True, True]
    assert all(network.is_complete for network in (first, on_all, last))
    assert len(first.val_idx) == len(on_all.val_idx) < len(last.val_idx)
    assert np.array_equal(first.logits, on_all.logits)  # evaluated on the same photos
    assert equal(on_all.tensors, last.tensors)
    assert not equal(first.tensors, last.tensors)


@pytest.mark.slow
def test_time_that_is_over_ends_the_folds_after_the_network_of_all_photos(digits: Path, runner: Runner) -> None:
    *_, network = runner.cross_fit(training_set(digits), TrainPlan(0, 1, 2, 3), expired=lambda: True)
    assert network.on_all
    assert len(network.val_idx) == 8  # of one fold of five


def test_a_stop_does_not_wait_for_the_views_of_all_photos(digits: Path, runner: Runner) -> None:
    events: list[Any] = []
    for event in runner.start(training_set(digits), SCRATCH, stop=lambda: len(events) > 0):
        events.append(event)
    assert len(steps(events)) == 1
    assert epochs(events) == []
    assert not any(isinstance(event, FineTunedNetwork) for event in events)


def diverges_after(steps: int) -> Callable[..., Tensor]:
    """The loss, and NaN from the given step on."""
    calls: list[None] = []

    def loss_fn(*arguments: Any) -> Tensor:
        calls.append(None)
        loss = cross_entropy(*arguments)
        return loss * float("nan") if len(calls) > steps else loss

    return loss_fn


@pytest.mark.slow
def test_a_loss_that_is_not_finite_keeps_the_last_and_says_why(digits: Path, runner: Runner) -> None:
    *events, network = runner.run(training_set(digits), loss_fn=diverges_after(2))  # two batches in an epoch
    assert epochs(events) == [1]
    assert notes(events) == [TrainingCode.NON_FINITE_LOSS, TrainingCode.BEST_KEPT]
    assert "smaller learning rate than 0.003" in next(event.sentence for event in events if isinstance(event, Note))
    assert isinstance(network, FineTunedNetwork)
    assert all(value.isfinite().all() for value in all_tensors(network).values())


def test_a_loss_that_is_never_finite_gives_no_network(digits: Path, runner: Runner) -> None:
    events = runner.run(training_set(digits), loss_fn=diverges_after(0))
    assert notes(events) == [TrainingCode.NON_FINITE_LOSS, TrainingCode.BEST_KEPT, TrainingCode.NO_EPOCH]
    assert not isinstance(events[-1], FineTunedNetwork)


# -- is it better than a linear head?


@pytest.mark.slow
def test_given_validation_photos_decide_and_are_not_trained_on(digits: Path, runner: Runner, tmp_path: Path) -> None:
    data = training_set(digits)
    others = training_set(draw_digits(tmp_path / "others", "038", 8, seed=7))
    *events, network = runner.run(data, SCRATCH, validation=others)
    assert isinstance(network, FineTunedNetwork)
    assert len(network.val_idx) == len(network.logits) == 22
    assert network.val_idx.max() < len(data.y)
    counts = {event.total for event in events if isinstance(event, Progress)}
    assert counts == {60, 28, 29, 36}  # all for their views, four fifths of the first 36, and these
    shares = [event.val_accuracy * 24 for event in events if isinstance(event, Epoch)]
    assert shares == pytest.approx(np.round(shares))  # of the 24 others


PRETRAINED = TrainConfig(mode="deep", unfreeze=1, epochs=4, folds=2, batch=4, learning_rate=1e-3)


def test_where_the_linear_head_is_right_nothing_is_trained(digits: Path, runner: Runner) -> None:
    data = training_set(digits)
    rng = np.random.default_rng(0)
    separable = (np.eye(3, 16)[data.y] + rng.normal(0, 0.05, (36, 16))).astype(np.float32)
    events = runner.run(replace(data, features=separable), PRETRAINED)
    assert notes(events) == [TrainingCode.QUICK_ALL_RIGHT]
    assert len(events) == 1
    assert not (runner.folder / "resume/views.bin").exists()


def log_probs(share_correct: float, confidence: float) -> np.ndarray[Any, Any]:
    """Of forty photos of two classes in turn."""
    y_true = np.arange(40) % 2
    y_pred = np.where(np.arange(40) >= share_correct * 40, 1 - y_true, y_true)
    columns = [np.where(y_pred == label, confidence, 1 - confidence) for label in (0, 1)]
    return np.log(np.stack(columns, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("one", "other", "better"),
    [
        ((0.95, 0.9), (0.6, 0.9), True),
        ((0.6, 0.9), (0.95, 0.9), False),
        ((0.8, 0.9), (0.8, 0.6), False),  # more confident, and correct on as many
        ((0.625, 0.9), (0.6, 0.9), False),  # one photo
        ((0.675, 0.9), (0.6, 0.9), True),  # three: 1.75 standard errors
        ((0.65, 0.9), (0.6, 0.9), False),  # two: 1.43
    ],
)
def test_better_means_more_photos_correct_and_a_gain_beyond_chance(
    one: tuple[float, float], other: tuple[float, float], better: bool
) -> None:
    assert deep.is_clearly_better(log_probs(*one), log_probs(*other), np.arange(40) % 2) is better


# -- the whole workflow


def run(data: Path, out: Path, config: TrainConfig) -> list[Any]:
    with Project.over(data) as project:
        return list(train(project, config, out))


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.slow
def test_small_cnn_learns_to_read_digits(tmp_path: Path) -> None:
    data = draw_digits(tmp_path / "data", "138", 20)
    test = draw_digits(tmp_path / "test", "138", 16, seed=7)
    *events, last = run(data, tmp_path / "model", replace(SCRATCH, epochs=16))
    assert isinstance(last, Finished)
    assert last.mode == "deep"
    assert epochs(events) == list(range(1, len(epochs(events)) + 1))
    predictor = Predictor(tmp_path / "model", "cpu")
    paths = sorted(test.glob("*/*.png"))
    predictions = predictor.predict(paths, top_k=1)
    accuracy = np.mean([one.top[0].label == path.parent.name for one, path in zip(predictions, paths)])
    assert accuracy > 0.95
    assert abs(last.report.accuracy - accuracy) < 0.15  # the networks of the folds have four fifths of the photos
    assert not (tmp_path / "model/resume").exists()


def test_a_network_from_scratch_cannot_be_trained_quickly(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="choose deep"):
        run(digits, tmp_path / "model", replace(SCRATCH, mode="quick"))


@pytest.mark.slow
def test_a_training_that_ends_before_its_first_epoch_has_no_model(digits: Path, tmp_path: Path) -> None:
    with Project.over(digits) as project, pytest.raises(DataError, match="before anything was learned"):
        list(train(project, SCRATCH, tmp_path / "model", stop=lambda: True))
    assert not (tmp_path / "model/model.safetensors").exists()


@pytest.fixture(scope="session")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos of each of four classes to train on and three to test, one of them twice; not to be changed."""
    folder = tmp_path_factory.mktemp("unseen") / "data"
    draw_example(folder / "train", per_class=11)
    for photo in sorted(folder.glob("train/*/*")):
        if int(photo.stem.split()[-1]) > 8:
            (folder / "test" / photo.parent.name).mkdir(parents=True, exist_ok=True)
            photo.rename(folder / "test" / photo.parent.name / photo.name)
    open_picture(folder / "test/key/key 09.jpg").save(folder / "test/key/again.png")
    return folder


def fill_with_noise(project: Project) -> None:
    """Cache features of the training photos that say nothing, so that quick training has nothing to learn from."""
    rng = np.random.default_rng(0)
    usual = networks.preprocessing(resolve("tf_efficientnet_lite0"))
    preprocessings = [usual.with_resize_mode(mode) for mode in RESIZE_MODES]
    with closing(FeatureCache(project.features)) as cache:
        for asset in project.catalog.assets(split="train"):
            features = rng.normal(0, 1, (len(preprocessings), 1280)).astype(np.float32)
            cache.put("tf_efficientnet_lite0", preprocessings, asset.sha256, features)


def train_blindly(data: Path, out: Path, features: Path, config: TrainConfig) -> list[Any]:
    with Project.over(data, features=features) as project:
        fill_with_noise(project)
        return list(train(project, config, out))


@pytest.mark.slow
def test_a_learning_rate_beyond_reason_leaves_the_quick_model(unseen: Path, tmp_path: Path) -> None:
    config = replace(PRETRAINED, epochs=3, learning_rate=10.0, optimizer="sgd")
    *events, last = train_blindly(unseen / "train", tmp_path / "model", tmp_path / "features", config)
    assert HintCode.NO_PROGRESS in notes(events)
    assert notes(events)[-1] is TrainingCode.NOT_BETTER
    assert last.mode == "quick"
    assert (tmp_path / "model/familiar.safetensors").exists()
    assert [note.code for note in last.notes] == notes(events)


@pytest.fixture(scope="session")
def better(unseen: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Deep training that is better than quick training; its folder is not to be changed."""
    folder = tmp_path_factory.mktemp("better")
    *_, last = train_blindly(unseen, folder / "model", folder / "features", PRETRAINED)
    assert isinstance(last, Finished)
    return last


@pytest.mark.slow
def test_deep_training_that_is_better_is_kept_and_opens(better: Finished, unseen: Path) -> None:
    assert better.mode == "deep"
    assert better.notes[-1].code is TrainingCode.BETTER
    trained = json.loads((better.folder / "training.json").read_text())
    assert (trained["kept"], trained["plan"]["unfreeze"], trained["judged"]) == ("deep", 1, 32)
    assert trained["alpha"] >= 0.5
    pretrained = networks.build(resolve("tf_efficientnet_lite0")).state_dict()
    kept = weights(better.folder)
    same = {name for name, value in pretrained.items() if name in kept and torch.equal(kept[name], value)}
    assert "blocks.5.0.conv_pw.weight" in same  # frozen
    assert "bn2.running_mean" in same
    assert not same & {"blocks.6.0.conv_pw.weight", "conv_head.weight", "bn2.weight"}
    assert (better.folder / "familiar.safetensors").exists()
    paths = sorted((unseen / "test").glob("*/*.jpg"))
    predictions = Predictor(better.folder, "cpu").predict(paths)
    correct = sum(one.top[0].label == path.parent.name for one, path in zip(predictions, paths))
    assert correct >= 10  # of twelve
    assert sum(one.unsure for one in predictions) <= 6
    explained = Predictor(better.folder, "cpu").explain(paths[0])
    assert explained.heatmap.max() > explained.heatmap.min()


@pytest.mark.slow
def test_the_folder_of_a_deep_model_tells_how_it_was_made(better: Finished, unseen: Path) -> None:
    record = training_record.read_record(better.folder)
    assert record["program"]["version"] == classifier.__version__
    assert record["packages"]["torch"] == torch.__version__
    used = Counter((photo["split"], photo["use"]) for photo in record["photos"])
    assert used["train", "trained"] == 32
    assert sum(count for (split, _), count in used.items() if split == "test") == 13
    contents = {hashlib.sha256(path.read_bytes()).hexdigest() for path in unseen.glob("*/*/*")}
    assert {photo["sha256"] for photo in record["photos"]} == contents
    epochs = training_record.read_epochs(record)
    assert [epoch.number for epoch in epochs] == list(range(1, len(epochs) + 1))
    losses = [epoch.val_loss for epoch in epochs]
    assert record["best_epoch"] == 1 + losses.index(min(losses))
    assert record["verdict"]["kept"] == "deep"
    assert record["trained_on_held_out"]  # in the run on all photos
    assert training_record.read_verdict(record) == better.notes[-1]


@pytest.mark.slow
def test_a_deep_model_is_evaluated_on_the_test_photos_in_groups(better: Finished) -> None:
    assert better.report.evaluated_on == "test"
    assert sum(map(sum, better.report.confusion)) == 13
    assert better.report.group_count <= 12  # one is there twice; drawings of one kind may be alike


# -- interrupted and resumed


def command(data: Path, out: Path) -> list[str]:
    return [
        "-m", "classifier", "train", str(data), "--out", str(out), "--mode", "deep",
        "--backbone", "small_cnn", "--epochs", "5", "--json",
    ]  # fmt: skip


@pytest.mark.slow
def test_killed_three_times_it_ends_with_the_same_model(digits: Path, tmp_path: Path) -> None:
    run(digits, tmp_path / "whole", replace(SCRATCH, epochs=5))
    rng, interrupted = random.Random(0), set()
    for _ in range(3):
        child = processes.start(command(digits, tmp_path / "cut"))
        folder = tmp_path / "cut/resume"
        known = states(folder)
        while child.poll() is None and (states(folder) == known or attempts.count_starts(folder)):
            time.sleep(0.002)  # until an epoch is complete: a start in vain would have smaller pieces of a batch
        time.sleep(rng.random() * 0.2)
        child.kill()
        child.wait()
        interrupted.add(str(states(folder)))
    assert len(interrupted) > 1, "it was never killed at work"
    run(digits, tmp_path / "cut", replace(SCRATCH, epochs=5))
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    names = [{path.name for path in (tmp_path / name).iterdir()} for name in ("whole", "cut")]
    assert names[0] == names[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]


def states(folder: Path) -> list[tuple[str, int]]:
    try:
        return sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.safetensors"))
    except FileNotFoundError:
        return []


@pytest.mark.slow
def test_slices_of_a_lent_gpu_end_with_the_same_network(
    digits: Path, one_epoch: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in slices of a step each, here, and once in another process that is taken away in the middle."""
    data, config, lender = training_set(digits), replace(SCRATCH, epochs=1), Lender(None, 9)
    found = []
    for name in ("stepwise", "lent"):
        runner = Runner(tmp_path / name)
        with monkeypatch.context() as patch, closing(runner.cache):
            patch.setattr(leases, "_runner", leases._run_here)  # and as before at the end
            if name == "stepwise":
                patch.setattr(leases, "SLICE", 0.0)
                leases.host_on_zero_gpu(lambda duration: lambda task: task)
            else:
                leases.host_on_zero_gpu(lender.gpu)
            found.append(runner.run(data, config))
    *events, expected = one_epoch
    for *others, network in found:
        assert equal(all_tensors(network), all_tensors(expected))
        assert np.array_equal(network.logits, expected.logits)
        assert [one for one in others if isinstance(one, Epoch)] == [one for one in events if isinstance(one, Epoch)]
    assert len(lender.durations) == 3  # one for the speed of the network, one that was taken back, and one more
    assert max(lender.durations) <= 60


@pytest.mark.slow
def test_a_stop_on_a_lent_gpu_keeps_the_best_so_far_and_a_lost_one_is_told(
    digits: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    lender = Lender(None, 0, 0, None, None, 0, 0, 0)  # the first is for the speed of the network
    data, stopped = training_set(digits), threading.Event()
    monkeypatch.setattr(leases, "_runner", None)
    leases.host_on_zero_gpu(lender.gpu)
    events = []
    for event in runner.start(data, stop=stopped.is_set):
        events.append(event)
        if isinstance(event, Epoch):
            stopped.set()
    assert isinstance(events[-1], FineTunedNetwork)
    assert not events[-1].on_all
    with pytest.raises(LeaseError):
        runner.run(data, replace(SCRATCH, epochs=5))


@pytest.mark.slow
def test_an_unfinished_training_of_a_project_is_found_with_its_settings(digits: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add(digits)
        assert unfinished(project) is None
        events = train(project, SCRATCH)
        next(event for event in events if isinstance(event, Epoch))
        events.close()  # type: ignore[attr-defined]
        found = unfinished(project)
        assert found is not None
        assert found.config == SCRATCH
        *_, last = train(project, found.config, found.folder)
        assert isinstance(last, Finished)
        assert last.folder == found.folder
        assert unfinished(project) is None
        assert [run.name for run in project.catalog.runs.newest()] == [found.folder.name]


@pytest.mark.slow
def test_with_other_photos_an_unfinished_training_begins_anew(digits: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    with Project.over(data) as project:
        events = train(project, SCRATCH, tmp_path / "model")
        next(event for event in events if isinstance(event, Epoch))
        events.close()  # type: ignore[attr-defined]
    draw_digits(data, "0", 1, seed=99)
    *events, last = run(data, tmp_path / "model", SCRATCH)
    assert last.report.images == 37
    assert epochs(events) == [1, 2]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_leaves_the_model_before_and_can_be_resumed(digits: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    config = replace(SCRATCH, epochs=1)
    try:
        run(digits, disk / "model", config)
        before = weights(disk / "model")
        filler = disk / "filler"
        filler.write_bytes(b"x" * (shutil.disk_usage(disk).free - 500_000))
        with pytest.raises(StorageError) as raised:
            run(digits, disk / "model", replace(config, seed=5))
        assert raised.value.code is TrainingCode.DISK_FULL
        assert equal(weights(disk / "model"), before)
        assert Predictor(disk / "model", "cpu").labels == ("0", "3", "8")
        filler.unlink()
        run(digits, disk / "model", replace(config, seed=5))
        assert not equal(weights(disk / "model"), before)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)  # views are still mapped
