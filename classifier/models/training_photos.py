"""What a model folder remembers of its training photos, so that photos like them are found among test photos later.

Of each photo there are the SHA-256 of its file, its perceptual hash, its features in 256 dimensions, its class and its
groups; no name, no position and nothing that a picture could be made of. Where names show which photos belong together
there is the rule with a digest of each photo's key; where times do, the second of each photo, since a digest of so few
possible values would hide nothing. The features are reduced by a projection on
random signs, which keeps distances (Achlioptas, J. Comput. Syst. Sci. 66, 2003), because another reduction would have
to be stored, too. Training itself uses what is stored, so that every command finds the same.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ..data.assets import Asset
from ..data.duplicates import near_duplicate_groups
from ..data.group_rule import NO_RULE, GroupRule
from ..data.grouping import join_groups
from ..data.large_arrays import blocks, scale_to_unit, signed_roots
from ..data.name_groups import MOST_FIELDS, NamePart, NameRule
from ..data.perceptual_hash import HASH_SIZE
from ..data.reaching_groups import burst_groups, name_groups
from ..data.series import BURST_SECONDS
from ..errors import ModelError
from ..evaluation.report import Report
from ..files import read_json
from ..messages.models import CheckpointCode
from .backbones import Backbone, resolve
from .model_folder import TRAINING_PHOTOS

Bools = NDArray[np.bool_]
Bytes = NDArray[np.int8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_VERSION = 1
_DIMENSIONS = 256  # of the reduced features: a cosine of 0.75 is kept within 0.03
MOST_PHOTOS = 200_000  # of a model that remembers any
_LARGEST = 128 * 2**20  # bytes of the file, 670 for each photo
_ENCODED = 3000  # photos whose numbers are encoded at a time: base64 has no rest after each third byte
_STEPS = 127.0  # whole numbers from 0 to the largest value
_FEATURE_RANGE = 0.35  # of the reduced features: nearly six standard deviations
_KEY_LENGTH = 16  # letters of the digest that stands for a group's name
_SHA256, _KEY = re.compile(r"[0-9a-f]{64}"), re.compile(rf"[0-9a-f]{{{_KEY_LENGTH}}}")
_ENTRIES = {
    "version", "network", "resize_mode", "sha256", "hashes", "features", "classes", "groups", "layout_groups",
    "own_groups",
}  # fmt: skip
_RULE_ENTRIES = {"rule", "keys", "times"}  # only where names or times group photos
_RULE = {"part", "n", "is_across", "burst_seconds"}
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799  # seconds since 1970: the years 1 to 9999


@dataclass(frozen=True)
class KnownPhotos:
    """Photos (N) as the file stores them.

    ``sha256`` of their files; ``hashes`` (N, HASH_SIZE) and ``features`` (N, 256) in 8 bits, the features of the
    network ``network`` at ``resize_mode``; ``classes`` (N,) and ``groups`` (N,) their numbers; ``layout_groups`` and
    ``own_groups`` digests of the names of groups, None for a photo in none. ``rule`` is what groups the training photos
    by names and times, ``keys`` the digests of the names' keys by it, and ``times`` in seconds since 1970, each None
    where a photo has none.
    """

    sha256: tuple[str, ...]
    hashes: Bytes
    features: Bytes
    classes: Ints
    groups: Ints
    layout_groups: tuple[str | None, ...]
    own_groups: tuple[str | None, ...]
    network: str
    resize_mode: str
    rule: GroupRule
    keys: tuple[str | None, ...]
    times: tuple[int | None, ...]

    def __len__(self) -> int:
        return len(self.sha256)

    def dump(self) -> Iterator[str]:
        """Yield the text of the file in parts: of many photos it is hundreds of megabytes long."""
        before = "{"
        for name, value in self._entries():
            yield f"{before}{json.dumps(name)}: "
            if isinstance(value, np.ndarray):
                yield '"'
                yield from (_to_text(value[rows]) for rows in blocks(len(value), _ENCODED))
                yield '"'
            else:
                yield json.dumps(value)
            before = ", "
        yield "}"

    def _entries(self) -> Iterator[tuple[str, Any]]:
        yield from (("version", _VERSION), ("network", self.network), ("resize_mode", self.resize_mode))
        yield "sha256", self.sha256
        yield from (("hashes", self.hashes), ("features", self.features))
        yield from (("classes", self.classes.tolist()), ("groups", self.groups.tolist()))
        yield from (("layout_groups", self.layout_groups), ("own_groups", self.own_groups))
        if self.rule != NO_RULE:
            yield from (("rule", self._rule_to_json()), ("keys", self.keys), ("times", self.times))

    def _rule_to_json(self) -> dict[str, Any]:
        names = self.rule.names
        return {
            "part": None if names is None else names.part,
            "n": 0 if names is None else names.n,
            "is_across": self.rule.is_across,
            "burst_seconds": self.rule.burst_seconds,
        }


@dataclass(frozen=True)
class Placed:
    """Photos (n) among the training photos (N): the groups of both in one numbering, and which are in one of both.

    ``near_training`` (n,) is True for a photo in a group with a training photo.
    """

    groups: Ints
    training_groups: Ints
    near_training: Bools


def describe(
    assets: Sequence[Asset],
    features: Floats,
    descriptors: Floats,
    classes: Ints,
    groups: Ints,
    network: str,
    resize_mode: str,
    rule: GroupRule = NO_RULE,
    training: KnownPhotos | None = None,
) -> KnownPhotos:
    """Return what is kept of photos.

    Args:
        assets: rows of the catalog (N).
        features: pooled features (N, D).
        descriptors: see ``data.descriptors`` (N, W), of which only the hashes count.
        classes: class of each photo (N,).
        groups: group of each photo (N,).
        network: the network that the features are of.
        resize_mode: how pictures were brought to its input size.
        rule: what groups training photos by names and times.
        training: of photos that are compared with training photos, these: their rule counts.
    """
    sha256 = tuple(asset.sha256 for asset in assets)
    rule, salt = (rule, _salt(sha256)) if training is None else (training.rule, _salt(training.sha256))
    return KnownPhotos(
        sha256=sha256,
        hashes=_by_blocks(descriptors, lambda rows: _to_bytes(np.nan_to_num(rows[:, :HASH_SIZE]), 1.0)),
        features=_by_blocks(features, lambda rows: _to_bytes(_reduce(rows), _FEATURE_RANGE)),
        classes=classes,
        groups=np.unique(groups, return_inverse=True)[1].astype(np.int64),
        layout_groups=tuple(_digest(asset.layout_group) for asset in assets),
        own_groups=tuple(_digest(asset.own_group) for asset in assets),
        network=network,
        resize_mode=resize_mode,
        rule=rule,
        keys=tuple(_digest(key, salt) for key in rule.keys(assets)),
        times=rule.times(assets),
    )


def place(photos: KnownPhotos, training: KnownPhotos) -> Placed:
    """Group photos (n) together with the training photos (N).

    Two are in one group where they have the same content, are near duplicates in the joint set, are in one group of
    either set, in groups of one name, or belong together by names or times as training photos do; a group that the
    person made is only with those of the same name.
    """
    count = len(photos)
    groups = np.concatenate([photos.groups, training.groups + (photos.groups.max(initial=-1) + 1)])
    divisions: list[Sequence[object] | Ints] = [
        groups,
        (*photos.sha256, *training.sha256),
        (*photos.layout_groups, *training.layout_groups),
    ]
    rows = None
    if (photos.network, photos.resize_mode) == (training.network, training.resize_mode):
        rows = _joint_rows(photos, training)
        divisions.append(near_duplicate_groups(*rows))
    rule, y = training.rule, np.concatenate([photos.classes, training.classes])
    if rule.names is not None:
        keys = (*photos.keys, *training.keys)
        divisions.append(name_groups(keys, count, y, None if rows is None else rows[0], rule))
    if rule.burst_seconds:
        divisions.append(burst_groups((*photos.times, *training.times), y, rule))
    joined = join_groups(divisions, (*photos.own_groups, *training.own_groups))
    return Placed(joined[:count], joined[count:], np.isin(joined[:count], joined[count:]))


def read(folder: Path) -> KnownPhotos | None:
    """Return what a model folder remembers; None where it has no such file, as where there were too many photos.

    Raises ``ModelError`` where the file is damaged or not one of this program's.
    """
    path = folder / TRAINING_PHOTOS
    if not path.exists():
        return None
    try:
        return _from_json(read_json(path, _LARGEST))
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise ModelError(CheckpointCode.FILE_DAMAGED, file=path.name) from error


def comparing_backbone(folder: Path, report: Report) -> Backbone:
    """Return the network by whose features photos are compared with the training photos of the model in ``folder``.

    That is the one of the first model of its training: a step of mode auto may have made a model of another network.
    Where the folder does not tell, it is that of the model. Raises ``ModelError`` where the network is not known.
    """
    path = folder / TRAINING_PHOTOS
    with suppress(OSError, ModelError):  # there is none, or it is damaged, which an evaluation says
        status = path.stat()
        return resolve(_read_network(path, status.st_mtime_ns, status.st_size))
    return resolve(report.backbone).feature_backbone()


@lru_cache(maxsize=16)
def _read_network(path: Path, changed: int, size: int) -> str:
    known = read(path.parent)
    assert known is not None
    return known.network


def _from_json(data: Any) -> KnownPhotos:
    """Read what ``dump`` wrote; raises ``ValueError`` or ``TypeError`` where it is something else."""
    if not isinstance(data, Mapping) or data.keys() not in (_ENTRIES, _ENTRIES | _RULE_ENTRIES):
        raise ValueError("no list of training photos")
    if data["version"] != _VERSION:
        raise ValueError("another version")
    sha256 = _texts(data["sha256"], _SHA256, optional=False)
    count = len(sha256)
    if count > MOST_PHOTOS:
        raise ValueError("too many photos")
    network, resize_mode = data["network"], data["resize_mode"]
    if not isinstance(network, str) or not isinstance(resize_mode, str):
        raise TypeError("no text")
    found = KnownPhotos(
        sha256=tuple(str(value) for value in sha256),
        hashes=_from_text(data["hashes"], count, HASH_SIZE),
        features=_from_text(data["features"], count, _DIMENSIONS),
        classes=_numbers(data["classes"]),
        groups=_numbers(data["groups"]),
        layout_groups=_texts(data["layout_groups"], _KEY),
        own_groups=_texts(data["own_groups"], _KEY),
        network=network,
        resize_mode=resize_mode,
        rule=_rule(data["rule"]) if "rule" in data else NO_RULE,
        keys=_texts(data["keys"], _KEY) if "keys" in data else (None,) * count,
        times=_times(data["times"]) if "times" in data else (None,) * count,
    )
    lists = found.classes, found.groups, found.layout_groups, found.own_groups, found.keys, found.times
    if {len(one) for one in lists} != {count}:
        raise ValueError("lists of different lengths")
    return found


def _joint_rows(photos: KnownPhotos, training: KnownPhotos) -> tuple[Floats, Floats]:
    """Return features and hashes (n + N, …) of both, as ``near_duplicate_groups`` expects them."""
    features = np.concatenate([photos.features, training.features]).astype(np.float32) / np.float32(_STEPS)
    hashes = np.concatenate([photos.hashes, training.hashes]).astype(np.float32) / np.float32(_STEPS)
    return np.sign(features) * np.square(features), hashes  # it takes the roots, which are taken already


def _by_blocks(rows: Floats, reduce: Callable[[Floats], Bytes]) -> Bytes:
    """Return what ``reduce`` makes of rows (N, D), a block of them at a time."""
    return np.concatenate([reduce(rows[block]) for block in blocks(len(rows))])


def _reduce(features: Floats) -> Floats:
    """Return signed square roots of features (N, D), each of length 1, in 256 dimensions."""
    reduced = scale_to_unit(signed_roots(features)) @ _signs(features.shape[1])
    return np.asarray(reduced / np.sqrt(_DIMENSIONS), np.float32)


@lru_cache(maxsize=2)
def _signs(size: int) -> Floats:
    """Return the projection (size, 256) of -1 and 1, the same ones for ever."""
    digest = hashlib.shake_256(b"signs of a random projection").digest(size * _DIMENSIONS // 8)
    bits = np.unpackbits(np.frombuffer(digest, np.uint8)).reshape(size, _DIMENSIONS)
    return bits.astype(np.float32) * 2 - 1


def _digest(name: str | None, salt: str = "") -> str | None:
    if name is None:
        return None
    return hashlib.sha256((salt + name).encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_LENGTH]


def _salt(sha256: Sequence[str]) -> str:
    """Return what makes the digests of keys other ones in each model: from the photos, so that a training repeats."""
    return hashlib.sha256("".join(sorted(sha256)).encode()).hexdigest()


def _to_bytes(values: Floats, largest: float) -> Bytes:
    return np.clip(np.round(values / largest * _STEPS), -_STEPS, _STEPS).astype(np.int8)


def _to_text(values: Bytes) -> str:
    return b64encode(values.tobytes()).decode("ascii")


def _from_text(text: object, count: int, width: int) -> Bytes:
    if not isinstance(text, str):
        raise TypeError("no text")
    try:
        content = b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if len(content) != count * width:
        raise ValueError("another number of values")
    return np.frombuffer(content, np.int8).reshape(count, width)


def _texts(values: object, form: re.Pattern[str], optional: bool = True) -> tuple[str | None, ...]:
    if not isinstance(values, list):
        raise TypeError("no list")
    for value in values:
        if not (optional and value is None) and not (isinstance(value, str) and form.fullmatch(value)):
            raise ValueError("no digest")
    return tuple(values)


def _rule(values: object) -> GroupRule:
    if not isinstance(values, Mapping) or values.keys() != _RULE:
        raise ValueError("no rule")
    part, n, is_across, seconds = values["part"], values["n"], values["is_across"], values["burst_seconds"]
    if type(n) is not int or not 0 <= n <= MOST_FIELDS or type(is_across) is not bool:
        raise ValueError("no rule of names")
    if (n > 0) != (part not in (None, "original")):
        raise ValueError("no number of fields")
    if part not in (None, *get_args(NamePart)) or seconds not in (0, *BURST_SECONDS):
        raise ValueError("no rule that can be found")
    return GroupRule(None if part is None else NameRule(part, n), is_across, float(seconds))


def _times(values: object) -> tuple[int | None, ...]:
    if not isinstance(values, list):
        raise TypeError("no list")
    if not all(value is None or (type(value) is int and _EARLIEST <= value <= _LATEST) for value in values):
        raise ValueError("no times")
    return tuple(values)


def _numbers(values: object) -> Ints:
    if not isinstance(values, list) or not all(type(value) is int and 0 <= value <= MOST_PHOTOS for value in values):
        raise ValueError("no list of numbers")
    return np.array(values, np.int64)
