"""``python -m classifier`` and the command ``classifier``: the command line, and the page as its command ``app``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .cli.console import protect_streams
from .cli.main import leave, main


def run(argv: Sequence[str] | None = None, root: Path | None = None) -> NoReturn:
    """Run one command, by default that of this process, and end the process.

    ``root`` is the folder that by default holds the page's projects and models, None for the user's data folder.
    """

    def app(args: argparse.Namespace) -> None:
        from .ui.server import serve

        serve(args.host, args.port, args.share, root)

    protect_streams()
    try:
        code = main(argv, {"app": app})
    except SystemExit as ended:  # “--help”, or a command that cannot be understood
        code = ended.code if isinstance(ended.code, int) else 0
    leave(code)


if __name__ == "__main__":
    run()
