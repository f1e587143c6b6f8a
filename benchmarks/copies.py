"""Two copies of the page behind nginx: does each browser keep its copy, and does none lose a project with one?

    python benchmarks/copies.py

The copies run over one folder, nginx with ``deploy/nginx.conf``. Two browsers send photos and open the page twenty
times each; then the copy of the first one is ended, and replaced by one on another port, while both go on. Prints what
each step found; needs nginx, such as that of Debian.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import httpx
from browser import Browser

from tests.helpers import draw_photo, encode
from tests.hostile.served import Page
from tests.processes import free_port

_REQUESTS = 20
_PHOTOS = 4  # of each browser
_MAIN = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format copies '$cookie_visitor $upstream_addr $status';
    access_log {folder}/access.log copies;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    {site}
}}
"""


def configure(folder: Path, port: int, copies: list[Page]) -> None:
    """Write the configuration: that of ``deploy`` with the ports of the copies and a free one to listen on."""
    site = (ROOT / "deploy/nginx.conf").read_text("utf-8").replace("listen 80;", f"listen 127.0.0.1:{port};")
    for place, copy in zip(("7861", "7862"), copies):
        site = site.replace(f"127.0.0.1:{place}", f"127.0.0.1:{copy.port}")
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, site=site))


@contextmanager
def nginx(folder: Path) -> Iterator[None]:
    """Run nginx until the end of the block; SIGHUP lets it read its configuration again."""
    words = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(words)
    try:
        yield
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def answered_by(folder: Path, skip: int) -> dict[str, Counter[str]]:
    """Return how many requests of each browser each copy answered, by the log of nginx after its first lines."""
    found: dict[str, Counter[str]] = {}
    for line in (folder / "access.log").read_text().splitlines()[skip:]:
        visitor, *addresses, _ = line.replace(",", "").split()  # several where the first one did not answer
        if visitor != "-":  # the request that brings the cookie
            found.setdefault(visitor, Counter())[addresses[-1]] += 1
    return found


def step(title: str, folder: Path, browsers: list[Browser], copies: list[Page]) -> int:
    """Let each browser open its project twenty times; print what was found, return how much failed or is missing."""
    skip, failed = len((folder / "access.log").read_text().splitlines()), 0
    for _ in range(_REQUESTS):
        for browser in browsers:
            before = len(browser.seen)
            try:
                browser.load()
            except (httpx.HTTPError, AssertionError, ValueError):
                failed += 1
            failed += not any("cat" in text for text in browser.seen[before:])
    counts = []
    for browser in browsers:
        with copies[0].home.open(browser.token) as project:
            counts.append(len(project.photos()))
    print(f"{title}: {failed} of {_REQUESTS * len(browsers)} failed; photos {counts}")
    for visitor, answered in answered_by(folder, skip).items():
        print(f"  browser {visitor[:6]}…: {dict(answered)}")
    return failed + sum(_PHOTOS - count for count in counts)


def run(folder: Path, url: str, port: int, copies: list[Page]) -> int:
    """Let two browsers work, and replace a copy meanwhile; return how much failed or is missing."""
    browsers = [Browser(url), Browser(url)]
    while len({answered.most_common(1)[0][0] for answered in answered_by(folder, 0).values()}) < 2:
        browsers[1] = Browser(url)  # nginx gave the one before the same copy as the first
    for number, browser in enumerate(browsers):
        browser.load()
        names = [f"{label}/{n}.jpg" for label in ("cat", "dog") for n in range(_PHOTOS // 2)]
        browser.drop_photos({name: encode(draw_photo(100 * number + n)) for n, name in enumerate(names)})
    wrong = step("both copies", folder, browsers, copies)
    first = next(iter(answered_by(folder, 0).values())).most_common(1)[0][0]
    gone = next(copy for copy in copies if first.endswith(f":{copy.port}"))
    gone.end()
    wrong += step(f"{first} ended", folder, browsers, copies)
    gone.start()
    configure(folder, port, copies)
    subprocess.run(["kill", "-HUP", (folder / "nginx.pid").read_text().strip()], check=True)
    time.sleep(1)
    return wrong + step(f"replaced by one on port {gone.port}", folder, browsers, copies)


def main() -> int:
    """Run all steps; return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies = [Page(folder), Page(folder)]
        try:
            for copy in copies:
                copy.start()
            port = free_port()
            configure(folder, port, copies)
            with nginx(folder):
                time.sleep(1)
                return int(run(folder, f"http://127.0.0.1:{port}", port, copies) > 0)
        finally:
            for copy in copies:
                copy.kill()


if __name__ == "__main__":
    sys.exit(main())
