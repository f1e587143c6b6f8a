"""Every network of the table: it learns, it is saved, it opens in timm, and it answers alike everywhere."""

from __future__ import annotations

import http.server
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import huggingface_hub.constants
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config
from timm.layers import resample_abs_pos_embed
from torch import nn

from classifier import Predictor
from classifier.errors import ModelError
from classifier.evaluation.report import build_report
from classifier.models import backbones, checkpoint, hub, hub_config, networks
from classifier.models.backbones import BACKBONES, ROWS, Backbone
from tests.helpers import draw_photo

LABELS = ("cat", "dog", "hen")
HEAVY = {"vgg16"}  # half a gigabyte of weights: shapes only


def random_network(name: str, num_classes: int = 3) -> nn.Module:
    """The network with random weights, which answers each picture differently."""
    torch.manual_seed(0)
    network = timm.create_model(networks.architecture(name), num_classes=num_classes, **networks.arguments(name)).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network


def smallest(name: str) -> int:
    """A picture size that the network reads and that is quick: convolutions read nearly any."""
    size = networks.preprocessing(name).size
    return size if "img_size" in networks.arguments(name) else min(size, 64)


def save(folder: Path, name: str, network: nn.Module) -> None:
    """Write the network as training does."""
    truth = np.arange(6) % 3
    report = build_report(
        np.eye(3, dtype=np.float32)[truth], truth, LABELS, images=6, evaluated_on="out_of_fold",
        threshold=0.5, temperature=1.0, warnings=[], resize_mode="whole", backbone=name,
    )  # fmt: skip
    last, end = network.get_classifier(), f"{networks.classifier(name)}."
    tensors = {key: value for key, value in network.state_dict().items() if not key.startswith(end)}
    weight, bias = last.weight.detach().numpy(), last.bias.detach().numpy()
    backbone = backbones.resolve(name)
    preprocessing = networks.preprocessing(backbone).with_resize_mode("whole")
    model = checkpoint.TrainedModel("quick", backbone, tensors, weight, bias, preprocessing, report)
    checkpoint.save(folder, model, {})


# -- the table


@pytest.mark.parametrize("row", BACKBONES, ids=lambda row: row.name)
def test_a_row_tells_what_timm_knows(row: Backbone) -> None:
    cfg = timm.get_pretrained_cfg(row.weights)
    with torch.device("meta"):
        network = timm.create_model(row.weights) if not row.from_scratch else networks.build_on_meta(row.name, 10)
    weights = sum(value.numel() * value.element_size() for value in network.state_dict().values()) / 1e6
    if row.from_scratch:
        assert (row.license, row.repository) == ("", "")
        assert sum(value.numel() for value in network.parameters()) < 500_000
    elif row.package:  # without the classifier of ImageNet
        assert row.megabytes == pytest.approx(weights - 4 * 1281 * 1000 / 1e6, abs=0.6)
    else:
        assert row.megabytes == pytest.approx(weights, abs=0.6)
        assert row.weights in timm.list_pretrained(row.architecture)
    if not row.from_scratch:
        assert row.license.lower() == cfg.license
        assert cfg.license in ("apache-2.0", "mit", "bsd-3-clause")
    if not row.package and not row.arguments:
        assert row.size == cfg.input_size[-1]
    assert json.loads(json.dumps(row.arguments)) == row.arguments
    assert ROWS[row.name] is row


def test_only_one_network_starts_from_random_weights_and_says_so() -> None:
    assert [row.name for row in BACKBONES if networks.from_scratch(row.name)] == ["small_cnn"]
    assert networks.weights_source("small_cnn") == ("", "")
    assert networks.weights_source("resnet18") == ("timm/resnet18.tv_in1k", "bsd-3-clause")
    assert not networks.from_scratch("resnet18d")


