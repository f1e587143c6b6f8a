"""Layouts with a table that is asked about, or that agrees with folders."""

from __future__ import annotations

from .made_up import AB, IDS, TWO, Case, csv, folders, pairs

_FLAT = [f"{name}.jpg" for name in IDS]
_LABELS = csv(("file", "label"), pairs())

ASKED = [
    Case(
        "several labels for many photos",
        _FLAT,
        "ask",
        {"cat": 8, "dog": 8},
        texts={"labels.csv": csv(("image", "cat", "dog"), [(i, n % 3 != 1, n % 3 != 0) for n, i in enumerate(IDS)])},
        says=("several labels a photo are not possible here", "8 of 24"),
    ),
    Case(
        "labels joined by a line",
        _FLAT,
        "ask",
        {"a": 8, "b": 8},
        texts={"labels.csv": csv(("image", "label"), [(i, ("a", "b", "a|b")[n % 3]) for n, i in enumerate(IDS)])},
        says=("8 of 24",),
    ),
    Case(
        "half of the photos named",
        _FLAT,
        "ask",
        {"cat": 6, "dog": 6},
        texts={"labels.csv": csv(("filename", "label"), pairs()[:12])},
        says=("labels.csv", "12 of 24"),
    ),
    Case(
        "a table says otherwise than folders",
        folders(TWO),
        "ask",
        TWO,
        says=("labels.csv", "otherwise"),
        texts={"labels.csv": csv(("file", "label"), [(f, "xy"[n % 2]) for n, f in enumerate(folders(TWO))])},
    ),
    Case(
        "two tables say different things",
        _FLAT,
        "ask",
        TWO,
        says=("different",),
        texts={
            "a.csv": _LABELS,
            "b.csv": csv(("file", "class"), [(f, "xy"[n % 3 == 0]) for n, (f, _) in enumerate(pairs())]),
        },
    ),
    Case(
        "tables of one header that contradict",
        _FLAT,
        "ask",
        TWO,
        texts={
            "a.csv": _LABELS,
            "b.csv": csv(("file", "label"), [(f, "xy"[n % 3 == 0]) for n, (f, _) in enumerate(pairs())]),
        },
    ),
    Case(
        "several columns without a label header",
        _FLAT,
        "ask",
        TWO,
        texts={
            "t.csv": csv(
                ("file", "what", "where"), [(f, k, "in" if n < 12 else "out") for n, (f, k) in enumerate(pairs())]
            )
        },
    ),
    Case(
        "many values for few photos",
        _FLAT,
        "ask",
        {f"k{n}": 2 for n in range(12)},
        says=("many different values",),
        texts={"l.csv": csv(("file", "label"), [(f, f"k{n % 12}") for n, (f, _) in enumerate(pairs())])},
    ),
    Case(
        "sites as folders and species in a table",
        [f"S{n % 4}/{i}.jpg" for n, i in enumerate(IDS)],
        "ask",
        TWO,
        texts={"seen.csv": csv(("site", "file", "species"), [(f"S{n % 4}", f, k) for n, (f, k) in enumerate(pairs())])},
    ),
]

AGREEING = [
    Case(
        "a table says what folders say",
        folders(TWO),
        "read",
        TWO,
        texts={"l.csv": csv(("file", "label"), [(f, f.split("/")[0].upper()) for f in folders(TWO)])},
    ),
    Case(
        "a table settles what recurring folders mean",
        [f"{p}/{k}/{p}{i}.jpg" for p in ("anna", "ben") for k in TWO for i in range(6)],
        "read",
        TWO,
        texts={
            "l.csv": csv(
                ("file", "label"),
                [(f"{p}{k}.jpg", "x") for p, k in AB.items()]
                + [(f"{p}/{k}/{p}{i}.jpg", k) for p in ("anna", "ben") for k in TWO for i in range(6)],
            )
        },
        groups=2,
    ),
]
