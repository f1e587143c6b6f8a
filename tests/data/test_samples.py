"""Tars and Parquet files as data, through ``Project``: the same photos as in class folders, or one clear sentence."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from classifier.config import Limits
from classifier.data import parquet_files
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


STATED = [
    ("original", "cropped"), (".net", "a b"), ("a/b", "a-b"), ("valid", "invalid"), ("test", "control"),
    ("2019", "2020"), ("photo", "sketch"), ("unsorted", "pred"), ("train", "apple"),
    ("patient 1", "patient 2"), ("1", "01"),
]  # fmt: skip


@pytest.mark.parametrize("labels", STATED, ids=" and ".join)
def test_a_label_that_a_sample_states_is_the_class_as_it_stands(labels: tuple[str, str], tmp_path: Path) -> None:
    pictures = [content for *_, content in SAMPLES[:4]]
    columns = {"image": pictures, "label": [*labels, *labels]}
    members = [
        member
        for number, content in enumerate(pictures)
        for member in ((f"{number}.jpg", content), (f"{number}.cls", labels[number % 2].encode()))
    ]
    tar = write_tar(tmp_path / "x.tar", members)
    for place in (tar, write_parquet(tmp_path / "x.parquet", columns)):
        assert sorted(label for _, label, _ in read(place)) == sorted([*labels, *labels])
    with Project.open(tmp_path / "project") as project:
        for _ in range(2):
            project.uploads.receive([("x.tar", tar)])
            assert project.classes() == dict.fromkeys(labels, 2)
            project.uploads.take("folders")
            assert project.classes() == dict.fromkeys(labels, 2)


def test_no_class_of_many_is_dropped_for_its_name(tmp_path: Path) -> None:
    labels = ["screenshot", "figure", "unsorted", "masks", *map(str, range(20))]
    pictures = [encode(draw_photo(number, (16, 16))) for number in range(len(labels))]
    found = read(write_parquet(tmp_path / "x.parquet", {"image": pictures, "label": labels}))
    assert {label for _, label, _ in found} == set(labels)


def test_a_class_may_be_named_like_a_split_in_shards_of_several_splits(tmp_path: Path) -> None:
    features = {"image": {}, **{name: {"names": ["train", "apple"]} for name in ("fine_label", "coarse_label")}}
    for split, some in (("train", SAMPLES[:4]), ("test", SAMPLES[4:8])):
        columns = {"image": [content for *_, content in some], "fine_label": [0, 1] * 2, "coarse_label": [1, 1, 0, 0]}
        write_parquet(tmp_path / f"{split}-0.parquet", columns, features)
    assert refusal(tmp_path).code is ShardCode.WHICH_COLUMN
    with Project.over(tmp_path, labels="fine_label") as project:
        assert project.catalog.balance() == {split: {"train": 2, "apple": 2} for split in ("train", "test")}


def test_a_label_that_is_no_name_is_left_out_with_its_reason(tmp_path: Path) -> None:
    columns = {"image": [content for *_, content in SAMPLES[:5]], "label": ["a", "b", "", " ", "\u200b"]}
    with Project.over(write_parquet(tmp_path / "x.parquet", columns)) as project:
        assert project.classes() == {"a": 1, "b": 1}
        assert [left.code for left in project.left_out()] == [ShardLeftOutCode.LABEL_MISSING] * 3


def test_a_file_without_a_known_ending_does_not_hide_the_shards_beside_it(tmp_path: Path) -> None:
    (write_shards(tmp_path) / "SHA256SUMS").write_text("abc  train-000000.tar\n")
    with Project.over(tmp_path) as project:
        assert project.classes() == {"cat": 10, "dog": 10}


@pytest.mark.parametrize("names", [["cow/1.jpg", "test/1.jpg"], ["cow/1.jpg", "cow/2.jpg"]])
def test_samples_are_read_beside_class_folders(names: list[str], tmp_path: Path) -> None:
    shard = write_shards(tmp_path / "shards") / "train-000000.tar"
    for number, name in enumerate(names):
        path = tmp_path / "animals" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(draw_photo(100 + number)))
    with Project.over([shard, tmp_path / "animals"], labels="folders") as project:
        counts = Counter(name.partition("/")[0] for name in names)
        assert project.classes() == {"cat": 2, "dog": 2, **counts}


@pytest.mark.parametrize("column", [None, "label"])
def test_photos_to_test_with_and_no_column_of_classes_are_left_out(column: str | None, tmp_path: Path) -> None:
    folder = write_hub(tmp_path / "hub")
    pictures = [{"bytes": encode(draw_photo(200 + number)), "path": f"{number}.jpg"} for number in range(3)]
    write_parquet(folder / "data" / "test-00000-of-00001.parquet", {"image": pictures, "count": [1.0] * 3})
    with Project.over(folder, labels=column) as project:
        assert set(project.classes("train")) == {"cat", "dog"}
        assert project.photos(split="test") == []
        codes = Counter(left.code for left in project.left_out())
        assert codes == {ShardLeftOutCode.LABEL_MISSING: 3, ShardCode.EMPTY: 1}
    (folder / "data" / "test-00000-of-00001.parquet").rename(tmp_path / "photos.parquet")
    assert "photos.parquet" in str(refusal(tmp_path / "photos.parquet", labels=column))


def test_photos_without_a_class_beside_samples_are_left_out(tmp_path: Path) -> None:
    shard = write_shards(tmp_path / "shards") / "train-000000.tar"
    loose = [f"IMG_{number}.jpg" for number in range(3)]
    for number, name in enumerate(loose):
        (tmp_path / name).write_bytes(encode(draw_photo(100 + number)))
    with Project.open(tmp_path / "project") as project:
        project.uploads.receive([("pets.tar", shard), *((name, tmp_path / name) for name in loose)])
        project.uploads.take("folders")
        assert project.classes() == {"cat": 2, "dog": 2}
        assert {left.file: left.code for left in project.left_out()} == dict.fromkeys(loose, LeftOutCode.NO_CLASS)


def test_photos_to_test_with_are_asked_about_by_the_name_of_their_shard(tmp_path: Path) -> None:
    write_shards(tmp_path)
    with Project.open(tmp_path / "project") as project:
        project.uploads.receive([("pets.tar", tmp_path / "train-000000.tar")])
        project.uploads.receive([("test.tar", tmp_path / "test-000000.tar")])
        assert project.catalog.balance() == {"train": {"cat": 2, "dog": 2}, "test": {"cat": 2, "dog": 2}}
        project.uploads.take("folders")
        assert project.catalog.balance() == {"train": {"cat": 4, "dog": 4}}


def test_splits_are_those_of_folders_inside_a_tar(tmp_path: Path) -> None:
    members = [
        member
        for split, label, key, content in SAMPLES[:10]
        for member in ((f"{split}/{key}.jpg", content), (f"{split}/{key}.cls", label.encode()))
    ]
    with Project.over(write_tar(tmp_path / "x.tar", members)) as project:
        assert project.catalog.balance() == {"test": {"cat": 1, "dog": 1}, "train": {"cat": 4, "dog": 4}}


@pytest.mark.parametrize("pictures", [("left", "right", "top"), ("input",)])
@pytest.mark.parametrize(("ending", "text"), [("cls", "{}"), ("target.cls", "{}"), ("json", '{{"label": "{}"}}')])
def test_pictures_of_a_sample_have_its_label_and_are_a_group(
    pictures: tuple[str, ...], ending: str, text: str, tmp_path: Path
) -> None:
    shards = [
        write_tar(tmp_path / f"{shard}.tar", [
            (f"{number}.{end}", content)
            for number, label in enumerate(("cat", "dog"))
            for end, content in (
                *((f"{name}.png", encode(draw_photo(ord(name[0]) + 2 * number + shard), "PNG")) for name in pictures),
                (ending, text.format(label).encode()),
            )
        ])
        for shard in range(2)
    ]  # fmt: skip
    with Project.over(shards) as project:
        assert project.classes() == {"cat": 2 * len(pictures), "dog": 2 * len(pictures)}
        groups = Counter(photo.layout_group for photo in project.photos())
    assert list(groups.values()) == ([3] * 4 if len(pictures) > 1 else [4])
    with Project.over(shards, groups="none") as project:
        assert {photo.layout_group for photo in project.photos()} == {None}


def test_a_key_that_is_repeated_in_a_tar_is_another_sample(tmp_path: Path) -> None:
    joined = [
        member for _, label, _, content in SAMPLES[:4] for member in (("0.jpg", content), ("0.cls", label.encode()))
    ]
    found = read(write_tar(tmp_path / "x.tar", joined))
    known = {hashlib.sha256(content).hexdigest(): label for _, label, _, content in SAMPLES[:4]}
    assert {digest: label for digest, label, _ in found} == known


def test_labels_may_lie_apart_from_their_pictures(tmp_path: Path) -> None:
    pictures = [(f"{key}.jpg", content) for *_, key, content in SAMPLES[:6]]
    labels = [(f"{key}.txt", label.encode()) for _, label, key, _ in SAMPLES[:6]]
    found = read(write_tar(tmp_path / "x.tar", [*pictures, *labels]))
    assert [label for _, label, _ in found] == ["cat"] * 3 + ["dog"] * 3


def test_masks_beside_the_pictures_do_not_count_as_unlabeled(tmp_path: Path) -> None:
    members = [
        member
        for _, label, key, content in SAMPLES[:4]
        for member in (
            (f"{key}.jpg", content), (f"{key}.seg.png", b"1"), (f"{key}.depth.png", b"2"),
            (f"{key}.cls", label.encode()),
        )
    ]  # fmt: skip
    with Project.over(write_tar(tmp_path / "x.tar", members)) as project:
        assert project.classes() == {"cat": 2, "dog": 2}


@pytest.mark.parametrize("kind", ["parquet", "tar"])
def test_a_shard_without_a_labeled_photo_is_left_out_beside_others(kind: str, tmp_path: Path) -> None:
    pictures = [content for *_, content in SAMPLES[:4]]
    features = {"image": {}, "label": {"names": ["cat", "dog"]}}
    write_parquet(tmp_path / "train-0.parquet", {"image": pictures, "label": [0, 1] * 2}, features)
    empty = tmp_path / f"test-0.{kind}"
    if kind == "tar":
        write_tar(empty, [])
    else:
        write_parquet(empty, {"image": pictures, "label": [-1] * 4}, features)
    with Project.over(tmp_path) as project:
        assert project.catalog.balance() == {"train": {"cat": 2, "dog": 2}}
        left = project.left_out()
        assert [one.code for one in left if one.file == empty.name] == [ShardCode.EMPTY]
        assert {one.code for one in left if one.file != empty.name} <= {ShardLeftOutCode.LABEL_MISSING}
        assert len(left) == (1 if kind == "tar" else 5)
    with pytest.raises(DataError):
        Project.over([empty, empty])
    assert refusal(empty).code is ShardCode.EMPTY


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


def test_a_group_of_rows_is_not_in_memory_as_a_whole(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"image": [bytes([number]) * 50_000 for number in range(200)]})
    parquet.write_table(table, tmp_path / "x.parquet", compression="none", use_dictionary=False, write_batch_size=4)
    del table
    before, taken = arrow.total_allocated_bytes(), []
    for _, found in parquet_files.stream(tmp_path / "x.parquet", tmp_path / "into"):
        assert isinstance(found, Path)
        found.unlink()
        taken.append(arrow.total_allocated_bytes() - before)
    assert len(taken) == 200
    assert max(taken) < 4_000_000


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
    [(Limits(files=3), ShardCode.TOO_MANY_IN_SHARD), (Limits(bytes_unpacked=3000), ShardCode.TOO_BIG)],
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
        project.uploads.receive([(shard.name, shard) for shard in shards])
        assert project.catalog.balance() == {"test": {"cat": 2, "dog": 2}, "train": {"cat": 8, "dog": 8}}
        assert project.uploads.last() is not None


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
