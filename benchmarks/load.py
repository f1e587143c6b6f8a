"""Visitors who ask, upload and train side by side for some minutes: how long they wait, and what goes wrong.

    python benchmarks/load.py ROWS.jsonl [--minutes 10] [--ask 20 --upload 5 --quick 2 --tune 1]

Serves the page in a process of its own over a new folder. Programs (``gradio_client``) ask for an answer about a photo
of 0.8 megapixels, 2 s after the last one; browsers upload 20 photos of 12 megapixels every 30 s, train quick on 100
photos, which are new to the page each time, and fine-tune. The first row is the median of quick trainings one after
another on the page while nothing else is there, then one row for each minute is written, and at the end what it comes
to. Rows that are in the file are not measured again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import numpy as np
from browser import Browser
from gradio_client import Client, handle_file
from PIL import Image
from rows import Row, Rows
from visitors import memory

from classifier import Project, train
from classifier.data.example import draw_example
from classifier.messages.limits import LimitCode
from tests.hostile.attacks import children
from tests.hostile.served import Page, page

_PAUSE = 2.0  # seconds between an answer and the next question
_EVERY = 30.0  # seconds between two uploads of one visitor
_PHONE = (4000, 3000)  # pixels
_ASKED = (1024, 768)
_PHOTOS = 20  # of one upload
_PHONES = 5  # pictures of it: others differ from them by a comment
_ALONE = 12  # quick trainings alone; the first one loads the network
_QUICK: dict[str, object] = {"mode": "quick"}
_TUNE: dict[str, object] = {"mode": "deep", "minutes": 30.0}
_KINDS = ("ask", "upload", "prepare", "quick", "tune")
_REFUSED = re.compile("|".join(re.sub(r"\\\{.*?\\\}", ".+", re.escape(str(code.value))) for code in LimitCode))


@dataclass(frozen=True)
class Outcome:
    """What a visitor did, when it ended and its seconds; ``said`` is why it failed, empty if it did not."""

    kind: str
    ended: float
    seconds: float
    said: str = ""


@dataclass
class Load:
    """The visitors of one run, until ``end``.

    ``sent`` are the SHA-256 of the photos of complete uploads and of what is to be stored of them, by visitor.
    """

    served: Page
    model: str
    photos: Path
    end: float
    outcomes: list[Outcome] = field(default_factory=list)
    sent: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether the visitors leave."""
        return time.monotonic() > self.end

    def do(self, kind: str, work: Callable[[], object], check: Callable[[], object] = lambda: None) -> None:
        """Do something and note how it went; what ``check`` takes is no part of the time."""
        start = time.monotonic()
        now, said = 0.0, ""
        try:
            work()
            now = time.monotonic()
            check()
        except Exception as error:  # whatever a visitor meets is a row of the result
            said = f"{type(error).__name__}: {error}"
        now = now or time.monotonic()
        if now <= self.end + _EVERY:  # what the end of the run cuts off is nobody's error
            self.outcomes.append(Outcome(kind, now, now - start, said))

    def ask(self, number: int) -> None:
        """Ask for answers about photos, one after another, as a program does."""
        # Else each request of this program reads all certificates anew, which takes more than the page's answer.
        client = Client(self.served.url, verbose=False, ssl_verify=False)
        asked = sorted(self.photos.glob("asked*.jpg"))

        def question(turn: int) -> None:
            file = handle_file(asked[(number + turn) % len(asked)])
            answer = client.predict(file, self.model, 3, api_name="/predict")
            if len(answer["top"]) != 3:
                raise RuntimeError(f"no answer: {answer}")

        time.sleep(_PAUSE * number / 20)
        turn = 0
        while not self.is_over:
            self.do("ask", partial(question, turn))
            turn += 1
            time.sleep(_PAUSE)
        client.close()

    def upload(self, number: int) -> None:
        """Upload phone photos every 30 seconds."""
        browser = Browser(self.served.url)
        phone = [path.read_bytes() for path in sorted(self.photos.glob("phone*.jpg"))] * (_PHOTOS // _PHONES)
        sent = self.sent.setdefault(browser.token, {})

        def send(turn: int) -> None:
            files = {
                f"{('cat', 'dog')[place % 2]}/{turn}-{place}.jpg": _marked(content, f"{number} {turn} {place}")
                for place, content in enumerate(phone)
            }
            answer = browser.drop_photos(files)
            if answer.error:
                raise RuntimeError(answer.error)
            sent.update((_sha256(one), _sha256(plain)) for one, plain in zip(files.values(), phone, strict=True))

        time.sleep(_EVERY * number / 5)
        turn = 0
        while not self.is_over:
            start = time.monotonic()
            self.do("upload", partial(send, turn))
            turn += 1
            time.sleep(max(0.0, min(start + _EVERY, self.end) - time.monotonic()))

    def train(self, kind: str, settings: dict[str, object], times: int = sys.maxsize) -> None:
        """Train on 100 photos again and again, at most so many ``times``: each time a visitor with photos of their own.

        The upload of the photos is no part of the time.
        """
        for turn in range(times):
            browsers: list[Browser] = []
            self.do("prepare", partial(self.prepare, browsers, settings, turn))
            if self.is_over:
                return
            for browser in browsers:
                self.do(kind, browser.train, partial(_check_model, self, browser))
                browser.leave()

    def prepare(self, browsers: list[Browser], settings: dict[str, object], turn: int) -> None:
        """Add the browser of a new visitor who has uploaded 100 photos and chosen settings."""
        browser = Browser(self.served.url)
        browser.load()
        names = {path.relative_to(self.photos).as_posix(): path.read_bytes() for path in _set(self.photos)}
        words = f"{threading.get_ident()} {turn}"
        answer = browser.drop_photos({name: _marked(content, words) for name, content in names.items()})
        if answer.error:
            raise RuntimeError(answer.error)
        browser.open_tab("2 · Train")
        for one in browser.config["components"]:
            name = str(one["props"].get("elem_id")).removeprefix("train-")
            if name in settings:
                browser.shown[one["id"]] = settings[name]
        browsers.append(browser)


def _check_model(load: Load, browser: Browser) -> None:
    """Raise ``RuntimeError`` where no model came of the first training of a visitor."""
    with load.served.home.open(browser.token) as project:
        if not project.catalog.runs.newest():
            raise RuntimeError("no model")


def _set(photos: Path) -> list[Path]:
    return sorted((photos / "set").rglob("*.jpg"))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _marked(jpeg: bytes, words: str) -> bytes:
    """Return a JPEG with a comment, which makes it another file of the same pixels."""
    text = words.encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + jpeg[2:]


def draw(folder: Path) -> None:
    """Draw the photos of all visitors: some as large as those of a phone, and 25 of each of four classes to train."""
    draw_example(folder / "set", per_class=25)
    rng = np.random.default_rng(0)
    for name, size, count in (("phone", _PHONE, _PHONES), ("asked", _ASKED, _PHOTOS)):
        noise = rng.integers(-6, 7, (size[1], size[0], 3), np.int16)  # as large a file as that of a camera
        for number, path in enumerate(_set(folder)[:: 100 // count]):
            with Image.open(path) as example:
                pixels = np.asarray(example.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.int16)
            noisy = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
            noisy.save(folder / f"{name}{number:02}.jpg", quality=85)


def lost(load: Load) -> int:
    """Return how many photos of complete uploads are not stored as they were sent."""
    count = 0
    for token, sent in load.sent.items():
        with load.served.home.open(token) as project:
            stored = {photo.sha256: project.photo_path(photo) for photo in project.photos()}
            count += sum(one not in stored or _sha256(stored[one].read_bytes()) != kept for one, kept in sent.items())
    return count


def play(served: Page, model: str, photos: Path, options: argparse.Namespace, rows: Rows) -> None:
    """Let all visitors come, and write a row each minute."""
    load = Load(served, model, photos, time.monotonic() + 60 * options.minutes)
    begun = time.monotonic()
    sizes: list[tuple[int, int]] = []
    work: list[Callable[[], None]] = [partial(load.ask, number) for number in range(options.ask)]
    work += [partial(load.upload, number) for number in range(options.upload)]
    work += [partial(load.train, "quick", _QUICK)] * options.quick + [partial(load.train, "tune", _TUNE)] * options.tune
    for one in work:
        threading.Thread(target=one, daemon=True).start()
    for minute in range(1, options.minutes + 1):
        sizes.clear()
        while not sizes or time.monotonic() < begun + 60 * minute:
            sizes.append((memory(load.served.pid), sum(map(memory, children(load.served.pid)))))
            time.sleep(1.0)  # one reading a minute would tell in which phase a training is
        row = partial(_row, load, begun + 60 * (minute - 1), sizes, minute == options.minutes)
        _print(rows.get(f"minute {minute}", row))


def _row(load: Load, since: float, sizes: Sequence[tuple[int, int]], last: bool) -> Row:
    """Return the figures of the outcomes since a time; with the last one whether all photos are whole.

    ``sizes`` are the bytes of memory of the page and of its worker processes, read meanwhile: the row has the medians.
    """
    outcomes = [one for one in load.outcomes if one.ended >= since]
    failed = Counter(one.said for one in outcomes if one.said)
    refused = sum(count for said, count in failed.items() if _REFUSED.search(said))
    row: Row = {"requests": len(outcomes), "refused": refused, "errors": failed.total() - refused}
    for kind in _KINDS:
        seconds = [one.seconds for one in outcomes if one.kind == kind and not one.said]
        row[kind] = _quantiles(seconds)
    row["memory_mb"], row["workers_mb"] = (round(float(one)) for one in np.median(sizes, axis=0) / 10**6)
    row["most_mb"] = max(page for page, _ in sizes) // 10**6
    row["said"] = dict(failed.most_common(5))
    if last:
        row["photos"], row["lost"] = sum(map(len, load.sent.values())), lost(load)
        row["all"] = {
            kind: _quantiles([one.seconds for one in load.outcomes if one.kind == kind and not one.said])
            for kind in _KINDS
        }
    return row


def _quantiles(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {"count": 0}
    p50, p95 = np.quantile(seconds, (0.5, 0.95))
    return {"count": len(seconds), "p50": round(float(p50), 2), "p95": round(float(p95), 2)}


def measure_alone(served: Page, model: str, photos: Path) -> Row:
    """Return the seconds of quick trainings one after another on an idle page; the first one loads the network."""
    load = Load(served, model, photos, float("inf"))
    load.train("quick", _QUICK, _ALONE)
    first, *others = (one.seconds for one in load.outcomes if one.kind == "quick" and not one.said)
    return {"quick": _quantiles(others), "first": round(first, 2)}


def _print(row: Row) -> None:
    waits = ", ".join(
        f"{kind} {row[kind]['count']} in {row[kind]['p50']:.2f} s (p95 {row[kind]['p95']:.2f})"
        for kind in _KINDS
        if row.get(kind, {}).get("count")
    )
    print(f"{row['key']}: {waits}", end="")
    if "requests" in row:
        print(
            f"; refused {row['refused']}, errors {row['errors']} of {row['requests']}; "
            f"{row['memory_mb']} MB (at most {row['most_mb']}) and workers {row['workers_mb']} MB",
            end="",
        )
    print(*(f"\n    {count} x {said[:300]}" for said, count in row.get("said", {}).items()), sep="", flush=True)


def summarize(alone: Row, minutes: Sequence[Row]) -> int:
    """Print what the run comes to; return the exit status, 1 where a visitor met more than the issue allows."""
    last, total = minutes[-1], sum(row["requests"] for row in minutes)
    refused, errors = (sum(row[name] for row in minutes) for name in ("refused", "errors"))
    print(f"{total} requests: {errors} errors, {refused / max(1, total):.2%} refused with a sentence")
    print(f"an answer: p95 {last['all']['ask'].get('p95')} s")
    quick, base = last["all"]["quick"].get("p95"), alone["quick"]["p50"]
    if quick is not None:
        print(f"a quick training: p95 {quick} s, {quick / base:.2f} times the {base} s alone")
    third = minutes[min(2, len(minutes) - 1)]
    sizes = [row["memory_mb"] + row["workers_mb"] for row in (third, last)]
    print(f"memory: {sizes[1]} MB in the last minute, {sizes[1] / sizes[0]:.2f} of that in minute 3")
    print(f"lost {last['lost']} of {last['photos']} photos")
    return int(bool(errors or last["lost"]))


def main() -> int:
    """Measure what the file of rows lacks, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    for name, default in (("minutes", 10), ("ask", 20), ("upload", 5), ("quick", 2), ("tune", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    rows = Rows(options.rows)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw(folder / "photos")
        model = folder / "page" / "checkpoints" / "things"
        with Project.over(folder / "photos" / "set", features=folder / "features") as project:
            *_, _ = train(project, out=model)
        with page(folder / "page") as served:
            alone = rows.get("alone", lambda: measure_alone(served, model.name, folder / "photos"))
            _print(alone)
        with page(folder / "page") as served:
            play(served, model.name, folder / "photos", options, rows)
    return summarize(alone, [rows.get(f"minute {number}", dict) for number in range(1, options.minutes + 1)])


if __name__ == "__main__":
    sys.exit(main())
