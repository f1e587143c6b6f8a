"""Two processes, on one machine or on two without a shared folder, give what one gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed import TCPStore

from classifier import Project, distributed
from classifier.pulse import Pulse
from tests import processes
from tests.helpers import draw_photo
from tests.training.runs import make_data, make_spec, make_state, train

ROOT = Path(__file__).parents[1]

TRAIN = """
import sys
from safetensors.torch import save_file
from classifier import distributed
from tests.training.runs import make_data, make_spec, make_state, train
with distributed.process_group():
    spec = make_spec()
    state = make_state(spec)
    train(state, make_data(), spec, 3)
    if distributed.is_main_process():
        save_file(state.state_dict(), sys.argv[1])
"""

EMBED = """
import sys
from pathlib import Path
import numpy as np
from classifier.models import networks
from classifier.models.backbones import resolve
from classifier.config import Limits
from classifier.device import choose
from classifier import distributed
from classifier.models.features import FeatureExtractor, extract_features, extract_descriptors
from classifier.models.feature_cache import FeatureCache
folder = Path(sys.argv[1])
with distributed.process_group():
    backbone = resolve("tf_efficientnet_lite0")
    extractor = FeatureExtractor(backbone, choose("cpu"), FeatureCache(folder / "cache"), Limits())
    photos = [(path.stem, path) for path in sorted(folder.glob("*.jpg"))]
    for _ in extract_features(extractor, photos, [networks.preprocessing(backbone)], "step"):
        pass
    descriptors = extract_descriptors(extractor, [(name, folder / "gone") for name, _ in photos])
    (folder / str(distributed.rank())).write_text(str((descriptors.shape[0], bool(np.isnan(descriptors).any()))))
"""

JOIN = """
import os, sys, time
from datetime import timedelta
from classifier import distributed
from classifier.errors import ClassifierError
if os.environ["RANK"] == "1":
    time.sleep(600)
distributed._JOIN = timedelta(seconds=1)
try:
    with distributed.process_group():
        pass
except ClassifierError as error:
    sys.exit(print(error, file=sys.stderr) or 2)
"""

SHARE = """
import json, sys
from pathlib import Path
import torch
from classifier import distributed
from classifier.errors import ClassifierError, DataError
from classifier.messages import Message, message
from classifier.messages.data import PhotoCode

def work(numbers):
    for number in numbers:
        yield message(PhotoCode.CANNOT_OPEN, why="it is 3") if number == 3 else {"double": torch.tensor(2 * number)}

def fail(numbers):
    for number in numbers:
        if number == 2:
            raise DataError(PhotoCode.CANNOT_OPEN, why="it is 2")
        yield {"none": torch.zeros(0)}

def attempt(function):
    try:
        return function()
    except ClassifierError as error:
        return str(error)

with distributed.process_group():
    rank = distributed.rank()
    shared = distributed.share(range(5), work, 1)
    told = [str(one) if isinstance(one, Message) else int(one["double"]) for one in shared]
    told.append(attempt(lambda: list(distributed.share(range(6), fail, 2))))
    told.append(attempt(lambda: distributed.check_same(lambda: [rank])))
    told.append(distributed.decide(lambda: distributed.world_size() + rank))
Path(sys.argv[1], str(rank)).write_text(json.dumps(told))
"""


@pytest.mark.parametrize(
    ("ranks", "gpus", "has_own"),
    [(1, 1, True), (2, 1, False), (2, 2, True), (4, 2, False), (2, 4, True), (2, 0, False), (1, 0, False)],
)
def test_each_process_has_a_gpu_where_a_machine_has_enough(ranks: int, gpus: int, has_own: bool) -> None:
    assert distributed.has_own_gpu(ranks, gpus) == has_own


def test_a_single_process_is_the_main_one_of_one() -> None:
    assert (distributed.rank(), distributed.world_size(), distributed.is_main_process()) == (0, 1, True)
    with distributed.process_group():
        assert distributed.world_size() == 1
    distributed.barrier()
    assert distributed.broadcast("word") == "word"
    gradients = [torch.ones(2)]
    assert distributed.all_reduce(1.5, 2, gradients) == (1.5, 2, gradients)


@pytest.mark.slow
def test_a_process_without_a_sign_of_life_is_lost() -> None:
    with ExitStack() as stack:
        server = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        stores = [TCPStore("127.0.0.1", server.port, is_master=False) for _ in range(2)]
        lost = [threading.Event() for _ in range(2)]
        stack.enter_context(Pulse(stores[0], 0, 2, lost[0].set, beat=0.02, patience=3))
        with Pulse(stores[1], 1, 2, lost[1].set, beat=0.02, patience=600):
            assert not lost[0].wait(0.2)
        assert lost[0].wait(60)
        assert not lost[1].is_set()


def start_several(command: Sequence[object], out: Any, machines: Sequence[Path] = (), err: Any = None) -> list[Any]:
    """Start a program as ``torchrun`` does, which would import torch in each process.

    On one machine twice, or on several once each: these have their own folder, in which the program starts, and cache.
    """
    port = processes.free_port()
    known = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    programs = []
    for rank in range(2):
        own = {**known, "RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
        if machines:
            cache = str(machines[rank] / "cache")
            own |= {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "XDG_CACHE_HOME": cache, "PYTHONPATH": str(ROOT)}
        folder = machines[rank] if machines else ROOT
        programs.append(processes.start(command, folder, own, stdout=out, stderr=err))
    return programs


def run_several(command: Sequence[object], machines: Sequence[Path] = ()) -> str:
    """Run a program as ``start_several`` starts it; returns what all processes print."""
    with tempfile.TemporaryFile() as out:
        assert [program.wait() for program in start_several(command, out, machines)] == [0, 0]
        out.seek(0)
        return out.read().decode()


def run_alone(command: Sequence[object], machine: Path) -> str:
    """Run a program in the folder of a machine."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(machine / "cache"), "PYTHONPATH": str(ROOT)}
    done = processes.run(command, machine, environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_machines(folder: Path, count: int) -> list[Path]:
    """Make the folders of three machines with the same photos, one of which cannot be read to its end."""
    machines = [folder / name for name in ("alone", "first", "second")]
    for number in range(count):
        path = machines[0] / "photos" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_photo(7000 + number, (96, 80)).save(path)
    path.write_bytes(path.read_bytes()[:-700])
    for machine in machines[1:]:
        shutil.copytree(machines[0], machine)
    return machines


def assert_same_weights(one: Path, other: Path, rtol: float, atol: float) -> None:
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(second[name], first[name], rtol=rtol, atol=atol)


@pytest.mark.slow
def test_two_processes_train_the_network_that_one_trains(tmp_path: Path) -> None:
    run_several(["-c", TRAIN, str(tmp_path / "two.safetensors")])
    state = make_state(spec := make_spec())
    train(state, make_data(), spec, 3)
    one, two = state.state_dict(), load_file(tmp_path / "two.safetensors")
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=2e-2, atol=2e-3)


