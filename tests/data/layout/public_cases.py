"""Layouts as well-known public data sets have them, made up with few photos."""

from __future__ import annotations

import json

from .made_up import HASHES, Case, csv, folders, many

_DIGITS = {str(digit): 8 for digit in range(10)}
_BIRDS = {"001.Albatross": 8, "002.Auklet": 8}
_BIRD_FILES = [f"{k}/{k[4:]}_{n:04}_{n + 10}.jpg" for k in _BIRDS for n in range(8)]
_DOGS = ("n02085620-Chihuahua", "n02085782-Japanese_spaniel")
_SYNSETS = ("n01440764", "n02102040")
_NETTE = [
    (f"{s}/{k}/{k}_{n}.JPEG", k, _SYNSETS[n % 2], s == "val")
    for s, count in (("train", 12), ("val", 4))
    for k in _SYNSETS
    for n in range(count)
]
_SCANS = many("{:08}_000.png", 30)
_LAND = [(k, n) for k in ("AnnualCrop", "Forest") for n in range(1, 11)]
_TRACKED = ("ImageID", "Source", "LabelName", "XMin", "XMax", "YMin", "YMax")


def _land_list(numbers: range) -> str:
    rows = [(n, f"{k}/{k}_{n}.jpg", int(k == "Forest"), k) for k, n in _LAND if n in numbers]
    return csv(("", "Filename", "Label", "ClassName"), rows)


def _box_list(names: tuple[str, ...]) -> str:
    rows = [(name, "xclick", ("/m/011k07", "/m/09d5_")[n % 2], 0.1, 0.9, 0.2, 0.8) for n, name in enumerate(names)]
    return csv(_TRACKED, rows)


