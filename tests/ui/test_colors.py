"""The color of a class: another one for each, and the same one whatever becomes of other classes."""

from __future__ import annotations

from pathlib import Path

from classifier import Project
from classifier.ui.colors import COLORS, class_colors, model_colors, rename
from tests.helpers import MakeFolder


def test_a_class_keeps_its_color_when_others_come_go_and_are_renamed(make_folder: MakeFolder, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add(make_folder({"cat": 1, "dog": 1}, name="first"))
        first = class_colors(project)
        project.add(make_folder({"ant": 1, "bee": 1}, name="second"))
        second = class_colors(project)
        assert len({second[label] for label in project.classes()}) == 4
        assert first.items() <= second.items()
        project.remove_class("cat")
        project.rename_class("dog", "hound")
        rename(project, "dog", "hound")
        assert class_colors(project)["hound"] == first["dog"]
        assert class_colors(project)["bee"] == second["bee"]


def test_a_model_has_the_colors_of_the_project_and_others_for_further_classes(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add(make_folder({"cat": 1, "dog": 1}))
        colors = model_colors(project, ["ant", "cat", "dog"])
        assert class_colors(project).items() <= colors.items()
        assert len({colors[label] for label in ("ant", "cat", "dog")}) == 3
    many = model_colors(None, [str(number) for number in range(40)])
    assert {list(many.values()).count(color) for color in range(COLORS)} == {5}


def test_colors_that_a_stranger_stored_are_not_believed(make_folder: MakeFolder, tmp_path: Path) -> None:
    with Project.open(tmp_path / "project") as project:
        project.add(make_folder({"cat": 1, "dog": 1}))
        for stored in ("no json", "[1]", '{"cat": "red", "dog": 99, "ant": true}'):
            project.catalog.choose("colors", stored)
            assert set(class_colors(project).values()) == {0, 1}
