"""Under which names the page may be reached, and from which websites: the headers Host and Origin of a request.

A website can point a name of its own at this machine (DNS rebinding) or post to its address; the browser then says
so in these headers, which no script can change.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Hosts:
    """The names of this page.

    Args:
        own: names of this machine, in small letters.
        public: names that proxies have for it; a browser may come from these though the request names another.
        any_address: whether any IP address may be asked for: no name is looked up for it, so that no website can
            stand behind it. Where the page listens to this machine alone, only its own addresses are asked for.
        link: returns the address of the public link, or None.
        is_space: whether this is a Hugging Face Space, which may have several names below hf.space.
    """

    own: frozenset[str]
    public: frozenset[str] = frozenset()
    any_address: bool = False
    link: Callable[[], str | None] = lambda: None
    is_space: bool = False

    def is_ours(self, host: str) -> bool:
        """Return whether a request with this Host header is for the page."""
        name, _ = _split(host)
        if name in self.own or name in self._public_names():
            return True
        if self.is_space and name.endswith(".hf.space"):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.any_address or address.is_loopback

    def is_same_site(self, origin: str, host: str) -> bool:
        """Return whether the page whose script sends a request, by its Origin header, is this one."""
        scheme, _, place = origin.partition("://")
        if scheme not in ("http", "https"):  # “null”, too: a file, or a frame in a sandbox
            return False
        name, port = _split(place)
        return bool(name) and ((name, port) == _split(host) or name in self._public_names())

    def _public_names(self) -> frozenset[str]:
        name, _ = _split((self.link() or "").rpartition("://")[2])
        return self.public | {name} if name else self.public


def find_hosts(host: str, variables: Mapping[str, str], link: Callable[[], str | None] = lambda: None) -> Hosts:
    """Return the names of the page that listens on an address.

    Args:
        host: name or address that it listens on.
        variables: the environment: ``SPACE_HOST`` and ``CLASSIFIER_HOSTS`` name others, with commas between, and
            ``SPACE_ID`` says that this is a Space.
        link: returns the address of the public link, or None.
    """
    name = host.strip("[]").lower()
    machine = socket.gethostname().lower()
    named = ",".join(variables.get(one, "") for one in ("SPACE_HOST", "CLASSIFIER_HOSTS"))
    public = {_split(one.strip().rpartition("://")[2])[0] for one in named.split(",")} - {""}
    own = {"localhost", "127.0.0.1", "::1", name, machine, f"{machine}.local"}
    return Hosts(frozenset(own), frozenset(public), not _is_loopback(name), link, "SPACE_ID" in variables)


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _split(host: str) -> tuple[str, int | None]:
    """Return name and port of a Host header; an empty name where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.path or parts.query or parts.fragment or "@" in host:
            return "", None
        return (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "", None
