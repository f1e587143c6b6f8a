"""The table of hostile requests to a page in a process of its own: each is answered, and the page stays as it was.

``pytest -n 0 -s tests/hostile/test_requests.py`` prints it.
"""

from __future__ import annotations

import httpx
import pytest

from .attacks import PATIENCE, SECONDS, forget_peak, peak_memory
from .request_cases import CASES
from .served import Page

MEGABYTES = 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_hostile_request_is_answered_with_a_sentence(name: str, served: Page) -> None:
    call = CASES[name]
    forget_peak(served.pid)
    content = call.body() if call.body else None
    method = call.method or ("POST" if call.body else "GET")
    with httpx.Client(base_url=served.url, timeout=PATIENCE * SECONDS, trust_env=False) as client:
        try:
            answer = client.request(method, call.path, content=content, headers=dict(call.headers))
            status, words = answer.status_code, answer.text
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError, httpx.InvalidURL) as error:
            status, words = 413, f"closed: {type(error).__name__}"  # the page need not read all of a long body
    megabytes = max(0, peak_memory(served.pid) - served.idle) // 10**6
    print(f"request  {name:46.46} {megabytes:5} MB  {status} {words.splitlines()[0][:120] if words else ''}")
    assert 400 <= status < 500 or (call.allowed and status == 200), words[:500]
    assert "root:" not in words
    assert "Traceback" not in words
    assert megabytes < MEGABYTES
    assert served.is_alive()
    assert served.answers()
    assert "Traceback" not in served.log
    inside = {served.folder / "home", served.folder / "checkpoints", served.folder / "log.txt"}
    assert set(served.folder.iterdir()) <= inside
