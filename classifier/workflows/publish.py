"""Export a model and publish the export on the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..config import LIMITS, Limits
from ..data.images import Opener, open_picture
from ..errors import SettingError
from ..events import Progress
from ..exporters import publishing
from ..exporters.base import Exported, Verification
from ..exporters.making import make
from ..exporters.publishing import Kind, Published
from ..messages import Message
from ..messages.hub import HubCode
from ..models.hub_models import open_model
from ..models.picture_sources import Picture
from .export import choose_format

KINDS: dict[str, Kind] = {"hub": "model", "web": "space", "space": "space"}  # by the format


@dataclass(frozen=True)
class Publication:
    """A published export: its format, its repository ``owner/name``, and how it was verified."""

    format: str
    repository: str
    url: str
    public: bool
    size: int
    verification: Verification
    lacks: tuple[Message, ...] = ()


def publish(
    folder: Path | str,
    to: str,
    repository: str,
    photos: Sequence[Picture] = (),
    *,
    public: bool = False,
    shown: Sequence[Picture] = (),
    token: str | None = None,
    device: str | None = None,
    limits: Limits = LIMITS,
    opener: Opener = open_picture,
) -> Generator[Progress | Publication, None, None]:
    """Export the model in ``folder``, verify it, and send it to the Hub; the last event is the ``Publication``.

    Args:
        folder: the model.
        to: ``hub`` for a model repository, ``web`` or ``space`` for a Space.
        repository: owner/name; without an owner that of who signed in.
        photos: by which the export is verified, see ``export``.
        public: whether everybody may see it.
        shown: photos that the model's card shows to whoever sees the repository.
        token: of who signed in on the page; by default the one that is stored on this computer.
        device: where the model itself runs.
        limits: of the size of a photo.
        opener: decodes photos.

    Raises as ``export`` and ``publishing.publish`` do.
    """
    if to not in KINDS:
        raise SettingError(HubCode.NOT_PUBLISHED, name=to, choices=list(KINDS))
    target = publishing.prepare(repository, KINDS[to], public, token)  # before the export, which takes a while
    for event in open_model(folder):
        if isinstance(event, Progress):
            yield event
        else:
            folder = event
    format = choose_format(to, shown, limits, opener, target.repository)
    with TemporaryDirectory(prefix="publish-") as scratch:
        exported = None
        out = Path(scratch, "export")
        for done in make(format, Path(folder), out, photos, device=device, limits=limits, opener=opener):
            if isinstance(done, Exported):
                exported = done
            else:
                yield done
        assert exported is not None
        for sent in publishing.send(out, target, token):
            if isinstance(sent, Published):
                about = (sent.repository, sent.url, sent.public, sent.size)
                yield Publication(to, *about, exported.verification, exported.lacks)
            else:
                yield sent
