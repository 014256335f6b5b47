"""Tables as text for a CSV file that people open in a spreadsheet."""

from __future__ import annotations

import pandas as pd

from churn_torch.tables.readers.spreadsheet_cells import defused


def csv_text(table: pd.DataFrame) -> str:
    """Return a table as CSV with a header; no cell of it is a formula to a spreadsheet."""
    return defused(table).to_csv(index=False, lineterminator="\n")
