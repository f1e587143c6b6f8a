"""How answers are worded, and the summary of several."""

from __future__ import annotations

from pathlib import Path

from classifier.messages.languages import speaking
from classifier.messages.models import UnsureCode
from classifier.models.predictor import ClassConfidence, Prediction
from classifier.ui.predict import answers, answers_summary
from classifier.ui.predict.answers import PhotoAnswer, PredictState
from tests.helpers import NASTY


def prediction(reason: UnsureCode | None, *shares: float) -> Prediction:
    names = ("roses", "tulips", "daisy")
    return Prediction(tuple(ClassConfidence(*one) for one in zip(names, shares)), reason)


def photos(*results: Prediction | None) -> tuple[PhotoAnswer, ...]:
    return tuple(PhotoAnswer(number, f"{number}.jpg", Path("x"), b"x", result) for number, result in enumerate(results))


def test_a_photo_unlike_all_others_is_not_called_sure_of_a_class() -> None:
    shown = answers.render_prediction(prediction(UnsureCode.OUT_OF_DISTRIBUTION, 0.99, 0.01), {})
    assert "Unlike its training photos" in shown
    assert "If it had to choose among its classes" in shown
    assert "How sure it is" not in shown


def test_an_unsure_answer_says_between_which_classes_or_that_it_is_too_low() -> None:
    between = answers.render_prediction(prediction(UnsureCode.LOW_CONFIDENCE, 0.48, 0.41, 0.11), {})
    assert "cannot decide between <b>roses</b> and <b>tulips</b>" in between
    low = answers.render_prediction(prediction(UnsureCode.LOW_CONFIDENCE, 0.9, 0.07, 0.03), {})
    assert "best guess is <b>roses</b>, but 90 % is not sure enough" in low


def test_several_answers_come_with_their_numbers_and_the_classes_answered() -> None:
    sure, unsure = prediction(None, 0.9, 0.1), prediction(UnsureCode.LOW_CONFIDENCE, 0.5, 0.4)
    unlike = prediction(UnsureCode.OUT_OF_DISTRIBUTION, 0.99, 0.01)
    shown = answers_summary.render(photos(sure, sure, unsure, unlike, None))
    assert "Answers for 5 photos" in shown
    for chip in ("all <span>5", ">sure <span>2", "not sure <span>1", "unlike the training photos <span>1", "not used"):
        assert chip in shown
    assert "roses (2)" in shown
    assert "tulips" not in shown


def test_numbers_of_answers_are_written_as_in_the_language() -> None:
    sure = prediction(None, 0.9, 0.1)
    with speaking("de"):
        assert "<span>1.234</span>" in answers_summary.render(photos(*[sure] * 1234))


def test_one_of_several_answers_is_closed_and_named() -> None:
    state = PredictState(photos(prediction(None, 0.9, 0.1), prediction(UnsureCode.LOW_CONFIDENCE, 0.5, 0.4)))
    shown = answers.render(state, 2)
    assert shown.count("<details") == 2
    assert 'aria-label="Why, or put it right: 1.jpg"' in shown
    assert 'data-kind="sure" data-label="roses" data-sure="0.9000"' in shown
    assert 'data-kind="unsure" data-label="" data-sure="0.5000"' in shown
    alone = answers.render(PredictState(state.photos[:1]), 2)
    assert "<details" not in alone
    named = PhotoAnswer(0, NASTY, Path("x"), b"x", Prediction((ClassConfidence(NASTY, 1.0),)))
    assert "<script" not in answers.render(PredictState((named, named)), 2)
