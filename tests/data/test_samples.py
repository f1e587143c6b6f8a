"""Tars and Parquet files as data, through ``Project``: the same photos as in class folders, or one clear sentence."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from classifier.config import Limits
from classifier.data.project import Project
from classifier.errors import DataError
from classifier.messages.data import LeftOutCode, PhotoCode
from classifier.messages.shards import ShardCode, ShardLeftOutCode
from tests.helpers import draw_photo, encode

Sample = tuple[str, str, str, bytes]  # split, class, key, picture
SAMPLES: list[Sample] = [
    ("test" if number % 5 == 4 else "train", ("cat", "dog")[number % 2], f"{number:04}", encode(draw_photo(number)))
    for number in range(20)
]


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as packed:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def write_shards(folder: Path) -> Path:
    """Write the samples as WebDataset does: four shards to train on, one to test on."""
    for split, count in (("train", 4), ("test", 1)):
        own = [sample for sample in SAMPLES if sample[0] == split]
        for shard in range(count):
            members = [
                member
                for _, label, key, content in own[shard::count]
                for member in ((f"{key}.cls", label.encode()), (f"{key}.jpg", content))
            ]
            write_tar(folder / f"{split}-{shard:06}.tar", members)
    return folder


def write_folders(folder: Path) -> Path:
    for split, label, key, content in SAMPLES:
        place = folder / split / label / f"{key}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def write_parquet(path: Path, columns: Mapping[str, Any], features: Mapping[str, Any] | None = None) -> Path:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    parquet.write_table(arrow.table(columns).replace_schema_metadata(metadata), path)
    return path


def write_hub(folder: Path) -> Path:
    """Write the samples as the Hub does: pictures as structs, classes as numbers with names in the schema."""
    for split in ("train", "test"):
        own = [sample for sample in SAMPLES if sample[0] == split]
        columns = {
            "image": [{"bytes": content, "path": f"{key}.jpg"} for *_, key, content in own],
            "label": [("cat", "dog").index(label) for _, label, *_ in own],
            "source": ["web"] * len(own),
        }
        features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
        write_parquet(folder / "data" / f"{split}-00000-of-00001.parquet", columns, features)
    return folder


def read(*data: Path, **options: Any) -> list[tuple[str, str, str]]:
    with Project.over(data, **options) as project:
        assert project.left_out() == []
        return [(photo.sha256, photo.label, photo.split) for photo in project.photos()]


def refusal(place: Path, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        Project.over(place, **options)
    return caught.value


@pytest.mark.parametrize("write", [write_shards, write_hub])
def test_shards_hold_the_same_photos_as_class_folders_do(write: Any, tmp_path: Path) -> None:
    folders = read(write_folders(tmp_path / "folders"))
    folder = write(tmp_path / "shards")
    shards = sorted(file for file in folder.rglob("*") if file.is_file())
    listed = tmp_path / "all.txt"
    listed.write_text("# shards\n" + "\n".join(str(shard.relative_to(tmp_path)) for shard in shards))
    assert read(folder) == read(*shards) == read(listed) == folders
    assert {split for *_, split in folders} == {"train", "test"}


def test_a_tar_of_class_folders_is_read_as_the_folder_is(tmp_path: Path) -> None:
    folders = write_folders(tmp_path / "folders")
    with tarfile.open(tmp_path / "pets.tar.gz", "w:gz") as packed:
        packed.add(folders, "pets")
    assert read(tmp_path / "pets.tar.gz") == read(folders)


@pytest.mark.parametrize(
    ("ending", "content", "column"),
    [
        ("txt", "{}\n", None), ("json", '{{"label": "{}", "width": 3}}', None), ("json", '{{"kind": "{}"}}', "kind"),
        ("json", '"{}"', None), ("txt", "{}", "txt"),
    ],
)  # fmt: skip
def test_labels_of_samples_are_texts_or_a_field_of_json(
    ending: str, content: str, column: str | None, tmp_path: Path
) -> None:
    members = [
        member
        for _, label, key, picture in SAMPLES[:8]
        for member in ((f"{key}.jpg", picture), (f"{key}.{ending}", content.format(label).encode()))
    ]
    found = read(write_tar(tmp_path / "pets.tar", members), labels=column)
    assert [label for _, label, _ in found] == ["cat"] * 4 + ["dog"] * 4


def test_members_that_are_no_labeled_photo_are_left_out_with_reasons(tmp_path: Path) -> None:
    cats = [(f"{number}.{end}", what) for number in range(4) for end, what in (
        ("jpg", SAMPLES[number][3]), ("cls", SAMPLES[number][1].encode()), ("pyd", b"\x80\x04.")
    )]  # fmt: skip
    path = write_tar(tmp_path / "pets.tar", [*cats, ("0.seg.png", encode(draw_photo(9), "PNG")), ("5.jpg", b"")])
    with tarfile.open(path, "a") as packed:
        link = tarfile.TarInfo("6.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
        pipe = tarfile.TarInfo("7.jpg")
        pipe.type = tarfile.FIFOTYPE
        packed.addfile(pipe)
    with Project.over(path) as project:
        assert project.classes() == {"cat": 2, "dog": 2}
        assert {left.file: left.code for left in project.left_out()} == {
            **{f"{number}.pyd": ShardLeftOutCode.PICKLE for number in range(4)},
            "0.seg.png": ShardLeftOutCode.LABEL_MISSING,
            "5.jpg": ShardLeftOutCode.LABEL_MISSING,
            "6.jpg": ShardLeftOutCode.LINK_IN_TAR,
            "7.jpg": LeftOutCode.NOT_A_FILE,
        }


def test_rows_without_a_picture_or_a_class_are_left_out_with_reasons(tmp_path: Path) -> None:
    pictures = [content for *_, content in SAMPLES[:6]]
    columns = {
        "image": [*pictures[:5], None, b"nothing"],
        "label": ["a", "b", "a", "b", None, "a", "b"],
        "id": list(range(7)),
    }
    with Project.over(write_parquet(tmp_path / "x.parquet", columns)) as project:
        assert project.classes() == {"a": 2, "b": 2}
        assert {left.file: left.code for left in project.left_out()} == {
            "0000004.jpg": ShardLeftOutCode.LABEL_MISSING,
            "0000005.jpg": ShardLeftOutCode.NO_BYTES,
            "b/0000006.jpg": PhotoCode.TEXT,
        }


def test_the_column_of_classes_is_asked_for_where_several_fit(tmp_path: Path) -> None:
    pictures = [content for *_, content in SAMPLES[:4]]
    columns = {"image": pictures, "species": ["a", "b", "a", "b"], "sex": [0, 0, 1, 1]}
    place = write_parquet(tmp_path / "x.parquet", columns)
    assert refusal(place).code is ShardCode.WHICH_COLUMN
    assert "species, sex" in str(refusal(place, labels="age"))
    assert [label for _, label, _ in read(place, labels="sex")] == ["0", "0", "1", "1"]


def test_a_column_of_a_parquet_file_groups_its_photos(tmp_path: Path) -> None:
    pictures = [content for *_, content in SAMPLES[:4]]
    columns = {"image": pictures, "label": ["a", "b", "a", "b"], "person": ["x", "x", None, "y"], "day": [1, 2, 1, 2]}
    place = write_parquet(tmp_path / "x.parquet", columns)
    for groups, expected in (("person", ["x", None, "x", "y"]), ("day", ["1", "1", "2", "2"]), ("none", [None] * 4)):
        with Project.over(place, groups=groups) as project:
            assert [photo.layout_group for photo in project.photos()] == expected
            assert project.intake is not None
    assert "label, person, day" in str(refusal(place, groups="house"))


def test_a_parquet_table_without_pictures_names_its_columns(tmp_path: Path) -> None:
    error = refusal(write_parquet(tmp_path / "x.parquet", {"file": ["a.jpg"], "label": ["a"]}))
    assert (error.code, "file, label" in str(error)) == (ShardCode.NO_PICTURES, True)


@pytest.mark.parametrize("kept", [700, 1024, 1536, -1024])
def test_a_tar_that_was_not_copied_whole_is_refused(kept: int, tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "whole.tar", [("0.cls", b"cat"), ("0.jpg", SAMPLES[0][3])]).read_bytes()
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512  # where the blocks of zeros begin
    (tmp_path / "cut.tar").write_bytes(whole[: kept if kept > 0 else end])
    assert refusal(tmp_path / "cut.tar").code is ShardCode.TAR_DAMAGED


@pytest.mark.parametrize("content", [b"", b"x" * 3000, gzip.compress(b"x" * 3000, mtime=0), b"\x1f\x8b" + b"x" * 100])
def test_what_is_no_tar_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "no.tar").write_bytes(content)
    assert refusal(tmp_path / "no.tar").code is ShardCode.TAR_DAMAGED


def test_a_parquet_file_that_is_damaged_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "no.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    assert refusal(tmp_path / "no.parquet").code is ShardCode.PARQUET_DAMAGED


@pytest.mark.slow
def test_a_tar_that_could_do_harm_is_refused(tmp_path: Path) -> None:
    outside = write_tar(tmp_path / "a.tar", [("../../x.jpg", b"x")])
    bomb = tmp_path / "b.tar"
    bomb.write_bytes(gzip.compress(write_tar(tmp_path / "plain.tar", [("0.jpg", bytes(60_000_000))]).read_bytes()))
    long = write_tar(tmp_path / "c.tar", [("x" * 2_000_000, b"x")])
    codes = [refusal(place).code for place in (outside, bomb, long)]
    assert codes == [ShardCode.OUTSIDE, ShardCode.BOMB, ShardCode.TAR_DAMAGED]


@pytest.mark.parametrize(
    ("limits", "code"),
    [(Limits(files=3), ShardCode.TOO_MANY_FILES), (Limits(bytes_unpacked=3000), ShardCode.TOO_BIG)],
)
def test_the_limits_of_zips_hold_for_tars_and_parquet(limits: Limits, code: ShardCode, tmp_path: Path) -> None:
    pictures = {f"{key}.jpg": content for *_, key, content in SAMPLES[:6]}
    assert refusal(write_tar(tmp_path / "a.tar", pictures.items()), limits=limits).code is code
    columns = {"image": list(pictures.values()), "label": list("aabbab")}
    assert refusal(write_parquet(tmp_path / "a.parquet", columns), limits=limits).code is code


def test_a_list_that_names_a_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text("train-0.tar\n")
    assert refusal(tmp_path / "all.txt").code is ShardCode.LISTED_MISSING


def test_tars_and_parquet_files_can_be_dropped_on_the_page(tmp_path: Path) -> None:
    shards = sorted(write_shards(tmp_path / "tar").glob("*"))
    with Project.open(tmp_path / "project") as project:
        project.receive([(shard.name, shard) for shard in shards])
        assert project.catalog.balance() == {"test": {"cat": 2, "dog": 2}, "train": {"cat": 8, "dog": 8}}
        assert project.incoming() is not None


def test_only_small_copies_are_kept_where_the_disk_is_too_small(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:01 12:30:59"
    members = [("0.cls", b"cat"), ("0.jpg", encode(draw_photo(0, (2000, 1600)), exif=exif))]
    members += [("1.cls", b"dog"), ("1.jpg", SAMPLES[1][3])]
    with Project.over(write_tar(tmp_path / "a.tar", members), reduced=True) as project:
        large, small = project.photos()
        assert 512 <= min(large.width, large.height) < 1024
        assert large.taken == "2024-05-01T12:30:59"
        assert project.photo_path(small).read_bytes() == SAMPLES[1][3]
