"""The exported page in a real browser: one page for all tests, whose server is gone once it has loaded."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier import Predictor
from classifier.config import PixelRanges, Preprocessing, ResizeMode
from classifier.data.images import open_picture
from classifier.exporters.web import hashes_of
from classifier.models.transforms import eval_transform
from tests.browser.pages import SLOW, fits_screen, open_page
from tests.exporters.pages import LABELS, served, stop
from tests.helpers import draw_photo, encode
from tests.picture_files import png16

pytestmark = pytest.mark.browser

_CLASSIFY = """async (files) => {
  const { Classifier } = await import("./classifier.js");
  const classifier = new Classifier();
  await classifier.load(await (await fetch("model.json")).json());
  const answers = [];
  for (const file of files) {
    const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
    const { shares, chosen, reason } = await classifier.classifyFile(new Blob([bytes]), false);
    answers.push({ shares, chosen, reason });
  }
  return answers;
}"""
_SQUARES = """async (cases) => {
  const { onBackground, squareOf } = await import("./preprocess.js");
  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return cases.map(({ width, height, pixels, preprocessing, expected }) => {
    const all = bytesOf(pixels), wanted = bytesOf(expected);
    const rows = (top, count) => all.slice(4 * top * width, 4 * (top + count) * width);
    const square = squareOf(onBackground({ width, height, rows }), preprocessing);
    return square.length === wanted.length && square.every((value, place) => value === wanted[place]);
  });
}"""

_DEEP = """async (cases) => {
  const { decodeDeepPng } = await import("./deep_png.js");
  const { onBackground } = await import("./preprocess.js");
  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const results = [];
  for (const { file, range, expected } of cases) {
    const { width, height, data } = await decodeDeepPng(new Blob([bytesOf(file)]), range);
    const rows = (top, count) => data.slice(4 * top * width, 4 * (top + count) * width);
    const shown = onBackground({ width, height, rows }).rows(0, height), wanted = bytesOf(expected);
    results.push(wanted.every((value, place) => value === shown[place + Math.floor(place / 3)]));
  }
  return results;
}"""

# A condition that is a promise counts as met.
_WATCH_WHAT_IS_KEPT = """() => {
  setInterval(async () => {
    window.kept = (await (await fetch("model.json")).json()).samples[0].shares[0][1];
  }, 100);
}"""


@pytest.fixture(scope="module")
def problems() -> list[str]:
    return []


@pytest.fixture(scope="module")
def page(page_export: Path, browser: Any, problems: list[str]) -> Iterator[Any]:
    """The page on a phone's screen, loaded and then cut off from its server."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, permissions=["camera"], has_touch=True)
    page = open_page(context, problems)
    page.on("console", lambda entry: problems.append(entry.text) if entry.type == "error" else None)
    with served(page_export) as server:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("body[data-state=ready]", timeout=SLOW)
        asked = server.requests
        assert asked.count("/model.onnx") == asked.count("/runtime/ort.wasm") == 1
        stop(server)
        context.set_offline(True)
        page.reload()
        page.wait_for_selector("body[data-state=ready]", timeout=SLOW)
        yield page
    context.close()


def test_the_script_resizes_exactly_as_pillow_does(page: Any) -> None:
    cases = []
    rng = np.random.default_rng(0)
    sizes = ((97, 131), (224, 224), (300, 256), (30, 17), (20, 990), (500, 225))
    modes: tuple[ResizeMode, ...] = ("crop", "whole", "squash")
    preprocessings = [Preprocessing(size=64 + 7 * number).with_resize_mode(mode) for number, mode in enumerate(modes)]
    preprocessings += [Preprocessing(interpolation="bilinear"), Preprocessing(crop_mode="squash", crop_pct=0.95)]
    for number, (width, height) in enumerate(sizes):
        for bands in (3, 4):
            image = Image.fromarray(rng.integers(0, 256, (height, width, bands), dtype=np.uint8))
            preprocessing = preprocessings[(number + 2 * bands) % len(preprocessings)]
            prepared = eval_transform(preprocessing)(open_picture(encode(image, "PNG"))).permute(1, 2, 0)
            encoded = {"pixels": image.convert("RGBA").tobytes(), "expected": prepared.numpy().tobytes()}
            texts = {name: base64.b64encode(data).decode() for name, data in encoded.items()}
            cases.append({"width": width, "height": height, "preprocessing": preprocessing.to_timm(), **texts})
    assert page.evaluate(_SQUARES, cases) == [True] * len(cases)


