from __future__ import annotations

import logging
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from churn_torch.training import process_state
from churn_torch.training.process_state import alone, one_thread


def state() -> list[object]:
    """All that a fit sets in its process."""
    return [
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        torch.get_rng_state().tolist(),
        os.environ.get("PL_GLOBAL_SEED"),
        logging.getLogger("pytorch_lightning").level,
        torch.are_deterministic_algorithms_enabled(),
    ]


def use() -> None:
    with alone():
        pl.seed_everything(7, workers=True, verbose=False)
        logging.getLogger("pytorch_lightning").setLevel(logging.CRITICAL)
        torch.use_deterministic_algorithms(True)
        torch.rand(3)
        raise KeyError


@pytest.mark.parametrize("seed", [None, "3"])
def test_everything_is_put_back_also_after_an_error(monkeypatch, seed):
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    if seed is not None:
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
    before = state()
    with pytest.raises(KeyError):
        use()
    assert state() == before


def test_threads_take_turns_and_one_may_enter_twice():
    inside, most = [], []
    barrier = threading.Barrier(4)

    def work(number: int) -> float:
        barrier.wait()
        with alone(), alone():
            inside.append(number)
            most.append(len(inside))
            torch.manual_seed(number)
            drawn = [float(torch.rand(1)) for _ in range(50)]
            inside.remove(number)
        return sum(drawn)

    expected = [float(torch.rand(50, generator=torch.Generator().manual_seed(i)).double().sum())
                for i in range(4)]  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == pytest.approx(expected)
    assert most == [1] * 4


def test_threads_are_set_back():
    before = torch.get_num_threads()
    with one_thread() as n_threads:
        assert (n_threads, torch.get_num_threads()) == (before, 1)
        with one_thread() as n_threads:
            assert n_threads == before
    assert torch.get_num_threads() == before


def test_threads_that_overlap_know_the_number_from_before_the_first():
    """The second would else take the first one's single thread for the number to go back to."""
    torch.set_num_threads(before := torch.get_num_threads())
    first, second = threading.Event(), threading.Event()
    known = []

    def inner() -> None:
        first.wait()
        with one_thread() as n_threads:
            known.append(n_threads)
            second.set()
        known.append(torch.get_num_threads())

    thread = threading.Thread(target=inner)
    thread.start()
    with one_thread():
        first.set()
        second.wait()
    thread.join()
    assert known == [before, before]
    assert torch.get_num_threads() == before


def test_a_new_process_finds_the_locks_free():
    with alone(), one_thread():
        taken = process_state._turn
        try:
            process_state._after_fork()
            assert process_state._turn is not taken
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(process_state._turn.acquire, timeout=1).result()
        finally:
            process_state._turn, process_state._inside = taken, 1