PUBLIC = [
    Case(
        "digits as PNG files",
        [*folders(dict.fromkeys(_DIGITS, 6), "mnist/training/"), *folders(dict.fromkeys(_DIGITS, 2), "mnist/testing/")],
        "read",
        _DIGITS,
        {"train": 60, "test": 20},
    ),
    Case(
        "birds with lists of numbers",
        [f"CUB/images/{name}" for name in _BIRD_FILES],
        "read",
        _BIRDS,
        texts={
            "CUB/images.txt": csv((), enumerate(_BIRD_FILES, 1), " "),
            "CUB/image_class_labels.txt": csv((), [(n, 1 + n // 9) for n in range(1, 17)], " "),
            "CUB/train_test_split.txt": csv((), [(n, n % 2) for n in range(1, 17)], " "),
            "CUB/classes.txt": csv((), enumerate(_BIRDS, 1), " "),
        },
    ),
    Case(
        "dogs with annotations without a suffix",
        [f"images/Images/{k}/{n}.jpg" for k in _DOGS for n in range(8)]
        + [f"annotations/Annotation/{k}/{n}" for k in _DOGS for n in range(8)],
        "read",
        dict.fromkeys(_DOGS, 8),
    ),
    Case(
        "pets with masks and a list",
        [f"images/{k}_{n}.jpg" for k in ("Abyssinian", "pug") for n in range(1, 11)]
        + [f"annotations/trimaps/{k}_{n}.png" for k in ("Abyssinian", "pug") for n in range(1, 11)],
        "ask",
        {"Abyssinian": 10, "pug": 10},
        texts={
            "annotations/list.txt": "#Image CLASS-ID SPECIES BREED ID\n"
            + csv((), [(f"{k}_{n}", i, i, 1) for i, k in ((1, "Abyssinian"), (2, "pug")) for n in range(1, 11)], " ")
        },
        not_taken={"mask": 20},
    ),
    Case(
        "a table of noisy labels beside class folders",
        [f"imagenette/{name}" for name, *_ in _NETTE],
        "ask",
        dict.fromkeys(_SYNSETS, 16),
        {"train": 24, "val": 8},
        texts={"imagenette/noisy.csv": csv(("path", "noisy_labels_0", "noisy_labels_50", "is_valid"), _NETTE)},
    ),
    Case(
        "land use with a table for each split",
        [f"EuroSAT/{k}/{k}_{n}.jpg" for k, n in _LAND],
        "read",
        {"AnnualCrop": 10, "Forest": 10},
        {"train": 14, "val": 4, "test": 2},
        texts={
            "EuroSAT/train.csv": _land_list(range(1, 8)),
            "EuroSAT/validation.csv": _land_list(range(8, 10)),
            "EuroSAT/test.csv": _land_list(range(10, 11)),
            "EuroSAT/label_map.json": json.dumps({"AnnualCrop": 0, "Forest": 1}),
        },
    ),
    Case(
        "boxes of coded classes in two splits",
        [*(f"train/{h}.jpg" for h in HASHES[:18]), *(f"validation/{h}.jpg" for h in HASHES[18:24])],
        "ask",
        {"Tortoise": 12, "Owl": 12},
        {"train": 18, "val": 6},
        texts={
            "train-annotations-bbox.csv": _box_list(HASHES[:18]),
            "validation-annotations-bbox.csv": _box_list(HASHES[18:24]),
            "class-descriptions-boxable.csv": "/m/011k07,Tortoise\n/m/09d5_,Owl\n",
        },
    ),
    Case(
        "class folders for training, a list of labels for validation",
        [f"tiny/train/{k}/images/{k}_{n}.JPEG" for k in _SYNSETS for n in range(8)]
        + many("tiny/val/images/val_{}.JPEG", 6),
        "read",
        dict.fromkeys(_SYNSETS, 11),
        {"train": 16, "val": 6},
        texts={
            "tiny/val/val_annotations.txt": csv(
                (), [(f"val_{n}.JPEG", _SYNSETS[n % 2], 0, n, 44, 62) for n in range(1, 7)], "\t"
            )
        },
    ),
    Case(
        "numbers of boxes beside photos to test with are no classes",
        [*folders({"0": 8, "1": 8}, "train/"), *many("test/t{}.png", 8)],
        "read",
        {"0": 8, "1": 8},
        {"train": 16},
        texts={"test/boxes.txt": csv((), [(f"t{n}.png", n % 2, 1 - n % 2) for n in range(1, 9)], " ")},
        not_taken={"unlabeled_split": 8},
    ),
    Case(
        "X-rays with a copy and files of a Mac",
        [
            f"{outer}chest_xray/{s}/{k}/{k}-{n}.jpeg"
            for outer in ("", "chest_xray/")
            for s, count in (("train", 9), ("val", 2), ("test", 4))
            for k in ("NORMAL", "PNEUMONIA")
            for n in range(count)
        ]
        + ["chest_xray/__MACOSX/._1.jpeg"],
        "read",
        {"NORMAL": 30, "PNEUMONIA": 30},
        {"train": 36, "val": 8, "test": 16},
    ),
    Case(
        "X-rays with several findings, lists of splits and patients",
        [f"images_{1 + n // 15:03}/images/{name}" for n, name in enumerate(_SCANS)],
        "ask",
        {"No Finding": 10, "Effusion": 10},
        {"train": 16, "test": 4},
        texts={
            "Data_Entry.csv": csv(
                ("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Gender"),
                [
                    (f, ("No Finding", "Effusion", "Effusion|Mass")[n % 3], 0, n // 2, "MF"[n % 2])
                    for n, f in enumerate(_SCANS)
                ],
            ),
            "train_val_list.txt": "\n".join(_SCANS[:24]) + "\n",
            "test_list.txt": "\n".join(_SCANS[24:]) + "\n",
        },
        says=("10 of 30",),
    ),
    Case(
        "leaves with numbered diseases and records",
        [*(f"train_images/{h}.jpg" for h in HASHES[:40]), "test_images/2216849948.jpg", "records/ld00-1338.tfrec"],
        "read",
        {"Bacterial Blight (CBB)": 10, "Healthy": 30},
        {"train": 40},
        texts={
            "train.csv": csv(("image_id", "label"), [(f"{h}.jpg", 4 * (n % 4 > 0)) for n, h in enumerate(HASHES[:40])]),
            "sample_submission.csv": "image_id,label\n2216849948.jpg,4\n",
            "label_num_to_disease_map.json": json.dumps({"0": "Bacterial Blight (CBB)", "1": "x", "4": "Healthy"}),
        },
        not_taken={"unlabeled_split": 1},
    ),
    Case(
        "leaves with columns of 0 and 1 and a list of test photos",
        [*many("images/Train_{}.jpg", 24, 0), *many("images/Test_{}.jpg", 20, 0)],
        "read",
        {"healthy": 8, "rust": 8, "scab": 8},
        {"train": 24},
        texts={
            "train.csv": csv(
                ("image_id", "healthy", "multiple_diseases", "rust", "scab"),
                [(f"Train_{n}", int(n % 3 == 0), 0, int(n % 3 == 1), int(n % 3 == 2)) for n in range(24)],
            ),
            "test.csv": csv(("image_id",), [(f"Test_{n}",) for n in range(20)]),
        },
        not_taken={"unlabeled_split": 20},
    ),
    Case(
        "tags joined by blanks",
        many("train-jpg/train_{}.jpg", 40, 0),
        "ask",
        {"clear": 8, "primary": 8, "haze": 8},
        texts={
            "train_v2.csv": csv(
                ("image_name", "tags"),
                [
                    (f"train_{n}", ("clear", "haze primary", "primary", "clear primary", "haze")[n % 5])
                    for n in range(40)
                ],
            )
        },
        says=("16 of 40",),
    ),
    Case(
        "fruits with a test of several fruits",
        [
            *folders({"Apple": 10, "Kiwi": 10}, "f/Training/"),
            *folders({"Apple": 4, "Kiwi": 4}, "f/Test/"),
            *many("f/test-multiple_fruits/{}.jpg", 5),
            "f/papers/a.jpg",
        ],
        "read",
        {"Apple": 14, "Kiwi": 14},
        {"train": 20, "test": 8},
        not_taken={"beside_splits": 6},
    ),
    Case(
        "signs with test photos named by their class",
        [*folders({"A": 9, "B": 9}, "asl_train/asl_train/"), "asl_test/asl_test/A_test.jpg"],
        "read",
        {"A": 9, "B": 9},
        {"train": 18},
        not_taken={"unlabeled_split": 1},
    ),
    Case(
        "folders of Roboflow",
        [
            f"cups/{s}/{k}/{k}{n}_jpg.rf.{h * 4}.jpg"
            for s, numbers in (("train", range(12)), ("valid", range(10, 15)))
            for k in ("chipped", "ok")
            for n in numbers
            for h in (HASHES[n], HASHES[n + 20])
        ],
        "read",
        {"chipped": 34, "ok": 34},
        {"train": 48, "val": 20},
        groups=30,
    ),
    Case(
        "folds with train and test in each",
        [
            f"fold{fold}/{'test' if n % 3 == fold else 'train'}/{k}/{n}.png"
            for fold in range(3)
            for k in ("pos", "neg")
            for n in range(9)
        ],
        "ask",
        {"pos": 27, "neg": 27},
        {"train": 36, "test": 18},
    ),
    Case(
        "scans with a table of patients in another folder",
        [f"archive/scans/{h}.png" for h in HASHES[:24]],
        "read",
        {"benign": 12, "malignant": 12},
        texts={
            "archive/clinical/metadata.tsv": csv(
                ("Patient", "Image", "Diagnosis", "Date"),
                [
                    (n // 3, f"scans/{h}", ("benign", "malignant")[n % 2], f"2020-01-{n + 1:02}")
                    for n, h in enumerate(HASHES[:24])
                ],
                "\t",
            )
        },
        groups=8,
    ),
]
