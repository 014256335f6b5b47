from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import SequentialSampler

from churn_torch.models.preprocess import Columns
from churn_torch.training.batches import Batch, Batches, Features, preprocess_once


def make(n_rows: int, *, batch_size: int | None = 8, seed: int | None = 0) -> Batches:
    """Batches whose every tensor tells the row it came from."""
    row = torch.arange(n_rows)
    columns = Columns(row.float().unsqueeze(1), row.double().unsqueeze(1) * 2, row.unsqueeze(1) * 3)
    return Batches(columns, row.float() * 5, batch_size=batch_size, seed=seed)


def rows_of(batch: Batch) -> list[int]:
    """The rows of a batch; every tensor must tell the same."""
    rows = batch.columns.numeric[:, 0].long()
    assert torch.equal(batch.columns.wide[:, 0], rows.double() * 2)
    assert torch.equal(batch.columns.codes[:, 0], rows * 3)
    assert torch.equal(batch.label, rows.float() * 5)
    return rows.tolist()


def order(batches: Batches, epoch: int = 0) -> list[list[int]]:
    batches.set_epoch(epoch)
    return [rows_of(batch) for batch in batches]


sizes = st.one_of(st.none(), st.integers(1, 70))
seeds = st.one_of(st.none(), st.integers(0, 2**31))


@given(n_rows=st.integers(1, 60), batch_size=sizes, seed=seeds, epoch=st.integers(0, 1000))
def test_every_row_comes_once_an_epoch_with_its_label(n_rows, batch_size, seed, epoch):
    batches = make(n_rows, batch_size=batch_size, seed=seed)
    seen = order(batches, epoch)
    assert sorted(itertools.chain(*seen)) == list(range(n_rows))
    assert len(seen) == len(batches)
    full = batch_size or n_rows
    assert [len(rows) for rows in seen[:-1]] == [full] * (len(seen) - 1)
    assert 1 <= len(seen[-1]) <= full


@given(seed=st.integers(0, 2**31), epoch=st.integers(0, 1000), noise=st.integers(0, 9))
def test_the_order_is_a_function_of_seed_and_epoch(seed, epoch, noise):
    first = order(make(40, seed=seed), epoch)
    torch.manual_seed(noise)
    state = torch.get_rng_state()
    batches = make(40, seed=seed)
    order(batches, epoch + 1)  # an epoch trained before leaves no trace
    assert order(batches, epoch) == first
    assert torch.equal(torch.get_rng_state(), state)


def test_seeds_and_epochs_give_different_orders():
    orders = [str(order(make(40, seed=seed), epoch)) for seed in range(5) for epoch in range(5)]
    assert len(set(orders)) == 25


def test_without_a_seed_the_order_is_the_tables_in_every_epoch():
    batches = make(20, seed=None)
    expected = [list(range(8)), list(range(8, 16)), list(range(16, 20))]
    assert [order(batches, epoch) for epoch in range(3)] == [expected] * 3


def test_without_a_seed_lightning_finds_nothing_to_shuffle():
    assert isinstance(make(20, seed=None).sampler, SequentialSampler)


def test_full_batch_is_one_batch_of_all_rows():
    batches = make(33, batch_size=None)
    (rows,) = order(batches)
    assert len(batches) == 1
    assert sorted(rows) == list(range(33))


def test_lightning_finds_set_epoch_on_the_sampler():
    batches = make(40)
    batches.sampler.set_epoch(3)
    assert [rows_of(batch) for batch in batches] == order(make(40), 3)
    assert batches.batch_sampler is None


@pytest.fixture
def as_process(monkeypatch):
    """Pretend to be one of several processes."""

    def become(rank: int, world: int) -> None:
        monkeypatch.setattr(torch.distributed, "is_available", lambda: True)
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: world)

    return become


@pytest.mark.parametrize("world", [2, 3, 8])
@pytest.mark.parametrize("n_rows", [64, 61, 57])
@pytest.mark.parametrize("seed", [0, None])
def test_processes_share_the_batches_of_one_process(as_process, world, n_rows, seed):
    alone = order(make(n_rows, batch_size=16, seed=seed), 2)
    shares = []
    for rank in range(world):
        as_process(rank, world)
        batches = make(n_rows, batch_size=16, seed=seed)
        shares.append(order(batches, 2))
        assert len(shares[-1]) == len(batches) == len(alone)  # or the others would wait for ever
    for whole, *parts in zip(alone, *shares, strict=True):
        assert sorted(itertools.chain(*parts)) == sorted(whole)
        lengths = [len(part) for part in parts]
        assert max(lengths) - min(lengths) <= 1


def test_a_last_batch_too_small_to_share_goes_to_every_process(as_process):
    """A process without rows would take one step fewer, and the others would wait for ever."""
    last = []
    for rank in range(4):
        as_process(rank, 4)
        *_, rows = order(make(34, batch_size=16))
        last.append(rows)
    assert len(last[0]) == 2
    assert last == [last[0]] * 4


# Features made once


def test_features_are_those_of_the_preprocessing(prepare, monkeypatch):
    """Chunk by chunk or whole, and the batches are the same rows as without."""
    prepared = prepare()
    columns, preprocess = prepared.train.columns, prepared.scorer.preprocess
    with torch.no_grad():
        expected = preprocess(*columns)
    monkeypatch.setattr("churn_torch.training.batches.CHUNK_ROWS", 100)
    features = preprocess_once(columns, preprocess)
    assert isinstance(features, Features)
    assert not features.x.requires_grad
    torch.testing.assert_close(features.x, expected, rtol=0, atol=0)

    made, raw = (
        Batches(source, prepared.train.label, batch_size=32, seed=0)
        for source in (features, columns)
    )
    for one, other in zip(made, raw, strict=True):
        assert torch.equal(one.label, other.label)
        with torch.no_grad():
            torch.testing.assert_close(one.columns.x, preprocess(*other.columns), rtol=0, atol=0)


def test_features_that_do_not_fit_are_made_batch_by_batch(prepare, monkeypatch):
    prepared = prepare()
    size = prepared.train.label.numel() * prepared.scorer.preprocess.n_features * 4
    monkeypatch.setattr("churn_torch.training.batches.FEATURE_BYTES", size - 1)
    columns = prepared.train.columns
    assert preprocess_once(columns, prepared.scorer.preprocess) is columns
    monkeypatch.setattr("churn_torch.training.batches.FEATURE_BYTES", size)
    assert isinstance(preprocess_once(columns, prepared.scorer.preprocess), Features)
