"""Standard output and error that never end a command: letters a console lacks, a closed pipe, a full disk."""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import sys
from typing import Any

from ..messages import sentence
from ..messages.files import StorageCode

# For consoles without these signs; any other letter they lack is written as an escape, such as \u732b.
_PLAIN = {**dict(zip("“”„‘’–—−·", '"""\'\'----')), "…": "...", "→": "->"}
_ERRORS = "classifier.plain"


def protect_streams() -> None:
    """Replace standard output and error by streams whose writing raises nothing; called once, when the process begins.

    What is computed must not be lost because a line about it cannot be printed: ``finish`` tells at the end.
    """
    codecs.register_error(_ERRORS, _plain)
    if sys.stdout is None or sys.stderr is None:
        _occupy_descriptors()
    sys.stdout, sys.stderr = _Stream.over(sys.stdout), _Stream.over(sys.stderr)


def finish(code: int) -> int:
    """Write out what is buffered; return the exit code: 2 in place of 0 where standard output could not be written.

    A reader that has seen enough, as in ``… | head``, is no error.
    """
    sys.stdout.flush()
    error = sys.stdout.error if isinstance(sys.stdout, _Stream) else None
    if error is not None and not _is_closed_pipe(error):
        print(sentence(StorageCode.NOT_PRINTED, why=error.strerror or str(error)), file=sys.stderr)
        code = code or 2
    sys.stderr.flush()
    return code


def print_json(value: Any) -> None:
    """Print one line of JSON, with escapes for all letters beyond ASCII where the console is not UTF-8."""
    print(json.dumps(value, ensure_ascii=codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"))


class _Stream(io.TextIOWrapper):
    """A text stream that notes its first error and drops what is written after it."""

    error: OSError | None = None

    @classmethod
    def over(cls, stream: Any) -> _Stream:
        """Write to where ``stream`` does; None is a stream that was closed before the process began."""
        if stream is None:
            return cls(io.BufferedWriter(_Closed()), encoding="utf-8", errors=_ERRORS)
        return cls(
            stream.buffer,
            encoding=stream.encoding,
            errors=_ERRORS,
            newline="\n",  # as Python opens these streams
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, text: str, /) -> int:
        if self.error is None:
            try:
                return super().write(text)
            except OSError as error:
                self.error = error
        return len(text)

    def flush(self) -> None:
        if self.error is None:
            try:
                super().flush()
            except OSError as error:
                self.error = error


class _Closed(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _plain(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: signs in a plain form, other letters as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in text), error.end


def _occupy_descriptors() -> None:
    """Open the descriptors 0 to 2 that are closed: the next file opened would get their number, and what is printed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _is_closed_pipe(error: OSError) -> bool:
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)
