from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classifier.data.images import open_picture
from classifier.errors import PhotoError
from classifier.messages.data import PhotoCode
from tests.helpers import draw_photo, encode
from tests.picture_files import Tag, tiff

XBM = b"""#define hopper_width 8
#define hopper_height 2
static char hopper_bits[] = { 0x01, 0x02 };
"""
XPM = b"""/* XPM */
static char * hopper[] = {"1 1 1 1", "a c red", "a"};
"""


def refuse(data: bytes) -> PhotoError:
    """Return the error with which the bytes of a file are refused."""
    with pytest.raises(PhotoError) as caught:
        open_picture(data)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", PhotoCode.EMPTY_FILE),
        (b"<!DOCTYPE html><html><body>404</body></html>", PhotoCode.WEB_PAGE),
        (b" \n<HTML>", PhotoCode.WEB_PAGE),
        ("<html>".encode("utf-16"), PhotoCode.WEB_PAGE),
        (b"\xfe\xff" + "<html>".encode("utf-16-be"), PhotoCode.WEB_PAGE),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', PhotoCode.SVG),
        ("Grüße, ich bin kein Bild\n".encode(), PhotoCode.TEXT),
        (b"a\tb\r\nc\f", PhotoCode.TEXT),
        (b"x" * 99 + "ü".encode()[:1], PhotoCode.TEXT),
        (b"x" * 97 + b"\0\0\xff", PhotoCode.UNKNOWN_FORMAT),
        (bytes(range(128, 256)) * 4, PhotoCode.UNKNOWN_FORMAT),
        (b"%PDF-1.7\n", PhotoCode.PDF),
        (b"PK\x03\x04" + bytes(40), PhotoCode.ZIP),
        (b"PK\x05\x06" + bytes(40), PhotoCode.ZIP),
        (b"7z\xbc\xaf\x27\x1c" + bytes(40), PhotoCode.ARCHIVE),
        (b"Rar!" + bytes(40), PhotoCode.ARCHIVE),
        (b"\x1f\x8b" + bytes(40), PhotoCode.ARCHIVE),
        (b"BZh9" + bytes(40), PhotoCode.ARCHIVE),
        (b"\xfd7zXZ" + bytes(40), PhotoCode.ARCHIVE),
        (b"\n" * 257 + b"ustar", PhotoCode.ARCHIVE),
        (b"\0\0\0\x18ftypcrx " + bytes(40), PhotoCode.CAMERA_RAW),
        (b"FUJIFILMCCD-RAW " + bytes(40), PhotoCode.CAMERA_RAW),
        (b"IIRO\x08\0" + bytes(40), PhotoCode.CAMERA_RAW),
        (b"IIRS\x08\0" + bytes(40), PhotoCode.CAMERA_RAW),
        (b"IIU\0\x08\0" + bytes(40), PhotoCode.CAMERA_RAW),
        (b"\0\0\0\x18ftypmp42" + bytes(40), PhotoCode.VIDEO),
        (b"\x1aE\xdf\xa3" + bytes(40), PhotoCode.VIDEO),
        (b"RIFF\n\0\0\0AVI LIST", PhotoCode.VIDEO),
        (b"\0\0\x01\xba" + bytes(40), PhotoCode.VIDEO),
        (b"FLV\x01" + bytes(40), PhotoCode.VIDEO),
        (b"RIFF\n\0\0\0WAVEfmt ", PhotoCode.SOUND),
        (b"OggS\0" + bytes(40), PhotoCode.SOUND),
        (b"ID3\x04" + bytes(40), PhotoCode.SOUND),
        (b"fLaC\0" + bytes(40), PhotoCode.SOUND),
        (b"8BPS\0\x01" + bytes(40), PhotoCode.PHOTOSHOP),
        (b"%!PS-Adobe-3.0", PhotoCode.POSTSCRIPT),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), PhotoCode.POSTSCRIPT),
        (b"\xd0\xcf\x11\xe0" + bytes(40), PhotoCode.OFFICE),
        (b"MZ\x90\0" + bytes(40), PhotoCode.PROGRAM),
        (b"\x7fELF" + bytes(40), PhotoCode.PROGRAM),
        (b"\x89PNG\r\n\x1a\nrubbish", PhotoCode.DAMAGED_HEADER),
        (b"\xff\xd8rubbish", PhotoCode.DAMAGED_HEADER),
        (b"GIF87", PhotoCode.DAMAGED_HEADER),
        (b"BMrubbish", PhotoCode.DAMAGED_HEADER),
        (b"RIFF\n\0\0\0WEBP", PhotoCode.DAMAGED_HEADER),
        (b"\0\0\0\x18ftypheic", PhotoCode.DAMAGED_HEADER),
        (b"\0\0\0\x18ftypavif", PhotoCode.DAMAGED_HEADER),
        (b"\0\0\0\x0cjP", PhotoCode.DAMAGED_HEADER),
        (b"\xff\x4f", PhotoCode.DAMAGED_HEADER),
        (b"GIF89a\0\0\x10\0\0\0\0;", PhotoCode.NO_PIXELS),
        (b"GIF89a\x10\0\0\0\0\0\0;", PhotoCode.NO_PIXELS),
        (encode(draw_photo(), "PNG")[:-60], PhotoCode.CUT_OFF),
        (encode(draw_photo(), "BMP")[:900], PhotoCode.CUT_OFF),
    ],
)
def test_a_file_that_is_no_photo_has_a_code_for_the_reason(data: bytes, code: PhotoCode, tmp_path: Path) -> None:
    assert refuse(data).code is code
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(PhotoError) as caught:
        open_picture(path)
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (XBM, PhotoCode.XBM),
        (b"/* made by hand */\n" * 90 + XBM, PhotoCode.XBM),
        (XBM.replace(b"hopper_", b""), PhotoCode.XBM),
        (XPM, PhotoCode.XPM),
        (b"! XPM2\n1 1 1 1\n", PhotoCode.XPM),
        (b"#define MAX_width 8\n#define MAX_height 2\nint main() {}\n", PhotoCode.TEXT),
        (b"A text about /* XPM */ pictures\n", PhotoCode.TEXT),
        (b"/*" * 2000, PhotoCode.TEXT),
    ],
)
def test_pictures_written_as_source_text_are_called_what_they_are(data: bytes, code: PhotoCode) -> None:
    assert refuse(data).code is code
    assert ("save it as PNG" in str(refuse(data))) == (code is not PhotoCode.TEXT)


