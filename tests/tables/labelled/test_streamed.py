"""A streamed table: the same rows, labels and parts as in memory, whatever the source."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.inference import sampled
from churn_torch.tables.labelled import streamed, streamed_time
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import PARTS, LabelledTable, Rows
from churn_torch.tables.options import DataOptions
from churn_torch.tables.schema import Kind

Reader = Callable[..., LabelledTable]
# Keys that split by something of which membership needs no memory.
HASHED = ("data.split.by=hash",)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "READ_ROWS", 64)
    monkeypatch.setattr(sampled, "SAMPLE_ROWS", 200)


@pytest.fixture
def table_of(table_keys: tuple[str, ...], data_options: Callable[..., DataOptions]) -> Reader:
    """Return a function that reads a source with the keys of `customers`, streamed."""

    def read(source: Any, *keys: str, seed: int = 0) -> LabelledTable:
        data = data_options(*table_keys, "data.streaming=true", *keys)
        return read_labelled(data, seed=seed, source=source)

    return read


@pytest.fixture
def unlabelled(customers: pd.DataFrame) -> pd.DataFrame:
    """Return `customers` with a seventh of the labels missing."""
    return customers.assign(churned=customers["churned"].where(customers.index % 7 != 3))


def whole(table: LabelledTable) -> Rows:
    """Join the chunks of a pass."""
    chunks = list(table.chunks())
    assert all(0 < len(chunk.label) <= 65_536 for chunk in chunks)
    return Rows(
        pd.concat([chunk.parsed for chunk in chunks], ignore_index=True),
        np.concatenate([chunk.label for chunk in chunks]),
        pd.concat([chunk.carried for chunk in chunks], ignore_index=True),
        np.concatenate([chunk.part for chunk in chunks]),
    )


def assert_same(one: Rows, other: Rows) -> None:
    pd.testing.assert_frame_equal(one.parsed, other.parsed)
    pd.testing.assert_frame_equal(one.carried, other.carried)
    assert np.array_equal(one.label, other.label)
    assert np.array_equal(one.part, other.part)
    assert one.part.dtype == np.int8


def written(frame: pd.DataFrame, how: str, folder: Path) -> Any:
    """Write a table in one of the forms that sources have."""
    if how == "frame":
        return frame
    if how == "csv":
        frame.to_csv(folder / "t.csv", index=False)
        return folder / "t.csv"
    if how == "csv.gz":
        # No time in the header: the same rows give the same bytes in the next second too.
        packed = {"method": "gzip", "mtime": 1}
        frame.to_csv(folder / "t.csv.gz", index=False, compression=packed)
        return folder / "t.csv.gz"
    if how == "folder":
        (folder / "parts").mkdir()
        frame[:150].to_parquet(folder / "parts" / "1.parquet")
        frame[150:].to_parquet(folder / "parts" / "2.parquet", row_group_size=30)
        return folder / "parts"
    frame.to_parquet(folder / "t.parquet", row_group_size=25)
    if how == "query":
        return f"SELECT * FROM '{folder / 't.parquet'}'"
    return folder / "t.parquet"


FORMS = ("frame", "csv", "csv.gz", "folder", "query", "parquet")


@pytest.mark.parametrize("how", FORMS)
@pytest.mark.parametrize("keys", [(), ("data.id=null", "data.ignore=[household,customer id]")])
def test_the_rows_and_parts_are_those_of_memory(
    unlabelled: pd.DataFrame, tmp_path: Path, table_of: Reader, how: str, keys: tuple[str, ...]
) -> None:
    source = written(unlabelled, how, tmp_path)
    table = table_of(source, *HASHED, *keys, seed=3)
    in_memory = table_of(source, *HASHED, *keys, "data.streaming=false", seed=3)
    assert (table.streamed, in_memory.streamed) == (True, False)
    assert_same(whole(table), whole(in_memory))
    assert_same(whole(table), whole(in_memory))  # again and again
    names = ("counts", "n_positive", "n_dropped", "n_rows")
    assert {n: getattr(table, n) for n in names} == {n: getattr(in_memory, n) for n in names}
    kinds = {column.name: column.kind for column in table.schema.columns}
    assert kinds == {column.name: column.kind for column in in_memory.schema.columns}


def test_random_means_hash(customers: pd.DataFrame, table_of: Reader) -> None:
    random, hashed = (
        whole(table_of(customers, f"data.split.by={by}")) for by in ("random", "hash")
    )
    assert_same(random, hashed)
    other = whole(table_of(customers, seed=1))
    assert not np.array_equal(random.part, other.part)


def test_what_a_pass_counts_is_not_known_before_it(
    customers: pd.DataFrame, table_of: Reader
) -> None:
    table = table_of(customers)
    next(iter(table.chunks()))  # a pass that is broken off counts for nothing
    for name in ("counts", "n_positive", "n_dropped", "fingerprint"):
        with pytest.raises(RuntimeError, match="go through chunks"):
            getattr(table, name)
    assert table.n_rows == 400
    whole(table)
    assert sum(table.counts.values()) == 400
    assert tuple(table.counts) == PARTS
    assert table.sampled == 192  # 16 runs of 12 rows


def test_groups_stay_together(customers: pd.DataFrame, table_of: Reader) -> None:
    keys = ("data.split.by=group", "data.split.column=household", "data.ignore=[]")
    table = table_of(customers, *keys)
    assert table.schema["household"].kind is Kind.IGNORED
    part = pd.Series(whole(table).part)
    assert (part.groupby(customers["household"].to_numpy()).nunique() == 1).all()
    assert set(part) == {0, 1, 2}
    with pytest.raises(InputError, match="expected a group in every row, got 1 of 64"):
        whole(table_of(customers.assign(household=customers["household"].where(
            customers.index != 200)), *keys))  # fmt: skip


BY_TIME = ("data.split.by=time", "data.split.column=joined")


@pytest.mark.parametrize("how", FORMS)
def test_by_time_like_in_memory(
    unlabelled: pd.DataFrame, tmp_path: Path, table_of: Reader, how: str
) -> None:
    source = written(unlabelled, how, tmp_path)
    table, in_memory = (
        table_of(source, *BY_TIME),
        table_of(source, *BY_TIME, "data.streaming=false"),
    )
    with pytest.raises(RuntimeError, match="go through chunks"):
        _ = table.time_span
    rows, _ = whole(table), whole(table)
    assert_same(rows, whole(in_memory))
    joined = unlabelled.dropna(subset="churned")["joined"].reset_index(drop=True)[rows.part == 0]
    span = (f"{joined.min():%Y-%m-%d}", f"{joined.max():%Y-%m-%d}")
    assert table.time_span == in_memory.time_span == span
    assert table.counts["test"] == pytest.approx(0.15 * len(unlabelled) * 6 / 7, abs=3)


def test_by_time_from_a_sample_of_the_times(
    customers: pd.DataFrame, table_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_time, "BORDER_ROWS", 100)
    rows = whole(table_of(customers, *BY_TIME))
    days = [customers["joined"][rows.part == part] for part in range(3)]
    assert days[0].max() < days[1].min()
    assert days[1].max() < days[2].min()
    # Five standard errors of a share found from 50 rows.
    assert len(days[2]) / 400 == pytest.approx(0.15, abs=5 * np.sqrt(0.15 * 0.85 / 50))
    with pytest.raises(InputError, match="a time in every row, got 1 of 400 missing"):
        table_of(customers.assign(joined=customers["joined"].where(customers.index != 7)), *BY_TIME)


def test_by_time_and_group_counts_what_is_in_no_part(
    customers: pd.DataFrame, table_of: Reader
) -> None:
    keys = (
        "data.split.by=[time,group]", "data.split.column=[joined,household]",
        "data.split.validation=0.35", "data.split.test=0.35", "data.ignore=[]",
    )  # fmt: skip
    for streaming in ("true", "false"):
        table = table_of(customers, *keys, "data.split.horizon=30d", f"data.streaming={streaming}")
        rows = whole(table)
        assert table.n_dropped == 0
        assert (rows.part < 0).sum() == sum(table.left_out_of_parts)
        assert min(*table.left_out_of_parts, *table.counts.values()) > 0
        assert [(rows.part == i).sum() for i in range(3)] == list(table.counts.values())
        days = [customers["joined"][rows.part == i] for i in range(3)]
        assert days[0].max() + pd.Timedelta(days=30) <= days[1].min()
        assert days[1].max() + pd.Timedelta(days=30) <= days[2].min()
        homes = [set(customers["household"][rows.part == i]) for i in range(3)]
        assert sum(map(len, homes)) == len(set.union(*homes))
        assert {"joined", "household"} <= {*rows.carried.columns}
        assert all(table.schema[name].kind is Kind.IGNORED for name in ("joined", "household"))


def test_labels_that_reach_later_are_those_of_memory(
    customers: pd.DataFrame, table_of: Reader
) -> None:
    keys = (*BY_TIME, "data.split.horizon=90d", "data.split.test_from='2023-06-01'")
    table, in_memory = (table_of(customers, *keys, f"data.streaming={word}") for word in
                        ("true", "false"))  # fmt: skip
    assert_same(whole(table), whole(in_memory))
    assert table.left_out_of_parts == in_memory.left_out_of_parts
    assert table.left_out_of_parts.reaching_later > 0
    assert in_memory.n_dropped == table.n_dropped == 0
    assert customers["joined"][in_memory.split.test].min() >= pd.Timestamp("2023-06-01")


def test_a_test_source_is_streamed_too(
    unlabelled: pd.DataFrame, tmp_path: Path, table_of: Reader
) -> None:
    given = unlabelled[:90].drop(columns="customer id")
    keys = (f"data.test_source={written(given, 'csv', tmp_path)}", *HASHED)
    table, in_memory = (table_of(unlabelled[90:], *keys, f"data.streaming={word}") for word in
                        ("true", "false"))  # fmt: skip
    rows, expected = whole(table), whole(in_memory)
    assert np.array_equal(rows.part, expected.part)
    assert np.array_equal(rows.label, expected.label)
    pd.testing.assert_frame_equal(rows.parsed, expected.parsed)
    assert table.counts["test"] == given["churned"].notna().sum()
    given.assign(churned="yes").to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="both classes, got 90 churners and 0 others"):
        whole(table_of(unlabelled[90:], *keys))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ((), "classes in the validation part, got no positive row .*the table has 3 positive"),
        (("data.split.validation=0.9",), "both together below 1"),
        (
            ("data.id=nobody",),
            r"data\.id: expected a column of the table, got 'nobody'; name one of",
        ),
    ],
)
def test_what_is_lacking_is_said(
    customers: pd.DataFrame, table_of: Reader, keys: tuple[str, ...], message: str
) -> None:
    frame = customers.assign(churned=np.where(customers.index < 3, "yes", "no"))
    with pytest.raises(InputError, match=message):
        whole(table_of(frame, *keys, "data.split.test=0.1"))


def test_one_class_is_refused(customers: pd.DataFrame, table_of: Reader) -> None:
    with pytest.raises(InputError, match=r"two different values, got one value \('no' \d+\); "):
        table_of(customers.assign(churned="no"))


@pytest.mark.parametrize("how", ["frame", "csv", "parquet"])
def test_churners_may_come_late(
    customers: pd.DataFrame, tmp_path: Path, table_of: Reader, how: str
) -> None:
    frame = customers.assign(churned=np.where(customers.index < 370, "no", "yes"))
    frame = pd.concat([frame[frame["churned"] == "no"], frame[frame["churned"] == "yes"]])
    table = table_of(written(frame, how, tmp_path), *HASHED)
    assert (table.schema.positive, table.schema.negative) == ("yes", "no")
    assert whole(table).label.sum() == 30


def test_a_cell_that_does_not_fit_is_named_with_what_would_mend_it(
    customers: pd.DataFrame, tmp_path: Path, table_of: Reader
) -> None:
    name = "Größe/Call  Failure"
    frame = customers.assign(**{name: customers[name].astype(object).where(customers.index != 350,
                                                                           "many")})  # fmt: skip
    source = written(frame, "csv", tmp_path)
    message = rf"inferred from 200 rows.*'many' in row 351; .*; data.kinds.{name}=categorical takes"
    with pytest.raises(InputError, match=message):
        whole(table_of(source))
    assert len(whole(table_of(source, f"data.kinds.{name}=categorical")).label) == 400
    late = customers.assign(churned=customers["churned"].where(customers.index != 350, "perhaps"))
    with pytest.raises(InputError, match="'yes' or 'no', got also 'perhaps' 1, first in row 351"):
        whole(table_of(written(late, "csv", tmp_path)))


def test_row_numbers_show_in_a_spread_sample(
    customers: pd.DataFrame, tmp_path: Path, table_of: Reader
) -> None:
    frame = customers.assign(counter=np.arange(1000, 1400), asked=np.arange(400))
    keys = ("data.kinds.asked=numeric",)
    for how in FORMS:
        schema = table_of(written(frame, how, tmp_path), *keys).schema
        assert schema["counter"].kind is Kind.IGNORED
        assert "row number" in schema["counter"].note
        assert schema["asked"].kind is Kind.NUMERIC
        (tmp_path / "parts").rename(tmp_path / "gone") if how == "folder" else None


def test_only_the_needed_columns_are_read(
    customers: pd.DataFrame, table_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of(customers, "data.ignore=[household,cat]")
    asked = []
    original = streamed.sources.read_chunks

    def spied(*arguments: Any, **keywords: Any) -> Any:
        asked.append(keywords["columns"])
        return original(*arguments, **keywords)

    monkeypatch.setattr(streamed.sources, "read_chunks", spied)
    whole(table)
    assert asked == [[name for name in customers.columns if name not in ("household", "cat")]]


def test_a_wide_table_comes_in_fewer_rows_at_a_time(
    customers: pd.DataFrame, table_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of(customers)
    monkeypatch.setattr(streamed, "CHUNK_CELLS", 10 * (len(customers.columns) - 1))
    assert [len(chunk.label) for chunk in table.chunks()] == [10] * 40


def test_the_fingerprint_names_the_content(
    customers: pd.DataFrame, tmp_path: Path, table_of: Reader
) -> None:
    def mark(source: Any) -> str:
        table = table_of(source)
        whole(table)
        return table.fingerprint

    changed = customers.assign(add=customers["add"].where(customers.index != 399, 0.5))
    for how in FORMS:
        marks = []
        for name, frame in (("a", customers), ("b", customers), ("c", changed)):
            (tmp_path / how / name).mkdir(parents=True)
            marks.append(mark(written(frame, how, tmp_path / how / name)))
        assert marks[0] == marks[1] != marks[2]
        assert all(len(one) == 16 and int(one, 16) >= 0 for one in marks)


def test_a_query_that_changes_between_passes_is_noticed(
    customers: pd.DataFrame, tmp_path: Path, table_of: Reader
) -> None:
    base = tmp_path / "base.duckdb"
    customers.to_parquet(tmp_path / "t.parquet")
    with duckdb.connect(str(base)) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{tmp_path / 't.parquet'}'")
    table = table_of("SELECT * FROM t", f"data.database={base}")
    whole(table)
    whole(table)
    with duckdb.connect(str(base)) as connection:
        connection.execute("DELETE FROM t WHERE \"customer id\" = 'C-00007'")
    with pytest.raises(InputError, match="got 400 rows before and 399 now"):
        whole(table)
    swapped = table_of(f"SELECT * FROM '{tmp_path / 't.parquet'}'")
    whole(swapped)
    customers[::-1].to_parquet(tmp_path / "t.parquet")
    with pytest.raises(
        InputError, match="got 400 rows before and 400 now, or the same rows in another"
    ):
        whole(swapped)


@pytest.mark.parametrize("how", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize(("before", "now"), [(300, 400), (400, 300)])
def test_a_file_that_grows_or_shrinks_between_the_passes_is_named(
    how: str, before: int, now: int, customers: pd.DataFrame, tmp_path: Path, table_of: Reader
) -> None:
    source = written(customers[:before], how, tmp_path)
    table = table_of(source)
    whole(table)
    sizes = [source.stat().st_size]
    written(customers[:now], how, tmp_path)
    sizes.append(source.stat().st_size)
    with pytest.raises(InputError) as caught:
        next(iter(table.chunks()))
    assert str(caught.value) == (
        f"{source}: expected a file that stays as it is while it is read several times, got "
        f"{sizes[0]:,} bytes before and {sizes[1]:,} bytes now; train again when nothing writes "
        "to it, or on a copy."
    )


def test_a_file_that_comes_into_a_folder_between_the_passes_is_named(
    customers: pd.DataFrame, tmp_path: Path, table_of: Reader
) -> None:
    for half, rows in enumerate((customers[:200], customers[200:])):
        rows.to_csv(tmp_path / f"{half}.csv", index=False)
    table = table_of(tmp_path)
    whole(table)
    customers[:9].to_csv(tmp_path / "2.csv", index=False)
    with pytest.raises(InputError, match=r"2\.csv: .* got no file before and [\d,]+ bytes now;"):
        whole(table)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("change", ["appended", "cut", "cut in a line"])
def test_a_file_that_changes_within_a_pass_is_named(
    change: str,
    first: bool,
    customers: pd.DataFrame,
    tmp_path: Path,
    table_of: Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Arrays have room for the rows of the first pass only, and a cut line is no bad line."""
    source = written(customers, "csv", tmp_path)
    table = table_of(source)
    if not first:
        whole(table)
    text = source.read_bytes()
    lines = text.splitlines(keepends=True)
    changed = {
        "appended": text + lines[-1] * 100,
        "cut": b"".join(lines[:-200]),
        "cut in a line": b"".join(lines[:-200]) + lines[-200][:5],
    }[change]
    original = streamed.sources.read_chunks

    def changes_while_read(*arguments: Any, **keywords: Any) -> Any:
        source.write_bytes(changed)
        yield from original(*arguments, **keywords)

    monkeypatch.setattr(streamed.sources, "read_chunks", changes_while_read)
    given: list[Rows] = []
    with pytest.raises(InputError) as caught:
        given.extend(table.chunks())
    assert first or sum(len(rows.label) for rows in given) <= len(customers)
    assert str(caught.value).startswith(f"{source}: expected a file that stays as it is")


def test_other_processes_can_read_it(
    customers: pd.DataFrame, tmp_path: Path, table_of: Reader
) -> None:
    table = table_of(written(customers, "parquet", tmp_path))
    rows = whole(table)
    sent: LabelledTable = pickle.loads(pickle.dumps(table))
    assert_same(whole(sent), rows)
    assert (sent.fingerprint, sent.counts) == (table.fingerprint, table.counts)
