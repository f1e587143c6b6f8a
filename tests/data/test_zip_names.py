from __future__ import annotations

import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path

import pytest

from classifier.data.archives import Unpacked, unpack
from classifier.data.zip_names import decode


def make_zip(
    path: Path,
    names: Sequence[bytes | str],
    extra: Iterable[bytes] = repeat(b""),
    contents: Iterable[bytes] = repeat(b""),
) -> Path:
    """Write a zip; names given as bytes have no mark that tells their code page, and ``extra`` are their fields."""
    raw = [name for name in names if isinstance(name, bytes)]
    stand_ins = {name: f"{number:04}".ljust(len(name), "~") for number, name in enumerate(raw)}
    with zipfile.ZipFile(path, "w") as packed:
        for name, field, content in zip(names, extra, contents):
            info = zipfile.ZipInfo(name if isinstance(name, str) else stand_ins[name])
            info.extra = field
            packed.writestr(info, content)
    data = path.read_bytes()
    for name, stand_in in stand_ins.items():
        data = data.replace(stand_in.encode(), name)
    path.write_bytes(data)
    return path


def unpack_names(archive: Path) -> tuple[list[str], Unpacked]:
    with tempfile.TemporaryDirectory() as folder:
        unpacked = unpack(archive, Path(folder))
    return [name for name, _ in unpacked.files], unpacked


def unicode_path(raw: bytes, name: bytes, version: int = 1) -> bytes:
    return struct.pack("<HHBI", 0x7075, 5 + len(name), version, zlib.crc32(raw)) + name


@pytest.mark.parametrize(
    ("codec", "title", "names"),
    [
        ("gbk", "Chinese (GBK)", ["猫/图片1.jpg", "狗/图片2.jpg"]),
        ("gbk", "Chinese (GBK)", ["新建文件夹/蜻蜓/IMG_1.jpg", "新建文件夹/蝴蝶/IMG_2.jpg"]),
        ("gbk", "Chinese (GBK)", ["健康/1.jpg", "锈病/1.jpg", "叶斑病（早期）/1.jpg"]),
        ("cp932", "Japanese (Shift-JIS)", ["ネコ/1.jpg", "いぬ/1.jpg", "表/ソ.jpg"]),
        ("cp932", "Japanese (Shift-JIS)", ["良品/1.jpg", "不良品/1.jpg", "新しいフォルダー/1.jpg"]),
        ("cp950", "Chinese (Big5)", ["貓/照片1.jpg", "狗/照片2.jpg", "許功蓋/3.jpg"]),
        ("cp949", "Korean (EUC-KR)", ["고양이/1.jpg", "강아지/1.jpg", "새 폴더/2.jpg"]),
        ("cp866", "Cyrillic (DOS 866)", ["Новая папка/пчёлы/1.jpg", "Новая папка/осы/1.jpg"]),
        ("cp866", "Cyrillic (DOS 866)", ["КОШКИ/1.jpg", "СОБАКИ/1.jpg"]),
        ("cp1251", "Cyrillic (Windows-1251)", ["кошки/фото 1.jpg", "собаки/фото 2.jpg"]),
        ("cp1251", "Cyrillic (Windows-1251)", ["коти/1.jpg", "їжаки/1.jpg", "ведмеді/1.jpg"]),
        ("cp437", "Western European (DOS 437)", ["Füße/1.jpg", "Hände/1.jpg"]),
        ("cp437", "Western European (DOS 437)", ["été/1.jpg", "hiver/1.jpg"]),
        ("cp850", "Western European (DOS 850)", ["cão/1.jpg", "maçã/1.jpg", "gato/1.jpg"]),
        ("cp1252", "Western European (Windows-1252)", ["abeilles/été 1.jpg", "guêpes/forêt 1.jpg"]),
        ("cp1250", "Central European (Windows-1250)", ["jabłka/1.jpg", "gruszki żółte/1.jpg", "śliwki/1.jpg"]),
        ("cp852", "Central European (DOS 852)", ["včely/1.jpg", "vosy/2.jpg", "čmeláci žlutí/1.jpg"]),
        ("cp857", "Turkish (DOS 857)", ["köpek yavrusu/1.jpg", "kuş/1.jpg", "çiçekler/1.jpg", "sığır/1.jpg"]),
        ("cp1253", "Greek (Windows-1253)", ["γάτα/1.jpg", "σκύλος/1.jpg"]),
    ],
)
def test_one_code_page_is_guessed_for_a_zip(codec: str, title: str, names: list[str], tmp_path: Path) -> None:
    decoded, unpacked = unpack_names(make_zip(tmp_path / "a.zip", [name.encode(codec) for name in names]))
    assert decoded == names
    assert unpacked.guessed == title


