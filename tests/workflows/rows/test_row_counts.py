"""What is said of the rows of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import DataOptions
from churn_torch.workflows.rows.row_counts import show_rows

STATUS = np.resize(["Churned", "Stayed", "Stayed", "Joined", None], 200)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("negative", "said"),
    [
        ("rest", "160 rows, 25.0% churn (train 1"),
        (["Stayed"], "120 rows, 33.3% churn (train "),
    ],
)
def test_rows_are_counted_by_why_they_were_left_out(
    negative: object, said: str, streaming: bool
) -> None:
    source = pd.DataFrame({"x": np.arange(200) % 7, "status": STATUS})
    data = DataOptions(target="status", positive="Churned", negative=negative, streaming=streaming)
    table = read_labelled(data, seed=0, source=source)
    assert sum(len(rows.label) for rows in table.chunks()) == (160 if negative == "rest" else 120)
    lines: list = []
    show_rows(table, lines.append)
    assert lines[0].startswith(said)
    left_out = "; 40 rows of neither class left out (data.negative)" if negative != "rest" else ""
    assert lines[0].endswith(f"); 40 rows without a label dropped{left_out}.")
