"""Layouts with class folders."""

from __future__ import annotations

from .made_up import AB, HASHES, Case, csv, folders, many

_METADATA = csv(("file", "width", "height"), [(f, 100 + n, 90 + n) for n, f in enumerate(folders(AB))])
_SIZES = ("small", "large")

FOLDERS = [
    Case("plain class folders", folders(AB), "read", AB),
    Case("one wrapper", folders(AB, "photos/"), "read", AB),
    Case("two wrappers", folders(AB, "archive/my data/"), "read", AB),
    Case(
        "loose strays in the wrapper",
        [*folders(AB, "p/"), "p/x.jpg", "p/y.jpg"],
        "read",
        AB,
        not_taken={"outside_classes": 2},
    ),
    Case("a read me and a script beside", [*folders(AB), "README.md", "train.py", "LICENSE"], "read", AB),
    Case(
        "a class with a subfolder", [*folders(AB), "cat/more/1.jpg", "cat/more/2.jpg"], "read", {"cat": 14, "dog": 10}
    ),
    Case("numbers as classes", folders({str(n): 5 for n in range(10)}), "read", {str(n): 5 for n in range(10)}),
    Case(
        "camera names in class folders",
        folders({"rose": 8, "tulip": 8}, pattern="IMG_{:04}.JPG"),
        "read",
        {"rose": 8, "tulip": 8},
    ),
    Case(
        "messenger names in class folders",
        folders(AB, pattern="WhatsApp Image 2024-03-{:02} at 10.11.12.jpeg"),
        "read",
        AB,
    ),
    Case(
        "names that say otherwise in class folders",
        [f"{k}/{w}_{i}.jpg" for k in AB for w in "xy" for i in range(6)],
        "read",
        {"cat": 12, "dog": 12},
    ),
    Case("a csv of metadata beside", folders(AB), "read", AB, texts={"meta.csv": _METADATA}),
    Case("files of the system", [*folders(AB), "cat/.DS_Store", "__MACOSX/cat/._1.jpg", "cat/Thumbs.db"], "read", AB),
    Case("names without any suffix", folders(AB, pattern="img{}"), "read", AB),
    Case(
        "capital suffixes and webp",
        [*folders({"a": 6}, pattern="{}.WEBP"), *folders({"b": 6}, pattern="{}.Heic")],
        "read",
        {"a": 6, "b": 6},
    ),
    Case("one class alone", many("roses/{}.jpg", 9), "read", {"roses": 9}),
    Case("one class alone in a wrapper", many("flowers/roses/{}.jpg", 9), "read", {"roses": 9}),
    Case(
        "one class with two subfolders",
        [*many("roses/{}.jpg", 4), "roses/a/1.jpg", "roses/b/1.jpg"],
        "read",
        {"roses": 6},
    ),
    Case(
        "docs and results of a repository",
        [*folders({"ripe": 20, "raw": 20}, "data/set/"), "docs/arch.png", "results/confusion.png"],
        "ask",
        {"ripe": 20, "raw": 20},
        says=("“raw”",),
    ),
    Case(
        "pictures of a project beside the data",
        [*folders(AB, "dataset/"), "docs/a.png", "static/logo.png"],
        "read",
        AB,
        not_taken={"outside_classes": 2},
    ),
    Case(
        "class folders deep in an app",
        [*folders({"logo": 9, "no_logo": 9}, "app/src/assets/img/"), "app/public/favicon.ico"],
        "read",
        {"logo": 9, "no_logo": 9},
    ),
    Case(
        "a folder beside that of the data",
        [*folders(AB, "homework/data/"), "homework/solution/plot.png"],
        "read",
        AB,
        not_taken={"outside_classes": 1},
    ),
    Case(
        "dates below classes",
        [f"{k}/2024-06-{d:02}/IMG_{d}{i}.jpg" for k in ("wheat", "barley") for d in (1, 8, 15) for i in range(4)],
        "read",
        {"wheat": 12, "barley": 12},
        groups=3,
    ),
    Case(
        "a small class named demo beside others",
        folders({"rock": 20, "paper": 20, "demo": 4}),
        "read",
        {"rock": 20, "paper": 20, "demo": 4},
    ),
    Case(
        "parts of a download of Google Drive",
        [*many("set-20240101T101010Z-001/set/rose/{}.jpg", 6), *many("set-20240101T101010Z-002/set/tulip/{}.jpg", 6)],
        "read",
        {"rose": 6, "tulip": 6},
    ),
    Case(
        "albums of Google Takeout",
        [
            f"Takeout/Google Photos/{k}/IMG_{i}.jpg{s}"
            for k in ("edible", "poisonous")
            for i in range(6)
            for s in ("", ".json")
        ],
        "read",
        {"edible": 6, "poisonous": 6},
    ),
    Case(
        "a copy of all classes beside them", [*folders(AB), *folders(AB, "brain_data/")], "read", {"cat": 24, "dog": 20}
    ),
    Case("a wrapper named like its parent", folders(AB, "flowers/flowers/"), "read", AB),
    Case(
        "unlabeled photos of an annotation tool",
        [*folders(AB), "no_label/1.jpg"],
        "read",
        AB,
        not_taken={"unlabeled": 1},
    ),
    Case(
        "more unlabeled photos than others",
        [*folders(AB), *many("unlabeled/{}.jpg", 60)],
        "read",
        AB,
        not_taken={"unlabeled": 60},
    ),
    Case(
        "levels: kinds below classes",
        [f"{k}/{v}/{i}.jpg" for k in ("chair", "lamp") for v in (f"{k}-oak", f"{k}-pine") for i in range(4)],
        "read",
        {"chair": 8, "lamp": 8},
    ),
    Case(
        "patients below classes",
        [
            f"{k}/patient_{p:02}/{i}.png"
            for k, ps in (("benign", range(4)), ("bad", range(4, 8)))
            for p in ps
            for i in range(4)
        ],
        "read",
        {"benign": 16, "bad": 16},
        groups=8,
    ),
]

