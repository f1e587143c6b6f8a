"""The help of the Photos tab -> HTML: the usual ways to bring photos, each with a picture of its files."""

from __future__ import annotations

from ...messages.photos_page import HelpCode
from .. import html

_WAYS = (
    (HelpCode.FOLDERS, HelpCode.FOLDERS_TREE),
    (HelpCode.SPLITS, HelpCode.SPLITS_TREE),
    (HelpCode.TABLE, HelpCode.TABLE_TREE),
    (HelpCode.NAMES, HelpCode.NAMES_TREE),
    (HelpCode.EXPORT, HelpCode.EXPORT_TREE),
    (HelpCode.ZIP, HelpCode.ZIP_TREE),
)


def ways() -> str:
    """Return the ways to bring photos."""
    rows = "".join(f"<li><p>{html.rich(words)}</p><pre>{html.rich(tree)}</pre></li>" for words, tree in _WAYS)
    return f'{html.quiet(html.text(HelpCode.ABOUT))}<ul class="pc-ways">{rows}</ul>'
