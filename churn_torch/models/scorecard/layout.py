"""How a scorecard divides the columns of a table: kept in the schema, decides all shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from churn_torch.models.preprocessing.layouts import read_layout
from churn_torch.tables.schema import Schema


@dataclass(frozen=True)
class ScorecardLayout:
    """Bins of each column and the pairs of columns of a scorecard; kept in `Schema.layouts`.

    Attributes:
        bins: By column name: bins of a number, kept categories of text.
        pair_bins: The same in pairs of columns, where a column has fewer.
        pairs: Names of the columns of each pair.
    """

    bins: Mapping[str, int]
    pair_bins: Mapping[str, int]
    pairs: tuple[tuple[str, str], ...] = ()

    NAME = "scorecard"

    @classmethod
    def of(cls, schema: Schema) -> ScorecardLayout:
        """Read the layout of a schema; a schema without one has no bins and no pairs.

        Raises:
            InputError: The stored layout is damaged.
        """
        return read_layout(schema, cls.NAME, cls._from_json) or cls({}, {})

    @classmethod
    def _from_json(cls, value: Mapping[str, Any]) -> ScorecardLayout:
        bins, pair_bins = (
            {name: int(n) for name, n in value[key].items()} for key in ("bins", "pair_bins")
        )
        return cls(bins, pair_bins, tuple((str(a), str(b)) for a, b in value["pairs"]))

    def attach(self, schema: Schema) -> Schema:
        """Return the schema with this layout."""
        value = {
            "bins": dict(self.bins),
            "pair_bins": dict(self.pair_bins),
            "pairs": [list(pair) for pair in self.pairs],
        }
        return schema.with_layout(self.NAME, value)

    def n_bins(self, column: str, *, fine: bool) -> int:
        """Return the number of bins of a column, alone (fine) or in a pair."""
        return (self.bins if fine else self.pair_bins).get(column, 0)
