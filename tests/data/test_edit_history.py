"""Changes of a project's photos: each is undone exactly, the last one first."""

from __future__ import annotations

import pytest

from classifier.data.catalog import Catalog
from tests.data.catalogs import photo, state


def undone(catalog: Catalog) -> list[str]:
    """Undo all edits; return what each was, the last one first."""
    words = []
    while (edit := catalog.edits.undo()) is not None:
        words.append(str(edit.message))
    return words


@pytest.mark.slow
def test_thousands_of_photos_can_be_edited_at_once(catalog: Catalog) -> None:
    catalog.add(photo(f"x{number}") for number in range(40_000))
    catalog.edits.set_split((asset.id for asset in catalog.assets("cat")), "val")
    assert catalog.balance()["val"] == {"cat": 40_002}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda catalog: catalog.edits.relabel([1, 2], "dog"), "moving 2 photos to “dog”"),
        (lambda catalog: catalog.edits.rename("cat", "kitten"), "renaming “cat” to “kitten”"),
        (lambda catalog: catalog.edits.rename("cat", "dog"), "renaming “cat” to “dog”"),
        (lambda catalog: catalog.edits.remove([4]), "removing 1 photo"),
        (lambda catalog: catalog.edits.add([photo("x"), photo("y"), photo("a")]), "adding 2 photos to “cat”"),
        (lambda catalog: catalog.edits.add([photo("x"), photo("y", "ant")]), "adding 2 photos"),
        (lambda catalog: catalog.edits.confirm([1, 2]), "calling 2 photos right"),
    ],
)
def test_every_edit_can_be_undone_exactly(catalog: Catalog, edit: object, words: str) -> None:
    catalog.add([photo("a", "dog")])
    catalog.set_group({1: 3})
    before = state(catalog)
    edit(catalog)  # type: ignore[operator]
    assert state(catalog) != before
    assert str(catalog.edits.last()) == words
    assert undone(catalog) == [words]
    assert state(catalog) == before
    assert catalog.edits.last() is None


def test_a_confirmed_photo_is_removed_from_its_other_classes(catalog: Catalog) -> None:
    catalog.add([photo("a", "dog"), photo("a", "wolf")])
    catalog.edits.confirm([1])
    assert [(asset.sha256, asset.label) for asset in catalog.assets() if asset.confirmed] == [("a", "cat")]
    assert catalog.conflicts() == []
    catalog.edits.rename("cat", "kitten")
    assert [asset.sha256 for asset in catalog.assets() if asset.confirmed] == ["a"]  # it is still confirmed


def test_moving_a_photo_confirms_it_and_renaming_its_class_does_not(catalog: Catalog) -> None:
    catalog.edits.relabel([1], "dog")
    catalog.edits.rename("cat", "kitten")
    assert [asset.sha256 for asset in catalog.assets() if asset.confirmed] == ["a"]
    catalog.edits.undo()
    catalog.edits.undo()
    assert not any(asset.confirmed for asset in catalog.assets())


def test_edits_are_undone_last_first(catalog: Catalog) -> None:
    before = state(catalog)
    catalog.edits.relabel([1], "dog")
    catalog.edits.rename("dog", "wolf")
    catalog.edits.remove([2])
    catalog.edits.add([photo("e", "wolf")])
    catalog.edits.relabel([asset.id for asset in catalog.assets("wolf")], "fox")
    assert undone(catalog) == [
        "moving 4 photos to “fox”", "adding 1 photo to “wolf”", "removing 1 photo", "renaming “dog” to “wolf”",
        "moving 1 photo to “dog”",
    ]  # fmt: skip
    assert state(catalog) == before


def test_merging_classes_does_not_double_a_photo_that_was_in_both(catalog: Catalog) -> None:
    catalog.add([photo("a", "dog")])
    catalog.edits.rename("cat", "dog")
    assert sorted(asset.sha256 for asset in catalog.assets()) == ["a", "b", "c", "d"]
    assert catalog.labels() == ["dog"]


def test_the_last_fifty_edits_can_be_undone(catalog: Catalog) -> None:
    for number in range(60):
        catalog.edits.rename(catalog.labels()[0], f"a{number}")
    words = undone(catalog)
    assert len(words) == 50
    assert (words[0], words[-1]) == ("renaming “a58” to “a59”", "renaming “a9” to “a10”")


def test_several_edits_are_undone_as_one(catalog: Catalog) -> None:
    catalog.edits.remove([4])
    before = state(catalog)
    with catalog.edits.as_one_edit():
        catalog.edits.add([photo("e"), photo("f", "dog")])
        catalog.edits.relabel([1, 5], "dog")
        catalog.edits.confirm([1])
    assert undone(catalog)[0] == "adding 2 photos"
    assert catalog.edits.last() is None
    catalog.edits.remove([4])
    with catalog.edits.as_one_edit():
        catalog.edits.rename("cat", "dog")
    assert undone(catalog) == ["renaming “cat” to “dog”", "removing 1 photo"]
    assert state(catalog)[:3] == before[:3]


def test_an_edit_that_changes_nothing_leaves_nothing_to_undo(catalog: Catalog) -> None:
    catalog.edits.relabel([1], "cat")
    catalog.edits.rename("cat", "cat")
    catalog.edits.remove([])
    assert catalog.edits.undo() is None


def test_a_photo_added_again_after_its_removal_survives_the_undo(catalog: Catalog) -> None:
    catalog.edits.remove([1])
    catalog.add([photo("a")])
    catalog.edits.undo()
    assert sorted(asset.sha256 for asset in catalog.assets()) == ["a", "b", "c", "d"]


def test_a_discarded_photo_does_not_come_back(catalog: Catalog) -> None:
    catalog.discard([1])
    assert catalog.edits.undo() is None
    assert len(catalog.assets()) == 3


def test_photos_that_are_retracted_leave_no_edit_behind(catalog: Catalog) -> None:
    before = state(catalog)
    catalog.edits.relabel([before[2].id], "cat")
    catalog.edits.relabel([before[0].id, before[3].id], "wolf")
    catalog.edits.add([], replacing=[before[0].id, before[1].id])
    assert [asset.sha256 for asset in state(catalog)] == ["c", "d"]
    assert undone(catalog) == ["moving 1 photo to “cat”"]
    assert [asset.sha256 for asset in state(catalog)] == ["c", "d"]
