"""A checkpoint's config.json, in the form of timm's Hub repositories: what it is and how its network is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..config import Limits, PixelRanges, Preprocessing
from ..data.labels import clean_label
from ..errors import ModelError, SettingError
from ..messages.models import CheckpointCode
from . import networks
from .backbones import BACKBONES
from .joined import MAX_MEMBERS, Member, member_preprocessing

if TYPE_CHECKING:
    from .checkpoint import TrainedModel

JOINED = "joined"  # in place of timm's name of an architecture
_LARGEST_SIDE = 2048  # pixels
_MOST_CLASSES = 100_000
_LONGEST_WHY = 200  # letters
_LABEL_LIMITS = Limits(label_letters=1000)  # descriptions of classes are longer than names of folders


@dataclass(frozen=True)
class HubConfig:
    """The identity of a classifier.

    Args:
        architecture: timm's name of the network.
        tag: timm's name of the weights it started from; "" where it is not given.
        labels: Names of the classes, in the order of the outputs; all different.
        preprocessing: What the network expects of a picture.
        model_args: Keyword arguments of ``timm.create_model`` beside the architecture and the number of classes.
        members: The networks that a model with the architecture ``JOINED`` joins; else empty.
        fine_tuned: Whether a member's layers were trained, see ``joined.Member``.
        stages: Of a member those whose maps its classifier gets beside the last one, see ``stage_features``.
    """

    architecture: str
    tag: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    model_args: Mapping[str, Any]
    members: tuple[HubConfig, ...] = ()
    fine_tuned: bool = False
    stages: tuple[int, ...] = ()

    @property
    def networks(self) -> tuple[HubConfig, ...]:
        """The networks of the classifier: the members of a joined one, else itself."""
        return self.members or (self,)

    @property
    def weights(self) -> str:
        """timm's name of the network and, where it is known, of the weights it started from."""
        return ".".join(filter(None, (self.architecture, self.tag)))

    @property
    def backbone(self) -> str:
        """The name in the table of backbones, else that of timm."""
        return next((row.name for row in BACKBONES if row.weights == self.weights), self.weights)


def to_json(model: TrainedModel) -> dict[str, Any]:
    """The config.json of ``model``. Without ``num_classes`` in ``model_args``: transformers cannot open it with them.

    The pixel ranges stand beside ``pretrained_cfg``, in which timm accepts no entry of others.

    timm reads the only input size of a network from ``fixed_input_size``, transformers from ``img_size``. A model that
    joins networks has ``members``, each with the entries of one network.
    """
    names = list(model.report.labels)
    pixel_ranges = model.preprocessing.pixel_ranges.to_json()
    return {
        **(_joined_entries(model) if model.is_joined else _network_entries(model.members[0], model.preprocessing)),
        "num_classes": len(names),
        "label_names": names,
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
        **({"pixel_ranges": pixel_ranges} if pixel_ranges else {}),
    }


def _joined_entries(model: TrainedModel) -> dict[str, Any]:
    """The entries of a model that joins networks: those of each, and the preprocessing of the one picture they get."""
    members = []
    for member in model.members:
        entries = _network_entries(member, member_preprocessing(model.preprocessing, member.backbone))
        entries["pretrained_cfg"]["tag"] = member.backbone.weights.partition(".")[2]
        stages = {"stages": list(member.backbone.stages)} if member.backbone.stages else {}
        members.append({**entries, **stages, "tuned": member.fine_tuned})
    return {
        "architecture": JOINED,
        "num_features": sum(member.weight.shape[1] for member in model.members),
        "pretrained_cfg": {
            **model.preprocessing.to_timm(),
            "num_classes": len(model.report.labels),
            "license": networks.common_license([member.backbone for member in model.members]),
        },
        "members": members,
    }


def _network_entries(member: Member, preprocessing: Preprocessing) -> dict[str, Any]:
    """The entries of one network."""
    source = networks.pretrained_cfg(member.backbone)
    model_args = dict(member.backbone.arguments)
    return {
        "architecture": member.backbone.architecture,
        "num_classes": len(member.bias),
        "num_features": member.weight.shape[1],
        "pretrained_cfg": {
            **preprocessing.to_timm(),
            "fixed_input_size": "img_size" in model_args,
            "num_classes": len(member.bias),
            "pool_size": None,
            "first_conv": source.get("first_conv"),
            "classifier": networks.classifier_name(member.backbone),
            "license": networks.weights_source(member.backbone)[1],
        },
        **({"model_args": model_args} if model_args else {}),
    }


def from_json(data: Mapping[str, Any]) -> HubConfig:
    """Read a config.json: of this program, of timm's ``save_for_hf``, or of timm's first form, all on one level.

    Raises ``ModelError`` where an entry is missing, or asks for a network that is not known to be safe to build, and
    where a joined model has too many networks.
    """
    try:
        cfg = dict(data.get("pretrained_cfg", data))
        architecture = _text(data["architecture"])
        labels = _labels(data, cfg, int(data.get("num_classes", cfg.get("num_classes"))))
        preprocessing = _preprocessing(cfg)
        pixel_ranges = PixelRanges.from_json(data.get("pixel_ranges") or {})
        preprocessing = replace(preprocessing, pixel_ranges=pixel_ranges)
        members = _members(data.get("members"), labels, preprocessing) if architecture == JOINED else ()
        model_args = {} if members else _model_args(data, cfg, architecture, preprocessing.size)
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError, SettingError) as error:
        raise ModelError(CheckpointCode.CONFIG_INCOMPLETE, why=str(error)[:_LONGEST_WHY]) from error
    return HubConfig(architecture, _tag(cfg), labels, preprocessing, model_args, members)


