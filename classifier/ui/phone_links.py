"""Links with which phones add photos to one class of one project, and can do nothing else.

A link is a random token that this process alone knows. It ends after an hour, at a press, with the project, and with
the program.
"""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ..data.adding import IntakeResult
from ..errors import DataError
from ..messages.bringing import PhoneCode

SECONDS = 3600.0  # that a link lasts
_MOST = 1000  # links of all visitors; the oldest end first
_LOCAL = ("localhost", "127.0.0.1", "::1")
_ELSEWHERE = ("192.0.2.1", 9)  # of a network that is reserved for documentation: nothing is sent there

Add = Callable[[str, Path], IntakeResult]


@dataclass
class PhoneLink:
    """A link to one class.

    Args:
        folder: of the project.
        label: the class.
        add: takes in one photo, given as (name, path).
        most_bytes: of one photo.
        token: what the address ends with.
        ends: in seconds of ``monotonic``.
        photos: that came so far.
    """

    folder: Path
    label: str
    add: Add
    most_bytes: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    ends: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    photos: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether photos can still be added."""
        return time.monotonic() < self.ends

    @property
    def minutes_left(self) -> int:
        """The minutes until it ends, rounded up."""
        return max(0, -int(-(self.ends - time.monotonic()) // 60))

    def take(self, name: str, path: Path) -> IntakeResult | None:
        """Take in a photo, one at a time; None where the link ended meanwhile."""
        with self.lock:
            if not self.is_open:
                return None
            result = self.add(name, path)
            self.photos += result.added
            return result

    def end(self) -> None:
        """End it; a photo that is being taken in comes before."""
        self.ends = 0.0
        with self.lock:
            pass


class _Links:
    """The links that are open, by their tokens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._links: OrderedDict[str, PhoneLink] = OrderedDict()

    def open(self, link: PhoneLink) -> PhoneLink:
        self.end(link.folder)
        with self._lock:
            self._links[link.token] = link
            while len(self._links) > _MOST:
                self._links.popitem(last=False)[1].ends = 0.0
        return link

    def find(self, token: str) -> PhoneLink | None:
        with self._lock:
            found = self._links.get(token)
        return found if found is not None and found.is_open else None

    def of(self, folder: Path) -> PhoneLink | None:
        with self._lock:
            return next((link for link in self._links.values() if link.folder == folder and link.is_open), None)

    def end(self, folder: Path) -> None:
        with self._lock:
            tokens = [token for token, link in self._links.items() if link.folder == folder]
            ended = [self._links.pop(token) for token in tokens]
        for link in ended:
            link.end()


_LINKS = _Links()


def open_link(link: PhoneLink) -> PhoneLink:
    """Let phones add photos by a link from now on; another link of the project ends."""
    return _LINKS.open(link)


def find_link(token: str) -> PhoneLink | None:
    """Return the open link with a token, None where there is none."""
    return _LINKS.find(token)


def link_of(folder: Path) -> PhoneLink | None:
    """Return the open link of a project, None where there is none."""
    return _LINKS.of(folder)


def end_links(folder: Path) -> None:
    """End the link of a project; a photo that is being taken in comes before."""
    _LINKS.end(folder)


def find_address(opened: str, listens: str, public: str | None, network: str | None) -> str:
    """Return the address of the page for phones, with a slash at its end.

    Args:
        opened: the address under which a browser opened the page.
        listens: the address that the page listens on.
        public: the public link, or None.
        network: the address of this machine in its network, or None.

    Raises:
        DataError: phones cannot reach it.
    """
    try:
        parts = urlsplit(opened)
        name, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise DataError(PhoneCode.NO_ADDRESS) from error
    if parts.scheme not in ("http", "https") or not name:
        raise DataError(PhoneCode.NO_ADDRESS)
    path = f"{parts.path.rstrip('/')}/"
    if name not in _LOCAL:  # a browser elsewhere, or one that came by a proxy: phones take the same way
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))
    if public:
        return f"{public.rstrip('/')}/"
    if listens.strip("[]") in _LOCAL:
        raise DataError(PhoneCode.ONLY_HERE)
    if network is None:
        raise DataError(PhoneCode.NO_NETWORK)
    host = f"[{network}]" if ":" in network else network
    return urlunsplit((parts.scheme, f"{host}:{port}" if port else host, path, "", ""))


def network_address() -> str | None:
    """Return the address of this machine in its network, None where it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return None if address.startswith("127.") else address
