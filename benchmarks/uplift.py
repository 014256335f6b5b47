"""Uplift on a randomised e-mail test and on made customers: Qini with intervals on held-out thirds.

    python benchmarks/uplift.py [--data FOLDER] [--peers FOLDER] [--learners NAME ...]

FOLDER holds hillstrom.csv.gz (Hillstrom 2008, the MineThatData challenge); without it only made
customers are used. Two campaigns are taken from it, each against no e-mail, with a visit as the
outcome: the women's e-mail, whose effect depends on the customer, and the men's, whose effect is
nearly constant, so that a good Qini coefficient would be a false gain. Of the made customers the
effect of a contact is known; a fifth are "sleeping dogs" who leave because of it. Their outcome is
churn.

Each learner predicts each third of the rows from the other two; ``all`` is the Qini coefficient of
these predictions together. Peers are taken from the folder (``pip install --target``) where they
are: scikit-uplift and causalml. ``true gain`` is the mean true effect of the 30 % with the largest
predictions, as a share of that of the best 30 %; ``harmed`` are the sleeping dogs among them.

A/A: half of the customers without an e-mail count as contacted, by chance and again and again, so
the effect is 0 for all of them. Two logistic regressions learn from two thirds of them; the share
of the intervals of the last third that lie above 0 is to be 2.5 %, as that below.

Coverage: how often the intervals of 95 % hold the truth, on sets of made customers with one fixed
prediction; the truth is measured on a million. ``profit`` is the maximum profit uplift of an offer
that costs 4 a contact, with a value of 100.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPRegressor

from churn_torch import compose, train
from churn_torch.decisions.offers import Payoffs
from churn_torch.decisions.uplift_profit import uplift_profit
from churn_torch.evaluation.uplift.experiment import experiment
from churn_torch.evaluation.uplift.uplift_metrics import UpliftMetrics, uplift_metrics

Array = np.ndarray


@dataclass(frozen=True)
class Campaign:
    """Customers, the good outcome, who was contacted by chance, and the true effect if known."""

    features: Array
    good: Array
    treated: Array
    effect: Array | None = None

    def take(self, rows: Array) -> Campaign:
        """Return some of the customers."""
        effect = None if self.effect is None else self.effect[rows]
        return Campaign(self.features[rows], self.good[rows], self.treated[rows], effect)


# What a learner is: from the customers to learn from and the features of others to their uplift.
Learner = Callable[[Campaign, Array], Array]


def hillstrom(folder: Path, email: str) -> Campaign:
    """Return an e-mail against none."""
    table = pd.read_csv(folder / "hillstrom.csv.gz")
    table = table[table["segment"].isin([email, "No E-Mail"])]
    features = table.drop(columns=["segment", "visit", "conversion", "spend"])
    matrix = pd.get_dummies(features, dtype=float).to_numpy()
    matrix = (matrix - matrix.mean(0)) / matrix.std(0)
    return Campaign(matrix, table["visit"].to_numpy(), (table["segment"] == email).to_numpy(int))


def made(n: int, seed: int = 0) -> Campaign:
    """Return customers with known effects; the riskiest cannot be kept, and some are harmed."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 8))
    churn = 1 / (1 + np.exp(1.0 - 1.2 * x[:, 0]))
    wanted = np.where(x[:, 1] > 0.84, -0.15, 0.12 * (x[:, 2] > 0) * (x[:, 0] < 1))
    if_contacted = np.clip(churn - wanted, 0.01, 0.99)
    treated = rng.integers(0, 2, n)
    left = rng.random(n) < np.where(treated, if_contacted, churn)
    return Campaign(x, 1 - left, treated, churn - if_contacted)


def _logistic() -> LogisticRegression:
    return LogisticRegression(C=1.0, max_iter=1000)


def two_models(known: Campaign, features: Array) -> Array:
    """A logistic regression of contacted customers and one of the others."""
    rates = [
        _logistic().fit(known.features[known.treated == t], known.good[known.treated == t])
        for t in (1, 0)
    ]
    return np.subtract(*(rate.predict_proba(features)[:, 1] for rate in rates))


def dr_linear(known: Campaign, features: Array) -> Array:
    """A ridge regression of doubly robust scores."""
    ridge = Ridge(alpha=len(known.good) / 100)
    return ridge.fit(known.features, dr_scores(known)).predict(features)


def dr_net(known: Campaign, features: Array) -> Array:
    """A net with two hidden layers that regresses doubly robust scores."""
    net = MLPRegressor(hidden_layer_sizes=(64, 64), alpha=1e-3, early_stopping=True, random_state=0)
    return net.fit(known.features, dr_scores(known)).predict(features)


