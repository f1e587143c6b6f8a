"""Pictures made to take memory, time or the process: each is stored or refused with a sentence, in a worker."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from classifier.config import LIMITS, NO_RANGES
from classifier.data.decoding import DecodingWorkers
from classifier.errors import PhotoError
from classifier.messages.data import PhotoCode
from tests.data.decoders import children
from tests.helpers import draw_photo, encode

GIGABYTE = 2**30
RUNNER = """
import json, resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from classifier.config import LIMITS
from classifier.data.decoding import DecodingWorkers
from classifier.errors import PhotoError

idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
workers = DecodingWorkers(2)
slow = json.loads(sys.argv[2])
def take(path):
    seconds = 1 if path.name in slow else None
    target, thumbnail = path.with_suffix(".copy"), path.with_suffix(".thumb")
    try:
        workers.probe(path, LIMITS, seconds)
        workers.store(path, target, thumbnail, LIMITS, seconds)
        outcome = ["stored", ""]
    except PhotoError as error:
        outcome = [error.code.name, str(error)]
    return path.name, outcome
with ThreadPoolExecutor(2) as pool:  # who waits for one picture has the other core
    for one in pool.map(take, sorted(Path(sys.argv[1]).iterdir())):
        print(json.dumps(one), flush=True)
workers.close()
kib = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps(["memory", [(kib[0] - idle) * 1024, kib[1] * 1024]]))
"""


def png(mode: str, size: tuple[int, int], **options: object) -> bytes:
    return encode(Image.new(mode, size), "PNG", compress_level=1, **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(*chunks: bytes) -> bytes:
    """A small PNG with more chunks after its header."""
    data = png("L", (32, 32))
    return data[:33] + b"".join(chunks) + data[33:]


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    data = encode(Image.new("L", (4000, 4000), 99), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + b"\xff\xd9"


def icon(width: int, height: int) -> bytes:
    """An icon of 16 pixels, by its own header, that holds a PNG of another size."""
    picture = png("1", (width, height))
    return struct.pack("<3H4B2H2I", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(picture), 22) + picture


def jpeg_2000(side: int) -> bytes:
    """A JPEG 2000 of 64 pixels that states another size, in one tile."""
    data = bytearray(encode(draw_photo(0, (64, 64)), "JPEG2000"))
    header, sizes = data.index(b"ihdr") + 4, data.index(b"\xff\x51") + 6
    struct.pack_into(">2I", data, header, side, side)
    struct.pack_into(">8I", data, sizes, side, side, 0, 0, side, side, 0, 0)
    return bytes(data)


def resized(data: bytes, box: bytes, side: int) -> bytes:
    """An AVIF or HEIC that states another size."""
    changed = bytearray(data)
    struct.pack_into(">2I", changed, data.index(box) + 8, side, side)
    return bytes(changed)


def gif(frames: int = 1, comments: int = 0) -> bytes:
    """A GIF of 1 pixel with many frames, or many blocks of comments before its frame."""
    frame = b"\x2c" + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    start = b"GIF89a" + struct.pack("<2H3B", 1, 1, 0x80, 0, 0) + bytes(6)
    comment = b"\x21\xfe" + (b"\xff" + b"x" * 255) * comments + b"\x00" if comments else b""
    return start + comment + frame * frames + b"\x3b"


def tiff(tags: dict[int, tuple[int, bytes]], pages: int = 1, loop: bool = False) -> bytes:
    """A gray TIFF of one pixel; ``tags`` are types and packed values, with as many pages, each 200 bytes."""
    entries = {
        256: (3, struct.pack("<H", 1)), 257: (3, struct.pack("<H", 1)), 258: (3, struct.pack("<H", 8)),
        259: (3, struct.pack("<H", 1)), 262: (3, struct.pack("<H", 1)), 273: (4, struct.pack("<I", 8)),
        277: (3, struct.pack("<H", 1)), 278: (4, struct.pack("<I", 1)), 279: (4, struct.pack("<I", 1)), **tags,
    }  # fmt: skip
    body, directories = b"", []
    length = 2 + 12 * len(entries) + 4
    place = 16 + length * pages
    for number in range(pages):
        rows = []
        for tag, (kind, data) in sorted(entries.items()):
            count = len(data) // {3: 2, 4: 4}[kind]
            value = data.ljust(4, b"\x00") if len(data) <= 4 else struct.pack("<I", place + len(body))
            if len(data) > 4 and number == 0:
                body += data
            rows.append(struct.pack("<HHI", tag, kind, count) + value)
        following = 16 if loop else 16 + length * (number + 1) if number + 1 < pages else 0
        directories.append(struct.pack("<H", len(rows)) + b"".join(rows) + struct.pack("<I", following))
    return b"II*\x00" + struct.pack("<I", 16) + bytes(8) + b"".join(directories) + body


def long_tag(value: int) -> tuple[int, bytes]:
    return 4, struct.pack("<I", value)


def rle_bitmap(side: int) -> bytes:
    """A BMP whose packed data end at once."""
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, 4, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1100, 0, 0, 54 + 1024) + header + bytes(1024) + b"\xff\x01\x00\x01"


def webp(side: int) -> bytes:
    return encode(Image.new("RGB", (side, side)), "WEBP", quality=1, method=0)


def no_data_jpeg() -> bytes:
    """A JPEG of 80 megapixels whose data are missing."""
    data = bytearray(encode(draw_photo(0), "JPEG"))
    struct.pack_into(">2H", data, data.index(b"\xff\xc0") + 5, 8900, 8900)
    return bytes(data)


MANY = range(40_000)
TABLE: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "thin as a thread": (lambda: png("1", (1, 65_535)), {"TOO_ELONGATED"}),
    "thin and long": (lambda: png("1", (89_000_000, 1)), {"TOO_ELONGATED"}),
    "as thin as may be": (lambda: png("L", (3, 300)), {"stored"}),
    "more pixels than may be": (lambda: png("1", (9_500, 9_500)), {"TOO_MANY_PIXELS"}),
    "as large as may be": (lambda: png("1", (9_400, 9_400)), {"stored", "TOO_SLOW"}),
    "large with a transparent color": (
        lambda: png("1", (9_400, 9_400), transparency=0), {"stored", "MUCH_MEMORY", "TOO_SLOW"},
    ),
    "large and deep": (lambda: png("I;16", (9_400, 9_400)), {"MUCH_MEMORY", "TOO_SLOW"}),
    "a thousand scans": (lambda: scans(1_000), {"TOO_SLOW"}),
    "an icon that holds a large picture": (lambda: icon(13_000, 13_000), {"TOO_MANY_PIXELS"}),
    "an icon that holds a thread": (lambda: icon(1, 65_000), {"TOO_ELONGATED"}),
    "an icon with many entries": (
        lambda: struct.pack("<3H", 0, 1, 65_535) + bytes(16) * 65_535, {"DAMAGED", "TOO_SLOW"},
    ),
    "JPEG 2000 in one large tile": (lambda: jpeg_2000(9_000), {"MUCH_MEMORY", "DAMAGED", "TOO_SLOW"}),
    "numbers written out": (lambda: b"P2 4000 4000 255\n" + b"7 " * 16_000_000, {"stored", "TOO_SLOW"}),
    "a million frames": (lambda: gif(frames=1_000_000), {"stored", "TOO_SLOW"}),
    "comments without an end": (lambda: gif(comments=100_000), {"TOO_SLOW", "stored"}),
    "text that unpacks to much": (
        lambda: png_with(*(chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(2**26))) for _ in range(3))),
        {"stored", "DAMAGED"},
    ),
    "international text that unpacks to much": (
        lambda: png_with(chunk(b"iTXt", b"k\x00\x01\x00\x00\x00" + zlib.compress(bytes(2**26)))), {"stored", "DAMAGED"},
    ),
    "a color profile that unpacks to much": (
        lambda: png_with(chunk(b"iCCP", b"k\x00\x00" + zlib.compress(bytes(2**26)))), {"stored", "DAMAGED"},
    ),
    "many chunks": (lambda: png_with(chunk(b"tEXt", b"key\x00value") * 300_000), {"TOO_SLOW", "DAMAGED", "stored"}),
    "a TIFF with many pages": (lambda: tiff({}, pages=20_000), {"stored", "TOO_SLOW"}),
    "a TIFF whose pages go in a circle": (lambda: tiff({}, loop=True), {"stored"}),
    "a TIFF with many strips": (
        lambda: tiff(
            {
                256: long_tag(400), 257: long_tag(len(MANY)), 278: long_tag(1),
                273: (4, struct.pack("<I", 8) * len(MANY)), 279: (4, struct.pack("<I", 1) * len(MANY)),
            }
        ),
        {"stored", "DAMAGED", "CUT_OFF", "TOO_SLOW"},
    ),
    "a TIFF with a huge tile": (
        lambda: tiff(
            {322: long_tag(60_000), 323: long_tag(60_000), 324: long_tag(8), 325: long_tag(1), 259: (3, b"\x05\x00")}
        ),
        {"stored", "DAMAGED", "MUCH_MEMORY", "CUT_OFF"},
    ),
    "an AVIF that states much": (
        lambda: resized(encode(draw_photo(0), "AVIF"), b"ispe", 60_000),
        {"TOO_MANY_PIXELS", "DAMAGED", "DAMAGED_HEADER"},
    ),
    "a packed bitmap": (lambda: rle_bitmap(9_000), {"stored", "DAMAGED", "CUT_OFF", "TOO_SLOW", "MUCH_MEMORY"}),
    "a large WebP of one color": (lambda: webp(8_000), {"stored", "MUCH_MEMORY", "TOO_SLOW"}),
    "a JPEG without data": (no_data_jpeg, {"stored", "CUT_OFF", "DAMAGED"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """What becomes of each picture, and the memory that this process and its workers took at most."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in TABLE.items():
        (folder / name).write_bytes(make())
    slow = [name for name, (_, allowed) in TABLE.items() if "TOO_SLOW" in allowed]  # a second instead of ten is enough
    run = [sys.executable, "-c", RUNNER, str(folder), json.dumps(slow)]
    lines = subprocess.run(run, check=True, stdout=subprocess.PIPE, timeout=300).stdout.splitlines()
    return dict(json.loads(line) for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_a_hostile_picture_is_stored_or_refused_in_words(name: str, outcomes: dict[str, list[object]]) -> None:
    code, words = outcomes[name]
    assert code in TABLE[name][1], words
    assert code == "stored" or str(words).endswith(".")


@pytest.mark.slow
def test_no_hostile_picture_takes_more_than_a_gigabyte(outcomes: dict[str, list[int]]) -> None:
    own, of_worker = outcomes["memory"]
    assert own < 0.1 * GIGABYTE
    assert of_worker < GIGABYTE


def crash_at_work(worker: int) -> None:
    """End a worker by a signal of a crash once it has worked for a fifth of a second."""
    begin = processor_seconds(worker)
    while processor_seconds(worker) < begin + 0.2:
        time.sleep(0.01)
    os.kill(worker, signal.SIGSEGV)


def processor_seconds(process: int) -> float:
    """Return the seconds of the processor that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker by Linux's list of processes")
def test_a_crash_of_a_decoder_leaves_out_one_picture_and_nothing_else(tmp_path: Path) -> None:
    slow, good = tmp_path / "slow.pgm", tmp_path / "good.jpg"
    slow.write_bytes(b"P2 4000 4000 255\n" + b"7 " * 16_000_000)
    good.write_bytes(encode(draw_photo(0)))
    others, workers = set(children()), DecodingWorkers(1)
    try:
        assert workers.open(good, None, LIMITS, NO_RANGES).size == (64, 48)
        (worker,) = set(children()) - others
        crash = threading.Thread(target=crash_at_work, args=(worker,))
        crash.start()
        with pytest.raises(PhotoError) as caught:
            workers.open(slow, None, LIMITS, NO_RANGES)
        crash.join()
        assert caught.value.code is PhotoCode.DECODER_ENDED
        assert workers.open(good, None, LIMITS, NO_RANGES).size == (64, 48)
        assert worker not in children()
    finally:
        workers.close()
