"""The value of a customer over a horizon."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.customer_value import ValueExpression, present_value
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles

FRAME = pd.DataFrame({"flag": [1, 2, 3, 4], "churned": ["yes", "no", "yes", "no"]})
SCHEMA = infer(FRAME, ColumnRoles(target="churned"))


def test_the_present_value_of_a_horizon():
    assert present_value(12, 0.0) == 12
    assert present_value(3, 0.5) == pytest.approx(1 + 1 / 1.5 + 1 / 1.5**2)
    value = ValueExpression("flag", SCHEMA, horizon=3, discount_rate=0.5)
    assert value(FRAME, np.arange(4)) == pytest.approx(FRAME["flag"].astype(float) * value.factor)
    with pytest.raises(InputError, match=r"^data.horizon: expected 1 or more periods, got 0"):
        present_value(0, 0.0)
    with pytest.raises(InputError, match=r"^data.discount_rate: expected a rate of 0 or more"):
        ValueExpression("flag", SCHEMA, discount_rate=-0.1)


def test_a_negative_value_is_named_by_its_row():
    value = ValueExpression("flag - 2", SCHEMA)
    with pytest.raises(InputError, match=r"0 or more for every row .* got -1\.0 in row 8 \(1 such"):
        value(FRAME, np.arange(7, 11))
