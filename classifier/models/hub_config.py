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

if TYPE_CHECKING:
    from .checkpoint import TrainedModel

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
    """

    architecture: str
    tag: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    model_args: Mapping[str, Any]


def to_json(model: TrainedModel) -> dict[str, Any]:
    """The config.json of ``model``. Without ``num_classes`` in ``model_args``: transformers cannot open it with them.

    The pixel ranges stand beside ``pretrained_cfg``, in which timm accepts no entry of others.

    timm reads the only input size of a network from ``fixed_input_size``, transformers from ``img_size``.
    """
    source = networks.pretrained_cfg(model.backbone)
    names = list(model.report.labels)
    model_args = dict(model.backbone.arguments)
    pixel_ranges = model.preprocessing.pixel_ranges.to_json()
    return {
        "architecture": model.backbone.architecture,
        "num_classes": len(names),
        "num_features": model.weight.shape[1],
        "label_names": names,
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
        "pretrained_cfg": {
            **model.preprocessing.to_timm(),
            "fixed_input_size": "img_size" in model_args,
            "num_classes": len(names),
            "pool_size": None,
            "first_conv": source.get("first_conv"),
            "classifier": networks.classifier_name(model.backbone),
            "license": networks.weights_source(model.backbone)[1],
        },
        **({"pixel_ranges": pixel_ranges} if pixel_ranges else {}),
        **({"model_args": model_args} if model_args else {}),
    }


def from_json(data: Mapping[str, Any]) -> HubConfig:
    """Read a config.json: of this program, of timm's ``save_for_hf``, or of timm's first form, all on one level.

    Raises ``ModelError`` where an entry is missing, or asks for a network that is not known to be safe to build.
    """
    try:
        cfg = dict(data.get("pretrained_cfg", data))
        architecture = _text(data["architecture"])
        labels = _labels(data, cfg, int(data.get("num_classes", cfg.get("num_classes"))))
        preprocessing = _preprocessing(cfg)
        pixel_ranges = PixelRanges.from_json(data.get("pixel_ranges") or {})
        preprocessing = replace(preprocessing, pixel_ranges=pixel_ranges)
        model_args = _check_args(dict(data.get("model_args") or {}), architecture)
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError, SettingError) as error:
        raise ModelError(CheckpointCode.CONFIG_INCOMPLETE, why=str(error)[:_LONGEST_WHY]) from error
    if cfg.get("fixed_input_size"):  # as timm does where the arguments do not name the size
        model_args = {"img_size": preprocessing.size, **model_args}
    tag = cfg.get("tag")
    return HubConfig(architecture, tag if isinstance(tag, str) else "", labels, preprocessing, model_args)


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