@pytest.mark.slow
def test_a_process_that_never_comes_ends_the_others(tmp_path: Path) -> None:
    with tempfile.TemporaryFile() as err:
        first, second = start_several(["-c", JOIN], subprocess.DEVNULL, err=err)
        second.kill()
        assert (first.wait(), second.wait() < 0) == (2, True)
        err.seek(0)
        assert "Another process of this run has ended" in err.read().decode()


@pytest.mark.slow
def test_processes_share_results_errors_and_decisions(tmp_path: Path) -> None:
    run_several(["-c", SHARE, tmp_path])
    told = [json.loads((tmp_path / rank).read_text()) for rank in "01"]
    assert told[0] == told[1]
    assert told[0][:3] == [0, 2, 4]
    assert "it is 3" in told[0][3]
    assert "it is 2" in told[0][5]
    assert told[0][6].startswith("Process 1 has other photos")
    assert told[0][7] == 1


@pytest.mark.slow
def test_features_and_descriptors_are_cached_by_whichever_process(tmp_path: Path) -> None:
    for number in range(5):
        draw_photo(7100 + number, (96, 80)).save(tmp_path / f"{number}.jpg")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    torchrun += ["--run-path", "--start-method", "fork"]  # else each process would import torch
    (tmp_path / "embed.py").write_text(EMBED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = processes.run([*torchrun, tmp_path / "embed.py", tmp_path], env=environment)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["(5, False)"] * 2


@pytest.mark.slow
def test_machines_without_a_shared_folder_train_and_answer_as_one(tmp_path: Path) -> None:
    alone, *machines = make_machines(tmp_path, 17)
    command = ["-m", "classifier", "train", "photos", "--out", "model", "--json"]
    results = [json.loads(run_alone(command, alone)), json.loads(run_several(command, machines))]
    for result in results:
        del result["seconds"]
    assert results[0] == results[1]
    for name in ("model", "familiar"):
        assert_same_weights(
            alone / "model" / f"{name}.safetensors", machines[0] / "model" / f"{name}.safetensors", 1e-5, 1e-5
        )
    assert not (machines[1] / "model").exists()
    for machine in machines:
        shutil.copytree(alone / "model", machine / "model", dirs_exist_ok=True)
    command = ["-m", "classifier", "predict", "model", "photos", "--json"]
    answers = [json.loads(run_alone(command, alone)), json.loads(run_several(command, machines))]
    assert [row["file"] for row in answers[0]] == [row["file"] for row in answers[1]]
    for one, other in zip(*answers):
        assert other == {**one, "top": [{**row, "confidence": pytest.approx(row["confidence"])} for row in one["top"]]}


@pytest.mark.slow
def test_a_machine_that_ends_ends_the_run_which_goes_on_later(tmp_path: Path) -> None:
    alone, *machines = make_machines(tmp_path, 16)
    for machine in (alone, *machines):
        with Project.open(machine / "project") as project:
            project.add(machine / "photos")
    command = ["-m", "classifier", "train", "project", "--out", "model", "--mode", "deep",
               "--unfreeze", "1", "--epochs", "1", "--json"]  # fmt: skip
    first = json.loads(run_alone(command, alone))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        programs = start_several(command, out, machines, err)
        while not (machines[0] / "model" / "resume" / "fold-0.safetensors").exists():
            assert all(program.poll() is None for program in programs)
            sleep(0.01)
        programs[1].kill()
        assert programs[0].wait() == 2
        err.seek(0)
        assert "Another process of this run has ended" in err.read().decode()
    assert (machines[1] / "model" / "resume" / "views.bin").exists()
    second = json.loads(run_several(command, machines))
    assert (first["kept"], first["accuracy"]) == (second["kept"], pytest.approx(second["accuracy"]))
    assert_same_weights(alone / "model" / "model.safetensors", machines[0] / "model" / "model.safetensors", 2e-2, 2e-3)
    assert not list((machines[1] / "model").glob("*"))
    with Project.open(machines[0] / "project") as project:
        assert [run.name for run in project.catalog.runs.newest()] == ["model"]
