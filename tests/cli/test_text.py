"""The lines that the commands print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from classifier.cli import text
from classifier.cli.output import conflict_reason
from classifier.events import Epoch, Note, Progress
from classifier.messages import message
from classifier.messages.evaluation import WarningCode
from classifier.messages.workflows import StepCode, WorkflowCode
from classifier.workflows.train import Finished
from tests.helpers import report


def test_an_event_is_told_by_its_class_in_one_line() -> None:
    step = StepCode.EXTRACT_FEATURES
    assert text.event_line(Progress(step, 3, 8, None)) == "Looking at the photos: 3 of 8"
    assert text.event_line(Progress(step, 3, 8, 12.6)) == "Looking at the photos: 3 of 8, 13 s left"
    fetching = Progress(StepCode.FETCH_SET, 3, 12, None)
    assert text.event_line(fetching) == "Fetching the photos: 3 of 12 MB"
    assert text.event_line(Note(message(WorkflowCode.STOPPED_EARLY))) == f"{WorkflowCode.STOPPED_EARLY}\n"
    epoch = Epoch(number=2, total=9, loss=0.5, accuracy=0.75, val_loss=0.6, val_accuracy=0.7, best=2)
    assert text.event_line(epoch) == "Round 2 of 9: 70.0% of new photos right, 75.0% of those it is trained on\n"


def test_a_score_is_followed_by_what_makes_it_doubtful() -> None:
    few = message(WarningCode.ONE_SESSION, labels=("cat",))
    other = message(WarningCode.OTHER_PHOTOS, times=97)
    scored = report(warnings=(few, other))
    finished = Finished(report(warnings=(few,)), Path("model"), 1.0, scored)
    score, warning, tested, shifted, _ = text.train_lines({"left_out": [], "notes": []}, finished)
    assert (warning, shifted) == (str(few), str(other))
    assert tested.endswith(score)
    assert list(text.evaluate_lines({"left_out": []}, scored)) == [score, str(other)]


def test_files_left_out_for_one_reason_are_one_line() -> None:
    rows = [{"file": name, "reason": reason} for name, reason in (("a", "one"), ("b", "two"), ("c", "two"))]
    assert list(text.left_out_lines(rows)) == ["left out: b and 1 more: two", "left out: a: one"]


@pytest.mark.parametrize(
    ("accuracy", "score"),
    [(1.0, "All 48 photos right"), (0.0, "None of 48 photos right"), (0.9375, "About 9 in 10 (94 %)")],
)
def test_the_score_of_a_review_is_in_the_words_of_the_page(accuracy: float, score: str) -> None:
    result: dict[str, Any] = {"judged": 48, "accuracy": accuracy, "confusion": [], "suspects": []}
    lines = list(text.review_lines({**result, "added": [], "removed": ["x"], "relabelled": ["y", "z"]}))
    changes = ["1 removed since then", "2 moved to another class since then"]
    assert (lines[0], lines[-2:]) == (f"{score}; 48 photos judged", changes)
    assert any("wrong too often" in line for line in lines) == (accuracy < 0.5)


def test_a_cell_of_the_confusion_matrix_names_its_first_photo() -> None:
    cells = [
        {"label": "cat", "predicted": "dog", "files": ["1.jpg", "2.jpg", "3.jpg"]},
        {"label": "dog", "predicted": "dog", "files": ["4.jpg"]},
        {"label": "dog", "predicted": "cat", "files": ["5.jpg"]},
    ]
    result = {"judged": 5, "accuracy": 0.2, "confusion": cells, "suspects": []}
    lines = list(text.review_lines({**result, "added": [], "removed": [], "relabelled": []}))
    assert lines[1:3] == ["  cat taken for dog: 1.jpg and 2 more", "  dog taken for cat: 5.jpg"]


def test_a_prediction_is_one_line_with_its_confidences() -> None:
    top = [{"label": "cat", "confidence": 0.51}, {"label": "dog", "confidence": 0.49}]
    sure = {"file": "a.jpg", "top": top, "unsure": False, "answer": "cat"}
    assert text.predict_line(sure) == "a.jpg: cat 51.0%, dog 49.0%"
    other = text.predict_line({**sure, "answer": "dog"})
    assert other == "a.jpg: answer dog, by its threshold: cat 51.0%, dog 49.0%"
    unsure = {"file": "a.jpg", "top": top, "unsure": True, "reason": "why"}
    assert text.predict_line(unsure) == "a.jpg: not sure, why: cat 51.0%, dog 49.0%"
    assert text.predict_line({"file": "a.txt", "top": [], "unsure": True, "reason": "why"}) == "a.txt: why"


def test_a_photo_in_nine_classes_is_said_to_be_in_many() -> None:
    classes = [f"class {n}" for n in range(1, 10)]
    reason = "it lies in “class 1”, “class 2”, “class 3” and 6 more classes at once: keep it in one of them"
    assert conflict_reason(classes) == reason
    assert conflict_reason(["cat", "ant"]) == "it lies in “ant” and “cat” at once: keep it in one of them"
    result = {
        "images": 9, "classes": {}, "left_out": [], "exact_duplicates": [], "near_duplicates": [], "suspects": [],
        "conflicts": [{"files": ["a.jpg", "b.jpg"], "classes": classes}], "quality": [], "warnings": [],
        "more_photos": [], "splits": {},
    }  # fmt: skip
    assert f"  a.jpg: {reason}." in list(text.check_lines(result))


def test_a_check_counts_the_photos_of_each_class_and_split() -> None:
    empty = dict.fromkeys(("left_out", "exact_duplicates", "near_duplicates", "suspects", "conflicts", "quality"), ())
    result = {"images": 4, "classes": {"cat": 3, "dog": 1}, "warnings": [], "more_photos": [], **empty}
    split = {"test": {"cat": 1}, "train": {"cat": 2, "dog": 1}}
    lines = list(text.check_lines({**result, "splits": split}))
    assert lines[3:5] == ["test: “cat” (1)", "train: “cat” (2) and “dog” (1)"]
    assert not any(line.startswith("train:") for line in text.check_lines({**result, "splits": {"train": {}}}))


def test_at_most_twenty_photos_of_a_kind_are_printed() -> None:
    suspects = [{"file": f"{n}.jpg", "label": "cat", "suggested": "dog"} for n in range(25)]
    quality = [{"file": f"{n}.jpg", "advice": "it is dark"} for n in range(25)]
    result = {
        "images": 1, "classes": {"cat": 1}, "left_out": [], "exact_duplicates": ["x"], "near_duplicates": [],
        "conflicts": [], "splits": {}, "suspects": suspects, "quality": quality, "warnings": ["Careful."],
        "more_photos": [{"advice": "Add some."}],
    }  # fmt: skip
    lines = list(text.check_lines(result))
    assert lines[:3] == ["1 photo in 1 class", "       1  cat", "1 exact repeat, 0 groups of look-alikes"]
    assert lines[3] == "  0.jpg: is it really cat? It looks like dog."
    assert lines[23] == "  0.jpg: it is dark."
    assert len(lines) == 3 + 20 + 20 + 2
    assert lines[-2:] == ["Careful.", "Add some."]