ROLES = [
    Case(
        "original and augmented below classes",
        [*folders({"original": 6, "augmented": 9}, "cat/"), *folders({"original": 5, "augmented": 9}, "dog/")],
        "read",
        {"cat": 15, "dog": 14},
    ),
    Case(
        "original and augmented above classes",
        [*folders(AB, "original/"), *folders(AB, "augmented/")],
        "read",
        {"cat": 24, "dog": 20},
        groups=22,
    ),
    Case(
        "raw and cooked may be classes",
        folders({"raw": 12, "cooked": 12}),
        "ask",
        {"raw": 12, "cooked": 12},
        says=("“raw”", "form"),
    ),
    Case(
        "images beside classes",
        folders({"cat": 30, "dog": 30, "images": 4}),
        "read",
        {"cat": 30, "dog": 30},
        not_taken={"outside_classes": 4},
    ),
    Case(
        "images and masks",
        [
            *many("images/ok_{}.jpg", 9),
            *many("images/torn_{}.jpg", 9),
            *many("masks/ok_{}.png", 9),
            *many("masks/torn_{}.png", 9),
        ],
        "ask",
        {"ok": 9, "torn": 9},
        not_taken={"mask": 18},
    ),
    Case(
        "class folders for images and for labels",
        [*folders(AB, "images/"), *folders(AB, "labels/", "{}.png")],
        "read",
        AB,
        not_taken={"mask": 22},
    ),
    Case(
        "train and train_masks",
        [*folders(AB, "train/"), *folders(AB, "train_masks/"), *folders(AB, "test/")],
        "read",
        {"cat": 24, "dog": 20},
        {"train": 22, "test": 22},
        not_taken={"mask": 22},
    ),
    Case(
        "a mask beside each photo",
        [f"{k}/{k} ({i}){m}.png" for k in ("benign", "bad") for i in range(6) for m in ("", "_mask")],
        "read",
        {"benign": 6, "bad": 6},
        not_taken={"mask": 12},
    ),
    Case(
        "close-ups of labels are no masks",
        [f"{k}/{k}{n}{m}.jpg" for k in ("gin", "rum") for n in range(6) for m in ("", "_label")],
        "read",
        {"gin": 12, "rum": 12},
    ),
    Case("face masks are classes", folders({"mask": 9, "no_mask": 9}), "read", {"mask": 9, "no_mask": 9}),
    Case(
        "with_mask and without_mask",
        folders({"with_mask": 9, "without_mask": 9}),
        "read",
        {"with_mask": 9, "without_mask": 9},
    ),
]

