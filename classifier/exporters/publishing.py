"""Send a folder to a repository of the Hugging Face Hub: a new one, or one that was published before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import ModelInfo, SpaceInfo
from huggingface_hub.repocard import metadata_load

from ..errors import ModelError
from ..events import Progress
from ..messages.hub import HubCode, PublishCode
from ..messages.workflows import StepCode
from ..models.hub import progress_bars_disabled
from ..models.hub_errors import hub_error
from ..models.model_card import TAG
from ..models.model_folder import RESUME, STEPS, TRAINING_PHOTOS

Kind = Literal["model", "space"]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,94}[A-Za-z0-9]|[A-Za-z0-9]", re.ASCII)  # of an owner, and of a repository
_STAYS = (".gitattributes",)  # the Hub's own
# What the Hub puts into a new repository, which may so be replaced.
_OF_THE_HUB = (*_STAYS, "README.md", "index.html", "style.css", ".gitignore", "app.py", "requirements.txt")
_NEVER = (TRAINING_PHOTOS, RESUME, STEPS)  # tell of the training photos, or are not the model


@dataclass(frozen=True)
class Published:
    """What was sent: ``repository`` is owner/name, ``url`` its page, ``size`` in bytes."""

    repository: str
    url: str
    public: bool
    size: int


@dataclass(frozen=True)
class Target:
    """A repository that may be written to: ``is_new`` where it has to be made, ``opens`` where it gets public."""

    repository: str
    kind: Kind
    public: bool
    is_new: bool
    opens: bool


def publish(
    folder: Path, repository: str, kind: Kind = "model", public: bool = False, token: str | None = None
) -> Iterator[Progress | Published]:
    """Send all files of a folder in one commit; the last event is the ``Published``. See ``prepare`` and ``send``."""
    yield from send(folder, prepare(repository, kind, public, token), token)


def prepare(repository: str, kind: Kind = "model", public: bool = False, token: str | None = None) -> Target:
    """Return where to publish; nothing is made or changed yet.

    Args:
        repository: owner/name; without an owner it is that of who signed in.
        kind: model repository or Space.
        public: whether everybody may see it.
        token: of who signed in on the page; by default the one that is stored on this computer.

    Raises ``ModelError`` in one sentence where that cannot be: who signed in may not write there, or the repository is
    there and holds anything that this program did not publish, known by the tag in its card, or everybody can see it
    and ``public`` is False.
    """
    check_name(repository)
    try:
        api = _sign_in(token)
        full_name = _check_rights(api, repository)
        found = _find(api, full_name, kind)
    except Exception as error:  # the client raises what its HTTP library raises, which changes over versions
        raise hub_error(error, repository) from error
    if found is not None:
        _check_replaceable(found, full_name, public)
    return Target(full_name, kind, public, found is None, found is not None and bool(found.private) and public)


def send(folder: Path, target: Target, token: str | None = None) -> Iterator[Progress | Published]:
    """Send all files of a folder in one commit to a repository, which is made, private or public, where it is new.

    Args:
        folder: the files; the front matter of README.md has the tag of this program and, for a Space, the ``sdk``.
        target: what ``prepare`` returned.
        token: as for ``prepare``.

    Raises ``ModelError`` in one sentence for everything that can go wrong; no sentence holds the token.
    """
    files = _list_files(folder)
    size = sum(path.stat().st_size for path in files)
    yield Progress(StepCode.PUBLISH, 0, size >> 20, None)
    try:
        api = _sign_in(token)
        with progress_bars_disabled():
            if target.is_new:
                sdk = (metadata_load(folder / "README.md") or {}).get("sdk", "static")
                api.create_repo(
                    target.repository,
                    private=not target.public,
                    repo_type=target.kind,
                    space_sdk=str(sdk) if target.kind == "space" else None,
                )
            _commit(api, target, folder, files)
            if target.opens:  # when all is there
                api.update_repo_settings(target.repository, private=False, repo_type=target.kind)
    except Exception as error:
        raise hub_error(error, target.repository) from error
    yield Progress(StepCode.PUBLISH, size >> 20, size >> 20, None)
    url = f"{api.endpoint}/{'spaces/' if target.kind == 'space' else ''}{target.repository}"
    yield Published(target.repository, url, target.public, size)


def _sign_in(token: str | None) -> HfApi:
    token = token or huggingface_hub.get_token()
    if token is None:
        raise ModelError(HubCode.NOT_SIGNED_IN)
    return HfApi(token=token)


def check_name(repository: str) -> None:
    """Raise ``ModelError`` where a text cannot be the name of a repository, with or without its owner."""
    parts = repository.split("/")
    if not 1 <= len(parts) <= 2 or not all(map(_NAME.fullmatch, parts)) or "--" in repository or ".." in repository:
        raise ModelError(HubCode.BAD_REPOSITORY, name=repository[:200])


def _list_files(folder: Path) -> list[Path]:
    """The files to send; links are not followed, and what is only for this machine stays."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    kept = []
    for path in found:
        parts = path.relative_to(folder).parts
        if not any(part in _NEVER or part.startswith(".") for part in parts):
            kept.append(path)
    return kept


def _check_rights(api: HfApi, repository: str) -> str:
    """Return owner/name; raises ``ModelError`` where who signed in may not write there."""
    who: dict[str, Any] = api.whoami()
    if _role(who) == "read":
        raise ModelError(HubCode.TOKEN_READ_ONLY)
    owner, _, name = repository.rpartition("/")
    own = str(who.get("name", ""))
    if owner and owner.lower() not in {own.lower(), *(str(one.get("name", "")).lower() for one in who.get("orgs", ()))}:
        raise ModelError(HubCode.NOT_YOURS, repository=repository, owner=own, name=name)
    return f"{owner or own}/{name}"


def _role(who: dict[str, Any]) -> str:
    auth = who.get("auth") or {}
    return str((auth.get("accessToken") or {}).get("role", ""))


def _find(api: HfApi, repository: str, kind: Kind) -> ModelInfo | SpaceInfo | None:
    try:
        found = api.repo_info(repository, repo_type=kind)
    except RepositoryNotFoundError:
        return None
    assert isinstance(found, (ModelInfo, SpaceInfo))
    return found


def _check_replaceable(found: ModelInfo | SpaceInfo, repository: str, public: bool) -> None:
    """Raise ``ModelError`` where a repository holds anything that this program did not publish, or is seen by all."""
    others = [name for name in _names(found) if name not in _OF_THE_HUB]
    if others and TAG not in (found.tags or ()):
        raise ModelError(HubCode.TAKEN, repository=repository, file=others[0])
    if not found.private and not public:
        raise ModelError(HubCode.IS_PUBLIC, repository=repository)


def _names(found: ModelInfo | SpaceInfo) -> list[str]:
    return sorted(one.rfilename for one in found.siblings or ())


def _commit(api: HfApi, target: Target, folder: Path, files: Sequence[Path]) -> None:
    """Put the files in the place of those that are there, in one step."""
    names = {path.relative_to(folder).as_posix(): path for path in files}
    before = _find(api, target.repository, target.kind)
    there = [] if before is None else _names(before)
    operations: list[Any] = [CommitOperationDelete(name) for name in there if name not in {*names, *_STAYS}]
    operations += [CommitOperationAdd(name, path) for name, path in names.items()]
    parent = None if before is None else before.sha  # refused where another commit came between
    message = str(PublishCode.COMMIT)
    api.create_commit(
        target.repository, operations, commit_message=message, repo_type=target.kind, parent_commit=parent
    )
