"""The rules of a campaign: who has left, who may get which offer, what a customer is worth.

They are SQL over any columns of the source, also columns that the model does not know.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError
from churn_torch.tables.customer_value import Valuation, ValueExpression
from churn_torch.tables.expressions import Condition, RowExpression
from churn_torch.tables.inference.column_profile import profile_column
from churn_torch.tables.inference.file_decimal import file_decimal
from churn_torch.tables.inference.guesses import guess
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Schema
from churn_torch.tables.values.target_cells import read_target

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Columns that training did not have are typed by so many rows.
_SAMPLE_ROWS = 10_000


class KeepRate(RowExpression):
    """A chance that a leaver is kept, such as ``0.1 + 0.2 * is_member``; as for `RowExpression`."""

    sql_type, example = "DOUBLE", "0.1 + 0.2 * is_member"


class Judged(NamedTuple):
    """What the rules say of N customers.

    Attributes:
        left: ``[N]`` has left already.
        eligible: ``[N, K]`` may get the offer; nobody who has left may.
        value: ``[N]``, NaN for who has left, and where it is predicted.
        keep_rate: ``[N, K]`` expected keep rate, NaN for who is not eligible.
    """

    left: Flags
    eligible: Flags
    value: Floats
    keep_rate: Floats


class CustomerRules:
    """The rules of a campaign, checked once and evaluated chunk by chunk.

    Args:
        schema: What the columns of the source are (`known_columns`).
        offers: By name.
        value: What a customer is worth.
        exclude: A condition on the customers who have left; None to take those whose target means
            churn, False for nobody.
        has_target: Whether the source has the column of the run's target.

    Attributes:
        by_target: Whether the target says who has left.
        n_left_in: Customers whom the condition does not name, though their target means churn.
        columns: The columns that the rules read.

    Raises:
        InputError: A rule is no SQL over the columns of a row.
    """

    def __init__(
        self,
        schema: Schema,
        offers: Mapping[str, Offer],
        value: Valuation,
        *,
        exclude: str | bool | None,
        has_target: bool,
    ) -> None:
        self._schema, self._offers = schema, dict(offers)
        self._value = (
            None
            if value.is_predicted
            else ValueExpression(
                str(value.value),
                schema,
                key="value",
                horizon=value.horizon,
                discount_rate=value.discount_rate,
            )
        )
        self.by_target = exclude is None and has_target
        self.n_left_in = 0
        self._looks_at_target = isinstance(exclude, str) and has_target
        self._exclude = (
            Condition(exclude, schema, key="exclude") if isinstance(exclude, str) else None
        )
        self._where = {
            name: Condition(offer.where, schema, key=f"offer.{name}.where")
            for name, offer in offers.items()
            if offer.where is not None
        }
        self._keep = {
            name: KeepRate(offer.keep_rate, schema, key=f"offer.{name}.keep_rate")
            for name, offer in offers.items()
            if isinstance(offer.keep_rate, str)
        }
        rules = [*self._where.values(), *self._keep.values()]
        rules += [rule for rule in (self._value, self._exclude) if rule is not None]
        named = {name for rule in rules for name in rule.columns}
        reads_target = self.by_target or self._looks_at_target
        self.columns = named | ({schema.target} if reads_target else set())

    def judge(self, frame: pd.DataFrame, first_row: int) -> Judged:
        """Evaluate the rules.

        Args:
            frame: N raw rows.
            first_row: How many rows stand before them, for messages.

        Raises:
            InputError: A value is missing or negative, a keep rate is no chance, or DuckDB cannot
                evaluate a rule.
        """
        n, k = len(frame), len(self._offers)
        left = self._left(frame, first_row)
        stay = np.flatnonzero(~left)
        staying, positions = frame.iloc[stay].reset_index(drop=True), first_row + stay
        if self._looks_at_target:
            with contextlib.suppress(InputError):  # who has left does not depend on it
                self.n_left_in += int((read_target(staying, self._schema).label == 1).sum())
        value = np.full(n, np.nan)
        if self._value is not None:
            value[stay] = self._value(staying, positions)
        eligible = np.zeros((n, k), bool)
        keep_rate = np.full((n, k), np.nan)
        for number, (name, offer) in enumerate(self._offers.items()):
            where = self._where.get(name)
            may = np.ones(len(stay), bool) if where is None else where(staying)
            eligible[stay, number] = may
            keep_rate[stay[may], number] = self._rates(name, offer, staying[may], positions[may])
        return Judged(left, eligible, value, keep_rate)

    def check_selects(self, n_left: int, n_eligible: npt.NDArray[np.int64], n_rows: int) -> None:
        """Refuse conditions that select nobody in the whole table.

        Args:
            n_left: Customers who have left.
            n_eligible: ``[K]`` customers to whom each offer may be made.
            n_rows: All customers.

        Raises:
            InputError: There is such a condition.
        """
        if self._exclude is not None and n_left == 0:
            raise InputError(
                "exclude",
                expected="a condition that some customers fulfil",
                got=f"{self._exclude.text!r}, which none of {n_rows:,} does",
                fix="compare with what stands in the source, or set exclude=false",
            )
        if n_left == n_rows:
            raise InputError(
                "exclude",
                expected="customers who have not left",
                got=f"{n_rows:,} customers who all have",
                fix="name a source of present customers, or set exclude to another condition",
            )
        for name, n in zip(self._offers, n_eligible.tolist(), strict=True):
            if name in self._where and n == 0:
                raise InputError(
                    f"offer.{name}.where",
                    expected="a condition that some customers fulfil",
                    got=f"{self._where[name].text!r}, which none of {n_rows - n_left:,} does",
                    fix="compare with what stands in the source",
                )

    def _left(self, frame: pd.DataFrame, first_row: int) -> Flags:
        if self._exclude is not None:
            return self._exclude(frame)
        if not self.by_target:
            return np.zeros(len(frame), bool)
        try:
            return np.asarray(read_target(frame, self._schema, first_row=first_row).label == 1)
        except InputError as error:
            raise InputError(
                error.where,
                expected=error.expected,
                got=error.got,
                fix="say who has left with exclude=CONDITION, or set exclude=false",
            ) from error

    def _rates(
        self, name: str, offer: Offer, frame: pd.DataFrame, positions: npt.NDArray[np.int64]
    ) -> Floats:
        if name not in self._keep:
            return np.full(len(frame), offer.mean_keep_rate)
        rates = self._keep[name].evaluate(frame)
        wrong = ~((rates >= 0) & (rates <= 1))
        if wrong.any():
            first = int(wrong.argmax())
            shown = "a missing value" if np.isnan(rates[first]) else f"{rates[first]:g}"
            raise InputError(
                f"offer.{name}.keep_rate",
                expected="a chance between 0 and 1 of every customer",
                got=f"{shown} in row {int(positions[first]) + 1:,} "
                f"({int(wrong.sum()):,} such rows)",
                fix="correct the cells or the expression",
            )
        return rates


def known_columns(
    schema: Schema, source: sources.Source, reading: ReadOptions, rules: str
) -> tuple[Schema, list[str]]:
    """Return what the columns of a source are: those of training, and others as training guesses.

    Args:
        schema: That of the model.
        source: The table.
        reading: How it is read.
        rules: The text of all rules: other columns are looked at only where it names them.

    Returns:
        The schema, and the names of the source's columns.
    """
    names, sample = sources.column_names(source, reading), None
    if names is None:
        sample, _ = sources.read_sample(source, rows=_SAMPLE_ROWS, reading=reading)
        names = [str(name) for name in sample.columns]
    trained = {column.name for column in schema.columns}
    others = [n for n in names if n not in trained and n.casefold() in rules.casefold()]
    if not others:
        return schema, names
    if sample is None:
        sample, _ = sources.read_sample(source, rows=_SAMPLE_ROWS, reading=reading)
    decimal = file_decimal(sample)
    guessed = (guess(profile_column(sample[n], missing=(), decimal=decimal)) for n in others)
    return replace(schema, columns=(*schema.columns, *guessed)), names
