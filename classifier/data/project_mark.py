"""What tells a project file from any other zip."""

from __future__ import annotations

import json
import lzma
import zipfile
import zlib
from pathlib import Path

RECORD = "project.json"
FORMAT, VERSION = "photo-classifier project", 2
TORN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
_BEGINNING = f'{{"format": {json.dumps(FORMAT)}'.encode()


def is_project_file(file: Path) -> bool:
    """Return whether a file is a zip with this program's ``project.json`` at its top."""
    try:
        with zipfile.ZipFile(file) as packed, packed.open(RECORD) as record:
            return record.read(len(_BEGINNING)) == _BEGINNING
    except (OSError, ValueError, LookupError, *TORN):
        return False
