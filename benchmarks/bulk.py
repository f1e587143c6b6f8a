"""Memory and speed of answers for many photos, by the command line and by the page's own code.

``python benchmarks/bulk.py [PHOTOS] [FEW]`` draws photos of several sizes and formats, some of them broken, trains a
model on others, and answers for PHOTOS (default 5,000) and for FEW (default 200), each in a process of its own. It
prints the peak memory of that process and of the largest of its workers, and photos per second; then the ratio of the
peaks, which is to stay below 1.2.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SIZES = ((320, 240), (640, 480), (480, 640), (800, 600))
FORMATS = (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("JPEG", "JPG"))
FASTEST: dict[str, Any] = {"JPEG": {}, "PNG": {"compress_level": 1}, "WEBP": {"method": 0}}  # to write
EVERY_BROKEN = 97  # photos, of which one is cut off


def draw(folder: Path, count: int) -> None:
    """Write drawn photos, no two alike."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(count):
        coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize(SIZES[number % len(SIZES)], Image.Resampling.BICUBIC)
        kind, ending = FORMATS[number // 7 % len(FORMATS)]
        path = folder / f"{number:05}.{ending}"
        picture.save(path, kind, **FASTEST[kind])
        if number % EVERY_BROKEN == EVERY_BROKEN - 1:
            path.write_bytes(path.read_bytes()[:200])


def answer_on_command_line(model: Path, photos: Path, out: Path) -> int:
    """Answer as ``python -m classifier predict`` does; return the number of rows."""
    from classifier.cli.main import main

    assert main(["predict", str(model), str(photos), "--csv", str(out / "answers.csv")]) == 0
    return len((out / "answers.csv").read_text("utf-8-sig").splitlines()) - 1


def answer_on_page(model: Path, photos: Path, out: Path) -> int:
    """Answer as the Try it tab does for photos that were dropped, and draw the table; return the number of rows."""
    os.environ["GRADIO_TEMP_DIR"] = str(out / "home" / "uploads")
    import gradio as gr

    from classifier import device
    from classifier.ui.predict import bulk, bulk_jobs, trying
    from classifier.ui.predict.answers import PredictState
    from classifier.ui.predict.bulk_table import Shown
    from classifier.ui.sessions import Home, ensure_token

    device.limit_arenas()  # as the server does at its start
    home, token = Home(out / "home", model.parent), ensure_token(None)
    rows = []
    for number, photo in enumerate(sorted(photos.iterdir())):
        folder = home.root / "uploads" / f"{number:064x}"
        folder.mkdir(parents=True)
        shutil.copyfile(photo, folder / "upload")
        rows.append({"path": str(folder / "upload"), "name": photo.name})
    event = gr.EventData(None, {"files": rows, "label": ""})
    trying.accept(home, token, model.name, 3, PredictState(), event)
    job = bulk_jobs.get_job(home, token)
    assert job is not None
    assert job.wait(10_000)
    assert job.state.error is None
    assert bulk.show(home, token, model.name, Shown()).version
    *_, link = bulk.save_zip(home, token, None)  # type: ignore[arg-type]
    assert "download/" in link
    with bulk_jobs.need_table(home, token) as table:
        return table.count()


WAYS = {"command line": answer_on_command_line, "page": answer_on_page}


def measure(way: str, model: Path, photos: Path) -> dict[str, float]:
    """Answer in this process and return its figures."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        rows = WAYS[way](model, photos, Path(out))
    seconds = time.monotonic() - started
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"rows": rows, "seconds": seconds, "peak": peaks[0], "worker": peaks[1]}


def run(way: str, model: Path, photos: Path) -> dict[str, float]:
    """``measure`` in a process of its own, and print the row."""
    command = [sys.executable, __file__, "--measure", way, str(model), str(photos)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{way:13} {found['rows']:6.0f} photos  peak {found['peak']:6.0f} MB  worker {found['worker']:4.0f} MB  "
        f"{found['rows'] / found['seconds']:5.1f} photos/s",
        flush=True,
    )
    return found


def main() -> None:
    """Print a row for each way and number of photos, and the ratio of the peaks."""
    from classifier import Project, TrainConfig, train
    from classifier.data.example import draw_example

    many, few = (int(number) for number in (*sys.argv[1:], *("5000", "200")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw_example(folder / "photos", per_class=8)
        with Project.over(folder / "photos") as project:
            list(train(project, TrainConfig(), folder / "models" / "model"))
        for count in (few, many):
            draw(folder / str(count), count)
        for way in WAYS:
            small, large = (run(way, folder / "models" / "model", folder / str(count)) for count in (few, many))
            print(
                f"{way:13} peak with {many:,} over peak with {few:,}: {large['peak'] / small['peak']:.3f}", flush=True
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))))
    else:
        main()
