from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from classifier import Epoch, Finished, Note, Predictor, Project, TrainConfig, train
from classifier import device as devices
from classifier.config import Preprocessing
from classifier.errors import SettingError, StorageError
from classifier.models import networks, surgery
from classifier.training import deep, finetune, linear_head
from classifier.training.finetune import FineTuneSpec, NonFiniteLossError, TrainState
from classifier.workflows.evaluate import evaluate
from classifier.workflows.train import unfinished
from tests.helpers import draw_digits, draw_photo

ROOT = Path(__file__).parents[2]
CPU = devices.choose("cpu")
SCRATCH = TrainConfig(mode="deep", backbone="small_cnn", epochs=4)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each of three digits; not to be changed."""
    return draw_digits(tmp_path_factory.mktemp("digits") / "data", "038", 12)


def run(data: Path, out: Path, config: TrainConfig, stop: Callable[[], bool] | None = None) -> list[Any]:
    with Project.over(data) as project:
        return list(train(project, config, out, stop=stop))


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


# -- the whole story


def test_small_cnn_learns_to_read_digits(tmp_path: Path) -> None:
    data = draw_digits(tmp_path / "data", "0123456789", 40)
    test = draw_digits(tmp_path / "test", "0123456789", 20, seed=7)
    *events, last = run(data, tmp_path / "model", replace(SCRATCH, epochs=12))
    assert isinstance(last, Finished)
    assert last.mode == "deep"
    epochs = [event for event in events if isinstance(event, Epoch)]
    assert [epoch.number for epoch in epochs] == list(range(1, len(epochs) + 1))
    assert epochs[-1].loss < epochs[0].loss
    predictor = Predictor(tmp_path / "model", "cpu")
    paths = sorted(test.glob("*/*.png"))
    answers = predictor.predict(paths, top_k=1)
    right = np.mean([answer.top[0].label == path.parent.name for answer, path in zip(answers, paths)])
    assert right > 0.95
    assert abs(last.report.accuracy - right) < 0.1
    assert not (tmp_path / "model/resume").exists()


def test_a_network_from_scratch_cannot_be_trained_quickly(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="choose deep"):
        run(digits, tmp_path / "model", replace(SCRATCH, mode="quick"))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(digits: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(digits, tmp_path / name, replace(SCRATCH, seed=seed))
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_where_quick_training_gets_all_right_it_is_kept_and_that_is_said(example_set: Path, tmp_path: Path) -> None:
    *_, last = run(example_set, tmp_path / "model", TrainConfig(mode="deep"))
    assert last.mode == "quick"
    assert any("already as good" in note for note in last.notes)


@pytest.fixture(scope="session")
def muddle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos whose folders mean nothing, so that quick training gets many wrong."""
    folder = tmp_path_factory.mktemp("muddle") / "data"
    for number in range(48):
        target = folder / "ab"[number % 2]
        target.mkdir(parents=True, exist_ok=True)
        draw_photo(9000 + number, (96, 80)).save(target / f"{number}.jpg")
    return folder


def test_deep_training_that_is_no_better_gives_the_quick_model(muddle: Path, tmp_path: Path) -> None:
    *events, last = run(muddle, tmp_path / "deep", TrainConfig(mode="deep", unfreeze=1, epochs=2))
    run(muddle, tmp_path / "quick", TrainConfig())
    assert sum(isinstance(event, Epoch) for event in events) == 2
    assert last.mode == "quick"
    assert any("already as good" in note for note in last.notes)
    assert equal(weights(tmp_path / "deep"), weights(tmp_path / "quick"))
    assert (tmp_path / "deep/familiar.safetensors").exists()  # with all that belongs to it


def test_deep_training_that_is_better_is_kept_and_opens_as_it_answered(
    muddle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deep, "is_clearly_better", lambda *_: True)  # what decides is tested above, what follows here
    *_, last = run(muddle, tmp_path / "model", TrainConfig(mode="deep", unfreeze=1, epochs=2))
    assert last.mode == "deep"
    trained = json.loads((tmp_path / "model/training.json").read_text())
    assert trained["kept"] == "deep"
    assert trained["plan"]["unfreeze"] == 1
    pretrained = networks.build("tf_efficientnet_lite0").state_dict()
    found = weights(tmp_path / "model")
    assert torch.equal(found["blocks.4.0.conv_pw.weight"], pretrained["blocks.4.0.conv_pw.weight"])  # frozen
    assert not torch.equal(found["blocks.6.0.conv_pw.weight"], pretrained["blocks.6.0.conv_pw.weight"])
    assert Predictor(tmp_path / "model", "cpu").predict(sorted(muddle.glob("a/*.jpg")))
    assert not (tmp_path / "model/familiar.safetensors").exists()  # that of the quick model says nothing of this one
    assert last.report.group_count == trained["judged"] == 12
    with Project.over(muddle) as project:
        again = evaluate(Predictor(tmp_path / "model", "cpu"), project)
    assert again.coverage_curve[0].coverage == 1.0


