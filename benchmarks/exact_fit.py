"""Exact logistic regression: newton and lbfgs against scikit-learn on the same float32 matrix.

    python benchmarks/exact_fit.py [ROWSxCOLUMNS[:plain|:correlated] ...]

For each matrix and solver: the shortest time, over several tolerances, to an objective within 1e-9
(relative) of the optimum, as a ratio to scikit-learn's lbfgs in the same run; the seconds of one
read of the matrix, and how many reads the fit took in that unit. Ours is the whole of Lightning's
`Trainer.fit`: the matrix as the training rows, a few rows for validation.

"plain" columns are independent; "correlated" ones have pairwise correlation 0.9 and scales from
0.001 to 1000, like a table that nobody standardised. There scikit-learn is stopped after 100
iterations, and its line says so if it has not reached the optimum. The optimum is found in float64
by Newton's method on the full matrix.
"""

from __future__ import annotations

import gc
import logging
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from sklearn.linear_model import LogisticRegression

from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions
from churn_torch.models.scorer import Scorer
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.training.logistic.exact_module import ExactModule, ExactSolver
from churn_torch.training.rows.datamodule import ChurnDataModule
from churn_torch.training.rows.store import Block, MemoryPart

Array = np.ndarray[Any, Any]
SIZES = ("100000x64", "1000000x64:plain", "1000000x256:plain")
L2 = 1e-5  # of the mean loss: scikit-learn's C is 1 / (L2 * rows)
REPEATS = 3
WITHIN = 1e-9
MOST_ITERATIONS = 100  # of scikit-learn, which else does not end on badly scaled columns


def make(n_rows: int, n_columns: int, kind: str, seed: int = 0) -> tuple[Array, Array]:
    """Return a float32 matrix and labels drawn from a logistic model of it."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_rows, n_columns), dtype=np.float32)
    weight = rng.normal(size=n_columns) / np.sqrt(n_columns)
    if kind == "correlated":
        x *= np.float32(np.sqrt(0.1))
        x += np.float32(np.sqrt(0.9)) * rng.standard_normal((n_rows, 1), dtype=np.float32)
        weight *= 3
    logit = x @ weight.astype(np.float32) - 1.5
    y = (rng.random(n_rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    if kind == "correlated":
        x *= np.logspace(-3, 3, n_columns, dtype=np.float32)
    return x, y


def objective(x: Array, y: Array, theta: Array) -> float:
    """Return the penalised mean loss in float64."""
    total = 0.0
    for start in range(0, len(x), 65_536):
        rows = slice(start, start + 65_536)
        margin = (1 - 2 * y[rows].astype(np.float64)) * (x[rows] @ theta[:-1] + theta[-1])
        total += np.logaddexp(0, margin).sum()
    return total / len(x) + L2 / 2 * float(theta[:-1] @ theta[:-1])


def optimum(x: Array, y: Array) -> Array:
    """Return the minimiser, by Newton's method in float64 on the full matrix."""
    theta = np.zeros(x.shape[1] + 1)
    penalty = np.diag([L2] * x.shape[1] + [0.0])
    for _ in range(50):
        gradient, hessian = penalty @ theta, penalty.copy()
        for start in range(0, len(x), 65_536):
            rows = slice(start, start + 65_536)
            ones = np.ones((len(y[rows]), 1))
            a = np.hstack([x[rows].astype(np.float64), ones])
            p = 1 / (1 + np.exp(-(a @ theta)))
            gradient += a.T @ (p - y[rows]) / len(x)
            hessian += (a * (p * (1 - p))[:, None]).T @ a / len(x)
        step = np.linalg.solve(hessian, gradient)
        theta -= step
        if gradient @ step < 1e-16:
            return theta
    raise RuntimeError("the reference has not converged")


