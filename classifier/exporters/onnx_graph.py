"""ONNX: one file with the network, normalization and the out-of-distribution model; the rest is in its metadata."""

from __future__ import annotations

import io
import json
import warnings
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

_OPSET = 17  # of 2022: read by every runtime in use
_RECORD = f"{graph.KEY}.export"


def write_onnx(model: Model, out: Path) -> tuple[Message, ...]:
    """Write the graph of ``graph.AnswerGraph`` with any number of pictures; returns what it does not hold.

    Raises ``ExportError`` for a network that cannot be written.
    """
    network, example = graph.build_graph(model)
    names = (graph.INPUT, *graph.OUTPUTS)
    content = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is another exporter, and of shapes known at export time
            # The exporter by tracing: it gives the same file each time, in under a second, and needs no package but
            # onnx. The other one, by torch.export, takes ten times as long and needs onnxscript.
            torch.onnx.export(
                network,
                (example,),
                content,  # type: ignore[arg-type]  # a stream will do
                dynamo=False,
                opset_version=_OPSET,
                input_names=names[:1],
                output_names=names[1:],
                dynamic_axes={name: {0: "batch"} for name in names},
            )
    except Exception as error:  # of networks with operations that ONNX does not have, torch raises nearly anything
        raise ExportError(ExportCode.NOT_WRITTEN, why=type(error).__name__) from error
    with out.open("wb") as file:
        file.write(content.getbuffer())
    add_metadata(out, {graph.KEY: graph.describe(model)})
    return graph.lacks(model)


def _write(model: Model, out: Path, options: Options) -> tuple[Message, ...]:
    return write_onnx(model, out)


def add_metadata(out: Path, entries: Mapping[str, str]) -> None:
    """Add entries to the metadata of an ONNX file; what it holds already is not changed.

    A message of Protocol Buffers that is written behind another is merged with it: lists are joined.
    """
    from onnx import ModelProto, StringStringEntryProto

    more = ModelProto(metadata_props=[StringStringEntryProto(key=key, value=value) for key, value in entries.items()])
    with out.open("ab") as file:
        file.write(more.SerializeToString())


@contextmanager
def _load(out: Path) -> Iterator[Loaded]:
    """Open the file in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(out.read_bytes(), options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map

    def run(pixels: graph.Pixels) -> tuple[graph.Floats, graph.Bools]:
        probs, in_distribution = session.run(list(graph.OUTPUTS), {graph.INPUT: pixels})
        return probs, in_distribution

    yield graph.read_description(metadata[graph.KEY], run)


def _record(out: Path, verification: Mapping[str, Any]) -> None:
    add_metadata(out, {_RECORD: json.dumps(verification)})


FORMAT = Format("onnx", ".onnx", _write, _load, _record, packages=("onnx", "onnxruntime"))
