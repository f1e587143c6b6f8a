"""How benchmarks divide sets of photos."""

from __future__ import annotations

from pathlib import Path

from benchmarks.divisions import divide, find_sets


def write_set(folder: Path, parts: tuple[str, ...] = (".",)) -> Path:
    """Write ten empty files for each of two classes in every part of a set."""
    for part in parts:
        for label in ("cat", "dog"):
            (folder / part / label).mkdir(parents=True)
            for number in range(10):
                (folder / part / label / f"{number}.png").touch()
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}


def test_a_set_that_comes_divided_is_used_as_it_is(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "pets", ("train", "val"))

    assert find_sets(tmp_path) == [folder]
    assert divide(folder, 0, tmp_path / "new") == (folder / "train", folder / "val")


def test_new_divisions_hold_every_photo_once(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "pets", ("train", "test"))

    train, test = divide(folder, 1, tmp_path / "new")

    assert len(names(train)) == 28
    assert len(names(test)) == 12
    assert names(test) != names(divide(folder, 2, tmp_path / "other")[1])


def test_known_groups_stay_whole_in_a_new_division(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "pets")
    rows = [f"{label}/{number}.png,{label} {number // 4}" for label in ("cat", "dog") for number in range(10)]
    (tmp_path / "pets.groups.csv").write_text("\n".join(["file,group", *rows]))

    for number in range(4):
        train, test = divide(folder, number, tmp_path / f"new {number}")
        groups = [{row.split(",")[1] for row in rows if row.split(",")[0] in names(part)} for part in (train, test)]
        assert groups[0] | groups[1] == {row.split(",")[1] for row in rows}
        assert not groups[0] & groups[1]
