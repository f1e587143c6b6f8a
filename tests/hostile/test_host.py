"""What a host sees of the program: its log and its end, while visitors work."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import httpx
import pytest

from benchmarks.browser import Browser
from tests.helpers import draw_photo, encode

from .served import page

PHOTOS = {
    f"secret {label}/holiday {number}.jpg": encode(draw_photo(number))
    for label in ("person", "house")
    for number in range(4)
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_the_log_of_a_host_has_lines_of_json_and_names_nothing_of_a_visitor(tmp_path: Path) -> None:
    with page(tmp_path, CLASSIFIER_LOG="json", CLASSIFIER_METRICS="1") as served:
        browser = Browser(served.url)
        browser.load()
        browser.drop_photos({**PHOTOS, "secret person/holiday 9.jpg": b"no photo"})
        browser.open_tab("2 · Train")
        browser.press("train", "click")
        while not (served.home.folder(browser.token) / "models").is_dir():
            time.sleep(0.1)
        assert httpx.get(f"{served.url}/gradio_api/file=holiday", trust_env=False).status_code == 404
        metrics = httpx.get(f"{served.url}/metrics", trust_env=False).text
        assert served.end() == 0
        log = served.log
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"time", "level", "logger"} <= line.keys() for line in lines)
    said = [line["message"] for line in lines if line["level"] == "info"]
    assert (said[0], said[-1]) == ("The page is served.", "The program was asked to end.")
    assert "A training started." in said
    for name in ("secret", "person", "house", "holiday", browser.token, str(tmp_path)):
        assert name not in log + metrics
