"""The panel with public sets: what is offered, and a set that is fetched and added; no network is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from classifier.errors import DataError
from classifier.files import Lock, cache_folder
from classifier.messages.sets import SetsPanelCode
from classifier.ui.host_limits import HOME_LIMITS, SPACE_LIMITS, HostLimits
from classifier.ui.photos import sets
from classifier.ui.sessions import Home, ensure_token
from tests.data.packed_files import write_mnist


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Home(tmp_path / "home", tmp_path)


def test_a_host_offers_the_sets_that_it_has_room_for() -> None:
    assert len(sets.offered(HOME_LIMITS)) == len(sets.offered(SPACE_LIMITS)) == 6
    small = HostLimits(classes=50, upload_megabytes=100)
    assert [one.name for one in sets.offered(small)] == ["mnist", "fashion_mnist", "eurosat"]


def test_without_a_network_no_set_is_offered(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    view = sets.unfold(home, ensure_token(None), None)
    assert str(SetsPanelCode.NO_NETWORK) in view.words
    assert not view.choice["visible"]
    assert not view.press["visible"]


def test_a_chosen_set_names_its_size_source_and_license(home: Home) -> None:
    view = sets.choose(home, ensure_token(None), "oxford_pets")
    for word in ("811 MB", "https://www.robots.ox.ac.uk/~vgg/data/pets/", "CC BY-SA 4.0", "Up to 27 pictures"):
        assert word in view.words
    for name in (None, "cats", ["mnist"], {}):
        with pytest.raises(DataError) as error:
            sets.press(home, ensure_token(None), name)  # type: ignore[arg-type]
        assert error.value.code is SetsPanelCode.WHICH_SET


@pytest.mark.slow
def test_a_set_is_fetched_and_added_with_its_splits(home: Home) -> None:
    token = ensure_token(None)
    write_mnist(cache_folder("sets") / "mnist", {"train": 6, "t10k": 4})  # as if fetched before
    assert sets.follow(home, token, "mnist").timer is not None
    sets.press(home, token, "mnist")
    job = home.loading.get(home.folder(token))
    assert job is not None
    assert job.wait(60)
    view = sets.follow(home, token, "mnist")
    assert "Added 10 photos." in sets.tell(view.arrived)
    with home.open(token) as project:
        assert project.catalog.balance() == {"train": {"3": 3, "4": 3}, "test": {"3": 2, "4": 2}}


@pytest.mark.slow
def test_a_stop_is_told_and_leaves_the_set_chosen(home: Home) -> None:
    token, folder = ensure_token(None), cache_folder("sets") / "mnist"
    folder.mkdir(parents=True)
    lock = Lock(folder / "train-images-idx3-ubyte.gz.lock")
    assert lock.acquire() is None  # another process fetches it: this one waits
    sets.press(home, token, "mnist")
    assert "MNIST (12 MB)" in sets.show(home, token).words
    stopped = sets.press(home, token, None)  # on a page that was loaded again
    job = home.loading.get(home.folder(token))
    assert job is not None
    assert job.wait(60)
    lock.release()
    for view in (stopped, sets.follow(home, token, None)):
        assert str(SetsPanelCode.STOPPED) in view.words
        assert view.choice["value"] == "mnist"
        assert view.press["visible"]


def test_a_set_that_cannot_be_fetched_is_one_sentence(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing answers
    token = ensure_token(None)
    sets.press(home, token, "eurosat")
    job = home.loading.get(home.folder(token))
    assert job is not None
    assert job.wait(60)
    view = sets.follow(home, token, "eurosat")
    assert "does not answer" in view.words
    assert view.press["visible"]
    assert home.find(token) is None
