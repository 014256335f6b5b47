"""Rows of every kind of column, and a model of them in plain NumPy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn_torch.explanation.explained_model import ExplainedRows
from churn_torch.tables.schema import Column, Kind, Schema, Storage

REGIONS = ("north", "east", "south", "west")


def made_schema() -> Schema:
    columns = [
        Column("months", Kind.NUMERIC, Storage.NUMBER),
        Column("charges", Kind.NUMERIC, Storage.NUMBER),
        Column("member", Kind.BOOLEAN, Storage.NUMBER),
        Column("joined", Kind.DATETIME, Storage.DATETIME),
        Column("region", Kind.CATEGORICAL, Storage.TEXT, vocabulary=REGIONS),
        Column("self", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("a", "b", "c")),
        Column("churned", Kind.TARGET, Storage.TEXT),
    ]
    return Schema(tuple(columns), "churned", "yes", "no")


def made_rows(n: int, seed: int = 0) -> ExplainedRows:
    """Return rows in which months and charges go together, and months are missing at times."""
    rng = np.random.default_rng(seed)
    months = rng.integers(0, 72, n).astype(float)
    charges = 20 + 0.8 * months + rng.normal(0, 5, n)
    months[rng.random(n) < 0.1] = np.nan
    own = np.array(["a", "b", "c", ""], dtype=object)[np.minimum(3, charges // 25).astype(int)]
    parsed = pd.DataFrame(
        {
            "months": months,
            "charges": charges.astype(np.float32),
            "member": rng.integers(0, 2, n).astype(float),
            "joined": 18_000.0 + rng.integers(0, 900, n),
            "region": rng.choice(np.array(REGIONS, dtype=object), n, p=[0.5, 0.3, 0.15, 0.05]),
            "self": own,
        }
    )
    label = rng.random(n) < 1 / (1 + np.exp(-made_logit(parsed)))
    return ExplainedRows(parsed, label.astype(np.float32), pd.DataFrame(index=parsed.index))


def made_logit(parsed: pd.DataFrame) -> np.ndarray:
    """Return log-odds with a bend, a product of two columns, and categories."""
    months = parsed["months"].to_numpy(float)
    known = np.where(np.isnan(months), 30.0, months)
    charges = parsed["charges"].to_numpy(float) / 50
    of_region = dict(zip(REGIONS, (0.0, 0.7, -0.4, 1.5), strict=True))
    region = parsed["region"].map(of_region).fillna(0.2)
    own = parsed["self"].map({"a": 0.0, "b": 0.3, "c": -0.2, "": 0.9}).to_numpy(float)
    member = parsed["member"].to_numpy(float)
    bend = np.maximum(known - 20, 0) / 40
    time = np.sin(parsed["joined"].to_numpy(float) / 200)
    product = charges * np.tanh(known / 30) * (1 + member)
    return (
        -1.0 - bend + product * 0.5 + region.to_numpy(float) * (1 + charges) + own * time
        + 0.6 * np.isnan(months)
    )  # fmt: skip


class MadeModel:
    """Asked as `churn_torch.explanation.explained_model.ExplainedModel` is."""

    def __init__(self) -> None:
        self.schema = made_schema()
        self.names = [column.name for column in self.schema.inputs]

    def logit(self, parsed: pd.DataFrame) -> np.ndarray:
        return made_logit(parsed)

    def reasons(self, parsed: pd.DataFrame) -> np.ndarray:
        """Return what replacing each cell by that of the first row takes away."""
        whole = made_logit(parsed)
        added = []
        for name in self.names:
            without = parsed.copy()
            without[name] = parsed[name].iloc[0]
            added.append(whole - made_logit(without))
        return np.stack(added, axis=1)
