"""What check and set-apart compare photos by: features, descriptors, and which photos belong together."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from .. import device as devices
from ..config import TrainConfig
from ..data.assets import Asset
from ..data.grouping import Grouping
from ..data.project import Project
from ..events import Progress
from ..messages.workflows import StepCode
from ..models import networks
from ..models.asset_features import extract_asset_descriptors, extract_asset_features, group_assets
from ..models.backbones import Backbone
from ..models.feature_cache import FeatureCache
from ..models.features import FeatureExtractor
from ..models.pixel_ranges import with_pixel_ranges

Floats = NDArray[np.float32]


def describe_assets(
    project: Project, assets: Sequence[Asset], backbone: Backbone, config: TrainConfig, device: str | None
) -> Generator[Progress, None, tuple[list[Asset], Floats, Floats, Grouping]]:
    """Return the readable assets with features (N, D), descriptors (N, W) and groups; yields ``Progress``.

    Features are those of the first resize mode of ``config``. What cannot be read leaves the project, with its reason.
    """
    preprocessing = networks.preprocessing(backbone).with_resize_mode(config.resize_modes[0])
    with closing(FeatureCache(project.features)) as cache:
        extractor = FeatureExtractor(backbone, devices.choose(device), cache, project.limits, describe=project.describe)
        extractor = with_pixel_ranges(extractor, project)
        step = StepCode.EXTRACT_FEATURES
        readable, features = yield from extract_asset_features(extractor, project, assets, preprocessing, step)
        descriptors = extract_asset_descriptors(extractor, project, readable)
        grouping = group_assets(extractor, project, readable, features, descriptors)
    return readable, features, descriptors, grouping
