"""One photo as deep training varies it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from classifier.config import DOMAINS
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import views
from tests.helpers import NASTY, fill


def test_one_photo_is_shown_in_eight_ways_for_deep_training_only(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    assert views.show(home, token, "deep", "photo") == ""
    fill(home, token, make_folder({"cat": 2}))
    assert views.show(home, token, "quick", "photo") == ""
    assert views.show(home, token, "deep", NASTY) == ""
    shown = [views.show(home, token, "deep", domain) for domain in DOMAINS]
    pictures = [one.split("<img")[1:] for one in shown]
    assert [len(each) for each in pictures] == [8] * len(DOMAINS)
    assert len({each[0] for each in pictures}) == 1  # the photo as it is
    assert len({"".join(each[1:]) for each in pictures}) == len(DOMAINS)
    assert views.show(home, token, "deep", "photo") == shown[0]


def test_a_photo_that_became_unusable_is_skipped(tmp_path: Path, make_folder: Any) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    fill(home, token, make_folder({"cat": 2}))
    before = views.show(home, token, "deep", "photo")
    with home.open(token) as project:
        project.photo_path(project.photos()[0]).write_bytes(b"")
    after = views.show(home, token, "deep", "photo")
    assert after.count("<img") == 8
    assert after != before
