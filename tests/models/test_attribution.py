"""Reasons against captum, against coefficients, and against what they must add up to."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import IntegratedGradients
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor, nn

from churn_torch.models import attribution as attribution_module
from churn_torch.models.attribution import POINTS, TOLERANCE, Attribution, fit_attribution
from churn_torch.models.calibration import Platt
from churn_torch.models.nets.gam import GAM
from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Schema
from tests.models.nets.test_contract import CASES

N = 60
# Fewer members and units than shipped, for nets made of nets: the integral is the same.
SMALL = {"n_members": 3, "width": 32}
# Every option by itself.
NETS = [case for case in CASES if len(case.values[1]) <= 1]


def made_rows() -> tuple[pd.DataFrame, Schema]:
    """Columns of every group; one of text, one of missing numbers and a date have many features."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "plan": rng.choice(["a", "b", "c"], N),
            "calls": pd.Series(rng.poisson(3.0, N)).mask(rng.random(N) < 0.2),
            "usage": rng.gamma(2.0, 30.0, N),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), "D"),
            "churned": rng.choice(["yes", "no"], N),
        }
    )
    schema = infer(rows, ColumnRoles(target="churned"))
    parsed = parse(rows, schema)
    return parsed, fit_statistics([parsed], schema, PreprocessOptions())[0]


def made_preprocess() -> Preprocess:
    preprocess = Preprocess(SCHEMA, PreprocessOptions())
    preprocess.load_statistics(fit_statistics([PARSED], SCHEMA, PreprocessOptions())[1])
    return preprocess


PARSED, SCHEMA = made_rows()
PREPROCESS = made_preprocess()
COLUMNS = Columns.from_arrays(encode(PARSED, SCHEMA))
X = PREPROCESS(*COLUMNS)


def scorer_of(cls: type[nn.Module], **options: Any) -> Scorer:
    """Return a scorer as if trained: weights, batch statistics, class weight, baseline."""
    torch.manual_seed(0)
    if "columns" in inspect.signature(cls).parameters:
        made_of = PREPROCESS.feature_columns
        options["columns"] = [
            [i for i, of in enumerate(made_of) if of == column] for column in PREPROCESS.columns
        ]
    scorer = Scorer(PREPROCESS, cls(n_features=PREPROCESS.n_features, **options), Platt())
    for parameter in scorer.net.parameters():
        scale = 1.5 / parameter.shape[1] ** 0.5 if parameter.ndim > 1 else 0.3
        with torch.no_grad():
            parameter.add_(torch.randn_like(parameter) * scale)
    scorer.net.train()
    for _ in range(20):
        scorer.net(X)
    scorer.prior_shift.fill_(0.4)
    scorer.baseline.copy_(X.mean(0))
    return scorer.eval()


def of_column(of_feature: Tensor) -> np.ndarray:
    """Sum features to columns by their names."""
    frame = pd.DataFrame(of_feature.numpy().T).groupby(list(PREPROCESS.feature_columns)).sum()
    return frame.loc[list(PREPROCESS.columns)].to_numpy().T


def by_captum(scorer: Scorer, x: Tensor, n_points: int) -> np.ndarray:
    explained = IntegratedGradients(scorer.net, multiply_by_inputs=True).attribute(
        x,
        baselines=scorer.baseline.unsqueeze(0),
        n_steps=n_points,
        method="gausslegendre",
        internal_batch_size=None,
    )
    return of_column(explained.detach())


def logit_of(scorer: Scorer) -> Tensor:
    """The logit before calibration."""
    with torch.no_grad():
        return scorer.raw_logit(*COLUMNS) - scorer.prior_shift


@pytest.mark.parametrize(("cls", "options"), NETS)
def test_every_net_is_explained_as_by_captum_but_for_what_is_spread(
    cls: type[nn.Module], options: dict[str, Any]
):
    takes = inspect.signature(cls).parameters
    sizes = {}
    if {"n_members", "n_terms"} & set(takes):
        sizes = {name: size for name, size in SMALL.items() if name in takes}
    scorer = scorer_of(cls, **{**sizes, **options})
    attribution = fit_attribution(scorer, COLUMNS)
    reasons = attribution.explain(COLUMNS)
    assert reasons.shape == (N, len(PREPROCESS.columns))
    assert reasons.dtype == torch.float32
    spread = attribution.spread(COLUMNS)
    if isinstance(scorer.net, GAM):  # it says itself what a column adds
        typical = scorer.net.contributions(scorer.baseline.unsqueeze(0))
        expected = (scorer.net.contributions(X) - typical).detach().numpy()
    else:
        expected = by_captum(scorer, X, attribution.n_points)
        left = logit_of(scorer).numpy() - attribution.base() - expected.sum(1)
        assert spread == pytest.approx(np.abs(left).max(), rel=1e-4, abs=1e-5)
        if attribution.n_points > 1:  # what captum's miss is shared out by their size
            size = np.abs(expected)
            expected = expected + size * (left / size.sum(1))[:, None]
    np.testing.assert_allclose(reasons, expected, rtol=1e-4, atol=2e-5)

    # Or some last digits of a large logit, in float32.
    assert attribution.error(COLUMNS) <= 1e-5 + 2.0**-22 * float(logit_of(scorer).abs().max())
    # A kink (relu, selu) takes more points than there are.
    assert spread <= TOLERANCE or attribution.n_points == POINTS[-1]
    if cls in (Linear, MLP) and not options:  # as shipped
        assert spread <= TOLERANCE
    before = POINTS[max(0, POINTS.index(attribution.n_points) - 1)]
    assert attribution.n_points == 1 or Attribution(scorer, before).spread(COLUMNS) > TOLERANCE


