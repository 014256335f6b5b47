"""A schema from a sample: rare labels, row numbers and the user's word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference import sampled
from churn_torch.tables.inference.sampled import infer_from_sample
from churn_torch.tables.options import ColumnRoles, ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.schema import Kind

N = 3200


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled, "SAMPLE_ROWS", 320)


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "counter": np.arange(N) + 7,
            "fee": np.arange(N) % 37 / 4,
            "plan": np.where(np.arange(N) % 3, "basic", "plus"),
            "churn": np.where(np.arange(N) % 5, "No", "Yes"),
            **columns,
        }
    )


def test_a_sample_gives_the_schema_of_the_table() -> None:
    schema, rows = infer_from_sample(table(), ReadOptions(), ColumnRoles(target="churn"))
    assert rows == 320
    assert [column.name for column in schema.features] == ["fee", "plan"]
    assert (schema.positive, schema.negative) == ("Yes", "No")


@pytest.mark.parametrize("how", ["frame", "csv"])
def test_a_row_number_is_left_out_but_for_the_users_word(how: str, tmp_path: Path) -> None:
    source: sources.Source = table()
    if how == "csv":
        table().to_csv(tmp_path / "t.csv", index=False)
        source = tmp_path / "t.csv"
    schema, _ = infer_from_sample(source, ReadOptions(), ColumnRoles(target="churn"))
    assert schema["counter"].kind is Kind.IGNORED
    assert "looks like a row number" in schema["counter"].note
    for roles in ({"kinds": {"counter": "numeric"}}, {"id": "counter"}, {"weight": "counter"}):
        schema, _ = infer_from_sample(source, ReadOptions(), ColumnRoles(target="churn", **roles))
        assert "row number" not in schema["counter"].note


def test_numbers_with_gaps_inside_a_run_are_no_row_numbers() -> None:
    frame = table(counter=np.arange(N) * 2)
    schema, _ = infer_from_sample(frame, None, ColumnRoles(target="churn"))
    assert "row number" not in schema["counter"].note


def test_a_label_that_the_sample_lacks_is_looked_for() -> None:
    churn = np.where(np.arange(N) == N - 3, "Yes", "No")
    frame = table(churn=churn)
    assert "Yes" not in set(sources.read_sample(frame, rows=320)[0]["churn"])
    schema, rows = infer_from_sample(frame, None, ColumnRoles(target="churn"))
    assert (schema.positive, rows) == ("Yes", 321)
    assert "looks like a row number" in schema["counter"].note
    with pytest.raises(InputError, match="expected two different values, got one value"):
        infer_from_sample(table(churn="No"), None, ColumnRoles(target="churn"))
    with pytest.raises(InputError, match=r"data.target: .* 'chrun'"):
        infer_from_sample(frame, None, ColumnRoles(target="chrun"))
