"""Which browser began a session, an event or an upload, so that no other one can use its name.

A browser gets a random cookie with the page. Where cookies are off, and for programs, the names alone count: they are
random, too.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

_COOKIE = "visitor"
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")  # what secrets.token_urlsafe(32) returns
_MOST_NAMES = 300_000


class Owners:
    """The browser that each name belongs to; the oldest names are forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: OrderedDict[str, str] = OrderedDict()

    def claim(self, names: Iterable[str], visitor: str | None) -> bool:
        """Return whether names belong to a browser or to none yet; those of none are its own from now on."""
        with self._lock:
            wanted = list(names)
            if any(self._owners.get(name, visitor) != visitor for name in wanted):
                return False
            for name in wanted if visitor else ():
                self._owners[name] = str(visitor)
                self._owners.move_to_end(name)
            while len(self._owners) > _MOST_NAMES:
                self._owners.popitem(last=False)
            return True


def find_visitor(cookies: str) -> str | None:
    """Return the value of our cookie in a Cookie header, or None."""
    try:
        found = SimpleCookie(cookies).get(_COOKIE)
    except CookieError:
        return None
    return found.value if found is not None and _VALUE.fullmatch(found.value) else None


def new_cookie(secure: bool) -> str:
    """Return the Set-Cookie header of a new visitor.

    Args:
        secure: whether the page comes over HTTPS: then it works in a frame of another website, too, as on a Space.
    """
    kept = "Secure; SameSite=None; Partitioned" if secure else "SameSite=Lax"
    return f"{_COOKIE}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; {kept}"