def test_reasons_add_up_where_no_gradient_tells_anything():
    """Between two kinks of a step so narrow that no point lies on it."""

    class Step(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x[:, 0] - 0.3) - torch.relu(x[:, 0] - 0.3 - 1e-3)

    scorer = Scorer(PREPROCESS, Step(), Platt()).eval()
    x = torch.ones(1, PREPROCESS.n_features)
    with torch.no_grad():
        reasons = Attribution(scorer, 2)(x)
    assert reasons.sum() == pytest.approx(1e-3, abs=1e-6)
    torch.testing.assert_close(reasons, torch.full_like(reasons, 1e-3 / reasons.shape[1]))


def test_reasons_of_logistic_regression_are_coefficient_times_value_above_the_mean():
    scorer = scorer_of(Linear)
    attribution = fit_attribution(scorer, COLUMNS)
    assert attribution.n_points == 1
    assert attribution.error(COLUMNS) <= 1e-5
    moved = X - scorer.baseline
    expected = of_column(moved * scorer.net.linear.weight.detach()[0])
    np.testing.assert_allclose(attribution.explain(COLUMNS), expected, atol=1e-6)


def test_the_base_is_the_logit_of_the_mean_row():
    scorer = scorer_of(MLP, width=8)
    with torch.no_grad():
        expected = scorer.net(X.mean(0, keepdim=True)).item() - 0.4
    assert Attribution(scorer, 4).base() == pytest.approx(expected, abs=1e-6)


def test_features_are_summed_for_their_column():
    """A column of many features: one-hot parts, parts of a date, a number and its flag."""
    assert PREPROCESS.n_features > len(PREPROCESS.columns) == 4
    scorer = scorer_of(Linear)
    with torch.no_grad():
        scorer.net.linear.weight.zero_()
        for feature, column in enumerate(PREPROCESS.feature_columns):
            if column == "calls":
                scorer.net.linear.weight[0, feature] = 1.0
    reasons = Attribution(scorer, 1).explain(COLUMNS).numpy()
    calls = PREPROCESS.columns.index("calls")
    assert PREPROCESS.feature_columns.count("calls") == 2
    assert (reasons[:, calls] != 0).all()
    assert (np.delete(reasons, calls, axis=1) == 0).all()


SMOOTH = scorer_of(MLP, width=8)


@given(
    rows=arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.just(PREPROCESS.n_features)),
        elements=st.floats(-3, 3, width=32),
    ),
    average=st.sets(st.sampled_from(PREPROCESS.columns)),
)
def test_average_columns_get_nothing_and_the_rest_everything(rows: np.ndarray, average: set[str]):
    """Completeness, sensitivity, and no row depends on another, whatever the rows."""
    attribution = Attribution(SMOOTH, 48)
    x = torch.from_numpy(rows)
    at_mean = torch.tensor([column in average for column in PREPROCESS.feature_columns])
    x = torch.where(at_mean, SMOOTH.baseline, x)
    with torch.no_grad():
        reasons = attribution(x)
        risen = SMOOTH.net(x) - SMOOTH.net(SMOOTH.baseline.unsqueeze(0))
        alone = torch.cat([attribution(row.unsqueeze(0)) for row in x])
    np.testing.assert_allclose(reasons.sum(1), risen, atol=1e-5)
    for i, column in enumerate(PREPROCESS.columns):
        assert column not in average or (reasons[:, i].abs() <= 1e-6).all()
    np.testing.assert_allclose(alone, reasons, atol=1e-5)


def test_any_number_of_rows(monkeypatch: pytest.MonkeyPatch):
    attribution = Attribution(SMOOTH, 8)
    whole = attribution.explain(COLUMNS)
    monkeypatch.setattr(attribution_module, "_EXPANDED_ROWS", 8 * 7)  # seven rows at a time
    torch.testing.assert_close(attribution.explain(COLUMNS), whole)
    assert attribution.explain(COLUMNS.take(slice(0))).shape == (0, len(PREPROCESS.columns))
