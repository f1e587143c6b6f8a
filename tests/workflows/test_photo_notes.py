"""What is said of a project's photos as a whole."""

from __future__ import annotations

from classifier import Project
from classifier.messages.data import DifferenceCode, UploadNoteCode
from classifier.workflows.photo_notes import similar_classes
from tests.helpers import MakeFolder


def test_classes_that_are_written_alike_are_named_with_their_difference(make_folder: MakeFolder) -> None:
    folder = make_folder({"honey bee": 2, "honeybee": 3, "ant": 2, "сор": 2, "cop": 2})
    with Project.over(folder) as project:
        first, second = similar_classes(project)
    assert {first.code, second.code} == {UploadNoteCode.SIMILAR_CLASSES}
    assert dict(second.arguments)["difference"] is DifferenceCode.BLANKS
    assert str(first).startswith(
        "“cop” (2) and “сор” (2) are kept as different classes, though their names differ only"
    )
    assert "letters or signs that look alike" in str(first)


def test_classes_with_different_names_give_no_note(make_folder: MakeFolder) -> None:
    with Project.over(make_folder({"ant": 2, "bee": 2})) as project:
        assert similar_classes(project) == ()
