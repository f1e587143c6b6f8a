"""Public sets by name: fetched from where their makers publish them, as a folder for each class.

Nothing is unpickled: CIFAR-10 comes in its binary version, and SciPy reads the numbers of Matlab files by itself.
"""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ..data import http_files, tar_files
from ..data.archives import Unpacked, unpack
from ..data.labels import folder_names
from ..data.packed_pictures import unpack_pictures
from ..errors import DataError
from ..events import Progress
from ..files import cache_folder, storage_error
from ..messages import Message, message
from ..messages.sets import SetCode
from ..messages.workflows import StepCode

Pictures = Iterable[tuple[str, Path]]  # (name below the folder of the set, file that may be moved there)
_STEP = 500  # pictures between two events
_FLOWERS = {"trnid": "train", "valid": "val", "tstid": "test"}
_PETS = {"annotations/trainval.txt": "train", "annotations/test.txt": "test"}


@dataclass(frozen=True)
class PublicSet:
    """A set that anybody may fetch.

    Args:
        name: as on the command line.
        title: as people call it.
        files: addresses, with the MD5 of each.
        megabytes: size of all files.
        photos: their number.
        classes: their number.
        source: the page of its makers.
        license: as its makers state it; empty where they state none.
        read: yields the pictures, given the folder of the files, one for what is unpacked, and how many pictures of
            each class and split are wanted, None for all.

    Example::

        find_set("mnist").about()
    """

    name: str
    title: str
    files: Mapping[str, str]
    megabytes: int
    photos: int
    classes: int
    source: str
    license: str
    read: Callable[[Path, Path, int | None], Pictures]

    def about(self) -> Message:
        """Return what the set is, what it takes to fetch it, where it comes from and its license."""
        return message(
            SetCode.ABOUT, title=self.title, photos=self.photos, classes=self.classes, megabytes=self.megabytes,
            source=self.source, license=self.license or message(SetCode.NO_LICENSE),
        )  # fmt: skip


@dataclass(frozen=True)
class FetchedSet:
    """What was fetched: the ``folder`` of a set, and the number of its ``photos`` by class.

    Example::

        *_, fetched = fetch_set("mnist", Path("digits"), per_class=100)
        print(fetched.photos)
    """

    folder: Path
    photos: Mapping[str, int]


def find_set(name: str) -> PublicSet:
    """Return the set of a name; raises ``DataError`` where there is none."""
    for one in SETS:
        if one.name == name:
            return one
    raise DataError(SetCode.UNKNOWN, name=name, names=[one.name for one in SETS])


