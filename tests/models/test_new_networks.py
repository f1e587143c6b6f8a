"""A small network of each kind, from a Hub on this computer to a trained model that timm opens."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save

from tests import processes
from tests.helpers import draw_photo
from tests.hub_server import Repository, serve_hub

NAMES = {  # what each is exported to: where all formats work, the one that takes least time
    "tiny_vit_5m_224.in1k": "zip",
    "mobilenetv4_conv_small_050.e3000_r224_in1k": "onnx",
    "test_vit3.r160_in1k": "onnx",  # pooled by attention, as SigLIP 2
    "vit_pe_core_tiny_patch16_384.fb": "zip",
    "tf_efficientnetv2_b0.in1k": "zip",
}
PHOTOS = 4
CUT = 2_000_000  # bytes
# Fetches a part of each file and is killed. The client writes pieces of 10 MB, more than some of these files have.
FETCH_A_PART = f"""
import os, signal, sys
from huggingface_hub import constants
from classifier.models import hub
constants.DOWNLOAD_CHUNK_SIZE = 1 << 16
for name in sys.argv[1:]:
    next(done for done, _ in hub.download(f"timm/{{name}}", "model.safetensors") if done > {CUT // 2})
os.kill(os.getpid(), signal.SIGKILL)
"""
TRAIN = """
import json, sys
from pathlib import Path
import timm, torch
from timm.data import create_transform, resolve_data_config
from PIL import Image
from classifier import Finished, Predictor, Project, TrainConfig, export, train
from classifier.workflows.offers import fetch_network, is_at_hand
from classifier.models.backbones import resolve

def probs(folder, path):
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    with torch.inference_mode():
        pixels = create_transform(**resolve_data_config(network.pretrained_cfg))(Image.open(path))
        return dict(zip(network.pretrained_cfg["label_names"], network(pixels[None]).softmax(1)[0].tolist()))

photos, out, formats = sys.argv[1:]
photo = sorted(Path(photos).rglob("*.jpg"))[0]
for name, to in json.loads(formats).items():
    before = is_at_hand(resolve(name))
    progress = [(one.done, one.total) for one in fetch_network(name)]
    folder = Path(out, name)
    with Project.over(Path(photos)) as project:
        *_, done = train(project, TrainConfig(backbone=name, folds=2, resize_modes=("squash",)), folder)
    predictor = Predictor(folder)
    explained = predictor.explain(photo)
    *_, exported = export(folder, to, f"{folder}.{to}", photos=[photo])
    same = exported.verification.same
    print(json.dumps({
        "name": name, "same": same, "before": before, "after": is_at_hand(resolve(name)), "progress": progress,
        "images": done.report.images, "heatmap": list(explained.heatmap.shape), "timm": probs(folder, photo),
        "ours": {one.label: one.confidence for one in predictor.predict(photo, top_k=2)[0].top},
    }), flush=True)
"""


def run(script: str, address: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1", "XDG_CACHE_HOME": str(home),
    }  # fmt: skip
    return processes.run(["-c", script, *arguments], env=os.environ | settings)


def random_tensors(name: str) -> dict[str, torch.Tensor]:
    """Random weights; biases and the statistics of batch norms are ones."""
    with torch.device("meta"):
        state = timm.create_model(name).state_dict()
    return {
        key: torch.randn(value.shape) * 0.1 if value.ndim > 1 else torch.ones(value.shape, dtype=value.dtype)
        for key, value in state.items()
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What happened to each network, and from which bytes on it was asked for."""
    folder = tmp_path_factory.mktemp("networks")
    for index in range(PHOTOS):
        (folder / f"photos/{'ab'[index % 2]}").mkdir(parents=True, exist_ok=True)
        photo = draw_photo(index, (64, 48), (120 * (index % 2), 0, 80))
        photo.save(folder / f"photos/{'ab'[index % 2]}/{index}.jpg")
    torch.manual_seed(0)
    with serve_hub() as hub:
        for name in NAMES:
            repository = Repository("model", private=False)
            repository.files["model.safetensors"] = save(random_tensors(name))
            hub.repositories["model", f"timm/{name}"] = repository
        hub.stalls_after = CUT
        run(FETCH_A_PART, hub.address, folder, *NAMES)
        hub.stalls_after = None
        done = run(TRAIN, hub.address, folder, str(folder / "photos"), str(folder / "models"), json.dumps(NAMES))
        starts = {name: hub.starts[f"/timm/{name}/resolve/main/model.safetensors"] for name in NAMES}
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["name"]: {**one, "starts": starts[one["name"]]} for one in lines}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_download_that_was_cut_off_goes_on_where_it_was(name: str, found: dict[str, dict[str, Any]]) -> None:
    first, second = found[name]["starts"]
    assert first == 0
    assert CUT // 2 < second <= CUT
    done, total = zip(*found[name]["progress"])
    assert list(done) == sorted(done)
    assert done[0] >= second >> 20
    assert done[-1] == total[-1] > 0
    assert (found[name]["before"], found[name]["after"]) == (False, True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_fetched_network_is_trained_exported_and_opens_in_timm(name: str, found: dict[str, dict[str, Any]]) -> None:
    assert found[name]["images"] == PHOTOS
    assert min(found[name]["heatmap"]) > 1
    assert found[name]["same"] == 1  # of one photo
    assert found[name]["timm"] == pytest.approx(found[name]["ours"], abs=1e-4)
