"""Which networks are offered for which photos; the Hub's client reads where it is from the environment, at import."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from classifier.config import DOMAINS
from classifier.models.backbones import ROWS
from tests.hub_server import Repository, serve_hub

ROOT = Path(__file__).parents[2]
DINO, SIGLIP, DINO_B = "vit_small_patch14_dinov2", "vit_base_patch16_siglip_224", "vit_base_patch14_dinov2"
PACKAGED = ["tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"]
SCRIPT = """
import json, sys
from classifier.config import TrainConfig
from classifier.models import hub
from classifier.workflows.offers import networks_at_hand, suggest_networks
for settings, photos, fetched in json.loads(sys.argv[1]):
    for repository in fetched:
        list(hub.download(repository, "model.safetensors"))
    found = suggest_networks(TrainConfig(**settings), photos)
    offers = [[one.backbone, one.at_hand, str(one.message)] for one in found]
    print(json.dumps([offers, networks_at_hand()]))
print(bool({"torch", "timm"} & set(sys.modules)))
"""


def ask(home: Path, *cases: object, **variables: str) -> tuple[list[tuple[list[Any], list[str]]], bool]:
    """The offers and the networks at hand for each case, and whether torch was loaded for them."""
    settings = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1", **variables}
    command = [sys.executable, "-B", "-c", SCRIPT, json.dumps(cases)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    *answers, loaded = done.stdout.splitlines()
    return [tuple(json.loads(one)) for one in answers], loaded == "True"


def backbones(offers: list[Any]) -> list[str]:
    return [name for name, _, _ in offers]


@pytest.mark.slow
def test_the_networks_offered_depend_on_the_photos_and_the_time(tmp_path: Path) -> None:
    with serve_hub() as hub:
        for name in (DINO, SIGLIP):
            hub.repositories["model", ROWS[name].repository] = Repository("model", False, files={
                "model.safetensors": b"weights"
            })  # fmt: skip
        domains = [({"domain": domain, "minutes": 0}, 100, []) for domain in DOMAINS]
        cases = [
            ({"minutes": 5}, 5000, []),  # none could be tried on so many photos in the time
            ({"backbone": DINO}, 0, []),
            ({"minutes": 5}, 100, [ROWS[DINO].repository]),
        ]
        answers, loaded = ask(tmp_path, *domains, *cases, HF_ENDPOINT=hub.address)
    assert not loaded
    by_domain = {domain: backbones(offers) for domain, (offers, _) in zip(DOMAINS, answers)}
    assert by_domain["photo"] == [DINO, SIGLIP]
    assert by_domain["medical"] == [DINO, DINO_B]
    assert by_domain["document"][0] == SIGLIP
    assert len({tuple(names) for names in by_domain.values()}) == len(DOMAINS)
    first, (many, _), (in_use, _), (fetched, at_hand) = answers[0], *answers[len(DOMAINS) :]
    assert first[0][0][1:] == [
        False,
        "ViT-S/14 DINOv2 (88 MB, fetched once; license Apache-2.0) is usually better on photos like these.",
    ]
    assert first[1] == PACKAGED
    assert many == []
    assert DINO not in backbones(in_use)
    assert fetched[0][:2] == [DINO, True]
    assert "fetched already" in fetched[0][2]
    assert at_hand == [*PACKAGED, DINO]

    ((offers, at_hand),), _ = ask(tmp_path, ({"minutes": 5}, 100, []), HF_HUB_OFFLINE="1")
    assert backbones(offers) == [DINO]  # it is there, the other cannot be fetched
    assert at_hand == [*PACKAGED, DINO]


@pytest.mark.slow
def test_nothing_is_offered_where_the_hub_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert ask(tmp_path, ({}, 100, []), HF_ENDPOINT=address)[0] == [([], PACKAGED)]
    assert ask(tmp_path, ({}, 100, []), HF_ENDPOINT="http://127.0.0.1:1")[0] == [([], PACKAGED)]
