"""The weights of a model folder: opened as what its config.json describes, or refused before much is read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from ..errors import ModelError
from ..files import regular_size
from ..messages.models import CheckpointCode
from .hub_config import HubConfig
from .joined import JoinedNetwork
from .stage_features import StageFeatures

_LARGEST_HEADER = 4 * 2**20  # bytes; that of the largest network of timm has half a megabyte


def load_network(folder: Path, config: HubConfig) -> nn.Module:
    """The network of ``config`` with the folder's weights in float32, frozen, in evaluation mode."""
    path = folder / "model.safetensors"
    for one in config.networks:
        if not timm.is_model(one.architecture):
            raise ModelError(CheckpointCode.UNKNOWN_ARCHITECTURE, name=one.architecture)
    name = ", ".join(one.architecture for one in config.networks)
    try:
        check_header_size(path)
        network = _build(config, "meta")
        _check_header(path, network, name)
        tensors = {key: _to_float32(value) for key, value in load_file(path).items()}
        check_finite(tensors.values(), path)
        network.load_state_dict(tensors, assign=True)
        if any(buffer.is_meta for buffer in network.buffers()):  # those that are computed, not saved
            network = _build(config, "cpu")
            network.load_state_dict(tensors)
    except ModelError:
        raise
    except (OSError, SafetensorError) as error:
        raise _unreadable_weights(folder) from error
    except Exception as error:  # a stranger's settings can make a network raise nearly anything
        raise ModelError(CheckpointCode.NOT_BUILT, name=name, error=type(error).__name__) from error
    return network.eval().requires_grad_(False)


def holds(folder: Path, tensors: Mapping[str, Tensor]) -> bool:
    """Whether the weights in ``folder`` hold these tensors under their names, equal to the last bit."""
    with suppress(OSError, SafetensorError), safe_open(folder / "model.safetensors", "pt") as file:
        names = set(file.keys())
        return names.issuperset(tensors) and all(_equal(file.get_tensor(name), tensors[name]) for name in tensors)
    return False


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)


def check_header_size(path: Path) -> None:
    """Raise ``OSError`` where the file cannot have a header of safetensors that is worth reading.

    It begins with the size of the header, 8 bytes, the lowest first. A header of 100 megabytes, which safetensors
    still reads, would take gigabytes.
    """
    size = regular_size(path)
    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > min(size, _LARGEST_HEADER):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def check_finite(tensors: Iterable[Tensor], path: Path) -> None:
    if not all(bool(value.isfinite().all()) for value in tensors if value.is_floating_point()):
        raise ModelError(CheckpointCode.NOT_FINITE, file=path.name)


def _build(config: HubConfig, device: str) -> nn.Module:
    count = len(config.labels)
    with torch.device(device):
        found = [_build_one(one, count) for one in config.networks]
    if not config.members:
        return found[0]
    preprocessings, fine_tuned = (
        [one.preprocessing for one in config.members],
        [one.fine_tuned for one in config.members],
    )
    return JoinedNetwork(found, preprocessings, config.preprocessing, count, fine_tuned)


def _build_one(config: HubConfig, count: int) -> nn.Module:
    if not config.stages:
        return timm.create_model(config.architecture, num_classes=count, **config.model_args)
    network = timm.create_model(config.architecture, num_classes=0, **config.model_args)
    return StageFeatures(network, config.stages, count)


def _check_header(path: Path, network: nn.Module, name: str) -> None:
    """Raise ``ModelError`` where names, shapes or kinds of the tensors are not the network's, by the file's header."""
    expected = {key: (list(value.shape), value.is_floating_point()) for key, value in network.state_dict().items()}
    with safe_open(path, "pt") as file:
        slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118
        found = {key: (part.get_shape(), "F" in part.get_dtype()) for key, part in slices.items()}
    if expected != found:
        raise ModelError(CheckpointCode.WEIGHTS_MISMATCH, name=name)


def _unreadable_weights(folder: Path) -> ModelError:
    pickled = [name for name in ("pytorch_model.bin", "pytorch_model.pth", "model.pth") if is_file(folder / name)]
    if pickled and not (folder / "model.safetensors").exists():
        return ModelError(CheckpointCode.WEIGHTS_PICKLED, file=pickled[0])
    return ModelError(CheckpointCode.WEIGHTS_DAMAGED)


def _to_float32(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def is_file(path: Path) -> bool:
    """Whether there is a file of that name; also where the name is too long for one."""
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False
