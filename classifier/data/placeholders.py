"""Files that stand for a photo which is somewhere else: in a cloud, on another server, half downloaded, linked."""

from __future__ import annotations

import re

from ..messages.data import LeftOutCode

# Of stat: file attributes of Windows (offline, recall on open, recall on data access), and a file flag of macOS.
_IN_CLOUD_ATTRIBUTES = 0x1000 | 0x40000 | 0x400000
_IN_CLOUD_FLAG = 0x40000000

HEAD = 4096  # bytes from the start of a file that ``placeholder_code`` needs

_ICLOUD = re.compile(r"\..+\.icloud", re.IGNORECASE)
_PICTURE = r"\.(jpe?g|jpe|jfif|png|gif|bmp|tiff?|webp|avif|hei[cf]|hif|dng|zip)"
# What browsers add while they download; the shorter ones are also endings of other files.
_HALF_DOWNLOADED = re.compile(
    rf".+(\.(crdownload|opdownload|partial)|{_PICTURE}\.(part|download|filepart|!ut|tmp))", re.IGNORECASE
)
_CONTENTS = (
    (re.compile(rb"version https://git-lfs\.github\.com/spec/"), LeftOutCode.GIT_LFS),
    (re.compile(rb"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F"), LeftOutCode.SHORTCUT),  # of Windows
    (re.compile(rb"book\0\0\0\0mark\0\0\0\0"), LeftOutCode.SHORTCUT),  # an alias of macOS
    (
        re.compile(rb"(\xef\xbb\xbf)?\s*\[(\{000214A0[-0-9A-F]+\}|InternetShortcut)", re.IGNORECASE),
        LeftOutCode.WEB_LINK,
    ),
    (re.compile(rb"(bplist00|<\?xml).{0,400}URL.{0,40}https?://", re.DOTALL), LeftOutCode.WEB_LINK),  # .webloc
)


def placeholder_code(name: str, head: bytes, size: int) -> LeftOutCode | None:
    """Return what a file stands for in place of a photo, or None if it is no placeholder.

    ``head`` are its first ``HEAD`` bytes, and ``size`` is its size in bytes. An empty file may be one too, but does
    not tell.
    """
    by_name = placeholder_name_code(name)
    if by_name is not None:
        return by_name
    if size and not head.strip(b"\0"):  # what a cloud leaves that is not there, or a copy that was interrupted
        return LeftOutCode.ONLY_ZEROS
    return next((code for pattern, code in _CONTENTS if pattern.match(head)), None)


def is_in_cloud(attributes: int, flags: int) -> bool:
    """Return whether a file is kept in a cloud only, by the ``st_file_attributes`` (Windows) or ``st_flags`` (macOS)
    of stat.

    Reading it gets it, where the computer is connected; so it is asked only after reading has failed.
    """
    return bool(attributes & _IN_CLOUD_ATTRIBUTES or flags & _IN_CLOUD_FLAG)


def placeholder_name_code(name: str) -> LeftOutCode | None:
    """Return what a file stands for by its name alone: a photo in iCloud, or a download that is not finished."""
    *folders, base = re.split(r"[\\/]", name)
    if _ICLOUD.fullmatch(base):
        return LeftOutCode.ICLOUD
    # Safari downloads into a folder “1.jpg.download”.
    if any(map(_HALF_DOWNLOADED.fullmatch, [base, *folders[-1:]])):
        return LeftOutCode.HALF_DOWNLOADED
    return None
