"""Two processes on one machine give what one gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from classifier import distributed
from tests.helpers import draw_photo

ROOT = Path(__file__).parents[1]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]

LEARN = """
import sys
sys.path.insert(0, {root!r})
import torch
from safetensors.torch import save_file
from tests.training.test_deep import CPU, TrainState, learn, lesson
from classifier import distributed
with distributed.process_group():
    learner = TrainState(lesson(), CPU)
    learn(learner, 3)
    if distributed.is_main_process():
        save_file({{name: value.contiguous() for name, value in learner.state().items()}}, sys.argv[1])
"""


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    script = tmp_path / "learn.py"
    script.write_text(LEARN.format(root=str(ROOT)))
    for count, start in ((1, [sys.executable]), (2, [*TORCHRUN, "2"])):
        command = [*start, str(script), str(tmp_path / f"{count}.safetensors")]
        subprocess.run(command, check=True, capture_output=True)
    one, two = (load_file(tmp_path / f"{count}.safetensors") for count in (1, 2))
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=2e-2, atol=2e-3)


LOOK = """
import sys
sys.path[:0] = [{root!r}]
from pathlib import Path
import numpy as np
from classifier.models import networks
from classifier.config import Limits
from classifier.device import choose
from classifier import distributed
from classifier.models.features import FeatureExtractor, extract_features, extract_descriptors
from classifier.models.backbones import resolve
from classifier.models.feature_cache import FeatureCache
folder = Path(sys.argv[1])
with distributed.process_group():
    extractor = FeatureExtractor(resolve("tf_efficientnet_lite0"), choose("cpu"), FeatureCache(folder / "cache"), Limits())
    photos = [(path.stem, path) for path in sorted(folder.glob("*.jpg"))]
    for _ in extract_features(extractor, photos, [networks.preprocessing(extractor.backbone)], "Looking"):
        pass
    looks = extract_descriptors(extractor, [(name, folder / "gone") for name, _ in photos])
    (folder / str(distributed.rank())).write_text(str((looks.shape[0], bool(np.isnan(looks).any()))))
"""


def test_what_photos_look_like_is_noted_whichever_process_sees_them(tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(LOOK.format(root=str(ROOT)))
    for number in range(5):
        draw_photo(7100 + number, (96, 80)).save(tmp_path / f"{number}.jpg")
    subprocess.run([*TORCHRUN, "2", str(script), str(tmp_path)], check=True, capture_output=True)
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["(5, False)"] * 2


def test_a_whole_training_in_two_processes_has_one_writer_and_the_same_result(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in range(32):
        (data / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        draw_photo(7000 + number, (96, 80)).save(data / "ab"[number % 2] / f"{number}.jpg")
    results = []
    for count in (1, 2):
        command = [*TORCHRUN, str(count), "-m", "classifier", "train", str(data), "--out", str(tmp_path / str(count)),
                   "--mode", "deep", "--unfreeze", "1", "--epochs", "2", "--json"]  # fmt: skip
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        lines = done.stdout.strip().splitlines()
        assert len(lines) == 1
        results.append(json.loads(lines[0]))
    assert results[0]["kept"] == results[1]["kept"]
    assert abs(results[0]["accuracy"] - results[1]["accuracy"]) < 1e-6
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in "12")
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=2e-2, atol=2e-3)


def test_a_process_alone_is_the_first_of_one() -> None:
    assert (distributed.rank(), distributed.world_size(), distributed.is_main_process()) == (0, 1, True)
    with distributed.process_group():
        assert distributed.world_size() == 1
    assert distributed.broadcast("word") == "word"
