"""Left-out files and conflicts as HTML."""

from __future__ import annotations

from classifier.data.catalog import Asset
from classifier.data.intake import LeftOut
from classifier.messages import message
from classifier.messages.data import LeftOutCode, PhotoCode, SeveralCode
from classifier.ui.photos import grid
from tests.helpers import NASTY, SHA


def test_left_out_files_are_grouped_by_code_and_all_named() -> None:
    sizes = [LeftOut(f"{n}.jpg", message(PhotoCode.FILE_TOO_BIG, size=n * 10**9, limit=10**8)) for n in (1, 2, 3)]
    shown = grid.left_out([*sizes, LeftOut(NASTY, message(PhotoCode.TEXT))])
    assert shown.count("<summary>") == 3  # the whole, and two reasons
    assert "<b>3</b> The file is too big: … megabytes, and at most 100 are read" in shown
    assert "<li>1.jpg<small>The file is too big: 1,000 megabytes" in shown
    assert "<b>1</b> This is a text, not a picture." in shown
    assert "<script" not in shown
    assert grid.left_out([]) == ""


def test_equal_reasons_stand_once_and_the_largest_group_is_first() -> None:
    text = [LeftOut("a.txt", message(PhotoCode.TEXT))]
    junk = [LeftOut(f"{n}", message(LeftOutCode.JUNK)) for n in range(2)]
    shown = grid.left_out([*text, *junk])
    assert shown.count(str(LeftOutCode.JUNK)) == 1
    assert shown.index(str(LeftOutCode.JUNK)) < shown.index(str(PhotoCode.TEXT))


def test_a_file_of_which_one_picture_is_used_is_not_called_left_out() -> None:
    several = LeftOut("scan.tif", message(SeveralCode.LARGEST, others=2, total=3))
    shown = grid.left_out([several])
    assert "<b>1 file is used in part</b>" in shown
    assert "the largest is used" in shown
    assert "left out" not in shown
    assert "<b>1 file was left out</b>" in grid.left_out([several, LeftOut("a.txt", message(PhotoCode.TEXT))])


def test_names_in_a_reason_are_escaped() -> None:
    files = [LeftOut(name, message(PhotoCode.CANNOT_OPEN, why=NASTY)) for name in ("a", "b")]
    assert "<script" not in grid.left_out(files)


def test_a_photo_in_two_classes_is_shown_with_both() -> None:
    photos = [Asset(1, "p", SHA, label, "train", None, "in/a.jpg", 1, 1, 1, "") for label in ("cat", "<b>dog</b>")]
    shown = grid.conflicts([photos])
    assert "a.jpg: <b>cat</b>, <b>&lt;b&gt;dog&lt;/b&gt;</b>" in shown
    assert grid.conflicts([]) == ""


def test_a_photo_in_many_classes_names_three_of_them() -> None:
    photos = [Asset(1, "p", SHA, label, "train", None, "in/a.jpg", 1, 1, 1, "") for label in "abcdefghi"]
    assert "a.jpg: <b>a</b>, <b>b</b>, <b>c</b> and 6 more</li>" in grid.conflicts([photos])
