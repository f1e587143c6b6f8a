"""The limits of the host: defaults at home and on a Space, variables, and values that cannot work."""

from __future__ import annotations

import sys
from dataclasses import fields

import pytest

from classifier.config import LIMITS
from classifier.errors import SettingError
from classifier.messages.config import ConfigCode
from classifier.ui.host_limits import HOME_LIMITS, SPACE_LIMITS, HostLimits


def test_limits_at_home_are_wide_and_those_of_a_space_are_not() -> None:
    assert HostLimits.read({}) == HOME_LIMITS
    assert HostLimits.read({"SPACE_ID": "me/space"}) == SPACE_LIMITS
    assert (HOME_LIMITS.upload.classes, HOME_LIMITS.projects) == (sys.maxsize, sys.maxsize)
    assert SPACE_LIMITS.upload.classes == 500
    assert SPACE_LIMITS.networks == "table"
    assert HOME_LIMITS.upload.pixels <= LIMITS.pixels
    assert (HOME_LIMITS.upload.files, SPACE_LIMITS.upload.files) == (100_000, 20_000)
    for one in fields(HostLimits):
        if one.name != "networks":
            assert getattr(SPACE_LIMITS, one.name) <= getattr(HOME_LIMITS, one.name)


def test_each_limit_is_a_variable() -> None:
    numbers = {one.name: 7 for one in fields(HostLimits) if one.name != "networks"}
    variables = {f"CLASSIFIER_{name.upper()}": " 7 " for name in numbers}
    read = HostLimits.read({**variables, "CLASSIFIER_NETWORKS": "table"})
    assert read == HostLimits(**numbers, networks="table")  # type: ignore[arg-type]
    upload = read.upload
    assert (upload.files, upload.project_photos, upload.classes) == (7, 7, 7)
    assert (upload.bytes_unpacked, upload.project_bytes, upload.pixels) == (7_000_000, 7_000_000, 7_000_000)
    assert HostLimits.read({"SPACE_ID": "x", "CLASSIFIER_QUEUE": "3", "CLASSIFIER_CLASSES": ""}).queue == 3


@pytest.mark.parametrize("text", ["-1", "1.5", "many", "9" * 13, "1 2", "０"])
def test_a_variable_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="CLASSIFIER_CLASSES") as caught:
        HostLimits.read({"CLASSIFIER_CLASSES": text})
    assert caught.value.code is ConfigCode.LIMIT_VARIABLE


def test_a_limit_that_allows_nothing_is_refused() -> None:
    with pytest.raises(SettingError):
        HostLimits.read({"CLASSIFIER_PROJECTS": "0"})
    with pytest.raises(SettingError):
        HostLimits.read({"CLASSIFIER_NETWORKS": "all"})