@pytest.mark.parametrize("names", [["été/1.jpg"], ["猫/1.jpg", "犬/1.jpg"], ["кошки/e\u0301/1.jpg"]])
def test_names_in_unmarked_utf8_are_no_guess(names: list[str], tmp_path: Path) -> None:
    decoded, unpacked = unpack_names(make_zip(tmp_path / "a.zip", [name.encode() for name in names]))
    assert (decoded, unpacked.guessed) == (names, None)


def test_names_in_ascii_are_no_guess(tmp_path: Path) -> None:
    decoded, unpacked = unpack_names(make_zip(tmp_path / "a.zip", [b"cat/1.jpg", b"dog/1.jpg"]))
    assert (decoded, unpacked.guessed) == (["cat/1.jpg", "dog/1.jpg"], None)


def test_names_marked_as_utf8_are_read_as_they_are(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("├⌐/1.jpg", b"x")  # as cp437 the bytes of é
    decoded, unpacked = unpack_names(tmp_path / "a.zip")
    assert (decoded, unpacked.guessed) == (["├⌐/1.jpg"], None)


def test_a_name_that_happens_to_be_utf8_is_read_like_the_others(tmp_path: Path) -> None:
    names = ["聽/1.jpg", "聽聽/2.jpg"] + [f"{word}/1.jpg" for word in ("新建文件夹", "图片", "苹果", "香蕉", "健康")]
    raw = [name.encode("gbk") for name in names]
    raw[0].decode("utf-8")
    assert unpack_names(make_zip(tmp_path / "a.zip", raw))[0] == names


def test_marked_and_unmarked_names_in_one_zip_are_all_read(tmp_path: Path) -> None:
    raw = [name.encode("gbk") for name in ("苹果/1.jpg", "香蕉/1.jpg")]
    decoded, unpacked = unpack_names(make_zip(tmp_path / "a.zip", [*raw, "ネコ/1.jpg"]))
    assert decoded == ["苹果/1.jpg", "香蕉/1.jpg", "ネコ/1.jpg"]
    assert unpacked.guessed == "Chinese (GBK)"


def test_the_unicode_path_field_gives_the_name(tmp_path: Path) -> None:
    raw = [b"?????/1.jpg", "猫".encode("gbk") + b"/1.jpg"]
    extra = [
        b"\x55\x54\1\0x" + unicode_path(raw[0], "кошки/1.jpg".encode()),
        unicode_path(raw[1], "猫/一.jpg".encode()),
    ]
    decoded, unpacked = unpack_names(make_zip(tmp_path / "a.zip", raw, extra))
    assert (decoded, unpacked.guessed) == (["кошки/1.jpg", "猫/一.jpg"], None)


@pytest.mark.parametrize(
    "field",
    [
        unicode_path(b"other name", b"dog/1.jpg"),
        unicode_path(b"cat/1.jpg", b"dog/1.jpg", version=2),
    ],
    ids=["of another name", "of another version"],
)
def test_a_unicode_path_field_that_does_not_belong_to_the_name_is_ignored(field: bytes, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [b"cat/1.jpg"], [field])
    assert unpack_names(archive)[0] == ["cat/1.jpg"]


def test_a_unicode_path_field_cannot_lead_outside(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [b"cat/1.jpg"], [unicode_path(b"cat/1.jpg", b"../evil.jpg")])
    with pytest.raises(Exception, match="outside its own folder"):
        unpack(archive, tmp_path / "into")


def test_bytes_that_are_not_valid_keep_names_apart() -> None:
    assert decode("猫".encode("gbk") + b"\xff/\xc3", "gbk") == "猫%FF/%C3"
    assert decode(b"caf\xe9.jpg", "utf-8") != decode(b"caf\xe8.jpg", "utf-8")


def test_a_name_cut_within_a_letter_does_not_change_the_code_page(tmp_path: Path) -> None:
    raw = [f"photos/été {word}.jpg".encode() for word in "abcdefghijkl"]
    raw[3] = b"photos/\xc3.jpg"
    decoded, unpacked = unpack_names(make_zip(tmp_path / "a.zip", raw))
    assert decoded[:4] == ["photos/été a.jpg", "photos/été b.jpg", "photos/été c.jpg", "photos/%C3.jpg"]
    assert unpacked.guessed is None


def test_thousands_of_numbered_names_are_read_as_their_words(tmp_path: Path) -> None:
    names = [f"{word}/фото {number}.jpg" for word in ("кошки", "собаки") for number in range(250)]
    raw = [name.encode("cp1251") for name in names]
    assert unpack_names(make_zip(tmp_path / "a.zip", raw))[0] == names
