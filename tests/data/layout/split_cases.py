"""Layouts with folders for training and testing."""

from __future__ import annotations

from .made_up import AB, IDS, TWO, Case, csv, folders, many, pairs

_VAL = {"cat": 4, "dog": 3}
_TRAIN_VAL = [*folders(AB, "train/"), *folders(_VAL, "val/")]
_BOTH = {"cat": 16, "dog": 13}
_SPLITS = {"train": 22, "val": 7}


def _two(train: str, test: str) -> list[str]:
    return [*folders(AB, f"{train}/"), *folders(_VAL, f"{test}/")]


def _languages() -> list[Case]:
    words = {
        "Portuguese": ("treino", "teste"),
        "Spanish": ("entrenamiento", "prueba"),
        "German": ("Training", "Testdaten"),
        "French": ("entraînement", "essai"),
        "Italian": ("addestramento", "prova"),
        "Russian": ("обучение", "тест"),
        "Chinese": ("训练集", "测试集"),
        "Chinese data sets": ("训练数据集", "测试数据集"),
        "Japanese": ("学習用", "テスト用"),
        "Japanese data": ("学習データ", "テストデータ"),
        "Korean": ("학습", "테스트"),
        "short": ("tr", "te"),
        "with set": ("training_set", "test_set"),
        "glued": ("TrainImages", "TestImages"),
        "numbered": ("train1", "test1"),
        "held out": ("train", "held_out"),
        "capitals": (" TRAIN ", "Testing"),
        "doubled": ("seg_train/seg_train", "seg_test/seg_test"),
        "of a project": ("rps-train", "rps-test-set"),
        "zips unpacked": ("train_zip/train", "test_zip/test"),
    }
    return [
        Case(f"{kind}: {train} and {test}", _two(train, test), "read", _BOTH, {"train": 22, "test": 7})
        for kind, (train, test) in words.items()
    ]


SPLITS = [
    Case("train and val", _TRAIN_VAL, "read", _BOTH, _SPLITS),
    Case("Training and Validation in a wrapper", _two("set/Training", "set/Validation"), "read", _BOTH, _SPLITS),
    *_languages(),
    Case("splits below images", _two("images/train", "images/val"), "read", _BOTH, _SPLITS),
    Case("images below splits", [*folders(AB, "train/images/"), *folders(_VAL, "val/images/")], "read", _BOTH, _SPLITS),
    Case(
        "splits inside each class",
        [*folders({"train": 8, "test": 3}, "cat/"), *folders({"train": 7, "test": 2}, "dog/")],
        "read",
        {"cat": 11, "dog": 9},
        {"train": 15, "test": 5},
    ),
    Case(
        "splits inside a folder named test",
        [*folders(AB, "test/train/"), *folders(_VAL, "test/val/")],
        "read",
        _BOTH,
        _SPLITS,
    ),
    Case(
        "three splits and a folder of plots",
        [*_TRAIN_VAL, *folders({"cat": 2, "dog": 2}, "test/"), "plots/a.png"],
        "read",
        {"cat": 18, "dog": 15},
        {"train": 22, "val": 7, "test": 4},
        not_taken={"beside_splits": 1},
    ),
    Case(
        "predictions beside the splits",
        [*_two("seg_train", "seg_test"), *many("seg_pred/{}.jpg", 9)],
        "read",
        _BOTH,
        {"train": 22, "test": 7},
        not_taken={"beside_splits": 9},
    ),
    Case(
        "a class and a split in each name",
        folders({"cat_train": 9, "Dog_train": 9, "cat_test": 3, "Dog_test": 3}),
        "read",
        {"cat": 12, "Dog": 12},
        {"train": 18, "test": 6},
    ),
    Case(
        "case differs between splits",
        [*folders({"Bees": 9, "Ants": 9}, "train/"), *folders({"bees": 3, "ants": 3}, "val/")],
        "read",
        {"Bees": 12, "Ants": 12},
        {"train": 18, "val": 6},
    ),
    Case(
        "a lone test folder beside class folders",
        [*folders(AB), *folders(_VAL, "test/")],
        "read",
        _BOTH,
        {"train": 22, "test": 7},
    ),
    Case(
        "validation and test beside class folders",
        [*folders(AB), *folders(_VAL, "val/"), *folders(_VAL, "test/")],
        "read",
        {"cat": 20, "dog": 16},
        {"train": 22, "val": 7, "test": 7},
    ),
    Case(
        "a lone train folder of class folders",
        [*folders(AB, "train/"), *many("samples/{}.jpg", 3)],
        "read",
        AB,
        {"train": 22},
        not_taken={"beside_splits": 3},
    ),
    Case("a train folder alone is a wrapper", folders(AB, "train/"), "read", AB, {"train": 22}),
    Case(
        "a test set without labels",
        [*folders(AB, "train/"), *many("test/{}.jpg", 9)],
        "read",
        AB,
        {"train": 22},
        not_taken={"unlabeled_split": 9},
    ),
    Case(
        "copies in a folder of the same name",
        [*_two("x/train", "x/test"), *_two("x/x/train", "x/x/test")],
        "read",
        {"cat": 32, "dog": 26},
        {"train": 44, "test": 14},
    ),
    Case(
        "splits in both of two wrappers",
        [*_two("a/train", "a/test"), *_two("b/train", "b/test")],
        "ask",
        {"cat": 32, "dog": 26},
        {"train": 44, "test": 14},
    ),
]

