"""A model of tars or of a Parquet file is that of the same photos in class folders, and so are its answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier import Answers, Predictor, predict_many
from tests.data.test_samples import write_folders, write_hub, write_shards
from tests.helpers import train_on


@pytest.mark.slow
def test_shards_train_and_predict_as_the_same_photos_in_folders_do(features: Path, tmp_path: Path) -> None:
    weights, predictions = set(), []
    for name, write in (("folders", write_folders), ("tars", write_shards), ("parquet", write_hub)):
        finished = train_on(write(tmp_path / name), features, tmp_path / f"model of {name}")
        weights.add((finished.folder / "model.safetensors").read_bytes())
        *_, answers = predict_many(Predictor(finished.folder), [tmp_path / name], tmp_path / f"answers for {name}")
        assert isinstance(answers, Answers)
        assert (answers.photos, answers.errors) == (20, 0)
        predictions.append(sorted((row.file[-8:], row.label, round(row.confidence or 0, 5)) for row in answers.rows()))
    assert len(weights) == 1
    assert predictions[0] == predictions[1] == predictions[2]
