"""What is said of a reading: one line, evidence, question, notes, JSON; and groups that lie in several splits."""

from __future__ import annotations

import pickle

from classifier.data.layout import Decision, Layout, Reading, choose, read_layout
from classifier.messages.layout import NoteCode, NotTakenCode, QuestionCode

from .made_up import AB, HASHES, IDS, TWO, csv, folders, many, pairs

ROBOFLOW = [f"{s}/p{n}_jpg.rf.{h * 4}.jpg" for s, ns in (("train", range(9)), ("valid", range(7, 12))) for n in ns
            for h in (HASHES[n], HASHES[n + 20])]  # fmt: skip
CLASSES = {
    f"{s}/_classes.csv": csv(("filename", "cat", "dog"), [(f.split("/")[1], n // 2 % 2, 1 - n // 2 % 2) for n, f in
                                                         enumerate(ROBOFLOW) if f.startswith(s)])
    for s in ("train", "valid")
}  # fmt: skip


def read(names: list[str], **texts: str) -> Layout:
    return read_layout(names, {key.replace("__", "."): text for key, text in texts.items()})


def first(names: list[str], **texts: str) -> Reading:
    return read(names, **texts).readings[0]


def notes(reading: Reading) -> dict[str, str]:
    return {note.code.name: str(note) for note in reading.notes}


def test_one_line_says_classes_splits_and_what_is_left_out() -> None:
    names = [*folders(AB, "train/"), *folders({"cat": 4}, "val/"), *folders({"dog": 3}, "test/"), "plots/a.png"]
    assert first(names).in_words() == (
        "2 classes from folders; 22 photos to train on, 4 to validate, 3 to test; left out: plots/ (1 picture)"
    )


def test_one_line_names_the_table_and_what_is_kept_apart() -> None:
    names = [*(f"train/{i}.jpg" for i in IDS), *many("test/{}.png", 9)]
    reading = first(names, train__csv=csv(("id", "label"), pairs("")))
    assert reading.in_words() == "2 classes from train.csv, column “label”; 24 photos, 9 without a label, kept apart"
    assert reading.evidence() == "24 of 24 pictures are named in column id, with a label"
    assert reading.example() == "The column “label” of train.csv holds cat (12), dog (12): are these the classes?"


def test_one_line_counts_groups_and_pictures_among_others() -> None:
    patients = [("a", p) for p in range(4)] + [("b", p) for p in range(4, 8)]
    reading = first([f"{k}/patient{p}/{i}{m}.png" for k, p in patients for i in range(3) for m in ("", "_mask")])
    assert "8 groups of photos that belong together" in reading.in_words()
    assert "left out: 24 pictures among these" in reading.in_words()


def test_a_question_names_words_with_numbers() -> None:
    layout = read([*many("cat.{}.jpg", 10), *many("dog.{}.jpg", 10)])
    assert layout.readings[0].example() == "The names begin with cat (10), dog (10): are these the classes?"
    assert layout.question() == "The labels would come from file names alone."
    assert str(layout.error()) == (
        "It is not certain what the photos show: the labels would come from file names alone. Choose: --labels "
        "names:first for cat (10), dog (10) (2 classes from the beginning of the file names; 20 photos)."
    )


def test_many_classes_are_cut_short() -> None:
    layout = read([f"{'abcdefghi'[n]}x_{i}.jpg" for n in range(9) for i in range(3)])
    assert layout.readings[0].example().endswith("fx (3), 3 others: are these the classes?")


def test_an_option_with_a_blank_is_shown_in_quotes() -> None:
    table = csv(("file", "Finding Label", "other thing"), [(f, k, "xyz"[n % 3]) for n, (f, k) in enumerate(pairs())])
    layout = choose([f"{name}.jpg" for name in IDS], {"my data.csv": table}, None)
    assert layout.readings[0].option == "my data.csv:Finding Label"
    names = [f"{k}/{n}.jpg" for k in TWO for n in range(1, 13)]
    table = csv(("file", "Finding Label"), [(f, "xy"[n % 2]) for n, f in enumerate(names)])
    assert '--labels "my data.csv:Finding Label"' in str(read_layout(names, {"my data.csv": table}).error())


def test_json_holds_the_keys_of_the_design() -> None:
    names = [*folders(AB, "train/"), *folders({"cat": 4}, "val/"), *many("test/{}.jpg", 3), "plots/a.png"]
    layout = read(names)
    assert layout.to_json(layout.readings[0]) == {
        "layout": {
            "labels": {"from": "folders", "option": "folders:1"},
            "classes": {"cat": 16, "dog": 10},
            "splits": {"train": 22, "val": 4},
            "groups": {"from": "none", "count": 0},
            "left_out": {"unlabeled_split": 3, "beside_splits": 1},
            "evidence": "22 of 22 pictures lie in a folder of a class",
            "others": [],
        }
    }


def test_json_of_a_refusal_has_numbers_places_and_reasons() -> None:
    data = read([*many("train/{}.jpg", 20), *many("test/{}.jpg", 9)]).to_json(None)
    assert (data["readings"], data["photos"], data["places"]) == ([], 29, ["20 in train/", "9 in test/"])
    assert [reason["code"] for reason in data["not_taken"]] == ["only_splits", "no_table", "number_names"]


def test_groups_in_two_given_splits_are_counted_and_said() -> None:
    reading = read_layout(ROBOFLOW, CLASSES).readings[0]
    assert reading.groups_from == "roboflow"
    assert notes(reading) == {
        "DIVIDED_GROUPS": "2 of 12 groups of photos that belong together lie in more than one of the given parts for "
        "training and testing: the score on them may be too good."
    }
    assert notes(choose(ROBOFLOW, CLASSES, "_classes.csv", "none").readings[0]) == {}


def test_the_table_for_training_gives_its_name_to_joined_tables() -> None:
    reading = read_layout(ROBOFLOW, dict(reversed(CLASSES.items()))).readings[0]
    assert reading.in_words().startswith("2 classes from train/_classes.csv; 18 photos to train on, 10 to validate")


def test_photos_of_several_labels_are_counted_over_all_splits() -> None:
    names = [f"{s}/{name}.jpg" for s in ("train", "test") for name in IDS]
    table = csv(("file", "a", "b"), [(f"{name}.jpg", n % 3 != 1, n % 3 != 0) for n, name in enumerate(IDS)])
    layout = read_layout(names, {f"{s}/_classes.csv": table for s in ("train", "test")})
    assert "16 of 48 pictures have several and 0 none" in layout.question()


def test_copies_with_different_labels_are_not_one_photo() -> None:
    names = [f"{k}/p{n}_jpg.rf.{h * 4}.jpg" for k in ("a", "b") for n in range(5) for h in (HASHES[n], HASHES[n + 9])]
    assert len(set(first(names).groups.values())) == 10


def test_spellings_between_splits_are_matched_and_said_once() -> None:
    reading = first([*folders({"Bees": 9, "Ants": 9}, "train/"), *folders({"bees": 3, "ANTS ": 3}, "val/")])
    assert reading.class_counts() == {"Bees": 12, "Ants": 12}
    assert notes(reading) == {
        "SPELLINGS": "Names that differ only in spelling between the parts are one class: “ANTS ” is “Ants”, “bees” is "
        "“Bees”."
    }


def test_spellings_within_a_split_stay_apart() -> None:
    reading = first([*folders({"Bees": 9, "bees": 9}, "train/"), *folders({"BEES": 3}, "val/")])
    assert reading.class_counts() == {"Bees": 9, "bees": 9, "BEES": 3}


def test_folders_below_classes_are_said_and_the_other_level_is_offered() -> None:
    layout = read([f"{k}/{k}-{v}/{i}.jpg" for k in TWO for v in ("in", "out") for i in range(4)])
    assert "The photos of 4 folders below" in notes(layout.readings[0])["PUT_TOGETHER"]
    assert [reading.option for reading in layout.readings] == ["folders:1", "folders:2"]


def test_a_file_that_names_classes_or_splits_is_said() -> None:
    names = [f"{name}.jpg" for name in IDS]
    table = csv(("file", "label", "split"), [(f, n % 2, ("train", "test")[n % 3 == 0]) for n, f in enumerate(names)])
    reading = first(names, labels__csv=table, classes__txt="rust\nscab\n")
    assert notes(reading) == {
        "NAMED": "The names of the classes are from classes.txt.",
        "SPLITS": "The parts for training and testing are from labels.csv.",
    }


def test_a_lone_test_folder_is_read_and_said() -> None:
    layout = read(folders(AB, "test/"))
    assert layout.lone_folder == "test"
    assert layout.readings[0].split_counts() == {"train": 22}
    assert "LONE_SPLIT" in notes(layout.readings[0])


def test_a_lone_test_folder_of_known_classes_is_to_test_with() -> None:
    for known in (["cat", "dog"], ["Cat", "DOG", "bird"]):
        layout = read_layout(folders(AB, "test/"), {}, known=known)
        assert layout.readings[0].split_counts() == {"test": 22}
    assert read_layout(folders(AB, "test/"), {}, known=["cat"]).readings[0].split_counts() == {"train": 22}


def test_reasons_of_photos_are_those_of_their_place() -> None:
    names = [
        *folders(AB, "train/"),
        *folders(AB, "val/"),
        *many("train/{}.jpg", 2),
        "a/1.png",
        "masks/1.png",
        "test/x.jpg",
    ]
    reasons = first(names).not_taken
    assert reasons["train/1.jpg"] is NotTakenCode.OUTSIDE_CLASSES
    assert reasons["a/1.png"] is NotTakenCode.BESIDE_SPLITS
    assert reasons["masks/1.png"] is NotTakenCode.MASK
    assert reasons["test/x.jpg"] is NotTakenCode.UNLABELED_SPLIT


def test_questions_of_several_readings_are_said_with_their_numbers() -> None:
    names = [f"images_{1 + n // 12:03}/{name}.jpg" for n, name in enumerate(IDS)]
    table = csv(("file", "label"), [(f"{name}.jpg", ("a", "b", "a|b")[n % 3]) for n, name in enumerate(IDS)])
    layout = read(names, l__csv=table)
    assert layout.questions == (QuestionCode.SEVERAL_LABELS, QuestionCode.NO_CLASS_NAMES)
    assert layout.question().startswith("Several labels a photo are not possible here: 8 of 24 pictures have several")


def test_a_layout_survives_pickling() -> None:
    layout = read(folders(AB))
    assert pickle.loads(pickle.dumps(layout)) == layout
    assert layout.decision is Decision.READ
    assert NoteCode.NAMED.id == "named"
