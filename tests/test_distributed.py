"""Two processes on one machine give what one gives."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from classifier import Project, distributed
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


@pytest.mark.parametrize(
    ("ranks", "gpus", "backend"),
    [(1, 1, "nccl"), (2, 1, "gloo"), (2, 2, "nccl"), (4, 2, "gloo"), (2, 4, "nccl"), (2, 0, "gloo"), (1, 0, "gloo")],
)
def test_the_backend_depends_on_ranks_and_gpus_of_the_machine_only(ranks: int, gpus: int, backend: str) -> None:
    assert distributed.choose_backend(ranks, gpus) == backend


def test_a_single_process_is_the_main_one_of_one() -> None:
    assert (distributed.rank(), distributed.world_size(), distributed.is_main_process()) == (0, 1, True)
    with distributed.process_group():
        assert distributed.world_size() == 1
    distributed.barrier()
    assert distributed.broadcast("word") == "word"
    gradients = [torch.ones(2)]
    assert distributed.all_reduce(1.5, 2, gradients) == (1.5, 2, gradients)


def run_several(count: int, command: list[str]) -> str:
    """Run a program as ``torchrun`` does, which would import torch in each process; returns what all of them print."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    variables |= {"LOCAL_WORLD_SIZE": str(count)}
    with tempfile.TemporaryFile() as out:
        programs = []
        for rank in map(str, range(count)):
            environment = {**os.environ, **(variables | {"RANK": rank, "LOCAL_RANK": rank} if count > 1 else {})}
            programs.append(processes.start(command, env=environment, stdout=out))
        assert [program.wait() for program in programs] == [0] * count
        out.seek(0)
        return out.read().decode()


@pytest.mark.slow
def test_two_processes_train_the_network_that_one_trains(tmp_path: Path) -> None:
    run_several(2, ["-c", TRAIN, str(tmp_path / "two.safetensors")])
    state = make_state(spec := make_spec())
    train(state, make_data(), spec, 3)
    one, two = state.state_dict(), load_file(tmp_path / "two.safetensors")
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=2e-2, atol=2e-3)


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
def test_two_processes_write_one_model_and_record_one_run(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in range(16):
        (data / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        draw_photo(7000 + number, (96, 80)).save(data / "ab"[number % 2] / f"{number}.jpg")
    results = []
    for count in (1, 2):
        folder, out = tmp_path / f"project-{count}", tmp_path / str(count)
        with Project.open(folder) as project:
            project.add(data)
        command = ["-m", "classifier", "train", str(folder), "--out", str(out), "--mode", "deep",
                   "--unfreeze", "1", "--epochs", "2", "--json"]  # fmt: skip
        lines = run_several(count, command).strip().splitlines()
        assert len(lines) == 1
        results.append(json.loads(lines[0]))
        with Project.open(folder) as project:
            assert [run.name for run in project.catalog.runs()] == [str(count)]
    assert results[0]["kept"] == results[1]["kept"]
    assert abs(results[0]["accuracy"] - results[1]["accuracy"]) < 1e-6
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in "12")
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=2e-2, atol=2e-3)
