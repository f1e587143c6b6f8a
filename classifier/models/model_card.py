"""The model card: a model's README.md, in Markdown with the Hub's front matter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..evaluation.report import Report
from . import networks

_OTHER_THINGS = """ What photos of other things look like is told by
`familiar.safetensors`: how far the training photos lie from one another."""
_NOT_SURE = re.compile(r"^A confidence under \d+% is best read as “not sure”\.", re.MULTILINE)


def text(report: Report, training: Mapping[str, Any], familiar: bool) -> str:
    """The card of a model with this report; class names are a person's, so nothing in them acts on Markdown.

    ``training`` are the settings it was made with, ``familiar``: it tells photos of other things.
    """
    rows = "\n".join(
        f"| {_cell(row.label)} | {row.images} | {row.recall:.0%} | {row.precision:.0%} |" for row in report.per_class
    )
    judged = {"out_of_fold": "by cross-validation, each photo by a model that had not seen it",
              "val": "on the validation photos", "test": "on the test photos"}[report.evaluated_on]  # fmt: skip
    return f"""---
library_name: timm
pipeline_tag: image-classification
{_provenance(report.backbone)}tags:
- image-classification
- timm
- transformers
---

# Photo classifier: {", ".join(_cell(label) for label in report.labels[:8])}{"…" if len(report.labels) > 8 else ""}

Tells apart {len(report.labels)} classes. Trained on {report.images} photos; right on **{report.accuracy:.0%}** of them
(95 % interval {report.accuracy_low:.0%} to {report.accuracy_high:.0%}), judged {judged}.

| class | photos judged | found | right when it says so |
| --- | --- | --- | --- |
{rows}

{_not_sure(report.threshold)}{_OTHER_THINGS if familiar else ""}

## Use it

```python
import timm

model = timm.create_model("local-dir:FOLDER", pretrained=True).eval()
```

```python
from transformers import pipeline

pipeline("image-classification", "FOLDER")("photo.jpg")
```

## How it was made

{_making(report.backbone, training)}
on {training.get("created", "")[:10]}; the settings are in `training.json`.
Pictures are fitted to the square by “{report.resize_mode}”, as `config.json` says.
"""


def with_threshold(card: str, threshold: float) -> str:
    """The card with another confidence, 0 to 1, below which an answer is “not sure”; the same where it names none."""
    return _NOT_SURE.sub(_not_sure(threshold), card, count=1)


def _not_sure(threshold: float) -> str:
    return f"A confidence under {threshold:.0%} is best read as “not sure”."


def _provenance(backbone: str) -> str:
    """The lines of a card's front matter that say what the model was made from."""
    repository, licence = networks.weights_source(backbone)
    return f"license: {licence}\nbase_model: {repository}\n" if repository else ""


def _making(backbone: str, training: Mapping[str, Any]) -> str:
    """How the card says the model was made, without the end of the sentence."""
    repository, licence = networks.weights_source(backbone)
    if not repository:
        return f"The network {backbone}, trained on these photos alone from random weights"
    source = f"{backbone} (weights: {repository}, licence {licence})"
    if training.get("config", {}).get("mode") == "deep":
        return f"{source}, its last stages trained further together with a linear head"
    return f"A linear head on the pooled features of {source}, fitted"


def _cell(text: str) -> str:
    """A name inside Markdown, with nothing in it that Markdown or HTML would act on."""
    line = " ".join(text.split())
    return "".join(f"&#{ord(letter)};" if letter in "<>&|*_`[]()#!\\~" else letter for letter in line)
