"""How often the intervals of AUROC, lift and captured share hold the truth: 95 % is promised.

    python benchmarks/interval_coverage.py [--sets 400] [--seed 0]

A set is a sample of rows whose scores are normal in each class, so the true values are known. The
number of churners is drawn with the rows; with ``+`` the set is drawn again until there are 15 of
them. ``spread``: the churners' scores have twice the standard deviation; ``mixed``: a fifth of the
churners score like everybody else; ``tied``: eight different scores. ``below`` and ``above`` are
the shares of sets whose interval misses a truth that lies below and above it. With 400 sets the
shares are right to within 0.02, and where a share can take few values no interval covers exactly
95 %.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import norm

from churn_torch.evaluation.gains import auroc, captured, gains
from churn_torch.evaluation.split_metrics import SHARES, SplitMetrics

FEWEST = 15
NAMES = ("auroc", *(f"lift_at_{share}" for share in SHARES))


@dataclass(frozen=True)
class Case:
    """A population of customers and a number of rows."""

    n: int
    rate: float
    auroc: float
    kind: str = "plain"
    at_least: int = 1

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return scores and labels of n customers."""
        label = rng.random(n) < self.rate
        spread = np.where(label & (self.kind == "spread"), 2.0, 1.0)
        shift = norm.ppf(self.auroc) * np.sqrt(5.0 if self.kind == "spread" else 2.0)
        lost = (rng.random(n) < 0.2) & (self.kind == "mixed")
        score = rng.normal(size=n) * spread + np.where(label & ~lost, shift, 0.0)
        probability = 1 / (1 + np.exp(-score))
        if self.kind == "tied":
            probability = np.digitize(probability, np.linspace(0, 1, 9)) / 10
        return probability, label

    def truth(self) -> dict[str, float]:
        """Return the true values, from half a million customers."""
        probability, label = self.draw(np.random.default_rng(10**6), 500_000)
        values, group = np.unique(-probability, return_inverse=True)
        counts = [np.bincount(group[label == y], minlength=len(values)) for y in (0, 1)]
        curve = gains(counts[0][None], counts[1][None])
        lifts = {f"lift_at_{s}": captured(*curve, s).item() * 100 / s for s in SHARES}
        return {"auroc": auroc(*curve).item(), **lifts}

    def __str__(self) -> str:
        plus = "+" if self.at_least > 1 else ""
        return f"{self.n:,}|{self.n * self.rate:.0f}{plus}|{self.kind}"


CASES = (
    *(Case(n, rate, 0.839) for n, rate in ((1056, 0.265), (1056, 0.05), (300, 0.265))),
    *(Case(300, 0.05, 0.839), Case(100, 0.1, 0.839), Case(60, 0.1, 0.96), Case(60, 0.1, 0.5)),
    *(
        Case(n, rate, area, at_least=FEWEST)
        for area in (0.5, 0.7, 0.839, 0.92, 0.96)
        for n, rate in ((60, 0.3), (100, 0.2), (300, 0.06), (300, 0.15))
    ),
    *(
        Case(n, rate, 0.839, kind, FEWEST)
        for kind in ("spread", "mixed", "tied")
        for n, rate in ((60, 0.3), (300, 0.06), (300, 0.15))
    ),
    Case(30_000, 0.1, 0.839),
)


def misses(
    case: Case, truth: dict[str, float], sets: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Return the shares of sets whose truth lies below and above the interval."""
    rng = np.random.default_rng(seed)
    found = {name: np.zeros(2) for name in NAMES}
    for _ in range(sets):
        while True:
            probability, label = case.draw(rng, case.n)
            if case.at_least <= label.sum() < case.n:
                break
        measured = SplitMetrics()
        measured.update(torch.from_numpy(probability).float(), torch.from_numpy(label))
        intervals = measured.intervals()
        for name in NAMES:
            low, high = intervals[name]
            found[name] += (truth[name] < low - 1e-9, truth[name] > high + 1e-9)
    return {name: tuple(count / sets) for name, count in found.items()}


def main() -> None:
    """Print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table = Table("rows", "churners", "scores", "true AUROC")
    for name in ("AUROC", "below", "above", *(f"lift {share} %" for share in SHARES)):
        table.add_column(name, justify="right")
    for case in CASES:
        truth = case.truth()
        found = misses(case, truth, arguments.sets, arguments.seed)
        below, above = found["auroc"]
        covered = [f"{1 - sum(found[name]):.3f}" for name in NAMES]
        cells = [covered[0], f"{below:.3f}", f"{above:.3f}", *covered[1:]]
        table.add_row(*str(case).split("|"), f"{truth['auroc']:.3f}", *cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
