"""Pictures packed in MNIST's idx files and CIFAR's binary ones, through ``Project``."""

from __future__ import annotations

import gzip
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import MNIST

from classifier.config import Limits
from classifier.data.packed_pictures import unpack_pictures
from classifier.data.project import Project
from classifier.errors import DataError, LayoutError
from classifier.messages.packed import PackedCode, PackedErrorCode
from tests.data.packed_files import cifar, draw, idx, write_cifar10, write_mnist


def shown(project: Project) -> dict[str, dict[str, int]]:
    return project.catalog.balance()


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read_as_torchvision_reads_them(packed: bool, tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST" / "raw", {"train": 6, "t10k": 4}, packed=False)
    expected = [MNIST(str(tmp_path), train=part == "train") for part in ("train", "test")]
    write_mnist(tmp_path / "set", {"train": 6, "t10k": 4}, packed)
    with Project.over(tmp_path / "set") as project:
        assert shown(project) == {"train": {"3": 3, "4": 3}, "test": {"3": 2, "4": 2}}
        photos = sorted(project.photos(), key=lambda one: one.source.rpartition("/")[2])
        for split, known in zip(("train", "test"), expected):
            found = [one for one in photos if one.split == split]
            assert [int(one.label) for one in found] == known.targets.tolist()
            pictures = [np.asarray(Image.open(project.photo_path(one))) for one in found]
            assert np.array_equal(np.stack(pictures), known.data.numpy())


def test_batches_of_cifar_keep_names_splits_and_every_value(tmp_path: Path) -> None:
    pictures = write_cifar10(tmp_path / "cifar-10-batches-bin", each=2)
    with Project.over(tmp_path) as project:
        assert shown(project) == {
            "train": {"airplane": 5, "automobile": 5}, "test": {"airplane": 1, "automobile": 1},
        }  # fmt: skip
        by_name = {one.source.rpartition("/")[2]: project.photo_path(one) for one in project.photos()}
        assert np.array_equal(np.asarray(Image.open(by_name["000003.png"])), pictures[3])
        assert np.array_equal(np.asarray(Image.open(by_name["000010.png"])), pictures[10])


def test_the_fine_labels_of_a_hundred_classes_are_used(tmp_path: Path) -> None:
    coarse, fine = np.zeros(4, np.uint8), np.array([0, 1, 0, 1], np.uint8)
    for number, name in enumerate(("train", "test")):
        (tmp_path / f"{name}.bin").write_bytes(cifar(draw(4, 32, 32, 3, seed=number), coarse, fine))
    (tmp_path / "fine_label_names.txt").write_text("apple\naquarium/fish\n")
    (tmp_path / "coarse_label_names.txt").write_text("anything\n")
    with Project.over(tmp_path) as project:
        assert shown(project)["train"] == {"apple": 2, "aquarium/fish": 2}


def test_a_class_of_cifar_may_be_named_like_a_split(tmp_path: Path) -> None:
    labels = np.arange(4, dtype=np.uint8) % 2
    for number, name in enumerate(("train", "test")):
        (tmp_path / f"{name}.bin").write_bytes(cifar(draw(4, 32, 32, 3, seed=number), labels, labels))
    (tmp_path / "fine_label_names.txt").write_text("train\nmasks\n")
    expected = {split: {"train": 2, "masks": 2} for split in ("train", "test")}
    with Project.over(tmp_path) as project:
        assert shown(project) == expected


def test_packed_pictures_come_in_a_zip(tmp_path: Path) -> None:
    write_mnist(tmp_path / "raw", {"train": 4, "t10k": 2})
    archive = tmp_path / "mnist.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in (tmp_path / "raw").iterdir():
            packed.write(path, f"mnist/{path.name}")
    expected = {"train": {"3": 2, "4": 2}, "test": {"3": 1, "4": 1}}
    with Project.over(archive) as project:
        assert shown(project) == expected


@pytest.mark.slow
def test_packed_pictures_come_in_an_upload(tmp_path: Path) -> None:
    write_mnist(tmp_path / "raw", {"train": 4, "t10k": 2})
    expected = {"train": {"3": 2, "4": 2}, "test": {"3": 1, "4": 1}}
    with Project.open(tmp_path / "home") as project:
        assert project.uploads.receive([(path.name, path) for path in (tmp_path / "raw").iterdir()]).added == 6
        assert shown(project) == expected


def test_what_is_there_packed_and_unpacked_is_read_once(tmp_path: Path) -> None:
    for packed in (True, False):
        write_mnist(tmp_path, {"train": 4}, packed)
    with Project.over(tmp_path) as project:
        assert len(project.photos()) == 4
        assert [str(left.message) for left in project.left_out()] == [
            "holds the same as “train-images-idx3-ubyte”, which is used",
            "holds the same as “train-labels-idx1-ubyte”, which is used",
        ]


GOOD, LABELS = idx(draw(5, 28, 28)), idx(np.zeros(5, np.uint8))
BATCH = cifar(draw(3, 32, 32, 3), np.array([0, 1, 7], np.uint8))


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"images": GOOD[:-1], "labels": LABELS}, PackedCode.PACKED_CUT_OFF),
        ({"images": GOOD[:4] + b"\xff" * 4 + GOOD[8:], "labels": LABELS[:4] + b"\xff" * 4}, PackedCode.PACKED_CUT_OFF),
        ({"images": gzip.compress(GOOD[:-1]), "labels": LABELS}, PackedCode.PACKED_CUT_OFF),
        ({"images": gzip.compress(GOOD)[:-900], "labels": LABELS}, PackedCode.PACKED_DAMAGED),
        ({"images": gzip.compress(GOOD)[:40] + b"x" * 99, "labels": LABELS}, PackedCode.PACKED_DAMAGED),
        ({"images": GOOD, "labels": idx(np.zeros(4, np.uint8))}, PackedCode.LABELS_DIFFER),
        ({"images": b"\0\0\x0d\x03" + GOOD[4:], "labels": LABELS}, PackedCode.NOT_IDX),
        ({"images": b"", "labels": LABELS}, PackedCode.NOT_IDX),
        ({"images": GOOD}, PackedCode.LABELS_MISSING),
        ({"labels": LABELS}, PackedCode.PICTURES_MISSING),
        ({"batch": BATCH[:-1]}, PackedCode.NOT_CIFAR),
        ({"batch": b""}, PackedCode.NOT_CIFAR),
        ({"batch": BATCH, "names": b"cat\ndog\n"}, PackedCode.LABEL_UNKNOWN),
    ],
    ids=lambda value: value.name if isinstance(value, PackedCode) else "",
)
def test_a_file_that_cannot_be_right_leaves_nothing(files: dict[str, bytes], code: PackedCode, tmp_path: Path) -> None:
    names = {
        "images": "train-images-idx3-ubyte", "labels": "train-labels-idx1-ubyte", "batch": "data_batch_1.bin",
        "names": "batches.meta.txt",
    }  # fmt: skip
    for kind, content in files.items():
        (tmp_path / names[kind]).write_bytes(content)
    with pytest.raises(DataError) as error:
        Project.over(tmp_path)
    arguments = dict(error.value.message.arguments)
    assert (error.value.code, arguments["why"].code) == (PackedErrorCode.UNUSABLE, code)
    assert names[next(iter(files))] in str(error.value)
    others = [("cat/1.jpg", tmp_path / "1.jpg"), ("notes.txt", tmp_path / "notes.txt")]
    listed = [(names[kind], tmp_path / names[kind]) for kind in files]
    unpacked = unpack_pictures([*others, *listed], tmp_path / "into")
    assert (unpacked.files, [left.code for left in unpacked.left_out]) == (others, [code])
    assert not list((tmp_path / "into").glob("*"))


def test_more_pictures_than_may_come_are_refused_before_any_is_written(tmp_path: Path) -> None:
    write_mnist(tmp_path / "set", {"train": 6, "t10k": 4})
    for limits, code in (
        (Limits(files=9), PackedErrorCode.TOO_MANY),
        (Limits(bytes_unpacked=28 * 28 * 10 - 1), PackedErrorCode.TOO_BIG),
    ):
        with pytest.raises(DataError) as error:
            Project.over(tmp_path / "set", limits)
        assert error.value.code is code
        assert "train-images-idx3-ubyte.gz" in str(error.value)


def test_packed_zeros_are_refused_unwritten(tmp_path: Path) -> None:
    count = 70_000
    content = gzip.compress(idx(np.zeros((count, 28, 28), np.uint8)))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(count, np.uint8)))
    with pytest.raises(DataError, match="200 times"):
        Project.over(tmp_path)


def test_pickled_batches_are_refused_unopened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path(tmp_path / "run").mkdir, ()  # type: ignore[return-value]

    for name in ("data_batch_1", "batches.meta"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(LayoutError, match=r"cifar-10-binary\.tar\.gz"):
        Project.over(tmp_path)
    assert not (tmp_path / "run").exists()
