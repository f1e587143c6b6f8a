from __future__ import annotations

import shutil
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from classifier import Answers, DataError, Finished, Predictor, Progress, predict_many
from classifier.config import Limits
from classifier.data.answer_table import UNPACKED, AnswerTable
from classifier.workflows.predict_many import apply_threshold, to_prediction


@pytest.fixture(scope="module")
def mixed(example_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip, a folder and a loose photo, with broken files and those of the operating system among them."""
    folder = tmp_path_factory.mktemp("mixed")
    with zipfile.ZipFile(folder / "more.zip", "w") as packed:
        packed.write(example_set / "mug/mug 01.jpg", "day/1.jpg")
        packed.writestr("day/broken.jpg", b"\xff\xd8nothing")
        packed.writestr("__MACOSX/day/._1.jpg", b"x")
        packed.write(example_set / "key/key 01.jpg", "2.jpg")
    (folder / "loose").mkdir()
    shutil.copy(example_set / "leaf/leaf 01.jpg", folder / "loose/10.jpg")
    shutil.copy(example_set / "leaf/leaf 02.jpg", folder / "loose/9.jpg")
    (folder / "loose/.DS_Store").write_bytes(b"x")
    (folder / "loose/readme.txt").write_text("no picture")
    return folder


def answered(events: object) -> Answers:
    *_, last = events  # type: ignore[misc]
    assert isinstance(last, Answers)
    return last


def copy_of(folder: Path, into: Path) -> Path:
    return Path(shutil.copytree(folder, into))


EXPECTED = ["more.zip/day/1.jpg", "more.zip/day/broken.jpg", "more.zip/2.jpg", "loose/9.jpg", "loose/10.jpg",
            "loose/readme.txt", "loose 2.jpg"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("take_over", [False, True])
def test_each_photo_gets_the_answer_that_it_gets_alone(
    trained: Finished, mixed: Path, example_set: Path, tmp_path: Path, take_over: bool
) -> None:
    folder = copy_of(mixed, tmp_path / "photos")
    shutil.copy(example_set / "key/key 02.jpg", folder / "loose 2.jpg")
    given = [(name, folder / name) for name in ("more.zip", "loose", "loose 2.jpg")]
    predictor = Predictor(trained.folder)
    answers = answered(predict_many(predictor, given, tmp_path / "answers", take_over=take_over))
    rows = list(answers.rows())
    assert [row.file for row in rows] == EXPECTED
    assert (answers.photos, answers.errors) == (7, 2)
    originals = ["mug/mug 01.jpg", None, "key/key 01.jpg", "leaf/leaf 02.jpg", "leaf/leaf 01.jpg", None,
                 "key/key 02.jpg"]  # fmt: skip
    with answers.open() as table:
        probs = table.probs([row.id for row in rows])
        for row, original in zip(rows, originals):
            if original is None:
                assert row.error
                assert row.label is None
                continue
            (alone,) = predictor.predict(example_set / original, 4)
            stored = to_prediction(row, probs[row.id], table.labels)
            assert (stored.reason, stored.answer.label) == (alone.reason, alone.answer.label)
            close = {one.label: pytest.approx(one.confidence, abs=1e-5) for one in alone.top}  # in another batch
            assert {one.label: one.confidence for one in stored.top} == close
            assert (row.label, row.confidence, row.unsure) == (alone.answer.label, close[str(row.label)], alone.unsure)
            assert (row.second, row.second_confidence) == (alone.top[1].label, close[str(row.second)])
            path = table.path(row)
            assert path is not None
            with Image.open(path) as kept, Image.open(example_set / original) as whole:
                assert kept.size == whole.size
            assert table.thumbnail(row).exists() == take_over
    left = list(folder.rglob("*.jpg"))
    assert bool(left) != take_over


@pytest.mark.slow
def test_what_was_answered_before_it_was_stopped_stays(trained: Finished, example_set: Path, tmp_path: Path) -> None:
    photos = sorted(example_set.rglob("*.jpg")) * 3  # 96, in two batches
    with closing(predict_many(Predictor(trained.folder), photos, tmp_path / "answers")) as events:  # type: ignore[type-var]
        steps = [next(events), next(events)]
    assert [(step.done, step.total) for step in steps if isinstance(step, Progress)] == [(0, 96), (64, 96)]
    with AnswerTable.open(tmp_path / "answers") as table:  # type: ignore[union-attr]
        assert (table.count(), table.fact("total"), table.fact("complete")) == (64, 96, None)


@pytest.mark.slow
def test_another_threshold_gives_the_answers_of_single_photos(
    trained: Finished, example_set: Path, tmp_path: Path
) -> None:
    photos = sorted(example_set.rglob("*.jpg"))
    predictor = Predictor(trained.folder)
    answers = answered(predict_many(predictor, photos, tmp_path / "answers"))
    alone = predictor.predict(photos, 4)
    labels = predictor.labels
    by_class = {label: 0.02 if label == "mug" else 0.9 for label in labels}
    for threshold in (0.0, 0.97, 1.0, by_class):
        with answers.open() as table:
            apply_threshold(table, threshold)
            for row, before in zip(table.each(), alone):
                after = before.at(threshold)
                assert (row.label, row.unsure) == (after.answer.label, after.unsure)
                again = to_prediction(row, table.probs([row.id])[row.id], labels)
                assert (again.reason, again.chosen is None) == (after.reason, after.chosen is None)


def test_limits_hold_for_all_photos_together(trained: Finished, mixed: Path, tmp_path: Path) -> None:
    predictor = Predictor(trained.folder, limits=Limits(files=5))
    with pytest.raises(DataError, match="at most 5"):
        next(predict_many(predictor, [mixed / "more.zip", mixed / "loose"], tmp_path / "answers"))
    with pytest.raises(DataError, match="no folder or zip"):
        next(predict_many(predictor, [Path(__file__).with_suffix(".zip")], tmp_path / "answers"))
    assert not (tmp_path / "answers").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(DataError, match="not an empty folder"):
        next(predict_many(predictor, [mixed / "more.zip"], tmp_path / "mine"))
    assert (tmp_path / "mine/letter.txt").exists()


def test_a_zip_with_a_damaged_member_gives_a_row_for_it(
    trained: Finished, mixed: Path, example_set: Path, tmp_path: Path
) -> None:
    content = bytearray((mixed / "more.zip").read_bytes())
    start = content.index(b"\xff\xd8") + 500  # inside the first photo, whose sum is then wrong
    content[start : start + 50] = bytes(50)
    (tmp_path / "more.zip").write_bytes(content)
    given = [("more.zip", tmp_path / "more.zip"), ("mug.jpg", example_set / "mug/mug 02.jpg")]
    rows = list(answered(predict_many(Predictor(trained.folder), given, tmp_path / "answers")).rows())
    assert [row.file for row in rows if row.error is None] == ["more.zip/2.jpg", "mug.jpg"]
    assert "damaged in its zip" in str(next(row for row in rows if row.file == "more.zip/day/1.jpg").error)
    (tmp_path / "none.zip").write_bytes(b"PK\x03\x04 and no more")
    given[0] = ("none.zip", tmp_path / "none.zip")
    rows = list(answered(predict_many(Predictor(trained.folder), given, tmp_path / "answers")).rows())
    assert [(row.file, row.error is None) for row in rows] == [("none.zip", False), ("mug.jpg", True)]


@pytest.mark.parametrize("keep", [True, False])
def test_unpacked_photos_stay_only_to_be_sorted(trained: Finished, mixed: Path, tmp_path: Path, keep: bool) -> None:
    events = predict_many(Predictor(trained.folder), [mixed / "more.zip"], tmp_path / "answers", keep_unpacked=keep)
    answers = answered(events)
    assert [row.label is None for row in answers.rows()] == [False, True, False]
    assert bool([path for path in (tmp_path / "answers" / UNPACKED).rglob("*") if path.is_file()]) == keep
    if keep:
        answers.sort_into(tmp_path / "sorted")
        assert len(list((tmp_path / "sorted").rglob("*.jpg"))) == 2


def test_answers_are_written_and_sorted_from_python(trained: Finished, example_set: Path, tmp_path: Path) -> None:
    answers = answered(predict_many(Predictor(trained.folder), [example_set / "mug"], tmp_path / "answers"))
    answers.write_csv(tmp_path / "answers.csv")
    answers.sort_into(tmp_path / "sorted")
    assert len((tmp_path / "answers.csv").read_text("utf-8-sig").splitlines()) == 9
    assert len(list((tmp_path / "sorted").rglob("*.jpg"))) == 8
    shutil.rmtree(answers.folder)
    with pytest.raises(DataError, match="no table of answers"):
        answers.write_csv(tmp_path / "again.csv")
