"""Layouts with labels in file names or boxes."""

from __future__ import annotations

import json

from .made_up import Case, csv, many

_PAIR = {"cat": 10, "dog": 10}
_VOC = "<annotation><filename>{}.jpg</filename>{}</annotation>"
_WAYS = ("leftlight", "glasses", "happy")


def _xml(number: int, *labels: str) -> str:
    return _VOC.format(number, "".join(f"<object><name>{k}</name></object>" for k in labels))


def _kind(number: int) -> str:
    return "cat" if number % 2 else "dog"


NAMES = [
    Case("cat.0.jpg", [*many("cat.{}.jpg", 10), *many("dog.{}.jpg", 10)], "ask", _PAIR, says=("file names",)),
    Case(
        "cat.0.jpg in train, test1 without",
        [*many("train/cat.{}.jpg", 10), *many("train/dog.{}.jpg", 10), *many("test1/{}.jpg", 9)],
        "ask",
        _PAIR,
        {"train": 20},
        not_taken={"unlabeled_split": 9},
    ),
    Case("cat (1).jpg", [*many("cat ({}).jpg", 10), *many("dog ({}).jpg", 10)], "ask", _PAIR),
    Case(
        "Cat_1 and CAT_2",
        [*many("Cat_{}.jpg", 7), *many("CAT_{}.jpg", 3, 8), *many("dog_{}.jpg", 10)],
        "ask",
        {"Cat": 10, "dog": 10},
    ),
    Case("img_cat_1", [f"img_{k}_{n}.jpg" for n in range(10) for k in _PAIR], "ask", _PAIR),
    Case("12_cat", [f"{n}_{k}.jpg" for n in range(10) for k in _PAIR], "ask", _PAIR),
    Case("P1_cat_front", [f"P{n}_{k}_front.jpg" for n in range(10) for k in _PAIR], "ask", _PAIR),
    Case(
        "daisy_001 in a folder",
        [*many("flowers/daisy_{:03}.jpg", 12), *many("flowers/rose_{:03}.jpg", 12)],
        "ask",
        {"daisy": 12, "rose": 12},
    ),
    Case(
        "words of splits in names",
        [
            *many("train/normal-{}.jpg", 9),
            *many("train/defect-{}.jpg", 9),
            *many("test/test-normal-{}.jpg", 3),
            *many("test/test-defect-{}.jpg", 3),
        ],
        "ask",
        {"normal": 12, "defect": 12},
        {"train": 18, "test": 6},
    ),
    Case(
        "label as the ending of pictures without suffix",
        [f"faces/subject{n:02}.{k}" for n in range(12) for k in _WAYS],
        "ask",
        dict.fromkeys(_WAYS, 12),
        groups=12,
    ),
    Case(
        "names with YOLO numbers without names",
        [*many("cat.{}.jpg", 10), *many("dog.{}.jpg", 10)],
        "ask",
        _PAIR,
        texts={f"{k}.{n}.txt": f"{k == 'cat':d} 0.5 0.5 0.2 0.2\n" for k in _PAIR for n in range(1, 11)},
    ),
    Case(
        "breeds with a list without a header",
        [f"images/{k}_{n}.jpg" for k in ("Persian", "great_dane") for n in range(9)],
        "ask",
        {"Persian": 9, "great_dane": 9},
        texts={
            "list.txt": csv((), [(f"{k}_{n}", 1 + (k > "Q")) for k in ("Persian", "great_dane") for n in range(9)], " ")
        },
    ),
]

