"""Wilson's and Koopman's intervals against their equations, and against known truths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from churn_torch.evaluation import share_intervals
from churn_torch.evaluation.share_intervals import captured_interval, wilson
from tests.evaluation.made_splits import imbalanced, split_metrics


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (3, 10), (265, 1000), (1, 1)])
def test_wilson_solves_the_score_equation(k: int, n: int) -> None:
    """At its ends the observed share is 1.96 standard errors, taken at the end, away."""
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    z = norm.ppf(0.975)
    for end in (low, high):
        if 0 < end < 1:
            assert abs(k / n - end) == pytest.approx(z * np.sqrt(end * (1 - end) / n))
    assert wilson(k, n, confidence=0.5)[1] <= high


def score_statistic(ratio: float, x: float, rows: int, y: float, others: int) -> float:
    """Pearson's statistic at the most likely rates with this ratio, which are searched for."""

    def minus_log_likelihood(rate: float) -> float:
        p, q = rate, rate / ratio
        return -(
            x * np.log(p) + (rows - x) * np.log1p(-p) + y * np.log(q) + (others - y) * np.log1p(-q)
        )

    most = min(1, ratio) * (1 - 1e-12)
    rate = minimize_scalar(minus_log_likelihood, bounds=(1e-12, most), method="bounded",
                           options={"xatol": 1e-12}).x  # fmt: skip
    p, q = rate, rate / ratio
    return float(
        (x - rows * p) ** 2 / (rows * p * (1 - p)) + (y - others * q) ** 2 / (others * q * (1 - q))
    )


@pytest.mark.parametrize(
    ("x", "rows", "churners", "n"),
    [(4, 15, 30, 300), (12.5, 30, 30, 300), (1, 60, 40, 300), (20, 1000, 150, 10_000)],
)
def test_captured_share_solves_koopmans_equation(
    monkeypatch: pytest.MonkeyPatch, x: float, rows: int, churners: int, n: int
) -> None:
    monkeypatch.setattr(share_intervals, "_widening", lambda *_: 1.0)
    low, high = captured_interval(x, rows, churners, n, rate_at_edge=0.1)
    assert 0 < low < x / churners < high < 1
    for share in (low, high):
        ratio = share * (n - rows) / (rows * (1 - share))
        statistic = score_statistic(ratio, x, rows, churners - x, n - rows)
        assert statistic == pytest.approx(norm.ppf(0.975) ** 2, rel=1e-3)


@given(
    n=st.integers(2, 400), part=st.floats(0, 1), churners=st.floats(0, 1), taken=st.floats(0, 1),
    edge=st.floats(0, 1),
)  # fmt: skip
def test_any_counts_give_an_interval_around_the_share(
    n: int, part: float, churners: float, taken: float, edge: float
) -> None:
    rows = 1 + int(part * (n - 2))
    n_churners = 1 + int(churners * (n - 2))
    least, most = max(0, n_churners - (n - rows)), min(rows, n_churners)
    x = least + taken * (most - least)
    low, high = captured_interval(x, rows, n_churners, n, rate_at_edge=edge)
    assert 0 <= low <= x / n_churners + 1e-12
    assert x / n_churners - 1e-12 <= high <= 1
    wide = captured_interval(x, rows, n_churners, n, rate_at_edge=edge, confidence=0.999)
    assert wide[0] <= low + 1e-12
    assert high - 1e-12 <= wide[1]


def test_lift_is_the_captured_share_in_times_of_the_rows() -> None:
    intervals = split_metrics(*imbalanced(1000)).intervals()
    for share in (5, 10, 20):
        captured = np.array(intervals[f"captured_at_{share}"])
        assert np.array(intervals[f"lift_at_{share}"]) == pytest.approx(captured * 100 / share)


@pytest.mark.parametrize(
    ("n_rows", "rate", "distance"), [(60, 0.1, 0.0), (300, 0.15, 1.4), (300, 0.15, 2.5)]
)
def test_lift_holds_the_truth_as_often_as_it_says(
    n_rows: int, rate: float, distance: float
) -> None:
    """400 seeded sets; benchmarks/interval_coverage.py has more cases."""
    rng = np.random.default_rng(0)
    edges = np.linspace(-8, 12, 200_001)
    above = rate * norm.sf(edges - distance) + (1 - rate) * norm.sf(edges)
    held = {5: 0, 10: 0, 20: 0}
    for _ in range(400):
        label = rng.random(n_rows) < rate
        order = np.argsort(-(rng.normal(size=n_rows) + distance * label))
        sums = np.r_[0, np.cumsum(label[order])]
        for share in held if 0 < sums[-1] < n_rows else ():
            k = -(-n_rows * share // 100)
            edge = np.searchsorted(-above, -share / 100)
            truth = norm.sf(edges[edge] - distance)
            first, last = (int(np.interp(k * x, range(n_rows + 1), sums)) for x in (0.5, 1.5))
            low, high = captured_interval(
                sums[k], k, sums[-1], n_rows, rate_at_edge=(last - first) / k
            )
            held[share] += low <= truth <= high
    assert all(0.91 <= count / 400 <= 0.99 for count in held.values()), held
