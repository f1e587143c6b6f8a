"""Set a share of the training photos apart, to test or validate with: grouped, stratified and seeded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .. import distributed
from ..config import DEFAULTS, TrainConfig
from ..data import splits
from ..data.dataset import class_names, encode_labels
from ..data.project import Project
from ..errors import DataError, SettingError
from ..events import Progress
from ..messages.workflows import WorkflowCode
from ..models import backbones
from .describing import describe_assets
from .photo_notes import no_photos


@dataclass(frozen=True)
class PhotosApart:
    """The last event of ``set_apart``: ``classes`` counts the photos set apart of each class, ``ids`` names all.

    Example::

        *_, apart = set_apart(project, 0.2)
        project.set_split(apart.ids, "train")  # all of them back
    """

    classes: dict[str, int]
    ids: tuple[int, ...]


def set_apart(
    project: Project,
    share: float = 0.2,
    split: Literal["test", "val"] = "test",
    seed: int = 0,
    device: str | None = None,
    config: TrainConfig = DEFAULTS,
) -> Iterator[Progress | PhotosApart]:
    """Move a share of the training photos to the test or validation photos. Yields ``Progress``, ``PhotosApart`` last.

    Each class gives the same share, and photos that belong together stay together. The same seed on the same photos
    draws the same ones. ``Project.undo`` takes it back.

    Raises ``SettingError`` where ``share`` is not between 0 and 1, ``DataError`` where there are no training photos,
    or none that could be set apart.

    Example::

        with Project.open(Path("my project")) as project:
            *_, apart = set_apart(project, 0.2)
            print(apart.classes)
    """
    if not 0 < share < 1:  # True for NaN, too
        raise SettingError(WorkflowCode.SHARE_OUT_OF_RANGE, share=share)
    assets = project.photos(split="train")
    if not assets:
        raise no_photos(project)
    distributed.check_same(lambda: [share, split, seed, [(asset.sha256, asset.label) for asset in assets]])
    backbone = backbones.resolve(config.backbone).feature_backbone()
    assets, _, _, grouping = yield from describe_assets(project, assets, backbone, config, device)
    y, groups = encode_labels(assets, class_names(assets)), grouping.groups
    chosen = [assets[index] for index in splits.sample_groups(y, groups, share, seed, (one.sha256 for one in assets))]
    if not chosen:
        raise DataError(WorkflowCode.NOTHING_TO_SET_APART)
    project.set_split([asset.id for asset in chosen], split)
    yield PhotosApart(dict(Counter(asset.label for asset in chosen)), tuple(asset.id for asset in chosen))