def test_a_deep_model_is_judged_on_photos_set_apart_with_their_scenes(
    muddle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deep, "is_clearly_better", lambda *_: True)
    for part, places in (("train", range(36)), ("test", range(36, 48))):
        for number in places:
            target = tmp_path / "data" / part / "ab"[number % 2]
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(muddle / "ab"[number % 2] / f"{number}.jpg", target)
    draw_photo(9036, (96, 80)).save(tmp_path / "data/test/a/again.png")  # the first of them
    *_, last = run(tmp_path / "data", tmp_path / "model", TrainConfig(mode="deep", unfreeze=1, epochs=1, seed=1))
    assert (last.mode, last.report.evaluated_on) == ("deep", "test"), last.notes
    assert sum(map(sum, last.report.confusion)) == 13
    assert last.report.group_count == 12


def test_stop_keeps_the_best_so_far(digits: Path, tmp_path: Path) -> None:
    epochs = 0

    def stop() -> bool:
        return epochs >= 2

    with Project.over(digits) as project:
        for event in train(project, replace(SCRATCH, epochs=30), tmp_path / "model", stop=stop):
            epochs += isinstance(event, Epoch)
    assert isinstance(event, Finished)
    assert epochs == 2
    assert Predictor(tmp_path / "model", "cpu").labels == ("0", "3", "8")


# -- cut off and gone on with


def command(data: Path, out: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "classifier", "train", str(data), "--out", str(out), "--mode", "deep",
        "--backbone", "small_cnn", "--epochs", "12", "--json", *more,
    ]  # fmt: skip


def test_killed_three_times_it_ends_with_the_same_model(digits: Path, tmp_path: Path) -> None:
    subprocess.run(command(digits, tmp_path / "whole"), cwd=ROOT, check=True, capture_output=True)
    chance, seen = random.Random(0), set()
    for _ in range(3):
        child = subprocess.Popen(command(digits, tmp_path / "cut"), cwd=ROOT, stdout=subprocess.DEVNULL)
        resume = tmp_path / "cut/resume"
        known = states(resume)
        while child.poll() is None and states(resume) == known:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.2)
        child.kill()
        child.wait()
        seen.add(str(states(resume)))
    assert len(seen) > 1, "it was never killed at work"
    subprocess.run(command(digits, tmp_path / "cut"), cwd=ROOT, check=True, capture_output=True)
    whole, cut = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert {
        name: float((cut[name] - whole[name]).abs().max()) for name in whole if not torch.equal(cut[name], whole[name])
    } == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]
    assert {path.name for path in (tmp_path / "cut").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }


def states(resume: Path) -> list[tuple[str, int]]:
    try:
        return sorted((path.name, path.stat().st_mtime_ns) for path in resume.glob("*.safetensors"))
    except FileNotFoundError:
        return []


