"""Do exports answer as the model does? Each is opened by its own tool, in a fresh process, on photos set apart.

    python benchmarks/exports.py SETS      (SETS/<set>/train/<class>/… and SETS/<set>/test/<class>/…)

For each set and mode a model is trained on the training photos, exported in each format, and asked for all test photos.
Printed are, for each format, on how many photos the likeliest class and “not sure” are those of ``Predictor``, and the
largest difference of a probability. With ``--keep FOLDER`` models and rows stay there, and what is there is not made
again.

A reader gets the export and the photos, and returns for each photo the probabilities by class and whether the answer is
“not sure” (None where its tool cannot tell). Readers import nothing of this program, but for ``zip``, which is for it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SETS = ("flowers", "weather", "trash")
_DEEP = ("--mode", "deep", "--minutes", "1")
# Deep training keeps the quick model where it is no better; a network from scratch is always one that was trained.
MODES: dict[str, Sequence[str]] = {"quick": (), "deep": _DEEP, "scratch": (*_DEEP, "--backbone", "small_cnn")}
_BATCH = 16

Row = tuple[dict[str, float], bool | None]  # probabilities by class, “not sure”
Reader = Callable[[Path, Sequence[Path]], Iterator[Row]]


# -- readers


def _prepare(how: dict[str, Any], path: Path) -> Any:
    """Return the pixels (3, size, size) of a photo, with nothing but Pillow and numpy, by timm's description."""
    import numpy as np
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    size = how["input_size"][-1]
    side = int(size / how["crop_pct"])
    if how["crop_mode"] == "squash":
        shape = side, side
    else:
        width, height = picture.size
        shape = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    picture = picture.resize(shape, Image.Resampling[how["interpolation"].upper()])
    left, top = round((picture.width - size) / 2), round((picture.height - size) / 2)
    return np.asarray(picture.crop((left, top, left + size, top + size))).transpose(2, 0, 1)


def _by_description(
    about: dict[str, Any], run: Callable[[Any], tuple[Any, Any]], photos: Sequence[Path]
) -> Iterator[Row]:
    """Yield the answers of a graph, as its description says."""
    import numpy as np

    for start in range(0, len(photos), _BATCH):
        pixels = np.stack([_prepare(about["preprocessing"], path) for path in photos[start : start + _BATCH]])
        for probs, known in zip(*run(pixels), strict=True):
            relative = float((probs / np.array(about["thresholds"])).max())
            yield dict(zip(about["labels"], map(float, probs), strict=True)), not bool(known) or relative < 1


def read_zip(path: Path, photos: Sequence[Path]) -> Iterator[Row]:
    """This program, on the unzipped folder."""
    sys.path.insert(0, str(ROOT))
    from classifier import Predictor

    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(path).extractall(folder)
        predictor = Predictor(Path(folder, "model"), "cpu")
        for prediction in predictor.predict(list(photos), top_k=len(predictor.labels)):
            yield {one.label: one.confidence for one in prediction.top}, prediction.unsure


def read_timm(path: Path, photos: Sequence[Path]) -> Iterator[Row]:
    """timm on the unzipped folder, with its own transform; it knows no “not sure”."""
    import timm
    import torch
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(path).extractall(folder)
        model = timm.create_model(f"local-dir:{folder}/model", pretrained=True).eval()
        transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
        for photo in photos:
            with torch.inference_mode():
                probs = model(transform(Image.open(photo).convert("RGB"))[None]).softmax(1)[0].tolist()
            yield dict(zip(model.pretrained_cfg["label_names"], probs, strict=True)), None


