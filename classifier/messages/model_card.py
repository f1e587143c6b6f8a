"""The sentences of the model card and their order: Markdown with the front matter of the Hugging Face Hub."""

from __future__ import annotations

from dataclasses import dataclass
from enum import unique

from . import EnglishCode, sentence

_TITLE_CLASSES = 8
_LISTED_CLASSES = 100
_TABLE_ROWS = 200


@dataclass(frozen=True)
class ModelCard:
    """The facts of a model card. Texts from people, such as ``labels``, are escaped for Markdown beforehand.

    ``front`` is the front matter, in YAML. ``rows`` are (label, number of photos evaluated, recall, precision) for each
    class; shares are 0 to 1. ``macro`` are the means of precision, recall and F1 of the classes. ``group_count`` counts
    the groups of photos that belong together among those evaluated. ``repository`` is that of the pretrained weights,
    "" for a network from random weights. ``place`` is that of the model in the examples: ``FOLDER`` stands for a
    folder, anything else is the name of a repository. ``members`` are the networks that the model joins, as (name,
    repository, license, whether its layers were trained), none for a model of one network; ``cost`` is the time of an
    answer relative to that of the first one alone. ``picture`` is the file of the confusion matrix, "" for none, and
    ``numbers`` are the classes that it shows by number.
    """

    front: str
    labels: tuple[str, ...]
    rows: tuple[tuple[str, int, float, float], ...]
    images: int
    evaluated: int
    evaluated_on: str
    group_count: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro: tuple[float, float, float] | None
    loss: float | None
    decision: str
    has_ood: bool
    backbone: str
    repository: str
    license: str
    fine_tuned: bool
    created: str
    resize_mode: str
    pixel_range: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    picture: str = ""
    numbers: tuple[tuple[int, str], ...] = ()
    place: str = "FOLDER"
    members: tuple[tuple[str, str, str, bool], ...] = ()
    cost: float = 1.0

    def text(self) -> str:
        """The card in Markdown, with the front matter of the Hugging Face Hub."""
        return f"""---
{self.front}---

# {sentence(CardCode.TITLE, labels=self._first(_TITLE_CLASSES))}

{sentence(CardCode.CLASSES, count=len(self.labels), labels=self._first(_LISTED_CLASSES))}

{self._score()}
{"".join(f"{chr(10)}{note}{chr(10)}" for note in self.notes)}
{self._table()}
{self._picture()}
## {CardCode.USE_TITLE}

{self.decision}{f" {CardCode.OOD}" if self.has_ood else ""}

{self._examples()}

## {CardCode.LIMITS_TITLE}

{"".join(f"- {line}{chr(10)}" for line in self._limits())}
## {CardCode.MADE_TITLE}

{self._training()}
{sentence(CardCode.CREATED, created=self.created, resize_mode=self.resize_mode)}
{self._depth()}
## {CardCode.LICENSE_TITLE}

{self._license()}
"""

    def _first(self, count: int) -> str:
        return ", ".join(self.labels[:count]) + ("…" if len(self.labels) > count else "")

    def _score(self) -> str:
        if not self.evaluated:
            return sentence(CardCode.NOT_JUDGED, images=self.images)
        lines = [
            sentence(
                CardCode.SCORE,
                images=self.images,
                evaluated=self.evaluated,
                accuracy=self.accuracy,
                low=self.accuracy_low,
                high=self.accuracy_high,
            ),
            f"{CardCode[f'EVALUATED_{self.evaluated_on.upper()}']}.",
        ]
        if 0 < self.group_count < self.evaluated:
            lines.append(sentence(CardCode.GROUPED, groups=self.group_count))
        if self.macro is not None:
            lines.append(sentence(CardCode.AVERAGES, **dict(zip(("precision", "recall", "f1"), self.macro))))
        if self.loss is not None:
            lines.append(sentence(CardCode.LOSS, loss=self.loss))
        return "\n".join(lines)

    def _table(self) -> str:
        lines = [str(CardCode.TABLE), "| --- | --- | --- | --- |"]
        for label, count, recall, precision in self.rows[:_TABLE_ROWS]:  # of a class without photos nothing is known
            shares = f"{recall:.0%} | {precision:.0%}" if count else "– | –"
            lines.append(f"| {label} | {count} | {shares} |")
        more = f"\n\n{CardCode.MORE_ROWS}" if len(self.rows) > _TABLE_ROWS else ""
        return "\n".join(lines) + more + "\n"

    def _picture(self) -> str:
        if not self.picture:
            return ""
        numbers = ", ".join(f"{number} = {label}" for number, label in self.numbers)
        below = f"\n{sentence(CardCode.NUMBERS, numbers=numbers)}\n" if numbers else ""
        return f"![{CardCode.PICTURE}]({self.picture})\n{below}"

    def _examples(self) -> str:
        is_local = self.place == "FOLDER"
        timm = f"local-dir:{self.place}" if is_local else f"hf-hub:{self.place}"
        here = self.place if is_local else f"hub:{self.place}"
        own = f"```sh\npython -m classifier predict {here} photo.jpg\n```"
        if self.members:
            return f"{CardCode.ONLY_THIS_PROGRAM}\n\n{own}"
        return f"""```python
import timm
from PIL import Image

model = timm.create_model("{timm}", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
probs = model(transform(Image.open("photo.jpg").convert("RGB"))[None]).softmax(1)[0].detach()
print(model.pretrained_cfg["label_names"][probs.argmax()], float(probs.max()))
```

```python
from transformers import pipeline

print(pipeline("image-classification", "{self.place}")("photo.jpg"))
```

{CardCode.THIS_PROGRAM}

{own}"""

    def _limits(self) -> list[str]:
        lines = [sentence(CardCode.ONLY_CLASSES), str(CardCode.HAS_OOD if self.has_ood else CardCode.NO_OOD)]
        return [*lines, str(CardCode.LIKE_TRAINING)]

    def _depth(self) -> str:
        if self.pixel_range is None:
            return ""
        low, high = self.pixel_range
        return sentence(CardCode.DEEP, low=low, high=high) + "\n"

    def _training(self) -> str:
        if self.members:
            count = len(self.members)
            opening = str(CardCode.STAGES) if count == 1 else sentence(CardCode.JOINED, count=count)
            return "\n".join((opening, "", *self._members()))
        arguments = {"backbone": self.backbone, "repository": self.repository, "license": self.license}
        if not self.repository:
            return sentence(CardCode.TRAINED_FROM_SCRATCH, **arguments)
        return sentence(CardCode.FINE_TUNED if self.fine_tuned else CardCode.LINEAR_HEAD, **arguments)

    def _members(self) -> list[str]:
        lines = []
        for name, repository, license, fine_tuned in self.members:
            code = CardCode.MEMBER_TUNED if fine_tuned else CardCode.MEMBER
            lines.append("- " + sentence(code, name=name, repository=repository or "-", license=license or "-"))
        if len(self.members) == 1:
            return [*lines, "", str(CardCode.TRAINED)]
        return [*lines, "", sentence(CardCode.COST, cost=self.cost, name=self.members[0][0])]

    def _license(self) -> str:
        found: dict[str, dict[str, None]] = {}  # the repositories of each license
        for _, repository, license, _ in self.members or (("", self.repository, self.license, False),):
            if repository:
                found.setdefault(license, {})[repository] = None
        if not found:
            return str(CardCode.LICENSE_YOURS)
        lines = [
            sentence(CardCode.LICENSE_WEIGHTS, repository=", ".join(one), license=two) for two, one in found.items()
        ]
        return "\n".join((*lines, str(CardCode.LICENSE_PHOTOS)))


