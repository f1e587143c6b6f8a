from __future__ import annotations

from pathlib import Path

from PIL import Image

from classifier.data.example import draw_example


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.glob("*/*"))}


def test_every_class_gets_as_many_photos_as_asked_for(tmp_path: Path) -> None:
    draw_example(tmp_path, per_class=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["apple", "key", "leaf", "mug"]
    assert all(len(list(folder.glob("*.jpg"))) == 3 for folder in tmp_path.iterdir())
    sizes = {Image.open(path).size for path in tmp_path.glob("*/*")}
    assert sizes <= {(320, 240), (240, 320)}


def test_equal_seeds_draw_equal_photos_and_others_other_ones(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        draw_example(tmp_path / name, per_class=2, seed=seed)
    one, again, other = (contents(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert len({*one.values(), *other.values()}) == 16  # no two photos are the same
