from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from classifier.config import PixelRanges
from classifier.evaluation.scoring import build_report
from classifier.messages import message
from classifier.messages.evaluation import WarningCode
from classifier.models import backbones, networks
from classifier.models.checkpoint import TrainedModel
from classifier.models.model_card import TAG, CardFacts, WidgetPhoto, model_card, render_card, replace_decision
from tests.models.test_checkpoint import ood_model


def trained_model(labels: tuple[str, ...] = ("cat", "dog"), name: str = "resnet18", **changes: Any) -> TrainedModel:
    """A model that answered 3 of 4 photos, of 40 trained on, correctly."""
    y_true = np.array([0, 0, 1, 1])
    probs = np.eye(len(labels), dtype=np.float32)[[0, 0, 1, 0]]
    report = build_report(
        probs, y_true, labels, images=40, evaluated_on=changes.pop("evaluated_on", "out_of_fold"),
        threshold=0.5, temperature=1.0, warnings=[], resize_mode="squash", backbone=name,
    )  # fmt: skip
    backbone = backbones.resolve(name)
    head = np.zeros((len(labels), 512), np.float32), np.zeros(len(labels), np.float32)
    mode = changes.pop("mode", "quick")
    return TrainedModel(mode, backbone, {}, *head, networks.preprocessing(backbone), report, **changes)


def test_the_card_counts_the_photos_evaluated_not_those_of_training() -> None:
    card = model_card(trained_model(), {"created": "2026-03-01T12:00:00"})
    assert "Trained on 40 photos; right on **75%** of the\n4 photos judged (95 % interval " in card
    assert "| cat | 2 | 100% | 67% |" in card
    assert "\non 2026-03-01; the settings" in card


@pytest.mark.parametrize(
    ("evaluated_on", "words"),
    [("out_of_fold", "by cross-validation"), ("val", "on the validation photos"), ("test", "on the test photos")],
)
def test_the_card_says_which_photos_were_judged(evaluated_on: str, words: str) -> None:
    assert f"\n{words}" in model_card(trained_model(evaluated_on=evaluated_on), {})


def test_the_card_says_what_makes_the_score_doubtful() -> None:
    model = trained_model()
    warning = message(WarningCode.ONE_SESSION, labels=("cat",))
    card = model_card(replace(model, report=replace(model.report, warnings=(warning,))), {})
    assert f"\n\n{warning}\n\n| class |" in card


def test_the_card_names_the_range_of_deep_photos() -> None:
    model = trained_model()
    assert "more than 8 bits" not in model_card(model, {})
    ranged = replace(model.preprocessing, pixel_ranges=PixelRanges(integer=(0, 4095)))
    assert "0 becomes black and 4095 white" in model_card(replace(model, preprocessing=ranged), {})


def test_the_front_matter_is_what_the_hub_reads() -> None:
    data = ModelCard(model_card(trained_model(), {})).data
    assert (data.library_name, data.pipeline_tag, data.license) == ("timm", "image-classification", "bsd-3-clause")
    assert data.base_model == "timm/resnet18.tv_in1k"
    assert data.tags == ["image-classification", "timm", "transformers", TAG]


def test_the_scores_are_a_model_index_that_the_hub_reads() -> None:
    found = ModelCard(model_card(trained_model(), {})).data.eval_results
    values = {result.metric_type: result.metric_value for result in found}
    assert values == {"accuracy": 0.75, "balanced_accuracy": 0.75, "f1": pytest.approx(0.7333, abs=1e-4)}
    assert {result.task_type for result in found} == {"image-classification"}
    assert "95 % interval" in found[0].metric_name


def test_a_score_of_no_photo_is_not_given() -> None:
    model = trained_model()
    empty = replace(model.report, confusion=((0, 0), (0, 0)), per_class=())
    card = model_card(replace(model, report=empty), {})
    assert "no other photo to judge it by" in card
    assert "confusion.png" not in card
    assert ModelCard(card).data.eval_results is None


