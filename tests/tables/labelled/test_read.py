"""How a table is read: from where, and when it is streamed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labelled.read import located, read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.options import DataOptions
from churn_torch.tables.readers import free_memory


def test_a_shipped_sample() -> None:
    assert located("sample:telco").exists()
    assert located("table.csv") == "table.csv"
    frame = pd.DataFrame({"a": [1]})
    pd.testing.assert_frame_equal(located(frame), frame)


@pytest.mark.parametrize(
    ("free", "streamed"), [(4 * 100 * 8 * 8 + 4, False), (4 * 100 * 8 * 8 - 4, True)]
)
def test_auto_streams_what_takes_more_than_a_quarter_of_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, streamed: bool
) -> None:
    frame = pd.DataFrame({f"x{i}": np.arange(100) % (i + 2) for i in range(7)})
    frame.assign(churned=[0, 1] * 50).to_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(free_memory, "available_bytes", lambda: free)
    data = DataOptions(target="churned")
    assert read_labelled(data, seed=0, source=tmp_path / "t.parquet").streamed is streamed
    assert not read_labelled(data, seed=0, source=frame.assign(churned=[0, 1] * 50)).streamed


@pytest.mark.parametrize(("word", "streamed"), [("true", True), ("false", False)])
def test_streaming_is_what_was_asked_for(
    customers: pd.DataFrame, table_of: Callable[..., LabelledTable], word: str, streamed: bool
) -> None:
    assert table_of(customers, f"data.streaming={word}").streamed is streamed


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("data.streaming=often", r"streaming: expected .*auto, got 'often'"),
        ("data.split.by=date", "split.by: expected random, .* or .time,group., got 'date'"),
        ("data.split.by=time", "split.column: expected the column to split by time"),
        ("data.split.test=0", "split.test: expected a share above 0, or a data.test_source"),
    ],
)
def test_wrong_keys_get_one_sentence(
    customers: pd.DataFrame, table_of: Callable[..., LabelledTable], key: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        table_of(customers, key)
