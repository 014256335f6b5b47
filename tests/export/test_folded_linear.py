"""The folded scorer against the scorer it was made from, in torch; the file is proved elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.export.folded_linear import FoldedLinear
from churn_torch.export.parity import HOSTILE_NUMBERS
from churn_torch.models.attribution import Attribution
from churn_torch.models.calibration import Platt
from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Schema

N = 200
ROBUST = PreprocessOptions(scaling="robust", outliers="quantile")


def table(*groups: str) -> pd.DataFrame:
    rng = np.random.default_rng(0)

    def holes(values: np.ndarray) -> pd.Series:
        return pd.Series(values).mask(rng.random(N) < 0.2)

    days = pd.Timestamp("2020-02-01") + pd.to_timedelta(rng.integers(0, 900, N), "D")
    columns = {
        "text": {
            "plan": rng.choice(["a", "b", "c"], N),
            "town": holes(rng.choice([f"town {i}" for i in range(50)], N)),
        },
        "numeric": {"x": rng.normal(size=N), "y": holes(rng.gamma(2.0, 30.0, N))},
        "wide": {"seen": holes(1.7e9 + rng.integers(0, 10**4, N) + 0.5)},
        "dates": {"since": days, "until": holes(days)},
    }
    rows = {name: values for group in groups for name, values in columns[group].items()}
    return pd.DataFrame({**rows, "churned": rng.choice(["yes", "no"], N)})


def trained(frame: pd.DataFrame, options: PreprocessOptions) -> tuple[Scorer, Schema, Columns]:
    """Return a scorer in which every number matters."""
    schema = infer(frame, ColumnRoles(target="churned"))
    parsed = parse(frame, schema)
    schema, statistics = fit_statistics([parsed], schema, options)
    preprocess = Preprocess(schema, options)
    preprocess.load_statistics(statistics)
    torch.manual_seed(0)
    scorer = Scorer(preprocess, Linear(n_features=preprocess.n_features), Platt())
    for parameter in scorer.net.parameters():
        torch.nn.init.normal_(parameter)
    scorer.prior_shift.fill_(0.7)
    scorer.baseline.copy_(torch.randn(preprocess.n_features) * 0.3)
    columns = Columns.from_arrays(encode(parsed, schema))
    rng = np.random.default_rng(1)
    scorer.calibrator.fit(rng.normal(size=N), (rng.random(N) < 0.3).astype(float))
    return scorer.eval(), schema, columns


def check_folded(scorer: Scorer, columns: Columns, atol: float) -> None:
    """Probability and reasons are the scorer's, and base and reasons make the logit."""
    probability, reasons = FoldedLinear(scorer)(*columns)
    np.testing.assert_allclose(probability, scorer.score(columns), atol=atol)
    attribution = Attribution(scorer, 1)
    np.testing.assert_allclose(reasons, attribution.explain(columns), atol=2e-5)
    with torch.no_grad():
        logit = scorer.raw_logit(*columns) - scorer.prior_shift
    np.testing.assert_allclose(reasons.sum(1) + attribution.base(), logit, atol=2e-5)


@pytest.mark.parametrize("options", [PreprocessOptions(), ROBUST], ids=["plain", "robust"])
@pytest.mark.parametrize(
    "groups",
    [
        ("text",),
        ("numeric",),
        ("wide",),
        ("dates",),
        ("numeric", "wide", "dates"),
        ("text", "numeric"),
        ("text", "wide"),
        ("text", "dates"),
        ("text", "numeric", "wide", "dates"),
    ],
    ids="+".join,
)
def test_the_same_probability_and_reasons(groups: tuple[str, ...], options: PreprocessOptions):
    scorer, schema, columns = trained(table(*groups), options)
    # Every code of every text column, those that no training row showed included.
    for i, column in enumerate(schema.text):
        columns.codes[:, i] = torch.arange(N) % (2 + len(column.vocabulary or ()))
    expected = scorer.score(columns)
    assert len(expected.unique()) > 10
    check_folded(scorer, columns, 1e-6)


@given(st.lists(st.sampled_from(HOSTILE_NUMBERS), min_size=5, max_size=5))
def test_the_same_for_hostile_numbers(numbers: list[float]):
    scorer, _, columns = HOSTILE
    float32 = torch.tensor([numbers[:2]], dtype=torch.float64).to(torch.float32)
    float64 = torch.tensor([numbers[2:]], dtype=torch.float64)
    row = Columns(float32, float64, columns.codes[:1])
    check_folded(scorer, row, 2e-6)


HOSTILE = trained(table("text", "numeric", "wide", "dates"), PreprocessOptions())


def test_a_time_of_day_without_weight_costs_nothing():
    """Dates without a time of day teach none."""
    scorer, _, columns = trained(table("dates"), PreprocessOptions())
    assert FoldedLinear(scorer).has_time
    of_time = ["time of day" in name for name in scorer.preprocess.feature_names]
    assert sum(of_time) == 4  # two dates
    with torch.no_grad():
        scorer.net.linear.weight[:, torch.tensor(of_time)] = 0
    assert not FoldedLinear(scorer).has_time
    columns.float64.add_(0.3)
    check_folded(scorer, columns, 1e-6)


def test_every_linear_net_is_folded_and_no_other():
    scorer = HOSTILE[0]
    assert FoldedLinear.fits(scorer)
    net = MLP(n_features=scorer.preprocess.n_features)
    assert not FoldedLinear.fits(Scorer(scorer.preprocess, net, Platt()))
    assert FoldedLinear.fits(trained(table("numeric"), PreprocessOptions())[0])
