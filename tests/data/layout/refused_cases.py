"""Layouts without any reading, and what is to be said."""

from __future__ import annotations

from .made_up import HASHES, IDS, Case, csv, many

_FLAT = [f"{name}.jpg" for name in IDS]


def _refused(name: str, files: list[str], *says: str, **texts: str) -> Case:
    return Case(name, files, "refuse", says=says, texts={key.replace("__", "."): text for key, text in texts.items()})


REFUSED = [
    _refused(
        "splits without folders of classes",
        [*many("train/{}.jpg", 20), *many("test/{}.jpg", 9)],
        "29 pictures",
        "20 in train/",
        "“test” and “train” are parts",
        "no table",
    ),
    _refused(
        "splits with camera names",
        [*many("train/IMG_{:04}.jpg", 20), *many("val/IMG_{:04}.jpg", 9, 30)],
        "29 pictures",
        "cameras and apps",
    ),
    _refused(
        "splits with masks and a folder beside",
        [*many("train/{}.jpg", 20), *many("test/{}.jpg", 9), *many("masks/{}.png", 7), "plots/a.png"],
        "37 pictures",
        "7 pictures are masks",
        "1 picture lies beside",
    ),
    _refused("one folder named photos", many("photos/x{}.jpg", 30), "30 pictures", "“photos”", "no class"),
    _refused("one folder named train", many("train/{}.jpg", 30), "30 pictures", "“train”"),
    _refused(
        "folders of a camera",
        [f"DCIM/{n}APPLE/IMG_{i:04}.HEIC" for n in (100, 101) for i in range(9)],
        "18 pictures",
        "cameras and apps",
    ),
    _refused("photos of a cloud", many("iCloud Photos/IMG_{:04}.HEIC", 12), "12 pictures", "“iCloud Photos”"),
    _refused("camera names in no folder", many("IMG_{:04}.jpg", 30), "30 pictures", "in no folder", "cameras and apps"),
    _refused("cameras of two phones", [*many("IMG_{:04}.jpg", 15), *many("DSC{:05}.jpg", 15)], "cameras and apps"),
    _refused(
        "messengers and screenshots",
        [*many("WhatsApp Image 2024-01-{:02}.jpg", 12), *many("Screenshot_{}.png", 12)],
        "cameras and apps",
    ),
    _refused("hexadecimal names", [f"{name}.jpg" for name in HASHES], "numbers or codes"),
    _refused(
        "decimals are no labels",
        _FLAT,
        "data.csv",
        "no column",
        data__csv=csv(("file", "price"), [(f, f"{n % 3}.5") for n, f in enumerate(_FLAT)]),
    ),
    _refused(
        "a table of ages beside one folder",
        [f"faces/{f}" for f in _FLAT],
        "ages.csv names 24 of them, but no column",
        ages__csv=csv(("file", "age"), [(f, 20 + n % 7) for n, f in enumerate(_FLAT)]),
    ),
    _refused(
        "a table that names too few",
        _FLAT,
        "labels.csv",
        "2 of them",
        labels__csv=csv(("file", "label"), [("0001.jpg", "a"), ("0002.jpg", "b"), ("9.jpg", "a"), ("8.jpg", "b")]),
    ),
    _refused(
        "a sample submission is no table of labels",
        _FLAT,
        "no table",
        sample_submission__csv=csv(("file", "label"), [(f, n % 2) for n, f in enumerate(_FLAT)]),
    ),
    _refused(
        "nothing but photos of several labels",
        _FLAT,
        "16 of 24",
        "one label a photo",
        labels__csv=csv(("file", "a", "b", "c"), [(f, 1, n % 2, (n + 1) % 3 == 0) for n, f in enumerate(_FLAT)]),
    ),
    _refused("only masks", [*many("masks/{}.png", 9), *many("annotations/{}.png", 9)], "18 pictures"),
    _refused("programs and texts", ["README.md", "a.py", "b.py", "c.ipynb"], "“.py” (2)"),
    _refused("videos", ["a.mp4", "b.MOV"], "2 videos", "“a.mp4”"),
    _refused("HDF5 files", ["datasets/train.h5", "datasets/test.h5", "lr.py"], "HDF5", "“datasets/train.h5”"),
    _refused("MNIST's idx files", ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"], "idx"),
    _refused("NumPy arrays", ["x_train.npy", "data.npz"], "NumPy"),
    _refused("a Matlab file", ["digits.mat"], "Matlab"),
    _refused("TensorFlow records", ["train.tfrecord-00000-of-00002", "train.tfrecord-00001-of-00002"], "TensorFlow"),
    _refused("an LMDB database", ["data.mdb", "lock.mdb"], "LMDB"),
    _refused("a Parquet file", ["train-00000-of-00001.parquet"], "Parquet"),
    _refused(
        "pickled batches",
        ["cifar/data_batch_1", "cifar/test_batch", "cifar/batches.meta"],
        "never opened",
        "cifar-10-binary.tar.gz",
    ),
    _refused("a pickled archive", ["cifar-100-python.tar.gz"], "never opened", "cifar-100-binary.tar.gz"),
    _refused("a pickle", ["photos.pkl"], "Python's pickle format"),
    _refused("zips alone", ["a.zip", "b.zip"], "2 archives", "“a.zip”", "one after another"),
    _refused("other archives alone", ["photos.rar", "more.7z"], "2 archives", "Only zip"),
    _refused(
        "only one class to train on",
        [
            *many("bottle/train/good/{}.png", 20),
            *many("bottle/test/good/{}.png", 5),
            *many("bottle/test/broken/{}.png", 5),
        ],
        "all of one class, “good”",
    ),
    _refused("no files", [], "there is no file"),
]
