from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.workflows.csv_tables import csv_text


def test_formulas_are_defused_and_numbers_are_not() -> None:
    table = pd.DataFrame({"=a": ["=1+1", "b"], "n": [-1.5, None]})
    assert csv_text(table) == "'=a,n\n'=1+1,-1.5\nb,\n"


@pytest.mark.parametrize("cell", [" =1", "\u00a0=1", "\u200b+x", "\ufeff@x", "＝1", "－x", " - 5"])  # noqa: RUF001
def test_a_formula_after_what_is_not_seen_is_defused(cell: str) -> None:
    assert csv_text(pd.DataFrame({"a": [cell]})) == f"a\n'{cell}\n"


@pytest.mark.parametrize("cell", [" -5", "  +1e3", "a=1", " x", "a -b"])
def test_numbers_after_blanks_and_signs_inside_stay(cell: str) -> None:
    assert csv_text(pd.DataFrame({"a": [cell]})) == f"a\n{cell}\n"
