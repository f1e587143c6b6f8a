"""A checkpoint folder and pictures to predictions: the likeliest classes with confidences, or “not sure”."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .. import device as devices
from .. import leases
from ..config import LIMITS, Limits
from ..data.images import Opener, open_picture
from ..device import Device
from ..errors import ModelError, PhotoError, SettingError
from ..evaluation import heatmap
from ..evaluation.report import Report
from ..messages import Message
from ..messages.models import CheckpointCode, PredictCode, UnsureCode
from . import checkpoint, loader
from .backbones import relative_cost
from .fused_convolution import fuse_activations
from .hub_models import local_folder
from .joined import member_inputs
from .picture_sources import Picture, list_pictures, to_source
from .shared_passes import SharedPasses
from .sized_cache import SizedCache
from .surgery import add_feature_output
from .transforms import eval_transform, normalize

Floats = NDArray[np.float32]
Passes = SharedPasses[loader.Source, "Floats | Message"]
_MOST_BYTES, _FEWEST_MODELS = 2**28, 4  # of the models in memory: some 16 of the smallest network
_SMALLEST = 1e-12  # threshold to divide by
_DEFAULT_THRESHOLD = 0.5  # of a model that another program made, whose scores are not known


@dataclass(frozen=True)
class ClassConfidence:
    """A class by its ``label`` and the model's ``confidence`` in it: its calibrated probability, 0 to 1.

    Example::

        best = Predictor("model").predict("photo.jpg")[0].top[0]
        print(f"{best.label}: {best.confidence:.0%}")
    """

    label: str
    confidence: float


@dataclass(frozen=True)
class Prediction:
    """The prediction of one picture.

    ``top`` are the likeliest classes, best first; ``answer`` is the class to go by, which thresholds per class can
    make another than the first; ``chosen`` is that other one, else None. ``reason`` is why there is no answer to rely
    on, None if there is; ``answer`` is then the likeliest class.

    Example::

        prediction, = Predictor("model").predict("photo.jpg", top_k=3)
        if prediction.reason is UnsureCode.OUT_OF_DISTRIBUTION:
            print("This is none of", [one.label for one in prediction.top])
        elif not prediction.unsure:
            print(prediction.answer.label)
    """

    top: tuple[ClassConfidence, ...]
    reason: UnsureCode | None = None
    chosen: ClassConfidence | None = None

    @property
    def unsure(self) -> bool:
        """Whether the answer is “not sure”."""
        return self.reason is not None

    @property
    def answer(self) -> ClassConfidence:
        """The class that is answered; the likeliest where the answer is “not sure”."""
        return self.chosen or self.top[0]

    def at(self, threshold: float | Mapping[str, float]) -> Prediction:
        """Return the prediction of the same model with another threshold, 0 to 1, or one for each class.

        The answer is the class of ``top`` whose confidence is largest relative to its threshold, if it reaches that. A
        picture that is out of distribution stays unsure at every threshold.
        """
        if self.reason is UnsureCode.OUT_OF_DISTRIBUTION:
            return self
        if not isinstance(threshold, Mapping):
            is_low = self.top[0].confidence < threshold
            return replace(self, reason=UnsureCode.LOW_CONFIDENCE if is_low else None, chosen=None)
        # The first of equal ones, which is the likeliest.
        best = max(self.top, key=lambda one: one.confidence / max(threshold[one.label], _SMALLEST))
        if best.confidence < threshold[best.label]:
            return replace(self, reason=UnsureCode.LOW_CONFIDENCE, chosen=None)
        return replace(self, reason=None, chosen=None if best is self.top[0] else best)


class ModelOutput(NamedTuple):
    """What a model gives for one picture.

    ``probs`` (C,) are the calibrated probabilities of the classes, ``features`` (D,) the pooled features that they come
    from: (0,) where the network does not end in a linear layer, of a joined model those of its networks side by side.
    ``in_distribution`` is False where the picture is unlike the training photos.
    """

    probs: Floats
    features: Floats
    in_distribution: bool


@dataclass(frozen=True)
class Explanation:
    """What the prediction of one class for one picture is based on.

    Args:
        label: the class.
        heatmap: (h, w), what each part of the picture adds to the logit of the class; negative where it is against it.
        features: (D,), the pooled features; (0,) where the network does not end in a linear layer.
        pixels: (size, size, 3), uint8, the part of the picture that the network gets.
        unmapped: the number of networks without positions, which the heat map leaves out.
    """

    label: str
    heatmap: Floats
    features: Floats
    pixels: NDArray[np.uint8]
    unmapped: int = 0


class Predictor:
    """Classifies pictures with the model in a checkpoint folder, in float32, as other programs that open it do.

    The folder may also be one that timm's ``save_for_hf`` made; without a ``report.json`` the threshold is 0.5 and
    pictures unlike the training photos are not detected. The network is loaded once per process, and again after the
    folder has changed. ``hub:owner/name`` in place of a folder is a model on the Hugging Face Hub, see
    ``hub_models.open_model``. ``device`` is a name as in ``device.choose``. ``opener`` decodes pictures; for files of
    strangers it is ``decoding.open_apart``, which does so in another process with limits on time and memory. ``passes``
    are shared by the threads of a server, so that pictures that wait for the same model are answered together.

    Raises ``ModelError`` when the folder is damaged or holds no classifier.

    Example::

        predictor = Predictor("checkpoints/flowers")
        for path, prediction in zip(paths, predictor.predict(paths)):
            best = prediction.answer
            print(path, "not sure" if prediction.unsure else f"{best.label} ({best.confidence:.0%})")
    """

    def __init__(
        self,
        folder: Path | str,
        device: str | None = None,
        limits: Limits = LIMITS,
        opener: Opener = open_picture,
        passes: Passes | None = None,
    ) -> None:
        self._passes = passes
        self.folder = local_folder(folder)
        self.device = devices.choose(device)
        self.limits = limits
        self._opener = opener
        self._version = _current_version(self.folder)
        model = _load(self._version)
        self.labels = model.labels
        self.preprocessing = model.preprocessing
        self._report = _current_report(self.folder, model)
        self._ood = model.ood

    @property
    def report(self) -> Report:
        """The model's report; raises ``ModelError`` for a model that another program made, which has none."""
        if self._report is None:
            raise ModelError(CheckpointCode.REPORT_MISSING)
        return self._report

    @property
    def threshold(self) -> float:
        """The confidence under which the answer is “not sure”, 0 to 1, where ``thresholds`` is empty."""
        return _DEFAULT_THRESHOLD if self._report is None else self._report.threshold

    @property
    def thresholds(self) -> dict[str, float]:
        """The threshold of each class by its label; empty where one threshold is that of all classes."""
        report = self._report
        return dict(zip(report.labels, report.thresholds)) if report is not None and report.thresholds else {}

    def predict(self, pictures: Picture | Iterable[Picture], top_k: int = 5) -> list[Prediction]:
        """Return the predictions, with ``top_k`` classes each, for one picture or several.

        A picture is a path, the bytes of a file, a file opened for reading bytes, a PIL image or a uint8 array (H, W)
        or (H, W, 3 or 4). Raises ``PhotoError`` for the first picture that cannot be used, or is none of these;
        ``predict_each`` goes on instead.

        Example::

            prediction, = Predictor("model").predict("photo.jpg")
        """
        results = list(self.predict_each(pictures, top_k))
        for result in results:
            if isinstance(result, PhotoError):
                raise result
        return [result for result in results if isinstance(result, Prediction)]

    def predict_each(self, pictures: Picture | Iterable[Picture], top_k: int = 5) -> Iterator[Prediction | PhotoError]:
        """Yield for each picture in order its prediction, or the error that says why it cannot be used.

        Raises ``SettingError`` where ``top_k`` is under 1 or an array is no picture.

        Example::

            for path, result in zip(paths, Predictor("model").predict_each(paths)):
                print(path, result if isinstance(result, PhotoError) else result.answer.label)
        """
        if top_k < 1:
            raise SettingError(PredictCode.TOO_FEW_ANSWERS, top_k=top_k)
        for output in self.outputs(pictures):
            yield output if isinstance(output, PhotoError) else self._to_prediction(output, top_k)

    def outputs(self, pictures: Picture | Iterable[Picture]) -> Iterator[ModelOutput | PhotoError]:
        """Yield for each picture in order what the model gives for it, or the error that says why it cannot be used.

        Raises ``SettingError`` where an array is no picture, ``ModelError`` where the model gives no finite numbers.

        Example::

            predictor = Predictor("model")
            probs = [one.probs for one in predictor.outputs(paths) if not isinstance(one, PhotoError)]
        """
        sources = [self._prepare(picture) for picture in list_pictures(pictures)]
        usable = [source for source in sources if not isinstance(source, PhotoError)]
        outputs = iter(self._run(usable))
        for source in sources:
            output = source if isinstance(source, PhotoError) else next(outputs)
            if isinstance(output, Message):
                yield PhotoError(output.code, **dict(output.arguments))
            else:
                yield output if isinstance(output, PhotoError) else self._to_output(output)

    def explain(self, picture: Picture, label: str | None = None) -> Explanation:
        """Return what the prediction of a class, by default the likeliest, is based on.

        Raises ``PhotoError`` when the picture cannot be used, ``SettingError`` for a class that the model lacks.

        Example::

            explanation = Predictor("model").explain("photo.jpg", "cat")
            row, column = np.unravel_index(explanation.heatmap.argmax(), explanation.heatmap.shape)
        """
        if label is not None and label not in self.labels:
            raise SettingError(PredictCode.UNKNOWN_CLASS, label=label, labels=self.labels)
        opened = self._opener(to_source(picture, self.limits), None, self.limits, self.preprocessing.pixel_ranges)
        pixels = eval_transform(self.preprocessing)(opened)[None]  # (1, 3, size, size)
        inputs = normalize(pixels, self.preprocessing, torch.device("cpu"), torch.float32)
        network = _load(self._version).network
        with torch.inference_mode():
            outputs = add_feature_output(_share_weights(network))(inputs)[0].numpy()
        logits, features = self._split(outputs)
        index = int(logits.argmax()) if label is None else self.labels.index(label)
        parts = member_inputs(network, inputs)
        maps = [heatmap.heat_map(part, own, index) for part, own in parts]
        heat, unmapped = heatmap.add_maps(maps), sum(one.size == 1 for one in maps)
        return Explanation(self.labels[index], heat, features, pixels[0].permute(1, 2, 0).numpy(), unmapped)

    def _run(self, sources: Sequence[loader.Source]) -> Iterable[Floats | Message]:
        if self._passes is None:
            return self._compute(sources)
        return self._passes.run((self._version, self.device, self.limits, self._opener), sources, self._compute)

    def _compute(self, sources: Sequence[loader.Source]) -> Iterator[Floats | Message]:
        names = _load(self._version)
        cost = sum(map(relative_cost, names.members or (names.backbone,)))
        for part in leases.slices(sources, cost):
            work = _run_network, self._version, part, self.device, self.limits, self._opener
            yield from leases.stream(*work, seconds=leases.estimate(len(part), cost))

    def _prepare(self, picture: Picture) -> loader.Source | PhotoError:
        try:
            return to_source(picture, self.limits)
        except PhotoError as error:
            return error

    def _to_output(self, outputs: Floats) -> ModelOutput:
        logits, features = self._split(outputs)
        probs = torch.from_numpy(logits).softmax(0).numpy()
        if not np.isfinite(probs).all():  # weights so large that the network's numbers overflow
            raise ModelError(CheckpointCode.NOT_FINITE, file="model.safetensors")
        ood = self._ood
        usual = ood is None or not len(features) or bool(ood.in_distribution(features[None], probs[None])[0])
        return ModelOutput(probs, features, usual)

    def _to_prediction(self, output: ModelOutput, top_k: int) -> Prediction:
        order = np.argsort(-output.probs, kind="stable")
        # With thresholds per class any class may be the answer.
        named = order if self.thresholds else order[:top_k]
        classes = tuple(ClassConfidence(self.labels[index], float(output.probs[index])) for index in named)
        if not output.in_distribution:
            return Prediction(classes[:top_k], UnsureCode.OUT_OF_DISTRIBUTION)
        decided = Prediction(classes).at(self.thresholds or self.threshold)
        return replace(decided, top=classes[:top_k])

    def _split(self, outputs: Floats) -> tuple[Floats, Floats]:
        """The logits (C,) and the pooled features (D,) beside them, see ``surgery.add_feature_output``."""
        return outputs[: len(self.labels)], outputs[len(self.labels) :]


