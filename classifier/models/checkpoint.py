"""A trained model as a folder that explains itself: timm's Hub form, safetensors, a card, a report; never a pickle."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..config import Mode, Preprocessing
from ..data.catalog import RunAsset
from ..errors import ModelError, SettingError, StorageError
from ..evaluation.ood import OODModel
from ..evaluation.report import Report
from . import model_card, networks
from .backbones import ROWS, Backbone

Ints = NDArray[np.int64]

Floats = NDArray[np.float32]

FILES = ("config.json", "model.safetensors", "README.md", "report.json", "training.json", "familiar.safetensors")
RESUME = "resume"  # the folder of a deep training that is not finished yet
_LARGEST_JSON = 16 * 2**20  # bytes
_LARGEST_FAMILIAR = 64 * 2**20


@dataclass(frozen=True)
class Checkpoint:
    """A model opened from its folder: a float32 network (B, 3, size, size) -> logits (B, C), and what belongs to it."""

    network: nn.Module
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    report: Report
    familiar: OODModel | None = None


@dataclass(frozen=True)
class TrainedModel:
    """The result of a training, passed whole to the evaluation and to ``save``.

    Args:
        mode: How it was trained.
        backbone: The network it was made from.
        tensors: Tensors of the network without its classifier, under timm's names.
        weight: Weights (C, D) of the classifier.
        bias: Biases (C,) of the classifier, with the temperature already applied.
        preprocessing: What the network expects of a picture.
        report: Scores on photos that were not trained on.
        groups: Group (N,) of each training photo.
        run_assets: For each training photo (N) the answer of a model that was not trained on it.
        ood: The out-of-distribution model; None for a fine-tuned network: distances to photos that the features
            were trained on say little about new ones.
        network: The whole network; None for a linear head on cached features.
        details: What else goes into ``training.json``.
    """

    mode: Mode
    backbone: Backbone
    tensors: Mapping[str, Tensor]
    weight: Floats
    bias: Floats
    preprocessing: Preprocessing
    report: Report
    groups: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    run_assets: tuple[RunAsset, ...] = ()
    ood: OODModel | None = None
    network: nn.Module | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def save(folder: Path, model: TrainedModel, training: Mapping[str, Any]) -> None:
    """Write ``model`` and the settings ``training`` it was made with into ``folder``.

    Written beside its place and moved in whole; a model that was there is replaced. Raises ``ModelError`` where the
    folder holds something else, ``StorageError`` where it cannot be written.
    """
    report = model.report
    classifier = networks.classifier_name(model.backbone)
    head = {f"{classifier}.weight": torch.from_numpy(model.weight), f"{classifier}.bias": torch.from_numpy(model.bias)}
    texts = {
        "config.json": json.dumps(_hub_config(model), indent=2, ensure_ascii=False),
        "README.md": model_card.text(report, training, model.ood is not None),
        "report.json": json.dumps(report.to_json(), indent=2, ensure_ascii=False),
        "training.json": json.dumps(training, indent=2, ensure_ascii=False),
    }
    weights = {key: value.contiguous() for key, value in {**model.tensors, **head}.items()}
    ood = {} if model.ood is None else {key: torch.from_numpy(value) for key, value in model.ood.tensors().items()}
    _write_whole(folder, texts, {"model.safetensors": weights, "familiar.safetensors": ood})


def _write_whole(folder: Path, texts: Mapping[str, str], tensors: Mapping[str, dict[str, Tensor]]) -> None:
    check_target(folder)
    folder = folder.resolve()  # a link goes on leading to the model
    part, old = _beside(folder)
    recover(folder)
    try:
        part.mkdir(parents=True)
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8")
        for name, values in tensors.items():
            if values:
                save_file(values, part / name, metadata={"format": "pt"})
        if folder.exists():
            folder.replace(old)
        part.replace(folder)
    except (OSError, SafetensorError) as error:
        raise _storage_error(folder, error) from error
    finally:
        recover(folder)


def _beside(folder: Path) -> tuple[Path, Path]:
    """Where a model is written before it is moved in, and where the one before waits meanwhile."""
    name = hashlib.sha256(folder.name.encode()).hexdigest()[:16]
    return folder.with_name(f".{name}.part"), folder.with_name(f".{name}.old")


def set_threshold(folder: Path, value: float) -> Report:
    """Keep how sure a model must be to answer, 0 to 1, in its report and its card; gives the report as it is then.

    Raises ``SettingError`` outside 0 to 1, ``ModelError`` when the folder is damaged or no model,
    ``StorageError`` when it cannot be written.
    """
    if not 0 <= value <= 1:  # not a number is in no range
        raise SettingError(f"How sure the model must be is {value}; it must be from 0 to 1.")
    check_is_model(folder)
    data = {**_read_json(folder / "report.json"), "threshold": float(value)}
    report = Report.from_json(data)
    texts = {"report.json": json.dumps(data, indent=2, ensure_ascii=False)}
    path = folder / "README.md"
    with suppress(OSError, ValueError):  # a card that is gone or no text is nothing to keep in step
        before = path.read_text(encoding="utf-8")
        after = model_card.with_threshold(before, value)
        texts.update({path.name: after} if after != before else {})
    _replace_texts(folder.resolve(), texts)
    return report


def _replace_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files of a model beside it and move each in whole."""
    part, _ = _beside(folder)
    recover(folder)
    try:
        part.mkdir()
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8")
        for name in texts:
            (part / name).replace(folder / name)
    except OSError as error:
        if _is_full(error):
            raise StorageError("The disk is full: the model stays as it was; free some space and try again.") from error
        raise StorageError(
            f"The model in “{folder}” cannot be changed ({error}); check that you may write there and beside it."
        ) from error
    finally:
        recover(folder)


