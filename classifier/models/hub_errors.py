"""Errors of the Hub's client -> the error to raise, in plain words. No message of it holds a token."""

from __future__ import annotations

from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from ..errors import ClassifierError, ModelError, StorageError
from ..files import is_disk_full
from ..messages.hub import HubCode

_LIBRARIES = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")  # of the Hub's client, by its version
_LONGEST_WHY = 200  # letters
_QUOTA_WORDS = ("quota", "storage limit", "storage_limit", "out of storage", "private storage")


def hub_error(error: Exception, repository: str, revision: str | None = None) -> ClassifierError:
    """Return what to raise for an error of the Hub's client.

    Args:
        error: what the client raised.
        repository: the repository that was asked for.
        revision: the version that was asked for.
    """
    if isinstance(error, ClassifierError):
        return error
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):  # of a thread that sends a file
        return hub_error(error.__cause__, repository, revision)
    if isinstance(error, OfflineModeIsEnabled):
        return ModelError(HubCode.OFFLINE, repository=repository)
    if isinstance(error, LocalTokenNotFoundError):
        return ModelError(HubCode.NOT_SIGNED_IN)
    if isinstance(error, RevisionNotFoundError):
        return ModelError(HubCode.NO_VERSION, revision=revision or "main", repository=repository)
    if isinstance(error, GatedRepoError):
        return ModelError(HubCode.GATED, repository=repository)
    if isinstance(error, RepositoryNotFoundError):
        return ModelError(HubCode.NOT_FOUND, repository=repository)
    if isinstance(error, HfHubHTTPError):
        return _of_status(error, repository)
    if _is_quota(str(error)):  # the store of large files says it inside another error
        return ModelError(HubCode.QUOTA, repository=repository)
    if is_disk_full(error):
        return StorageError(HubCode.DISK_FULL, repository=repository)
    return ModelError(HubCode.NO_NETWORK, repository=repository, error=type(error).__name__)


def is_out_of_reach(error: Exception) -> bool:
    """Return whether nothing was answered: no network, a client that is told to use none, or a server that fails."""
    root = type(error).__module__.partition(".")[0]
    if isinstance(error, HfHubHTTPError):
        return getattr(error.response, "status_code", 0) >= 500
    return root in _LIBRARIES or isinstance(error, OSError)  # the client's own “offline” is an OSError, too


def _is_quota(why: str) -> bool:
    return any(word in why.lower() for word in _QUOTA_WORDS)


def _of_status(error: HfHubHTTPError, repository: str) -> ClassifierError:
    status = getattr(error.response, "status_code", 0)
    why = " ".join(str(error.server_message or "").split())[:_LONGEST_WHY]
    if status == 401:
        return ModelError(HubCode.TOKEN_REFUSED)
    if status == 402:
        return ModelError(HubCode.PAYMENT, repository=repository)
    if _is_quota(why):
        return ModelError(HubCode.QUOTA, repository=repository)
    if status == 403:
        return ModelError(
            HubCode.NOT_YOURS, repository=repository, owner="your-name", name=repository.rpartition("/")[2]
        )
    if status == 413:
        return ModelError(HubCode.TOO_LARGE_THERE, repository=repository)
    if status == 429:
        return ModelError(HubCode.BUSY)
    if status >= 500:
        return ModelError(HubCode.SERVER, repository=repository, status=status)
    return ModelError(HubCode.REFUSED, repository=repository, status=status, why=why)