def dr_scores(known: Campaign) -> Array:
    """Return doubly robust scores of the effect (Kennedy 2023), of cross-fitted rates."""
    e, t, y = known.treated.mean(), known.treated, known.good
    with_t = np.column_stack([known.features, t, known.features * t[:, None]])
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(with_t, t))
    rates = np.empty((2, len(t)))
    for learn, rest in folds:
        model = _logistic().fit(with_t[learn], y[learn])
        for side in (0, 1):
            x = known.features[rest]
            given = np.column_stack([x, np.full(len(rest), side), x * side])
            rates[side, rest] = model.predict_proba(given)[:, 1]
    own = np.where(t == 1, rates[1], rates[0])
    return rates[1] - rates[0] + (t - e) / (e * (1 - e)) * (y - own)


def by_risk(known: Campaign, features: Array) -> Array:
    """No uplift at all: the probability of the bad outcome of those who were not contacted."""
    rest = known.treated == 0
    return 1 - _logistic().fit(known.features[rest], known.good[rest]).predict_proba(features)[:, 1]


def _sklift(name: str) -> Learner:
    def learner(known: Campaign, features: Array) -> Array:
        from sklift.models import ClassTransformation, SoloModel, TwoModels

        model = {
            "solo": lambda: SoloModel(_logistic(), method="treatment_interaction"),
            "two, dependent": lambda: TwoModels(_logistic(), _logistic(), method="ddr_control"),
            "class transformation": lambda: ClassTransformation(_logistic()),
        }[name]()
        frame, new = pd.DataFrame(known.features), pd.DataFrame(features)
        frame.columns = new.columns = [f"x{i}" for i in range(features.shape[1])]
        model.fit(frame, pd.Series(known.good), pd.Series(known.treated))
        return np.asarray(model.predict(new))

    return learner


def _causalml(name: str) -> Learner:
    def learner(known: Campaign, features: Array) -> Array:
        from causalml.inference.meta import BaseDRRegressor, BaseXClassifier
        from causalml.inference.tree import UpliftRandomForestClassifier
        from lightgbm import LGBMClassifier, LGBMRegressor

        small = {"n_estimators": 60, "num_leaves": 8, "learning_rate": 0.05, "verbose": -1}
        small |= {"min_child_samples": 200, "n_jobs": 1}
        x, t, y = known.features, known.treated, known.good
        e = np.full(len(t), t.mean())
        if name == "forest":
            forest = UpliftRandomForestClassifier(
                control_name="0", n_estimators=10, max_depth=4, min_samples_leaf=200,
                min_samples_treatment=50, random_state=0, n_jobs=1,
            )  # fmt: skip
            forest.fit(x, t.astype(str), y)
            return np.asarray(forest.predict(features)).ravel()
        if name == "X":
            model = BaseXClassifier(LGBMClassifier(**small), control_effect_learner=LGBMRegressor(
                **small), treatment_effect_learner=LGBMRegressor(**small),
                control_outcome_learner=LGBMClassifier(**small),
                treatment_outcome_learner=LGBMClassifier(**small))  # fmt: skip
            model.fit(x, t, y, p=e)
            return model.predict(features, p=np.full(len(features), t.mean())).ravel()
        model = BaseDRRegressor(LGBMRegressor(**small))
        model.fit(x, t, y, p=e)
        return model.predict(features).ravel()

    return learner


def _ours(net: str) -> Learner:
    def learner(known: Campaign, features: Array) -> Array:
        names = [f"x{i}" for i in range(features.shape[1])]
        frame = pd.DataFrame(known.features, columns=names)
        frame = frame.assign(contacted=known.treated, churned=1 - known.good)
        keys = ["data=table", "data.source=-", "data.target=churned", "data.positive=1"]
        keys += ["data.treatment=contacted", "data.split.test=0.05", "model=uplift", f"net={net}"]
        keys += ["export.outputs=[probability,uplift]", "callbacks.progress=false"]
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            run = train(compose("train", keys), Path(folder) / "run", source=frame)
            return run.predict_uplift(pd.DataFrame(features, columns=names))

    return learner


LEARNERS: dict[str, Learner] = {
    "model=uplift net=logreg": _ours("logreg"),
    "model=uplift net=mlp": _ours("mlp"),
    "two logistic regressions": two_models,
    "DR-learner, linear": dr_linear,
    "DR-learner, net": dr_net,
    "by risk alone": by_risk,
}
PEERS = {
    "sklift": {f"scikit-uplift: {n}": _sklift(n) for n in
               ("solo", "two, dependent", "class transformation")},
    "causalml": {f"causalml: {n}": _causalml(n) for n in ("forest", "X", "DR")},
}  # fmt: skip


def measured(predicted: Array, rows: Campaign) -> UpliftMetrics:
    """Measure predicted uplift on an experiment."""
    return uplift_metrics(predicted, experiment(rows.good, rows.treated, outcome_is_good=True))


def by_thirds(learner: Learner, rows: Campaign, seed: int = 0) -> tuple[Array, list[Array]]:
    """Return uplift predicted for each third from the other two, and the rows of the thirds."""
    split = StratifiedKFold(3, shuffle=True, random_state=seed)
    thirds = list(split.split(rows.features, 2 * rows.treated + rows.good))
    predicted = np.empty(len(rows.good))
    for known, third in thirds:
        predicted[third] = learner(rows.take(known), rows.features[third])
    return predicted, [third for _, third in thirds]