def _members(entries: Any, labels: tuple[str, ...], common: Preprocessing) -> tuple[HubConfig, ...]:
    """The networks of a joined model, each checked as one alone is; they have its classes and its input size."""
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_MEMBERS:
        raise ModelError(CheckpointCode.MEMBER_COUNT, most=MAX_MEMBERS)
    found = []
    for entry in map(dict, entries):
        cfg = dict(entry["pretrained_cfg"])
        architecture, preprocessing = _text(entry["architecture"]), _preprocessing(cfg)
        if int(entry["num_classes"]) != len(labels):
            raise ModelError(CheckpointCode.LABEL_COUNT)
        if preprocessing.size != common.size:
            raise ModelError(CheckpointCode.MEMBER_SIZE, name=architecture)
        model_args = _model_args(entry, cfg, architecture, common.size)
        fine_tuned = entry.get("tuned") is True
        stages = _stages(entry, architecture)
        if len(entries) == 1 and not stages:
            raise ModelError(CheckpointCode.MEMBER_COUNT, most=MAX_MEMBERS)
        config = HubConfig(architecture, _tag(cfg), labels, preprocessing, model_args)
        found.append(replace(config, fine_tuned=fine_tuned, stages=stages))
    return tuple(found)


def _stages(entry: Mapping[str, Any], architecture: str) -> tuple[int, ...]:
    """The stages of a member: none, or those that networks of that architecture have here."""
    stages = tuple(entry.get("stages") or ())
    known = [row.with_stages().stages for row in BACKBONES if row.built_in and row.architecture == architecture]
    if stages and stages not in known:
        raise ModelError(CheckpointCode.CHANGED_ARGUMENT, name=architecture, argument="stages")
    return stages


def _tag(cfg: Mapping[str, Any]) -> str:
    tag = cfg.get("tag")
    return tag if isinstance(tag, str) else ""


def _model_args(data: Mapping[str, Any], cfg: Mapping[str, Any], architecture: str, size: int) -> dict[str, Any]:
    model_args = _check_args(dict(data.get("model_args") or {}), architecture)
    # As timm does where the arguments do not name the size.
    return {"img_size": size, **model_args} if cfg.get("fixed_input_size") else model_args


def _text(value: Any) -> str:
    if not isinstance(value, (str, int)):  # numbers are the names of some classes
        raise TypeError(f"a {type(value).__name__} in the place of a text")
    return str(value)


def _labels(data: Mapping[str, Any], cfg: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """The names of ``count`` classes: descriptions where timm has them, else names, else numbers."""
    found = (data.get("label_names"), cfg.get("label_names"), data.get("labels"), data.get("id2label"))
    if not 1 <= count <= _MOST_CLASSES:
        raise ModelError(CheckpointCode.LABEL_COUNT)
    names = _list_names(next((value for value in found if value), None), count)
    if len(names) != count:
        raise ModelError(CheckpointCode.LABEL_COUNT)
    descriptions = dict(data.get("label_descriptions") or cfg.get("label_descriptions") or {})
    described = _clean_names([_text(descriptions.get(name, name)) for name in names])
    if len(set(described)) == count:
        return described
    labels = _clean_names(names)
    label, times = Counter(labels).most_common(1)[0]
    if times > 1:
        raise ModelError(CheckpointCode.LABEL_TWICE, label=label)
    return labels


def _list_names(names: Any, count: int) -> list[str]:
    """Names in the order of the outputs; an index that a mapping lacks is its own name, as is each without names."""
    if names is None:
        return list(map(str, range(count)))
    if isinstance(names, Mapping):
        known = {int(index): _text(name) for index, name in names.items()}
        if len(known) > count or not all(0 <= index < count for index in known):
            raise ModelError(CheckpointCode.LABEL_COUNT)
        return [known.get(index, str(index)) for index in range(count)]
    if not isinstance(names, Sequence) or isinstance(names, str):
        raise ModelError(CheckpointCode.LABEL_COUNT)
    return list(map(_text, names))


def _clean_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names that can be shown: of visible letters, not too long; the number of the class where nothing is left."""
    return tuple(clean_label(name, _LABEL_LIMITS) or str(index) for index, name in enumerate(names))


def _preprocessing(cfg: Mapping[str, Any]) -> Preprocessing:
    shape = list(cfg["input_size"])
    if len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2]:
        raise ModelError(CheckpointCode.INPUT_NOT_SQUARE, shape=shape)
    return Preprocessing.from_timm(cfg)


def _check_args(args: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """The arguments without the number of classes, if each is one that a network of that architecture is known with.

    Any other could ask for a network that no computer holds. timm's own folders repeat the number of classes and of
    color channels, the input size and the kind of pooling.
    """
    rows = [row.arguments for row in BACKBONES if row.architecture == architecture]
    for key, value in args.items():
        known = key in ("global_pool", "num_classes") or value in [row[key] for row in rows if key in row]
        if not known and not (key == "in_chans" and value == 3) and not (key == "img_size" and _is_size(value)):
            raise ModelError(CheckpointCode.CHANGED_ARGUMENT, name=architecture, argument=key)
    return {key: value for key, value in args.items() if key != "num_classes"}


def _is_size(value: Any) -> bool:
    """Whether ``value`` is the side of a square, or height and width, in pixels that a picture can have here."""
    sides = value if isinstance(value, list) and len(value) == 2 else [value]
    return all(isinstance(side, int) and 8 <= side <= _LARGEST_SIDE for side in sides)