def test_an_unfinished_training_of_a_project_is_found_with_its_settings(digits: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add(digits)
        assert unfinished(project) is None
        events = train(project, SCRATCH)
        next(event for event in events if isinstance(event, Epoch))
        events.close()  # type: ignore[attr-defined]
        found = unfinished(project)
        assert found is not None
        folder, config = found
        assert config == SCRATCH
        *_, last = train(project, config, folder)
        assert isinstance(last, Finished)
        assert last.folder == folder
        assert unfinished(project) is None
        assert [run.name for run in project.catalog.runs()] == [folder.name]


def test_with_other_photos_an_unfinished_training_begins_anew(digits: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    with Project.over(data) as project:
        events = train(project, SCRATCH, tmp_path / "model")
        next(event for event in events if isinstance(event, Epoch))
        events.close()  # type: ignore[attr-defined]
    draw_digits(data, "0", 1, seed=99)
    *events, last = run(data, tmp_path / "model", SCRATCH)
    assert last.report.images == 37
    assert [event.number for event in events if isinstance(event, Epoch)] == [1, 2, 3, 4]


# -- when it goes wrong


def lesson(network: nn.Module | None = None, rate: float = 1e-2, batch: int = 8) -> FineTuneSpec:
    """Sixteen pictures of one colour each, learnt by a network of one convolution."""
    if network is None:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    rng = np.random.default_rng(0)
    labels = np.arange(16) % 2
    views = torch.from_numpy(rng.integers(0, 60, (16, 3, 3, 8, 8), dtype=np.uint8))
    views += torch.from_numpy(labels.astype(np.uint8) * 150)[:, None, None, None, None]
    return FineTuneSpec(
        network, str(len(network) - 1) if isinstance(network, nn.Sequential) else "", [["0"]], views, labels,
        np.arange(12), np.arange(12, 16), Preprocessing(size=8), 3, batch, rate, "adamw", 0,
    )  # fmt: skip


def learn(learner: TrainState, epochs: int = 1) -> list[object]:
    with finetune.workers(CPU) as pool:
        return [event for _ in range(epochs) for event in learner.learn(pool)]


def test_the_best_round_is_the_likeliest_at_the_confidence_the_model_will_answer_with() -> None:
    learner = TrainState(lesson(), CPU)
    learn(learner, 3)
    rounds = learner.history
    truth = learner.lesson.labels[learner.lesson.held_out]
    logits = torch.from_numpy(learner.held_out / linear_head.temperature(learner.held_out, truth))
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(truth)).item()
    assert rounds[learner.best - 1].val_loss == pytest.approx(loss, rel=1e-5)
    assert rounds[learner.best - 1].val_loss == min(event.val_loss for event in rounds)


@pytest.mark.parametrize("mirror", [True, False])
def test_pictures_are_learnt_in_the_mirror_every_other_time_where_they_may_be_and_never_judged_so(mirror: bool) -> None:
    shades = torch.arange(8, dtype=torch.uint8) * 20  # from dark to light, in the mirror from light to dark
    task = replace(lesson(), mirror=mirror)
    learner = TrainState(replace(task, views=shades.expand_as(task.views).clone()), CPU)
    turned: dict[bool, list[bool]] = {True: [], False: []}  # of the pictures learnt from, and of those judged

    def watch(_: nn.Module, inputs: tuple[Tensor]) -> None:
        turned[torch.is_grad_enabled()] += (inputs[0][:, 0, 0, 0] > inputs[0][:, 0, 0, -1]).tolist()

    learner.network.register_forward_pre_hook(watch)
    learn(learner, 3)
    assert (len(turned[True]), len(turned[False])) == (3 * 12, 3 * 4)
    assert (6 < sum(turned[True]) < 30) if mirror else not any(turned[True])
    assert not any(turned[False])


def test_a_loss_that_is_no_number_ends_it_with_reason_and_advice_and_the_last_good_model() -> None:
    learner = TrainState(lesson(rate=1e-3), CPU)
    learn(learner)
    good = {name: value.clone() for name, value in learner.best_tensors.items()}
    for group in learner.optimizer.param_groups:
        group["peak"] = 1e38
    with pytest.raises(NonFiniteLossError, match=r"smaller learning rate than 0\.001"):
        learn(learner, 2)
    assert equal(learner.best_tensors, good)
    assert all(value.isfinite().all() for value in learner.best_tensors.values())


def test_a_learning_rate_beyond_reason_leaves_the_quick_model_and_says_why(muddle: Path, tmp_path: Path) -> None:
    config = TrainConfig(mode="deep", unfreeze=1, epochs=3, learning_rate=10.0, optimizer="sgd")
    *events, last = run(muddle, tmp_path / "model", config)
    notes = [event.sentence for event in events if isinstance(event, Note)]
    assert last.mode == "quick"
    reasons = ("smaller learning rate", "already as good", "not clearly better")
    assert any(reason in note for note in notes for reason in reasons)
    assert Predictor(tmp_path / "model", "cpu").labels == ("a", "b")


class Greedy(nn.Module):
    """Has memory for two pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.body = lesson().network

    def forward(self, pixels: Tensor) -> Tensor:
        if len(pixels) > 2:
            raise torch.OutOfMemoryError("out of memory")
        answers: Tensor = self.body(pixels)
        return answers


def test_out_of_memory_halves_the_batch_says_so_and_gives_the_same_result() -> None:
    plain, greedy = TrainState(lesson(), CPU), TrainState(replace(lesson(Greedy()), classifier="body.4"), CPU)
    greedy.micro = 8
    learn(plain)
    notes = [event.sentence for event in learn(greedy) if isinstance(event, Note)]
    assert notes
    assert "memory did not suffice" in notes[0]
    assert greedy.micro == 2
    for name, value in plain.named.items():
        torch.testing.assert_close(greedy.named[f"body.{name}"], value, rtol=2e-2, atol=2e-3)


def test_memory_the_system_really_refuses_is_recognised() -> None:
    code = (
        "import resource, torch\n"
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from classifier.training.finetune import _out_of_memory\n"
        "import os; used = int(open('/proc/self/statm').read().split()[0]) * os.sysconf('SC_PAGE_SIZE')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))\n"
        "try:\n    torch.empty(2**31)\n"
        "except RuntimeError as error:\n    sys.exit(0 if _out_of_memory(error) else 1)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_on_a_full_disk_it_is_a_sentence_the_model_before_is_whole_and_it_can_go_on(
    digits: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        run(digits, disk / "model", SCRATCH)
        before = weights(disk / "model")
        filler = disk / "filler"
        filler.write_bytes(b"x" * (shutil.disk_usage(disk).free - 500_000))
        with pytest.raises(StorageError, match=r"disk is full.*model"):
            run(digits, disk / "model", replace(SCRATCH, seed=5))
        assert equal(weights(disk / "model"), before)
        assert Predictor(disk / "model", "cpu").labels == ("0", "3", "8")
        filler.unlink()
        run(digits, disk / "model", replace(SCRATCH, seed=5))
        assert not equal(weights(disk / "model"), before)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)  # views are still mapped


def test_hints_name_the_usual_causes() -> None:
    def curve(losses: list[float], seen: list[float], held_out: list[float]) -> list[Epoch]:
        rows = zip(losses, seen, held_out)
        return [Epoch(number, 4, loss, one, 1.0, other, 1) for number, (loss, one, other) in enumerate(rows, 1)]

    flat = curve([1.0, 1.0, 1.0, 1.0], [0.5] * 4, [0.5] * 4)
    by_heart = curve([1.0, 0.5, 0.2, 0.1], [0.5, 0.8, 1.0, 1.0], [0.5, 0.6, 0.6, 0.6])
    jumpy = curve([1.0, 0.8, 0.6, 0.5], [0.5, 0.6, 0.7, 0.7], [0.5, 0.8, 0.5, 0.7])
    assert "learning rate" in finetune.hints(flat, 100)[0]
    assert "by heart" in finetune.hints(by_heart, 100)[0]
    assert "only 20 photos" in finetune.hints(jumpy, 20)[0]
    assert not finetune.hints(jumpy, 200)
    assert not finetune.hints(flat[:2], 100)


# -- what an epoch is made of


def test_a_restored_learner_goes_on_exactly_as_the_one_before() -> None:
    one, other = TrainState(lesson(), CPU), TrainState(lesson(), CPU)
    learn(one)
    other.restore({key: value.clone() for key, value in one.state().items()})
    assert other.history == one.history
    learn(one, 2)
    learn(other, 2)
    assert equal(dict(one.named), dict(other.named))
    assert one.finished
    assert np.array_equal(one.held_out, other.held_out)


def test_uneven_classes_are_drawn_evenly() -> None:
    uneven = replace(lesson(), labels=np.array([0] * 11 + [1] * 5), seen=np.arange(14))
    drawn = np.concatenate([rows for epoch in range(40) for rows in finetune._batches(uneven, epoch)])
    assert 0.4 < uneven.labels[drawn].mean() < 0.6
    even = np.concatenate(finetune._batches(lesson(), 0))
    assert sorted(even) == list(range(12))


def test_the_head_learns_fastest_and_norms_and_biases_are_not_pulled_to_zero() -> None:
    network = networks.build("tf_efficientnet_lite0", 2)
    stages = surgery.stages(network)
    named = dict(network.named_parameters())
    optimizer = finetune._optimizer(replace(lesson(network), classifier="classifier", stages=stages), named)
    group_of = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
    rates = {name: group_of[id(parameter)] for name, parameter in named.items()}
    assert rates["conv_stem.weight"]["lr"] < rates["blocks.3.0.conv_pw.weight"]["lr"] < rates["conv_head.weight"]["lr"]
    assert 5 < rates["classifier.weight"]["lr"] / rates["conv_stem.weight"]["lr"] < 20
    assert rates["bn2.weight"]["weight_decay"] == rates["classifier.bias"]["weight_decay"] == 0
    assert rates["conv_head.weight"]["weight_decay"] > 0


def test_clearly_better_takes_more_photos_right_and_a_gain_beyond_chance() -> None:
    truth = np.arange(40) % 2

    def logs(share_right: float, sure: float) -> np.ndarray[Any, Any]:
        wrong = np.arange(40) >= share_right * 40
        said = np.where(wrong, 1 - truth, truth)
        return np.log(np.stack([np.where(said == label, sure, 1 - sure) for label in (0, 1)], 1)).astype(np.float32)

    assert deep.is_clearly_better(logs(0.95, 0.9), logs(0.6, 0.9), truth)
    assert not deep.is_clearly_better(logs(0.6, 0.9), logs(0.95, 0.9), truth)
    assert not deep.is_clearly_better(logs(0.8, 0.9), logs(0.8, 0.6), truth)  # surer, and not right more often
    assert not deep.is_clearly_better(logs(0.625, 0.9), logs(0.6, 0.9), truth)  # one photo
