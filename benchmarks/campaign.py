"""What call lists earn on made customers whose true effects are known, and how it is measured.

    python benchmarks/campaign.py [--customers 20000] [--seeds 20] [--repetitions 200]

Every customer has a churn rate without a call, one with it, and a value. In the regime ``grows`` a
call keeps 30 % of all leavers, so its effect grows with the risk; in ``independent`` the effect
depends on a column that has nothing to do with the risk; in ``lost`` the riskiest cannot be kept;
in ``dogs`` as in ``lost``, and some customers leave because they are called (sleeping dogs).

The first table has the true net value of four lists as a share of the best possible list's, at
budgets for 5, 10 and 20 % of the customers: the highest probabilities, the highest expected net
value (``decisions.offers``, at the mean keep rate that a past campaign found), an uplift model that
was fitted on a past campaign with random calls, and customers drawn at random. The lists by
net value and by uplift may leave budget unspent. Probabilities are those of a logistic regression
on the customers of that campaign who were not called.

The second table says how often the intervals of 95 % of a campaign's results hold the truth: the
list is fixed, the control group and who leaves are drawn anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import expit
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from churn_torch.decisions.group_difference import count
from churn_torch.decisions.keep_rate import updated_keep_rate
from churn_torch.decisions.offers import BetaRate, Offer, payoffs
from churn_torch.decisions.results import Outcomes, by_offer_and_decile

REGIMES = ("grows", "independent", "lost", "dogs")
BUDGETS = (0.05, 0.1, 0.2)
PAST = 40_000  # customers of the past campaign, half of them called
CALL = Offer(contact_cost=10.0, keep_rate=0.3)
HEADINGS = {
    "difference_adjusted": "adjusted",
    "net_value": "net value",
    "net_value_adjusted": "adjusted",
}
Array = np.ndarray


@dataclass(frozen=True)
class Customers:
    """Made customers: columns [N, 4], churn rate without and with a call [N], value [N]."""

    columns: Array
    rate: Array
    rate_called: Array
    value: Array

    @property
    def net(self) -> Array:
        """The true expected net value of a call, [N]."""
        return (self.rate - self.rate_called) * self.value - CALL.contact_cost


def made(regime: str, n: int, rng: np.random.Generator) -> Customers:
    """Draw customers: a quarter leave, values are log-normal with a mean of 300."""
    columns = rng.normal(size=(n, 4))
    risk = columns[:, 0] + 0.8 * columns[:, 1] - 0.5 * columns[:, 2]
    rate = expit(risk - 1.5)
    value = 300 * np.exp(rng.normal(size=n) * 0.6 - 0.18)
    if regime == "grows":
        effect = 0.3 * rate
    elif regime == "independent":
        effect = 0.12 * expit(2 * columns[:, 3])
    else:
        effect = rate * 0.7 * expit(-3 * (risk - 1))
    if regime == "dogs":
        effect = np.where(columns[:, 3] > 0.8, -0.1, effect)
    return Customers(columns, rate, np.clip(rate - effect, 0.001, 0.999), value)


@dataclass(frozen=True)
class PastCampaign:
    """What a past campaign with random calls left: columns [M, 4], called [M], churned [M]."""

    columns: Array
    called: Array
    churned: Array


def past_campaign(regime: str, rng: np.random.Generator) -> PastCampaign:
    """Draw the customers of a past campaign, and who of them left."""
    customers = made(regime, PAST, rng)
    called = rng.random(PAST) < 0.5
    rate = np.where(called, customers.rate_called, customers.rate)
    return PastCampaign(customers.columns, called, rng.random(PAST) < rate)


def two_models(past: PastCampaign) -> Callable[[Array], Array]:
    """Return the uplift of two logistic regressions on splines: of the called and of the others."""
    probability = churn_model(past)

    def features(columns: Array) -> Array:
        p = probability(columns)
        return np.column_stack([columns, np.log(p / (1 - p))])

    def fit(rows: Array) -> Callable[[Array], Array]:
        model = make_pipeline(SplineTransformer(5), LogisticRegression(max_iter=1000))
        model.fit(features(past.columns[rows]), past.churned[rows])
        return lambda columns: model.predict_proba(features(columns))[:, 1]

    treated, control = fit(past.called), fit(~past.called)
    return lambda columns: control(columns) - treated(columns)


# A function of a past campaign that returns a function of columns, as `model=uplift` can be.
UPLIFT_MODELS: dict[str, Callable[[PastCampaign], Callable[[Array], Array]]] = {
    "two_models": two_models
}


def churn_model(past: PastCampaign) -> Callable[[Array], Array]:
    """Return the probability of churn without a call."""
    rows = ~past.called
    model = LogisticRegression().fit(past.columns[rows], past.churned[rows])
    return lambda columns: model.predict_proba(columns)[:, 1]


def mean_keep_rate(past: PastCampaign) -> float:
    """Return the share of leavers whom the past campaign kept."""
    found = updated_keep_rate(count(past.churned.astype(float), past.called))
    return found.mean if found else 0.0


def earned(regime: str, n: int, seed: int, uplift_model: str) -> dict[str, Array]:
    """Return the true net value of each list, and of the best one, at each budget."""
    rng = np.random.default_rng([seed, REGIMES.index(regime)])
    past = past_campaign(regime, rng)
    customers = made(regime, n, rng)
    p = churn_model(past)(customers.columns)
    paid = payoffs(CALL, customers.value)
    profit = paid.net(p, mean_keep_rate(past))
    uplift = UPLIFT_MODELS[uplift_model](past)(customers.columns)
    by_uplift = uplift * customers.value - CALL.contact_cost
    scores = {
        "oracle": (customers.net, customers.net > 0),
        "probability": (p, p >= 0),
        "profit": (profit, profit > 0),
        "uplift": (by_uplift, by_uplift > 0),
        "random": (rng.random(n), p >= 0),
    }
    found = {}
    for name, (score, worth) in scores.items():
        order = np.argsort(-score)
        order = order[worth[order]]
        found[name] = np.array([customers.net[order[: int(b * n)]].sum() for b in BUDGETS])
    return found


def coverage(regime: str, n: int, share: float, repetitions: int, seed: int) -> dict[str, float]:
    """Return how often the intervals of a campaign's results hold the truth."""
    rng = np.random.default_rng([seed, REGIMES.index(regime), n])
    customers = made(regime, n * 5, rng)
    assumed = payoffs(CALL, customers.value).net(customers.rate, CALL.mean_keep_rate)
    listed = np.argsort(-assumed)[:n]
    rate, called = customers.rate[listed], customers.rate_called[listed]
    value = customers.value[listed]
    effect, net = (rate - called).mean(), customers.net[listed].mean()
    truth = {"difference": effect, "net_value": net, "keep rate": effect / rate.mean()}
    held: dict[str, list[bool]] = {}
    for _ in range(repetitions):
        treated = rng.random(n) >= share
        churned = (rng.random(n) < np.where(treated, called, rate)).astype(float)
        outcomes = Outcomes(
            treated=treated,
            churned=churned,
            offer=np.full(n, "call", dtype=object),
            # A model that is a little wrong, as all are.
            probability=np.clip(rate * 0.9 + 0.02, 0, 1),
            value=value,
            expected_net_value=assumed[listed],
        )
        frame = by_offer_and_decile(outcomes, {"call": CALL})
        row = frame.iloc[0]
        for name in ("difference", "difference_adjusted", "net_value", "net_value_adjusted"):
            true = truth[name.removesuffix("_adjusted")]
            true *= row["treated"] if name.startswith("net") else 1
            held.setdefault(name, []).append(row[f"{name}_low"] <= true <= row[f"{name}_high"])
        keep = updated_keep_rate(count(churned, treated))
        assert keep is not None
        low, high = beta_interval(keep)
        held.setdefault("keep rate", []).append(low <= truth["keep rate"] <= high)
        decile = frame[frame["by"] == "decile"].iloc[0]
        top = np.argsort(-assumed[listed], kind="stable")[: -(-n // 10)]
        true = (rate - called)[top].mean()
        held.setdefault("first decile", []).append(
            decile["difference_low"] <= true <= decile["difference_high"]
        )
    return {name: float(np.mean(each)) for name, each in held.items()}


def beta_interval(rate: BetaRate) -> tuple[float, float]:
    """Return the middle 95 % of a Beta distribution."""
    low, high = beta.ppf([0.025, 0.975], rate.alpha, rate.beta)
    return float(low), float(high)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--uplift", choices=UPLIFT_MODELS, default="two_models")
    arguments = parser.parse_args()
    console = Console(width=120)
    lists = Table("regime", "budget for", "best list earns", title="Share of the best list")
    for name in ("random", "probability", "profit", "uplift"):
        lists.add_column(name, justify="right")
    for regime in REGIMES:
        runs = [
            earned(regime, arguments.customers, seed, arguments.uplift)
            for seed in range(arguments.seeds)
        ]
        total = {name: sum(run[name] for run in runs) / len(runs) for name in runs[0]}
        for place, budget in enumerate(BUDGETS):
            best = total["oracle"][place]
            shares = [f"{total[name][place] / best:.3f}" for name in list(total)[1:]]
            probability, profit, uplift, random = shares
            cells = (random, probability, profit, uplift)
            lists.add_row(regime, f"{budget:.0%}", f"{best:,.0f}", *cells)
    console.print(lists)
    covered = Table(
        "regime", "customers", "control", title="How often the interval holds the truth"
    )
    for regime in REGIMES:
        for n, share in ((1000, 0.2), (5000, 0.1), (20_000, 0.1)):
            found = coverage(regime, n, share, arguments.repetitions, seed=0)
            if len(covered.columns) == 3:
                for name in found:
                    covered.add_column(HEADINGS.get(name, name), justify="right")
            cells = [f"{each:.3f}" for each in found.values()]
            covered.add_row(regime, f"{n:,}", f"{share:.0%}", *cells)
    console.print(covered)


if __name__ == "__main__":
    main()
