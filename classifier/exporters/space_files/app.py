"""Classify photos with the model beside this file: a Gradio app, for a Hugging Face Space or any computer.

It answers as the program that trained the model: photos are prepared alike, the answer is “not sure” under the same
thresholds, and for photos that are unlike all training photos. ``python app.py`` starts it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import spaces  # type: ignore[import-not-found,unused-ignore]  # on Spaces of the kind ZeroGPU, and before torch
except ImportError:
    spaces = None
import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_weights
from timm.data import create_transform
from torch import Tensor, nn

FOLDER = Path(__file__).resolve().parent
Floats = NDArray[np.float32]

MAX_ELONGATION = 100  # long side over short side
NEIGHBORS = 5  # training photos of the same class that a photo is compared with
ENERGY_WEIGHT = 0.5  # of the mean logarithm of the probabilities beside the distance to training photos
SHOWN = 5  # classes

if spaces is not None:
    spaces.GPU(lambda: None)  # a ZeroGPU Space does not start without such a function; the model runs on the CPU


class Classifier:
    """The model in ``model``, with the names of classes, thresholds and preparation of photos in ``model.json``."""

    def __init__(self, folder: Path = FOLDER) -> None:
        about: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
        self.title: str = about["title"]
        self.labels: list[str] = about["labels"]
        self.thresholds: list[float] = about["thresholds"]
        self.pixel_ranges: dict[str, list[float]] = about["pixel_ranges"]
        self.transform = create_transform(**about["preprocessing"], is_training=False)
        self.members = open_networks(folder / "model")
        ood = folder / "model" / "familiar.safetensors"
        self.ood: dict[str, Any] | None = load_file(ood) if ood.is_file() else None

    def answer(self, photos: list[str]) -> list[dict[str, Any]]:
        """Return for each file the likeliest class to go by, whether that is “not sure”, and all probabilities."""
        batch = torch.stack([self.transform(self.open(photo)) for photo in photos])  # (B, 3, size, size)
        logits, features = self._run(batch)
        probs = logits.softmax(1).numpy()  # (B, C)
        known = self._in_distribution(features.numpy(), probs)
        return [self._decide(*row) for row in zip(probs, known)]

    def open(self, photo: str) -> Image.Image:
        """Decode a photo, turn it upright and convert it to RGB."""
        with Image.open(photo) as image:
            if max(image.size) > MAX_ELONGATION * min(image.size):
                raise ValueError("too long and thin")
            image.load()
            upright = ImageOps.exif_transpose(image)
        if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
            upright = self._to_eight_bits(upright)
        return place_on_background(upright) if upright.has_transparency_data else upright.convert("RGB")

    def _to_eight_bits(self, image: Image.Image) -> Image.Image:
        """Scale a gray photo of more than 8 bits by the range of the training photos, or by its own."""
        values = np.asarray(image, np.float64)
        finite = values[np.isfinite(values)]
        own = [float(finite.min()), float(finite.max())] if len(finite) else [0.0, 1.0]
        low, high = self.pixel_ranges.get("real" if image.mode == "F" else "integer", own)
        values = np.nan_to_num(values, nan=low, posinf=low, neginf=low)
        scaled = ((values - low) * (255 / max(high - low, 1e-12))).clip(0, 255)
        return Image.fromarray((scaled + 0.5).astype(np.uint8))

    @torch.inference_mode()
    def _run(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, C), summed over the networks, and pooled features (B, D), side by side."""
        outputs = [run_network(one.network, batch * one.scale + one.shift) for one in self.members]
        features = [found for one, (_, found) in zip(self.members, outputs) if one.gives_features]
        return torch.stack([logits for logits, _ in outputs]).sum(0), torch.cat(features, 1)

    def _in_distribution(self, features: Floats, probs: Floats) -> NDArray[np.bool_]:
        """Return whether photos are like training photos of the class that is likeliest for them (B,)."""
        if self.ood is None or not features.shape[1]:
            return np.ones(len(probs), np.bool_)
        center, basis, points = (self.ood[name].astype(np.float32) for name in ("centre", "basis", "points"))
        rooted = np.sign(features) * np.sqrt(np.abs(features))
        rows = rooted / np.maximum(np.linalg.norm(rooted, axis=1, keepdims=True), 1e-9) - center
        squares = np.square(rows).sum(1)[:, None] - 2 * (rows @ basis) @ points.T + np.square(points).sum(1)
        own_class = self.ood["labels"][None] == probs.argmax(1)[:, None]
        nearest = np.sort(np.where(own_class, np.maximum(squares, 0), np.inf), axis=1)[:, :NEIGHBORS]
        counts = np.isfinite(nearest).sum(1)
        sums = np.where(np.isfinite(nearest), nearest, 0).sum(1)
        score = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
        if "usual" in self.ood:
            energy = np.log(np.maximum(probs, 1e-30)).mean(1)
            usual = self.ood["usual"]
            scaled = (np.stack([score, energy], 1) - usual[:, 0]) / usual[:, 1]
            score = np.logaddexp(0, scaled) @ (1, ENERGY_WEIGHT)
        known: NDArray[np.bool_] = score.astype(np.float32) <= self.ood["limit"][0]
        return known

    def _decide(self, probs: Floats, is_known: bool) -> dict[str, Any]:
        """Return the answer to one photo: the class whose probability is largest relative to its threshold."""
        order = np.argsort(-probs, kind="stable")
        best = max(order, key=lambda index: float(probs[index]) / max(self.thresholds[index], 1e-12))
        unsure = not is_known or float(probs[best]) < self.thresholds[best]
        confidences = {self.labels[index]: float(probs[index]) for index in order}
        label = self.labels[order[0] if unsure else best]
        return {"label": label, "unsure": bool(unsure), "unlike_training": not is_known, "confidences": confidences}


