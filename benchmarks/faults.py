"""Provoke faults under a page that runs: what a visitor is told, and what is found afterwards.

    python benchmarks/faults.py [ROWS.jsonl]

Serves the page over a disk of a few megabytes in memory (tmpfs), which is filled, mounted read-only and emptied again
while a visitor uploads and trains; overwrites a page of each SQLite file; cuts off the network in the middle of a
download and before it; and ends the page in the middle of a fine-tuning and at its begin, and of a quick training,
with SIGTERM and with SIGKILL. Only for Linux, and for who may mount. Each row has the fault, the sentences and what is
there afterwards; the exit status is 1 where a sentence is missing or anything is lost that the fault could not take.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import httpx
from browser import Browser
from rows import Row, Rows

from classifier.data.answer_table import FILE_NAME as ANSWERS
from classifier.data.answer_table import AnswerTable
from classifier.data.schema import FILE_NAME
from classifier.messages.page import PageCode
from classifier.models.backbones import ROWS, WEIGHTS_FILE
from classifier.ui.train import waiting
from classifier.workflows.steps import list_steps
from classifier.workflows.train import unfinished
from tests.helpers import draw_photo, encode
from tests.hostile.served import Page
from tests.hub_server import Hub, Repository, serve_hub

_DISK = 128  # megabytes
_LEFT = 64 * 1024  # bytes that a full disk still has
_END = 10.0  # seconds that the page may take to end
_WAIT = 120.0
_NETWORK = "vit_small_patch14_dinov2"  # the first one that is offered for everyday photos
_CUT = 12 * 2**20  # bytes of a download before the network is lost: its client takes ten million at a time
_MANY = 60  # photos whose answers come in a table
# The client of the Hub reads for so many seconds, and tries again five times.
_OF_HUB = {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_HUB_ETAG_TIMEOUT": "2"}


@dataclass
class Fault:
    """A visitor with photos and a model, on a page whose disk and Hub faults can be given to.

    ``said`` is what they read.
    """

    page: Page
    browser: Browser
    hub: Hub
    said: list[str] = field(default_factory=list)

    @property
    def disk(self) -> Path:
        """Where the projects and uploads are."""
        return self.page.folder / "home"

    @property
    def project(self) -> Path:
        """The visitor's folder."""
        return self.page.home.folder(self.browser.token)

    def upload(self, count: int, first: int) -> None:
        """Send photos, and note what was said."""
        photos = draw(count, first)
        sent = [("files", (name, content)) for name, content in photos.items()]
        refused = self.browser.http.post("/gradio_api/upload", files=sent)
        if refused.status_code != httpx.codes.OK:
            self.said.append(f"{refused.status_code}: {refused.text}")
            return
        self.tell(lambda: str(self.browser.drop_photos(photos).values[0]))

    def train(self) -> None:
        """Train quick, and note what was said."""
        self.tell(lambda: self.browser.train() or self.shown("train-progress") + self.shown("train-result"))

    def tell(self, work: Callable[[], str]) -> None:
        """Do something and note its words, or those of its error."""
        try:
            words = work()
        except (RuntimeError, ValueError, httpx.HTTPError) as error:
            words = str(error)
        self.said.append(" ".join(re.sub(r"<[^>]*>", " ", words).split())[:300])

    def component(self, elem_id: str) -> int:
        """Return the number of an element of the page."""
        return next(one["id"] for one in self.browser.config["components"] if one["props"].get("elem_id") == elem_id)

    def shown(self, elem_id: str) -> str:
        """Return what an element of the page shows."""
        return str(self.browser.shown[self.component(elem_id)] or "")

    def photos(self) -> int:
        """Return how many photos of the project are there, row and file."""
        with self.page.home.open(self.browser.token) as project:
            return sum(project.photo_path(photo).is_file() for photo in project.photos())


def draw(count: int, first: int) -> dict[str, bytes]:
    """Return photos of two classes by their names."""
    names = (f"pets/{('cat', 'dog')[number % 2]}/{number}.png" for number in range(first, first + count))
    return {name: encode(draw_photo(number, (320, 240)), "PNG") for number, name in enumerate(names, first)}


def disk_full(fault: Fault) -> str:
    """Fill the disk while photos come and a training starts."""
    with _full(fault.disk):
        fault.upload(12, 100)
        fault.train()
    before = fault.photos()
    fault.upload(12, 100)
    return f"{before} photos as before; the same upload afterwards: {fault.photos()} photos"


def read_only(fault: Fault) -> str:
    """Mount the disk read-only."""
    _mount(fault.disk, "remount,ro")
    try:
        fault.upload(4, 200)
        fault.train()
    finally:
        _mount(fault.disk, "remount,rw")
    before = fault.photos()
    fault.upload(4, 200)
    return f"{before} photos as before; the same upload afterwards: {fault.photos()} photos"