def _qini(found: UpliftMetrics) -> str:
    low, high = (100 * end for end in found.intervals["qini"])
    return f"{100 * found.numbers['qini']:.2f} [{low:.2f}, {high:.2f}]"


def show(title: str, rows: Campaign, learners: dict[str, Learner], console: Console) -> None:
    """Print a line a learner."""
    effect = rows.good[rows.treated == 1].mean() - rows.good[rows.treated == 0].mean()
    table = Table(title=f"{title}: {len(rows.good):,} customers, average effect {effect:+.4f}",
                  caption="Qini coefficient x 100 [95 % interval]")  # fmt: skip
    last = ["true gain", "harmed"] if rows.effect is not None else []
    for name in ("learner", "all", "third 1", "third 2", "third 3", "top 30 %", *last, "s"):
        table.add_column(name, justify="left" if name == "learner" else "right")
    for name, learner in learners.items():
        start = time.perf_counter()
        predicted, thirds = by_thirds(learner, rows)
        seconds = time.perf_counter() - start
        each = [_qini(measured(predicted[third], rows.take(third))) for third in thirds]
        whole = measured(predicted, rows)
        cells = [_qini(whole), *each, f"{whole.numbers['uplift_at_30']:+.4f}"]
        if rows.effect is not None:
            n = int(0.3 * len(predicted))
            top, best = (np.argsort(-order)[:n] for order in (predicted, rows.effect))
            gain = rows.effect[top].mean() / rows.effect[best].mean()
            cells += [f"{gain:.2f}", f"{(rows.effect[top] < 0).mean():.0%}"]
        table.add_row(name, *cells, f"{seconds:.0f}")
    console.print(table)


def a_against_a(rows: Campaign, times: int, console: Console) -> None:
    """Print how often a Qini coefficient seems to differ from 0 where no contact has an effect."""
    rest = rows.take(np.flatnonzero(rows.treated == 0))
    outside = np.zeros(2)
    for seed in range(times):
        treated = np.random.default_rng(seed).permutation(len(rest.good)) % 2
        again = Campaign(rest.features, rest.good, treated)
        split = StratifiedKFold(3, shuffle=True, random_state=seed)
        known, third = next(split.split(again.features, treated))
        found = measured(two_models(again.take(known), again.features[third]), again.take(third))
        low, high = found.intervals["qini"]
        outside += low > 0, high < 0
    above, below = outside / times
    console.print(f"A/A, {times} times: above 0 {above:.1%}, below 0 {below:.1%}")


def coverage(n: int, sets: int, console: Console) -> None:
    """Print how often each interval holds the truth."""

    def found(rows: Campaign, replicates: int) -> dict[str, tuple[float, tuple[float, float]]]:
        predicted = 0.1 * rows.features[:, 2] - 0.1 * rows.features[:, 1]
        trial = experiment(rows.good, rows.treated, outcome_is_good=True)
        metrics = uplift_metrics(predicted, trial, n=replicates)
        profit = uplift_profit(predicted, trial, Payoffs(100.0, 4.0, 4.0), n=replicates)
        each = {name: (metrics.numbers[name], ends) for name, ends in metrics.intervals.items()}
        return each | {"profit": (profit.profit, profit.interval)}

    truth = {name: value for name, (value, _) in found(made(10**6, 10**6), 10).items()}
    hits = dict.fromkeys(truth, 0)
    for seed in range(sets):
        for name, (_, (low, high)) in found(made(n, seed), 300).items():
            hits[name] += low <= truth[name] <= high
    shares = ", ".join(f"{name} {hit / sets:.3f}" for name, hit in hits.items())
    console.print(f"coverage, {sets} sets of {n:,} customers: {shares}")


def main() -> None:
    """Print a table a campaign."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of hillstrom.csv.gz")
    parser.add_argument("--peers", help="folder with scikit-uplift and causalml")
    parser.add_argument("--learners", nargs="+", help="only those whose name holds one of these")
    parser.add_argument("--aa", type=int, default=100, help="A/A tests")
    parser.add_argument("--sets", type=int, default=200, help="of the coverage")
    parser.add_argument("--rows", type=int, default=20_000, help="made customers")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.peers:
        sys.path.append(arguments.peers)
    learners = dict(LEARNERS)
    for package, peers in PEERS.items():
        learners |= peers if importlib.util.find_spec(package) else {}
    if arguments.learners:
        learners = {k: v for k, v in learners.items() if any(a in k for a in arguments.learners)}
    console = Console(width=150)
    if arguments.sets:
        for n in (1000, 10_000):
            coverage(n, arguments.sets, console)
    rows = made(arguments.rows)
    show("made, with sleeping dogs", rows, learners, console)
    if arguments.data:
        for email in ("Womens E-Mail", "Mens E-Mail"):
            show(email, hillstrom(arguments.data, email), learners, console)
        if arguments.aa:
            a_against_a(hillstrom(arguments.data, "Mens E-Mail"), arguments.aa, console)


if __name__ == "__main__":
    main()