def recover(folder: Path) -> None:
    """Put right what a writing left behind that was cut off at any moment: the model of before, whole or gone."""
    part, old = _beside(folder.resolve())
    if old.exists() and not folder.exists():  # cut off between the two moves
        old.replace(folder.resolve())
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)


def check_target(folder: Path) -> None:
    """Raise ``ModelError`` where ``folder`` holds anything but a model of this program; called before the work, too."""
    try:
        is_file, here = folder.is_file(), folder.resolve() == Path.cwd()
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:  # a name that is too long, a folder that may not be opened
        raise _storage_error(folder, error) from error
    if is_file:
        raise ModelError(f"“{folder}” is a file; name a new folder for the model.")
    others = sorted(name for name in names if name not in (*FILES, RESUME))
    if others:
        raise ModelError(f"The folder “{folder}” holds other files ({others[0]}…); name a new folder for the model.")
    if here:  # it would be moved away from under the person's feet
        raise ModelError(f"“{folder}” is the folder you are in; name a new folder for the model.")


def _storage_error(folder: Path, error: Exception) -> StorageError:
    if _is_full(error):
        return StorageError("The disk is full: the model was not saved; free some space and train again.")
    return StorageError(f"The model cannot be written to “{folder}” ({error}); choose another place.")


def _is_full(error: Exception) -> bool:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "No space" in str(error)


def _hub_config(model: TrainedModel) -> dict[str, Any]:
    """timm's ``config.json``. Without ``num_classes`` in ``model_args``: transformers cannot open it with them.

    A network of one picture size takes it from ``fixed_input_size`` in timm, from ``img_size`` in transformers.
    """
    source = networks.pretrained_cfg(model.backbone)
    names = list(model.report.labels)
    args = dict(model.backbone.arguments)
    return {
        "architecture": model.backbone.architecture,
        "num_classes": len(names),
        "num_features": model.weight.shape[1],
        "label_names": names,
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
        "pretrained_cfg": {
            **model.preprocessing.to_timm(),
            "fixed_input_size": "img_size" in args,
            "num_classes": len(names),
            "pool_size": None,
            "first_conv": source.get("first_conv"),
            "classifier": networks.classifier_name(model.backbone),
            "license": networks.weights_source(model.backbone)[1],
        },
        **({"model_args": args} if args else {}),
    }


def load(folder: Path) -> Checkpoint:
    """Open a model folder, safely even if a stranger made it: nothing is unpickled, nothing in it is run.

    Raises ``ModelError`` with what is wrong: missing or damaged files, an unknown network, weights
    that do not fit it.
    """
    check_is_model(folder)
    config = _read_json(folder / "config.json")
    try:
        name, cfg = str(config["architecture"]), dict(config["pretrained_cfg"])
        labels = tuple(map(str, config["label_names"]))
        if len(labels) != int(config["num_classes"]) or not labels:
            raise ModelError("The model's class names and their number do not agree; get the folder again.")
        preprocessing = Preprocessing.from_timm(cfg)
        args = dict(config.get("model_args") or {})
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, SettingError) as error:
        raise ModelError(f"The file config.json in “{folder}” is incomplete: {error}; get the folder again.") from error
    report = read_report(folder)
    if (report.labels, networks.architecture(report.backbone)) != (labels, name):
        raise ModelError(f"The report in “{folder}” is of another model; get the folder again.")
    args = _allowed(args, report.backbone, preprocessing.size)
    network = _with_weights(folder / "model.safetensors", name, len(labels), args)
    kept = _familiar(folder / "familiar.safetensors", network, labels)
    return Checkpoint(network, labels, preprocessing, report, kept)


