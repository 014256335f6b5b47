"""Sources whose ids are not those of the others are named, not taken as other customers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.events.feature_tables import write_feature_tables
from churn_torch.events.specification import EventSpecification

LOG = pd.DataFrame(
    {"customer": [1, 2, 1, 2], "at": pd.date_range("2025-01-01", periods=4, freq="7D")}
)


def notes(folder: Path, other: pd.DataFrame, *, is_table: bool) -> tuple[str, ...]:
    LOG.to_parquet(folder / "orders.parquet")
    other.to_csv(folder / "other.csv", index=False)
    logs = {
        "orders": {"source": str(folder / "orders.parquet"), "id": "customer", "time": "at"},
        "calls": {"source": str(folder / "other.csv"), "id": "customer", "time": "at"},
    }
    content: dict[str, Any] = {
        "events": logs,
        "features": {name: {"windows": ["30d"]} for name in logs},
        "label": {"none_of": "orders", "within": "20d"},
    }
    if is_table:
        content |= {
            "customers": {"source": str(folder / "other.csv"), "id": "customer", "start": "at"},
            "events": {"orders": logs["orders"]},
            "features": {"orders": {"windows": ["30d"]}},
        }
    spec = EventSpecification.from_mapping(content)
    return write_feature_tables(spec, folder / "rows", at="2025-02-01", threads=1).notes


@pytest.mark.parametrize(
    ("ids", "shown"), [(["001", "002"], "'001'"), ([8, 9], "'8'"), (["C-1", "C-2"], "'C-1'")]
)
def test_customers_with_other_ids_are_refused(ids, shown, tmp_path):
    table = LOG[:2].assign(customer=ids)
    with pytest.raises(
        InputError, match=rf"^customers\.id: .* got other ones: {shown} .*, '1' .* events; name"
    ):
        notes(tmp_path, table, is_table=True)
    assert not (tmp_path / "rows").exists()


def test_a_log_of_other_customers_is_said(tmp_path):
    strange = "events.calls: none of its customers has events of orders; ids such as '001' here"
    found = notes(tmp_path, LOG.assign(customer=["001", "002"] * 2), is_table=False)
    assert any(note.startswith(strange) for note in found)


def test_one_customer_in_both_is_enough(tmp_path):
    found = notes(tmp_path, LOG.assign(customer=["001", "2"] * 2), is_table=False)
    assert not any("none of its customers" in note for note in found)
