"""A better network, fetched in the background and tried when the training that runs has ended."""

from __future__ import annotations

from pathlib import Path

from classifier import TrainConfig
from classifier.ui.sessions import Home, ensure_token
from classifier.ui.train import offers
from tests.ui.jobs import Steps, progress, wait


def test_a_network_that_waits_to_be_tried_keeps_no_download_waiting(tmp_path: Path) -> None:
    home, token = Home(tmp_path / "home", tmp_path), ensure_token(None)
    folder, training = home.folder(token), Steps(progress(1))
    home.jobs.start(folder, training, graceful=True)
    work = offers.fetching_work(home, token, TrainConfig(mode="auto"), "tf_efficientnet_lite0")
    assert wait(home.fetching.start(folder, work, graceful=False)).state.error is None
    waiting = home.trying.get(folder)
    assert waiting is not None
    assert not waiting.state.ended
    training.step()
    wait(waiting)
