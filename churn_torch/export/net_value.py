"""What contacting a customer is expected to bring, computed in the file."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.tables.schema import Schema


@dataclass(frozen=True, kw_only=True)
class NetValue:
    """The expected net value of a contact with an offer.

    ``uplift * kept - p * leaver_cost - (1 - p) * stayer_cost``, where p is the probability of churn
    without a contact and ``kept`` is the customer's value less ``incentive``.

    Attributes:
        value: What a customer is worth a period: a number, or a column of numbers that the model
            learns from.
        factor: What it is multiplied by: the present value of 1 a period.
        incentive: What a leaver costs who is kept, beside the contact.
        leaver_cost: What contacting a leaver costs whether kept or not.
        stayer_cost: What contacting a stayer costs.
        offer: The name of the offer.
    """

    value: float | str
    factor: float
    incentive: float
    leaver_cost: float
    stayer_cost: float
    offer: str

    def kept(self, columns: Columns, schema: Schema) -> Tensor:
        """Return what a leaver brings who is kept, ``[N]`` float32, or one number for all.

        It is NaN where the column has none.
        """
        if not isinstance(self.value, str):
            return torch.tensor(self.value * self.factor - self.incentive, dtype=torch.float32)
        names = [[column.name for column in group] for group in (schema.float32, schema.float64)]
        wide = self.value in names[1]
        group = columns.float64 if wide else columns.float32
        values = group[:, names[int(wide)].index(self.value)]
        return (values * self.factor - self.incentive).float()

    def __call__(self, probability: Tensor, uplift: Tensor, kept: Tensor) -> Tensor:
        """Return the net value of each customer, ``[N]``."""
        costs = probability * self.leaver_cost + (1 - probability) * self.stayer_cost
        return uplift * kept - costs

    @property
    def meaning(self) -> str:
        """What the output is, in words."""
        value = self.value if isinstance(self.value, str) else f"{self.value:g}"
        return (
            f"expected net value of contacting the customer with the offer {self.offer}: uplift * "
            f"({self.factor:g} * {value} - {self.incentive:g}) - {self.leaver_cost:g} for a leaver "
            f"or {self.stayer_cost:g} for a stayer, by the probability of each"
        )
