"""Networks that would suit the photos: which to offer, which are at hand, and fetching one while the person goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter

from ..config import DEFAULTS, Domain, TrainConfig
from ..events import Progress
from ..messages import Message, message
from ..messages.workflows import OfferCode, StepCode
from ..models import hub
from ..models.backbones import BACKBONES, ROWS, WEIGHTS_FILE, Backbone, resolve

_OFFERED = 2
_PHOTO_SECONDS = 0.02  # of one core for a photo and the first row of the table; decoding included, in bf16
_MOST_TIME = 0.5  # share of the time allowed that the features of an offered network may take

# Which networks to offer for which photos, best first. No network is best everywhere (VIBES, arXiv 2410.08592): these
# are where to look first, and whether one stays is decided by the photos. Everyday photos: DINOv2 leads linear models
# on fine differences (arXiv 2304.07193). Medical: DINOv2 (Baharoon et al., arXiv 2312.02366). From above: networks
# trained on ImageNet compete with those trained on such pictures (Corley et al., arXiv 2305.13456). Documents: SigLIP
# 2, which learned from captions and so to read (arXiv 2502.14786).
_ORDER: Mapping[Domain, tuple[str, ...]] = {
    "photo": ("vit_small_patch14_dinov2", "vit_base_patch16_siglip_224", "tiny_vit_21m_224"),
    "medical": ("vit_small_patch14_dinov2", "vit_base_patch14_dinov2", "tiny_vit_21m_224"),
    "aerial": ("vit_small_patch14_dinov2", "tiny_vit_21m_224", "vit_base_patch14_dinov2"),
    "document": ("vit_base_patch16_siglip_224", "vit_pe_core_small_patch16_384", "vit_small_patch14_dinov2"),
}


@dataclass(frozen=True)
class Offer:
    """A network that may be better on the photos than those in use.

    ``backbone`` is its name, ``title`` what people call it, ``megabytes`` the size of its download and ``license`` that
    of its weights (SPDX); ``at_hand`` is whether it has been fetched; ``message`` says all that in a sentence.
    """

    backbone: str
    title: str
    megabytes: int
    license: str
    at_hand: bool
    message: Message


def suggest_networks(config: TrainConfig = DEFAULTS, photos: int = 0) -> tuple[Offer, ...]:
    """Return at most two networks that are usually better on photos of the kind, best first.

    Left out are the network in use, those whose features would take more than half of the time allowed, and, where
    the Hugging Face Hub cannot be reached, those that are not at hand. Waits at most two seconds for the Hub.

    Args:
        config: its ``domain``, ``backbone`` and ``minutes`` (0: no limit).
        photos: number of photos to train on.
    """
    names = [name for name in _ORDER[config.domain] if name != config.backbone and _is_quick(name, config, photos)]
    rows = [ROWS[name] for name in names[:_OFFERED]]
    away = [row for row in rows if not is_at_hand(row)]
    if away and not hub.can_fetch(away[0].repository, WEIGHTS_FILE):
        rows = [row for row in rows if row not in away]
    return tuple(_offer(row, row not in away) for row in rows)


def has_network() -> bool:
    """Return whether there is a network: whether the Hugging Face Hub answers, within two seconds."""
    return hub.can_fetch(ROWS[_ORDER["photo"][0]].repository, WEIGHTS_FILE)


def _is_quick(name: str, config: TrainConfig, photos: int) -> bool:
    allowed = config.minutes * 60 * _MOST_TIME if config.minutes else float("inf")
    return photos * ROWS[name].cost * _PHOTO_SECONDS <= allowed


def _offer(row: Backbone, at_hand: bool) -> Offer:
    code = OfferCode.AT_HAND if at_hand else OfferCode.FETCH
    sentence = message(code, title=row.title, megabytes=row.megabytes, license=row.license)
    return Offer(row.name, row.title, row.megabytes, row.license, at_hand, sentence)


def networks_at_hand() -> tuple[str, ...]:
    """Return the networks of the table whose trained weights are on this computer, in the order of the table.

    Nothing is asked over the network.
    """
    return tuple(row.name for row in BACKBONES if not row.from_scratch and is_at_hand(row))


def listed_networks() -> tuple[Backbone, ...]:
    """Return the networks of the table to choose from: where the Hub is switched off, those that are at hand."""
    return tuple(row for row in BACKBONES if not hub.is_switched_off() or is_at_hand(row))


def is_at_hand(backbone: Backbone) -> bool:
    """Return whether nothing has to be fetched for a network."""
    no_download = backbone.built_in or backbone.from_scratch
    return no_download or hub.is_cached(backbone.repository, WEIGHTS_FILE)


def fetch_network(name: str) -> Iterator[Progress]:
    """Download the weights of a network into the Hub's cache; yields megabytes done, in total, and the seconds left.

    Yields nothing where they are at hand. What was cut off is taken up where it was. The download goes on when the
    iterator is closed. Raises ``ModelError`` where the network is unknown or its weights cannot be had.
    """
    from ..models import networks  # timm, which takes seconds

    started, first = perf_counter(), None
    for done, total in networks.fetch(resolve(name)):
        first = done if first is None else first
        speed = (done - first) / (perf_counter() - started)
        yield Progress(StepCode.FETCH_NETWORK, done >> 20, total >> 20, (total - done) / speed if speed else None)
