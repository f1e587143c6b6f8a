"""A small photo-like set drawn on the spot, to try everything without photos of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
_SIDE = 320  # pixels


def draw_example(folder: Path, per_class: int = 24, seed: int = 0) -> None:
    """Write ``per_class`` JPEGs of each of four kinds of things into ``folder``/<class>; the same for the same seed."""
    rng = np.random.default_rng(seed)
    for label, draw in _KINDS.items():
        target = folder / label
        target.mkdir(parents=True, exist_ok=True)
        for number in range(1, per_class + 1):
            _photo(draw, rng).save(target / f"{label} {number:02}.jpg", quality=88)


def _photo(draw: Callable[[ImageDraw.ImageDraw, np.random.Generator], None], rng: np.random.Generator) -> Image.Image:
    """A thing somewhere on a table by a window: soft light, a shadow, a slight turn, grain, sometimes blur."""
    width, height = (_SIDE, int(_SIDE * 0.75)) if rng.random() < 0.7 else (int(_SIDE * 0.75), _SIDE)
    scene = _table(width, height, rng)
    layer = Image.new("RGBA", (_SIDE, _SIDE))
    draw(ImageDraw.Draw(layer), rng)
    size = int(min(width, height) * rng.uniform(0.6, 0.95))
    thing = layer.rotate(rng.uniform(-35, 35), Image.Resampling.BICUBIC).resize((size, size), Image.Resampling.LANCZOS)
    spot = int(rng.uniform(0, width - size)), int(rng.uniform(0, height - size))
    shadow = Image.new("RGBA", thing.size, (20, 15, 10, 0))
    shadow.putalpha(thing.getchannel("A").point(lambda alpha: alpha * 2 // 5).filter(ImageFilter.GaussianBlur(6)))
    scene.paste(shadow, (spot[0] + 8, spot[1] + 10), shadow)
    scene.paste(thing, spot, thing)
    return _camera(scene, rng)


def _table(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    base = np.array([(186, 148, 110), (205, 205, 200), (120, 130, 140), (226, 214, 190), (92, 74, 60)][rng.integers(5)])
    down, across = np.mgrid[0:height, 0:width]
    angle = rng.uniform(0, 2 * math.pi)
    light = (across * math.cos(angle) / width + down * math.sin(angle) / height) * rng.uniform(20, 60)
    grain = np.sin(down / rng.uniform(3, 9) + np.sin(across / 40) * 2) * rng.uniform(0, 8)
    pixels = base + (light + grain)[..., None] + rng.normal(0, 3, (height, width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _camera(scene: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.3:
        scene = scene.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.4)))
    tint = rng.normal(1, 0.05, 3) * rng.uniform(0.8, 1.15)
    pixels = np.asarray(scene) * tint + rng.normal(0, 4, (scene.height, scene.width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _vary(colour: Colour, rng: np.random.Generator) -> Colour:
    red, green, blue = (int(value) for value in (np.array(colour) + rng.normal(0, 14, 3)).clip(0, 255))
    return red, green, blue


def _apple(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    skin = _vary([(190, 40, 40), (120, 160, 50), (210, 150, 60)][rng.integers(3)], rng)
    pen.ellipse((60, 80, 200, 270), fill=skin)
    pen.ellipse((120, 80, 260, 270), fill=skin)
    pen.ellipse((90, 110, 130, 160), fill=_lighter(skin))
    pen.line((160, 95, 175, 45), fill=(80, 55, 30), width=9)
    pen.ellipse((172, 45, 235, 78), fill=_vary((70, 130, 50), rng))


def _leaf(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    green = _vary(_LEAF_COLOURS[rng.integers(len(_LEAF_COLOURS))], rng)
    dark = (green[0] * 2 // 3, green[1] * 2 // 3, green[2] * 2 // 3)
    (_blade, _lobes, _feather)[rng.integers(3)](pen, rng, green, dark)


_LEAF_COLOURS = ((70, 130, 50), (150, 140, 40), (170, 80, 40), (40, 85, 45), (200, 175, 60), (120, 45, 35))


def _blade(pen: ImageDraw.ImageDraw, rng: np.random.Generator, green: Colour, dark: Colour) -> None:
    """From a willow's to a beech's, smooth or with teeth, widest below or above the middle."""
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


def _lobes(pen: ImageDraw.ImageDraw, rng: np.random.Generator, green: Colour, dark: Colour) -> None:
    """An ivy's or a maple's, round as a nasturtium's where the lobes are shallow."""
    count, depth, tip = int(rng.integers(3, 8)), rng.uniform(0, 0.55), rng.uniform(0.5, 2.5)
    points = []
    for step in range(96):
        turn = step / 96  # of the way round from the stalk
        between = abs(math.sin((turn * count) * math.pi)) ** tip
        reach = 125 * (1 - depth + depth * between) * (0.75 + 0.25 * math.sin(turn * math.pi))
        angle = math.pi / 2 + turn * 2 * math.pi
        points.append((160 + reach * math.cos(angle), 150 + reach * math.sin(angle)))
    pen.polygon(points, fill=green)
    pen.line((160, 150, 160, 312), fill=dark, width=7)
    for lobe in range(count):
        angle = math.pi / 2 + (lobe + 0.5) / count * 2 * math.pi
        pen.line((160, 150, 160 + 90 * math.cos(angle), 150 + 90 * math.sin(angle)), fill=dark, width=3)


def _feather(pen: ImageDraw.ImageDraw, rng: np.random.Generator, green: Colour, dark: Colour) -> None:
    """An ash's or a rowan's: leaflets in pairs along a stalk, and one at its end."""
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


def _mug(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    glaze = _vary([(70, 110, 170), (230, 225, 215), (200, 90, 70), (60, 60, 66)][rng.integers(4)], rng)
    pen.ellipse((190, 110, 290, 230), outline=glaze, width=22)
    pen.rectangle((70, 80, 220, 270), fill=glaze)
    pen.ellipse((70, 245, 220, 295), fill=glaze)
    pen.ellipse((70, 55, 220, 105), fill=_lighter(glaze))
    pen.ellipse((82, 62, 208, 100), fill=_vary((70, 42, 25), rng))
    if rng.random() < 0.5:
        pen.rectangle((70, 150, 220, 185), fill=_lighter(glaze))


def _key(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    metal = _vary([(200, 170, 90), (170, 172, 178), (130, 95, 60)][rng.integers(3)], rng)
    pen.ellipse((40, 105, 150, 215), outline=metal, width=26)
    pen.rectangle((145, 148, 290, 172), fill=metal)
    for left in (215, 245, 272):
        pen.rectangle((left, 170, left + 16, 170 + int(rng.uniform(18, 46))), fill=metal)


def _lighter(colour: Colour) -> Colour:
    red, green, blue = (min(255, value + 45) for value in colour)
    return red, green, blue


_KINDS: dict[str, Callable[[ImageDraw.ImageDraw, np.random.Generator], None]] = {
    "apple": _apple, "key": _key, "leaf": _leaf, "mug": _mug,
}  # fmt: skip
