"""What a drop area sends is only a claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from classifier.config import PAGE_LIMITS
from classifier.errors import DataError
from classifier.messages.page import UploadCode
from classifier.ui.uploads import delete_uploads, parse_upload
from tests.helpers import SHA


def claim(path: object, name: object = "cat/a.jpg") -> dict[str, Any]:
    return {"files": [{"path": path if path is None else str(path), "name": name}], "label": ""}


def test_an_upload_is_taken_with_its_folder_name(uploads: Path) -> None:
    upload = parse_upload(claim(uploads / SHA / "a.jpg"))
    assert upload.files == (("cat/a.jpg", (uploads / SHA / "a.jpg").resolve()),)


def test_a_path_that_is_no_upload_is_refused(uploads: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"x")
    (uploads / SHA / "link.jpg").symlink_to(secret)
    (uploads / "loose.jpg").write_bytes(b"x")
    hostile = [
        secret, uploads / SHA / ".." / ".." / "secret.jpg", uploads / SHA / "link.jpg", uploads / SHA, uploads,
        uploads / "loose.jpg", uploads / SHA / "missing.jpg", "/etc/passwd", "a\0b", "", None,
    ]  # fmt: skip
    for path in hostile:
        upload = parse_upload(claim(path))
        assert upload.files == (), path
        assert len(upload.missing) == 1


@pytest.mark.parametrize("data", [None, "x", {}, {"files": "x"}, {"files": None}])
def test_what_is_no_list_of_files_gets_a_sentence(data: object, uploads: Path) -> None:
    with pytest.raises(DataError, match="choose them again"):
        parse_upload(data)


def test_rows_that_are_no_files_count_as_missing(uploads: Path) -> None:
    upload = parse_upload({"files": [1, None, [], {"path": {}, "name": 3}], "label": 5})
    assert (len(upload.missing), upload.files, upload.label) == (4, (), None)


def test_more_files_than_the_limit_are_refused_at_once(uploads: Path) -> None:
    with pytest.raises(DataError) as caught:
        parse_upload({"files": [None] * (PAGE_LIMITS.files + 1)})
    assert caught.value.code is UploadCode.TOO_MANY_FILES


def test_the_label_of_loose_photos_is_kept_and_a_blank_one_is_none(uploads: Path) -> None:
    row = claim(uploads / SHA / "a.jpg")
    assert parse_upload({**row, "label": "cat"}).label == "cat"
    assert parse_upload({**row, "label": "  "}).label is None


def test_deleted_uploads_leave_no_empty_folder(uploads: Path) -> None:
    delete_uploads([uploads / SHA / "a.jpg", uploads / SHA / "missing.jpg"])
    assert list(uploads.iterdir()) == []
