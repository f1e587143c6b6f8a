"""Left-out files and conflicts as HTML."""

from __future__ import annotations

from classifier.data.assets import Asset
from classifier.data.catalog import Catalog
from classifier.data.intake import LeftOut
from classifier.messages import message
from classifier.messages.data import LeftOutCode, PhotoCode, SeveralCode
from classifier.ui.photos import grid
from tests.helpers import NASTY, SHA


def test_left_out_files_are_grouped_by_code_and_all_named() -> None:
    sizes = [LeftOut(f"{n}.jpg", message(PhotoCode.FILE_TOO_BIG, size=n * 10**9, limit=10**8)) for n in (1, 2, 3)]
    shown = grid.left_out([(3, sizes), (1, [LeftOut(NASTY, message(PhotoCode.TEXT))])])
    assert shown.count("<summary>") == 3  # the whole, and two reasons
    assert "<b>3</b> The file is too big: … megabytes, and at most 100 are read" in shown
    assert "<li>1.jpg<small>The file is too big: 1,000 megabytes" in shown
    assert "<b>1</b> This is a text, not a picture." in shown
    assert "<script" not in shown
    assert grid.left_out([]) == ""


def test_equal_reasons_stand_once_and_the_largest_group_is_first() -> None:
    with Catalog(None) as catalog:
        catalog.note_left_out([LeftOut("a.txt", message(PhotoCode.TEXT))])
        catalog.note_left_out(LeftOut(f"{n}", message(LeftOutCode.JUNK)) for n in range(2))
        shown = grid.left_out(catalog.left_out_by_code(grid.NAMED))
    assert shown.count(str(LeftOutCode.JUNK)) == 1
    assert shown.index(str(LeftOutCode.JUNK)) < shown.index(str(PhotoCode.TEXT))


def test_of_thousands_of_files_and_conflicts_some_are_named() -> None:
    with Catalog(None) as catalog:
        catalog.note_left_out(LeftOut(f"{n}.txt", message(PhotoCode.TEXT)) for n in range(3000))
        catalog.add(
            Asset(0, "p", f"{n}", label, "train", None, f"in/{n}.jpg", 1, 1, 1, "")
            for n in range(3000)
            for label in ("cat", "dog")
        )
        left_out = grid.left_out(catalog.left_out_by_code(grid.NAMED))
        conflicts = grid.conflicts(catalog.conflicts(grid.NAMED), catalog.count_conflicts())
        assert len(catalog.left_out()) == len(catalog.conflicts()) == 3000
    for shown in (left_out, conflicts):
        assert shown.count("<li>") == grid.NAMED + 1
        assert "<li>and 2,800 more</li>" in shown
        assert "3,000" in shown


def test_a_file_of_which_one_picture_is_used_is_not_called_left_out() -> None:
    several = LeftOut("scan.tif", message(SeveralCode.LARGEST, others=2, total=3))
    text = LeftOut("a.txt", message(PhotoCode.TEXT))
    shown = grid.left_out([(1, [several])])
    assert "<b>1 file is used in part</b>" in shown
    assert "the largest is used" in shown
    assert "left out" not in shown
    assert "<b>1 file was left out</b>" in grid.left_out([(1, [several]), (1, [text])])


def test_names_in_a_reason_are_escaped() -> None:
    files = [LeftOut(name, message(PhotoCode.CANNOT_OPEN, why=NASTY)) for name in ("a", "b")]
    assert "<script" not in grid.left_out([(2, files)])


def test_a_photo_in_two_classes_is_shown_with_both() -> None:
    photos = [Asset(1, "p", SHA, label, "train", None, "in/a.jpg", 1, 1, 1, "") for label in ("cat", "<b>dog</b>")]
    shown = grid.conflicts([photos], 1)
    assert "a.jpg: <b>cat</b>, <b>&lt;b&gt;dog&lt;/b&gt;</b>" in shown
    assert grid.conflicts([], 0) == ""


def test_a_photo_in_many_classes_names_three_of_them() -> None:
    photos = [Asset(1, "p", SHA, label, "train", None, "in/a.jpg", 1, 1, 1, "") for label in "abcdefghi"]
    assert "a.jpg: <b>a</b>, <b>b</b>, <b>c</b> and 6 more</li>" in grid.conflicts([photos], 1)
