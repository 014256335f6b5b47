from __future__ import annotations

import threading

import pytest
import torch

from churn_torch.training.logistic import threads
from churn_torch.training.logistic.threads import RowThreads
from churn_torch.training.rows.batches import RowRange
from churn_torch.training.rows.store import Block


def rows(n_rows: int, first_row: int) -> RowRange:
    row = torch.arange(first_row, first_row + n_rows)
    return RowRange(Block(row.unsqueeze(1).float(), row.unsqueeze(1).int(), row.float()), first_row)


def seen(share: RowRange) -> tuple[int, list[float], str]:
    return share.first_row, share.block.label.tolist(), threading.current_thread().name


@pytest.mark.parametrize("n_threads", [1, 3, 8])
def test_every_row_is_in_one_share_that_knows_its_position(monkeypatch, n_threads):
    monkeypatch.setattr(threads, "THREAD_CELLS", 0)
    pool = RowThreads(n_threads)
    shares = pool.map(rows(5, first_row=100), 4, seen)
    pool.close()
    assert len(shares) == n_threads
    assert [label for _, labels, _ in shares for label in labels] == [100, 101, 102, 103, 104]
    assert all(not labels or labels[0] == first for first, labels, _ in shares)
    assert threading.current_thread().name not in {name for *_, name in shares}


def test_torch_has_one_thread_in_each(monkeypatch):
    monkeypatch.setattr(threads, "THREAD_CELLS", 0)
    pool = RowThreads(2)
    assert pool.map(rows(4, 0), 1, lambda share: torch.get_num_threads()) == [1, 1]
    pool.close()


@pytest.mark.parametrize(("n_threads", "least"), [(0, 0), (2, 21)])
def test_a_gpu_and_few_numbers_stay_in_the_callers_thread(monkeypatch, n_threads, least):
    monkeypatch.setattr(threads, "THREAD_CELLS", least)
    pool = RowThreads(n_threads)
    ((first, labels, name),) = pool.map(rows(5, first_row=7), 4, seen)  # 20 numbers
    pool.close()
    assert (first, len(labels), name) == (7, 5, threading.current_thread().name)