def check_is_model(folder: Path) -> None:
    """Raise ``ModelError`` where ``folder`` is not even meant to be a model."""
    if not _is_file(folder / "config.json"):
        raise ModelError(f"There is no model in “{folder}”: it has no config.json; choose a folder made by training.")


def _familiar(path: Path, network: nn.Module, labels: tuple[str, ...]) -> OODModel | None:
    """What tells strange photos; None for a model that was made without."""
    if not _is_file(path):
        return None
    try:
        if path.stat().st_size > _LARGEST_FAMILIAR:
            raise ModelError("The file familiar.safetensors of the model is too large to be one; get the folder again.")
        found = OODModel.from_tensors({key: value.numpy() for key, value in load_file(path).items()})
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise ModelError("The file familiar.safetensors of the model is damaged; get the folder again.") from error
    width = getattr(network.get_classifier(), "in_features", len(found.centre))  # type: ignore[operator]
    if width != len(found.centre) or not 0 <= found.labels.min() <= found.labels.max() < len(labels):
        raise ModelError("The file familiar.safetensors is of another model; get the folder again.")
    return found


def _allowed(args: Mapping[str, Any], backbone: str, size: int) -> dict[str, Any]:
    """What a folder asks of its network beside the name: only what the network is known to be made with.

    Anything else could ask for a network that no computer holds. timm's own folders repeat the number
    of classes, which is known.
    """
    known = {**(ROWS[backbone].arguments if backbone in ROWS else {}), "img_size": size}
    for key, value in args.items():
        if key not in ("global_pool", "num_classes") and (key not in known or known[key] != value):
            raise ModelError(
                f"The model asks for a network “{backbone}” with “{key}” changed, which is not known to be safe; "
                "get the folder again."
            )
    return {key: value for key, value in args.items() if key != "num_classes"}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def read_report(folder: Path) -> Report:
    """The report of a model folder without opening its network; raises ``ModelError``."""
    return Report.from_json(_read_json(folder / "report.json"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise ModelError(f"The file {path.name} of the model is too large to be one; get the folder again.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"The model has no {path.name}; get the whole folder again.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"The file {path.name} of the model is damaged; get the folder again.") from error
    if not isinstance(data, dict):
        raise ModelError(f"The file {path.name} of the model does not describe one; get the folder again.")
    return data


def _with_weights(path: Path, name: str, classes: int, args: Mapping[str, Any]) -> nn.Module:
    if not timm.is_model(name):
        raise ModelError(f"The model uses a network called “{name}”, which this version of timm does not have.")
    damaged = ModelError("The weights of the model (model.safetensors) are missing or damaged; get the folder again.")
    try:
        network = networks.build_on_meta(name, classes, **args)
        expected = {key: (list(value.shape), value.is_floating_point()) for key, value in network.state_dict().items()}
        with safe_open(path, "pt") as file:  # the header only: nothing large is read before it fits
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118
            found = {key: (part.get_shape(), "F" in part.get_dtype()) for key, part in slices.items()}
        if expected != found:
            raise ModelError(f"The weights of the model do not fit the network “{name}”; get the folder again.")
        tensors = {key: _as_float(value) for key, value in load_file(path).items()}
        network.load_state_dict(tensors, assign=True)
        if any(buffer.is_meta for buffer in network.buffers()):  # buffers that are not saved have to be made
            network = timm.create_model(name, pretrained=False, num_classes=classes, **args)
            network.load_state_dict(tensors)
    except ModelError:
        raise
    except (OSError, SafetensorError) as error:
        raise damaged from error
    except Exception as error:  # what a stranger's settings make a network raise is nearly anything
        raise ModelError(
            f"The network “{name}” of the model cannot be built ({type(error).__name__}); get the folder again."
        ) from error
    return network.eval().requires_grad_(False)


def _as_float(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