def fetch_set(chosen: PublicSet | str, folder: Path, per_class: int | None = None) -> Iterator[Progress | FetchedSet]:
    """Make a folder of a public set, a folder for each class, below those of its splits; yields ``FetchedSet`` last.

    What is fetched stays in the user's cache folder. Closed or cut off, it goes on at the next call; ``folder`` is
    there only when it is whole.

    Args:
        chosen: the set or its name.
        folder: new or empty.
        per_class: so many pictures of each class and split, the first ones; by default all.

    Raises ``DataError`` where there is no such set, or it cannot be fetched; ``StorageError`` where the disk is full.

    Example::

        for event in fetch_set("oxford_pets", Path("pets")):
            print(event)
    """
    chosen = find_set(chosen) if isinstance(chosen, str) else chosen
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(SetCode.FOLDER_NOT_EMPTY, folder=folder.name)
    cache = cache_folder("sets") / chosen.name
    yield from _fetch(chosen, cache)
    folder = folder.resolve()
    part = folder.with_name(f".{uuid.uuid4().hex}.part")
    try:
        (part / "unpacked").mkdir(parents=True)
        counts: Counter[str] = Counter()
        for name, path in chosen.read(cache, part / "unpacked", per_class):
            target = part / "set" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
            counts[target.parent.name] += 1
            if counts.total() % _STEP == 0:
                total = chosen.photos if per_class is None else counts.total()
                yield Progress(StepCode.UNPACK_SET, counts.total(), total, None)
        if folder.is_dir():
            folder.rmdir()
        (part / "set").rename(folder)
    except OSError as error:
        raise storage_error(error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    yield FetchedSet(folder, counts)


def _fetch(chosen: PublicSet, cache: Path) -> Iterator[Progress]:
    """Fetch the files of a set; the steps are megabytes."""
    started, before, first = perf_counter(), 0, None
    most = 2 * chosen.megabytes * 10**6
    for url, md5 in chosen.files.items():
        done = 0
        for done, _ in http_files.fetch(url, cache, md5, most):
            fetched = (before + done) / 1e6
            first = fetched if first is None else first
            speed = (fetched - first) / (perf_counter() - started)
            left = (chosen.megabytes - fetched) / speed if speed else None
            yield Progress(StepCode.FETCH_SET, int(fetched), max(chosen.megabytes, int(fetched)), left)
        before += done or (cache / url.rpartition("/")[2]).stat().st_size


# -- how each set is read


def _read_idx(cache: Path, scratch: Path, per_class: int | None) -> Pictures:
    return _in_folders(_unpack_idx(cache, scratch, per_class))


def _read_fashion(cache: Path, scratch: Path, per_class: int | None) -> Pictures:
    from torchvision.datasets import FashionMNIST  # its names of classes

    return _in_folders(_unpack_idx(cache, scratch, per_class), FashionMNIST.classes)


def _unpack_idx(cache: Path, scratch: Path, per_class: int | None) -> Unpacked:
    files = [(path.name, path) for path in sorted(cache.glob("*ubyte.gz"))]
    return unpack_pictures(files, scratch, per_class=per_class)


def _in_folders(unpacked: Unpacked, names: Sequence[str] = ()) -> Pictures:
    """Yield the pictures in folders of their splits and classes; ``names`` are those of classes that are numbers."""
    samples = {
        path: (names[int(one.label)] if names else one.label, one.split) for path, one in unpacked.samples.items()
    }
    folders = folder_names(label for label, _ in samples.values())
    for base, path in unpacked.files:
        if path in samples:
            label, split = samples[path]
            yield f"{split or 'train'}/{folders[label]}/{base}", path


def _read_cifar(cache: Path, scratch: Path, per_class: int | None) -> Pictures:
    members = tar_files.stream(cache / "cifar-10-binary.tar.gz", scratch / "batches")
    files = [(name, path) for name, path in members if isinstance(path, Path)]
    return _in_folders(unpack_pictures(files, scratch / "pictures", per_class=per_class))


def _read_flowers(cache: Path, scratch: Path, per_class: int | None) -> Pictures:
    from scipy.io import loadmat
    from torchvision.datasets import Flowers102  # its names of classes

    folders = folder_names(Flowers102.classes)
    names = [folders[label] for label in Flowers102.classes]
    labels = [names[number - 1] for number in _numbers(loadmat(cache / "imagelabels.mat")["labels"])]
    splits = loadmat(cache / "setid.mat")
    wanted = {
        f"jpg/image_{number:05}.jpg": f"{split}/{labels[number - 1]}"
        for key, split in _FLOWERS.items()
        for number in sorted(_numbers(splits[key]))
    }
    return _choose(cache / "102flowers.tgz", scratch, wanted, per_class)


def _numbers(array: Any) -> list[int]:
    return [int(value) for value in array.ravel()]


def _read_pets(cache: Path, scratch: Path, per_class: int | None) -> Pictures:
    wanted = {}
    for name, path in tar_files.stream(cache / "annotations.tar.gz", scratch / "annotations"):
        if name in _PETS and isinstance(path, Path):
            for line in path.read_text("ascii").splitlines():
                image = line.split()[0]
                breed = image.rpartition("_")[0].replace("_", " ").title()
                wanted[f"images/{image}.jpg"] = f"{_PETS[name]}/{breed}"
    return _choose(cache / "images.tar.gz", scratch, wanted, per_class)


def _read_eurosat(cache: Path, scratch: Path, per_class: int | None) -> Pictures:
    files = unpack(cache / "EuroSAT.zip", scratch).files
    wanted = {name: name.split("/")[-2] for name, _ in files}
    kept = _first(wanted, per_class)
    return [(f"{wanted[name]}/{name.rpartition('/')[2]}", path) for name, path in files if name in kept]


def _choose(archive: Path, scratch: Path, wanted: Mapping[str, str], per_class: int | None) -> Pictures:
    """Yield the pictures of a tar that are wanted, given the folder of each."""
    kept = _first(wanted, per_class)
    for name, path in tar_files.stream(archive, scratch / "pictures"):
        if isinstance(path, Path) and name in kept:
            yield f"{wanted[name]}/{name.rpartition('/')[2]}", path
        elif isinstance(path, Path):
            path.unlink()


def _first(wanted: Mapping[str, str], per_class: int | None) -> set[str]:
    """Return the first names of each folder."""
    counts: Counter[str] = Counter()
    kept = set()
    for name, folder in wanted.items():
        counts[folder] += 1
        if per_class is None or counts[folder] <= per_class:
            kept.add(name)
    return kept


_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
# Addresses and checksums are torchvision's, but for CIFAR-10, which it has pickled: those are of its makers' page.
SETS: tuple[PublicSet, ...] = (
    PublicSet(
        "cifar10", "CIFAR-10",
        {"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
        170, 60_000, 10, "https://www.cs.toronto.edu/~kriz/cifar.html", "", _read_cifar,
    ),
    PublicSet(
        "mnist", "MNIST",
        {
            f"{_MNIST}/train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            f"{_MNIST}/train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            f"{_MNIST}/t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            f"{_MNIST}/t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
        12, 70_000, 10, "https://yann.lecun.com/exdb/mnist/", "CC BY-SA 3.0", _read_idx,
    ),
    PublicSet(
        "fashion_mnist", "Fashion-MNIST",
        {
            f"{_FASHION}/train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            f"{_FASHION}/train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            f"{_FASHION}/t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            f"{_FASHION}/t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
        31, 70_000, 10, "https://github.com/zalandoresearch/fashion-mnist", "MIT", _read_fashion,
    ),
    PublicSet(
        "flowers", "Oxford flowers",
        {
            f"{_OXFORD}/flowers/102/102flowers.tgz": "52808999861908f626f3c1f4e79d11fa",
            f"{_OXFORD}/flowers/102/imagelabels.mat": "e0620be6f572b9609742df49c70aed4d",
            f"{_OXFORD}/flowers/102/setid.mat": "a5357ecc9cb78c4bef273ce3793fc85c",
        },
        345, 8_189, 102, f"{_OXFORD}/flowers/102/", "", _read_flowers,
    ),
    PublicSet(
        "oxford_pets", "Oxford pets",
        {
            f"{_OXFORD}/pets/data/annotations.tar.gz": "95a8c909bbe2e81eed6a22bccdf3f68f",
            f"{_OXFORD}/pets/data/images.tar.gz": "5c4f3ee8e5d25df40f4fd59a7f44e54c",
        },
        811, 7_349, 37, f"{_OXFORD}/pets/", "CC BY-SA 4.0", _read_pets,
    ),
    PublicSet(
        "eurosat", "EuroSAT",
        {
            "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip":
                "c8fa014336c82ac7804f0398fcb19387",
        },
        94, 27_000, 10, "https://github.com/phelber/EuroSAT", "MIT", _read_eurosat,
    ),
)  # fmt: skip
