"""Answers of an exported page in Chromium beside those of ``Predictor``, on labeled photos that were set apart.

    python benchmarks/web_page.py MODEL PHOTOS [MODEL PHOTOS …]

Prints for each model: the size of the page, zipped too, how many photos got the same class and the same “not sure”, the
largest and the mean difference of a probability, the photos that differ, and the seconds that an answer takes beside
those that ``Predictor`` takes. Needs Chromium, playwright and the extra “export”.
"""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from playwright.sync_api import sync_playwright

from classifier import Predictor, export
from classifier.data.images import EXTENSIONS
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.exporters.pages import served, stop

_AT_ONCE = 20  # photos that are sent to the browser at a time
_WAIT = 300_000  # milliseconds
_ENDINGS = {*EXTENSIONS.values(), ".jpeg"}
_START = """async () => {
  const { Classifier } = await import("./classifier.js");
  window.classifier = new Classifier();
  await classifier.load(await (await fetch("model.json")).json());
}"""
_CLASSIFY = """async (files) => {
  const answers = [];
  for (const file of files) {
    const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
    const start = performance.now();
    const { shares, chosen, reason } = await classifier.classifyFile(new Blob([bytes]), false);
    answers.push({ shares, chosen, reason, seconds: (performance.now() - start) / 1000 });
  }
  return answers;
}"""


def ask_browser(page_folder: Path, photos: Sequence[Path]) -> tuple[list[dict[str, Any]], float]:
    """Return the page's answers without a network, and the seconds that it takes to open and check itself."""
    with served(page_folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.set_default_timeout(_WAIT)
        start = time.perf_counter()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("body[data-state]")
        seconds = time.perf_counter() - start
        assert page.get_attribute("body", "data-state") == "ready", page.inner_text("#status")
        stop(server)
        page.context.set_offline(True)
        page.evaluate(_START)
        answers: list[dict[str, Any]] = []
        for first in range(0, len(photos), _AT_ONCE):
            files = [base64.b64encode(path.read_bytes()).decode() for path in photos[first : first + _AT_ONCE]]
            answers += page.evaluate(_CLASSIFY, files)
        browser.close()
    return answers, seconds


def compare(model: Path, photos: list[Path]) -> None:
    """Export a model as a page, ask it and the model itself, and print a row."""
    with tempfile.TemporaryDirectory() as scratch:
        sizes = {}
        for out in (Path(scratch, "page"), Path(scratch, "page.zip")):
            *_, exported = export(model, "web", out)
            sizes[out.name] = exported.size / 1e6
        answers, opening = ask_browser(Path(scratch, "page"), photos)
    predictor = Predictor(model)
    start = time.perf_counter()
    predictions = predictor.predict(photos, len(predictor.labels))
    own_seconds = (time.perf_counter() - start) / len(photos)
    expected = [{one.label: one.confidence for one in prediction.top} for prediction in predictions]
    probs = np.array([[row[label] for label in predictor.labels] for row in expected])  # (N, C)
    found = np.array([answer["shares"] for answer in answers])
    differences = np.abs(probs - found).max(1)
    top, unsure = probs.argmax(1) == found.argmax(1), []
    for path, answer, prediction, difference in zip(photos, answers, predictions, differences):
        same = predictor.labels[answer["chosen"]] == prediction.answer.label
        unsure.append((answer["reason"] is not None) == prediction.unsure)
        if not same or not unsure[-1]:
            print(f"  differs: {path.name}, by {difference:.4f}", flush=True)
    print(
        f"{model.name}: {len(photos)} photos, same top class {top.mean():.2%}, same “not sure” {np.mean(unsure):.2%}, "
        f"difference at most {differences.max():.1e}, {differences.mean():.1e} on the mean; "
        f"{sizes['page']:.1f} MB, {sizes['page.zip']:.1f} zipped; opens in {opening:.1f} s; "
        f"{np.median([answer['seconds'] for answer in answers]):.3f} s an answer, Predictor {own_seconds:.3f}",
        flush=True,
    )


def main() -> None:
    """Compare the models of the command line."""
    for model, data in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        compare(Path(model), sorted(path for path in Path(data).rglob("*") if path.suffix.lower() in _ENDINGS))


if __name__ == "__main__":
    main()
