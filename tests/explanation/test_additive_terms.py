"""A term as a person reads it."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.explanation.additive_terms import AdditiveTerm, value_in_words
from churn_torch.tables.schema import Column, Kind, Storage

PAIR = AdditiveTerm(
    ("plan", "usage"),
    (("missing", "a", "b"), ("missing", "up to 3")),
    np.array([[9.0, 0.0], [0.0, 1.0], [0.0, -2.0]]),
    np.array([[0.0, 0.25], [0.25, 0.25], [0.0, 0.25]]),
)


def test_the_extremes_are_cells_that_training_rows_have() -> None:
    assert PAIR.extreme_level(highest=True) == "plan a, usage up to 3"
    assert PAIR.extreme_level(highest=False) == "plan b, usage up to 3"


def test_importance_is_the_standard_deviation_over_the_training_rows() -> None:
    assert PAIR.importance == pytest.approx(np.std([0.0, 0.0, 1.0, -2.0]))


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (Column("x", Kind.NUMERIC, Storage.NUMBER), 0.1 + 0.2, "0.3"),
        (Column("x", Kind.NUMERIC, Storage.NUMBER), 1234567.25, "1234567"),
        (Column("x", Kind.NUMERIC, Storage.NUMBER, needs_float64=True), 1234567.25, "1234567.25"),
        (Column("d", Kind.DATETIME, Storage.DATETIME), 1.5, "1970-01-02T12:00"),
    ],
)
def test_values_are_written_as_precisely_as_the_model_sees_them(
    column: Column, value: float, words: str
) -> None:
    assert value_in_words(column, value) == words