DOUBTFUL = [
    Case(
        "train is a vehicle",
        folders({"train": 9, "bus": 8, "car": 9}),
        "ask",
        {"train": 9, "bus": 8, "car": 9},
        says=("“train”",),
        split_classes=("train",),
    ),
    Case(
        "train is a vehicle in splits",
        [*folders({"train": 9, "bus": 8}, "train/"), *folders({"train": 3, "bus": 3}, "test/")],
        "ask",
        {"train": 12, "bus": 11},
        {"train": 17, "test": 6},
        split_classes=("train",),
    ),
    Case(
        "test beside control",
        folders({"test": 9, "control": 8}),
        "ask",
        {"test": 9, "control": 8},
        says=("“test”",),
        split_classes=("test",),
    ),
    Case(
        "tr beside de and fr",
        folders({"tr": 9, "de": 8, "fr": 9}),
        "ask",
        {"tr": 9, "de": 8, "fr": 9},
        split_classes=("tr",),
    ),
    Case(
        "plots of a farm named TR01",
        folders({"TR01": 9, "TR02": 8, "TE01": 9}),
        "read",
        {"TR01": 9, "TR02": 8, "TE01": 9},
    ),
    Case(
        "train stations and test tubes",
        folders({"train station": 9, "test tube": 9}),
        "read",
        {"train station": 9, "test tube": 9},
    ),
    Case(
        "a flat test folder beside class folders",
        [*folders(AB), *many("test/{}.jpg", 9)],
        "ask",
        AB,
        {"train": 22},
        says=("“test”",),
    ),
    Case(
        "more classes beside the splits",
        [*many("train/{}.jpg", 4), *many("test/{}.jpg", 4), *folders({"bus": 20, "car": 20})],
        "ask",
        {"bus": 20, "car": 20},
    ),
    Case(
        "more class folders beside splits of classes",
        [*folders({"a": 4, "b": 4}, "train/"), *folders({"a": 2, "b": 2}, "test/"), *folders({"bus": 20, "car": 20})],
        "ask",
        {"a": 6, "b": 6},
        {"train": 8, "test": 4},
        says=("beside",),
    ),
    Case(
        "train and test photos by their names",
        [*many("images/Train_{}.jpg", 24, 0), *many("images/Test_{}.jpg", 9, 0)],
        "read",
        TWO,
        {"train": 24},
        not_taken={"unlabeled_split": 9},
        texts={
            "train.csv": csv(("image_id", "label"), [(f"Train_{n}", label) for n, (_, label) in enumerate(pairs())])
        },
    ),
    Case(
        "a test folder beside loose photos",
        [*many("{:04}.jpg", 24, 0), *many("test/x{}.jpg", 9)],
        "read",
        TWO,
        {"train": 24},
        texts={"labels.csv": csv(("file", "label"), pairs())},
        not_taken={"unlabeled_split": 9},
    ),
    Case(
        "a test folder beside folders of sites",
        [*[f"site{n % 3}/{i}.jpg" for n, i in enumerate(IDS)], *many("test/x{}.jpg", 6)],
        "ask",
        {"cat": 15, "dog": 15},
        {"train": 24, "test": 6},
        texts={
            "all.csv": csv(("file", "label"), [*pairs(), *[(f"x{n}.jpg", ("cat", "dog")[n % 2]) for n in range(1, 7)]])
        },
    ),
]
