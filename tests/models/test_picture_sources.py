"""Whatever may be given to ``Predictor`` as a picture, and what is none."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from classifier import Finished, Prediction, Predictor
from classifier.config import Limits
from classifier.errors import PhotoError
from classifier.messages.data import PhotoCode
from classifier.messages.models import PredictCode
from classifier.models.picture_sources import list_pictures, to_source
from tests.helpers import draw_photo, encode

PHOTO = encode(draw_photo())
LIMITS = Limits()


@pytest.fixture
def predictor(trained: Finished) -> Predictor:
    return Predictor(trained.folder, "cpu")


class Stream:
    """A stream that gives a few bytes at a time and cannot be wound back, like a network connection."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int) -> bytes:
        return self._content.read(min(size, 100))


class PathHolder(os.PathLike[str]):
    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


@pytest.mark.slow
def test_a_file_is_a_picture_from_wherever_it_was_read_before(predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(PHOTO)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(path, "photo.jpg")
    (expected,) = predictor.predict(path)
    with path.open("rb") as file, tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(PHOTO)  # it stands at its end
        with zipfile.ZipFile(tmp_path / "photos.zip") as archive, archive.open("photo.jpg") as member:
            files = [file, io.BytesIO(PHOTO), spooled, member, Stream(PHOTO), path.open("rb", buffering=0)]
            assert [predictor.predict(one) for one in files] == [[expected]] * len(files)
            files[-1].close()
        assert predictor.predict(file) == [expected]  # a second time
    assert predictor.explain(io.BytesIO(PHOTO), "mug").label == "mug"


def test_other_forms_of_paths_and_bytes_are_pictures(predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(PHOTO)
    (expected,) = predictor.predict(PHOTO)
    forms = [PathHolder(path), bytearray(PHOTO), memoryview(PHOTO), str(path)]
    assert [predictor.predict(form) for form in forms] == [[expected]] * len(forms)
    several = predictor.predict(iter(forms))
    assert [one.top[0].label for one in several] == [expected.top[0].label] * len(forms)
    assert list(predictor.predict_each(str(path))) == [expected]


@pytest.mark.parametrize(
    "thing",
    [
        None,
        3,
        0.5,
        ["a.jpg"],
        ("a.jpg",),
        {"path": "a.jpg"},
        {1},
        object(),
        torch.zeros(3, 8, 8),
        io.StringIO("text"),
        Path,
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_anything_else_is_a_photo_error_and_the_others_go_on(thing: object, predictor: Predictor) -> None:
    results = list(predictor.predict_each([PHOTO, thing, PHOTO]))  # type: ignore[list-item]
    assert isinstance(results[0], Prediction)
    assert isinstance(results[1], PhotoError)
    assert results[1].code in (PredictCode.NO_PICTURE, PredictCode.TEXT_FILE)
    assert results[0] == results[2]
    with pytest.raises(PhotoError, match=r"^[A-Z].*\.$"):
        predictor.explain(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize("thing", [None, 3, object(), {"path": "a.jpg"}, torch.zeros(3, 8, 8), io.StringIO("text")])
def test_something_unknown_alone_is_a_photo_error(thing: object, predictor: Predictor) -> None:
    with pytest.raises(PhotoError, match=r"^[A-Z].*\.$") as raised:
        predictor.predict(thing)  # type: ignore[arg-type]
    assert raised.value.code in (PredictCode.NO_PICTURE, PredictCode.TEXT_FILE)


def test_a_text_file_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "photo.txt"
    path.write_text("no photo")
    with path.open() as file, pytest.raises(PhotoError, match="with “rb”") as raised:
        to_source(file, LIMITS)  # type: ignore[arg-type]
    assert raised.value.code is PredictCode.TEXT_FILE


def test_a_file_that_cannot_be_read_is_a_photo_error_with_the_reason(tmp_path: Path) -> None:
    closed = io.BytesIO(PHOTO)
    closed.close()
    with (tmp_path / "new.jpg").open("wb") as writable:
        for file in (closed, writable):
            with pytest.raises(PhotoError) as raised:
                to_source(file, LIMITS)
            assert raised.value.code is PhotoCode.CANNOT_OPEN


def test_a_file_above_the_limit_is_not_read_to_its_end(predictor: Predictor) -> None:
    class Endless:
        def read(self, size: int) -> bytes:
            return bytes(min(size, 1000))

    limits = Limits(bytes_per_file=5000)
    assert len(to_source(Endless(), limits)) == 5001  # type: ignore[arg-type]
    with pytest.raises(PhotoError) as raised:
        Predictor(predictor.folder, "cpu", limits).predict(Endless())
    assert raised.value.code is PhotoCode.FILE_TOO_BIG


def test_an_empty_file_is_called_empty(predictor: Predictor) -> None:
    with pytest.raises(PhotoError) as raised:
        predictor.predict(io.BytesIO())
    assert raised.value.code is PhotoCode.EMPTY_FILE


def test_one_picture_becomes_a_list_of_one() -> None:
    single = [PHOTO, "a.jpg", Path("a.jpg"), draw_photo(), np.zeros((4, 4), np.uint8), io.BytesIO(PHOTO), None]
    assert all(len(list_pictures(one)) == 1 for one in single)  # type: ignore[arg-type]
    assert list_pictures([]) == []