@dataclass
class Member:
    """A network, how the prepared photo becomes its input, and whether photos are compared by its features."""

    network: Any
    scale: Tensor
    shift: Tensor
    gives_features: bool = True


def open_networks(folder: Path) -> list[Member]:
    """Open a model of one network, with timm, or one that joins several."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    if "members" not in config:
        network = timm.create_model(f"local-dir:{folder}", pretrained=True)
        return [Member(network.eval(), torch.ones(1), torch.zeros(1))]
    tensors, found = load_weights(folder / "model.safetensors"), []
    mean, std = (torch.tensor(config["pretrained_cfg"][name]).view(3, 1, 1) for name in ("mean", "std"))
    all_tuned = all(one["tuned"] for one in config["members"])
    for index, one in enumerate(config["members"]):
        cfg, arguments = one["pretrained_cfg"], one.get("model_args", {})
        stages, classes = one.get("stages", []), one["num_classes"]
        network = timm.create_model(one["architecture"], num_classes=0 if stages else classes, **arguments)
        if stages:
            network = StageFeatures(network, stages, one["num_features"], classes)
        prefix = f"members.{index}."
        network.load_state_dict({key.removeprefix(prefix): tensors[key] for key in tensors if key.startswith(prefix)})
        own_mean, own_std = (torch.tensor(cfg[name]).view(3, 1, 1) for name in ("mean", "std"))
        found.append(Member(network.eval(), std / own_std, (mean - own_mean) / own_std, not one["tuned"] or all_tuned))
    return found


class StageFeatures(nn.Module):
    """A network whose last layer gets the means of its last map and of those after some earlier stages."""

    def __init__(self, network: Any, stages: list[int], width: int, classes: int) -> None:
        super().__init__()
        self.network, self.stages = network, stages
        self.classifier = nn.Linear(width, classes)

    def forward(self, batch: Tensor) -> Tensor:
        """Return logits (B, C) of pictures (B, 3, size, size)."""
        last, found = self.network.forward_intermediates(batch, indices=self.stages)
        logits: Tensor = self.classifier(torch.cat([one.mean((2, 3)) for one in (last, *found)], 1))
        return logits

    def get_classifier(self) -> nn.Module:
        """Return the last layer, as networks of timm do."""
        return self.classifier


def run_network(network: Any, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits (B, C) and pooled features (B, D); (B, 0) where the network does not end in a linear layer."""
    last, inputs = network.get_classifier(), [torch.zeros(len(batch), 0)]
    if not isinstance(last, nn.Linear):
        return network(batch), inputs[0]
    hook = last.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
    logits = network(batch)
    hook.remove()
    return logits, inputs[-1]


def place_on_background(image: Image.Image) -> Image.Image:
    """Place a transparent picture on white or black, whichever differs more from what is visible."""
    pixels = np.asarray(image.convert("RGBA"), np.float64)  # (H, W, 4)
    opacity = pixels[..., 3]
    brightness = ((pixels[..., :3] @ (0.299, 0.587, 0.114)) * opacity).sum() / max(opacity.sum(), 1)
    background = Image.new("RGB", image.size, "black" if brightness > 127 else "white")
    background.paste(image.convert("RGBA"), mask=image.convert("RGBA"))
    return background


def build_page() -> Any:
    """Return the page, whose endpoint for programs is ``/predict``."""
    import gradio as gr

    model = Classifier()

    def predict(photo: str | None) -> tuple[str, dict[str, float], dict[str, Any]]:
        if photo is None:
            raise gr.Error("Choose a photo first.")
        try:
            found = model.answer([photo])[0]
        except Exception as error:  # decoders raise nearly anything
            raise gr.Error("This file cannot be opened as a photo; choose another one.") from error
        reason = "the photo is unlike all training photos" if found["unlike_training"] else "no class is likely enough"
        sentence = f"Not sure: {reason}." if found["unsure"] else found["label"]
        return sentence, dict(list(found["confidences"].items())[:SHOWN]), found

    return gr.Interface(
        predict,
        gr.Image(type="filepath", image_mode=None, label="Photo"),
        [gr.Textbox(label="Answer"), gr.Label(label="How sure"), gr.JSON(label="All numbers", visible=False)],
        title=model.title,
        flagging_mode="never",
        api_name="predict",
    )


if __name__ == "__main__":
    build_page().launch(run_history=False)
