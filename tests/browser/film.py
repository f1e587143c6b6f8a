"""What the camera of the tests' browser sees: a red wall and then a blue one, before each a white pole that moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from tests.browser.pages import SLOW

SIZE = 160, 120
_WALL_FRAMES = 150  # 5 seconds of each wall, of which a test needs one
_COLORS = {"red": (200, 60, 60), "blue": (60, 60, 200)}
# Which wall the picture of a video element shows: the color of its lower right corner, where the pole never is.
_SHOWN = """(color) => {
    const view = document.querySelector("#photos-camera video"), canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext("2d");
    pen.drawImage(view, view.videoWidth - 8, view.videoHeight - 8, 8, 8, 0, 0, 1, 1);
    const [red, , blue] = pen.getImageData(0, 0, 1, 1).data;
    window.wasOther ||= color === "red" ? blue > 150 : red > 150;  // from its beginning, so that it lasts
    return window.wasOther && (color === "red" ? red > 150 : blue > 150);
}"""


def shoot_film(path: Path) -> Path:
    """Write the film as JPEG pictures one after another, which Chromium plays again and again."""
    with path.open("wb") as film:
        for color in _COLORS.values():
            for number in range(_WALL_FRAMES):
                picture = Image.new("RGB", SIZE, color)
                left, top = 5 + number % 30, 5 + number // 6
                ImageDraw.Draw(picture).rectangle((left, top, left + 20, top + 70), fill="white")
                picture.save(film, "JPEG")
    return path


def wait_for_wall(page: Any, color: str) -> None:
    """Wait until the camera of the Photos tab begins to see a wall."""
    page.evaluate("window.wasOther = false")
    page.wait_for_function(_SHOWN, arg=color, timeout=SLOW)
