"""Files fetched over HTTP into a folder: whole and checked, or not there; what was cut off is taken up again.

torchvision's helpers have no time limit, begin anew what was cut off and go on without TLS where TLS fails.
"""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import DataError
from ..files import Lock, remove, storage_error
from ..messages.sets import DownloadCode

_SECONDS = 30.0  # without an answer
_CHUNK = 2**18  # bytes
_POLL = 0.5  # seconds between two looks at what another process fetches
_AGENT = "photo-classifier"  # some servers refuse Python's own name


def fetch(url: str, folder: Path, md5: str, most: int) -> Iterator[tuple[int, int]]:
    """Fetch a file into a folder under the name that it has there; yields (bytes done, bytes in total).

    Yields nothing where it is there. Closed or cut off, it goes on at the next call from the bytes that are there; of
    two at once, one waits for the other.

    Args:
        url: where the file is.
        folder: is created.
        md5: the checksum of the file, as its publisher or torchvision names it.
        most: bytes; a larger file is not read to its end.

    Raises ``DataError`` where nothing answers, the connection ends early or the content is another, ``StorageError``
    where the disk is full.
    """
    target = folder / urlsplit(url).path.rpartition("/")[2]
    part = target.with_name(f"{target.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            lock = Lock(target.with_name(f"{target.name}.lock"))
            while not target.exists() and lock.acquire() is not None:
                time.sleep(_POLL)
                yield _size(part), 0
            stack.callback(lock.release)
            if not target.exists():
                yield from _fetch(url, part, md5, most)
                part.replace(target)
    except OSError as error:
        remove(part)  # else the disk stays full
        raise storage_error(error) from error


def _fetch(url: str, part: Path, md5: str, most: int) -> Iterator[tuple[int, int]]:
    """Fetch what is missing of a file; where it does not fit to what was there, all of it."""
    for begin in dict.fromkeys((_size(part), 0)):
        yield from _receive(url, part, begin, most)
        if _md5(part) == md5:
            return
    part.unlink()
    raise DataError(DownloadCode.DAMAGED, **_names(url))


def _receive(url: str, part: Path, begin: int, most: int) -> Iterator[tuple[int, int]]:
    with _answer(url, begin) as response:
        begin = begin if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        length = response.headers.get("Content-Length") or ""
        done, total = begin, begin + int(length) if length.isdecimal() else 0
        with part.open("ab" if begin else "wb") as file:
            while done <= most and (chunk := _read(response, url, done)):
                file.write(chunk)
                done += len(chunk)
                yield done, total
    if done < total and done <= most:
        raise DataError(DownloadCode.CUT_OFF, done=done, **_names(url))


@contextmanager
def _answer(url: str, begin: int) -> Iterator[Any]:
    """Ask for a file from a byte on; a server that has no such byte gives all of it."""
    headers = {"User-Agent": _AGENT, **({"Range": f"bytes={begin}-"} if begin else {})}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if not (begin and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
            raise DataError(DownloadCode.REFUSED, status=error.code, **_names(url)) from error
        with _answer(url, 0) as response:
            yield response
        return
    except (OSError, http.client.HTTPException) as error:
        raise DataError(DownloadCode.NO_NETWORK, **_names(url)) from error
    with response:
        yield response


def _read(response: Any, url: str, done: int) -> bytes:
    try:
        return bytes(response.read(_CHUNK))
    except (OSError, http.client.HTTPException) as error:
        raise DataError(DownloadCode.CUT_OFF, done=done, **_names(url)) from error


def _names(url: str) -> dict[str, str]:
    return {"file": urlsplit(url).path.rpartition("/")[2], "host": urlsplit(url).netloc}


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
