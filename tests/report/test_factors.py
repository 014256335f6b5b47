from __future__ import annotations

import math
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from churn_torch.explanation.accumulated_effects import EffectCurve, PairEffect
from churn_torch.explanation.associations import Association
from churn_torch.explanation.importance import Importance
from churn_torch.report.factors import (
    associations_table,
    effects_table,
    importance_table,
    pairs_table,
)

TWO = math.log(2)


def rendered(content: RenderableType, width: int = 110) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(content)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    return text


def of(*columns: str) -> Importance:
    return Importance(columns, 0.05, 0.0412, 0.0588, 0.0312, 0.5, 0.48, 0.52)


def test_importance_with_intervals_and_groups_in_one_line():
    text = rendered(importance_table([of("months", "[b]charges"), of("plan")]))
    assert "months + [b]charges" in text
    assert "0.0500 [0.0412 to 0.0588]" in text
    assert "0.50 [0.48 to 0.52]" in text
    assert "the first" not in text


@pytest.mark.parametrize("width", [80, 110])
def test_the_first_of_many(width):
    text = rendered(importance_table([of(f"column {i}") for i in range(20)]), width)
    assert "column 14" in text
    assert "column 15" not in text
    assert "first 15 of 20 columns" in " ".join(text.split())


def test_effects_name_the_cells_that_are_high_and_low_beyond_doubt():
    numbers = EffectCurve(
        "months", (0.0, 12.5, 72.0), (2 * TWO, TWO, -TWO), (-1.0, TWO / 2, -2 * TWO),
        (9.0, 2 * TWO, 0.0), (1, 50, 49),
    )  # fmt: skip
    text = rendered(effects_table([numbers]))
    assert "12.5: x 2.00 [1.41 to 4.00]" in text
    assert "72: x 0.50 [0.25 to 1.00]" in text
    assert "0: x 4.00" not in text


def test_a_missing_number_may_be_what_raises_the_odds_most():
    line = (0.0, 0.1)
    gone = (TWO, TWO / 2, 2 * TWO)
    curve = EffectCurve("months", line, line, line, line, (9, 9), missing=gone, n_missing=2)
    assert "missing: x 2.00 [1.41 to 4.00]" in rendered(effects_table([curve]))


def test_the_extremes_of_many_numbers_are_left_out():
    line = tuple(float(i) / 10 for i in range(12))
    curve = EffectCurve("charges", tuple(100 * x for x in line), line, line, line, (1,) * 12)
    text = rendered(effects_table([curve]))
    assert "100: x 2.72" in text
    assert "10: x 1.11" in text


def test_pairs_name_cells_that_rows_have():
    pair = PairEffect(
        ("plan", "months"), ("[basic]", "plus"), (0.0, 72.0),
        ((3.0, TWO), (-TWO, -3.0)), 0.4, ((0, 10), (10, 0)),
    )  # fmt: skip
    text = rendered(pairs_table([pair]))
    assert "plan x months" in text
    assert "0.400" in text
    assert "[basic], 72: x 2.00" in text
    assert "plus, 0: x 0.50" in text


@pytest.mark.parametrize("pairs", [[], [PairEffect(("a", "b"), (0.0,), (1.0,), ((0.0,),), 0.01)]])
def test_pairs_that_do_nothing_are_one_sentence(pairs):
    assert pairs_table(pairs) == (
        "No pair of the columns of the largest effects does much beyond the effects of the two."
    )


def test_associations():
    text = rendered(
        associations_table([Association("plan", 1e-9, 0.125), Association("x", 0.25, 0.0)])
    )
    assert "< 0.0001" in text
    assert "0.2500" in text
    assert "0.1250" in text
