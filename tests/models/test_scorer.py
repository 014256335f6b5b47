"""The scorer: what is put together, in which order, and in chunks of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from churn_torch.models import scorer as scorer_module
from churn_torch.models.calibration import Calibrator, Isotonic, Platt
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Column, Kind, Schema, Storage

SCHEMA = Schema(
    (
        Column("usage", Kind.NUMERIC, Storage.NUMBER),
        Column("plan", Kind.CATEGORICAL, Storage.TEXT),
        Column("since", Kind.DATETIME, Storage.DATETIME),
    ),
    "churn",
    "1",
    "0",
)


def parsed(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "usage": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "plan": pd.Series(rng.choice(["", "a", "b", "c"], n), dtype="str"),
            "since": 19_000.0 + rng.integers(0, 500, n),
        }
    )


def made_scorer(calibrator: Calibrator | None = None) -> tuple[Scorer, Schema]:
    """A scorer with random weights, dropout and batch statistics."""
    schema, statistics = fit_statistics([parsed(200)], SCHEMA, PreprocessOptions())
    preprocess = Preprocess(schema, PreprocessOptions())
    preprocess.load_statistics(statistics)
    torch.manual_seed(0)
    net = MLP(n_features=preprocess.n_features, width=16, dropout=0.5, normalization="batch")
    return Scorer(preprocess, net, calibrator or Calibrator()), schema


def columns_of(schema: Schema, n: int = 100, seed: int = 1) -> Columns:
    return Columns.from_arrays(encode(parsed(n, seed), schema))


def test_probability_is_put_together_in_this_order():
    calibrator = Platt()
    calibrator.slope.fill_(0.5)
    calibrator.intercept.fill_(-0.25)
    scorer, schema = made_scorer(calibrator)
    scorer.prior_shift.fill_(1.5)
    scorer.eval()
    columns = columns_of(schema)
    with torch.no_grad():
        raw = scorer.net(scorer.preprocess(*columns))
        assert torch.equal(scorer.raw_logit(*columns), raw)
        expected = 1 / (1 + torch.exp(-(0.5 * (raw - 1.5) - 0.25)))
        torch.testing.assert_close(scorer(*columns), expected)
    torch.testing.assert_close(scorer.score(columns), expected)
    torch.testing.assert_close(scorer.calibrated(raw), expected)


def test_the_shift_takes_the_class_weight_out_of_the_odds():
    scorer, schema = made_scorer()
    columns = columns_of(schema)
    before = scorer.score(columns).double()
    scorer.prior_shift.fill_(np.log(3.0))
    after = scorer.score(columns).double()
    torch.testing.assert_close(3 * after / (1 - after), before / (1 - before), rtol=1e-5, atol=0)


@pytest.mark.parametrize("n", [0, 1, 6, 7, 8, 50])
def test_chunks_are_the_whole(n: int, monkeypatch: pytest.MonkeyPatch):
    scorer, schema = made_scorer(Isotonic())
    columns = columns_of(schema, n)
    whole = scorer.score(columns)
    monkeypatch.setattr(scorer_module, "CHUNK_ROWS", 7)
    chunked = scorer.score(columns)
    assert whole.shape == (n,)
    assert whole.dtype == torch.float32
    torch.testing.assert_close(whole, chunked, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("training", [True, False])
def test_scoring_is_evaluation_and_leaves_no_trace(training: bool):
    scorer, schema = made_scorer()
    columns = columns_of(schema)
    scorer.train(training)
    before = {name: tensor.clone() for name, tensor in scorer.state_dict().items()}
    first, second = scorer.score(columns), scorer.score(columns)
    assert torch.equal(first, second)  # no dropout
    assert not first.requires_grad
    assert {module.training for module in scorer.modules()} == {training}
    for name, tensor in scorer.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_gradient_reaches_the_net_and_nothing_else():
    scorer, schema = made_scorer(Platt())
    scorer(*columns_of(schema)).sum().backward()
    trained = {name for name, _ in scorer.named_parameters()}
    assert trained == {f"net.{name}" for name, _ in scorer.net.named_parameters()}
    assert all(p.grad is not None for p in scorer.parameters())


def test_weights_bring_it_back(tmp_path: Path):
    calibrator = Isotonic(8)
    rng = np.random.default_rng(0)
    calibrator.fit(rng.normal(size=300), (rng.random(300) < 0.3).astype(float))
    scorer, schema = made_scorer(calibrator)
    scorer.prior_shift.fill_(0.7)
    torch.save(scorer.state_dict(), tmp_path / "weights.pt")
    again, _ = made_scorer(Isotonic(8))
    with torch.no_grad():
        for parameter in again.parameters():
            nn.init.zeros_(parameter)
    columns = columns_of(schema)
    assert not torch.equal(again.score(columns), scorer.score(columns))
    again.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(again.score(columns), scorer.score(columns))


@pytest.mark.gpu
def test_gpu_gives_the_same():
    scorer, schema = made_scorer(Platt())
    columns = columns_of(schema, 1000)
    expected = scorer.score(columns)
    scorer.cuda()
    made = scorer.score(Columns(*(tensor.cuda() for tensor in columns)))
    assert made.is_cuda
    torch.testing.assert_close(made.cpu(), expected, rtol=1e-5, atol=1e-6)