COLLECTIONS = [
    Case(
        "persons",
        [f"{p}/{k}/{i}.jpg" for p in ("anna", "ben", "cem") for k in ("fist", "palm") for i in range(6)],
        "ask",
        {"fist": 18, "palm": 18},
        groups=3,
        says=("recur",),
    ),
    Case(
        "days",
        [f"2024-05-{d:02}/{k}/{i}.jpg" for d in (1, 2, 3) for k in ("wet", "dry") for i in range(5)],
        "ask",
        {"wet": 15, "dry": 15},
        groups=3,
    ),
    Case(
        "sizes of the same pictures",
        [f"{s}/{k}/{i}.png" for s in _SIZES for k in "ABC" for i in range(6)],
        "ask",
        {"A": 12, "B": 12, "C": 12},
        groups=18,
    ),
    Case(
        "color, gray and segmented copies",
        [
            f"set/{c}/{k}/{h}{'_masked' if c == 'segmented' else ''}.jpg"
            for c in ("color", "gray", "segmented")
            for n, k in enumerate(("scab", "healthy"))
            for h in HASHES[n * 9 : n * 9 + 9]
        ],
        "ask",
        {"scab": 27, "healthy": 27},
        groups=18,
    ),
    Case(
        "collections beside raw data",
        [*folders(AB, "batch-a/"), *folders(AB, "batch-b/"), *many("scans/{}.png", 12)],
        "ask",
        {"cat": 24, "dog": 20},
    ),
    Case(
        "patients above classes",
        [f"patient{p:03}/{k}/slice_{i:03}.png" for p in range(5) for k in ("tumor", "none") for i in range(4)],
        "ask",
        {"tumor": 20, "none": 20},
        groups=5,
    ),
    Case(
        "kinds of defects below products, only good ones to train on",
        [f"{p}/train/good/{i}.png" for p in ("bottle", "cable") for i in range(20)]
        + [f"{p}/test/{k}/{i}.png" for p in ("bottle", "cable") for k in ("good", "bent") for i in range(4)],
        "ask",
        {"bottle": 28, "cable": 28},
        {"train": 40, "test": 16},
        says=("recur",),
    ),
    Case(
        "folders of days only",
        [f"2024-05-{d:02}/{i}.jpg" for d in (1, 2, 3) for i in range(8)],
        "ask",
        {f"2024-05-{d:02}": 8 for d in (1, 2, 3)},
        says=("dates",),
    ),
    Case(
        "a folder of all photos beside a small one",
        [*many("dataset1/{}.jpg", 40), *many("GUI/{}.png", 2)],
        "ask",
        {"dataset1": 40, "GUI": 2},
        says=("“dataset1”",),
    ),
    Case(
        "years of a photo library",
        [f"Photos from {y}/IMG_{i}.jpg" for y in (2021, 2022) for i in range(8)],
        "ask",
        {"Photos from 2021": 8, "Photos from 2022": 8},
    ),
    Case(
        "new folders",
        [f"New folder{s}/{i}.jpg" for s in ("", " (2)", " (3)") for i in range(6)],
        "ask",
        {"New folder": 6, "New folder (2)": 6, "New folder (3)": 6},
        says=("say nothing",),
    ),
    Case(
        "numbered parts",
        [f"images_{n:03}/{i}.png" for n in (1, 2) for i in range(8)],
        "ask",
        {"images_001": 8, "images_002": 8},
    ),
    Case(
        "videos as folders",
        [f"video_{n}/{i}.png" for n in range(4) for i in range(8)],
        "ask",
        {f"video_{n}": 8 for n in range(4)},
    ),
]
