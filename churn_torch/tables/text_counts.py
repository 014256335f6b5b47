"""How often the texts of a column occur, counted in bounded memory."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# Distinct texts of a column that are counted exactly.
COUNTED_TEXTS = 100_000


class TextCounts:
    """How often each text of a column occurs; ``""`` is missing.

    Exact up to ``COUNTED_TEXTS`` different texts. Where there are more, the rarest so far are
    dropped from time to time, so the count of a text that comes back later may be too low.
    """

    def __init__(self) -> None:
        self.n_missing = 0
        self.n_present = 0
        self._counted: list[pa.Table] = []

    def add(self, text: pd.Series[str]) -> None:
        """Count the texts of the next rows."""
        values, counts = pc.value_counts(pa.array(text, pa.large_string())).flatten()
        table = pa.table({"text": values, "count": counts})
        present = table.filter(pc.not_equal(table["text"], ""))
        n_present = pc.sum(present["count"]).as_py() or 0
        self.n_present += n_present
        self.n_missing += len(text) - n_present
        self._counted.append(present)
        if sum(map(len, self._counted)) > 2 * COUNTED_TEXTS:
            self._counted = [self._ordered().slice(0, COUNTED_TEXTS)]

    def most_frequent(self, n: int, at_least: int) -> dict[str, int]:
        """Return the ``n`` most frequent texts that occur ``at_least`` times, with their counts."""
        table = self._ordered()
        table = table.filter(pc.greater_equal(table["count"], at_least)).slice(0, n)
        return dict(zip(table["text"].to_pylist(), table["count"].to_pylist(), strict=True))

    def _ordered(self) -> pa.Table:
        """Merge the counts, most frequent first; ties are ordered by the text."""
        table = pa.concat_tables(self._counted).group_by("text").aggregate([("count", "sum")])
        table = table.rename_columns(["text", "count"])
        return table.sort_by([("count", "descending"), ("text", "ascending")])