def read_onnx(path: Path, photos: Sequence[Path]) -> Iterator[Row]:
    """ONNX Runtime, Pillow and numpy."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    about = json.loads(session.get_modelmeta().custom_metadata_map["photo-classifier"])
    return _by_description(about, lambda pixels: session.run(None, {"pixels": pixels}), photos)


def read_pt2(path: Path, photos: Sequence[Path]) -> Iterator[Row]:
    """torch.export, Pillow and numpy."""
    import torch

    extra = {"photo-classifier.json": ""}
    network = torch.export.load(str(path), extra_files=extra).module()

    def run(pixels: Any) -> tuple[Any, Any]:
        with torch.inference_mode():
            probs, known = network(torch.from_numpy(pixels))
        return probs.numpy(), known.numpy()

    return _by_description(json.loads(extra["photo-classifier.json"]), run, photos)


def read_transformers(path: Path, photos: Sequence[Path]) -> Iterator[Row]:
    """transformers on the folder of a Hub repository; it knows no “not sure”."""
    from transformers import pipeline

    classify = pipeline("image-classification", model=str(path), device="cpu", top_k=None, function_to_apply="softmax")
    for photo in photos:
        yield {one["label"]: one["score"] for one in classify(str(photo))}, None


def read_web(path: Path, photos: Sequence[Path]) -> Iterator[Row]:
    """Chromium, with its network cut once the page has loaded."""
    from web_page import ask_browser

    labels = json.loads((path / "model.json").read_text("utf-8"))["labels"]
    for answer in ask_browser(path, photos)[0]:
        yield dict(zip(labels, answer["shares"], strict=True)), answer["reason"] is not None


def read_space(path: Path, photos: Sequence[Path]) -> Iterator[Row]:
    """The code of the exported app, in its folder."""
    sys.path.insert(0, str(path))
    from app import Classifier

    model = Classifier()
    for start in range(0, len(photos), _BATCH):
        for answer in model.answer([str(photo) for photo in photos[start : start + _BATCH]]):
            yield answer["confidences"], answer["unsure"]


# The name of a row, the format that it reads, and how.
READERS: dict[str, tuple[str, Reader]] = {
    "zip": ("zip", read_zip),
    "zip in timm": ("zip", read_timm),
    "onnx": ("onnx", read_onnx),
    "pt2": ("pt2", read_pt2),
    "hub in transformers": ("hub", read_transformers),
    "space's own app": ("space", read_space),
    "web in Chromium": ("web", read_web),
}


# -- the table


def _classifier(*arguments: object) -> Any:
    command = [sys.executable, "-m", "classifier", *map(str, arguments), "--json"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])


def _ask(name: str, export: Path, photos: Sequence[Path]) -> list[Row]:
    """Return the answers of a reader that runs in a process of its own."""
    command = [sys.executable, __file__, "--read", name, str(export)]
    asked = "\n".join(map(str, photos))
    printed = subprocess.run(command, input=asked, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [(dict(probs), unsure) for probs, unsure in json.loads(printed.splitlines()[-1])]


def compare(expected: Sequence[Row], found: Sequence[Row]) -> dict[str, Any]:
    """Return on how many photos two agree, and the largest difference of a probability."""
    pairs = list(zip(expected, found, strict=True))
    known = [(one, other) for (_, one), (_, other) in pairs if other is not None]
    return {
        "photos": len(pairs),
        "same_top1": sum(max(one, key=one.get) == max(other, key=other.get) for (one, _), (other, _) in pairs),  # type: ignore[arg-type]
        "same_unsure": sum(one == other for one, other in known) if known else None,
        "largest_difference": max(abs(one[label] - other[label]) for (one, _), (other, _) in pairs for label in one),
    }


def measure(folder: Path, mode: str, keep: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a row for each reader of a set and mode."""
    model = keep / f"{folder.name}-{mode}"
    if not (model / "config.json").exists():
        _classifier("train", folder / "train", "--out", model, *MODES[mode])
    photos = sorted(path for path in (folder / "test").rglob("*") if path.is_file())
    answers = _classifier("predict", model, folder / "test", "--top-k", 100)
    by_file = {Path(one["file"]).resolve(): one for one in answers if one["top"]}
    photos = [photo for photo in photos if photo.resolve() in by_file]
    rows = [by_file[photo.resolve()] for photo in photos]
    expected = [({one["label"]: one["confidence"] for one in row["top"]}, row["unsure"]) for row in rows]
    for name in names:
        format, _ = READERS[name]
        export = keep / f"{model.name}.{format}"
        if not export.exists():
            _classifier("export", model, "--to", format, "--out", export, "--photos", folder / "test")
        found = compare(expected, _ask(name, export, photos))
        yield {"set": folder.name, "mode": mode, "reader": name, **found}


def _show(row: dict[str, Any]) -> str:
    unsure = "-" if row["same_unsure"] is None else row["same_unsure"]
    return (
        f"{row['set']:10} {row['mode']:7} {row['reader']:19} {row['photos']:5} photos   same top-1 {row['same_top1']:5}"
        f"   same unsure {unsure:>5}   largest difference {row['largest_difference']:.1e}"
    )


def main() -> None:
    """Print the table, or be the process of one reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, help="folder of the sets, or the export to read")
    parser.add_argument("--names", nargs="+", default=SETS, help="sets")
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES)
    parser.add_argument("--readers", nargs="+", default=list(READERS), choices=READERS)
    parser.add_argument("--keep", type=Path, help="folder that models, exports and rows are kept in")
    parser.add_argument("--read", choices=READERS, help="read an export: photos from standard input, answers as JSON")
    args = parser.parse_args()
    if args.read:
        print(
            json.dumps(list(READERS[args.read][1](args.sets, [Path(line) for line in sys.stdin.read().splitlines()])))
        )
        return
    with tempfile.TemporaryDirectory() as scratch:
        keep = args.keep or Path(scratch)
        keep.mkdir(parents=True, exist_ok=True)
        kept = keep / "rows.jsonl"
        rows = [json.loads(line) for line in kept.read_text("utf-8").splitlines()] if kept.exists() else []
        for name in args.names:
            for mode in args.modes:
                done = {row["reader"]: row for row in rows if (row["set"], row["mode"]) == (name, mode)}
                for row in (done[reader] for reader in args.readers if reader in done):
                    print(_show(row), flush=True)
                readers = [reader for reader in args.readers if reader not in done]
                for row in measure(args.sets / name, mode, keep, readers) if readers else ():
                    print(_show(row), flush=True)
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
