"""A streamed split by time: its borders are those of the whole table, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labelled import streamed_time
from churn_torch.tables.labelled.streamed_time import ByTime, borders_of_source
from churn_torch.tables.labelled.time_borders import TimeBorders, time_borders
from churn_torch.tables.options import ColumnRoles, ReadOptions
from churn_torch.tables.readers import sources

N = 1000
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "day": RNG.permutation(N) // 3,
        "x": RNG.normal(size=N),
        "churned": np.where(RNG.random(N) < 0.3, "yes", "no"),
    }
)
SCHEMA = infer(FRAME, ColumnRoles(target="churned", time="day"))
SHARES = {"validation": 0.2, "test": 0.1}


def borders(frame: pd.DataFrame = FRAME, **shares: float) -> TimeBorders:
    given = shares or SHARES
    return borders_of_source(frame, ReadOptions(), SCHEMA, SCHEMA["day"], **given)


@pytest.mark.parametrize("chunk_rows", [7, 65_536])
def test_borders_are_those_of_all_times(monkeypatch, chunk_rows):
    original = sources.read_chunks
    monkeypatch.setattr(
        sources, "read_chunks", lambda *a, **k: original(*a, **{**k, "rows": chunk_rows})
    )
    whole = FRAME["day"].to_numpy(dtype=np.float64)
    assert borders() == time_borders(whole, **SHARES)
    without_test = borders(validation=0.2, test=0.0)
    assert without_test == time_borders(whole, validation=0.2, test=0.0)
    assert without_test.test == np.inf


def test_rows_without_a_label_do_not_count():
    late = FRAME["day"] > 200
    frame = FRAME.assign(churned=FRAME["churned"].where(~late))
    early = FRAME.loc[~late, "day"].to_numpy(dtype=np.float64)
    assert borders(frame) == time_borders(early, **SHARES)


def test_of_many_rows_a_uniform_draw_decides(monkeypatch):
    """The draw depends on the rows' positions alone, and misses the shares by little."""
    monkeypatch.setattr(streamed_time, "BORDER_ROWS", 500)
    drawn = borders()
    assert drawn == borders()
    exact = time_borders(FRAME["day"].to_numpy(dtype=np.float64), **SHARES)
    for border, share in ((drawn.validation, 0.7), (drawn.test, 0.9)):
        # Four standard errors of a share of 250 rows or more.
        assert (FRAME["day"] < border).mean() == pytest.approx(share, abs=4 * 0.46 / 250**0.5)
    assert drawn != exact


@pytest.mark.parametrize(
    ("day", "message"),
    [
        (FRAME["day"].where(FRAME["day"] != 5), r"a time in every row, got 3 of 1,000 missing"),
        (FRAME["day"] * 0, r"at least 3 distinct times to split by, got 1"),
    ],
)
def test_what_is_lacking_is_said(day, message):
    with pytest.raises(InputError, match=rf"^data\.split\.column: expected {message}"):
        borders(FRAME.assign(day=day))


def test_rows_are_assigned_and_the_training_span_is_remembered():
    assign = ByTime(SCHEMA["day"], TimeBorders(100.0, 200.0))
    for start in range(0, N, 300):
        chunk = FRAME[start : start + 300]
        part = assign(chunk, np.arange(start, start + len(chunk)), chunk)
        day = chunk["day"].to_numpy()
        assert part.dtype == np.int8
        assert np.array_equal(part, np.select([day < 100, day < 200], [0, 1], 2))
    assert assign.span == (0, 99)


def test_a_chunk_without_training_rows_changes_no_span():
    assign = ByTime(SCHEMA["day"], TimeBorders(100.0, 200.0))
    assign(FRAME[FRAME["day"].between(10, 20)], np.arange(0), FRAME)
    assign(FRAME[FRAME["day"] > 150], np.arange(0), FRAME)
    assert assign.span == (10, 20)


def test_a_row_is_in_a_part_by_its_time_and_its_group():
    def of_group(frame: pd.DataFrame) -> np.ndarray:
        return (frame["day"] % 3).to_numpy(dtype=np.int8)

    assign = ByTime(SCHEMA["day"], TimeBorders(100.0, 200.0, window=5.0), of_group)
    day = FRAME["day"].to_numpy()
    part = assign(FRAME, np.arange(N), FRAME)
    of_time = np.select([day <= 95, day < 100, day <= 195, day < 200], [0, -1, 1, -1], 2)
    assert np.array_equal(part, np.where((of_time >= 0) & (of_time != day % 3), -2, of_time))
    assert assign.span == (0, 93)
