from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin

from classifier import Project
from classifier.config import LIMITS, NO_RANGES, PixelRanges
from classifier.data.decoding import DecodingWorkers, UploadDecoder, describe_apart, draw_small_apart, open_apart
from classifier.data.decoding_copies import copy_extension, draw_small, write_copy
from classifier.data.descriptors import DESCRIPTOR_SIZE, describe_grays, to_gray
from classifier.data.images import open_picture, probe
from classifier.errors import PhotoError
from classifier.messages.data import PhotoCode
from tests.helpers import draw_photo, encode

DEEP = np.arange(600, dtype=np.uint16).reshape(20, 30)
SECRET = b"48.8584 north"
ROOT = Path(__file__).resolve().parents[2]
LEAVE = """
import os, sys, time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from classifier.data.decoding import open_apart
from classifier.errors import PhotoError
from tests.data.decoders import children
def open_slow():
    with suppress(PhotoError):  # a worker that is busy is ended
        open_apart(Path(sys.argv[1]))
threads = [Thread(target=open_slow, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
while len(children()) < min(2, os.cpu_count()):
    time.sleep(0.01)
if sys.argv[2] == "idle":
    for thread in threads:
        thread.join()
print(*children())
"""
PIXEL_TAGS = {256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 339, 341}  # of a TIFF


