"""The units of a column: one for all its numbers, where they can be converted to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.inference.column_units import (
    common_unit,
    converted_units,
    different_units,
    n_without_unit,
)
from churn_torch.tables.values.number_formats import cut, normalized


@pytest.mark.parametrize(
    ("cells", "unit", "several", "converted"),
    [
        (["5 GB", "5 MB", "5 GB"], "gb", ["GB"], {"mb": "MB"}),
        (["5 MB", "7 GB", "9 GB", "1 kWh"], "gb", ["GB", "kWh"], {"mb": "MB"}),
        (["$5K", "$6K", "$7"], "$", ["$ K"], {"$ k": "$ K"}),
        (["$5K", "$6K"], "$ k", ["$ K"], {}),
        (["5k", "6"], "", ["k"], {"k": "k"}),
        (["5k", "6k"], "k", ["k"], {}),
        (["5 cats", "6"], None, ["cats"], {}),
        (["5", "6"], "", [], {}),
    ],
)
def test_the_unit_of_a_column(
    cells: list[str], unit: str | None, several: list[str], converted: dict[str, str]
) -> None:
    parts = cut(normalized(pd.Series(cells, dtype="str")))
    counts = np.ones(len(cells), dtype=np.int64)
    assert common_unit(parts, counts)[0] == unit
    assert different_units(parts, counts) == several
    assert converted_units(parts, counts, unit or "") == converted
    assert n_without_unit(parts, counts) == sum(cell.isdigit() for cell in cells)
