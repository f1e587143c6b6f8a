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
from ..exporters.base import Exported, Options, Verification
from ..exporters.making import make
from ..exporters.publishing import Published
from ..messages import Message
from ..messages.hub import HubCode
from ..models.hub_models import open_model
from ..models.picture_sources import Picture
from .export import FORMATS, find_format


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


def publishable() -> list[str]:
    """Return the names of the formats that can be published."""
    return [name for name in FORMATS if find_format(name).repository is not None]


def publish(
    folder: Path | str,
    to: str,
    repository: str,
    photos: Sequence[Picture] = (),
    *,
    public: bool = False,
    title: str = "",
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
        title: what the model is called, the title of the published page or app.
        shown: photos that whoever sees the repository may see, see ``export``.
        token: of who signed in on the page; by default the one that is stored on this computer.
        device: where the model itself runs.
        limits: of the size of a photo.
        opener: decodes photos.

    Raises as ``export`` and ``publishing.publish`` do.
    """
    format = find_format(to) if to in FORMATS else None
    if format is None or format.repository is None:
        raise SettingError(HubCode.NOT_PUBLISHED, name=to, choices=publishable())
    target = publishing.prepare(repository, format.repository, public, token)  # before the export, which takes a while
    for event in open_model(folder):
        if isinstance(event, Progress):
            yield event
        else:
            folder = event
    options = Options(title=title, place=target.repository, shown=shown, limits=limits, opener=opener)
    with TemporaryDirectory(prefix="publish-") as scratch:
        exported = None
        out = Path(scratch, "export")
        for done in make(format, Path(folder), out, photos, options=options, device=device):
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
