"""What a person is told of an error that nobody expected."""

from __future__ import annotations

import logging

from ..device import is_out_of_memory
from ..messages import Code
from ..messages.models import PredictCode
from ..messages.page import PageCode


def explain(error: Exception, log: logging.Logger | None) -> Code:
    """Return that memory ran out, or else that there is a bug, of which ``log`` keeps the traceback."""
    if is_out_of_memory(error):
        return PredictCode.NO_MEMORY
    if log is not None:
        log.error("A bug, not a mistake of the visitor", exc_info=error)
    return PageCode.BUG
