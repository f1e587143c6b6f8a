"""Save a trained model to a folder and load it: timm's Hub form, safetensors, model card, report; never a pickle."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..config import Mode, Preprocessing
from ..data.run_history import RunAsset
from ..errors import ModelError, SettingError
from ..evaluation.costs import UNSURE_COST
from ..evaluation.ood import OODModel
from ..evaluation.report import Report
from ..files import atomic_write, read_bounded, read_json
from ..messages.models import CheckpointCode
from . import hub_config, networks, training_record
from .backbones import ROWS, Backbone, architecture_of
from .evaluated_photos import EvaluatedPhotos, read_evaluated, with_costs, without_costs
from .joined import JoinedNetwork, Member, feature_networks, member_networks
from .model_card import confusion_picture, model_card, replace_decision
from .model_folder import CONFUSION, EVALUATED, OOD, SINGLE, TRAINING_PHOTOS, Text, write
from .surgery import feature_width, fuse_batch_norm
from .training_photos import MOST_PHOTOS, KnownPhotos
from .weights_file import check_finite, check_header_size, is_file, load_network

Floats = NDArray[np.float32]

_LARGEST_JSON = 16 * 2**20  # bytes
_LARGEST_OOD = 64 * 2**20  # bytes
DECISION = ("threshold", "thresholds", "costs", "unsure_cost", "expected_cost", "expected_cost_before")


@dataclass(frozen=True)
class TrainedModel:
    """The result of a training, passed whole to the evaluation and to ``save``.

    A model may join several networks, whose logits are summed: see ``joined``.

    Args:
        mode: How it was trained.
        backbone: The network it was made from; of a joined model the first one.
        tensors: Tensors of the network without its classifier, under timm's names.
        weight: Weights (C, D) of the classifier.
        bias: Biases (C,) of the classifier, with the temperature already applied.
        preprocessing: What the network expects of a picture; of a joined model what all get.
        report: Scores on photos that were not trained on.
        run_assets: For each training photo (N) the answer of a model that was not trained on it.
        ood: The out-of-distribution model; None for fine-tuned models of older versions. Of a joined model it is that
            of the features side by side, of the members that ``joined.give_features`` names.
        network: The whole (first) network; None for a linear head on cached features.
        details: What else goes into ``training.json``.
        training_photos: What the folder remembers of the training photos; None for nothing, as it does of more than
            200,000.
        evaluated: Photos that thresholds are chosen by.
        others: The networks of a joined model beyond the first.
        single: The best model of one network, which a joined model's folder holds for programs that open no other.
    """

    mode: Mode
    backbone: Backbone
    tensors: Mapping[str, Tensor]
    weight: Floats
    bias: Floats
    preprocessing: Preprocessing
    report: Report
    run_assets: tuple[RunAsset, ...] = ()
    ood: OODModel | None = None
    network: nn.Module | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    training_photos: KnownPhotos | None = None
    evaluated: EvaluatedPhotos | None = None
    others: tuple[Member, ...] = ()
    single: TrainedModel | None = None

    @property
    def is_joined(self) -> bool:
        """Whether its folder is that of a joined model: several networks, or one that no other program opens."""
        return bool(self.others or self.backbone.stages)

    @property
    def members(self) -> tuple[Member, ...]:
        """All networks of the model, the first one included."""
        first = Member(self.backbone, self.tensors, self.weight, self.bias, self.network is not None)
        return (first, *self.others)


@dataclass(frozen=True)
class Checkpoint:
    """A model loaded from its folder.

    Args:
        network: Float32, in evaluation mode: (B, 3, size, size) -> logits (B, C).
        labels: Names of the classes (C).
        preprocessing: What the network expects of a picture.
        backbone: Name of the network and, where it is known, of the weights it started from.
        report: Scores; None for a classifier that another program made.
        ood: The out-of-distribution model; None where the model was made without.
        members: Names of the backbones of the networks that the model joins; empty for a model of one network.
    """

    network: nn.Module
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    backbone: str
    report: Report | None = None
    ood: OODModel | None = None
    members: tuple[str, ...] = ()

    @property
    def is_built_in(self) -> bool:
        """Whether the weights that all its networks started from come with the program."""
        return all(_is_built_in(name) for name in self.members or (self.backbone,))

    def inference_network(self) -> nn.Module:
        """Return a copy of the network with batch norms fused into convolutions, see ``surgery.fuse_batch_norm``."""
        trusted = map(_is_built_in, self.members or (self.backbone,))
        fused = [fuse_batch_norm(one, known) for one, known in zip(member_networks(self.network), trusted)]
        return self.network.with_members(fused) if isinstance(self.network, JoinedNetwork) else fused[0]


def _is_built_in(backbone: str) -> bool:
    return backbone in ROWS and ROWS[backbone].built_in


def save(folder: Path, model: TrainedModel, training: Mapping[str, Any], unfinished: bool = False) -> None:
    """Write ``model`` and the settings ``training`` it was made with into ``folder``.

    A model that was there is replaced when all is written (see ``model_folder.write``). ``unfinished`` where the
    training goes on: what it resumes from stays. Raises ``ModelError`` where the folder holds something else,
    ``StorageError`` where it cannot be written.
    """
    texts, tensors = _files(model, training)
    if model.single is not None:
        single_texts, single_tensors = _files(model.single, training)
        texts |= {f"{SINGLE}/{name}": text for name, text in single_texts.items()}
        tensors |= {f"{SINGLE}/{name}": values for name, values in single_tensors.items()}
    write(folder, texts, tensors, unfinished)


def _files(model: TrainedModel, training: Mapping[str, Any]) -> tuple[dict[str, Text], dict[str, dict[str, Tensor]]]:
    """The files of a model by their names: texts, and tensors."""
    picture = confusion_picture(model.report)
    texts: dict[str, Text] = {
        "config.json": _dump(hub_config.to_json(model)),
        "README.md": model_card(model, training),
        "report.json": _dump(model.report.to_json()),
        training_record.FILE: training_record.dump_parts(training),
        **({CONFUSION: picture} if picture else {}),
    }
    if model.training_photos is not None and len(model.training_photos) <= MOST_PHOTOS:
        texts[TRAINING_PHOTOS] = model.training_photos.dump()
    ood = {} if model.ood is None else {key: torch.from_numpy(value) for key, value in model.ood.tensors().items()}
    evaluated = {} if model.evaluated is None else model.evaluated.tensors()
    return texts, {"model.safetensors": _weights(model), OOD: ood, EVALUATED: evaluated}


def _weights(model: TrainedModel) -> dict[str, Tensor]:
    """The tensors of the network, under timm's names; those of a joined one under ``JoinedNetwork``'s."""
    if not model.is_joined:
        return model.members[0].state()
    states = enumerate(member.state() for member in model.members)
    # Copies: two members may have tensors in common, which safetensors does not write.
    return {f"members.{index}.{key}": value.clone() for index, state in states for key, value in state.items()}


def _dump(value: Mapping[str, Any]) -> str:
    """Return the text of a file, with each row of a confusion matrix in one line: of 1,000 classes it has a million."""
    rows = value.get("confusion")
    if not rows:
        return json.dumps(value, indent=2, ensure_ascii=False)
    text = json.dumps({**value, "confusion": []}, indent=2, ensure_ascii=False)
    lines = ",\n    ".join(map(json.dumps, rows))
    return text.replace('\n  "confusion": []', f'\n  "confusion": [\n    {lines}\n  ]', 1)


def set_threshold(folder: Path, value: float) -> Report:
    """Write the threshold ``value``, 0 to 1, into the report and the model card; returns the report with it.

    It is that of all classes: costs and thresholds per class are removed. The model of one network beside a joined one
    gets it, too. Raises ``SettingError`` outside 0 to 1,
    ``ModelError`` where the folder is damaged or no model with a report, ``StorageError`` where it cannot be written.
    """
    if not 0 <= value <= 1:  # True for NaN, too
        raise SettingError(CheckpointCode.THRESHOLD_OUT_OF_RANGE, value=value)
    if _has_single(folder):
        set_threshold(folder / SINGLE, value)
    before = read_report(folder)
    return _replace_decision(folder, before, without_costs(replace(before, threshold=float(value))))


def set_costs(folder: Path, costs: Mapping[str, float], unsure_cost: float = UNSURE_COST) -> Report:
    """Write costs of mistakes, and the thresholds per class that follow, into report and model card.

    Args:
        folder: the model.
        costs: by class, how many times as bad missing it is as a false alarm; 1 for the classes that are not named.
        unsure_cost: cost of “not sure”, where that of a false alarm is 1.

    Returns the report with them. Raises ``SettingError`` for a class that the model lacks or a number that is no cost,
    otherwise as ``set_threshold`` does.

    Example::

        print(set_costs(Path("model"), {"crack": 5}).expected_cost)
    """
    if _has_single(folder):
        set_costs(folder / SINGLE, costs, unsure_cost)
    before = read_report(folder)
    evaluated = read_evaluated(folder, len(before.labels))
    return _replace_decision(folder, before, with_costs(before, evaluated, costs, unsure_cost))


def _has_single(folder: Path) -> bool:
    """Whether a model of one network lies beside a joined one; a link to another folder is none."""
    return is_file(folder / SINGLE / "report.json") and not (folder / SINGLE).is_symlink()


def _replace_decision(folder: Path, before: Report, after: Report) -> Report:
    """Write the thresholds and costs of ``after`` into the files of a model; the rest of them stays as it is."""
    entries = after.to_json()
    data = {**_read_json(folder / "report.json"), **{name: entries[name] for name in DECISION}}
    texts = {"report.json": _dump(data)}
    with suppress(OSError, ValueError):  # a card that is missing or not UTF-8 stays as it is
        card = read_bounded(folder / "README.md", _LARGEST_JSON).decode("utf-8")
        changed = replace_decision(card, before, after)
        texts |= {"README.md": changed} if changed != card else {}
    with ExitStack() as files:  # moved in when all are written
        for name, text in texts.items():
            part = files.enter_context(atomic_write(folder / name, CheckpointCode.DISK_FULL_UNCHANGED))
            part.write_text(text, encoding="utf-8")
    return Report.from_json(data)


def load(folder: Path) -> Checkpoint:
    """Load a classifier from its folder: one of this program, or of timm's ``save_for_hf``.

    Safe for folders from strangers: nothing is unpickled or executed, and nothing large is read before its size is
    known to be right. Raises ``ModelError`` where files are missing or damaged, the network is unknown, or the
    weights do not fit it.
    """
    check_is_model(folder)
    config = hub_config.from_json(_read_json(folder / "config.json"))
    report = find_report(folder)
    if report and (report.labels, architecture_of(report.backbone)) != (config.labels, config.networks[0].architecture):
        raise ModelError(CheckpointCode.REPORT_OF_OTHER_MODEL, folder=str(folder))
    network = load_network(folder, config)
    if report is None:  # another program's network may end in anything
        networks.check_forward(network, config.preprocessing.size)
    backbone = report.backbone if report else config.networks[0].weights
    members = tuple(one.backbone for one in config.members)
    ood = _load_ood(folder / OOD, network, config.labels)
    return Checkpoint(network, config.labels, config.preprocessing, backbone, report, ood, members)


def check_is_model(folder: Path) -> None:
    """Raise ``ModelError`` where ``folder`` has no ``config.json``."""
    if not is_file(folder / "config.json"):
        raise ModelError(CheckpointCode.NO_MODEL, folder=str(folder))


def find_report(folder: Path) -> Report | None:
    """The report of a model folder; None where another program made it. Raises ``ModelError`` where it is damaged."""
    check_is_model(folder)
    path = folder / "report.json"
    return Report.from_json(_read_json(path)) if path.exists() else None


def read_report(folder: Path) -> Report:
    """The report of a model folder; raises ``ModelError`` where there is none or it is damaged."""
    report = find_report(folder)
    if report is None:
        raise ModelError(CheckpointCode.REPORT_MISSING)
    return report


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path, _LARGEST_JSON)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(data, dict):
        raise ModelError(CheckpointCode.FILE_OF_SOMETHING_ELSE, file=path.name)
    return data


def _unreadable(path: Path, error: Exception) -> ModelError:
    too_large = getattr(error, "errno", None) == errno.EFBIG
    return ModelError(CheckpointCode.FILE_TOO_LARGE if too_large else CheckpointCode.FILE_DAMAGED, file=path.name)


def _load_ood(path: Path, network: nn.Module, labels: tuple[str, ...]) -> OODModel | None:
    if not is_file(path):
        return None
    try:
        check_header_size(path)
        if path.stat().st_size > _LARGEST_OOD:
            raise ModelError(CheckpointCode.FILE_TOO_LARGE, file=path.name)
        ood = OODModel.from_tensors({key: value.numpy() for key, value in load_file(path).items()})
    except (OSError, SafetensorError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(CheckpointCode.FILE_DAMAGED, file=path.name) from error
    usual = () if ood.usual is None else (ood.usual,)
    check_finite((torch.from_numpy(value) for value in (ood.center, ood.basis, ood.points, *usual)), path)
    widths = [width for one in feature_networks(network) if (width := feature_width(one)) is not None]
    is_other = bool(widths) and sum(widths) != len(ood.center)
    if is_other or not 0 <= ood.labels.min() <= ood.labels.max() < len(labels):
        raise ModelError(CheckpointCode.OOD_OF_OTHER_MODEL, file=path.name)
    return ood
