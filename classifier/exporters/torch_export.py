"""torch.export: one file that PyTorch opens and compiles without this program or timm."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..errors import ExportError
from ..messages import Message
from ..messages.exporting import ExportCode
from . import graph
from .base import Format, Loaded, Model, Options

_DESCRIPTION, _RECORD = f"{graph.KEY}.json", "export.json"
_LARGEST_BATCH = 1024


def _write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
    network, example = graph.build_graph(model)
    batch = torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)
    content = io.BytesIO()
    try:
        program = torch.export.export(network, (example,), dynamic_shapes={graph.INPUT: {0: batch}})
        torch.export.save(program, content, extra_files={_DESCRIPTION: graph.describe(model)})
    except Exception as error:  # of networks that it cannot trace, torch raises nearly anything
        raise ExportError(ExportCode.NOT_WRITTEN, why=type(error).__name__) from error
    with out.open("wb") as file:
        file.write(content.getbuffer())
    return graph.lacks(model)


@contextmanager
def _load(out: Path) -> Iterator[Loaded]:
    """Open the file as PyTorch does."""
    extra = {_DESCRIPTION: ""}
    with out.open("rb") as file:
        network = torch.export.load(file, extra_files=extra).module()

    def run(pixels: graph.Pixels) -> tuple[graph.Floats, graph.Bools]:
        with torch.inference_mode():
            probs, in_distribution = network(torch.from_numpy(pixels))
        return probs.numpy(), in_distribution.numpy()

    yield graph.read_description(extra[_DESCRIPTION], run)


def _record(out: Path, verification: Mapping[str, Any]) -> None:
    """Add a file beside the description, into the folder of the archive that is there."""
    with zipfile.ZipFile(out, "a") as archive:
        folder = next(name for name in archive.namelist() if name.endswith(_DESCRIPTION)).removesuffix(_DESCRIPTION)
        archive.writestr(folder + _RECORD, json.dumps(verification))


FORMAT = Format("pt2", ".pt2", _write, _load, _record)