def _current_report(folder: Path, model: checkpoint.Checkpoint) -> Report | None:
    """The report as it is now: the threshold may change while the loaded network stays in use."""
    report = checkpoint.find_report(folder)
    if report is None:
        return None
    if (report.labels, report.backbone) != (model.labels, model.backbone):
        raise ModelError(CheckpointCode.REPORT_OF_OTHER_MODEL, folder=str(folder))
    return report


_Version = tuple[str, int]  # a folder and the time its weights were written: one state of one model


def _current_version(folder: Path) -> _Version:
    try:
        return str(folder.resolve()), (folder / "model.safetensors").stat().st_mtime_ns
    except OSError:  # ``checkpoint.load`` finds out what is missing
        return str(folder), 0


def _read(version: _Version) -> checkpoint.Checkpoint:
    model = checkpoint.load(Path(version[0]))
    return replace(model, network=model.inference_network().to(memory_format=torch.channels_last))


def _move(key: tuple[_Version, Device]) -> nn.Module:
    """Return the network of a model on a device: a copy, since ``Module.to`` would move it from where it is."""
    version, device = key
    model = _load(version)
    copied = _share_weights(model.network) if device.is_cpu else copy.deepcopy(model.network)
    if device.is_cpu and model.is_built_in:  # whose layers the tests compare
        copied = fuse_activations(copied)
    return add_feature_output(copied).to(device.torch_device)


def _bytes(network: nn.Module) -> int:
    return sum(one.nbytes for one in (*network.parameters(), *network.buffers()))


_load = SizedCache(_read, lambda model: _bytes(model.network), _MOST_BYTES, _FEWEST_MODELS)
_network_on = SizedCache(_move, _bytes, _MOST_BYTES, _FEWEST_MODELS)  # on a CPU with the same weights


def _share_weights(network: nn.Module) -> nn.Module:
    """Return a copy of the modules over the same tensors: several models are in memory at a time."""
    return copy.deepcopy(network, {id(one): one for one in (*network.parameters(), *network.buffers())})


def _run_network(
    version: _Version, sources: Sequence[loader.Source], device: Device, limits: Limits, opener: Opener
) -> Iterator[Floats | Message]:
    """Yield for each picture the logits and pooled features (C + D,), or the message why it cannot be used."""
    views = loader.EvalViews((_load(version).preprocessing,))
    network = _network_on((version, device))
    for output in loader.run_batches(network, sources, views, device, torch.float32, None, limits, opener):
        yield output if isinstance(output, Message) else output[0].numpy()