def broken_catalog(fault: Fault) -> str:
    """Overwrite a page of the list of photos."""
    _damage(fault.project / FILE_NAME)
    fault.upload(2, 300)
    fault.browser.open_tab("1 · Photos")
    notes = [re.sub(r"<[^>]*>", " ", str(one)) for one in fault.browser.shown.values() if "was damaged" in str(one)]
    fault.said += [" ".join(words.split())[:400] for words in notes]
    before = fault.photos()
    aside = [path.name for path in fault.project.glob("damaged-*.sqlite")]
    return f"{before} photos; kept aside: {len(aside)} file"


def broken_features(fault: Fault) -> str:
    """Overwrite a page of the cache of features."""
    _damage(fault.project / "features" / "features.sqlite")
    fault.train()
    return f"{fault.photos()} photos; {_models(fault)} models: the features were computed again"


def broken_answers(fault: Fault) -> str:
    """Overwrite a page of the table of answers for many photos."""
    folder = fault.project / "answers" / "table"
    fault.browser.open_tab("4 · Try it")
    fault.browser.try_photos(draw(_MANY, 400))
    _wait(lambda: _is_complete(folder))
    _damage(folder / ANSWERS)
    for _ in range(2):  # the first look may be the one that meets the damage
        fault.browser.open_tab("4 · Try it")
    fault.tell(lambda: fault.shown("try-bulk-words"))
    fault.browser.press("try-bulk-again", "click")
    _wait(lambda: _is_complete(folder))
    with AnswerTable.open(folder) as table:  # type: ignore[union-attr]
        answered = sum(row.label is not None for row in table.each())
    aside = list(folder.glob("damaged-*.sqlite"))
    return f"answered again: {answered} of {_MANY} photos; kept aside: {len(aside)} file"


def _is_complete(folder: Path) -> bool:
    table = AnswerTable.open(folder)
    if table is None:
        return False
    with table:
        return bool(table.fact("complete"))


def lost_network(fault: Fault) -> str:
    """Lose the network in the middle of a download of weights, while a training goes on."""
    before = _models(fault)
    fault.browser.shown |= {fault.component("train-mode"): "auto", fault.component("train-minutes"): 5.0}
    fault.browser.press("train", "click")
    _wait(lambda: _models(fault) > before)
    fault.hub.stalls_after = _CUT
    fault.browser.press("train-offer-fetch", "click")
    parts = fault.page.folder / "hub" / "hub"
    _wait(lambda: any(part.stat().st_size for part in parts.glob("*/blobs/*.incomplete")))
    fault.hub.is_silent = True
    fault.browser.follow("train-offer-fetch")
    notes = [str(words) for words in fault.browser.shown.values() if "Check the connection" in str(words)]
    fault.tell(lambda: " ".join(notes))
    with fault.page.home.open(fault.browser.token) as project:
        went_on = unfinished(project) is not None or len(list_steps(project.model_folders()[0])) > 1
    fault.browser.press("train-stop", "click")
    fault.browser.wait_for_training()
    return f"the training {'went on' if went_on else 'ended, too late'}; {_models(fault) - before} model more"


def no_network(fault: Fault) -> str:
    """Ask for a network that has to be fetched where nothing answers, and where nothing listens."""
    network, mode = fault.component("train-backbone"), fault.component("train-mode")
    before = fault.browser.shown[network]
    fault.browser.shown |= {network: _NETWORK, mode: "quick"}
    address = "127.0.0.1", int(fault.hub.address.rpartition(":")[2])
    fault.hub.close()
    fault.train()
    with socket.create_server(address):
        fault.train()
    fault.browser.shown[network] = before
    fault.train()
    return f"with the network that is here: {_models(fault)} models"


def killed(fault: Fault) -> str:
    """End the page in the middle of a fine-tuning by SIGKILL."""
    return _end_while_tuning(fault, signal.SIGKILL)


def terminated(fault: Fault) -> str:
    """End the page in the middle of a fine-tuning by SIGTERM."""
    return _end_while_tuning(fault, signal.SIGTERM)


def terminated_early(fault: Fault) -> str:
    """End the page in the first moments of a fine-tuning by SIGTERM."""
    return _end_while_tuning(fault, signal.SIGTERM, "settings.json")


def _end_while_tuning(fault: Fault, number: signal.Signals, once: str = "*.safetensors") -> str:
    """End the page once there is such a file of a fine-tuning."""
    fault.browser.shown |= {fault.component("train-mode"): "deep", fault.component("train-minutes"): 30.0}
    fault.browser.press("train", "click")
    _wait(lambda: any(fault.project.glob(f"models/*/resume/{once}")))
    ended = _end_and_start(fault, number)
    fault.browser.press("train-stop", "click")
    fault.browser.wait_for_training()
    return f"{ended}; {fault.photos()} photos; went on, and stopped with {_models(fault)} models"


