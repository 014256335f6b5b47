"""What a customer is worth: an SQL expression over the columns of a row, over a horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.expressions import RowExpression
from churn_torch.tables.schema import Schema

# What a customer is worth is what the model expects them to spend (``data.spend``).
PREDICTED_VALUE = "predicted"


@dataclass(frozen=True)
class Valuation:
    """What a customer is worth, as the user said it.

    Attributes:
        value: A number, a column or an expression: what a customer brings a period; or
            ``predicted``.
        horizon: Periods for which a kept customer stays.
        discount_rate: Discount a period.
    """

    value: str | float
    horizon: int = 1
    discount_rate: float = 0.0

    @property
    def is_predicted(self) -> bool:
        """Whether the model says what a customer is worth."""
        return self.value == PREDICTED_VALUE

    @property
    def factor(self) -> float:
        """The present value of 1 a period (`present_value`)."""
        return present_value(self.horizon, self.discount_rate)


class ValueExpression(RowExpression):
    """What a customer is worth, such as ``12 * monthly_charges``; as for `RowExpression`.

    Args:
        text: As for `RowExpression`: what a customer brings a period.
        schema: As for `RowExpression`.
        key: As for `RowExpression`.
        horizon: Periods for which a kept customer stays.
        discount_rate: Discount a period.

    Attributes:
        factor: The present value of 1 a period (`present_value`), which the expression is
            multiplied by.

    Raises:
        InputError: As for `RowExpression` and `present_value`.
    """

    sql_type, example = "DOUBLE", "12 * monthly_charges"

    def __init__(
        self,
        text: str,
        schema: Schema,
        *,
        key: str = "data.value",
        horizon: int = 1,
        discount_rate: float = 0.0,
    ) -> None:
        self.factor = present_value(horizon, discount_rate, prefix=key.rpartition("value")[0])
        super().__init__(text, schema, key=key)

    def __call__(
        self, frame: pd.DataFrame, positions: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Return the value of each row.

        Args:
            frame: N raw rows.
            positions: ``[N]`` positions of the rows in the source, for messages.

        Shape:
            [N] float64.

        Raises:
            InputError: DuckDB cannot evaluate it, or a value is missing, not finite or negative.
        """
        values = self.evaluate(frame)
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            first = int(bad.argmax())
            shown = "a missing value" if np.isnan(values[first]) else str(values[first])
            raise InputError(
                self.key,
                expected=f"a number of 0 or more for every row from {self.text!r}",
                got=f"{shown} in row {int(positions[first]) + 1:,} ({int(bad.sum()):,} such rows)",
                fix="correct the cells, or say what counts there, e.g. coalesce(COLUMN, 0) or "
                "greatest(COLUMN, 0)",
            )
        return values * self.factor


def present_value(horizon: int, discount_rate: float, *, prefix: str = "data.") -> float:
    """Return what 1 at the start of each period is worth now: ``sum((1 + rate)^-t)``, t from 0.

    Args:
        horizon: The number of periods.
        discount_rate: Discount a period, such as 0.01 for 1 % a month.
        prefix: What stands before these keys in the configuration, for messages.

    Raises:
        InputError: The horizon is below 1 or the rate below 0.
    """
    if horizon < 1:
        raise InputError(f"{prefix}horizon", expected="1 or more periods", got=str(horizon))
    if not 0 <= discount_rate < np.inf:
        raise InputError(
            f"{prefix}discount_rate",
            expected="a rate of 0 or more, such as 0.01",
            got=str(discount_rate),
        )
    return float(np.sum((1.0 + discount_rate) ** -np.arange(horizon, dtype=np.float64)))
