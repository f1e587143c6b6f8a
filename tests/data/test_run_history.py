"""The trainings of a project: their photos, what changed since, on which they were evaluated."""

from __future__ import annotations

from dataclasses import replace

from classifier.data.assets import Split
from classifier.data.catalog import Catalog
from classifier.data.run_history import Changes, RunAsset
from tests.data.catalogs import photo
from tests.helpers import unanswered


def test_a_run_stores_its_photos_and_shows_what_changed_since(catalog: Catalog) -> None:
    run = catalog.runs.record("first", "quick", {"accuracy": 0.9}, unanswered(catalog.assets()))
    assert catalog.runs.changed_since(run) == Changes((), (), ())
    catalog.edits.relabel([1], "dog")
    catalog.edits.remove([2])
    catalog.add([photo("e")])
    assert catalog.runs.changed_since(run) == Changes(added=("e",), removed=("b",), relabeled=("a",))
    kept = catalog.runs.newest()[0]
    assert (kept.id, kept.name, kept.mode, kept.report) == (run, "first", "quick", {"accuracy": 0.9})
    assert RunAsset("a", "cat", "train") in catalog.runs.assets(run)


def test_two_runs_show_what_changed_between_them_and_their_seconds(catalog: Catalog) -> None:
    first = catalog.runs.record("first", "quick", {}, unanswered(catalog.assets(split="train")), 2.5)
    catalog.add([photo("e")])
    second = catalog.runs.record("second", "deep", {}, unanswered(catalog.assets(split="train")), 61.0)
    catalog.edits.remove([1])
    assert [kept.seconds for kept in catalog.runs.newest()] == [61.0, 2.5]
    assert catalog.runs.changed_since(first, second) == Changes(("e",), (), ())
    assert catalog.runs.changed_since(second, first) == Changes((), ("e",), ())
    assert catalog.runs.changed_since(first) == Changes(("e",), ("a",), ())  # not “d”, which is there for testing


def test_a_photo_in_several_classes_has_not_come_since_a_run(catalog: Catalog) -> None:
    run = catalog.runs.record("first", "quick", {}, unanswered(catalog.assets(split="train")))
    catalog.add([photo("e"), photo("e", "dog")])
    assert catalog.runs.changed_since(run) == Changes((), (), ())
    catalog.edits.remove([catalog.assets()[-1].id])
    catalog.add([photo("a", "dog")])
    assert catalog.runs.changed_since(run) == Changes(("e",), (), ("a",))


def test_changes_count_only_the_splits_of_the_run(catalog: Catalog) -> None:
    on_train = catalog.runs.record("train", "quick", {}, unanswered(catalog.assets(split="train")))
    on_test = catalog.runs.record("test", "quick", {}, unanswered(catalog.assets(split="test")))
    catalog.edits.set_split([1], "held_out")
    assert catalog.runs.changed_since(on_train) == Changes((), (), ())  # held out of the training photos, not removed
    assert catalog.runs.changed_since(on_test) == Changes((), (), ())


def test_several_runs_are_compared_with_the_photos_of_today(catalog: Catalog) -> None:
    splits: tuple[Split, ...] = ("train", "test")
    runs = [catalog.runs.record(one, "quick", {}, unanswered(catalog.assets(split=one))) for one in splits]
    catalog.edits.set_split([1], "held_out")
    catalog.edits.relabel([2], "dog")
    catalog.add([photo("e"), replace(photo("f"), split="test"), photo("g"), photo("g", "dog")])
    runs.append(catalog.runs.record("all", "quick", {}, unanswered(catalog.assets())))
    expected = [Changes(("e",), (), ("b",)), Changes(("f",), (), ()), Changes((), (), ())]
    assert catalog.runs.changed_since_each(runs) == [catalog.runs.changed_since(id) for id in runs] == expected
    assert catalog.runs.changed_since_each([]) == []


def test_changes_are_in_order() -> None:
    with Catalog(None) as catalog:
        names = [f"{number:03}" for number in range(60)]
        catalog.add([photo(name) for name in names[::-1]])
        run = catalog.runs.record("first", "quick", {}, unanswered(catalog.assets()))
        catalog.edits.relabel([asset.id for asset in catalog.assets() if asset.sha256 < "020"], "dog")
        catalog.edits.remove([asset.id for asset in catalog.assets() if asset.sha256 >= "040"])
        catalog.add([photo(f"new {name}") for name in names[::-1]])
        expected = Changes(tuple(f"new {name}" for name in names), tuple(names[40:]), tuple(names[:20]))
        assert catalog.runs.changed_since(run) == expected


def test_a_run_shows_which_photos_it_was_evaluated_on(catalog: Catalog) -> None:
    catalog.add([replace(photo("e", "parrot"), split="test")])
    on_test = catalog.runs.record(
        "one", "quick", {"judged_on": "test", "labels": ["cat", "dog"]}, unanswered(catalog.assets())
    )
    on_val = catalog.runs.record(
        "three",
        "quick",
        {"judged_on": "val", "labels": ["cat"]},
        [RunAsset("a", "cat", "val"), RunAsset("b", "cat", "train")],
    )
    assert [asset.sha256 for asset in catalog.runs.evaluated(on_val)] == ["a"]
    in_turn = catalog.runs.record("two", "quick", {"judged_on": "out_of_fold", "labels": ["cat", "dog"]},
                                 unanswered(catalog.assets(split="train")))  # fmt: skip
    assert [asset.sha256 for asset in catalog.runs.evaluated(on_test)] == ["d"]  # the model has no parrots
    assert {asset.sha256 for asset in catalog.runs.evaluated(in_turn)} == {"a", "b", "c"}


def test_held_out_photos_of_deep_training_are_its_evaluated_ones(catalog: Catalog) -> None:
    held_out = RunAsset("b", "cat", "held_out", "dog", 0.7, 0.75)
    data = {"judged_on": "out_of_fold", "labels": ["cat", "dog"]}
    run = catalog.runs.record("deep", "deep", data, [RunAsset("a", "cat", "train", "cat", 0.9, 0.1), held_out])
    assert catalog.runs.evaluated(run) == [held_out]
    catalog.edits.remove([3])  # “c”, which came later and went again
    assert catalog.runs.changed_since(run) == Changes((), (), ())
    catalog.edits.relabel([2], "dog")
    assert catalog.runs.changed_since(run).relabeled == ("b",)


def test_one_run_and_the_newest_ones_are_found_alone(catalog: Catalog) -> None:
    first, again, other = (catalog.runs.record(name, "quick", {}, []) for name in ("one", "one", "other"))
    assert [kept.id for kept in catalog.runs.newest(2)] == [other, again]
    found = [
        catalog.runs.find(),
        catalog.runs.find("one"),
        catalog.runs.find(id=first),
        catalog.runs.find("other", first),
        catalog.runs.find("x"),
    ]
    assert [kept and kept.id for kept in found] == [other, again, first, None, None]


def test_a_deleted_run_deletes_its_photos(catalog: Catalog) -> None:
    run = catalog.runs.record("first", "quick", {}, unanswered(catalog.assets()))
    second = catalog.runs.record("second", "deep", {}, unanswered(catalog.assets("cat")))
    assert [kept.name for kept in catalog.runs.newest()] == ["second", "first"]
    catalog.runs.delete("first")
    assert [kept.id for kept in catalog.runs.newest()] == [second]
    assert catalog.runs.assets(run) == []
