"""The versions of Gradio whose internals are known: what depends on them and only saves time is for these alone."""

from __future__ import annotations

import gradio

_KNOWN = ("6.31.",)


def is_known() -> bool:
    """Return whether the installed Gradio is of a known version."""
    return gradio.__version__.startswith(_KNOWN)
