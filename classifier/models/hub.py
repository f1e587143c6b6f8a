"""Files of the Hugging Face Hub: fetched once into its cache on this disk, with progress."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars


def download(repository: str, file: str) -> Iterator[tuple[int, int]]:
    """Fetch a file into the Hub's cache: bytes done and in all, a few times a second; nothing where it is there.

    A reader who leaves stops the telling, not the download: half a file could not be used again. Raises
    what the Hub's client raises, but for a file that the repository does not have.
    """
    if isinstance(huggingface_hub.try_to_load_from_cache(repository, file), str):
        return
    try:
        total = huggingface_hub.get_hf_file_metadata(huggingface_hub.hf_hub_url(repository, file)).size or 0
    except EntryNotFoundError:  # under another name, then, which timm knows
        return
    fetched = _in_background(repository, file)
    # Progress is read off the disk: the client's own way of telling it is not in all versions (tqdm_class, 1.5).
    blobs = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type="model") / "blobs"
    while not wait([fetched], timeout=0.2).done:
        yield min(total, max(map(_size, blobs.glob("*.incomplete")), default=0)), total
    fetched.result()
    yield total, total


def _in_background(repository: str, file: str) -> Future[str]:
    """A download in a thread of its own, which a program that wants to end does not wait for."""
    fetched: Future[str] = Future()

    def fetch() -> None:
        try:
            with _quietly():
                path = huggingface_hub.hf_hub_download(repository, file)
            fetched.set_result(path)
        except Exception as error:
            fetched.set_exception(error)

    Thread(target=fetch, daemon=True).start()
    return fetched


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the client's own progress bar, which would run through ours."""
    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it has just been moved to its place
        return 0
