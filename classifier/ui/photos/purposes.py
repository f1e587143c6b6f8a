"""What photos are for: which of them are shown, what they are used for, and a share set apart for testing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, cast, get_args

import gradio as gr

from ...data.assets import Split
from ...data.project import Project
from ...errors import ClassifierError, DataError
from ...messages import Code, number, sentence
from ...messages.photos_page import MovedCode, PurposeCode, PurposeHintCode, SplitsCode
from ...workflows.set_apart import PhotosApart, set_apart
from .. import html
from ..sessions import Home

SPLITS: tuple[Split, ...] = get_args(Split)
SHARES = {SplitsCode.TENTH: 0.1, SplitsCode.FIFTH: 0.2, SplitsCode.THIRD: 1 / 3}
_NAMED = 6  # classes whose counts are named one by one

Balance = Mapping[str, Mapping[str, int]]  # {split: {label: number of photos}}


def control() -> gr.Radio:
    """Create the control that chooses which photos are shown; it is hidden until there are photos of two purposes."""
    choices = [(str(_of(PurposeCode, split)), split) for split in SPLITS]
    return gr.Radio(choices, value="train", label=str(SplitsCode.SHOWN), visible=False, elem_id="photos-purpose")


def share_control() -> gr.Radio:
    """Create the control that chooses how large a share is set apart."""
    choices = [(str(code), share) for code, share in SHARES.items()]
    return gr.Radio(choices, value=SHARES[SplitsCode.FIFTH], label=str(SplitsCode.SHARE), elem_id="photos-share")


def to_show(balance: Balance, wanted: object) -> Split:
    """Return the purpose whose photos are shown: the one that is wanted, or the first that has photos."""
    present = [split for split in SPLITS if split in balance]
    return wanted if wanted in present else present[0]


def update_control(balance: Balance, shown: Split) -> Any:
    """Return the control as the photos are now, with the number of photos of each purpose."""
    present = [split for split in SPLITS if split in balance]
    counts = {split: sum(balance[split].values()) for split in present}
    choices = [
        (sentence(SplitsCode.CHOICE, purpose=_of(PurposeCode, split), count=count), split)
        for split, count in counts.items()
    ]
    visible = present != ["train"]
    return gr.update(choices=choices, value=shown, info=str(_of(PurposeHintCode, shown)), visible=visible)


def use(project: Project, ids: Sequence[int], purpose: object) -> str:
    """Use photos for something else, and return what was done; raises ``DataError`` for no purpose."""
    if purpose not in SPLITS:
        raise DataError(SplitsCode.WHICH_PURPOSE)
    project.set_split(ids, purpose)
    return html.note(sentence(_of(MovedCode, str(purpose)), count=len(ids)), "good")


def plan(balance: Balance, share: object) -> str:
    """Return how many photos would be set apart; empty where there are none to train on."""
    total = sum(balance.get("train", {}).values())
    if not total or share not in SHARES.values():
        return ""
    count = max(1, round(cast(float, share) * total))
    return html.quiet(html.text(SplitsCode.PLAN, count=count, total=total))


def update_back(balance: Balance) -> Any:
    """Return the button that moves all test photos back, hidden where there are none."""
    count = sum(balance.get("test", {}).values())
    return gr.update(value=sentence(SplitsCode.BACK, count=count), visible=count > 0)


def show_plan(home: Home, token: str, share: object) -> str:
    """Return how many photos of this visitor would be set apart."""
    project = home.find(token)
    if project is None:
        return ""
    with project:
        return plan(project.catalog.balance(), share)


def set_share_apart(home: Home, token: str, share: object) -> Iterator[str]:
    """Set a share of the training photos apart for testing; yields the progress, and what came of it."""
    if share not in SHARES.values():
        raise DataError(SplitsCode.WHICH_SHARE)
    home.check_room()
    with home.open(token) as project:
        before = project.catalog.balance().get("train", {})
        try:
            with closing(set_apart(project, cast(float, share))) as events:  # type: ignore[type-var]
                for event in events:
                    yield _came_of_it(before, event) if isinstance(event, PhotosApart) else html.progress(event)
        except ClassifierError:
            yield ""  # in place of the progress
            raise


def move_back(home: Home, token: str) -> str:
    """Use all test photos to train again."""
    with home.open(token) as project:
        return use(project, [photo.id for photo in project.photos(split="test")], "train")


def _came_of_it(before: Mapping[str, int], apart: PhotosApart) -> str:
    counts = {label: apart.classes[label] for label in before if label in apart.classes}
    none = [label for label in before if label not in counts]
    total = {"count": sum(counts.values()), "total": sum(before.values())}
    if len(counts) <= _NAMED:
        words = sentence(SplitsCode.DONE, classes=list(counts.items()), **total)
    else:
        low, high = min(counts.values()), max(counts.values())
        each = number(low) if low == high else sentence(SplitsCode.FROM_TO, low=low, high=high)
        words = sentence(SplitsCode.DONE_MANY, classes=len(counts), each=each, **total)
    if none:
        words += " " + sentence(SplitsCode.NONE_OF, labels=none)
    return html.note(words, "warn" if none else "good")


def _of(codes: type[Code], split: str) -> Code:
    return codes[split.upper()]
