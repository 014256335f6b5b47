from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import SequentialSampler

from churn_torch.training.rows import batches as batches_module
from churn_torch.training.rows.batches import Batches, InOrder, Shuffled, spread_sample
from churn_torch.training.rows.store import Block, MemoryPart

ROW_BYTES = 16  # of the rows made here


def part(n_rows: int) -> MemoryPart:
    """Rows whose every tensor tells which one it is."""
    row = torch.arange(n_rows)
    dense = torch.stack([row.float(), row.float() * 2], dim=1)
    return MemoryPart(Block(dense, row.int().unsqueeze(1) * 3, row.float() * 5))


def rows_of(block: Block) -> list[int]:
    """The rows of a block; every tensor must tell the same."""
    rows = block.dense[:, 0].long()
    assert torch.equal(block.dense[:, 1], rows.float() * 2)
    assert torch.equal(block.codes[:, 0], rows.int() * 3)
    assert torch.equal(block.label, rows.float() * 5)
    return rows.tolist()


def minibatches(block: Batches) -> list[list[int]]:
    rows = rows_of(block.rows)
    assert (block.ends[-1] if block.ends else 0) == len(rows)
    assert len(block.ends) == len(block.sizes)
    return [rows[a:b] for a, b in itertools.pairwise([0, *block.ends])]


def order(loader: Shuffled, epoch: int = 0) -> list[list[int]]:
    """The minibatches of an epoch, block after block."""
    loader.set_epoch(epoch)
    blocks = list(loader)
    assert len(blocks) == len(loader)
    return [rows for block in blocks for rows in minibatches(block)]


