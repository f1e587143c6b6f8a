"""Hostile requests to the page, each as (method, address, body, headers)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

API = "/gradio_api"
_FORM = {"content-type": "multipart/form-data; boundary=x"}
_LOGIN = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Call:
    """One request; the answer's status is 400 or above, unless ``allowed``."""

    path: str
    body: Callable[[], Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = ""
    allowed: bool = False


def join(**changes: Any) -> Callable[[], bytes]:
    """Return the body of a call of the first event with other entries."""
    return lambda: json.dumps({"data": [""], "fn_index": 0, "session_hash": "hostile", **changes}).encode()


def part(name: str = "files", file: str = "a.jpg", content: bytes = b"x") -> Callable[[], bytes]:
    """Return a form with one file."""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode("utf-8", "replace")
    return lambda: head + content + b"\r\n--x--\r\n"


def field_of(size: int) -> Callable[[], bytes]:
    """Return a form with one field that is no file."""
    head = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    return lambda: head + b"x" * size + b"\r\n--x--\r\n"


def drip(chunk: bytes, count: int) -> Callable[[], Iterator[bytes]]:
    """Return a body in chunks, with no length in its head."""
    return lambda: (chunk for _ in range(count))


JOIN, UPLOAD = f"{API}/queue/join", f"{API}/upload"
CASES: dict[str, Call] = {
    "JSON of 100 MB": Call(JOIN, join(data=["x" * 100_000_000])),
    "JSON of 300 MB in chunks": Call(JOIN, drip(b'{"a":' * 200_000, 300)),
    "JSON of 500,000 values": Call(JOIN, join(data=[[0] * 500_000])),
    "JSON 100,000 deep": Call(JOIN, lambda: b"[" * 100_000),
    "JSON with a number of a million digits": Call(JOIN, lambda: b'{"data": [' + b"9" * 10**6 + b"]}"),
    "JSON that is a list": Call(JOIN, lambda: b"[]"),
    "JSON with NaN": Call(JOIN, lambda: b'{"data": [NaN], "fn_index": 0}'),
    "JSON cut off": Call(JOIN, lambda: b'{"data": [""'),
    "call of an event that is not there": Call(JOIN, join(fn_index=10**9)),
    "call with a number of text": Call(JOIN, join(fn_index="0")),
    "call with no values": Call(JOIN, join(data=None)),
    "call with a session of a path": Call(JOIN, join(session_hash="../../etc")),
    "call with a session of an object": Call(JOIN, join(session_hash={"a": 1})),
    "file value with a path of the system": Call(f"{API}/call/predict", join(data=[{"path": "/etc/passwd"}, "", 1])),
    "file value with a URL": Call(f"{API}/call/predict", join(data=[{"path": "http://127.0.0.1/x.png"}, "", 1])),
    "file value marked as a file, with a URL": Call(
        f"{API}/call/predict",
        join(data=[{"path": "http://169.254.169.254/", "meta": {"_type": "gradio.FileData"}}, "", 1]),
    ),
    "file value of a data address": Call(
        f"{API}/call/predict", join(data=[{"url": "data:image/png;base64,AAAA", "path": None}, "", 1])
    ),
    "address of a URL": Call(f"{API}/file=http://127.0.0.1:1/x.png"),
    "address of a file of the system": Call(f"{API}/file=/etc/passwd"),
    "address with ..": Call(f"{API}/file=../../../../etc/passwd"),
    "address with encoded ..": Call(f"{API}/file=%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
    "address of 100,000 letters": Call(f"{API}/file=" + "a" * 60_000),
    "address of the monitor": Call(f"{API}/monitoring/summary"),
    "address of deep links": Call(f"{API}/deep_link?session_hash=x"),
    "address of another host through the proxy": Call(f"{API}/proxy=http://127.0.0.1:1/"),
    "session of somebody else": Call(f"{API}/queue/data?session_hash=hostile' OR 1=1", allowed=True),
    "host of another website": Call("/", headers={"host": "evil.example"}),
    "origin of another website": Call(JOIN, join(), headers={"origin": "http://evil.example"}),
    "upload with a name with ..": Call(UPLOAD, part(file="../../../escaped.jpg"), _FORM, allowed=True),
    "upload with a name of 5,000 letters": Call(UPLOAD, part(file="x" * 5000 + ".jpg"), _FORM, allowed=True),
    "upload with a name of markup": Call(UPLOAD, part(file="<script>.svg"), _FORM, allowed=True),
    "upload of a field of 50 MB": Call(UPLOAD, field_of(50_000_000), _FORM),
    "upload of 2,000 files at once": Call(UPLOAD, lambda: part()()[:-7] * 2000 + b"--x--\r\n", _FORM),
    "upload of 100,000 headers": Call(UPLOAD, lambda: b"--x\r\n" + b"A: b\r\n" * 100_000 + b"\r\nx", _FORM),
    "upload with no boundary": Call(UPLOAD, part(), {"content-type": "multipart/form-data"}),
    "upload that is JSON": Call(UPLOAD, lambda: b"{}", {"content-type": "application/json"}),
    "upload that is cut off": Call(UPLOAD, lambda: part()()[:60], _FORM),
    "upload for an address of somebody else": Call(f"{UPLOAD}?upload_id=../../x", part(), _FORM, allowed=True),
    "login with 10 MB": Call("/login", lambda: b"username=" + b"x" * 10**7, _LOGIN),
    "method that is none": Call("/", method="PROPFIND"),
    "ranges without an end": Call("/theme.css", headers={"range": "bytes=" + "0-1," * 5000}, allowed=True),
    "cookie of 60,000 letters": Call("/config", headers={"cookie": "a=" + "b" * 60_000}, allowed=True),
}  # fmt: skip
