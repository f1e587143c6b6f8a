"""Uploads at the same time: everybody has every photo, and together they keep to the limits."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier.errors import DataError
from classifier.messages.limits import LimitCode
from classifier.ui.host_limits import HostLimits
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.usage import FolderSize
from tests.helpers import draw_photo, encode
from tests.ui.visitors import Answer, Visitor, serve

pytestmark = pytest.mark.slow

VISITORS = 4
Send = Callable[[Visitor, dict[str, bytes]], Answer]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Home]]:
    with serve(tmp_path_factory.mktemp("page")) as served:
        yield served


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    names = [f"pets/{label}/{number}.jpg" for label in ("cat", "dog", "owl") for number in range(10)]
    return {name: encode(draw_photo(number)) for number, name in enumerate(names)}


def send_loose(visitor: Visitor, photos: dict[str, bytes]) -> Answer:
    return visitor.drop(photos)


def send_zip(visitor: Visitor, photos: dict[str, bytes]) -> Answer:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in photos.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # the same time, so that all zips are equal
    return visitor.drop({"pets.zip": stream.getvalue()})


@pytest.mark.parametrize(("send", "rounds"), [(send_loose, 2), (send_zip, 2)])
def test_everybody_has_every_photo(page: tuple[str, Home], photos: dict[str, bytes], send: Send, rounds: int) -> None:
    url, home = page
    for _ in range(rounds):
        visitors = [Visitor(url) for _ in range(VISITORS)]
        with ThreadPoolExecutor(VISITORS) as pool:
            answers = list(pool.map(lambda visitor: send(visitor, photos), visitors))
        for visitor, answer in zip(visitors, answers, strict=True):
            assert answer.error is None
            assert "Added 30 photos." in answer.values[0]
            assert "left out" not in answer.values[0]
            assert str(home.root) not in answer.text
            assert _count_photos(home, visitor) == len(photos)
    assert not [path for path in (home.root / "uploads").rglob("*") if path.is_file()]


def _count_photos(home: Home, visitor: Visitor) -> int:
    """Return how many different photos a visitor has that can be opened."""
    with home.open(visitor.token) as project:
        assert project.classes() == {"cat": 10, "dog": 10, "owl": 10}
        paths = [project.photo_path(photo) for photo in project.photos()]
        for path in paths:
            Image.open(path).load()
        return len({path.read_bytes() for path in paths})


def test_what_one_visitor_deletes_stays_for_the_other(page: tuple[str, Home], photos: dict[str, bytes]) -> None:
    url, _ = page
    anna, ben = Visitor(url), Visitor(url)
    first, second = (Path(visitor.upload("a.jpg", photos["pets/cat/0.jpg"])) for visitor in (anna, ben))
    rows: list[Any] = [{"path": str(first), "name": "cat/a.jpg"}]
    anna.send(anna.event("photos-drop", "submit"), [anna.token], {"files": rows, "label": "cat"})
    assert not first.exists()
    assert second.read_bytes() == photos["pets/cat/0.jpg"]


def test_uploads_of_one_visitor_at_once_keep_to_the_limit_together(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "models", limits=HostLimits(project_photos=15))
    ready = Barrier(2)
    token = ensure_token(None)
    home.open(token).close()

    def add(kind: int) -> bool:
        folder = tmp_path / f"{kind}"
        folder.mkdir()
        for number in range(12):
            (folder / f"{number}.jpg").write_bytes(encode(draw_photo(100 * kind + number)))
        with home.open(token) as project:
            ready.wait()
            try:
                project.add_files([(path.name, path) for path in folder.iterdir()], "cat")
            except DataError as error:
                return error.code is not LimitCode.PROJECT_PHOTOS
            return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, range(2))) == [False, True]
    with home.open(token) as project:
        assert project.classes() == {"cat": 12}


def test_visitors_at_once_keep_to_the_bytes_of_the_host_together(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "models", limits=HostLimits(host_megabytes=2))
    folders = [tmp_path / name for name in ("one", "other")]
    for kind, folder in enumerate(folders):
        folder.mkdir()
        for number in range(3):
            pixels = np.random.default_rng([kind, number]).integers(0, 256, (333, 400, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    ready = Barrier(2)

    def add(folder: Path) -> int:
        with home.open(ensure_token(None)) as project:
            ready.wait()
            try:
                return project.add(folder, "cat").added
            except DataError as error:
                return -1 if error.code is LimitCode.HOST_BYTES else 0

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, folders)) == [-1, 3]
    assert FolderSize(home.root).get() <= 2_000_000


def test_visitors_who_come_at_once_keep_to_the_number_of_projects(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "models", limits=HostLimits(projects=2))
    ready = Barrier(8)

    def come(_: int) -> bool:
        ready.wait()
        try:
            home.open(ensure_token(None)).close()
        except DataError as error:
            return error.code is not LimitCode.PROJECTS
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(come, range(8))) == 2