BOXES = [
    Case(
        "Roboflow annotations",
        many("train/p{}.jpg", 20),
        "ask",
        _PAIR,
        texts={
            "train/_annotations.csv": csv(
                ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"),
                [(f"p{n}.jpg", 640, 480, _kind(n), 1, 2, 3, 4) for n in range(1, 21)],
            )
        },
        says=("boxes",),
    ),
    Case(
        "YOLO",
        many("images/train/{}.jpg", 20),
        "ask",
        _PAIR,
        texts={
            **{f"labels/train/{n}.txt": f"{n % 2} 0.5 0.5 0.2 0.2\n" * 2 for n in range(1, 21)},
            "data.yaml": "train: images/train\nnames: ['dog', 'cat']\n",
        },
    ),
    Case(
        "YOLO beside the pictures, numbered names",
        many("{}.jpg", 20),
        "ask",
        {"yes": 10, "no": 10},
        texts={
            **{f"{n}.txt": f"{n % 2} 0.5 0.5 0.2 0.2\n" for n in range(1, 21)},
            "data.yaml": "names:\n  0: yes\n  1: no\n",
        },
    ),
    Case(
        "YOLO in two splits",
        [*many("train/images/{}.jpg", 20), *many("valid/images/{}.jpg", 6, 21)],
        "ask",
        {"cat": 13, "dog": 13},
        {"train": 20, "val": 6},
        texts={
            "data.yaml": "names:\n- dog\n- cat\n",
            **{
                f"{s}/labels/{n}.txt": f"{n % 2} 0.5 0.5 0.2 0.2\n"
                for s, ns in (("train", range(1, 21)), ("valid", range(21, 27)))
                for n in ns
            },
        },
    ),
    Case(
        "YOLO without names",
        many("images/{}.jpg", 20),
        "ask",
        {"0": 10, "1": 10},
        texts={f"labels/{n}.txt": f"{n % 2} 0.5 0.5 0.2 0.2\n" for n in range(1, 21)},
    ),
    Case(
        "VOC",
        many("JPEGImages/{}.jpg", 20),
        "ask",
        _PAIR,
        texts={f"Annotations/{n}.xml": _xml(n, _kind(n), _kind(n)) for n in range(1, 21)},
    ),
    Case(
        "VOC with several classes in some",
        [*many("JPEGImages/{}.jpg", 20), *many("SegmentationClass/{}.png", 20)],
        "ask",
        {"cat": 8, "dog": 8},
        not_taken={"several_labels": 4, "mask": 20},
        texts={
            f"Annotations/{n}.xml": _xml(n, _kind(n), *(["dog", "cat"] if n % 5 == 0 else [])) for n in range(1, 21)
        },
    ),
    Case(
        "COCO",
        many("images/{}.jpg", 20),
        "ask",
        _PAIR,
        texts={
            "annotations.json": json.dumps(
                {
                    "images": [{"id": n, "file_name": f"{n}.jpg"} for n in range(1, 21)],
                    "categories": [{"id": 0, "name": "dog"}, {"id": 1, "name": "cat"}],
                    "annotations": [{"image_id": n, "category_id": n % 2} for n in range(1, 21)],
                }
            )
        },
    ),
    Case(
        "CreateML",
        many("{}.jpg", 20),
        "ask",
        _PAIR,
        texts={
            "_annotations.createml.json": json.dumps(
                [
                    {
                        "image": f"{n}.jpg",
                        "annotations": [{"label": _kind(n), "coordinates": {"x": 1, "y": 2, "width": 3, "height": 4}}],
                    }
                    for n in range(1, 21)
                ]
            )
        },
    ),
    Case(
        "labelme",
        many("pics/{}.jpg", 20),
        "ask",
        _PAIR,
        texts={
            f"pics/{n}.json": json.dumps({"shapes": [{"label": _kind(n), "points": [[1, 2]]}], "imagePath": f"{n}.jpg"})
            for n in range(1, 21)
        },
    ),
    Case(
        "regions of the annotator VIA",
        many("{}.jpg", 20),
        "ask",
        _PAIR,
        texts={
            "via.csv": "filename,region_count,region_shape_attributes,region_attributes\n"
            + "".join(
                f'{n}.jpg,1,"{{""name"":""rect"",""x"":1}}","{{""class"":""{_kind(n)}""}}"\n' for n in range(1, 21)
            )
        },
    ),
    Case(
        "Edge Impulse boxes",
        many("training/{}.jpg.abc.jpg", 20),
        "ask",
        _PAIR,
        texts={
            "info.labels": json.dumps(
                {
                    "version": 1,
                    "files": [
                        {
                            "path": f"training/{n}.jpg.abc.jpg",
                            "label": {"type": "label", "label": str(n)},
                            "boundingBoxes": [{"label": _kind(n), "x": 1, "y": 1, "width": 5, "height": 5}],
                        }
                        for n in range(1, 21)
                    ],
                }
            )
        },
    ),
    Case(
        "Edge Impulse labels of files",
        many("training/{}.jpg.abc.jpg", 20),
        "read",
        _PAIR,
        texts={
            "info.labels": json.dumps(
                {
                    "version": 1,
                    "files": [
                        {"path": f"training/{n}.jpg.abc.jpg", "label": {"type": "label", "label": _kind(n)}}
                        for n in range(1, 21)
                    ],
                }
            )
        },
    ),
]
