"""What counts as the same answer, where rounding alone decides and where it does not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier import ExportError, Finished, Predictor
from classifier.data.images import open_picture
from classifier.events import result_of
from classifier.exporters.archive import FORMAT
from classifier.exporters.base import DEFAULTS, Answer, Format, Loaded, Model, Verification, decide
from classifier.exporters.verify import draw_pictures, verify
from classifier.models.checkpoint import set_threshold
from classifier.models.model_folder import OOD


@pytest.fixture
def model(trained: Finished, tmp_path: Path) -> Path:
    """A model that answers “not sure” by its threshold alone."""
    shutil.copytree(trained.folder, tmp_path / "model", ignore=shutil.ignore_patterns(OOD))
    return tmp_path / "model"


def shifted(difference: float, unsure: bool | None = None) -> Format:
    """A zip whose likeliest class comes out less likely by ``difference``, and with another “not sure”."""

    @contextmanager
    def load(out: Path) -> Iterator[Loaded]:
        with FORMAT.load(out) as loaded:

            def answer(pictures: Sequence[Image.Image]) -> list[Answer]:
                found = []
                for one in loaded.answer(pictures):
                    probs = one.probs.copy()
                    probs[probs.argmax()] -= difference
                    changed = decide(loaded.labels, probs, loaded.thresholds or (), True)
                    found.append(changed if unsure is None else replace(changed, unsure=unsure))
                return found

            yield replace(loaded, answer=answer)

    return replace(FORMAT, load=load)


def compare(format: Format, model: Path, pictures: Sequence[Image.Image]) -> Verification:
    out = model.with_name("out.zip")
    out.unlink(missing_ok=True)
    format.write(Model.load(model), out, DEFAULTS)
    return result_of(verify(format, Predictor(model, "cpu"), out, pictures, open_picture))


@pytest.mark.slow
def test_rounding_at_a_threshold_does_not_refuse_an_export(model: Path) -> None:
    picture = next(draw_pictures(1))
    confidence = Predictor(model).predict(picture)[0].top[0].confidence
    set_threshold(model, confidence - 1e-6)
    assert compare(shifted(1e-5), model, [picture]).same == 1  # it is unsure now
    set_threshold(model, confidence - 1e-2)
    assert compare(shifted(1e-5), model, [picture]).same == 1
    with pytest.raises(ExportError, match="differently from the model on 1 of 1 photo "):
        compare(shifted(1e-5, unsure=True), model, [picture])


@pytest.mark.slow
def test_a_difference_above_the_tolerance_is_refused(model: Path) -> None:
    pictures = list(draw_pictures(2))
    found = compare(shifted(5e-4), model, pictures)
    assert (found.photos, found.same) == (2, 2)
    assert found.largest_difference == pytest.approx(5e-4, abs=1e-6)
    for difference in (2e-3, np.nan):
        with pytest.raises(ExportError, match="answered differently"):
            compare(shifted(difference), model, pictures)


def test_a_verification_is_one_sentence() -> None:
    assert str(Verification(40, 40, 2.4e-6, False).sentence()) == (
        "Same answer on 40 of 40 photos, largest difference 2e-6."
    )
    assert "40 of 40 drawn pictures" in str(Verification(40, 40, 0.0, True).sentence())


def test_pictures_are_drawn_alike_each_time() -> None:
    first, second = list(draw_pictures(5)), list(draw_pictures(5))
    assert [one.tobytes() for one in first] == [one.tobytes() for one in second]
    assert len({one.size for one in first}) == 5