@pytest.mark.parametrize(
    ("values", "tags", "bands", "bits"),
    [
        (np.zeros((8, 8), np.float64), {}, 1, 64),
        (np.zeros((8, 8, 3), np.float32), {}, 3, 32),
        (np.zeros((8, 8, 7), np.uint8), {}, 7, 8),
        (np.zeros((8, 8, 4), np.uint16), {262: ("H", [1]), 338: ("H", [0, 0, 0])}, 4, 16),
        (np.zeros((8, 8, 2), np.uint16), {338: ("H", [2])}, 2, 16),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_an_unusual_kind_is_not_called_damaged(
    values: np.ndarray, tags: dict[int, Tag], bands: int, bits: int, order: str
) -> None:
    error = refuse(tiff(values, tags=tags, order=order))
    assert error.code is PhotoCode.KIND_OF_TIFF
    assert dict(error.message.arguments) == {"bands": bands, "bits": bits}


def test_a_tiff_without_a_size_is_damaged_and_a_short_one_is_cut_off() -> None:
    data = bytearray(tiff(np.zeros((8, 8, 7), np.uint8)))
    data[10:12] = b"\xff\x7f"  # the tag of the width
    assert refuse(bytes(data)).code is PhotoCode.DAMAGED_HEADER
    assert refuse(bytes(data[:60])).code is PhotoCode.CUT_OFF
