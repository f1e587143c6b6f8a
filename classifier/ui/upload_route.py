"""The route that takes files from browsers: each upload gets a folder of its own that nobody else can name.

Gradio's own route keeps files by their content, so that two visitors who send the same photo share one file, and
whoever is done first deletes it for both.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from types import SimpleNamespace

from gradio.route_utils import GradioMultiPartParser, GradioUploadFile, MultiPartException
from gradio.routes import file_upload_statuses
from gradio.utils import get_upload_folder
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ..files import storage_error
from ..messages import Code, sentence
from ..messages.uploads import UploadErrorCode

PATHS = ("/gradio_api/upload", "/upload")
MAX_FILES = 100  # in one request; the page sends one
_NAME_LETTERS = 60  # of four bytes at most, which every file system takes
_UNSAFE = re.compile(r"[^\w.-]+")
_FORM_BYTES = 2**16  # of a request beside the content of its files
_NO_SHA = SimpleNamespace(update=lambda data: None)
_PART = 2**20  # bytes that are written at a time in another thread


def upload_routes(most_bytes: int, most_files: int = MAX_FILES) -> list[BaseRoute]:
    """Return the routes that take the place of Gradio's, which come after those that ``launch`` is given.

    They answer as Gradio's does: with the paths of the files, and with their progress under ``upload_id``.

    Args:
        most_bytes: of all files of one request.
        most_files: files of one request.

    Example::

        page.launch(app_kwargs={"routes": upload_routes(4 * 2**30)})
    """

    async def endpoint(request: Request) -> Response:
        return await _answer(request, most_bytes, most_files)

    return [Route(path, endpoint, methods=["POST"]) for path in PATHS]


async def _answer(request: Request, most_bytes: int, most_files: int) -> Response:
    if not _may_upload(request):
        return _refuse(UploadErrorCode.LOGIN, 401)
    upload_id = request.query_params.get("upload_id")
    if upload_id:
        file_upload_statuses.track(upload_id)
    try:
        paths = await take_files(request, most_bytes, most_files, upload_id)
    finally:
        if upload_id:
            file_upload_statuses.set_done(upload_id)
    if isinstance(paths, Response):
        return paths
    request.app.get_blocks().upload_file_set.update(paths)  # what is forgotten is deleted in time
    return JSONResponse(paths)


async def take_files(
    request: Request, most_bytes: int, most_files: int, upload_id: str | None = None
) -> list[str] | Response:
    """Keep the files of a request as uploads and return their paths, or the answer that says why there are none.

    Args:
        request: a form whose fields ``files`` are files.
        most_bytes: of all files together.
        most_files: how many.
        upload_id: under which the progress can be asked for.
    """
    scratch = Path(get_upload_folder()) / f"tmp{secrets.token_hex(16)}"
    try:
        scratch.mkdir(parents=True)
        paths = _keep(await _receive(request, scratch, upload_id, most_bytes, most_files))
    except _TooLargeError:
        return _refuse(UploadErrorCode.TOO_LARGE, 413, limit=most_bytes)
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            return _refuse(UploadErrorCode.TOO_MANY, 400, limit=most_files)
        if error.message.startswith("File size exceeded"):
            return _refuse(UploadErrorCode.TOO_LARGE, 413, limit=most_bytes)
        return _refuse(UploadErrorCode.NOT_UNDERSTOOD, 400)
    except (ClientDisconnect, LookupError, ValueError):  # of the headers, the form, or a name that cannot be one
        return _refuse(UploadErrorCode.NOT_UNDERSTOOD, 400)
    except OSError as error:
        return PlainTextResponse(str(storage_error(error)), 507)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return paths or _refuse(UploadErrorCode.NO_FILES, 400)


def _refuse(code: Code, status: int, **arguments: int) -> Response:
    return PlainTextResponse(sentence(code, **arguments), status)


def _may_upload(request: Request) -> bool:
    """Return whether the page asks nobody to log in, or who sends this did."""
    app = request.app
    if app.auth is None:
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(request.cookies.get(name) in app.tokens for name in names)


class _TooLargeError(Exception):
    """More came than one request may bring."""


class _File(GradioUploadFile):
    """A file whose small parts are written where they are received: a change of threads takes longer."""

    def __init__(self, file: GradioUploadFile) -> None:
        super().__init__(file=file.file, size=0, filename=file.filename, headers=file.headers)
        self.sha = _NO_SHA  # type: ignore[assignment]  # by which Gradio would name it

    async def write(self, data: bytes) -> None:
        if len(data) >= _PART or self.size is None:
            await super().write(data)
        else:
            self.size += len(data)
            self.file.write(data)

    async def seek(self, offset: int) -> None:
        self.file.seek(offset)


class _Parser(GradioMultiPartParser):
    """Knows whether the form came to its end."""

    complete = False

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        if isinstance(self._current_part.file, GradioUploadFile):
            self._current_part.file = _File(self._current_part.file)

    def on_end(self) -> None:
        self.complete = True


async def _receive(
    request: Request, scratch: Path, upload_id: str | None, most_bytes: int, most_files: int
) -> FormData:
    """Write the files of a request into a folder as they come; raises an error of several kinds for any other."""

    async def bounded() -> AsyncGenerator[bytes, None]:
        left, part = most_bytes + _FORM_BYTES, bytearray()
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                raise _TooLargeError
            part += chunk
            if len(part) >= _PART:
                yield bytes(part)
                part.clear()
        yield bytes(part)

    parser = _Parser(
        request.headers,
        bounded(),
        max_files=most_files,
        max_fields=0,  # a field that is no file would be kept in memory
        upload_dir=scratch,
        upload_id=upload_id,
        upload_progress=file_upload_statuses if upload_id else None,
        max_file_size=most_bytes,
    )
    form = await parser.parse()
    if not parser.complete:
        raise ClientDisconnect
    return form


def _keep(form: FormData) -> list[str]:
    """Move the files of a request into folders of their own and return their paths; all of them or none."""
    kept: list[Path] = []
    try:
        for item in form.getlist("files"):
            if not isinstance(item, GradioUploadFile):
                continue
            item.file.close()
            folder = Path(get_upload_folder()) / secrets.token_hex(32)
            folder.mkdir()
            kept.append(folder / _safe_name(item.filename or ""))
            Path(str(item.file.name)).rename(kept[-1])
    except BaseException:
        for path in kept:
            shutil.rmtree(path.parent, ignore_errors=True)
        raise
    return [str(path) for path in kept]


def _safe_name(claimed: str) -> str:
    """Return the end of a file's name as a browser gives it, with only letters that every system can write."""
    name = _UNSAFE.sub("_", claimed.replace("\\", "/").rpartition("/")[2])[-_NAME_LETTERS:]
    return name if name.strip(".") else "file"
