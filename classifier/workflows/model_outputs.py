"""What a model in training answers for photos: logits, and the features by which photos are compared."""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import distributed, leases
from ..config import Preprocessing
from ..data.assets import Asset
from ..data.project import Project
from ..distributed import Shared
from ..events import Progress
from ..messages import Message
from ..messages.workflows import StepCode
from ..models import networks
from ..models.asset_features import extract_asset_features
from ..models.checkpoint import TrainedModel
from ..models.features import FeatureExtractor
from ..models.joined import Member, give_features, member_preprocessing
from ..models.loader import EvalViews, run_batches
from ..models.surgery import add_feature_output, fuse_batch_norm

Floats = NDArray[np.float32]

_BLOCK = 64  # photos whose outputs a process sends at a time


@dataclass(frozen=True)
class ModelOutputs:
    """The answers of a model for the photos that can be read.

    Args:
        assets: those photos (n).
        logits: (n, C).
        features: (n, D), those that the model's out-of-distribution part gets.
        compared: (n, D'), those of the training's own backbone, which near duplicates share.
    """

    assets: list[Asset]
    logits: Floats
    features: Floats
    compared: Floats


@dataclass(frozen=True)
class _MemberOutputs:
    """The logits (n, C) and the pooled features (n, D) of one network for the photos (n) that can be read."""

    assets: list[Asset]
    logits: Floats
    features: Floats

    def of(self, assets: Sequence[Asset]) -> _MemberOutputs:
        """Return those of some of the photos."""
        row_of = {asset.id: row for row, asset in enumerate(self.assets)}
        rows = [row_of[asset.id] for asset in assets]
        return _MemberOutputs(list(assets), self.logits[rows], self.features[rows])


def predict_assets(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], model: TrainedModel
) -> Generator[Progress, None, ModelOutputs]:
    """Return what ``model`` answers for assets; those that cannot be read leave the project.

    A network whose layers were not trained answers from cached features, as in its training; another is run as
    ``Predictor`` runs it, in float32.
    """
    gives = give_features([member.fine_tuned for member in model.members])
    readable, found = list(assets), list[_MemberOutputs]()
    for member, network in zip(model.members, (model.network, *(None for _ in model.others))):
        preprocessing = member_preprocessing(model.preprocessing, member.backbone)
        if member.fine_tuned:
            network = fuse_batch_norm(member.build()) if network is None else network
            outputs = yield from _run_network(extractor, project, readable, preprocessing, network, len(member.bias))
        else:
            outputs = yield from _from_features(extractor, project, readable, preprocessing, member)
        readable = outputs.assets
        found.append(outputs)
    readable, compared = yield from _compared_features(extractor, project, readable, model, found[0])
    found = [outputs.of(readable) for outputs in found]
    features = np.concatenate([outputs.features for outputs, gives_them in zip(found, gives) if gives_them], 1)
    return ModelOutputs(readable, np.sum([outputs.logits for outputs in found], 0), features, compared)


def _from_features(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], preprocessing: Preprocessing, member: Member
) -> Generator[Progress, None, _MemberOutputs]:
    """The outputs of a network whose layers were not trained, from its features in the cache."""
    own = replace(extractor, backbone=member.backbone)
    readable, features = yield from extract_asset_features(own, project, assets, preprocessing, StepCode.EVALUATE)
    if not readable:
        features = np.zeros((0, member.weight.shape[1]), np.float32)
    return _MemberOutputs(readable, features @ member.weight.T + member.bias, features)


def _compared_features(
    extractor: FeatureExtractor, project: Project, assets: list[Asset], model: TrainedModel, first: _MemberOutputs
) -> Generator[Progress, None, tuple[list[Asset], Floats]]:
    """The readable assets and their features of the extractor's backbone, as those of the training photos are."""
    own = networks.preprocessing(extractor.backbone).with_resize_mode(model.report.resize_mode)
    own = replace(own, pixel_ranges=model.preprocessing.pixel_ranges)
    if not model.members[0].fine_tuned and (model.backbone, model.preprocessing) == (extractor.backbone, own):
        return assets, first.of(assets).features
    return (yield from extract_asset_features(extractor, project, assets, own, StepCode.EVALUATE))


def _run_network(
    extractor: FeatureExtractor, project: Project, assets: Sequence[Asset], preprocessing: Preprocessing,
    network: nn.Module, count: int,
) -> Generator[Progress, None, _MemberOutputs]:  # fmt: skip
    """The outputs of a network of ``count`` classes, as ``Predictor`` computes them: in float32."""
    device = leases.for_long_work(extractor.device)
    network = add_feature_output(copy.deepcopy(network)).to(device.torch_device).to(memory_format=torch.channels_last)

    def work(own: Sequence[Asset]) -> Iterator[Shared]:
        paths, views = [project.photo_path(asset) for asset in own], EvalViews((preprocessing,))
        for output in run_batches(network, paths, views, device, torch.float32, None, extractor.limits):
            yield {"outputs": output[0]} if isinstance(output, Tensor) else output

    readable, rows, errors = [], [], {}
    for number, (asset, output) in enumerate(zip(assets, distributed.share(assets, work, _BLOCK)), 1):
        if isinstance(output, Message):
            errors[asset.id] = output
        else:
            readable.append(asset)
            rows.append(output["outputs"].numpy())
        yield Progress(StepCode.EVALUATE, number, len(assets), None)
    project.leave_out(errors)
    values = np.stack(rows) if rows else np.zeros((0, count), np.float32)
    return _MemberOutputs(readable, values[:, :count], values[:, count:])
