"""A table on which only a pair of columns predicts the label, and the scorecard learned from it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from churn_torch.models.calibration import Platt
from churn_torch.models.nets.scorecard import Scorecard
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.preprocessing.statistics import (
    PreprocessOptions,
    Statistics,
    fit_statistics,
)
from churn_torch.models.scorecard.binning import ScorecardOptions
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorecard.fit import fit_scorecard
from churn_torch.models.scorecard.wide_features import WideFeatures
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Schema

N = 1500


class Learned(NamedTuple):
    """Typed rows, their labels, and what was learned from them."""

    columns: Columns
    label: torch.Tensor
    plain: Schema  # without a scorecard's layout
    statistics: Statistics
    schema: Schema
    features: ScorecardFeatures
    wide: WideFeatures


def frame() -> pd.DataFrame:
    """Plan and usage matter together only; seen and since are float64; copy is usage again."""
    rng = np.random.default_rng(0)
    usage = rng.normal(size=N).round(2)
    plan = rng.choice(["a", "b", "c"], N)
    holes = rng.random(N) < 0.1
    logit = 2.0 * np.sign(usage) * ((plan == "a") * 2.0 - 1)
    return pd.DataFrame(
        {
            "plan": pd.Series(plan).mask(rng.random(N) < 0.05),
            "usage": pd.Series(usage).mask(holes),
            "copy": pd.Series(2 * usage + 1).mask(holes),
            "town": rng.choice([f"town {i:02}" for i in range(30)], N),
            "seen": 1.7e9 + rng.integers(0, 10**4, N) + 0.5,
            "since": pd.Timestamp("2020-02-01") + pd.to_timedelta(rng.integers(0, 900, N), "D"),
            "member": np.arange(N) % 3 == 0,
            "churned": np.where(rng.random(N) < 1 / (1 + np.exp(-logit)), "yes", "no"),
        }
    )


@cache
def learned(pairs: int = 3) -> Learned:
    """Return what is learned from the table."""
    raw = frame()
    schema = infer(raw, ColumnRoles(target="churned", kinds={"town": "categorical"}))
    parsed = parse(raw, schema)
    schema, statistics = fit_statistics([parsed], schema, PreprocessOptions())
    columns = Columns.from_arrays(encode(parsed, schema))
    label = torch.from_numpy((raw["churned"] == "yes").to_numpy(np.float32))
    options = ScorecardOptions(bins=8, pair_bins=5, pairs=pairs)
    completed, learned_statistics = fit_scorecard(
        columns, label, None, schema, statistics, options, n_train=N
    )
    features = ScorecardFeatures(completed, PreprocessOptions())
    wide = WideFeatures(completed, PreprocessOptions())
    for made in (features, wide):
        made.load_statistics(learned_statistics)
    return Learned(columns, label, schema, statistics, completed, features, wide)


def scorer() -> Scorer:
    """Return a scorer of that table in which every number matters."""
    features = learned().features
    torch.manual_seed(0)
    made = Scorer(features, Scorecard(n_features=features.n_features), Platt())
    for parameter in made.net.parameters():
        torch.nn.init.normal_(parameter)
    made.prior_shift.fill_(0.7)
    with torch.no_grad():
        made.baseline.copy_(features(*learned().columns).mean(0))
    rng = np.random.default_rng(1)
    made.calibrator.fit(rng.normal(size=N), (rng.random(N) < 0.3).astype(float))
    return made.eval()
