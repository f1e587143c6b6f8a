"""Serve the page: ``python app.py [--host H] [--port P] [--share]``. Hugging Face Spaces runs this file, too."""

from __future__ import annotations

import sys
from pathlib import Path

from classifier.__main__ import run

if __name__ == "__main__":
    run(["app", *sys.argv[1:]], Path(__file__).resolve().parent)
