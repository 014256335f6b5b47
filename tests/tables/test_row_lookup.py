from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables import row_lookup
from churn_torch.tables.encode import parse
from churn_torch.tables.readers import sources
from churn_torch.tables.row_lookup import find_row, row_names
from churn_torch.tables.schema import Column, Kind, Schema, Storage

SCHEMA = Schema(
    (
        Column("id", Kind.ID, Storage.TEXT),
        Column("plan", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("a", "b")),
        Column("fee", Kind.NUMERIC, Storage.NUMBER, minimum=0.0, maximum=10.0),
        Column("churned", Kind.TARGET, Storage.TEXT),
    ),
    target="churned",
    positive="yes",
    negative="no",
)
WITHOUT_ID = replace(SCHEMA, columns=SCHEMA.columns[1:])


@pytest.fixture
def rows() -> pd.DataFrame:
    number = np.arange(100)
    return pd.DataFrame({"id": number + 1000, "plan": ["a", "b"] * 50, "fee": number / 10})


@pytest.fixture(params=["frame", "csv", "parquet"])
def source(request, rows, tmp_path, monkeypatch) -> sources.Source:
    """The rows, read in chunks of 7."""
    read = sources.read_chunks
    monkeypatch.setattr(
        row_lookup.sources, "read_chunks", lambda *given, **keys: read(*given, rows=7, **keys)
    )
    path = tmp_path / f"rows.{request.param}"
    if request.param == "frame":
        return rows
    rows.to_csv(path, index=False) if request.param == "csv" else rows.to_parquet(path)
    return path


def test_a_row_is_found_by_its_id_with_the_rows_around_it(source, rows):
    found = find_row(source, SCHEMA, " 1042 ", with_sample=True)
    assert row_names(found.raw, SCHEMA) == ["1042"]
    assert found.parsed.to_dict("records") == [{"plan": "a", "fee": 4.2}]
    assert found.sample is not None
    pd.testing.assert_frame_equal(found.sample, parse(rows, SCHEMA))
    assert find_row(source, SCHEMA, "1042", with_sample=False).sample is None


def test_a_row_is_found_by_its_position_where_there_is_no_id_column(source, rows):
    for with_sample in (False, True):
        found = find_row(source, WITHOUT_ID, "99", with_sample=with_sample)
        assert found.parsed["fee"].tolist() == [9.9]
    assert find_row(source, WITHOUT_ID, "0", with_sample=False).parsed["fee"].tolist() == [0.0]
    assert row_names(rows.head(2), WITHOUT_ID) == ["0", "1"]


def test_an_id_that_is_not_there_or_there_twice_is_one_sentence(source, rows):
    with pytest.raises(InputError) as absent:
        find_row(source, SCHEMA, "10422", with_sample=False)
    assert str(absent.value) == (
        "id: expected an id that is in the column 'id', got '10422', which is in none of 100 rows "
        "(did you mean '1042'?); check the id and the source."
    )
    with pytest.raises(
        InputError, match=r"^id: expected a row number from 0 to 99, .*, got 100; train with data"
    ):
        find_row(source, WITHOUT_ID, "100", with_sample=False)
    for wrong in ("C-7", "-1", "1.5", "²"):
        with pytest.raises(InputError, match=r"^id: expected a row number .* data\.id=COLUMN"):
            find_row(source, WITHOUT_ID, wrong, with_sample=False)


def test_an_id_of_several_rows_is_refused_with_their_places(rows):
    twice = rows.assign(id=rows["id"].replace(1099, 1042))
    message = r"^id: expected an id that one row has in 'id', got '1042' in rows 43 and 100;"
    with pytest.raises(InputError, match=message):
        find_row(twice, SCHEMA, "1042", with_sample=False)
    with pytest.raises(InputError, match=r"in rows 1 and 2 and 98 more;"):
        find_row(rows.assign(id="x"), SCHEMA, "x", with_sample=False)


def test_a_source_without_the_id_column_or_a_feature_is_refused(rows):
    with pytest.raises(InputError, match=r"^source: .*'id', got none .* \(did you mean 'Id'\?\)"):
        find_row(rows.rename(columns={"id": "Id"}), SCHEMA, "1042", with_sample=False)
    with pytest.raises(InputError, match=r"^table: .* 'plan' \(did you mean 'plans'\?\)"):
        find_row(rows.rename(columns={"plan": "plans"}), SCHEMA, "1042", with_sample=False)


def test_a_cell_that_cannot_be_read_is_named_with_its_row_in_the_source(
    rows, tmp_path, monkeypatch
):
    read = sources.read_chunks
    monkeypatch.setattr(
        row_lookup.sources, "read_chunks", lambda *given, **keys: read(*given, rows=7, **keys)
    )
    path: Path = tmp_path / "rows.csv"
    rows.astype({"fee": object}).assign(fee=rows["fee"].astype(str).replace("5.0", "much")).to_csv(
        path, index=False
    )
    with pytest.raises(InputError, match=r"'much' in row 51;"):
        find_row(path, SCHEMA, "1000", with_sample=True)
    with pytest.raises(InputError, match=r"'much' in row 51;"):
        find_row(path, SCHEMA, "1050", with_sample=False)
    assert find_row(path, SCHEMA, "1000", with_sample=False).parsed["fee"].tolist() == [0.0]


def test_the_sample_of_a_large_source_is_drawn_evenly(monkeypatch):
    monkeypatch.setattr(row_lookup, "MOST_ROWS", 200)
    n = 4_000
    rows = pd.DataFrame({"id": np.arange(n), "plan": "a", "fee": np.arange(n) / n})
    read = sources.read_chunks
    monkeypatch.setattr(
        row_lookup.sources, "read_chunks", lambda *given, **keys: read(*given, rows=150, **keys)
    )
    sample = find_row(rows, SCHEMA, "7", with_sample=True).sample
    assert sample is not None
    assert len(sample) == 200
    assert sample["fee"].is_unique
    quarters = np.bincount((sample["fee"] * 4).astype(int), minlength=4)
    assert quarters.min() > 35
    again = find_row(rows, SCHEMA, "7", with_sample=True).sample
    assert again is not None
    pd.testing.assert_frame_equal(sample, again)
