"""Record batches: narrowed, regrouped and turned into pandas without loss."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.readers.arrow import (
    check_columns,
    guarded,
    library_message,
    rebatched,
    select,
    to_pandas,
)


def test_columns_are_checked() -> None:
    check_columns(["a", "b"], ["b"])
    with pytest.raises(
        InputError,
        match=r"a column 'B', got none of that name .did you mean 'b'.*columns: 'a', 'b'",
    ):
        check_columns(["a", "b"], ["B"])
    with pytest.raises(InputError, match="'a' more than once"):
        check_columns(["a", "a"], None)


def test_select_takes_the_asked_order() -> None:
    batch = pa.record_batch({"a": [1], "b": ["x"], "c": [2.5]})
    schema, batches = select(batch.schema, iter([batch]), ["c", "a"])
    assert schema.names == ["c", "a"]
    assert next(batches).to_pylist() == [{"c": 2.5, "a": 1}]
    schema, batches = select(batch.schema, iter([batch]), None)
    assert schema.names == ["a", "b", "c"]


def test_a_whole_source_of_long_cells_is_not_called_damaged() -> None:
    def breaking() -> Iterator[pa.RecordBatch]:
        raise pa.ArrowInvalid("Take operation overflowed binary array capacity")
        yield

    with pytest.raises(InputError, match=r"columns take at most 2 GB.*write it with shorter cells"):
        list(guarded(breaking(), "x.parquet"))


def test_guarded_turns_what_breaks_into_one_sentence() -> None:
    def breaking() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise pa.ArrowInvalid("the page is torn\nStack: ...")

    batches = guarded(breaking(), "x.parquet")
    assert next(batches).num_rows == 1
    with pytest.raises(InputError, match=r"^x.parquet: .* read to its end, .*the page is torn"):
        next(batches)


def test_messages_are_shown_whole_unless_they_are_very_long() -> None:
    message = 'Parser Error: at "x"\n\nLINE 1: SELECT x\n               ^^^^^\n'
    assert library_message(ValueError(message)) == 'Parser Error: at "x" LINE 1: SELECT x'
    assert library_message(ValueError("INTERNAL: x\n\nStack Trace:\n\n/lib/y")) == "INTERNAL: x"
    assert library_message(ValueError()) == "ValueError"
    assert library_message(ValueError("first\n" + "x" * 300)) == "first " + "x" * 300
    assert library_message(ValueError("first\n" + "x" * 3000)) == "first"
    assert len(library_message(ValueError("x" * 3000))) == 1200


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 8))
def test_rebatched_keeps_rows_and_order(sizes: list[int], rows: int) -> None:
    numbers = iter(range(sum(sizes)))
    batches = [
        pa.record_batch({"a": pa.array([next(numbers) for _ in range(size)], pa.int64())})
        for size in sizes
    ]
    groups = [pa.Table.from_batches(group)["a"].to_pylist() for group in rebatched(batches, rows)]
    assert [number for group in groups for number in group] == list(range(sum(sizes)))
    assert all(len(group) == rows for group in groups[:-1])
    assert all(0 < len(group) <= rows for group in groups[-1:])


def test_types_come_out_plain() -> None:
    table = pa.table(
        {
            "decimal": pa.array([decimal.Decimal("1.50"), None]),
            "nothing": pa.nulls(2),
            "word": pa.array(["a", None]).dictionary_encode(),
            "code": pa.array([408, None]).dictionary_encode(),
            "large": pa.array(["a", None], pa.large_string()),
            "day": pa.array([datetime.date(2024, 1, 31), None]),
            "float": pa.array([1.5, None]),
            "whole": pa.array([1, 2]),
            "flag": pa.array([True, False]),
            "flag or nothing": pa.array([True, None]),
            "moment": pa.array([0, None], pa.timestamp("us", tz="UTC")),
        }
    )
    frame = to_pandas(table)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "decimal": "float64",
        "nothing": "str",
        "word": "str",
        "code": "category",
        "large": "str",
        "day": "datetime64[ms]",
        "float": "float64",
        "whole": "int64",
        "flag": "bool",
        "flag or nothing": "object",
        "moment": "datetime64[us, UTC]",
    }
    assert frame["decimal"].tolist()[0] == 1.5
    assert frame["word"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(pa.int8(), "Int64"), (pa.int64(), "Int64"), (pa.uint32(), "Int64"), (pa.uint64(), "UInt64")],
)
def test_whole_numbers_with_gaps_keep_their_digits(kind: pa.DataType, dtype: str) -> None:
    big = {"Int64": 2**53 + 1, "UInt64": 2**64 - 1}[dtype] if kind.bit_width == 64 else 7
    frame = to_pandas(pa.table({"a": pa.array([big, None], kind)}))
    assert str(frame["a"].dtype) == dtype
    assert frame["a"].iloc[0] == big
    assert pd.isna(frame["a"].iloc[1])


def test_what_pandas_stored_of_its_index_does_not_come_back() -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=pd.Index(["k1", "k2"], name="key"))
    back = to_pandas(pa.Table.from_pandas(frame))
    assert list(back.columns) == ["a", "key"]
    assert back.index.tolist() == [0, 1]


def test_types_that_other_programs_write_are_read() -> None:
    """Polars writes views, DuckDB UUIDs and JSON; pandas knows none of them."""
    words = pa.array(["a", "b"], pa.string_view())
    ident = uuid.UUID(int=7)
    nested = pa.array([[[1], None], None], pa.list_(pa.list_(pa.int64())))
    union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), words])
    columns = {
        "view": words,
        "category": pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.uint32()), words),
        "bytes": pa.array([b"a", b"b"], pa.binary_view()),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
        "uuid": pa.array([ident, None], pa.uuid()),
        "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["1", "{}"])),
        "time": pa.array([1_001, None], pa.time64("ns")),
        "dictionary of lists": pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array([[1]])),
        "nested": nested,
        "union": union,
    }
    frame = to_pandas(pa.table(columns))
    assert list(frame.columns) == list(columns)
    assert frame["view"].tolist() == ["a", "b"]
    assert frame["category"].tolist() == ["b", "a"]
    assert frame["bytes"].tolist() == [b"a", b"b"]
    assert frame["runs"].tolist() == ["a", "a"]
    assert frame["uuid"].tolist()[0] == str(ident)
    assert frame["json"].tolist() == ["1", "{}"]
    assert frame["time"].tolist() == [datetime.time(microsecond=1), None]
    assert frame["dictionary of lists"].map(list).tolist() == [[1], [1]]
    assert frame["nested"].tolist() == [[[1], None], None]
    assert frame["union"].tolist() == [1, "b"]


def test_many_columns_of_objects_keep_their_places() -> None:
    names = [f"c{i}" for i in range(130)]
    cells = [pa.array([i]) if i % 3 else pa.array([{"a": i}]) for i in range(130)]
    frame = to_pandas(pa.Table.from_arrays(cells, names))
    assert list(frame.columns) == names
    assert frame.iloc[0].tolist() == [i if i % 3 else {"a": i} for i in range(130)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([-1, 5], pa.int32()).view(pa.time32("s")),
        pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([None, 1], pa.int64())),
        pa.array([{"a\nb": 2**62}], pa.struct({"a\nb": pa.timestamp("s")})),
        pa.array([1, 2], pa.int64()).view(pa.timestamp("s", "Mars/Base")),
    ],
    ids=["time of day", "dictionary", "a far date within", "time zone"],
)
def test_what_pandas_cannot_hold_is_named(column: pa.Array) -> None:
    table = pa.table({"plain": pa.array([1.5] * len(column)), "odd": column})
    said = r"^column 'odd': expected values that pandas can hold, .*\.$"
    with pytest.raises(InputError, match=said):
        to_pandas(table)
