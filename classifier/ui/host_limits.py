"""What visitors may use of the machine that serves the page: the limits of its host, read once when it starts."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from ..config import LIMITS, Limits
from ..errors import SettingError
from ..messages.config import ConfigCode

Networks = Literal["table", "any"]


@dataclass(frozen=True, kw_only=True)
class HostLimits:
    """What visitors of the page may use of the machine that serves it. Each field is also a variable, see ``read``.

    A megabyte has a million bytes. The defaults are those of a machine that its owner alone uses, where ``sys.maxsize``
    is no limit; ``SPACE_LIMITS`` are those for strangers.

    Args:
        upload_files: files in one upload.
        project_photos: photos in a project.
        project_megabytes: size of the photos of a project.
        projects: projects on the machine.
        host_megabytes: size of all projects.
        upload_megabytes: size of one file sent, and of a zip when it is unpacked.
        megapixels: of one picture, in millions of pixels; at most 89, Pillow's threshold of a decompression bomb.
        classes: of a project.
        train_minutes: time of one training.
        train_epochs: epochs that may be asked for.
        trainings: trainings that run at once; of one visitor it is always one.
        queue: trainings that wait.
        networks: those that may be downloaded: ``table`` for the ones the page lists, ``any`` for all of timm.

    Example::

        HostLimits.read({"CLASSIFIER_CLASSES": "100"}).upload.classes
    """

    upload_files: int = 100_000
    project_photos: int = 100_000
    project_megabytes: int = sys.maxsize
    projects: int = sys.maxsize
    host_megabytes: int = sys.maxsize
    upload_megabytes: int = 4_000
    megapixels: int = 89
    classes: int = sys.maxsize
    train_minutes: int = 10_000
    train_epochs: int = 10_000
    trainings: int = 1
    queue: int = 200
    networks: Networks = "any"

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name == "networks":
                if value not in get_args(Networks):
                    raise SettingError(ConfigCode.NOT_A_CHOICE, name=name, value=value, allowed=get_args(Networks))
            elif value < 1:
                raise SettingError(ConfigCode.LIMIT, name=name, value=value)

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> HostLimits:
        """Return the limits that environment variables set: ``CLASSIFIER_`` and the name of a field in capitals.

        Those that are not set are ``SPACE_LIMITS`` on a Hugging Face Space, and the defaults elsewhere. Raises
        ``SettingError`` for a value that cannot work.
        """
        known = {one.name: variables.get(f"CLASSIFIER_{one.name.upper()}", "").strip() for one in fields(cls)}
        changes = {name: _parse_limit(name, text) for name, text in known.items() if text}
        return replace(SPACE_LIMITS if "SPACE_ID" in variables else HOME_LIMITS, **changes)

    @property
    def upload(self) -> Limits:
        """What one upload, and the project that it goes to, may contain."""
        return Limits(
            files=self.upload_files,
            bytes_unpacked=min(self.upload_megabytes * 10**6, sys.maxsize),
            pixels=min(self.megapixels * 10**6, LIMITS.pixels),
            classes=self.classes,
            project_photos=self.project_photos,
            project_bytes=min(self.project_megabytes * 10**6, sys.maxsize),
        )


def _parse_limit(name: str, text: str) -> Any:
    if name == "networks":
        return text
    if not re.fullmatch(r"\d{1,12}", text, re.ASCII):
        raise SettingError(ConfigCode.LIMIT_VARIABLE, name=f"CLASSIFIER_{name.upper()}", value=text)
    return int(text)


HOME_LIMITS = HostLimits()
SPACE_LIMITS = HostLimits(
    upload_files=20_000,
    project_photos=20_000,
    project_megabytes=2_000,
    projects=200,
    host_megabytes=20_000,
    upload_megabytes=2_000,
    classes=500,
    train_minutes=30,
    train_epochs=100,
    queue=20,
    networks="table",
)
