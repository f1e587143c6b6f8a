"""What a drop area sends is only a claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from classifier.errors import DataError
from classifier.messages.page import UploadCode
from classifier.ui.uploads import Upload, delete_uploads, uploaded_file
from classifier.ui.uploads import parse_upload as parse
from tests.helpers import SHA

LIMIT = 20_000


def parse_upload(data: Any) -> Upload:
    return parse(data, LIMIT)


def claim(path: object, name: object = "cat/a.jpg") -> dict[str, Any]:
    return {"files": [{"path": path if path is None else str(path), "name": name}], "label": ""}


def test_an_upload_is_taken_with_its_folder_name(uploads: Path) -> None:
    upload = parse_upload(claim(uploads / SHA / "a.jpg"))
    assert upload.files == (("cat/a.jpg", uploads / SHA / "a.jpg"),)


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
        parse_upload({"files": [None] * (LIMIT + 1)})
    assert caught.value.code is UploadCode.TOO_MANY_FILES


def test_the_label_of_loose_photos_is_kept_and_a_blank_one_is_none(uploads: Path) -> None:
    row = claim(uploads / SHA / "a.jpg")
    assert parse_upload({**row, "label": "cat"}).label == "cat"
    assert parse_upload({**row, "label": "  "}).label is None


def test_deleted_uploads_leave_no_empty_folder(uploads: Path) -> None:
    delete_uploads([uploads / SHA / "a.jpg", uploads / SHA / "missing.jpg"])
    assert list(uploads.iterdir()) == []


@pytest.mark.slow
def test_a_file_that_is_named_many_times_is_taken_once(uploads: Path) -> None:
    rows = [{"path": str(uploads / SHA / "a.jpg"), "name": f"{number}/a.jpg"} for number in range(LIMIT)]
    upload = parse_upload({"files": rows})
    assert [name for name, _ in upload.files] == ["0/a.jpg"]
    assert len(upload.missing) == LIMIT - 1


def test_only_the_path_of_an_upload_is_one(uploads: Path) -> None:
    photo = uploads / SHA / "a.jpg"
    assert uploaded_file(str(photo)) == uploaded_file({"path": str(photo)}) == photo
    hostile = [
        None, 5, [], {}, {"path": None}, {"path": {"path": str(photo)}}, [str(photo)], "/etc/passwd", photo,
        str(uploads / SHA), f"{uploads}/{SHA}/./a.jpg", f"{uploads}/x/../{SHA}/a.jpg", f"{uploads}/{SHA}/..",
        f"{uploads}/{SHA}/x\0.jpg", {"path": "/etc/passwd", "orig_name": "x.svg"}, "http://localhost/a.jpg", "\ud800",
        "x" * 10**6, f"{uploads}/{SHA}/\ud800.jpg",
    ]  # fmt: skip
    for one in hostile:
        assert uploaded_file(one) is None, one