@contextmanager
def small(block_rows: int, piece_rows: int) -> Iterator[None]:
    """Blocks and pieces of a few rows, so that a small part has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches_module, "BLOCK_BYTES", block_rows * ROW_BYTES)
        patch.setattr(batches_module, "VIEW_BYTES", block_rows * ROW_BYTES)
        patch.setattr(batches_module, "PIECE_BYTES", piece_rows * ROW_BYTES)
        yield


# From one row to many blocks, batches larger than the part, pieces larger than a block.
part_sizes = st.integers(1, 90)
batch_sizes = st.integers(1, 100)
block_sizes = st.integers(1, 60)
piece_sizes = st.integers(1, 20)
seeds = st.one_of(st.none(), st.integers(0, 2**31))


@given(part_sizes, batch_sizes, block_sizes, piece_sizes, seeds, st.integers(0, 1000))
def test_every_row_comes_once_an_epoch_in_full_minibatches(
    n_rows, batch_size, block_rows, piece_rows, seed, epoch
):
    with small(block_rows, piece_rows):
        seen = order(Shuffled(part(n_rows), batch_size=batch_size, seed=seed), epoch)
    assert sorted(itertools.chain(*seen)) == list(range(n_rows))
    # Only the last minibatch of an epoch is short: each row weighs the same in the others.
    assert [len(rows) for rows in seen[:-1]] == [batch_size] * (len(seen) - 1)
    assert 1 <= len(seen[-1]) <= batch_size


@given(block_sizes, piece_sizes, st.integers(0, 2**31), st.integers(0, 1000), st.integers(0, 9))
def test_the_order_is_a_function_of_seed_and_epoch(block_rows, piece_rows, seed, epoch, noise):
    with small(block_rows, piece_rows):
        first = order(Shuffled(part(40), batch_size=8, seed=seed), epoch)
        torch.manual_seed(noise)
        state = torch.get_rng_state()
        loader = Shuffled(part(40), batch_size=8, seed=seed)
        order(loader, epoch + 1)  # an epoch trained before leaves no trace
        assert order(loader, epoch) == first
        assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("block_rows", [16, 1000])
def test_seeds_and_epochs_give_different_orders(block_rows):
    with small(block_rows, 4):
        loaders = [Shuffled(part(40), batch_size=8, seed=seed) for seed in range(5)]
        orders = [str(order(loader, epoch)) for loader in loaders for epoch in range(5)]
    assert len(set(orders)) == 25


def test_rows_of_a_block_come_from_all_over_the_part_and_are_mixed():
    with small(200, 10):
        loader = Shuffled(part(2000), batch_size=50, seed=0)
        first = next(iter(loader))
    rows = torch.tensor(rows_of(first.rows))
    assert len(rows) == 200
    # Twenty pieces of two hundred: their spread is the part's, and no minibatch is a piece.
    assert rows.double().std() == pytest.approx(2000 / 12**0.5, rel=0.35)
    for batch in minibatches(first):
        assert len({row // 10 for row in batch}) > 5


def test_without_a_seed_the_order_is_the_tables_in_every_epoch():
    with small(16, 3):
        loader = Shuffled(part(20), batch_size=8, seed=None)
        expected = [list(range(8)), list(range(8, 16)), list(range(16, 20))]
        assert [order(loader, epoch) for epoch in range(3)] == [expected] * 3
    assert isinstance(loader.sampler, SequentialSampler)  # nothing for Lightning to shuffle


@pytest.mark.parametrize("n_rows", [1, 2, 5, 33, 4000])
def test_a_batch_of_all_rows_is_one_step_whatever_the_pieces(n_rows):
    with small(64, 7):
        (rows,) = order(Shuffled(part(n_rows), batch_size=n_rows, seed=0))
    assert sorted(rows) == list(range(n_rows))


def test_lightning_finds_set_epoch_on_the_sampler():
    loader = Shuffled(part(40), batch_size=8, seed=0)
    loader.sampler.set_epoch(3)
    seen = [rows for block in loader for rows in minibatches(block)]
    assert seen == order(Shuffled(part(40), batch_size=8, seed=0), 3)
    assert loader.batch_sampler is None


@pytest.mark.parametrize("world", [2, 3, 8])
@pytest.mark.parametrize("n_rows", [1, 5, 57, 61, 64])
@pytest.mark.parametrize("seed", [0, None])
def test_processes_share_the_minibatches_of_one_process(as_process, world, n_rows, seed):
    with small(32, 5):
        alone = order(Shuffled(part(n_rows), batch_size=16, seed=seed), 2)
        shares = []
        for rank in range(world):
            as_process(rank, world)
            loader = Shuffled(part(n_rows), batch_size=16, seed=seed)
            loader.set_epoch(2)
            sizes = [size for block in loader for size in block.sizes]
            assert sizes == [len(rows) for rows in alone]  # what the loss is divided by
            shares.append(order(loader, 2))
    for whole, *parts in zip(alone, *shares, strict=True):  # as many steps in every process
        assert sorted(itertools.chain(*parts)) == sorted(whole)
        lengths = [len(rows) for rows in parts]
        assert max(lengths) - min(lengths) <= 1


# In order


@given(st.integers(1, 90), st.integers(1, 40), st.integers(1, 5))
def test_ranges_cover_each_row_once_over_all_processes(n_rows, block_rows, world):
    seen: list[int] = []
    with small(block_rows, 5), pytest.MonkeyPatch.context() as patch:
        for rank in range(world):
            patch.setattr(batches_module, "_process", lambda rank=rank: (rank, world))
            loader = InOrder(part(n_rows))
            ranges = list(loader)
            assert len(ranges) == len(loader)  # as many steps in every process
            for each in ranges:
                rows = rows_of(each.block)
                assert rows == list(range(each.first_row, each.first_row + len(rows)))
                assert len(rows) <= block_rows
                seen += rows
    assert sorted(seen) == list(range(n_rows))


def test_one_process_sees_the_parts_order():
    with small(16, 5):
        ranges = list(InOrder(part(50)))
    assert [row for each in ranges for row in rows_of(each.block)] == list(range(50))
    assert [each.first_row for each in ranges] == [0, 16, 32, 48]


# A sample of the rows


@given(part_sizes, st.integers(1, 100), piece_sizes)
def test_a_sample_has_about_as_many_rows_as_asked_for(n_rows, wanted, piece_rows):
    with small(1000, piece_rows):
        rows = rows_of(spread_sample(part(n_rows), wanted))
    if wanted >= n_rows:
        assert rows == list(range(n_rows))
    else:
        assert wanted - piece_rows < len(rows) <= wanted
        assert len(rows) > 0
        assert rows == sorted(set(rows))  # no row twice
        assert 0 <= rows[0] <= rows[-1] < n_rows


def test_a_sample_comes_from_the_whole_part():
    with small(1000, 10):
        rows = rows_of(spread_sample(part(1000), 200))
    assert len(rows) == 200
    assert rows[0] == 0
    assert rows[-1] == 999
    gaps = torch.tensor(rows).diff()
    assert gaps.max() <= 1000 / 20 + 10
