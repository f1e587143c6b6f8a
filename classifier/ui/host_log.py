"""The log of a host: one JSON object per line on standard error, with nothing that names a visitor's photos.

Only the program's own sentences are written. Those of other packages, and of exceptions, may hold the name of a file:
of these the kind is told and the place in the code.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import SettingError
from ..messages.server import LogCode, ServerCode

log = logging.getLogger(__name__)

VARIABLE = "CLASSIFIER_LOG"
_OWN = __name__.partition(".")[0]
_FIELDS = "fields"


def set_up(variables: Mapping[str, str]) -> bool:
    """Write the log as the environment says, and return whether that is one JSON object per line.

    Otherwise it is text, warnings and errors alone. Raises ``SettingError`` where the variable has another value.
    """
    form = variables.get(VARIABLE, "").strip().lower() or "text"
    if form not in ("text", "json"):
        raise SettingError(ServerCode.LOG_FORM, value=form)
    if form == "text":
        return False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(_OWN).setLevel(logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _tell_of_thread
    return True


def tell(log: logging.Logger, code: LogCode, **fields: str | float | int) -> None:
    """Write a line about what the program does; ``fields`` must not come from a visitor."""
    log.info(str(code), extra={_FIELDS: fields})


def _tell_of_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        found = failed.exc_type, failed.exc_value, failed.exc_traceback
        log.error(str(LogCode.THREAD_FAILED), exc_info=found)


class _Lines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": time, "level": record.levelname.lower(), "logger": record.name}
        if record.name.partition(".")[0] == _OWN:
            line["message"] = record.getMessage()
        else:
            line["place"] = f"{Path(record.pathname).name}:{record.lineno}"
        line |= getattr(record, _FIELDS, {})
        if record.exc_info and record.exc_info[0] is not None:
            line |= {"error": record.exc_info[0].__name__, "frames": _frames(record.exc_info[2])}
        return json.dumps(line)


def _frames(trace: TracebackType | None) -> list[str]:
    """Return the places of a traceback, the innermost last, without the lines and values there."""
    return [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in traceback.extract_tb(trace)]
