from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.training.rows.store import (
    ARRAYS,
    Block,
    DiskPart,
    MemoryPart,
    as_bytes,
    bytes_a_row,
)


def made(n_rows: int, n_dense: int = 3, n_text: int = 2, *, weighted: bool = False) -> Block:
    generator = torch.Generator().manual_seed(0)
    return Block(
        torch.randn(n_rows, n_dense, generator=generator),
        torch.randint(0, 1000, (n_rows, n_text), generator=generator, dtype=torch.int32),
        torch.arange(n_rows).float(),
        torch.arange(n_rows) / 7 if weighted else None,
    )


def on_disk(folder: Path, block: Block, name: str = "train") -> DiskPart:
    for array, tensor in zip(ARRAYS, block.arrays(), strict=False):
        (folder / f"{name}.{array}").write_bytes(as_bytes(tensor))
    widths = (block.dense.shape[1], block.codes.shape[1])
    weighted = block.weight is not None
    return DiskPart(folder, name, len(block.label), *widths, arrays=ARRAYS[: 3 + weighted])


def equal(one: Block, other: Block) -> bool:
    pairs = zip(one.arrays(), other.arrays(), strict=True)
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


@st.composite
def pieces(draw, n_rows: int) -> list[slice]:
    borders = st.integers(0, n_rows)
    pairs = draw(st.lists(st.tuples(borders, borders), min_size=1, max_size=6))
    return [slice(min(pair), max(pair)) for pair in pairs]


@settings(max_examples=40)
@given(st.data(), st.integers(1, 50), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_disk_and_memory_read_alike(tmp_path_factory, data, n_rows, n_dense, n_text, weighted):
    """Any pieces in any order, empty and overlapping ones, and no numbers or no codes."""
    block = made(n_rows, n_dense, n_text, weighted=weighted)
    memory = MemoryPart(block)
    disk = on_disk(tmp_path_factory.mktemp("part"), block)
    assert (disk.n_rows, disk.row_bytes) == (memory.n_rows, memory.row_bytes)
    for _ in range(3):  # a file is read again and again
        chosen = data.draw(pieces(n_rows))
        rows = torch.cat([torch.arange(n_rows)[piece] for piece in chosen])
        assert equal(memory.read(chosen), block.take(rows))
        assert equal(disk.read(chosen), block.take(rows))
        order = torch.randperm(len(rows))[: data.draw(st.integers(0, len(rows)))]
        assert equal(memory.read_rows(chosen, order), block.take(rows[order]))
        assert equal(disk.read_rows(chosen, order), block.take(rows[order]))


def test_one_piece_in_memory_is_not_copied():
    block = made(10)
    read = MemoryPart(block).read([slice(2, 5)])
    assert read.dense.data_ptr() == block.dense[2:].data_ptr()


def test_what_is_read_from_disk_is_the_readers_own(tmp_path):
    disk = on_disk(tmp_path, made(10))
    first = disk.read([slice(0, 10)])
    first.dense.zero_()
    assert equal(disk.read([slice(0, 10)]), made(10))


def test_another_process_opens_its_own_files(tmp_path):
    disk = on_disk(tmp_path, made(10))
    disk.read([slice(0, 1)])
    again = pickle.loads(pickle.dumps(disk))
    assert equal(again.read([slice(3, 7)]), disk.read([slice(3, 7)]))


def test_a_file_that_was_cut_short_is_named(tmp_path):
    disk = on_disk(tmp_path, made(10))
    path = tmp_path / "train.dense"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"^cache: expected \d+ bytes in .*, got \d+; remove"):
        disk.read([slice(5, 10)])


def test_chunks_are_the_rows_in_their_order():
    block = made(10)
    chunks = list(block.in_chunks(4))
    assert [len(chunk.label) for chunk in chunks] == [4, 4, 2]
    assert equal(Block(*map(torch.cat, zip(*(c.arrays() for c in chunks), strict=True))), block)


def test_a_row_takes_what_its_arrays_take():
    block = made(1, 3, 2)
    assert bytes_a_row(3, 2) == sum(array.nbytes for array in block.arrays())


@pytest.mark.gpu
def test_rows_move_to_a_device():
    part = MemoryPart(made(10)).to(torch.device("cuda"))
    read = part.read([slice(2, 5), slice(0, 1)])
    assert all(array.is_cuda for array in read.arrays())
    assert equal(read.each(torch.Tensor.cpu), made(10).take(torch.tensor([2, 3, 4, 0])))
