"""The small pictures that come with a page, with the model's answers: the page checks itself by them when it opens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..models.predictor import Prediction, Predictor
from .verify import draw_pictures

COUNT = 3
_SIDE = 256  # pixels of the longer side at most
_DRAWN = 12  # from which the clearest are taken
_SHARES = 5  # classes whose confidence is compared


def write_samples(out: Path, model: Path, photos: Sequence[Image.Image] = ()) -> list[dict[str, Any]]:
    """Write pictures into ``out/samples`` and return the entries of ``model.json`` on them.

    They are PNG files, which all browsers decode to the same pixels, without what cameras note in photos. Of the
    photos, or of drawn pictures, those are taken whose answer is the clearest, of different classes if possible: a
    check must not depend on rounding.
    """
    predictor = Predictor(model)
    pictures = [_shrink(picture) for picture in (photos or draw_pictures(_DRAWN))]
    predictions = predictor.predict(pictures, len(predictor.labels))
    index = {label: position for position, label in enumerate(predictor.labels)}
    (out / "samples").mkdir()
    entries = []
    for number, chosen in enumerate(_choose(predictions, predictor), 1):
        prediction, name = predictions[chosen], f"samples/{number}.png"
        pictures[chosen].save(out / name, optimize=True)
        shares = [[index[one.label], round(one.confidence, 6)] for one in prediction.top[:_SHARES]]
        entries.append({"file": name, "shares": shares, "unsure": prediction.unsure})
    return entries


def _shrink(picture: Image.Image) -> Image.Image:
    small = Image.fromarray(np.asarray(picture.convert("RGB")))  # a picture of its own, without metadata
    small.thumbnail((_SIDE, _SIDE))
    return small


def _choose(predictions: Sequence[Prediction], predictor: Predictor) -> list[int]:
    """Return the positions of the clearest predictions, each of another class or kind where there are so many."""

    def clearness(position: int) -> float:
        top = predictions[position].top
        lead = top[0].confidence - top[1].confidence if len(top) > 1 else 1.0
        threshold = predictor.thresholds.get(top[0].label, predictor.threshold)
        return min(lead, abs(top[0].confidence - threshold))

    ordered = sorted(range(len(predictions)), key=clearness, reverse=True)
    kinds = [(predictions[position].top[0].label, predictions[position].reason) for position in ordered]
    first = [position for rank, position in enumerate(ordered) if kinds[rank] not in kinds[:rank]]
    return (first + [position for position in ordered if position not in first])[:COUNT]
