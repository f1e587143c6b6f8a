"""What browsers send for an event, without a page that is served."""

from __future__ import annotations

import json

import pytest

from classifier.messages.server import RequestCode
from classifier.ui.request_values import LIST_BYTES, RequestError, read_agent_call

LARGEST = 100_000  # files in one upload, where the host sets no other limit


def listed(count: int, **more: object) -> bytes:
    path, name = "/home/photos/uploads/" + "0" * 64, "a folder/of a class with a long name/IMG_20240101_1"
    rows = [{"path": f"{path}/{number}.jpg", "name": f"{name}{number}.jpg"} for number in range(count)]
    return json.dumps({"data": ["token"], "event_data": {"files": rows, "label": ""}, **more}).encode()


@pytest.mark.slow
def test_the_list_of_the_largest_upload_is_read() -> None:
    content = listed(LARGEST)
    assert len(content) < LIST_BYTES
    assert read_agent_call(content).content == content


@pytest.mark.parametrize(
    "content",
    [listed(10, data=[0] * 400_001), json.dumps({"data": [0] * 100_001}).encode(), b'{"data": [' + b"[]," * 2_000_000],
    ids=["beside files", "without files", "of empty lists"],
)
def test_more_values_than_any_upload_has_are_refused(content: bytes) -> None:
    with pytest.raises(RequestError) as error:
        read_agent_call(content)
    assert error.value.code is RequestCode.NO_JSON
