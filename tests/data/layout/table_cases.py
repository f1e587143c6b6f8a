"""Layouts with labels in a table."""

from __future__ import annotations

import json

from .made_up import HASHES, IDS, LABELS, TWO, Case, csv, folders, many, pairs

_FLAT = [f"{name}.jpg" for name in IDS]
_IMAGES = [f"images/{name}.jpg" for name in IDS]
_ROWS = list(zip(IDS, LABELS))
_LABELS = csv(("file", "label"), pairs())
_DISEASES = {"0": "rust", "1": "scab"}


def _one_hot(header: tuple[str, ...], rows: list[tuple[str, str]]) -> str:
    return csv(("filename", *header), [(name, *(int(label == one) for one in header)) for name, label in rows])


TABLES = [
    Case("file and label", _IMAGES, "read", TWO, texts={"labels.csv": csv(("filename", "label"), pairs())}),
    Case("names without suffix", _IMAGES, "read", TWO, texts={"labels.csv": csv(("image_id", "breed"), _ROWS)}),
    Case(
        "semicolons and a byte order mark",
        _FLAT,
        "read",
        TWO,
        texts={"labels.csv": "\ufeff" + csv(("file", "class"), pairs(), ";")},
    ),
    Case("tabs without a header", _FLAT, "ask", TWO, texts={"labels.tsv": csv((), pairs(), "\t")}, says=("header",)),
    Case("blanks without a header", _FLAT, "ask", TWO, texts={"labels.txt": csv((), pairs(), " ")}),
    Case(
        "comments before a list",
        _FLAT,
        "ask",
        TWO,
        texts={"list.txt": "# image class\n# two classes\n" + csv((), pairs(), " ")},
    ),
    Case(
        "paths of another computer",
        _IMAGES,
        "read",
        TWO,
        texts={"l.csv": csv(("path", "label"), pairs(before="C:\\data\\images\\"))},
    ),
    Case(
        "numbers without zeros",
        many("imgs/{:03}.png", 24, 0),
        "read",
        {"0": 12, "1": 12},
        texts={"labels.csv": csv(("id", "diagnosis"), [(n, n % 2) for n in range(24)])},
    ),
    Case(
        "one 0/1 column without a label header",
        many("ct/{:03}.png", 24, 0),
        "read",
        {"0": 12, "1": 12},
        texts={"labels.csv": csv(("id", "hemorrhage"), [(n, n % 2) for n in range(24)])},
    ),
    Case(
        "all photos of one folder, others beside",
        [*many("head/{:03}.png", 24, 0), "Photo example/a.png"],
        "read",
        {"0": 12, "1": 12},
        texts={"l.csv": csv(("id", "sick"), [(n, n % 2) for n in range(24)])},
    ),
    Case(
        "Kaggle",
        [f"train/{i}.jpg" for i in IDS] + [f"test/{i}.jpg" for i in IDS[:9]],
        "read",
        TWO,
        {"train": 24},
        texts={
            "train.csv": csv(("id", "label"), _ROWS),
            "sample_submission.csv": csv(("id", "label"), [(i, "cat") for i in IDS[:9]]),
        },
        not_taken={"unlabeled_split": 9},
    ),
    Case(
        "Kaggle with a labeled test",
        [f"train/a{i}.jpg" for i in IDS] + [f"test/b{i}.jpg" for i in IDS[:8]],
        "read",
        {"cat": 16, "dog": 16},
        {"train": 24, "test": 8},
        texts={
            "train.csv": csv(("id", "label"), [("a" + i, k) for i, k in _ROWS]),
            "test.csv": csv(("id", "label"), [("b" + i, k) for i, k in _ROWS[:8]]),
        },
    ),
    Case(
        "one csv in each split folder",
        [f"{s}/{i}.jpg" for s in ("train", "valid") for i in IDS],
        "read",
        {"cat": 24, "dog": 24},
        {"train": 24, "val": 24},
        texts={f"{s}/labels.csv": _LABELS for s in ("train", "valid")},
    ),
    Case(
        "Hugging Face metadata.csv",
        [f"train/{i}.jpg" for i in IDS],
        "read",
        TWO,
        texts={"train/metadata.csv": csv(("file_name", "label"), pairs())},
    ),
    Case(
        "Hugging Face metadata.jsonl",
        [f"train/{i}.jpg" for i in IDS],
        "read",
        TWO,
        texts={"train/metadata.jsonl": "\n".join(json.dumps({"file_name": f, "label": k}) for f, k in pairs())},
    ),
    Case("json: a label for each file", _FLAT, "read", TWO, texts={"labels.json": json.dumps(dict(pairs()))}),
    Case(
        "json: files for each label",
        _FLAT,
        "read",
        TWO,
        texts={"labels.json": json.dumps({label: [f for f, k in pairs() if k == label] for label in TWO})},
    ),
    Case(
        "json: records in an object",
        _FLAT,
        "read",
        TWO,
        texts={
            "labels.json": json.dumps({"info": {"by": "x"}, "items": [{"image": f, "category": k} for f, k in pairs()]})
        },
    ),
    Case(
        "json of an annotation tool",
        _FLAT,
        "read",
        TWO,
        texts={
            "export.json": json.dumps(
                [
                    {
                        "id": n,
                        "data": {"image": f"/upload/3/{HASHES[n]}-{f}"},
                        "annotations": [{"result": [{"value": {"choices": [k]}}]}],
                    }
                    for n, (f, k) in enumerate(pairs())
                ]
            )
        },
    ),
    Case(
        "a choice of an annotation tool",
        _FLAT,
        "read",
        TWO,
        texts={
            "export.csv": csv(
                ("annotator", "choice", "image", "lead_time"),
                [(1, k, f"/upload/3/{HASHES[n]}-{f}", n * 1.37) for n, (f, k) in enumerate(pairs())],
            )
        },
    ),
    Case("columns of 0 and 1", _FLAT, "read", TWO, texts={"labels.csv": _one_hot(("cat", "dog"), pairs())}),
    Case(
        "columns of 0 and 1 beside a label",
        _FLAT,
        "read",
        TWO,
        texts={
            "labels.csv": csv(
                ("image", "label", "indoor", "day"), [(i, k, n % 2, n % 3 == 0) for n, (i, k) in enumerate(_ROWS)]
            )
        },
    ),
    Case(
        "Roboflow classes",
        [
            f"{s}/p{n}_jpg.rf.{h * 4}.jpg"
            for s, ns in (("train", range(20)), ("valid", range(20, 26)))
            for n in ns
            for h in (HASHES[n], HASHES[n + 30])
        ],
        "read",
        {"cat": 26, "dog": 26},
        {"train": 40, "val": 12},
        texts={
            f"{s}/_classes.csv": csv(
                ("filename", " cat", " dog"),
                [
                    (f"p{n}_jpg.rf.{h * 4}.jpg", f" {n % 2}", f" {1 - n % 2}")
                    for n in ns
                    for h in (HASHES[n], HASHES[n + 30])
                ],
            )
            for s, ns in (("train", range(20)), ("valid", range(20, 26)))
        },
        groups=26,
    ),
    Case(
        "a column of splits",
        _FLAT,
        "read",
        TWO,
        {"train": 16, "test": 8},
        texts={
            "labels.csv": csv(
                ("filename", "label", "split"),
                [(f, k, "test" if n % 3 == 0 else "train") for n, (f, k) in enumerate(pairs())],
            )
        },
    ),
    Case(
        "splits in a table beside class folders",
        folders(TWO),
        "read",
        TWO,
        {"train": 16, "test": 8},
        texts={
            "split.csv": csv(
                ("file", "set"), [(f, "test" if n % 3 == 0 else "train") for n, f in enumerate(folders(TWO))]
            )
        },
    ),
    Case(
        "lists of files for each split",
        folders(TWO, "images/"),
        "read",
        TWO,
        {"train": 18, "test": 6},
        texts={
            f"meta/{s}.txt": "".join(
                f[7:-4] + "\n" for n, f in enumerate(folders(TWO, "images/")) if (n % 4 == 0) == (s == "test")
            )
            for s in ("train", "test")
        },
    ),
    Case(
        "a column of patients",
        _FLAT,
        "read",
        TWO,
        texts={
            "labels.csv": csv(("filename", "patient_id", "label"), [(f, n // 2, k) for n, (f, k) in enumerate(pairs())])
        },
        groups=12,
    ),
    Case(
        "a table for groups only",
        folders(TWO),
        "read",
        TWO,
        groups=8,
        texts={"groups.csv": csv(("file", "group"), [(f, n // 3) for n, f in enumerate(folders(TWO))])},
    ),
    Case(
        "a diagnosis beside sex and age",
        _FLAT,
        "read",
        TWO,
        groups=12,
        texts={
            "meta.csv": csv(
                ("lesion_id", "image_id", "dx", "dx_type", "age", "sex"),
                [(f"L{n // 2}", i, k, "histo", 40.0 + n % 3, "fm"[n % 3 == 0]) for n, (i, k) in enumerate(_ROWS)],
            )
        },
    ),
    Case(
        "columns of 0 and 1 in one table, sex in another",
        [f"Input/{h}.jpg" for h in HASHES[:40]],
        "read",
        {"MEL": 10, "NV": 20, "BCC": 10},
        texts={
            "GroundTruth.csv": csv(
                ("image", "MEL", "NV", "BCC", "UNK"),
                [
                    (h, float(n % 4 == 0), float(n % 4 in (1, 2)), float(n % 4 == 3), 0.0)
                    for n, h in enumerate(HASHES[:40])
                ],
            ),
            "Metadata.csv": csv(
                ("image", "age", "lesion_id", "sex"),
                [(h, 55, f"L{n // 2}", "fm"[n % 3 == 0]) for n, h in enumerate(HASHES[:40])],
            ),
        },
        groups=20,
    ),
    Case(
        "names of numbered classes in classes.txt",
        _FLAT,
        "read",
        {"rust": 12, "scab": 12},
        texts={
            "labels.csv": csv(("file", "class"), [(f, n % 2) for n, (f, _) in enumerate(pairs())]),
            "classes.txt": "rust\nscab\n",
        },
    ),
    Case(
        "names of numbered classes from 1",
        _FLAT,
        "read",
        {"rust": 12, "scab": 12},
        texts={
            "labels.csv": csv(("file", "class"), [(f, n % 2 + 1) for n, (f, _) in enumerate(pairs())]),
            "classes.txt": "rust\nscab\n",
        },
    ),
    Case(
        "equal names never join two numbers",
        _FLAT,
        "read",
        {"crane (0)": 12, "crane (1)": 12},
        texts={
            "labels.csv": csv(("file", "class"), [(f, n % 2) for n, (f, _) in enumerate(pairs())]),
            "label_map.json": json.dumps({"0": "crane", "1": "crane"}),
        },
    ),
    Case(
        "names of numbered classes in a table",
        _FLAT,
        "read",
        {"rust": 12, "scab": 12},
        texts={
            "labels.csv": csv(("file", "class_id"), [(f, n % 2) for n, (f, _) in enumerate(pairs())]),
            "class_names.csv": csv(("class_id", "name"), _DISEASES.items()),
        },
    ),
    Case(
        "ImageNet's list of synsets",
        folders({"n01440764": 8, "n02102040": 8}),
        "read",
        {"tench, Tinca tinca": 8, "English springer": 8},
        texts={"LOC_synset_mapping.txt": "n01440764 tench, Tinca tinca\nn02102040 English springer\n"},
    ),
    Case(
        "class folders for training, a table for test",
        [*folders({"0": 8, "1": 8}, "Train/"), *many("Test/{:05}.png", 8, 0)],
        "read",
        {"0": 12, "1": 12},
        {"train": 16, "test": 8},
        texts={
            "Train.csv": csv(("ClassId", "Path"), [(f.split("/")[1], f) for f in folders({"0": 8, "1": 8}, "Train/")]),
            "Test.csv": csv(("ClassId", "Path"), [(n % 2, f"Test/{n:05}.png") for n in range(8)]),
        },
    ),
    Case(
        "numbered parts with a table",
        [f"set_images_part_{n % 2}/{i}.jpg" for n, i in enumerate(IDS)],
        "read",
        TWO,
        texts={"meta.csv": csv(("image", "label"), _ROWS)},
    ),
    Case(
        "tables for parts of one folder",
        _FLAT,
        "read",
        TWO,
        texts={"a.csv": csv(("file", "label"), pairs()[:12]), "b.csv": csv(("file", "label"), pairs()[12:])},
    ),
]
