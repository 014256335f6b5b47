"""What a fit sets in its process, and puts back: random state, threads, log levels."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import threading
from collections.abc import Iterator

import numpy as np
import torch

# Where Lightning keeps its seed, and what it sets for deterministic GPUs.
_VARIABLES = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS", "CUBLAS_WORKSPACE_CONFIG")
_LOGGERS = ("pytorch_lightning", "lightning_fabric")

_turn = threading.RLock()
_counting = threading.Lock()
_inside = 0
_n_threads = 1


def _after_fork() -> None:
    """Free the locks in a new process: the threads that may hold them are not in it."""
    global _turn, _counting, _inside
    _turn, _counting, _inside = threading.RLock(), threading.Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait for the fits of other threads, then let a fit use the process, and tidy up after it.

    First weights and dropout come from torch's random state, which a process has once, and the
    exporter of torch works in one thread. So fits and exports of one process take turns. The random
    state of torch, NumPy and Python, the log levels and the environment are put back at the end.
    """
    with _turn:
        states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        cuda = torch.cuda.get_rng_state_all() if on_gpu else []
        variables = {name: os.environ.get(name) for name in _VARIABLES}
        levels = {name: logging.getLogger(name).level for name in _LOGGERS}
        deterministic = torch.are_deterministic_algorithms_enabled()
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
            torch.set_rng_state(states[2])
            if on_gpu:
                torch.cuda.set_rng_state_all(cuda)
            else:  # a GPU that the caller has not used yet follows the caller's seed
                torch.cuda.manual_seed_all(torch.initial_seed())
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            for name, value in variables.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@contextlib.contextmanager
def one_thread() -> Iterator[int]:
    """Keep torch to one thread, and yield the number that it had.

    Torch's threads wait for each other after every operation. They gain little on rows that are
    read chunk by chunk through a cache, and slow down many times where another process is using a
    core. Passes of the exact solvers open their own threads, and large steps set torch's.

    Threads of the caller may be inside at the same time: the number is that from before the first.
    """
    global _inside, _n_threads
    with _counting:
        if not _inside:
            _n_threads = torch.get_num_threads()
        _inside += 1
        n_threads = _n_threads
    torch.set_num_threads(1)  # of this thread, and of threads that have not computed yet
    try:
        yield n_threads
    finally:
        with _counting:
            _inside -= 1
        torch.set_num_threads(n_threads)