def killed_quick(fault: Fault) -> str:
    """End the page in the middle of a quick training by SIGKILL."""
    fault.upload(_MANY, 500)
    before = _models(fault)
    fault.browser.shown[fault.component("train-mode")] = "quick"
    fault.browser.press("train", "click")
    _wait(lambda: (training := waiting.find(fault.project)) is not None and training.starts == 1)
    ended = _end_and_start(fault, signal.SIGKILL)
    fault.browser.wait_for_training()
    late = "" if _models(fault) == before + 1 else ", too late to begin again"
    return f"{ended}; {fault.photos()} photos; began again, and gave {_models(fault) - before} model{late}"


def _end_and_start(fault: Fault, number: signal.Signals) -> str:
    """End the page by a signal, start it again, note what a visitor reads there; return how it ended."""
    start = time.monotonic()
    os.kill(fault.page.pid, number)
    _wait(lambda: not fault.page.is_alive())
    seconds = time.monotonic() - start
    fault.page.kill()
    fault.page.start()
    fault.browser = Browser(fault.page.url, fault.browser.token)
    fault.browser.load()
    fault.browser.open_tab("2 · Train")
    resumed = re.sub(r"<[^>]*>", " ", fault.shown("train-progress"))
    fault.said.append(" ".join(resumed.split())[:200])
    return f"ended after {seconds:.1f} s" if seconds <= _END else f"ended too late, after {seconds:.1f} s"


FAULTS: dict[str, Callable[[Fault], str]] = {
    "disk full": disk_full,
    "disk read-only": read_only,
    "list of photos damaged": broken_catalog,
    "cache of features damaged": broken_features,
    "table of answers damaged": broken_answers,
    "network lost in a download": lost_network,
    "no network": no_network,
    "SIGTERM at the begin": terminated_early,
    "SIGTERM": terminated,
    "SIGKILL": killed,
    "SIGKILL in a quick training": killed_quick,
}


def _models(fault: Fault) -> int:
    with fault.page.home.open(fault.browser.token) as project:
        return len(project.model_folders())


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(4096, min(len(content), 8192)):
        content[place] ^= 1 << (place % 8)
    path.write_bytes(content)


def _wait(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + _WAIT
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError("it did not come to this")
        time.sleep(0.05)


def _mount(disk: Path, options: str, *more: str) -> None:
    subprocess.run(["mount", *more, "-o", options, *(["tmpfs"] if more else []), disk], check=True)


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    filler, found = disk / "filler", os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - _LEFT))
    try:
        yield
    finally:
        filler.unlink()


def run(names: list[str], folder: Path) -> Iterator[Row]:
    """Provoke the faults of these names one after another on one page; yield a row of each."""
    with ExitStack() as stack:
        hub = stack.enter_context(serve_hub())
        weights = {WEIGHTS_FILE: bytes(3 * _CUT)}
        hub.repositories["model", ROWS[_NETWORK].repository] = Repository("model", False, files=weights)
        page = Page(folder, {**_OF_HUB, "HF_ENDPOINT": hub.address, "HF_HOME": str(folder / "hub")})
        (folder / "home").mkdir(parents=True)
        _mount(folder / "home", f"size={_DISK}m", "-t", "tmpfs")
        stack.callback(subprocess.run, ["umount", "-l", folder / "home"], check=True)
        stack.callback(page.kill)
        page.start()
        browser = Browser(page.url)
        browser.load()
        browser.drop_photos(draw(12, 0))
        browser.shown[Fault(page, browser, hub).component("train-mode")] = "quick"
        browser.train()
        for name in names:
            fault = Fault(page, browser, hub)
            afterwards = FAULTS[name](fault)
            browser = fault.browser
            yield {"said": fault.said, "afterwards": afterwards, "answers": page.answers()}


def is_bad(row: Row) -> bool:
    """Return whether a person was told nothing, or of a bug, or the page is gone."""
    said = [words for words in row["said"] if words]
    return (
        not said
        or not row["answers"]
        or any(str(PageCode.BUG) in words for words in said)
        or "late" in row["afterwards"]
    )


def main() -> int:
    """Provoke all faults and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="?", default=Path(os.devnull))
    rows = Rows(parser.parse_args().rows)
    names = [name for name in FAULTS if name not in rows]
    with tempfile.TemporaryDirectory() as folder:
        for name, found in zip(names, run(names, Path(folder)) if names else (), strict=True):
            rows.get(name, lambda found=found: found)  # type: ignore[misc]
    for row in rows:
        print(f"{row['key']}{' (BAD)' if is_bad(row) else ''}: {row['afterwards']}")
        print(*(f"    {words}" for words in row["said"]), sep="\n", flush=True)
    return int(any(map(is_bad, rows)))


if __name__ == "__main__":
    sys.exit(main())
