"""Changes to written exports that a verification has to find."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from classifier.exporters.graph import KEY

CHANGES = ("weight", "mean", "labels", "resize", "threshold")


def _swap(labels: list[str]) -> None:
    labels[0], labels[1] = labels[1], labels[0]


def _change_weight(content: bytes) -> bytes:
    tensors = load(content)
    tensors["classifier.weight"][0, 0] += 5
    return save(tensors)


def change_zip(path: Path, what: str) -> None:
    """Change one thing in the files of a zipped model folder."""
    with zipfile.ZipFile(path) as archive:
        files = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    config, report = json.loads(files["config.json"]), json.loads(files["report.json"])
    if what == "weight":
        files["model.safetensors"] = _change_weight(files["model.safetensors"])
    elif what == "mean":
        config["pretrained_cfg"]["mean"][0] += 0.1
    elif what == "labels":
        _swap(config["label_names"])
    elif what == "resize":
        is_squashed = config["pretrained_cfg"]["crop_mode"] == "squash"
        config["pretrained_cfg"]["crop_mode"] = "center" if is_squashed else "squash"
    else:
        report["threshold"] = 0.99
    files |= {"config.json": json.dumps(config).encode(), "report.json": json.dumps(report).encode()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"model/{name}", content)


def _change_description(text: str, what: str) -> str:
    data = json.loads(text)
    if what == "labels":
        _swap(data["labels"])
    elif what == "resize":
        entries = data["preprocessing"]
        entries["crop_mode"] = "center" if entries["crop_mode"] == "squash" else "squash"
    elif what == "threshold":
        data["thresholds"][0] = 0.99
    return json.dumps(data)


def change_space(folder: Path, what: str) -> None:
    """Change one thing in the files of a Gradio app."""
    weights, about = folder / "model" / "model.safetensors", folder / "model.json"
    if what == "weight":
        weights.write_bytes(_change_weight(weights.read_bytes()))
    data = json.loads(_change_description(about.read_text("utf-8"), what))
    if what == "mean":
        data["preprocessing"]["mean"][0] += 0.1
    about.write_text(json.dumps(data), "utf-8")


def change_onnx(path: Path, what: str) -> None:
    """Change one thing in the graph or in the metadata of an ONNX file."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    for entry in model.metadata_props:
        if entry.key == KEY:
            entry.value = _change_description(entry.value, what)
    constants = {one.name: one for one in model.graph.initializer}
    if what == "weight":
        name = next(name for name in constants if name.endswith("linear.weight"))
        _add(constants[name], (0, 0), 5.0, numpy_helper)
    elif what == "mean":
        _add(constants["mean"], (0, 0, 0, 0), 0.1, numpy_helper)
    path.write_bytes(model.SerializeToString())


def _add(constant: Any, place: tuple[int, ...], value: float, numpy_helper: Any) -> None:
    changed = numpy_helper.to_array(constant).copy()
    changed[place] += value
    constant.CopyFrom(numpy_helper.from_array(changed, constant.name))


def change_pt2(path: Path, what: str) -> None:
    """Change one thing in the program or in the files beside it of a torch.export archive."""
    if what in ("weight", "mean"):
        extra = {f"{KEY}.json": ""}
        with path.open("rb") as file:
            program = torch.export.load(file, extra_files=extra)
        name = next(name for name in program.state_dict if name.endswith("linear.weight"))
        value = program.state_dict[name if what == "weight" else "mean"]
        value[0, 0] += 5 if what == "weight" else 0.1
        with path.open("wb") as file:
            torch.export.save(program, file, extra_files={f"{KEY}.json": extra[f"{KEY}.json"]})
        return
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in files if name.endswith(f"/{KEY}.json"))
    files[name] = _change_description(files[name].decode(), what).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
