"""The same fits on a GPU and on the CPU beside it.

    python benchmarks/gpu.py [ROWS]

Needs a GPU. For logistic regression and an MLP: seconds of an epoch of minibatches with churn_torch
on the GPU (as it is, and through torch.compile), with a bare torch loop whose rows already lie on
the GPU, and with churn_torch on the CPU; for the exact solvers: seconds to an objective within 1e-9
(relative) of the optimum on both. An epoch's time is the difference between fits of different
length, so set-up does not count; the exact fits are timed whole, the copy to the GPU included.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial

import torch
from epoch import bare_loop, epoch_seconds, ours
from exact_fit import Array, churn_torch_fit, make, objective, optimum, sklearn_fit

from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.mlp import MLP

BATCH_SIZES = (8_192, 65_536)


def on_gpu(fit: Callable[[int], None], epochs: int) -> None:
    """Fit and wait until the GPU is done."""
    fit(epochs)
    torch.cuda.synchronize()


def epochs_of(x: Array, y: Array, batch_size: int) -> None:
    """Print the rates of one epoch of every side."""
    for name, make_net in (
        ("logreg", Linear),
        ("mlp 2 x 128", partial(MLP, width=128, depth=2)),
    ):
        rates: dict[str, float] = {}
        on_card = partial(ours, x, y, batch_size, accelerator="gpu", make_net=make_net)
        bare = partial(bare_loop, x, y, batch_size, device="cuda", make_net=make_net)
        for side, fit in (
            ("bare torch loop, GPU", partial(on_gpu, bare)),
            ("churn_torch, GPU", partial(on_gpu, on_card)),
            ("churn_torch, GPU, compiled", partial(on_gpu, partial(on_card, compiled=True))),
            ("churn_torch, CPU", partial(ours, x, y, batch_size, make_net=make_net)),
        ):
            seconds = epoch_seconds(fit)
            rates[side] = len(x) / seconds
            of_bare = rates[side] / rates["bare torch loop, GPU"]
            print(
                f"{name:12} {batch_size:7,}  {side:28} {seconds:8.4f}  {rates[side] / 1e6:8.2f}  "
                f"{of_bare:6.2f}",
                flush=True,
            )


def exact(x: Array, y: Array) -> None:
    """Print the seconds of the exact solvers on both."""
    best = optimum(x, y)
    value = objective(x, y, best)
    for side, fit in (
        ("newton, GPU", lambda: churn_torch_fit(x, y, "newton", 1e-9, "gpu")),
        ("lbfgs, GPU", lambda: churn_torch_fit(x, y, "lbfgs", 1e-9, "gpu")),
        ("newton, CPU", lambda: churn_torch_fit(x, y, "newton", 1e-9)),
        ("lbfgs, CPU", lambda: churn_torch_fit(x, y, "lbfgs", 1e-9)),
        ("scikit-learn lbfgs, CPU", lambda: sklearn_fit(x, y, "lbfgs", 1e-6)),
    ):
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            theta, n = fit()
            seconds.append(time.perf_counter() - start)
        gap = (objective(x, y, theta) - value) / value
        print(f"exact, {side:24} {min(seconds):8.3f} s, {n:3} passes, {gap:.1e} above", flush=True)


def main() -> None:
    """Run every side and print the tables."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000_000
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {n_rows:,} x 64")
    x, y = make(n_rows, 64, "plain")
    exact(x, y)
    print("net           batch   side                          seconds  M rows/s  of bare loop")
    for batch_size in BATCH_SIZES:
        epochs_of(x, y, batch_size)


if __name__ == "__main__":
    main()