def churn_torch_fit(
    x: Array, y: Array, method: str, tolerance: float, accelerator: str = "cpu"
) -> tuple[Array, int]:
    """Fit through Lightning; return the coefficients and the passes over all rows."""
    columns = [Column(f"x{i}", Kind.NUMERIC, Storage.NUMBER) for i in range(x.shape[1])]
    schema = Schema((*columns, Column("y", Kind.TARGET, Storage.NUMBER)), "y", "1", "0")
    preprocess = Preprocess(schema, PreprocessOptions())
    scorer = Scorer(preprocess, Linear(n_features=x.shape[1]), Calibrator())
    block = Block(
        torch.from_numpy(x), torch.empty(len(x), 0, dtype=torch.int32), torch.from_numpy(y)
    )
    module = ExactModule(
        scorer,
        optimizer=lambda p: ExactSolver(p, method=method, tolerance=tolerance, memory=10),
        l1=0.0,
        l2=[L2],
        folds=0,
        positive_weight=1.0,
        n_threads=torch.get_num_threads(),
    )
    data = ChurnDataModule(
        MemoryPart(block), MemoryPart(block.take(slice(0, 1000))), batch_size=None, seed=0
    )
    trainer = pl.Trainer(
        accelerator=accelerator,
        max_epochs=300,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, data)
    linear = scorer.net.linear
    theta = torch.cat([linear.weight.detach().flatten(), linear.bias.detach()]).cpu()
    return theta.double().numpy(), module.outcome["passes"]


def sklearn_fit(x: Array, y: Array, solver: str, tolerance: float) -> tuple[Array, int]:
    """Fit scikit-learn's logistic regression with the same objective."""
    model = LogisticRegression(
        C=1 / (L2 * len(x)), solver=solver, tol=tolerance, max_iter=MOST_ITERATIONS
    )
    model.fit(x, y)
    return np.r_[model.coef_[0].astype(np.float64), model.intercept_], int(model.n_iter_[0])


def shortest(
    fit: Callable[[float], tuple[Array, int]], reached: Callable[[Array], bool], tolerances: Any
) -> tuple[float, int, bool]:
    """Return seconds and iterations of the loosest tolerance that reaches the optimum.

    Where none does, those of the tightest one tried, and False.
    """
    seconds: list[float] = []
    n = 0
    for tolerance in tolerances:
        seconds = []
        for _ in range(REPEATS):
            gc.collect()
            start = time.perf_counter()
            theta, n = fit(tolerance)
            seconds.append(time.perf_counter() - start)
            if not reached(theta):
                if seconds[0] > 30 or n >= MOST_ITERATIONS:  # a tighter tolerance will not help
                    return seconds[0], n, False
                break
            if seconds[0] > 30:  # not for the last per cent
                break
        if reached(theta):
            return min(seconds), n, True
    return min(seconds), n, False


def main() -> None:
    """Run every size and print the table."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    print("matrix                    solver            seconds  ratio  reads  iterations  off")
    for size in sys.argv[1:] or SIZES:
        size, _, kinds = size.partition(":")
        n_rows, n_columns = map(int, size.split("x"))
        for kind in [kinds] if kinds else ["plain", "correlated"]:
            compare(size, kind, *make(n_rows, n_columns, kind))


def compare(size: str, kind: str, x: Array, y: Array) -> None:
    """Time every solver on one matrix."""
    best = optimum(x, y)
    value = objective(x, y, best)
    read = min(_timed(x.sum) for _ in range(5))

    def reached(theta: Array) -> bool:
        return objective(x, y, theta) - value <= WITHIN * value

    rows = []
    for name, fit, tolerances in (
        ("sklearn lbfgs", sklearn_fit, (1e-4, 1e-5, 1e-6, 1e-7)),
        ("sklearn newton-cholesky", sklearn_fit, (1e-4, 1e-6, 1e-8)),
        ("newton", churn_torch_fit, (1e-9, 1e-10)),
        ("lbfgs", churn_torch_fit, (1e-9, 1e-10, 1e-11)),
    ):
        solver = name.split()[-1]
        last: list[Array] = []

        def run(tolerance: float, solver: str = solver, fit: Any = fit, last: Any = last) -> Any:
            theta, n = fit(x, y, solver, tolerance)
            last[:] = [theta]
            return theta, n

        timing = shortest(run, reached, tolerances)
        rows.append((name, timing, float(np.abs(last[0] - best).max())))
    reference = rows[0][1][0]
    for name, (seconds, n, arrived), off in rows:
        print(
            f"{size + ' ' + kind:25} {name:24} {seconds:7.3f}  {seconds / reference:5.2f}  "
            f"{seconds / read:5.0f}  {n:5}  {off:.1e}{'' if arrived else '  does not reach it'}"
        )
    print(f"{'':25} one read of the matrix: {read:.4f} s", flush=True)


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
