"""Downloads from the Hugging Face Hub into its cache on this disk, with progress."""

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


def download(repository: str, file: str, revision: str | None = None) -> Iterator[tuple[int, int]]:
    """Download a file into the Hub's cache; yields (bytes done, bytes in total) a few times a second.

    ``revision`` is a branch, tag or commit; by default the newest version.

    Yields nothing where the file is cached, or the repository has no file of that name. Closing the iterator does
    not end the download: part of a file could not be used again. Raises what the Hub's client raises otherwise.
    """
    if isinstance(huggingface_hub.try_to_load_from_cache(repository, file, revision=revision), str):
        return
    try:
        url = huggingface_hub.hf_hub_url(repository, file, revision=revision)
        total = huggingface_hub.get_hf_file_metadata(url).size or 0
    except EntryNotFoundError:  # timm knows under which other name the weights are
        return
    future = _download_in_background(repository, file, revision)
    # Progress is read from the disk: not all versions of the client can report it (tqdm_class, since 1.5).
    blobs = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type="model") / "blobs"
    while not wait([future], timeout=0.2).done:
        yield min(total, max(map(_size, blobs.glob("*.incomplete")), default=0)), total
    future.result()
    yield total, total


def _download_in_background(repository: str, file: str, revision: str | None) -> Future[str]:
    """Start a download in a daemon thread, so that it does not keep the program from ending."""
    future: Future[str] = Future()

    def run() -> None:
        try:
            with progress_bars_disabled():
                path = huggingface_hub.hf_hub_download(repository, file, revision=revision)
            future.set_result(path)
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
    except OSError:  # it has just been moved to its place
        return 0
