"""Public sets by name, fetched from a server on this computer that has made-up pictures in their layouts."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from torchvision.datasets import MNIST, FashionMNIST, Flowers102, OxfordIIITPet

from classifier import DataError, FetchedSet, Project, StorageError, fetch_set
from classifier.files import Lock, cache_folder
from classifier.messages.sets import DownloadCode, SetCode
from classifier.workflows.public_sets import SETS, PublicSet, find_set
from tests.data.packed_files import write_cifar10, write_mnist
from tests.file_server import FileServer, serve_files
from tests.helpers import draw_photo, encode

JPEG = encode(draw_photo())


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serve_files() as served:
        yield served


def tar(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def mnist(folder: Path) -> dict[str, bytes]:
    write_mnist(folder, {"train": 6, "t10k": 4})
    return contents(folder)


def cifar10(folder: Path) -> dict[str, bytes]:
    write_cifar10(folder, each=2)
    members = {f"cifar-10-batches-bin/{name}": content for name, content in contents(folder).items()}
    return {"cifar-10-binary.tar.gz": tar(members)}


def flowers(folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 1, 22, 22, 1, 22]], np.uint8)})
    splits = {"trnid": [[1, 3]], "valid": [[4, 2]], "tstid": [[5, 6]]}
    savemat(folder / "setid.mat", {key: np.array(value, np.uint16) for key, value in splits.items()})
    images = {f"jpg/image_{number:05}.jpg": JPEG + bytes([number]) for number in range(1, 7)}
    return {**contents(folder), "102flowers.tgz": tar(images)}


def oxford_pets(folder: Path) -> dict[str, bytes]:
    names = [f"{breed}_{number}" for breed in ("Abyssinian", "american_bulldog") for number in (1, 2)]
    lists = {
        "annotations/trainval.txt": "Abyssinian_1 1 1 1\namerican_bulldog_1 2 2 1\n",
        "annotations/test.txt": "Abyssinian_2 1 1 1\namerican_bulldog_2 2 2 1\n",
        "annotations/list.txt": "#Image CLASS-ID\n",
    }
    images = {f"images/{name}.jpg": JPEG + name.encode() for name in names}
    return {
        "annotations.tar.gz": tar({name: text.encode() for name, text in lists.items()}),
        "images.tar.gz": tar({**images, "images/Abyssinian_1.mat": b"MATLAB"}),
    }


def eurosat(folder: Path) -> dict[str, bytes]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for label in ("Forest", "SeaLake"):
            for number in range(2):
                packed.writestr(f"2750/{label}/{label}_{number}.jpg", JPEG + bytes([number]))
    return {"EuroSAT.zip": stream.getvalue()}


MAKE = {"mnist": mnist, "fashion_mnist": mnist, "cifar10": cifar10, "flowers": flowers, "oxford_pets": oxford_pets,
        "eurosat": eurosat}  # fmt: skip
EXPECTED = {
    "mnist": {"train": {"3": 3, "4": 3}, "test": {"3": 2, "4": 2}},
    "fashion_mnist": {"train": {"Coat": 3, "Dress": 3}, "test": {"Coat": 2, "Dress": 2}},
    "cifar10": {"train": {"airplane": 5, "automobile": 5}, "test": {"airplane": 1, "automobile": 1}},
    "flowers": {
        "train": {"pink primrose": 1, "pincushion flower": 1}, "val": {"pink primrose": 1, "pincushion flower": 1},
        "test": {"pink primrose": 1, "pincushion flower": 1},
    },
    "oxford_pets": {
        "train": {"Abyssinian": 1, "American Bulldog": 1}, "test": {"Abyssinian": 1, "American Bulldog": 1},
    },
    "eurosat": {"train": {"Forest": 2, "SeaLake": 2}},
}  # fmt: skip


def serve(server: FileServer, name: str, folder: Path) -> PublicSet:
    """Serve a small set in the layout of a public one."""
    made = MAKE[name](folder)
    server.files |= made
    known = find_set(name)
    assert {url.rpartition("/")[2] for url in known.files} == set(made)
    order = [url.rpartition("/")[2] for url in known.files]
    return replace(known, files={server.url(one): hashlib.md5(made[one]).hexdigest() for one in order}, megabytes=1)


def fetched(chosen: PublicSet, folder: Path, per_class: int | None = None) -> FetchedSet:
    *_, last = fetch_set(chosen, folder, per_class)
    assert isinstance(last, FetchedSet)
    return last


@pytest.mark.parametrize("name", MAKE)
def test_a_set_becomes_folders_of_its_splits_and_classes(name: str, server: FileServer, tmp_path: Path) -> None:
    chosen = serve(server, name, tmp_path / "made")
    photos = fetched(chosen, tmp_path / "new" / "set").photos
    with Project.over(tmp_path / "new" / "set") as project:
        assert project.catalog.balance() == EXPECTED[name]
    assert sum(photos.values()) == sum(sum(counts.values()) for counts in EXPECTED[name].values())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["set"]
    server.status = 500  # what was fetched is there
    assert fetched(chosen, tmp_path / "again", per_class=1).photos == {
        label: len(EXPECTED[name]) for label in EXPECTED[name]["train"]
    }


@pytest.mark.parametrize("takes_up", [True, False])
def test_a_download_that_is_cut_off_is_taken_up(takes_up: bool, server: FileServer, tmp_path: Path) -> None:
    chosen = serve(server, "eurosat", tmp_path / "made")
    server.cut_after, server.takes_up = 1000, takes_up
    with pytest.raises(DataError, match="cut off after 0") as error:
        fetched(chosen, tmp_path / "set")
    assert error.value.code is DownloadCode.CUT_OFF
    assert not (tmp_path / "set").exists()
    server.cut_after = None
    assert sum(fetched(chosen, tmp_path / "set").photos.values()) == 4
    assert server.starts == [0, 1000 if takes_up else 0]


def test_a_part_of_another_version_is_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    chosen = serve(server, "eurosat", tmp_path / "made")
    cache = cache_folder("sets") / "eurosat"
    for part in (b"x" * 50, b"x" * 10**6):  # of a larger file, too
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "EuroSAT.zip").unlink(missing_ok=True)
        (cache / "EuroSAT.zip.part").write_bytes(part)
        fetched(chosen, tmp_path / f"{len(part)}")
    assert server.starts == [50, 0, 10**6, 0]


def test_a_file_with_another_checksum_is_not_used(server: FileServer, tmp_path: Path) -> None:
    chosen = serve(server, "eurosat", tmp_path / "made")
    server.files["EuroSAT.zip"] += b"more"
    with pytest.raises(DataError) as error:
        fetched(chosen, tmp_path / "set")
    assert error.value.code is DownloadCode.DAMAGED
    assert not (tmp_path / "set").exists()
    assert not list((cache_folder("sets") / "eurosat").glob("EuroSAT*"))


def test_a_server_that_refuses_or_is_not_there_is_named(server: FileServer, tmp_path: Path) -> None:
    chosen = serve(server, "eurosat", tmp_path / "made")
    server.status = 503
    with pytest.raises(DataError, match="HTTP status 503"):
        fetched(chosen, tmp_path / "set")
    away = replace(chosen, files={"http://127.0.0.1:9/EuroSAT.zip": ""})
    with pytest.raises(DataError, match="does not answer"):
        fetched(away, tmp_path / "set")


def test_a_download_that_is_stopped_leaves_only_its_part(server: FileServer, tmp_path: Path) -> None:
    chosen = serve(server, "eurosat", tmp_path / "made")
    with closing(fetch_set(chosen, tmp_path / "set")) as events:  # type: ignore[type-var]
        next(events)
    assert [path.name for path in (cache_folder("sets") / "eurosat").iterdir()] == ["EuroSAT.zip.part"]
    assert not (tmp_path / "set").exists()


@pytest.mark.slow
def test_of_two_downloads_at_once_one_waits(server: FileServer, tmp_path: Path) -> None:
    chosen = serve(server, "eurosat", tmp_path / "made")
    cache = cache_folder("sets") / "eurosat"
    cache.mkdir(parents=True)
    other = Lock(cache / "EuroSAT.zip.lock")
    assert other.acquire() is None
    with closing(fetch_set(chosen, tmp_path / "set")) as events:  # type: ignore[type-var]
        next(events)
        assert not server.starts
        other.release()
        *_, last = events
    assert isinstance(last, FetchedSet)


def test_a_full_disk_is_said_and_nothing_stays(server: FileServer, tmp_path: Path) -> None:
    import resource

    chosen = serve(server, "eurosat", tmp_path / "made")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(StorageError):
            fetched(chosen, tmp_path / "set")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((cache_folder("sets") / "eurosat").glob("EuroSAT*"))


def test_a_name_that_is_none_and_a_folder_with_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cifar10") as error:
        next(fetch_set("cifar-10", tmp_path / "set"))
    assert error.value.code is SetCode.UNKNOWN
    (tmp_path / "mine.jpg").write_bytes(JPEG)
    with pytest.raises(DataError, match="not an empty folder"):
        next(fetch_set("mnist", tmp_path))


def test_addresses_and_checksums_are_those_of_torchvision() -> None:
    ours = {one.name: {url.rpartition("/")[2]: md5 for url, md5 in one.files.items()} for one in SETS}
    assert ours["mnist"] == dict(MNIST.resources)
    assert ours["fashion_mnist"] == dict(FashionMNIST.resources)
    assert ours["flowers"] == dict(Flowers102._file_dict.values())
    assert {(url, md5) for url, md5 in find_set("oxford_pets").files.items()} == set(OxfordIIITPet._RESOURCES)


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_what_a_set_is_names_its_source_and_license(one: PublicSet) -> None:
    about = str(one.about())
    assert one.source in about
    assert f"{one.megabytes} MB" in about
    assert f"License: {one.license or 'none is stated'}." in about