def test_the_script_reads_photos_of_sixteen_bits_as_the_program_does(page: Any) -> None:
    color = np.asarray(draw_photo(3, (40, 30))).astype(np.uint16) << 4  # 12 bits in 16
    color += np.random.default_rng(0).integers(0, 16, color.shape, dtype=np.uint16)
    gray, opacity = color[..., 0], np.where(color[..., 1] > 1500, 65535, 9000).astype(np.uint16)
    bits, key = (b"sBIT", b"\x0c" * 3), (b"tRNS", color[0, 0].astype(">u2").tobytes())
    files = [
        (encode(Image.fromarray(gray), "PNG"), (0.0, 4095.0)),  # its rows are filtered
        (png16(gray, (b"sBIT", b"\x0c")), None),
        (png16(color, bits), None),
        (png16(color << 4, bits), None),
        (png16(np.dstack([gray, opacity])), (0.0, 4095.0)),
        (png16(np.dstack([color, opacity])), (100.0, 5000.0)),
        (png16(color, key), (0.0, 16383.0)),
    ]
    cases = []
    for file, known in files:
        expected = open_picture(file, pixel_ranges=PixelRanges(integer=known)).tobytes()
        texts = {name: base64.b64encode(data).decode() for name, data in (("file", file), ("expected", expected))}
        cases.append({**texts, "range": known})
    assert page.evaluate(_DEEP, cases) == [True] * len(cases)


def _held_out() -> list[bytes]:
    """Photos as people have them: turned by a note, transparent, gray, in other formats."""
    turned = Image.Exif()
    turned[274] = 6
    photos = [encode(draw_photo(seed, (300 - 20 * seed, 200)), quality=90) for seed in range(4)]
    photo = draw_photo(7, (200, 300))
    transparent = photo.convert("RGBA")
    transparent.putalpha(photo.convert("L").point(lambda value: 255 * (value > 90)))
    return [
        *photos,
        encode(photo, exif=turned),
        encode(transparent, "PNG"),
        encode(photo.convert("L"), "PNG"),
        encode(photo.convert("P"), "GIF"),
        encode(photo, "WEBP", quality=90),
        encode(photo.resize((1600, 2400))),
    ]


def test_without_a_network_it_answers_as_the_program_does(page: Any, page_export: Path, example_set: Path) -> None:
    files = [*_held_out(), *(path.read_bytes() for path in sorted(example_set.rglob("*.jpg"))[::6])]
    answers = page.evaluate(_CLASSIFY, [base64.b64encode(file).decode() for file in files])
    predictor = Predictor(page_export.parent / "renamed")
    for answer, prediction in zip(answers, predictor.predict(files, len(LABELS)), strict=True):
        expected = {one.label: one.confidence for one in prediction.top}
        assert max(abs(expected[label] - share) for label, share in zip(LABELS, answer["shares"])) < 0.02
        assert LABELS[answer["chosen"]] == prediction.answer.label
        assert (answer["reason"] is not None) == prediction.unsure


def test_photos_are_chosen_by_keyboard_and_names_stay_text(page: Any, example_set: Path, problems: list[str]) -> None:
    photo = (example_set / "mug" / "mug 01.jpg").read_bytes()
    page.locator("#files").focus()
    hostile = "<b onclick=alert(1)>a.jpg"
    buffers = [(hostile, "image/jpeg", photo), ("notes.jpg", "image/jpeg", b"no photo")]
    page.set_input_files("#files", [{"name": name, "mimeType": kind, "buffer": data} for name, kind, data in buffers])
    page.locator("#progress", has_text="2 photos answered.").wait_for(timeout=SLOW)
    page.get_by_text("This browser cannot read the file as a photo.").wait_for(timeout=SLOW)
    assert page.locator(".answer .name").last.text_content() == hostile
    assert page.locator(".answer .headline bdi").text_content() == LABELS[3]
    assert page.locator("main b, main img").count() == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "camera"
    assert fits_screen(page)
    assert problems == []


def test_the_camera_is_answered_live(page: Any, problems: list[str]) -> None:
    page.get_by_role("button", name="Use the camera").click()
    page.locator("#live-bars li").first.wait_for(timeout=SLOW)
    assert page.locator("#live-bars li bdi").count() == 3
    assert page.evaluate("document.activeElement.id") == "stop"
    assert fits_screen(page)
    page.keyboard.press("Enter")
    page.locator("#live").wait_for(state="hidden", timeout=SLOW)
    assert page.evaluate("document.getElementById('video').srcObject") is None
    assert problems == []


def test_a_new_version_opens_at_the_next_visit_and_checks_itself(
    page_export: Path, browser: Any, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(page_export, tmp_path / "page"))
    page = open_page(browser.new_context(), [])
    with served(folder) as server:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("body[data-state=ready]", timeout=SLOW)
        config = json.loads((folder / "model.json").read_text("utf-8"))
        for sample in config["samples"]:
            sample["shares"][0][1] -= 0.1  # another answer than that of the model
        share = config["samples"][0]["shares"][0][1]
        (folder / "model.json").write_text(json.dumps(config), "utf-8")
        (folder / "files.js").write_text(hashes_of(folder), "utf-8")
        page.reload()
        page.evaluate(_WATCH_WHAT_IS_KEPT)
        page.wait_for_function("(wanted) => window.kept === wanted", arg=share, timeout=SLOW)
        assert page.locator("body").get_attribute("data-state") == "ready"  # this visit goes on with what it has
        page.reload()
        page.wait_for_selector("body[data-state=differs]", timeout=SLOW)
    assert "only 0 of 3 pictures" in page.locator("#status").text_content()
    page.context.close()
