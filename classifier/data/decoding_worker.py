"""The program that decodes the pictures of strangers: ``python -m classifier.data.decoding_worker``.

It reads one job a line, as JSON, and answers each with a line of JSON, until its input ends. A line is followed by as
many bytes as it says. The system ends the program when a job takes too many seconds of the processor; a job that needs
too much memory is refused. ``decoding`` starts it. It imports neither torch nor Gradio.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from ..config import Limits, PixelRanges
from ..errors import PhotoError
from ..messages import Message, message
from ..messages.data import PhotoCode
from .decoding_copies import SHORTEST, draw_small, shrink, write_copy
from .images import BIG, open_picture, probe

MEMORY = 900 * 2**20  # bytes of data that a worker may hold, its own included
SECONDS = 10  # of the processor, for one picture
BEHIND = "behind"  # the argument by which other programs have the processor before this one
_NICE = 10

Job = Mapping[str, Any]
Result = tuple[object, bytes]


def main() -> None:
    """Answer jobs until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # decoders print there
    limit_memory()
    if BEHIND in sys.argv and sys.platform != "win32":
        os.nice(_NICE)
    for line in sys.stdin.buffer:
        job = json.loads(line)
        job["body"] = sys.stdin.buffer.read(job["bytes"])
        _limit_seconds(job["seconds"])
        head, body = _answer(job, Limits(**job["limits"]))
        answers.write(json.dumps({**head, "bytes": len(body)}).encode() + b"\n")
        answers.write(body)
        answers.flush()


def limit_memory() -> None:
    """Bound the memory of this process where the system can."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, hard))


def _limit_seconds(more: int) -> None:
    """Let the system end this process after so many more seconds of the processor."""
    if sys.platform != "win32":
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + more + 1, hard))


def _answer(job: Job, limits: Limits) -> tuple[dict[str, object], bytes]:
    try:
        result, body = _JOBS[job["do"]](job, limits)
        return {"result": result}, body
    except PhotoError as error:
        reason = error.message
    except MemoryError:
        reason = message(PhotoCode.NO_MEMORY)
    except OSError as error:
        return {"errno": error.errno}, b""
    return {"refused": _to_json(reason)}, b""


def _to_json(reason: Message) -> list[object]:
    if reason.code is PhotoCode.NO_MEMORY:
        reason = message(PhotoCode.MUCH_MEMORY, limit=MEMORY)
    return [reason.code.id, dict(reason.arguments), str(reason)]


def _probe(job: Job, limits: Limits) -> Result:
    return asdict(probe(Path(job["path"]), limits)), b""


def _store(job: Job, limits: Limits) -> Result:
    write_copy(Path(job["path"]), Path(job["target"]), Path(job["thumbnail"]), limits)
    return None, b""


def _draw(job: Job, limits: Limits) -> Result:
    return None, draw_small(Path(job["path"]), job["side"], limits)


def _open(job: Job, limits: Limits) -> Result:
    path, shortest = Path(job["path"]), job["shortest"]
    info = probe(path, limits)
    if shortest is None and info.width * info.height > BIG:
        shortest = SHORTEST
    picture = shrink(open_picture(path, shortest, limits, PixelRanges.from_json(job["ranges"])))
    return picture.size, picture.tobytes()


def _describe(job: Job, limits: Limits) -> Result:
    from .descriptors import describe_grays  # which only photos to learn from need

    body = io.BytesIO(job["body"])
    grays = [Image.frombytes("L", (width, height), body.read(width * height)) for width, height in job["sizes"]]
    return None, describe_grays(grays).tobytes()


_JOBS: Mapping[str, Callable[[Job, Limits], Result]] = {
    "probe": _probe, "store": _store, "draw": _draw, "open": _open, "describe": _describe,
}  # fmt: skip


if __name__ == "__main__":
    main()