def exif(orientation: int = 1) -> bytes:
    """Metadata with a camera's number and a position."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.Base.BodySerialNumber] = SECRET.decode()
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSMapDatum] = SECRET.decode()
    return tags.tobytes()


def note() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("where", SECRET.decode())
    return info


def multi_picture() -> bytes:
    stream = io.BytesIO()
    draw_photo(0).save(stream, "MPO", save_all=True, append_images=[draw_photo(1)], exif=exif())
    return stream.getvalue()


def deep_pages() -> bytes:
    """A small picture before the largest one; both have metadata."""
    stream = io.BytesIO()
    pages = [Image.fromarray(DEEP[:9, :9]), Image.fromarray(DEEP)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], exif=exif())
    return stream.getvalue()


def color_tiff() -> bytes:
    """16-bit color with a description, which Pillow does not write."""
    pixels = np.arange(20 * 30 * 3, dtype="<u2").reshape(20, 30, 3) * 30
    entries = [
        (256, 3, 1, 30), (257, 3, 1, 20), (258, 3, 3, 200), (259, 3, 1, 1), (262, 3, 1, 2), (270, 2, len(SECRET), 220),
        (273, 4, 1, 240), (277, 3, 1, 3), (278, 3, 1, 20), (279, 4, 1, pixels.nbytes), (341, 3, 3, 206),
    ]  # fmt: skip
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + b"".join(struct.pack("<HHII", *one) for one in entries)
    head = head.ljust(200, b"\0") + struct.pack("<6H", 16, 16, 16, *[60_000] * 3)
    return head.ljust(220, b"\0") + SECRET.ljust(20, b"\0") + pixels.tobytes()


WITH_METADATA: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: encode(draw_photo(0), exif=exif(), comment=SECRET, xmp=b"<x>" + SECRET + b"</x>"),
    "progressive JPEG": lambda: encode(draw_photo(0), progressive=True, exif=exif()),
    "turned JPEG": lambda: encode(draw_photo(0), exif=exif(6)),
    "CMYK JPEG": lambda: encode(draw_photo(0).convert("CMYK"), exif=exif(3)),
    "JPEG with restarts": lambda: encode(draw_photo(0), restart_marker_blocks=2, exif=exif()),
    "JPEG with an appendix": lambda: encode(draw_photo(0)) + SECRET,
    "several JPEGs": multi_picture,
    "PNG": lambda: encode(draw_photo(0), "PNG", exif=exif(8), pnginfo=note()),
    "gray PNG": lambda: encode(draw_photo(0).convert("L"), "PNG", exif=exif(8), pnginfo=note()),
    "deep PNG": lambda: encode(Image.fromarray(DEEP), "PNG", exif=exif(6), pnginfo=note()),
    "transparent PNG": lambda: encode(draw_photo(0).convert("RGBA"), "PNG", pnginfo=note()),
    "TIFF": lambda: encode(draw_photo(0), "TIFF", exif=exif(6)),
    "deep TIFF": lambda: encode(Image.fromarray(DEEP), "TIFF", exif=exif(6), description=SECRET.decode()),
    "deep TIFF of real numbers": lambda: encode(Image.fromarray(DEEP.astype(np.float32)), "TIFF", exif=exif(3)),
    "compressed deep TIFF": lambda: encode(
        Image.fromarray(DEEP), "TIFF", description=SECRET.decode(), compression="tiff_lzw"
    ),
    "deep BigTIFF": lambda: encode(Image.fromarray(DEEP), "TIFF", exif=exif(8), big_tiff=True),
    "several deep TIFFs": deep_pages,
    "deep TIFF in color": color_tiff,
    "deep PPM": lambda: encode(Image.fromarray(DEEP.astype(np.int32)), "PPM").replace(
        b"\n", b"\n#" + SECRET + b"\n", 1
    ),
    "deep JPEG 2000": lambda: encode(Image.fromarray(DEEP), "JPEG2000", comment=SECRET),
    "WebP": lambda: encode(draw_photo(0), "WEBP", exif=exif(6)),
    "AVIF": lambda: encode(draw_photo(0), "AVIF", exif=exif(6)),
    "HEIC": lambda: encode(draw_photo(0), "HEIF", exif=exif(6)),
    "GIF": lambda: encode(draw_photo(0).convert("P"), "GIF", comment=SECRET),
}


def copy(data: bytes, folder: Path) -> bytes:
    source, target = folder / "source", folder / "target"
    source.write_bytes(data)
    write_copy(source, target, folder / "thumbnail", LIMITS)
    return target.read_bytes()


@pytest.mark.parametrize("name", WITH_METADATA)
def test_a_copy_has_the_same_pixels_and_no_metadata(name: str, tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()  # to write it
    data = WITH_METADATA[name]()
    copied = copy(data, tmp_path)
    assert SECRET in data
    assert SECRET not in copied
    assert SECRET not in (tmp_path / "thumbnail").read_bytes()
    with Image.open(io.BytesIO(copied)) as image:
        own = set(image.tag_v2) if isinstance(image, TiffImagePlugin.TiffImageFile) else set()
        assert set(image.getexif()) - (own & PIXEL_TAGS) <= {ExifTags.Base.Orientation}
        assert not {"comment", "xmp", "icc_profile", "where"} & set(image.info)
    assert np.array_equal(open_picture(data), open_picture(copied))


def tmp_path_with(folder: Path, data: bytes) -> Path:
    path = folder / "with"
    path.write_bytes(data)
    return path


def test_a_jpeg_without_metadata_is_copied_byte_by_byte(tmp_path: Path) -> None:
    data = encode(draw_photo(0, (300, 200)))
    assert copy(data, tmp_path) == data


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_a_deep_picture_is_copied_with_its_depth(format: str, tmp_path: Path) -> None:
    data = encode(Image.fromarray(DEEP), format)
    assert probe(data).deep
    assert copy(data, tmp_path) == data


@pytest.mark.slow
def test_a_large_picture_is_copied_as_a_jpeg_of_enough_pixels(tmp_path: Path) -> None:
    data = encode(Image.linear_gradient("L").resize((4100, 4200)), "PNG", compress_level=1)
    copied = copy(data, tmp_path)
    assert (probe(copied).format, copy_extension(probe(data))) == ("JPEG", ".jpg")
    assert (probe(copied).width, probe(copied).height) == (2050, 2100)
    one, other = (np.asarray(open_picture(bytes_, 64).resize((64, 64)), np.float32) for bytes_ in (data, copied))
    assert np.abs(one - other).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_the_copy_of_a_long_picture_has_16_megapixels_at_most(format: str, tmp_path: Path) -> None:
    copied = probe(copy(encode(Image.new("L", (700, 60_000)), format), tmp_path))
    assert (copied.width, copied.height) == (350, 30_000)


def test_a_jpeg_of_very_many_scans_is_encoded_anew(tmp_path: Path) -> None:
    data = encode(Image.new("L", (1000, 1000), 99), progressive=True)
    last = data.rindex(b"\xff\xda")
    copied = copy(data[:-2] + data[last:-2] * 400 + b"\xff\xd9", tmp_path)
    assert copied.count(b"\xff\xda") == 1


def test_a_jpeg_that_is_cut_off_has_no_copy(tmp_path: Path) -> None:
    with pytest.raises(PhotoError) as caught:
        copy(encode(draw_photo(9, (200, 200)))[:-2000], tmp_path)
    assert caught.value.code is PhotoCode.CUT_OFF


def test_the_photos_of_a_project_hold_no_metadata(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    for number, name in enumerate(("JPEG", "PNG", "WebP")):
        (tmp_path / f"cat/{number}").write_bytes(WITH_METADATA[name]())
    with Project.open(tmp_path / "home") as project:
        files = [(f"cat/{number}", tmp_path / f"cat/{number}") for number in range(3)]
        assert project.add_files(files, "cat").added == 3
        assert project.add_files(files, "cat").already == 3  # a photo is known by the content of its original
        stored = [path for path in (project.folder).rglob("*") if path.is_file()]
        assert len(stored) > 6
        assert not [path for path in stored if SECRET in path.read_bytes()]


@pytest.fixture
def workers() -> Iterator[DecodingWorkers]:
    found = DecodingWorkers(1)
    yield found
    found.close()


def test_a_worker_answers_as_this_process_does(workers: DecodingWorkers, tmp_path: Path) -> None:
    ranges = PixelRanges(integer=(0, 999))
    for data in (
        encode(draw_photo(0)),
        encode(Image.fromarray(DEEP), "PNG"),
    ):
        path = tmp_path_with(tmp_path, data)
        assert workers.probe(path, LIMITS) == probe(data)
        assert np.array_equal(workers.open(path, None, LIMITS, ranges), open_picture(data, None, LIMITS, ranges))
        assert workers.draw_small(path, 20, LIMITS) == draw_small(path, 20, LIMITS)


def test_a_worker_gives_the_reason_that_this_process_gives(workers: DecodingWorkers, tmp_path: Path) -> None:
    broken = [b"", b"no picture", b"%PDF-1.4", encode(draw_photo(0))[:300], struct.pack("<3H", 0, 1, 9)]
    for data in broken:
        with pytest.raises(PhotoError) as here:
            open_picture(tmp_path_with(tmp_path, data))
        with pytest.raises(PhotoError) as there:
            workers.open(tmp_path_with(tmp_path, data), None, LIMITS, NO_RANGES)
        assert str(there.value) == str(here.value)


def test_a_worker_finds_files_after_the_working_folder_changed(
    workers: DecodingWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_with(tmp_path, encode(draw_photo(0)))
    workers.probe(path, LIMITS)
    monkeypatch.chdir(tmp_path)
    workers.store(Path(path.name), Path("target"), Path("thumbnail"), LIMITS)
    assert (tmp_path / "target").read_bytes() == path.read_bytes()


def test_where_a_worker_cannot_write_it_says_why(workers: DecodingWorkers, tmp_path: Path) -> None:
    path = tmp_path_with(tmp_path, encode(draw_photo(0)))
    with pytest.raises(FileNotFoundError):
        workers.store(path, tmp_path / "missing/target", tmp_path / "thumbnail", LIMITS)


def test_that_a_worker_cannot_be_started_is_no_fault_of_the_photo(
    workers: DecodingWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_with(tmp_path, encode(draw_photo(0)))
    with monkeypatch.context() as changed:
        changed.setattr(sys, "executable", str(tmp_path / "missing"))
        with pytest.raises(PhotoError) as raised:
            workers.probe(path, LIMITS)
    assert raised.value.code is PhotoCode.NO_DECODER
    assert "No such file" in str(raised.value)
    assert workers.probe(path, LIMITS) == probe(path)


def test_the_shared_workers_open_files_and_pictures(tmp_path: Path) -> None:
    path = tmp_path_with(tmp_path, encode(draw_photo(0)))
    assert draw_small_apart(path, 20)[:2] == b"\xff\xd8"
    assert np.array_equal(open_apart(path), open_picture(path))
    assert open_apart(draw_photo(0)).size == (64, 48)
    gray = to_gray(open_picture(path))
    grays = [gray.rotate(10 * number, expand=True) for number in range(10)]
    assert np.array_equal(describe_apart(grays), describe_grays(grays))
    assert describe_apart([]).shape == (0, DESCRIPTOR_SIZE)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers by Linux's list of processes")
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_all_workers_end_with_the_program_without_a_warning(state: str, tmp_path: Path) -> None:
    side = 500 if state == "idle" else 2000
    path = tmp_path_with(tmp_path, f"P2 {side} {side} 255\n".encode() + b"7 " * side**2)
    command = [sys.executable, "-W", "error", "-c", LEAVE, path, state]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()
    left = [Path("/proc", process) for process in done.stdout.split()]
    end = time.monotonic() + 60  # a process that was killed is still listed until the system has cleared it away
    while any(process.exists() for process in left) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [process for process in left if process.exists()]


@pytest.mark.slow
def test_after_some_slow_pictures_of_an_upload_the_others_get_a_second(tmp_path: Path) -> None:
    slow = tmp_path_with(tmp_path, b"P2 4000 4000 255\n" + b"7 " * 16_000_000)
    decoder = UploadDecoder(seconds=2)
    allowed = []
    for _ in range(3):
        with pytest.raises(PhotoError) as caught:
            decoder.store(slow, tmp_path / "target", tmp_path / "thumbnail")
        allowed.append(dict(caught.value.message.arguments)["seconds"])
    assert allowed == [2, 2, 1]