@unique
class CardCode(EnglishCode):
    """Sentences of the model card."""

    TITLE = "Photo classifier: {labels}"
    CLASSES = "Says which of {count:class|classes} a photo shows: {labels}."
    SCORE = (
        "Trained on {images:photo|photos}; right on **{accuracy:.0%}** of the\n{evaluated:photo|photos} judged (95 % "
        "interval {low:.0%} to {high:.0%}),"
    )
    NOT_JUDGED = "Trained on {images:photo|photos}; there was no other photo to judge it by."
    EVALUATED_OUT_OF_FOLD = "by cross-validation, each photo by a model that was not trained on it"
    EVALUATED_VAL = "on the validation photos"
    EVALUATED_TEST = "on the test photos"
    GROUPED = (
        "They form {groups:group|groups} of photos that belong together, such as near duplicates; no group is on both "
        "sides of the score."
    )
    AVERAGES = (
        "On the mean of the classes {recall:.0%} are found (macro recall, balanced accuracy); macro precision is "
        "{precision:.0%}, macro F1 {f1:.2f}."
    )
    LOSS = "The loss (cross entropy) is {loss:.3f}."
    TABLE = "| class | photos judged | found | right when it says so |"
    MORE_ROWS = "`report.json` has the other classes."
    PICTURE = "Confusion matrix: a row for each class of photos, a column for each answer"
    NUMBERS = "The picture shows the classes by number: {numbers}."
    NOT_SURE = "A confidence under {threshold:.0%} is best read as “not sure”."
    COSTS = (
        "The answer is the class whose confidence is largest relative to its threshold, and “not sure” where none "
        "reaches it; the thresholds ({thresholds}) follow from what missing a class costs ({costs}; others 1, “not "
        "sure” {unsure_cost:g}), and `report.json` has them all."
    )
    OOD = (
        "Photos of other things are told by\n`familiar.safetensors`: how far the training photos lie from one another."
    )
    USE_TITLE = "Use it"
    ONLY_THIS_PROGRAM = (
        "With the program that made it; other programs have no such network. The model beside it, in the folder "
        "`single`, is also opened by timm and transformers; its own card says how, and how often it is right."
    )
    THIS_PROGRAM = "With the program that made it, which also answers “not sure” and tells photos of other things:"
    LIMITS_TITLE = "Limits"
    ONLY_CLASSES = "It knows these classes and no others, and gives one class for each photo."
    HAS_OOD = "Other programs than the one that made it do not read `familiar.safetensors` and answer any photo."
    NO_OOD = "It cannot tell a photo of something else from one of its classes."
    LIKE_TRAINING = (
        "The score is of photos like those it was trained on; with another camera, place or time it can be lower."
    )
    MADE_TITLE = "How it was made"
    TRAINED_FROM_SCRATCH = "The network {backbone}, trained on these photos alone from random weights"
    FINE_TUNED = (
        "{backbone} (weights: {repository}, license {license}), its last stages trained further together with a "
        "linear head"
    )
    LINEAR_HEAD = (
        "A linear head on the pooled features of {backbone} (weights: {repository}, license {license}), fitted"
    )
    JOINED = "It joins {count} networks: each gets the same picture, and their scores for each class are added up."
    STAGES = "Its last layer gets what earlier stages of the network found, too:"
    MEMBER = "{name} (weights: {repository}, license {license}), with a linear head on its pooled features"
    MEMBER_TUNED = "{name} (weights: {repository}, license {license}), its last layers trained further"
    COST = "An answer takes about {cost:.1f} times as long as by {name} alone. Trained"
    TRAINED = "Trained"
    CREATED = (
        "on {created}; the settings are in `training.json`.\nPictures are brought to the square by “{resize_mode}”, as "
        "`config.json` says. The training photos are not part of the model."
    )
    DEEP = (
        "Where a picture of more than 8 bits does not state its range of values, {low:g} becomes black and {high:g} "
        "white\n(`pixel_ranges` in `config.json`; other programs have to do that themselves)."
    )
    LICENSE_TITLE = "License"
    LICENSE_WEIGHTS = "The weights it started from, {repository}, have the license {license}."
    LICENSE_PHOTOS = "The rights in the training photos are those of their owners."
    LICENSE_YOURS = "It started from random weights. The rights in the training photos are those of their owners."


@unique
class CardData(EnglishCode):
    """Names in the front matter of the model card."""

    TASK = "Image classification"
    DATASET_OUT_OF_FOLD = "The training photos, each judged by a model that was not trained on it"
    DATASET_VAL = "Validation photos of who trained it"
    DATASET_TEST = "Test photos of who trained it"
    ACCURACY = "Accuracy (95 % interval {low:.3f} to {high:.3f})"
    BALANCED = "Balanced accuracy"
    MACRO_F1 = "Macro F1"
