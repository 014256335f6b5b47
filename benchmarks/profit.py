"""Profit measures: published values, speed against a sort, coverage of the intervals.

    python benchmarks/profit.py --rows 10000000 --repetitions 200

The speed is that of `ProfitSums` for the curve, MPC, EMPC and threshold, beside ``np.sort`` of the
same scores in float32, which any exact ranking needs; least CPU seconds of the rounds. Coverage:
how often intervals of 95 % hold the value of a made population: a logit-normal score
that is calibrated, values that are log-normal. Profit is measured there for the top 20 %.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from typing import Any, NamedTuple

import numpy as np

from churn_torch.decisions.offers import BetaRate, Offer, payoffs
from churn_torch.decisions.profit import ProfitCurve, profit_curve
from churn_torch.decisions.profit_groups import exact_groups, outcomes
from churn_torch.decisions.profit_intervals import profit_intervals
from churn_torch.decisions.profit_sums import ProfitSums

RATE = BetaRate(alpha=6, beta=14)
DEFAULT = Offer(contact_cost=1, incentive=10, keep_rate=RATE)


class Case(NamedTuple):
    """A population: mean and spread of the logit, mean and log-spread of the value, the offer."""

    mean: float
    spread: float
    value: float
    value_spread: float
    offer: Offer

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
        """Return probabilities, labels and values of n customers."""
        logit = self.mean + self.spread * rng.standard_normal(n)
        p = (1 / (1 + np.exp(-logit))).astype(np.float32)
        noise = self.value_spread * rng.standard_normal(n) - self.value_spread**2 / 2
        return p, rng.random(n) < p, self.value * np.exp(noise)


CASES = {
    "one value, 28 % churn": Case(-1.3, 1.5, 200, 0.0, DEFAULT),
    "values, dear call": Case(-1.3, 1.5, 200, 0.8, Offer(contact_cost=10, keep_rate=RATE)),
    "values, 7 % churn": Case(
        -3.0, 1.0, 200, 0.8, Offer(contact_cost=5, incentive=5, keep_rate=RATE)
    ),
    "nobody is worth it": Case(
        -4.0, 0.8, 200, 0.5, Offer(contact_cost=10, incentive=10, keep_rate=RATE)
    ),
}


def reference_values() -> None:
    """Print MPC and EMPC beside the published values."""
    i = np.arange(1000)
    s = (i + 0.5) / 1000
    eight = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])
    for label, score, mpc, empc in (
        (np.tile([0, 1], 4), eight, 23.875, 23.8755934),
        ((7919 * i % 1000) / 1000 < s**3, s, 10.037, 10.1316678),
        (i >= 900, s, 5.6, 5.6),
        (i % 10 == 0, s, 0.0, 0.0143710),
    ):
        curve = profit_curve(score, label, payoffs(DEFAULT, 200.0))
        ours = curve.best(RATE.mean).profit, curve.expected_best(RATE).profit
        print(f"MPC {ours[0]:.7f} (known {mpc}), EMPC {ours[1]:.7f} (known {empc})")


def measured(p: Any, label: Any, amount: Any) -> ProfitSums:
    """Add all rows, a million at a time, and compute every measure."""
    sums = ProfitSums()
    for first in range(0, len(p), 1_000_000):
        part = slice(first, first + 1_000_000)
        worth = amount[part] if isinstance(amount, np.ndarray) else amount
        sums.update(p[part], label[part], payoffs(DEFAULT, worth))
    curve = ProfitCurve.of(sums.groups())
    curve.best(RATE.mean), curve.expected_best(RATE), sums.choose_threshold(RATE.mean)
    return sums


def speed(rows: int, rounds: int) -> None:
    """Print the time of all measures in times of a sort, and the memory beyond the rows."""
    p, label, value = CASES["values, dear call"].draw(rows, np.random.default_rng(0))
    sort, each, one = [], [], []
    for _ in range(rounds):
        for times, amount in ((each, value), (one, 200.0)):
            wall, start = time.perf_counter(), time.process_time()
            sums = measured(p, label, amount)
            times.append((time.process_time() - start, time.perf_counter() - wall))
    for _ in range(rounds):
        wall, start = time.perf_counter(), time.process_time()
        np.sort(p)
        sort.append((time.process_time() - start, time.perf_counter() - wall))
    print(f"{rows:,} rows: np.sort {min(sort)[0]:.2f} CPU s")
    for name, times in (("individual values", each), ("one value", one)):
        cpu, wall = min(times)
        print(f"  {name}: {cpu / min(sort)[0]:.2f} times the sort; {cpu:.2f} CPU s, {wall:.2f} s")
    tracemalloc.start()
    measured(p, label, value)
    print(f"  memory beyond the rows: {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB")
    tracemalloc.stop()
    wall = time.perf_counter()
    profit_intervals(sums.groups(), RATE, threshold=0.2)
    print(f"  intervals: {time.perf_counter() - wall:.2f} s, whatever the number of rows")


def coverage(repetitions: int) -> None:
    """Print how often the intervals hold the truth."""
    for n in (500, 3000, 20_000):
        for name, case in CASES.items():
            rng = np.random.default_rng(n)
            p, _, value = case.draw(1_000_000, rng)
            whole = profit_curve(p, p, payoffs(case.offer, value))
            cut = float(np.quantile(p, 0.8))
            best, at = whole.best(RATE.mean), whole.at(cut, RATE.mean)
            truth = {
                "mpc": best.profit,
                "empc": whole.expected_best(RATE).profit,
                "best_share": best.share,
                "profit": at.profit,
                "share": at.share,
            }
            held = dict.fromkeys(truth, 0)
            for seed in range(repetitions):
                p, label, value = case.draw(n, rng)
                groups = exact_groups(p, outcomes(label, payoffs(case.offer, value)))
                found = profit_intervals(groups, RATE, threshold=cut, seed=seed)
                for key, known in truth.items():
                    held[key] += found[key][0] <= known <= found[key][1]
            shown = ", ".join(f"{key} {times / repetitions:.3f}" for key, times in held.items())
            print(f"{n} customers, {name}: {shown}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=200)
    chosen = parser.parse_args()
    reference_values()
    speed(chosen.rows, chosen.rounds)
    coverage(chosen.repetitions)
