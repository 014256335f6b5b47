from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import fit_statistics
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import PARTS
from churn_torch.training.rows import materialize
from churn_torch.training.rows.compact_blocks import SAMPLE_ROWS
from churn_torch.training.rows.materialize import Store, materialized
from churn_torch.training.rows.store import DiskPart, MemoryPart
from tests.training.conftest import options_of

FILES = {"complete.json", "carried.parquet", "sample.parquet"} | {
    f"{part}.{array}" for part in PARTS for array in ("dense", "codes", "label")
}


class Materialized(NamedTuple):
    store: Store
    said: list[str]
    n_passes: int  # over the table, to preprocess it


Materialize = Callable[..., Any]


@pytest.fixture
def source(customers: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "customers.parquet"
    customers.to_parquet(path)
    return path


@pytest.fixture
def make_store(source: Path, table_keys: tuple[str, ...], tmp_path: Path) -> Materialize:
    """Return a context of everything in a store, as the pipeline makes it; overrides come first."""

    @contextmanager
    def make_store(
        *overrides: str, keep: bool = False, most_bytes: float = 1e9
    ) -> Iterator[Materialized]:
        carried = ("data.carry=[household,plan]", "data.value=add + 1")
        keys = [*table_keys, f"data.source={source}", "data.split.by=hash", *carried, *overrides]
        options = options_of(*keys)
        table = read_labelled(options.data, seed=options.seed)
        learned = (rows.of("train").parsed for rows in table.chunks())
        schema, statistics = fit_statistics(learned, table.schema, options.preprocess)
        preprocess = Preprocess(schema, options.preprocess)
        preprocess.load_statistics(statistics)
        passes, said = [], []

        def watch(rows):
            passes.append(1)
            return rows

        with materialized(
            table, schema, preprocess, watch=watch, announce=said.append,
            folder=tmp_path / ("own" if keep else "cache"),
            cache=tmp_path / "cache" if keep else None, most_bytes=most_bytes,
            choices=f"{options.data.split} {options.seed}",
        ) as store:  # fmt: skip
            yield Materialized(store, said, len(passes))

    return make_store


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No table is small enough for memory."""
    monkeypatch.setattr(materialize, "MEMORY_BYTES", 0)


STREAMED = "data.streaming=true"


def rows_of(store: Store, part: str) -> list[torch.Tensor]:
    return store.parts[part].read([slice(0, store.parts[part].n_rows)]).arrays()


def carried_of(store: Store, n_rows: int = 1000) -> pd.DataFrame:
    frames = list(store.carried_chunks(n_rows))
    assert all(len(frame) <= n_rows for frame in frames)
    return pd.concat(frames, ignore_index=True)


def test_a_store_in_memory_holds_every_row_preprocessed(prepare):
    """Against the whole table at once."""
    prepared = prepare()
    table, preprocess = prepared.table, prepared.scorer.preprocess
    schema = fit_statistics(
        [table.parsed.take(table.split.train)], table.schema, prepared.options.preprocess
    )[0]
    for part, rows in zip(PARTS, table.split, strict=True):
        stored = prepared.store.parts[part]
        assert isinstance(stored, MemoryPart)
        columns = Columns.from_arrays(encode(table.parsed.take(rows), schema))
        dense, codes = preprocess.compact(*columns)
        assert torch.equal(stored.block.dense, dense)
        assert torch.equal(stored.block.codes, codes)
        assert torch.equal(stored.block.label, torch.from_numpy(table.label[rows]))
        assert not stored.block.dense.requires_grad
    pd.testing.assert_frame_equal(
        carried_of(prepared.store), table.carried.take(table.split.test).reset_index(drop=True)
    )


@pytest.mark.parametrize("chunk_rows", [37, 65_536])
def test_a_store_on_disk_is_the_one_in_memory(make_store, monkeypatch, chunk_rows, tmp_path):
    with make_store() as (memory, said, n_passes):
        assert (said, n_passes) == ([], 1)
        assert memory.folder is None
    monkeypatch.setattr("churn_torch.tables.labelled.streamed.READ_ROWS", chunk_rows)
    with make_store(STREAMED) as (small, said, _):
        assert said == []
        assert small.folder is None  # small enough to stay in memory all the same
    monkeypatch.setattr(materialize, "MEMORY_BYTES", 0)
    with make_store(STREAMED) as (disk, said, n_passes):
        assert n_passes == 1
        assert said == [f"Features take 0.0 MB on disk, in {tmp_path / 'cache'}."]
        assert {path.name for path in (tmp_path / "cache").iterdir()} == FILES
        for store in (small, disk):
            for part in PARTS:
                pairs = zip(rows_of(store, part), rows_of(memory, part), strict=True)
                assert all(torch.equal(one, other) for one, other in pairs)
            for n_rows in (1000, 7):
                pd.testing.assert_frame_equal(carried_of(store, n_rows), carried_of(memory))
            pd.testing.assert_frame_equal(store.sample, memory.sample, check_dtype=False)
        assert list(carried_of(disk)) == ["customer id", "household", "plan", "value"]
        assert all(isinstance(part, DiskPart) for part in disk.parts.values())


def test_the_sample_is_the_first_test_rows(make_store, monkeypatch):
    with make_store() as (store, *_):
        assert len(store.sample) == store.parts["test"].n_rows <= SAMPLE_ROWS
    monkeypatch.setattr("churn_torch.training.rows.compact_blocks.SAMPLE_ROWS", 10)
    monkeypatch.setattr("churn_torch.tables.labelled.streamed.READ_ROWS", 30)
    with make_store(STREAMED) as (short, *_):
        pd.testing.assert_frame_equal(short.sample, store.sample[:10], check_dtype=False)


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("ignored", [["plan", "cat", "is member"], ["add", "joined"]])
def test_a_table_without_texts_or_with_little_else(make_store, ignored):
    listed = ",".join(["household", *ignored])
    if "add" in ignored:
        listed += ",Größe/Call  Failure"
    key = f"data.ignore=[{listed}]"
    with make_store(key) as (memory, *_), make_store(STREAMED, key) as (disk, *_):
        for part in PARTS:
            pairs = zip(rows_of(disk, part), rows_of(memory, part), strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)


# The files at the end


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_files_are_gone_at_the_end_unless_kept(make_store, tmp_path, error):
    def use(keep: bool) -> None:
        with make_store(STREAMED, keep=keep) as (store, *_):
            rows_of(store, "train")
            if error is not None:
                raise error

    for keep in (False, True):
        if error is None:
            use(keep)
        else:
            with pytest.raises(error):
                use(keep)
        assert (tmp_path / "cache").exists() == keep


@pytest.mark.usefixtures("on_disk")
def test_kept_files_are_used_again(make_store):
    with make_store(STREAMED, keep=True) as (first, _, n_passes):
        assert n_passes == 1
        expected = [rows_of(first, part) for part in PARTS]
        carried, sample = carried_of(first), first.sample
    with make_store(STREAMED, keep=True) as (again, said, n_passes):
        assert n_passes == 0
        assert said == [f"Features of an earlier run are used again: {first.folder}."]
        for part, arrays in zip(PARTS, expected, strict=True):
            pairs = zip(rows_of(again, part), arrays, strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)
        pd.testing.assert_frame_equal(carried_of(again), carried)
        pd.testing.assert_frame_equal(again.sample, sample)


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize(
    "change",
    [
        "seed=1", "data.split.validation=0.2", "preprocess.outliers=quantile",
        "data.ignore=[household,cat]", "data.carry=[plan]", "data.value=add", "source",
        "complete.json missing", "complete.json broken",
    ],
)  # fmt: skip
def test_files_are_made_anew_when_anything_has_changed(
    make_store, customers, source, tmp_path, change
):
    with make_store(STREAMED, keep=True):
        pass
    keys = [STREAMED]
    if change == "source":
        customers.assign(add=customers["add"] + 1).to_parquet(source)
    elif change == "complete.json missing":
        (tmp_path / "cache" / "complete.json").unlink()
    elif change == "complete.json broken":
        (tmp_path / "cache" / "complete.json").write_text('{"key": ')
    else:
        keys.append(change)
    with make_store(*keys, keep=True) as (made, _, n_passes):
        assert n_passes == 1
        with make_store(*[key for key in keys if key != STREAMED]) as (memory, *_):
            for part in PARTS:
                pairs = zip(rows_of(made, part), rows_of(memory, part), strict=True)
                assert all(torch.equal(one, other) for one, other in pairs)
    with make_store(*keys, keep=True) as (_, _, n_passes):
        assert n_passes == 0


@pytest.mark.usefixtures("on_disk")
def test_a_folder_that_is_in_use_is_shared_or_left_alone(make_store, tmp_path):
    cache = tmp_path / "cache"
    with make_store(STREAMED, keep=True) as (first, *_):
        expected = rows_of(first, "train")
        with make_store(STREAMED, keep=True) as (same, said, n_passes):
            assert (same.folder, n_passes) == (cache, 0)
        with make_store(STREAMED, "seed=1", keep=True) as (other, said, n_passes):
            assert (other.folder, n_passes) == (tmp_path / "own", 1)
            assert said[0] == (
                f"A training with other rows or choices is using {cache}, so it is left alone."
            )
        assert not (tmp_path / "own").exists()
        pairs = zip(rows_of(first, "train"), expected, strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
    with make_store(STREAMED, "seed=1", keep=True) as (other, _, n_passes):
        assert (other.folder, n_passes) == (cache, 1)


@pytest.mark.usefixtures("on_disk")
def test_a_folder_with_other_files_is_refused_and_left(make_store, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "thesis.tex").write_text("years of work")
    message = r"^cache\.folder: expected a new or empty folder, .* with 'thesis\.tex' in it; name"
    with pytest.raises(InputError, match=message), make_store(STREAMED, keep=True):
        pytest.fail("it must not be entered")
    assert (tmp_path / "cache" / "thesis.tex").read_text() == "years of work"


# Too much for the disk


@pytest.mark.usefixtures("on_disk")
def test_more_than_allowed_is_refused_before_a_byte_is_written(make_store, tmp_path):
    message = r"^cache\.max_gb: expected features of at most 0\.0 MB on disk, got .*; raise it"
    with pytest.raises(InputError, match=message), make_store(STREAMED, most_bytes=100):
        pytest.fail("it must not be entered")
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("on_disk")
def test_no_room_is_noticed_before_a_byte_is_written(make_store, tmp_path, monkeypatch):
    asked = []

    class Usage(NamedTuple):
        free: int = 100

    monkeypatch.setattr(
        materialize.shutil, "disk_usage", lambda path: (asked.append(path), Usage())[1]
    )
    message = r"^cache: expected 0\.0 MB of free disk in '.*cache' .*, got 0\.0 MB; name a folder"
    with pytest.raises(InputError, match=message), make_store(STREAMED):
        pytest.fail("it must not be entered")
    assert asked == [tmp_path]  # the nearest folder that exists
    assert not (tmp_path / "cache").exists()


class Full:
    """A file on a disk that is full after some writes."""

    def __init__(self, file: Any, rest: list[int]) -> None:
        self.file, self.rest = file, rest

    def write(self, content: Any) -> int:
        self.rest[0] -= 1
        if self.rest[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(content)

    def close(self) -> None:
        self.file.close()


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize(("n_writes", "keep"), [(0, True), (5, False), (20, True)])
def test_a_disk_that_fills_up_leaves_nothing(make_store, tmp_path, monkeypatch, n_writes, keep):
    monkeypatch.setattr("churn_torch.tables.labelled.streamed.READ_ROWS", 50)
    rest, original = [n_writes], Path.open

    def open_full(path, mode="r", *arguments, **keys):
        file = original(path, mode, *arguments, **keys)
        return Full(file, rest) if mode == "wb" else file

    monkeypatch.setattr(Path, "open", open_full)
    message = r"^cache: expected room for the features in '.*cache', got No space left on device; "
    with pytest.raises(InputError, match=message), make_store(STREAMED, keep=keep):
        pytest.fail("it must not be entered")
    assert rest[0] < 0
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("on_disk")
def test_an_error_of_the_source_in_the_middle_leaves_nothing(make_store, tmp_path, monkeypatch):
    from churn_torch.tables.labelled.streamed import StreamedTable

    original, passes = StreamedTable.chunks, []

    def chunks(table):
        passes.append(1)
        for i, rows in enumerate(original(table)):
            if len(passes) == 2 and i == 1:
                raise InputError("source", expected="it to stay", got="nothing")
            yield rows

    monkeypatch.setattr("churn_torch.tables.labelled.streamed.READ_ROWS", 50)
    monkeypatch.setattr(StreamedTable, "chunks", chunks)
    with pytest.raises(InputError, match=r"^source: expected it to stay"), make_store(STREAMED):
        pytest.fail("it must not be entered")
    assert not (tmp_path / "cache").exists()
