"""The torchmetrics: equal to the functions, and joined as processes join them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from churn_torch.decisions.offers import BetaRate, Offer, payoffs
from churn_torch.decisions.profit import profit_curve
from churn_torch.decisions.profit_metrics import ExpectedMaximumProfit, MaximumProfit
from churn_torch.errors import InputError

RATE = BetaRate(alpha=6, beta=14)
OFFER = Offer(contact_cost=1, incentive=10, keep_rate=RATE)


@pytest.fixture
def rows() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    p = torch.from_numpy(rng.beta(1, 4, 3000).astype(np.float32))
    return p, torch.from_numpy(rng.random(3000)) < p, torch.from_numpy(rng.exponential(200, 3000))


def expected(rows) -> tuple[float, float]:
    p, label, value = (one.numpy() for one in rows)
    curve = profit_curve(p, label, payoffs(OFFER, value))
    return curve.best(0.3).profit, curve.expected_best(RATE).profit


def joined(metrics: list[MaximumProfit]) -> MaximumProfit:
    """Join the states as torchmetrics does after it has gathered them: ``dist_reduce_fx``."""
    whole = type(metrics[0])(OFFER, exact_rows=metrics[0].exact_rows)
    whole._update_count = 1
    for name, reduce in whole._reductions.items():
        states = [getattr(metric, name) for metric in metrics]
        if name == "rows":  # torchmetrics joins the list of a process before it gathers them
            gathered = [one for state in states for one in state]
        else:
            gathered = torch.stack(states)
        setattr(whole, name, reduce(gathered))
    return whole


def test_batches_give_what_the_functions_give(rows):
    metrics = MaximumProfit(OFFER), ExpectedMaximumProfit(OFFER)
    for batch in zip(*(one.split(256) for one in rows), strict=True):
        for metric in metrics:
            metric.update(*batch)
    for metric, value in zip(metrics, expected(rows), strict=True):
        assert metric.compute().item() == pytest.approx(value, abs=1e-9)
    metrics[0].reset()
    with pytest.warns(UserWarning, match="before the"), pytest.raises(InputError, match="got none"):
        metrics[0].compute()


def test_one_value_for_all(rows):
    p, label, _ = rows
    metric = MaximumProfit(OFFER)
    curve = profit_curve(p.numpy(), label.numpy(), payoffs(OFFER, 200.0))
    assert metric(p, label, 200.0).item() == pytest.approx(curve.best(0.3).profit)


@pytest.mark.parametrize("exact_rows", [(10_000, 10_000), (500, 500), (500, 10_000)])
def test_processes_together_give_what_one_gives(rows, exact_rows):
    """All rows are kept, all are in bins, or one process has bins and the other has not."""
    for kind, value in zip((MaximumProfit, ExpectedMaximumProfit), expected(rows), strict=True):
        metrics = [kind(OFFER, exact_rows=n) for n in exact_rows]
        for number, batch in enumerate(zip(*(one.split(200) for one in rows), strict=True)):
            metrics[number % 2].update(*batch)
        in_bins = [bool(metric.bins.any()) for metric in metrics]
        assert in_bins == [n == 500 for n in exact_rows]
        whole = joined(metrics)
        tolerance = 0.1 if any(in_bins) else 1e-9
        assert whole.compute().item() == pytest.approx(value, abs=tolerance)
        assert whole.compute().item() > 0.5 * value


def test_rows_beyond_the_limit_are_no_longer_kept(rows):
    metric = MaximumProfit(OFFER, exact_rows=1000)
    for batch in zip(*(one.split(256) for one in rows), strict=True):
        metric.update(*batch)
    assert sum(map(len, metric.rows)) == 0
    assert metric.bins[0].sum() == 3000


def test_a_keep_rate_that_cannot_be_measured_is_refused():
    with pytest.raises(InputError, match=r"^keep_rate: expected one keep rate"):
        MaximumProfit(Offer(contact_cost=1, keep_rate="rate"))
    with pytest.raises(InputError, match=r"^keep_rate: expected a Beta distribution"):
        ExpectedMaximumProfit(Offer(contact_cost=1, keep_rate=0.3))
