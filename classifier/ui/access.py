"""Who may use the page: a file of ``user:hash`` lines that the variable ``CLASSIFIER_AUTH`` names.

``python -m classifier.ui.access USER`` asks for a password and prints the line of that user.
"""

from __future__ import annotations

import asyncio
import base64
import getpass
import hashlib
import hmac
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingError
from ..messages.server import AccessCode

_SCHEME = "scrypt"
_N, _R, _P = 2**14, 8, 1  # 16 MB and about 50 ms for each try
_BYTES = 32
_LINE = re.compile(rf"(?P<user>[^:\s]{{1,64}}):{_SCHEME}\$(?P<salt>[\w+/=]{{24}})\$(?P<hash>[\w+/=]{{44}})", re.ASCII)
_LONGEST = 1024  # letters of a password
_WAIT = 1.0  # seconds after a wrong password


@dataclass(frozen=True)
class Logins:
    """The users, each with the salt and the hash of the password."""

    users: Mapping[str, tuple[bytes, bytes]]

    async def check(self, user: str, password: str) -> bool:
        """Return whether a password is the user's; it takes as long for names that are not there."""
        is_right = await asyncio.to_thread(self.is_right, user, password)
        if not is_right:
            await asyncio.sleep(_WAIT)
        return is_right

    def is_right(self, user: str, password: str) -> bool:
        """Return whether a password is the user's."""
        salt, expected = self.users.get(user, (b"\0" * 16, b"\0" * _BYTES))
        given = _hash(password[:_LONGEST], salt)
        return hmac.compare_digest(given, expected) and user in self.users and len(password) <= _LONGEST


def read_logins(variables: Mapping[str, str]) -> Logins | None:
    """Return who may use the page, from the environment; None where ``CLASSIFIER_AUTH`` is not set.

    Raises ``SettingError`` where the file cannot be read, a line is none, or there is no user in it.
    """
    name = variables.get("CLASSIFIER_AUTH", "").strip()
    if not name:
        return None
    try:
        lines = Path(name).expanduser().read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise SettingError(AccessCode.NO_FILE, file=name, why=getattr(error, "strerror", None) or error) from error
    users = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or found["user"] in users:
            raise SettingError(AccessCode.BAD_LINE, file=name, number=number)
        users[found["user"]] = (_decode(found["salt"]), _decode(found["hash"]))
    if not users:
        raise SettingError(AccessCode.NO_USERS, file=name)
    return Logins(users)


def make_line(user: str, password: str) -> str:
    """Return the line of a user; raises ``SettingError`` for a name or a password that cannot be used."""
    salt = secrets.token_bytes(16)
    line = f"{user}:{_SCHEME}${_encode(salt)}${_encode(_hash(password, salt))}"
    if not _LINE.fullmatch(line) or not 0 < len(password) <= _LONGEST:
        raise SettingError(AccessCode.NO_USER, limit=_LONGEST)
    return line


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=_N, r=_R, p=_P, dklen=_BYTES)


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "==")


def main(arguments: list[str]) -> int:
    """Ask for the password of the user named and print the line; return the exit status."""
    if len(arguments) != 1:
        print(AccessCode.USAGE, file=sys.stderr)
        return 2
    try:
        password = getpass.getpass(f"{AccessCode.PASSWORD} ")
        if getpass.getpass(f"{AccessCode.AGAIN} ") != password:
            print(AccessCode.DIFFERENT, file=sys.stderr)
            return 2
        print(make_line(arguments[0], password))
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
