"""Models in repositories of the Hugging Face Hub: ``hub:owner/name`` becomes a folder in the Hub's cache on this disk.

Only the files of a model are fetched, and nothing that could run code; each has a size that a model can have.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
from huggingface_hub import HfApi, constants
from huggingface_hub.hf_api import ModelInfo

from ..errors import ModelError, StorageError
from ..events import Progress
from ..messages.hub import HubCode
from ..messages.models import CheckpointCode
from ..messages.workflows import StepCode
from . import hub
from .hub_errors import hub_error, is_out_of_reach
from .model_folder import CONFUSION, EVALUATED, OOD

_PREFIX = "hub:"
_NAME = re.compile(r"(?P<repository>\w[\w.-]{0,95}/\w[\w.-]{0,95})(@(?P<revision>\w[\w./-]{0,199}))?", re.ASCII)
_WEIGHTS, _CONFIG = "model.safetensors", "config.json"
_SMALL = 16 * 2**20
# Largest size in bytes of each file that is fetched. The last one is fetched last: with it the folder is complete.
_MOST: dict[str, int] = {
    _WEIGHTS: 4 * 2**30, OOD: 64 * 2**20, EVALUATED: 32 * 2**20, "report.json": _SMALL, "training.json": _SMALL,
    "README.md": _SMALL, CONFUSION: _SMALL, _CONFIG: _SMALL,
}  # fmt: skip
_PICKLED = ("pytorch_model.bin", "pytorch_model.pth", "model.pth")


@dataclass(frozen=True)
class HubModel:
    """A repository ``owner/name``, and which version of it; None for the newest."""

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, name: Path | str) -> HubModel:
        """Read ``hub:owner/name`` or ``hub:owner/name@version``; raises ``ModelError`` for anything else."""
        text = _as_text(name)
        found = _NAME.fullmatch(text.removeprefix(_PREFIX))
        if not is_hub_name(text) or found is None or ".." in text or "--" in text:
            raise ModelError(HubCode.BAD_NAME, name=text[:200])
        return cls(found["repository"], found["revision"])

    def repository_to_write(self) -> str:
        """Return owner/name; raises ``ModelError`` where a version is named: what is published is the newest."""
        if self.revision is not None:
            raise ModelError(HubCode.BAD_NAME, name=f"{_PREFIX}{self.repository}@{self.revision}")
        return self.repository


def is_hub_name(folder: Path | str) -> bool:
    """Return whether a model is named in a repository of the Hub, and is no folder."""
    return _as_text(folder).startswith(_PREFIX)


def local_folder(folder: Path | str) -> Path:
    """Return the folder of a model on this disk; one of the Hub is fetched, see ``open_model``."""
    *_, found = open_model(folder)
    assert isinstance(found, Path)
    return found


def open_model(folder: Path | str) -> Iterator[Progress | Path]:
    """Yield the progress of fetching a model, where it has to be fetched, and then its folder on this disk.

    Without a connection the version that was fetched last is used. Raises ``ModelError`` where there is none or the
    repository holds no classifier, ``StorageError`` where the disk is full.

    Example::

        for event in open_model("hub:anna/flowers"):
            if isinstance(event, Path):
                predictor = Predictor(event)
    """
    if not is_hub_name(folder):
        yield Path(folder)
        return
    model = HubModel.parse(folder)
    kept = _cached(model)
    try:
        info = HfApi().model_info(model.repository, revision=model.revision, files_metadata=True)
        if kept is None or kept.name != info.sha:
            yield from _fetch(model, info)
            kept = _cached(model, info.sha)
    except Exception as error:  # the client raises what its HTTP library raises, which changes over versions
        if kept is None or not is_out_of_reach(error):
            raise hub_error(error, model.repository, model.revision) from error
    assert kept is not None
    yield kept


def _as_text(name: Path | str) -> str:
    return name.as_posix() if isinstance(name, Path) else name


def _cached(model: HubModel, revision: str | None = None) -> Path | None:
    """The folder of a version in the Hub's cache, by default of the newest known one; None where it is incomplete."""
    revision = revision or model.revision
    found = huggingface_hub.try_to_load_from_cache(model.repository, _CONFIG, revision=revision)
    if not isinstance(found, str) or not (Path(found).parent / _WEIGHTS).exists():
        return None
    return Path(found).parent


def _fetch(model: HubModel, info: ModelInfo) -> Iterator[Progress]:
    """Fetch the files of the version that ``info`` describes."""
    sizes = {one.rfilename: one.size or 0 for one in info.siblings or ()}
    names = [name for name in _MOST if name in sizes]
    _check_files(model, sizes)
    total = sum(sizes[name] for name in names)
    before = 0
    for name in names:
        for done, _ in hub.download(model.repository, name, info.sha):
            yield Progress(StepCode.FETCH_MODEL, (before + done) >> 20, total >> 20, None)
        before += sizes[name]
    if model.revision != info.sha:  # what the name stands for, so that it is known without a connection
        with hub.progress_bars_disabled():
            huggingface_hub.hf_hub_download(model.repository, _CONFIG, revision=model.revision)


def _check_files(model: HubModel, sizes: dict[str, int]) -> None:
    """Raise an error where files are missing or too large, or the disk has no room for them."""
    pickled = [name for name in _PICKLED if name in sizes]
    if pickled and _WEIGHTS not in sizes:
        raise ModelError(CheckpointCode.WEIGHTS_PICKLED, file=pickled[0])
    for name in (_CONFIG, _WEIGHTS):
        if name not in sizes:
            raise ModelError(HubCode.NOT_A_MODEL, repository=model.repository, file=name)
    for name, most in _MOST.items():
        if sizes.get(name, 0) > most:
            raise ModelError(HubCode.TOO_LARGE, file=name, repository=model.repository, size=sizes[name])
    if sum(sizes.get(name, 0) for name in _MOST) > _free_bytes(Path(constants.HF_HUB_CACHE)):
        raise StorageError(HubCode.DISK_FULL, repository=model.repository)


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