def test_a_card_shows_the_photos_that_may_be_shown() -> None:
    model = trained_model(("--- # [x](y): &a", "dog"))
    photo = WidgetPhoto("photos/1.jpg", tuple(zip(model.report.labels, (0.9, 0.1))))
    facts = CardFacts(model.report, model.backbone, "quick", False, PixelRanges(), {}, "anna/pets", (photo,))
    data = ModelCard(render_card(facts)).data
    (entry,) = data.widget
    assert (entry["src"], entry["example_title"]) == ("photos/1.jpg", "--- # [x](y): &a")
    assert entry["output"] == [{"label": "--- # [x](y): &a", "score": 0.9}, {"label": "dog", "score": 0.1}]
    assert data.model_name == "pets"


def test_groups_of_photos_are_counted() -> None:
    model = trained_model()
    card = model_card(replace(model, report=replace(model.report, group_count=3)), {})
    assert "They form 3 groups of photos that belong together" in card
    assert "that belong together" not in model_card(model, {})


def test_the_card_of_a_network_from_scratch_names_no_source() -> None:
    card = model_card(trained_model(name="small_cnn", mode="deep"), {})
    data = ModelCard(card).data
    assert (data.base_model, data.license) == (None, None)
    assert "from random weights" in card


def test_the_card_says_how_the_model_was_made() -> None:
    assert "A linear head on the pooled features of resnet18 (weights: timm/resnet18.tv_in1k, license bsd-3" in (
        model_card(trained_model(), {})
    )
    assert "its last stages trained further" in model_card(trained_model(mode="deep"), {})
    assert "familiar.safetensors" not in model_card(trained_model(), {})
    assert "familiar.safetensors" in model_card(trained_model(ood=ood_model()), {})
    assert "“squash”" in model_card(trained_model(), {})


HOSTILE = (
    "<script>alert(1)</script>", "[x](javascript:y)", "a|b `c` **d**", "---\nlicense: evil", "![i](u)", "<!-- ",
    "https://evil.example", "www.evil.example", "a@evil.example", "$$x$$", "license: evil", "'\"{{ x }}", "\u202eevil",
)  # fmt: skip


def test_class_names_do_nothing_in_the_card() -> None:
    """Rendered by another program: no element and no address but those of a card with ordinary names."""
    model = trained_model(HOSTILE)
    photos = tuple(WidgetPhoto("photos/1.jpg", ((label, 0.5),)) for label in HOSTILE)
    facts = CardFacts(model.report, model.backbone, "quick", False, PixelRanges(), {}, photos=photos)
    card = render_card(facts)
    assert ModelCard(card).data.license == "bsd-3-clause"
    assert [entry["example_title"] for entry in ModelCard(card).data.widget] == list(HOSTILE)
    tags, addresses = rendered(card)
    usual = model_card(trained_model(tuple(f"class {number}" for number in range(len(HOSTILE)))), {})
    assert (tags, addresses) == rendered(usual)
    for dangerous in ("://evil", "www.evil", "a@evil", "$$"):
        assert dangerous not in ModelCard(card).text


def rendered(card: str) -> tuple[list[str], list[str]]:
    """The elements of a card as HTML, in order, and the addresses that they name."""
    parser = Elements()
    parser.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(ModelCard(card).text))
    return parser.tags, parser.addresses


class Elements(HTMLParser):
    """Lists elements and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")


def test_the_title_names_at_most_eight_classes() -> None:
    assert "# Photo classifier: 0, 1, 2, 3, 4, 5, 6, 7\n" in model_card(trained_model(tuple("01234567")), {})
    assert "# Photo classifier: 0, 1, 2, 3, 4, 5, 6, 7…\n" in model_card(trained_model(tuple("012345678")), {})


def test_another_threshold_changes_one_sentence_of_the_card(tmp_path: Path) -> None:
    model = trained_model(("A confidence under 50% is best read as “not sure”.", "dog"))
    report, card = model.report, model_card(model, {})
    changed = replace_decision(card, report, replace(report, threshold=0.834))
    assert changed == card.replace("\nA confidence under 50%", "\nA confidence under 83%")
    assert changed.count("under 50%") == 3
    assert replace_decision(changed, report, replace(report, threshold=0.2)) == changed
    assert replace_decision(changed, replace(report, threshold=0.83), report) == card
