"""Fixtures; everything they use is in ``helpers``."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Two processes that each use both cores slow one another down many times over. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
gc.disable()  # until all is imported: a fifth of the time that it takes

if TYPE_CHECKING:  # the process that only distributes the tests does without torch
    from classifier import Finished
    from tests.helpers import MakeFolder, MakePhoto

# The files with the longest tests, which begin first: at the end short ones fill the time of all processes.
_LONGEST = (
    "test_page.py", "test_photos.py", "test_limits.py", "test_accessibility.py", "test_camera.py",
    "test_kills.py", "test_deep.py", "test_hostile_pictures.py", "test_distributed.py", "test_isolation.py",
    "test_middleware.py", "test_networks.py", "test_table.py", "test_new_networks.py", "test_auto.py",
    "test_provoked_errors.py",
)  # fmt: skip


_scratch = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Give all test processes a temporary folder of their own, where also killed programs and browsers leave things."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ.setdefault(
            "PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir()
        )  # pytest keeps those of failed tests there
        config.stash[_scratch] = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="tests-")
        Path(os.environ["TMPDIR"]).chmod(0o755)  # some programs of the tests give up their rights
    tempfile.tempdir = os.environ["TMPDIR"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete what is left."""
    if _scratch in config.stash:
        shutil.rmtree(config.stash[_scratch], ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Fork the test processes from one that has imported what they need; single files need less."""
    from tests.processes import INTERPRETER

    if any(Path(name).is_dir() for name in config.args):
        for spec in specs:
            spec.python = INTERPRETER


@pytest.hookimpl(trylast=True)  # what is left out is left out before
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests; those for the browser stay in one process, which shares a program.

    ``--dist worksteal`` gives each of three processes a third of the list; who is done first takes from the end of
    another's. Three, because the tests for the browser mostly wait.
    """

    def rank(item: pytest.Item) -> int:
        return _LONGEST.index(item.path.name) if item.path.name in _LONGEST else len(_LONGEST)

    slow = {item.path for item in items if item.get_closest_marker("slow")}
    browser = [item for item in items if item.get_closest_marker("browser")]
    long = sorted((item for item in items if item not in browser and item.path in slow), key=rank)
    short = [item for item in items if item not in browser and item.path not in slow]
    files = list(dict.fromkeys(item.path for item in long))  # none is divided: its tests share what they set up
    ordered = []
    for first in (sorted(browser, key=rank), *([one for one in long if one.path in files[n::2]] for n in (0, 1))):
        more = max(0, len(items) // 3 - len(first))
        ordered += first + short[:more]
        short = short[more:]
    items[:] = ordered + short


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave all that was imported out of garbage collection, and give way to the tests for the browser.

    A collection would take longer than most tests. The tests for the browser are the longest row in one process, the
    first; a training of the page whose priority is low would wait for the end of all others.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    has_browser = any(item.get_closest_marker("browser") for item in session.items)
    if has_browser and hasattr(os, "nice") and os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0":
        os.nice(19)  # 10 is that of the training of a page whose steps improve a model


@pytest.fixture
def make_photo() -> MakePhoto:
    """``make_photo(seed, size, tint)`` draws one picture."""
    from tests.helpers import draw_photo

    return draw_photo


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """``make_folder({"train/cat": 3, "train/dog": 3}, name="photos")`` writes JPEGs, all different.

    Classes (the last part of the folder's name) differ in tint, so a classifier can tell them apart.
    """
    from tests.helpers import draw_photo

    def make(counts: dict[str, int], name: str = "photos", size: tuple[int, int] = (64, 48)) -> Path:
        tints = {label: 40 * index for index, label in enumerate(sorted({key.split("/")[-1] for key in counts}))}
        for number, (folder, count) in enumerate(counts.items()):
            (tmp_path / name / folder).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                tint = (tints[folder.split("/")[-1]] % 256, 0, 80 - tints[folder.split("/")[-1]] % 80)
                draw_photo(1000 * number + index, size, tint).save(tmp_path / name / folder / f"{index + 1}.jpg")
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for the user's cache folder, so that the real one is never touched."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _users_cache_is_left_alone(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))


@pytest.fixture(scope="session")
def features(cache_home: Path) -> Path:
    """A feature cache that all tests share: a photo drawn alike in two tests is looked at once."""
    return cache_home / "photo-classifier" / "features"


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share; who writes there holds its lock."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def example_set(shared_folder: Path) -> Path:
    """Eight drawn photos of each of four classes, none of them square; not to be changed."""
    from filelock import FileLock

    from classifier.data.example import draw_example

    folder = shared_folder / "example" / "photos"
    with FileLock(shared_folder / "example.lock"):
        if not folder.exists():
            draw_example(folder, per_class=8)
    return folder


@pytest.fixture(scope="session")
def trained(example_set: Path, features: Path, shared_folder: Path) -> Finished:
    """A model of the example set; its folder is not to be changed."""
    from filelock import FileLock

    from classifier import Finished
    from classifier.models import checkpoint
    from tests.helpers import train_on

    folder = shared_folder / "trained"
    with FileLock(shared_folder / "trained.lock"):
        if not (folder / "seconds").exists():
            finished = train_on(example_set, features, folder / "model")
            (folder / "seconds").write_text(str(finished.seconds))
    return Finished(
        checkpoint.read_report(folder / "model"), folder / "model", float((folder / "seconds").read_text()), None
    )


@pytest.fixture(scope="session")
def page_export(trained: Finished, shared_folder: Path) -> Path:
    """The model of the example set as a page, with class names that try to be HTML; not to be changed."""
    from filelock import FileLock

    from tests.exporters.pages import export_hostile_page

    with FileLock(shared_folder / "page.lock"):
        if not (shared_folder / "page").exists():
            export_hostile_page(trained.folder, shared_folder)
    return shared_folder / "page"


@pytest.fixture(scope="session")
def example_photo(example_set: Path) -> bytes:
    """A photo of a key."""
    return (example_set / "key" / "key 01.jpg").read_bytes()


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example_photo: bytes) -> Path:
    """An upload folder of Gradio's with one uploaded photo, ``uploads/<sha>/a.jpg``."""
    from tests.helpers import SHA

    folder = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    (folder / SHA).mkdir(parents=True)
    (folder / SHA / "a.jpg").write_bytes(example_photo)
    return folder
