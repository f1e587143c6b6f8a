"""The table of a report's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.evaluation.number_table import number_rows
from tests.evaluation.helpers import predictions, report_on


def test_the_table_has_the_scores_of_all_of_each_class_and_every_cell() -> None:
    probs, y_true = predictions(3)
    report = report_on(probs, y_true)
    header, *rows = number_rows(report)
    assert header == ("measure", "class", "answer", "value")
    values = {row[:3]: row[3] for row in rows}
    assert len(values) == len(rows) == 11 + 3 * 4 + 9
    assert values["accuracy", "", ""] == pytest.approx((probs.argmax(1) == y_true).mean())
    assert values["recall, macro", "", ""] == pytest.approx(report.balanced_accuracy)
    counted = ((y_true == 1) & (probs.argmax(1) == 2)).sum()
    assert values["photos of the class with the answer", "class 1", "class 2"] == counted


def test_what_nobody_judged_has_no_number_in_the_table() -> None:
    probs, y_true = predictions(3)
    values = {row[:3]: row[3] for row in number_rows(report_on(probs[y_true < 2], y_true[y_true < 2]))}
    assert values["F1", "class 2", ""] is None
    assert values["photos judged, of the class", "class 2", ""] == 0
    nothing = {row[:3]: row[3] for row in number_rows(report_on(probs[:0], np.zeros(0, np.int64)))}
    assert (
        nothing["accuracy", "", ""] is nothing["F1, macro", "", ""] is nothing["loss (cross entropy)", "", ""] is None
    )
