"""Training, review and Try it on a project whose files were damaged: photos are left out, caches are made again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from classifier import Finished, train
from classifier.data.project import Project
from classifier.errors import ClassifierError
from classifier.workflows.review import review


@pytest.fixture
def project(example_set: Path, tmp_path: Path) -> Project:
    opened = Project.open(tmp_path / "project")
    opened.add(example_set)
    return opened


@pytest.mark.slow
def test_photos_that_are_gone_or_damaged_are_left_out_with_a_reason(project: Project) -> None:
    photos = project.photos()
    paths = [project.photo_path(photo) for photo in photos[::7]]
    gone, pipe, cut, text, folder = paths
    gone.unlink()
    pipe.unlink()
    os.mkfifo(pipe)
    os.truncate(cut, cut.stat().st_size // 3)
    text.write_text("no picture")
    folder.unlink()
    folder.mkdir()
    shutil.rmtree(project.folder / "thumbs")
    *_, finished = train(project, device="cpu")
    assert isinstance(finished, Finished)
    assert finished.report.images == len(photos) - len(paths)
    reasons = {left.file: str(left.message) for left in project.left_out()}
    assert len(reasons) == len(paths)
    assert all(reason.endswith(".") for reason in reasons.values())


@pytest.mark.slow
def test_training_makes_a_damaged_feature_cache_again(project: Project) -> None:
    *_, first = train(project, device="cpu")
    path = project.features / "features.sqlite"
    content = bytearray(path.read_bytes())
    for place in range(2000, len(content), 997):
        content[place] ^= 4
    path.write_bytes(content)
    *_, second = train(project, device="cpu")
    assert second.report == first.report


@pytest.mark.slow
def test_a_damaged_report_of_a_run_is_one_sentence_in_review(project: Project) -> None:
    project.catalog.runs.record("bad", "quick", {"labels": [1], "confusion": 5}, [])
    with pytest.raises(ClassifierError, match="report"):
        review(project)
