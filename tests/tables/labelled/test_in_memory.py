"""A labelled table in memory: its rows in chunks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labelled import in_memory
from churn_torch.tables.labelled.rows import PARTS, LabelledTable


def test_chunks_are_the_table(
    customers: pd.DataFrame, table_of: Callable[..., LabelledTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "READ_ROWS", 90)
    table = table_of(customers)
    for _ in range(2):
        chunks = list(table.chunks())
        assert [len(chunk.label) for chunk in chunks] == [90, 90, 90, 90, 40]
        parsed = pd.concat([chunk.parsed for chunk in chunks], ignore_index=True)
        pd.testing.assert_frame_equal(parsed, table.parsed)
        part = np.concatenate([chunk.part for chunk in chunks])
        assert part.dtype == np.int8
        for i, split in enumerate(table.split):
            assert np.array_equal(np.flatnonzero(part == i), split)
        label = np.concatenate([chunk.label for chunk in chunks])
        assert np.array_equal(label == 1, customers["churned"] == "yes")
        ids = np.concatenate([chunk.carried["customer id"] for chunk in chunks])
        assert np.array_equal(ids, customers["customer id"])
    assert table.counts == {part: len(split) for part, split in table.split._asdict().items()}
    assert sum(table.n_positive.values()) == (customers["churned"] == "yes").sum()
    assert (table.n_rows, table.n_dropped, table.streamed, table.sampled) == (400, 0, False, None)


def test_rows_of_a_part(customers: pd.DataFrame, table_of: Callable[..., LabelledTable]) -> None:
    (chunk,) = table_of(customers).chunks()
    for i, part in enumerate(PARTS):
        chosen = chunk.of(part)
        positions = np.flatnonzero(chunk.part == i)
        assert (chosen.part == i).all()
        assert np.array_equal(chosen.label, chunk.label[positions])
        for chosen_frame, whole in ((chosen.parsed, chunk.parsed), (chosen.carried, chunk.carried)):
            pd.testing.assert_frame_equal(
                chosen_frame, whole.iloc[positions].reset_index(drop=True)
            )
        assert chosen.of(part) is chosen
        assert len(chosen.of(PARTS[i - 1]).label) == 0


def test_rows_without_a_label_are_dropped_and_the_others_keep_their_names(
    customers: pd.DataFrame, table_of: Callable[..., LabelledTable]
) -> None:
    frame = customers.assign(churned=customers["churned"].where(customers.index % 4 != 1))
    table = table_of(frame, "data.id=null")
    (chunk,) = table.chunks()
    assert (table.n_rows, table.n_dropped) == (400, 100)
    assert np.array_equal(chunk.carried["row"], frame.index[frame["churned"].notna()])
    assert sum(table.counts.values()) == len(chunk.label) == 300


def test_rows_of_a_test_source_come_last(
    customers: pd.DataFrame, table_of: Callable[..., LabelledTable], tmp_path: Path
) -> None:
    given = customers[:100].assign(churned=customers["churned"].where(customers.index % 10 != 0))
    given.to_csv(tmp_path / "test.csv", index=False)
    table = table_of(customers[100:], f"data.test_source={tmp_path / 'test.csv'}")
    (chunk,) = table.chunks()
    assert table.counts["test"] == 90
    assert (chunk.part[-90:] == 2).all()
    assert not (chunk.part[:-90] == 2).any()
    assert chunk.carried["customer id"].iloc[-1] == "C-00099"
    assert (table.n_rows, table.n_dropped) == (400, 10)
    assert len(table.fingerprint) == 16 + 1 + 16
    given.assign(churned="no").to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(InputError, match=r"test_source: .* both classes, got 0 churners and 100"):
        table_of(customers[100:], f"data.test_source={tmp_path / 'test.csv'}")


def test_by_hash_a_customer_keeps_its_part_when_the_table_grows(
    customers: pd.DataFrame, table_of: Callable[..., LabelledTable]
) -> None:
    def part_of(table: LabelledTable) -> dict[str, int]:
        (chunk,) = table.chunks()
        return dict(zip(chunk.carried["customer id"], chunk.part, strict=True))

    few = part_of(table_of(customers[:300].sample(frac=1, random_state=0), "data.split.by=hash"))
    all_of_them = part_of(table_of(customers, "data.split.by=hash"))
    assert few.items() <= all_of_them.items()
    assert set(few.values()) == {0, 1, 2}


@pytest.mark.parametrize("streaming", ["true", "false"])
def test_a_column_that_some_files_lack_is_noted(
    customers: pd.DataFrame,
    table_of: Callable[..., LabelledTable],
    tmp_path: Path,
    streaming: str,
) -> None:
    customers[:200].drop(columns="plan").to_parquet(tmp_path / "1.parquet")
    customers[200:300].to_parquet(tmp_path / "2.parquet")
    customers[300:].to_parquet(tmp_path / "3.parquet")
    table = table_of(tmp_path, f"data.streaming={streaming}")
    noted = [column.name for column in table.schema.columns if "not in" in column.note]
    assert noted == ["plan"]
    assert table.schema["plan"].note.endswith("not in 1 of 3 files: missing there")
