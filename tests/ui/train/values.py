"""The values of the settings as a fresh page has them."""

from __future__ import annotations

from typing import Any

from classifier.config import settings
from classifier.ui.train.settings import OTHER_BACKBONE


def setting_values(**changes: Any) -> dict[str, Any]:
    """The defaults by name, with changes."""
    defaults = {setting.name: "" if setting.optional else setting.default for setting in settings()}
    return {**defaults, OTHER_BACKBONE: "", **changes}
