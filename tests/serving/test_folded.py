"""The folded scorer against the scorer it was made from, in torch; the file is proved elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.models.calibration import Platt
from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.preprocess import Columns, Preprocess
from churn_torch.models.scorer import Scorer
from churn_torch.models.statistics import PreprocessOptions, fit_statistics
from churn_torch.serving.folded import FoldedScorer
from churn_torch.serving.parity import HOSTILE_NUMBERS
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.infer import infer
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
    schema = infer(frame, target="churned")
    parsed = parse(frame, schema)
    schema, statistics = fit_statistics([parsed], schema, options)
    preprocess = Preprocess(schema, options)
    preprocess.load_statistics(statistics)
    torch.manual_seed(0)
    scorer = Scorer(preprocess, Linear(n_features=preprocess.n_features), Platt())
    for parameter in scorer.net.parameters():
        torch.nn.init.normal_(parameter)
    scorer.prior_shift.fill_(0.7)
    columns = Columns.from_arrays(encode(parsed, schema))
    rng = np.random.default_rng(1)
    scorer.calibrator.fit(rng.normal(size=N), (rng.random(N) < 0.3).astype(float))
    return scorer.eval(), schema, columns


def folded_score(scorer: Scorer, columns: Columns) -> torch.Tensor:
    folded = FoldedScorer(scorer)
    looked_up = [
        torch.tensor(values)[columns.codes[:, i]] for i, values in enumerate(folded.text_values)
    ]
    return folded(columns.numeric, columns.wide, torch.stack(looked_up, dim=1))


@pytest.mark.parametrize("options", [PreprocessOptions(), ROBUST], ids=["plain", "robust"])
@pytest.mark.parametrize(
    "groups",
    [
        ("text",),
        ("text", "numeric"),
        ("text", "wide"),
        ("text", "dates"),
        ("text", "numeric", "wide", "dates"),
    ],
    ids="+".join,
)
def test_the_same_probability(groups: tuple[str, ...], options: PreprocessOptions):
    scorer, schema, columns = trained(table(*groups), options)
    # Every code of every text column, those that no training row showed included.
    for i, column in enumerate(schema.text):
        columns.codes[:, i] = torch.arange(N) % (2 + len(column.vocabulary or ()))
    expected = scorer.score(columns)
    assert len(expected.unique()) > 10
    np.testing.assert_allclose(folded_score(scorer, columns), expected, atol=1e-6)


@given(st.lists(st.sampled_from(HOSTILE_NUMBERS), min_size=5, max_size=5))
def test_the_same_for_hostile_numbers(numbers: list[float]):
    scorer, _, columns = HOSTILE
    numeric = torch.tensor([numbers[:2]], dtype=torch.float64).to(torch.float32)
    wide = torch.tensor([numbers[2:]], dtype=torch.float64)
    row = Columns(numeric, wide, columns.codes[:1])
    np.testing.assert_allclose(folded_score(scorer, row), scorer.score(row), atol=2e-6)


HOSTILE = trained(table("text", "numeric", "wide", "dates"), PreprocessOptions())


def test_only_linear_nets_with_text_are_folded():
    scorer = HOSTILE[0]
    assert FoldedScorer.fits(scorer)
    net = MLP(n_features=scorer.preprocess.n_features)
    assert not FoldedScorer.fits(Scorer(scorer.preprocess, net, Platt()))
    assert not FoldedScorer.fits(trained(table("numeric"), PreprocessOptions())[0])
