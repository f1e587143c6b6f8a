"""A small synthetic set of photo-like pictures, to try the program without photos of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..files import storage_error
from .labels import folder_name

Color = tuple[int, int, int]
Pen = ImageDraw.ImageDraw
Rng = np.random.Generator
PER_CLASS = 24  # photos
_SIDE = 320  # pixels


def draw_example(folder: Path, per_class: int = PER_CLASS, seed: int = 0) -> None:
    """Draw ``per_class`` JPEGs of each of four classes into ``folder``/<class>.

    Equal seeds give equal files. The classes differ in shape; color, background, light, size, place and sharpness
    vary at random within all of them. Raises ``StorageError`` if a file cannot be written.
    """
    rng = np.random.default_rng(seed)
    try:
        for label, draw in _DRAW.items():
            place = folder / folder_name(label)
            place.mkdir(parents=True, exist_ok=True)
            for number in range(1, per_class + 1):
                _draw_photo(draw, rng).save(place / f"{label} {number:02}.jpg", quality=88)
    except OSError as error:
        raise storage_error(error, folder) from error


def draw_unseen(seed: int = 1_000) -> list[tuple[str, Image.Image]]:
    """Draw one photo of each class that is in no example set, with its class, and one of a thing of no class, with “”.

    Equal seeds give equal photos.
    """
    rng = np.random.default_rng(seed)
    known = [(label, _draw_photo(draw, rng)) for label, draw in _DRAW.items()]
    return [*known, ("", _draw_photo(_draw_duck, rng))]


def _draw_photo(draw: Callable[[Pen, Rng], None], rng: Rng) -> Image.Image:
    """Draw one object with a shadow at a random place on a table, rotated by up to 35 degrees."""
    width, height = (_SIDE, int(_SIDE * 0.75)) if rng.random() < 0.7 else (int(_SIDE * 0.75), _SIDE)
    canvas = _draw_table(width, height, rng)
    layer = Image.new("RGBA", (_SIDE, _SIDE))
    draw(ImageDraw.Draw(layer), rng)
    size = int(min(width, height) * rng.uniform(0.6, 0.95))
    item = layer.rotate(rng.uniform(-35, 35), Image.Resampling.BICUBIC).resize((size, size), Image.Resampling.LANCZOS)
    corner = int(rng.uniform(0, width - size)), int(rng.uniform(0, height - size))
    shadow = Image.new("RGBA", item.size, (20, 15, 10, 0))
    shadow.putalpha(item.getchannel("A").point(lambda alpha: alpha * 2 // 5).filter(ImageFilter.GaussianBlur(6)))
    canvas.paste(shadow, (corner[0] + 8, corner[1] + 10), shadow)
    canvas.paste(item, corner, item)
    return _apply_camera(canvas, rng)


def _draw_table(width: int, height: int, rng: Rng) -> Image.Image:
    """Draw a table with grain, in light that falls off in a random direction."""
    base = np.array([(186, 148, 110), (205, 205, 200), (120, 130, 140), (226, 214, 190), (92, 74, 60)][rng.integers(5)])
    down, across = np.mgrid[0:height, 0:width]
    angle = rng.uniform(0, 2 * math.pi)
    light = (across * math.cos(angle) / width + down * math.sin(angle) / height) * rng.uniform(20, 60)
    grain = np.sin(down / rng.uniform(3, 9) + np.sin(across / 40) * 2) * rng.uniform(0, 8)
    pixels = base + (light + grain)[..., None] + rng.normal(0, 3, (height, width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _apply_camera(image: Image.Image, rng: Rng) -> Image.Image:
    """Vary focus, white balance and exposure, and add noise."""
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.4)))
    tint = rng.normal(1, 0.05, 3) * rng.uniform(0.8, 1.15)
    pixels = np.asarray(image) * tint + rng.normal(0, 4, (image.height, image.width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _vary_color(color: Color, rng: Rng) -> Color:
    red, green, blue = (int(value) for value in (np.array(color) + rng.normal(0, 14, 3)).clip(0, 255))
    return red, green, blue


def _draw_apple(pen: Pen, rng: Rng) -> None:
    skin = _vary_color([(190, 40, 40), (120, 160, 50), (210, 150, 60)][rng.integers(3)], rng)
    pen.ellipse((60, 80, 200, 270), fill=skin)
    pen.ellipse((120, 80, 260, 270), fill=skin)
    pen.ellipse((90, 110, 130, 160), fill=_lighten(skin))
    pen.line((160, 95, 175, 45), fill=(80, 55, 30), width=9)
    pen.ellipse((172, 45, 235, 78), fill=_vary_color((70, 130, 50), rng))


def _draw_leaf(pen: Pen, rng: Rng) -> None:
    green = _vary_color(_LEAF_COLORS[rng.integers(len(_LEAF_COLORS))], rng)
    dark = (green[0] * 2 // 3, green[1] * 2 // 3, green[2] * 2 // 3)
    (_draw_simple_leaf, _draw_lobed_leaf, _draw_pinnate_leaf)[rng.integers(3)](pen, rng, green, dark)


_LEAF_COLORS = ((70, 130, 50), (150, 140, 40), (170, 80, 40), (40, 85, 45), (200, 175, 60), (120, 45, 35))


def _draw_simple_leaf(pen: Pen, rng: Rng, green: Color, dark: Color) -> None:
    """Draw a leaf in one piece, like a willow's or a beech's: smooth or toothed, widest above or below the middle."""
    wide, belly, teeth = rng.uniform(22, 110), rng.uniform(0.6, 1.7), rng.uniform(0, 0.2)
    top = rng.uniform(20, 70)
    down = [top + (300 - top) * step / 20 for step in range(21)]
    side = [
        (math.sin((step / 20) ** belly * math.pi) * wide * (1 + teeth * (step % 2)), y) for step, y in enumerate(down)
    ]
    pen.polygon([(160 + x, y) for x, y in side] + [(160 - x, y) for x, y in reversed(side)], fill=green)
    pen.line((160, top, 160, 318), fill=dark, width=5)
    rise = rng.uniform(5, 40)
    for step in range(4, 18, int(rng.integers(2, 5))):
        x, y = side[step]
        pen.line((160, y + rise, 160 + x * 0.8, y), fill=dark, width=3)
        pen.line((160, y + rise, 160 - x * 0.8, y), fill=dark, width=3)


def _draw_lobed_leaf(pen: Pen, rng: Rng, green: Color, dark: Color) -> None:
    """Draw a lobed leaf, like an ivy's or a maple's; nearly round where the lobes are shallow."""
    count, depth, tip = int(rng.integers(3, 8)), rng.uniform(0, 0.55), rng.uniform(0.5, 2.5)
    points = []
    for step in range(96):
        turn = step / 96  # of a full turn, from the stalk
        between = abs(math.sin((turn * count) * math.pi)) ** tip
        reach = 125 * (1 - depth + depth * between) * (0.75 + 0.25 * math.sin(turn * math.pi))
        angle = math.pi / 2 + turn * 2 * math.pi
        points.append((160 + reach * math.cos(angle), 150 + reach * math.sin(angle)))
    pen.polygon(points, fill=green)
    pen.line((160, 150, 160, 312), fill=dark, width=7)
    for lobe in range(count):
        angle = math.pi / 2 + (lobe + 0.5) / count * 2 * math.pi
        pen.line((160, 150, 160 + 90 * math.cos(angle), 150 + 90 * math.sin(angle)), fill=dark, width=3)


def _draw_pinnate_leaf(pen: Pen, rng: Rng, green: Color, dark: Color) -> None:
    """Draw a pinnate leaf, like an ash's: pairs of leaflets along a stalk, and one at its end."""
    pairs, long, wide = int(rng.integers(2, 7)), rng.uniform(70, 125), rng.uniform(0.12, 0.3)
    lean, top = rng.uniform(-0.2, 0.9), long + 10
    pen.line((160, top, 160, 315), fill=dark, width=6)
    leaflets = [(160.0, top, -math.pi / 2)]
    for pair in range(pairs):
        y = top + 25 + (260 - top) * pair / pairs
        leaflets += [(160, y, -lean), (160, y, math.pi + lean)]
    for x, y, angle in leaflets:
        ahead, aside = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
        outline = []
        for step in range(17):
            along = long * 0.5 * (1 - math.cos(step / 16 * 2 * math.pi))
            off = long * wide * math.sin(step / 16 * 2 * math.pi)
            outline.append((x + ahead[0] * along + aside[0] * off, y + ahead[1] * along + aside[1] * off))
        pen.polygon(outline, fill=green)


