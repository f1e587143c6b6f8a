"""What every format is made of: how it is written, how it is loaded again, and what is handed over at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..config import LIMITS, NO_RANGES, Limits, PixelRanges
from ..data.images import Opener, open_picture
from ..errors import ExportError
from ..messages import Code, Message, message
from ..messages.exporting import ExportCode, VerificationCode
from ..models import checkpoint
from ..models.checkpoint import Checkpoint
from ..models.joined import MAX_MEMBERS
from ..models.model_folder import FILES, SINGLE, TRAINING_PHOTOS
from ..models.picture_sources import Picture

Floats = NDArray[np.float32]

TOLERANCE = 1e-3  # largest difference of a probability
_DEFAULT_THRESHOLD = 0.5  # as in ``Predictor``, of a model that another program made
_SMALLEST = 1e-12  # threshold to divide by


@dataclass(frozen=True)
class Answer:
    """The answer to one picture: the class to go by, the probabilities (C,) of all, whether it is “not sure”."""

    label: str
    probs: Floats
    unsure: bool


@dataclass(frozen=True)
class Loaded:
    """An export that was loaded again, with nothing but what it holds itself.

    Args:
        labels: names of the classes, in the order of the probabilities.
        answer: RGB pictures of any size -> their answers, with the preprocessing that the export holds.
        thresholds: the threshold of each class; None where the format holds none.
        pixel_ranges: which values become black and white in photos of more than 8 bits.
    """

    labels: tuple[str, ...]
    answer: Callable[[Sequence[Image.Image]], list[Answer]]
    thresholds: tuple[float, ...] | None = None
    pixel_ranges: PixelRanges = NO_RANGES


@dataclass(frozen=True)
class Model:
    """The model that is exported: its folder, and what ``checkpoint.load`` found there."""

    folder: Path
    checkpoint: Checkpoint

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Load a model folder; raises ``ModelError`` where it is damaged or none."""
        return cls(folder, checkpoint.load(folder))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.checkpoint.labels

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The threshold of each class (C,)."""
        report = self.checkpoint.report
        return (_DEFAULT_THRESHOLD,) * len(self.labels) if report is None else report.class_thresholds

    def files(self) -> list[Path]:
        """Return the files of the folder that may leave this machine, without what tells of the training photos.

        Of ``training.json``, which holds hashes of the photos, use ``files.copy_model``.
        """
        return [self.folder / name for name in FILES if name != TRAINING_PHOTOS and (self.folder / name).is_file()]

    @property
    def is_joined(self) -> bool:
        """Whether the model joins several networks."""
        return bool(self.checkpoint.members)

    def load_single(self) -> Model:
        """Load the model of one network that lies in the folder of a joined one; ``ModelError`` where there is none."""
        return Model.load(self.folder / SINGLE)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an export is made with beside the model; each format uses what it has a place for.

    Args:
        title: what the model is called, on a page or an app; "" for the title of the format.
        place: the name of the repository that the files are for; "" where there is none yet.
        shown: photos that everybody who gets the export may see; only their pixels are written.
        limits: of the size of a photo.
        opener: decodes photos, see ``Predictor``.
    """

    title: str = ""
    place: str = ""
    shown: Sequence[Picture] = ()
    limits: Limits = LIMITS
    opener: Opener = open_picture

    def title_or(self, default: Code) -> str:
        """Return the title in one line, or that of the format."""
        return " ".join(self.title.split()) or str(default)


DEFAULTS = Options()


@dataclass(frozen=True)
class Verification:
    """How an export was compared with the model.

    ``photos`` is the number of photos that both answered, ``same`` of these with the same class and the same “not
    sure”, ``largest_difference`` that of a probability; ``drawn`` says that pictures were drawn since there were no
    photos.

    Example::

        *_, exported = export("model", "zip", "flowers.zip")
        assert exported.verification.drawn
    """

    photos: int
    same: int
    largest_difference: float
    drawn: bool

    def sentence(self) -> Message:
        """Return the verification in words."""
        code = VerificationCode.SAME_DRAWN if self.drawn else VerificationCode.SAME
        difference = f"{self.largest_difference:.1g}".replace("e-0", "e-")  # 2e-6
        return message(code, photos=self.photos, same=self.same, difference=difference)

    def to_json(self) -> dict[str, Any]:
        """Return the verification as the export and the command line hold it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Exported:
    """A finished export, which answered as the model does.

    ``path`` is the file or folder, ``format`` the name of its format, ``verification`` how it was compared with the
    model; ``lacks`` says what the format cannot hold.

    Example::

        *_, exported = export("model", "onnx", "flowers.onnx", photos=["a.jpg", "b.jpg"])
        print(exported.path, exported.verification.sentence())
    """

    path: Path
    format: str
    verification: Verification
    lacks: tuple[Message, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the file, or of all files of the folder."""
        files = [self.path] if self.path.is_file() else [path for path in self.path.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files)


@dataclass(frozen=True)
class Format:
    """A format: how a model is written in it, and how what was written is loaded again.

    Args:
        name: the name on the command line.
        suffix: ending of the file's name; "" where the export is a folder.
        write: writes the model to a path that is not there yet, with the options that the format has a place for;
            returns what the format cannot hold. Raises ``ExportError`` where the model cannot be written so.
        load: opens what was written for as long as the context lasts, by nothing but its own content.
        record: adds the verification to what was written, without changing what was verified.
        packages: packages that have to be installed, by the names that pip knows.
        shows_photos: whether there is a place for ``Options.shown``.
        most_members: how many members of a joined model it holds, 0 for none: of a model with more it gets that of one
            network beside it, which other programs open.
        repository: the kind of repository of the Hub that the folder is; None where it is none.
        tolerance: the largest difference of a probability that is allowed; thirty times that of its logarithm.
    """

    name: str
    suffix: str
    write: Callable[[Model, Path, Options], tuple[Message, ...]]
    load: Callable[[Path], AbstractContextManager[Loaded]]
    record: Callable[[Path, Mapping[str, Any]], None]
    packages: tuple[str, ...] = ()
    shows_photos: bool = False
    most_members: int = MAX_MEMBERS
    repository: Literal["model", "space"] | None = None
    tolerance: float = TOLERANCE

    def check_packages(self) -> None:
        """Raise ``ExportError`` with the line to install them where packages are missing."""
        missing = [name for name in self.packages if find_spec(name.replace("-", "_")) is None]
        if missing:
            install = " ".join(missing)
            raise ExportError(ExportCode.PACKAGES_MISSING, packages=missing, count=len(missing), install=install)


def decide(labels: Sequence[str], probs: Floats, thresholds: Sequence[float], in_distribution: bool) -> Answer:
    """Return the answer that follows from the probabilities (C,) of a picture, as ``Predictor`` gives it.

    The class is the one whose probability is largest relative to its threshold, if it reaches that; else the answer is
    “not sure”, with the likeliest class, as for a picture that is out of distribution.
    """
    order = np.argsort(-probs, kind="stable")
    best = max(order, key=lambda index: float(probs[index]) / max(thresholds[index], _SMALLEST))
    if not in_distribution or float(probs[best]) < thresholds[best]:
        return Answer(labels[order[0]], probs, True)
    return Answer(labels[best], probs, False)
