"""What a pass over the rows keeps: a sample of the training rows, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from churn_torch.tables.labelled import inspection
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.options import DataOptions
from churn_torch.tables.split_options import SplitOptions

Reader = Callable[..., LabelledTable]


@pytest.mark.parametrize("streaming", ["true", "false"])
def test_the_sample_is_of_training_rows(
    customers: pd.DataFrame, table_of: Reader, streaming: str
) -> None:
    table = table_of(customers, f"data.streaming={streaming}")
    chunks = list(table.chunks())
    parsed, label = table.inspect().sample[:2]
    train = pd.concat([rows.of("train").parsed for rows in chunks], ignore_index=True)
    pd.testing.assert_frame_equal(parsed, train)
    assert label.sum() == table.n_positive["train"]


def test_a_streamed_table_keeps_nothing_to_inspect_where_nobody_looks() -> None:
    source = pd.DataFrame({"x": np.arange(400.0) / 7, "churn": np.arange(400) % 3 == 0})
    table = read_labelled(DataOptions(target="churn", streaming=True), seed=0, source=source)
    assert len(list(table.chunks())) == 1
    with pytest.raises(RuntimeError, match="inspected=True"):
        table.inspect()


def test_a_sample_is_spread_over_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "SAMPLE_ROWS", 500)
    source = pd.DataFrame({"x": np.arange(4000.0) / 7, "churn": np.arange(4000) % 3 == 0})
    table = read_labelled(DataOptions(target="churn"), seed=0, source=source)
    parsed, label = table.inspect().sample[:2]
    assert 250 <= len(parsed) == len(label) <= 500
    assert abs(parsed["x"].mean() - source["x"].mean()) < 40
    by_x = source.assign(x=source["x"]).set_index("x")["churn"]
    assert (by_x.loc[parsed["x"]].to_numpy() == label).all()


def test_a_wide_table_gives_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "SAMPLE_CELLS", 1_000)
    monkeypatch.setattr(inspection, "_FEWEST_ROWS", 20)
    source = pd.DataFrame({f"x{i}": np.arange(400) % (i + 3) for i in range(10)})
    source["churn"] = np.arange(400) % 3 == 0
    table = read_labelled(DataOptions(target="churn"), seed=0, source=source)
    parsed = table.inspect().sample.parsed
    assert 50 <= len(parsed) <= 100


COPIES = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 6))).add_prefix("x")


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("id", [None, "id"])
def test_twins_stay_together_where_groups_are_found(id: str | None, streaming: bool) -> None:
    source = pd.concat([COPIES] * 5, ignore_index=True)
    source["id"] = [f"C{row % 100}" for row in range(500)]
    source["churn"] = np.arange(500) % 100 % 3 == 0

    def twins(split: SplitOptions) -> tuple[int, int]:
        data = DataOptions(
            target="churn", id=id, ignore=[] if id else ["id"], streaming=streaming, split=split
        )
        table = read_labelled(data, seed=0, source=source, inspected=True)
        chunks = list(table.chunks())
        assert sum(len(rows.label) for rows in chunks) == 500
        assert min(table.counts.values()) > 20
        found = table.inspect().twins
        return found.n_copies, found.n_same_id

    copies, same_id = twins(SplitOptions())
    # A streamed table is split by a hash of the id, so that rows of one id are together anyway.
    together = streaming and id is not None
    assert (copies == 0) == together
    assert (same_id > 0) == (id is not None and not streaming)
    assert twins(SplitOptions(by="group", column="auto")) == (0, 0)
