"""Downloads from the Hugging Face Hub into its cache on this disk, with progress; taken up where they were cut off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import TypeVar

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.file_download import HfFileMetadata, http_get, repo_folder_name
from huggingface_hub.utils import (
    WeakFileLock,
    are_progress_bars_disabled,
    build_hf_headers,
    disable_progress_bars,
    enable_progress_bars,
)
from huggingface_hub.utils.sha import sha_fileobj

T = TypeVar("T")
_CHECK_SECONDS = 2.0  # how long a person waits to hear that nothing can be fetched
_CHECK_AGAIN = 600.0  # seconds


def download(repository: str, file: str, revision: str | None = None) -> Iterator[tuple[int, int]]:
    """Download a file into the Hub's cache; yields (bytes done, bytes in total) a few times a second.

    ``revision`` is a branch, tag or commit; by default the newest version.

    Yields nothing where the file is cached, or the repository has no file of that name. Closing the iterator does
    not end the download. One that is cut off, with the connection or with the program, goes on at the next call from
    the bytes that are there; two at once are one. Raises what the Hub's client raises otherwise.
    """
    if is_cached(repository, file, revision):
        return
    try:
        found = huggingface_hub.get_hf_file_metadata(huggingface_hub.hf_hub_url(repository, file, revision=revision))
    except EntryNotFoundError:  # timm knows under which other name the weights are
        return
    total, part = found.size or 0, _part(repository, found)
    done = min(total, _size(part))
    future = _in_background(lambda: _download(repository, file, revision, found))
    # Progress is read from the disk: not all versions of the client can report it (tqdm_class, since 1.5).
    while not wait([future], timeout=0.2).done:
        done = max(done, min(total, _size(part)))  # once it is whole it is moved to its place
        yield done, total
    future.result()
    yield total, total


def is_cached(repository: str, file: str, revision: str | None = None) -> bool:
    """Return whether a file is in the Hub's cache; no connection is made."""
    return isinstance(huggingface_hub.try_to_load_from_cache(repository, file, revision=revision), str)


def discard_damaged(repository: str, file: str) -> None:
    """Delete a cached file whose content has changed, so that it is fetched again.

    The Hub names large files by their SHA-256. Each is read once in a process. Raises ``OSError`` where it cannot be
    read or deleted.
    """
    found = huggingface_hub.try_to_load_from_cache(repository, file)
    if isinstance(found, str):
        content = Path(found).resolve()
        if not _is_intact(content, content.stat().st_mtime_ns):
            content.unlink()
            Path(found).unlink(missing_ok=True)


@lru_cache(maxsize=100)
def _is_intact(content: Path, written: int) -> bool:
    """Return whether a file of the cache is what its name says, as it was ``written`` at that time."""
    return _is_content(content, content.name)


def is_switched_off() -> bool:
    """Return whether the client is told to stay offline (``HF_HUB_OFFLINE``)."""
    return bool(constants.HF_HUB_OFFLINE)


def can_fetch(repository: str, file: str, seconds: float = _CHECK_SECONDS) -> bool:
    """Return whether the Hub answers that it has a file, and False where it does not within ``seconds``.

    The answer is kept for ten minutes. One that comes too late counts at the next call. Where the Hub is switched
    off, nothing is asked.
    """
    if is_switched_off():
        return False
    url = huggingface_hub.hf_hub_url(repository, file)
    with _CHECKING:
        asked, answer = _ANSWERS.get(url, (0.0, None))
        if answer is None or monotonic() - asked > _CHECK_AGAIN:
            answer = _in_background(lambda: huggingface_hub.get_hf_file_metadata(url) is not None)
            _ANSWERS[url] = monotonic(), answer
    return bool(wait([answer], timeout=seconds).done) and answer.exception() is None


_ANSWERS: dict[str, tuple[float, Future[bool]]] = {}  # by address: when it was asked for, and the answer
_CHECKING = Lock()


def _download(repository: str, file: str, revision: str | None, found: HfFileMetadata) -> None:
    """Fetch what is missing of a file into the cache's folder of contents, and have the client link it.

    Since its version 2 the client begins anew what was cut off. The name of the unfinished file and of the lock are
    those of the versions before.
    """
    part = _part(repository, found)
    lock = Path(constants.HF_HUB_CACHE, ".locks", part.parts[-3], f"{found.etag}.lock")
    for folder in (part.parent, lock.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if not part.with_suffix("").exists():
            _fetch_rest(part, huggingface_hub.hf_hub_url(repository, file, revision=revision), found)
    with progress_bars_disabled():
        huggingface_hub.hf_hub_download(repository, file, revision=revision)


def _fetch_rest(part: Path, url: str, found: HfFileMetadata) -> None:
    """Add to ``part`` what is missing, and move it to its place if it is what the Hub has."""
    if found.size is not None and _size(part) > found.size:
        part.unlink()
    with part.open("ab") as out, progress_bars_disabled():
        http_get(url, out, resume_size=_size(part), headers=build_hf_headers(), expected_size=found.size)
    if not _is_content(part, str(found.etag)):
        part.unlink()
        raise OSError(f"{part.name} is damaged")
    part.replace(part.with_suffix(""))


def _is_content(path: Path, etag: str) -> bool:
    """Return whether a file has the hash that is its name; that of a small file is of another kind."""
    if not re.fullmatch("[0-9a-f]{64}", etag):
        return True
    with path.open("rb") as opened:
        return sha_fileobj(opened).hex() == etag


def _part(repository: str, found: HfFileMetadata) -> Path:
    """The unfinished file: in the folder of contents, of which each is named by its hash."""
    folder = repo_folder_name(repo_id=repository, repo_type="model")
    return Path(constants.HF_HUB_CACHE, folder, "blobs", f"{found.etag}.incomplete")


def _in_background(work: Callable[[], T]) -> Future[T]:
    """Run ``work`` in a daemon thread, so that it does not keep the program from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


@contextmanager
def progress_bars_disabled() -> Iterator[None]:
    """Without the client's own progress bar, which would mix with the output of the command line."""
    enabled = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if enabled:
            enable_progress_bars()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is not there yet, or has just been moved to its place
        return 0