def test_equal_seeds_give_equal_random_weights_and_leave_the_dice_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (networks.build("small_cnn", 3, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["fc.weight"], other["fc.weight"])
    assert networks.preprocessing("small_cnn").size == 28


# -- every network learns and is kept


@pytest.mark.parametrize("row", BACKBONES, ids=lambda row: row.name)
def test_every_network_runs_forward_and_backward(row: Backbone) -> None:
    """On torch's meta device: every layer is there and every shape is checked, without the arithmetic."""
    network = networks.build_on_meta(row.name, 3).train()
    logits = network(torch.zeros(2, 3, row.size, row.size, device="meta"))
    assert logits.shape == (2, 3)
    nn.functional.cross_entropy(logits, torch.zeros(2, dtype=torch.long, device="meta")).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert isinstance(network.get_submodule(networks.classifier(row.name)), nn.Linear)
    assert network.get_classifier() is network.get_submodule(networks.classifier(row.name))


def losses(network: nn.Module, size: int) -> tuple[float, float]:
    """The network's loss on three pictures of noise before and after one small step."""
    pixels, truth = torch.randn(3, 3, size, size), torch.arange(3)
    before = nn.functional.cross_entropy(network(pixels), truth)
    gradients = torch.autograd.grad(before, list(network.parameters()))
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    with torch.no_grad():
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter -= 0.001 * gradient / norm
        return before.item(), nn.functional.cross_entropy(network(pixels), truth).item()


@pytest.mark.parametrize("name", [row.name for row in BACKBONES if row.name not in HEAVY] + ["test_vit"])
def test_every_network_learns_is_saved_opens_in_timm_and_answers_alike(name: str, tmp_path: Path) -> None:
    network = random_network(name)
    before, after = losses(network, smallest(name))
    assert after < before
    nn.init.normal_(network.get_classifier().weight, std=0.1)
    save(tmp_path / "model", name, network)
    theirs = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    photo = draw_photo(1, (300, 200))
    pixels = create_transform(**resolve_data_config(theirs.pretrained_cfg))(photo)[None]
    assert pixels.shape[-1] == networks.preprocessing(name).size
    with torch.inference_mode():
        expected = network(pixels).softmax(1)[0]
        torch.testing.assert_close(theirs(pixels).softmax(1)[0], expected)
    (answer,) = Predictor(tmp_path / "model", "cpu").predict(photo, top_k=3)
    for guess in answer.top:
        assert guess.confidence == pytest.approx(float(expected[LABELS.index(guess.label)]), abs=1e-4)


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_the_largest_network_is_described_in_timms_form(name: str) -> None:
    network = networks.build_on_meta(name, 3)
    report = build_report(
        np.eye(3, dtype=np.float32), np.arange(3), LABELS, images=3, evaluated_on="out_of_fold",
        threshold=0.5, temperature=1.0, warnings=[], resize_mode="whole", backbone=name,
    )  # fmt: skip
    weight, bias = np.zeros((3, network.head_hidden_size), np.float32), np.zeros(3, np.float32)
    backbone = backbones.resolve(name)
    model = checkpoint.TrainedModel("quick", backbone, {}, weight, bias, networks.preprocessing(name), report)
    described = hub_config.to_json(model)
    with torch.device("meta"):
        theirs = timm.create_model(described["architecture"], pretrained_cfg=described["pretrained_cfg"])
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in theirs.state_dict().items()} == shapes
    assert described["pretrained_cfg"]["classifier"] == "head.fc"


def test_the_card_of_a_network_from_scratch_names_no_source(tmp_path: Path) -> None:
    save(tmp_path / "model", "small_cnn", networks.build("small_cnn", 3))
    card = (tmp_path / "model/README.md").read_text("utf-8")
    assert "base_model" not in card
    assert "license:" not in card
    assert "from random weights" in card


def test_a_model_made_from_weights_that_this_timm_does_not_know_opens_all_the_same(tmp_path: Path) -> None:
    save(tmp_path / "model", "test_resnet.r160_in1k", random_network("test_resnet"))
    report = (tmp_path / "model/report.json").read_text("utf-8")
    (tmp_path / "model/report.json").write_text(report.replace("r160_in1k", "of_tomorrow"))
    assert checkpoint.load(tmp_path / "model").report.backbone == "test_resnet.of_tomorrow"


@pytest.mark.parametrize(
    "args",
    [
        {"channels": [32, 64, 64, 100_000]},
        {"layers": [1, 1, 1, 100_000]},
        {"stem_width": 10**9},
        {"block_args": {"attn_layer": "se"}},
        {"img_size": 10**6},
        {"channels": None},
        {"in_chans": 1},
    ],
    ids=str,
)
def test_a_folder_cannot_ask_for_another_network_than_the_known_one(args: dict[str, object], tmp_path: Path) -> None:
    save(tmp_path / "model", "small_cnn", networks.build("small_cnn", 3))
    config = json.loads((tmp_path / "model/config.json").read_text("utf-8"))
    config["model_args"].update(args)
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=f"“{next(iter(args))}” changed"):
        checkpoint.load(tmp_path / "model")


