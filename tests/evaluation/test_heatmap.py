from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

from classifier.evaluation import heatmap

PIXELS = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))


def network(name: str, **settings: object) -> nn.Module:
    """A timm network with random weights and biases, three classes."""
    torch.manual_seed(0)
    created = timm.create_model(name, pretrained=False, num_classes=3, **settings).eval()
    nn.init.normal_(created.get_classifier().bias)
    return created


def logit_less_bias(created: nn.Module, label: int) -> float:
    with torch.inference_mode():
        return float(created(PIXELS)[0, label] - created.get_classifier().bias[label])


class Linear(nn.Module):
    """Random activations of a given shape (1, …), pooled over all but ``dim``, and a linear layer."""

    def __init__(self, shape: tuple[int, ...], dim: int, bias: bool = True, gain: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.activations, self.dim, self.gain = torch.randn(shape), dim, gain
        self.num_features = shape[dim]
        self.fc = nn.Linear(shape[dim], 3, bias=bias)

    def get_classifier(self) -> nn.Module:
        return self.fc

    def forward_features(self, pixels: Tensor) -> Tensor:
        return self.activations * (1 + pixels.mean())

    def forward_head(self, activations: Tensor) -> Tensor:
        rows = activations.movedim(self.dim, -1).flatten(1, -2) if activations.ndim > 2 else activations[:, None]
        return self.fc(self.gain * rows.mean(1))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(pixels))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet18"])
@pytest.mark.parametrize("label", [0, 2])
def test_the_map_of_a_linear_head_sums_to_the_logit_less_its_bias(name: str, label: int) -> None:
    created = network(name)
    heat = heatmap.heat_map(created, PIXELS, label)
    assert heat.shape == (3, 3)
    assert heat.sum() == pytest.approx(logit_less_bias(created, label), abs=1e-4)
    gradient = heatmap._gradient_map(created, PIXELS, label)
    np.testing.assert_allclose(heat, gradient, atol=1e-4)  # the gradient's map is exact for such a head


@pytest.mark.parametrize(
    ("shape", "dim", "size"),
    [
        ((1, 5, 2, 3), 1, (2, 3)),  # channels first
        ((1, 2, 3, 5), 3, (2, 3)),  # channels last
        ((1, 3, 2, 3), 1, (2, 3)),  # as many channels as columns
        ((1, 9, 4), 2, (3, 3)),  # tokens
        ((1, 6), 1, (1, 1)),  # pooled already
    ],
)
def test_the_activations_may_have_any_layout(shape: tuple[int, ...], dim: int, size: tuple[int, int]) -> None:
    created = Linear(shape, dim)
    heat = heatmap.heat_map(created, PIXELS, 1)
    assert heat.shape == size
    expected = created.forward_features(PIXELS) * created.fc.weight[1].view(
        [-1 if i == dim else 1 for i in range(len(shape))]
    )
    per_position = expected.sum(dim).view(size) / (size[0] * size[1])
    np.testing.assert_allclose(heat, per_position.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_tokens_before_those_of_the_picture_are_left_out() -> None:
    created = Linear((1, 11, 4), 2)  # two tokens more than a square of three
    expected = (created.forward_features(PIXELS)[0, 2:] @ created.fc.weight[0]).view(3, 3) / 11
    np.testing.assert_allclose(heatmap.heat_map(created, PIXELS, 0), expected.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_a_linear_layer_without_bias_has_a_map_that_sums_to_the_logit() -> None:
    created = Linear((1, 5, 2, 3), 1, bias=False)
    logit = float(created(PIXELS)[0, 2].detach())
    assert heatmap.heat_map(created, PIXELS, 2).sum() == pytest.approx(logit, abs=1e-5)


def test_a_head_that_is_more_than_the_mean_has_the_map_of_its_gradient() -> None:
    created = Linear((1, 5, 2, 3), 1, gain=3.0)
    heat = heatmap.heat_map(created, PIXELS, 0)
    assert heat.sum() == pytest.approx(logit_less_bias(created, 0), abs=1e-5)


def test_a_network_whose_classifier_is_no_linear_layer_has_a_map() -> None:
    created = Linear((1, 5, 2, 3), 1)
    expected = heatmap.heat_map(created, PIXELS, 1)
    created.get_classifier = lambda: nn.Identity()  # type: ignore[method-assign]
    np.testing.assert_allclose(heatmap.heat_map(created, PIXELS, 1), expected, rtol=1e-4, atol=1e-6)


def test_a_network_of_tokens_has_a_map_of_its_patches() -> None:
    created = network("vit_tiny_patch16_224", img_size=96, depth=2)
    heat = heatmap.heat_map(created, PIXELS, 1)
    assert heat.shape == (6, 6)
    assert np.isfinite(heat).all()
    assert np.abs(heat).min() > 0


def test_a_network_with_channels_last_has_a_map_of_positions() -> None:
    created = network("swin_tiny_patch4_window7_224", img_size=96, window_size=3, depths=(1, 1, 1, 1))
    heat = heatmap.heat_map(created, PIXELS, 1)
    assert heat.shape == (3, 3)
    assert heat.sum() == pytest.approx(logit_less_bias(created, 1), abs=1e-3)


def test_a_map_leaves_the_network_unchanged() -> None:
    created = network("resnet18").requires_grad_(False)
    before = created(PIXELS)
    heatmap.heat_map(created, PIXELS, 0)
    heatmap._gradient_map(created, PIXELS, 0)
    assert torch.equal(created(PIXELS), before)
    assert not any(value.requires_grad for value in created.parameters())
    tokens = network("vit_tiny_patch16_224", img_size=96, depth=2)
    heatmap.heat_map(tokens, PIXELS, 0)
    assert not tokens.blocks[-1]._forward_pre_hooks
    assert all(value.requires_grad for value in tokens.parameters())


def test_a_map_can_be_computed_in_inference_mode() -> None:
    created = network("vit_tiny_patch16_224", img_size=96, depth=2)
    expected = heatmap.heat_map(created, PIXELS, 1)
    with torch.inference_mode():
        np.testing.assert_allclose(heatmap.heat_map(created, PIXELS.clone(), 1), expected, rtol=1e-4, atol=1e-6)