def _draw_mug(pen: Pen, rng: Rng) -> None:
    glaze = _vary_color([(70, 110, 170), (230, 225, 215), (200, 90, 70), (60, 60, 66)][rng.integers(4)], rng)
    pen.ellipse((190, 110, 290, 230), outline=glaze, width=22)
    pen.rectangle((70, 80, 220, 270), fill=glaze)
    pen.ellipse((70, 245, 220, 295), fill=glaze)
    pen.ellipse((70, 55, 220, 105), fill=_lighten(glaze))
    pen.ellipse((82, 62, 208, 100), fill=_vary_color((70, 42, 25), rng))
    if rng.random() < 0.5:
        pen.rectangle((70, 150, 220, 185), fill=_lighten(glaze))


def _draw_key(pen: Pen, rng: Rng) -> None:
    metal = _vary_color([(200, 170, 90), (170, 172, 178), (130, 95, 60)][rng.integers(3)], rng)
    pen.ellipse((40, 105, 150, 215), outline=metal, width=26)
    pen.rectangle((145, 148, 290, 172), fill=metal)
    for left in (215, 245, 272):
        pen.rectangle((left, 170, left + 16, 170 + int(rng.uniform(18, 46))), fill=metal)


def _draw_duck(pen: Pen, rng: Rng) -> None:
    yellow = _vary_color((240, 205, 40), rng)
    pen.ellipse((50, 150, 270, 290), fill=yellow)
    pen.polygon(((60, 210), (25, 130), (120, 180)), fill=yellow)
    pen.ellipse((165, 66, 275, 176), fill=yellow)
    pen.polygon(((265, 111), (311, 126), (265, 144)), fill=_vary_color((225, 110, 30), rng))
    pen.ellipse((223, 98, 241, 116), fill=(20, 20, 20))
    pen.ellipse((100, 190, 200, 250), fill=_lighten(yellow))


def _lighten(color: Color) -> Color:
    red, green, blue = (min(255, value + 45) for value in color)
    return red, green, blue


_DRAW: dict[str, Callable[[Pen, Rng], None]] = {
    "apple": _draw_apple, "key": _draw_key, "leaf": _draw_leaf, "mug": _draw_mug,
}  # fmt: skip
EXAMPLE_LABELS = tuple(_DRAW)
