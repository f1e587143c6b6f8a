"""What a joined model in training answers is what ``Predictor`` answers when its folder is opened."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from classifier import Finished, Predictor, Project
from classifier.device import choose
from classifier.events import result_of
from classifier.models import backbones, checkpoint, networks
from classifier.models.feature_cache import FeatureCache
from classifier.models.features import FeatureExtractor
from classifier.models.joined import Member
from classifier.workflows.model_outputs import predict_assets


@pytest.mark.slow
def test_cached_features_and_tuned_networks_answer_as_the_saved_folder(
    trained: Finished, example_set: Path, features: Path, tmp_path: Path
) -> None:
    loaded = checkpoint.load(trained.folder)
    backbone, head = backbones.ROWS[loaded.backbone], loaded.network.get_classifier()
    weight, bias = head.weight.numpy(), head.bias.numpy()
    tensors = networks.backbone_tensors(backbone)
    fine_tuned = {key: value * 1.01 if key.startswith("conv_head") else value for key, value in tensors.items()}
    model = checkpoint.TrainedModel(
        "quick", backbone, tensors, weight, bias, loaded.preprocessing, trained.report, ood=loaded.ood,
        others=(Member(backbone, fine_tuned, 0.5 * weight, 0.5 * bias, fine_tuned=True),),
    )  # fmt: skip
    checkpoint.save(tmp_path / "model", model, {})
    predictor = Predictor(tmp_path / "model")
    with (
        Project.over(example_set, features=features) as project,
        closing(FeatureCache(features)) as cache,
    ):
        assets = project.photos()[::5]
        extractor = FeatureExtractor(backbone, choose(), cache, project.limits)
        outputs = result_of(predict_assets(extractor, project, assets, model))
        expected = predictor.predict([project.photo_path(asset) for asset in assets], top_k=len(loaded.labels))
    assert outputs.assets == list(assets)
    assert outputs.features.shape == outputs.compared.shape == (len(assets), weight.shape[1])
    probs = np.exp(outputs.logits - outputs.logits.max(1, keepdims=True))
    probs /= probs.sum(1, keepdims=True)
    for row, one in zip(probs, expected):
        confidences = {best.label: best.confidence for best in one.top}
        np.testing.assert_allclose(row, [confidences[label] for label in loaded.labels], atol=0.05)