# -- weights of the Hub


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hub's client, and no connection."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def put_into_cache(cache: Path, name: str, network: nn.Module) -> None:
    """Weights as the Hub's client keeps them once they are fetched."""
    repository = cache / f"models--timm--{ROWS[name].weights}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text("0" * 40)
    (repository / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_file(network.state_dict(), repository / "snapshots" / ("0" * 40) / "model.safetensors")


def test_weights_that_were_fetched_once_need_no_connection(hub_cache: Path) -> None:
    fetched = random_network("resnet18", 1000)
    put_into_cache(hub_cache, "resnet18", fetched)
    assert list(networks.fetch("resnet18")) == []
    built = networks.build("resnet18", 3).state_dict()
    expected = fetched.state_dict()
    assert all(torch.equal(built[key], expected[key]) for key in built if not key.startswith("fc."))
    assert networks.build("resnet18")(torch.zeros(1, 3, 64, 64)).shape == (1, 512)


def test_a_transformer_of_another_size_takes_over_the_places_of_its_patches(hub_cache: Path) -> None:
    name = "vit_small_patch14_dinov2"
    torch.manual_seed(0)
    fetched = timm.create_model(name, num_classes=0, depth=12)  # 518 pixels, as it was trained
    nn.init.normal_(fetched.pos_embed)
    put_into_cache(hub_cache, name, fetched)
    built = networks.build(name, 3)
    expected = resample_abs_pos_embed(fetched.pos_embed, [16, 16], [37, 37], num_prefix_tokens=1)
    torch.testing.assert_close(built.pos_embed, expected)
    assert torch.equal(built.blocks[11].mlp.fc2.weight, fetched.blocks[11].mlp.fc2.weight)
    assert networks.preprocessing(name).size == 224


def test_without_a_connection_fetching_is_a_sentence_that_names_what_works(hub_cache: Path) -> None:
    for name in ("resnet18", "convnext_nano"):
        with pytest.raises(ModelError, match=r"Hugging Face Hub.*tf_efficientnet_lite0") as caught:
            list(networks.fetch(name))
        assert "small_cnn" not in str(caught.value)
    for name in ("tf_efficientnet_lite0", "small_cnn"):
        assert list(networks.fetch(name)) == []


class _Hub(http.server.BaseHTTPRequestHandler):
    """Serves one file as the Hub does, slowly enough to be watched."""

    content = b"x" * 40_000_000

    def do_HEAD(self) -> None:
        found = self.path.endswith("model.safetensors")
        self.send_response(200 if found else 404)
        if not found:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("ETag", '"abc"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        with suppress(ConnectionError):
            for start in range(0, len(self.content), 1_000_000):
                self.wfile.write(self.content[start : start + 1_000_000])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Hub on this computer."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(
        huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("local_hub")
def test_a_download_tells_how_far_it_is_and_is_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told = list(hub.download("someone/something", "model.safetensors"))
    done = [so_far for so_far, _ in told]
    assert done == sorted(done)
    assert told[-1] == (40_000_000, 40_000_000)
    assert {total for _, total in told} == {40_000_000}
    (file,) = (tmp_path / "hub").glob("**/snapshots/*/model.safetensors")
    assert file.stat().st_size == 40_000_000
    assert list(hub.download("someone/something", "model.safetensors")) == []
    assert list(hub.download("someone/something", "other.bin")) == []
    assert "%" not in capfd.readouterr().err  # a second progress bar


# -- shapes


class Crooked(nn.Module):
    """Its second layer does not fit the first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(9, 4, 3))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.body(self.stem(pixels)).mean((2, 3))


def test_a_wrong_shape_names_the_layer_where_it_goes_wrong() -> None:
    with pytest.raises(ModelError, match=r"32 by 32 pixels.*“body\.1” \(Conv2d\), which is given \(1, 8, 30, 30\)"):
        networks.check_forward(Crooked(), 32)
    with pytest.raises(ModelError, match="“stem” \\(Conv2d\\)"):
        networks.check_forward(Crooked(), 2)
    with pytest.raises(ModelError, match="layer “patch_embed” "):
        networks.check_forward(timm.create_model("vit_tiny_patch16_224", num_classes=2, depth=1), 96)
    with pytest.raises(ModelError, match="one row of numbers"):
        networks.check_forward(nn.Conv2d(3, 8, 3), 32)


def test_a_network_that_fits_is_given_back_without_a_trace() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert networks.check_forward(network, 28) is network
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
