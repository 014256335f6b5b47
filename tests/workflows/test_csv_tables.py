from __future__ import annotations

import pandas as pd

from churn_torch.workflows.csv_tables import csv_text


def test_formulas_are_defused_and_numbers_are_not() -> None:
    table = pd.DataFrame({"=a": ["=1+1", "b"], "n": [-1.5, None]})
    assert csv_text(table) == "'=a,n\n'=1+1,-1.5\nb,\n"
