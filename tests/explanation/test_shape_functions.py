"""The shapes of an additive model add up to its logit, and tell where the training rows are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from churn_torch.explanation.additive_terms import AdditiveTerm
from churn_torch.explanation.shape_functions import MOST_VALUES, read_shape_functions, values_of
from churn_torch.models.attribution import Attribution
from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.gam import GAM
from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Kind, Schema
from tests.models.scorecard import made_scorecard as made_card

OPTIONS = {
    "plain": PreprocessOptions(),
    "winsorised": PreprocessOptions(outliers="quantile", scaling="robust", bins=8),
}
NETS: dict[str, Callable[[int, list[list[int]]], nn.Module]] = {
    "linear": lambda n, _: Linear(n_features=n),
    "gam": lambda n, columns: GAM(n_features=n, columns=columns, width=4),
}


@pytest.fixture(params=OPTIONS)
def rows(request) -> tuple[pd.DataFrame, Schema, Preprocess]:
    """Parsed rows, and what was learned from them."""
    raw = made_card.frame()
    schema = infer(raw, ColumnRoles(target="churned", kinds={"town": "categorical"}))
    parsed = parse(raw, schema)
    schema, statistics = fit_statistics([parsed], schema, OPTIONS[request.param])
    preprocess = Preprocess(schema, OPTIONS[request.param])
    preprocess.load_statistics(statistics)
    return parsed, schema, preprocess


@pytest.mark.parametrize("net", NETS)
def test_shapes_add_up_and_show_where_the_rows_are(rows, net):
    parsed, schema, preprocess = rows
    torch.manual_seed(0)
    places = [
        [f for f, made_of in enumerate(preprocess.feature_columns) if made_of == name]
        for name in preprocess.columns
    ]
    scorer = Scorer(preprocess, NETS[net](preprocess.n_features, places), Calibrator()).eval()
    for parameter in scorer.net.parameters():
        nn.init.normal_(parameter)
    scorer.prior_shift.fill_(0.4)
    columns = Columns.from_arrays(encode(parsed, schema))
    compact = preprocess.compact(*columns)
    with torch.no_grad():
        scorer.baseline.copy_(preprocess(*columns).mean(0))
    terms, base = read_shape_functions(Attribution(scorer, 1), schema, compact.dense, compact.codes)
    assert [t.importance for t in terms] == sorted((t.importance for t in terms), reverse=True)
    by_name = {term.columns[0]: term for term in terms}
    assert set(by_name) == set(preprocess.columns)
    for term in terms:
        assert term.share.sum() == pytest.approx(1)
        assert len(term.levels[0]) == len(term.log_odds) == len(term.share)
        assert len(set(term.levels[0])) == len(term.levels[0])

    # A row of values that shapes are read at has the sum of what they add.
    rng = np.random.default_rng(0)
    picked, expected = {}, base
    for name, term in by_name.items():
        level = int(rng.integers(1, len(term.levels[0])))
        expected += term.log_odds[level]
        picked[name] = value_at(term, level, parsed[name].dtype)
    one = pd.DataFrame({name: [picked[name]] for name in parsed.columns})
    for name in parsed.columns:
        one[name] = one[name].astype(parsed[name].dtype)
    with torch.no_grad():
        logit = scorer.raw_logit(*Columns.from_arrays(encode(one, schema))) - scorer.prior_shift
    assert float(logit) == pytest.approx(expected, abs=2e-3)

    assert by_name["member"].levels == (("missing", "no", "yes"),)
    assert by_name["member"].share.tolist() == pytest.approx([0, 2 / 3, 1 / 3])
    assert by_name["plan"].levels == (("missing", "unseen or rare", "a", "b", "c"),)
    assert by_name["plan"].share[0] == pytest.approx((parsed["plan"] == "").mean())
    usage, values = by_name["usage"], parsed["usage"].to_numpy(float)
    assert usage.share[0] == pytest.approx(np.isnan(values).mean())
    near = np.abs(values[~np.isnan(values), None] - usage.values).argmin(1)
    shares = np.bincount(near, minlength=len(usage.values)) / len(values)
    inside = slice(20, -20)  # of the quantiles: what is winsorised lies at an end
    np.testing.assert_allclose(usage.share[1:][inside], shares[inside], atol=2e-3)
    assert by_name["since"].levels[0][1].startswith("2020-02-0")


def value_at(term: AdditiveTerm, level: int, dtype: object) -> object:
    """A cell of that level."""
    if term.values is not None:
        return term.values[level - 1]
    word = term.levels[0][level]
    return {"no": 0.0, "yes": 1.0, "unseen or rare": "never seen"}.get(word, word)


def test_a_number_is_read_from_end_to_end(rows):
    _, schema, _ = rows
    for column in schema.numbers:
        values = values_of(column)
        if column.kind is Kind.BOOLEAN:
            assert values.tolist() == [0, 1]
            continue
        assert (values[0], values[-1]) == (column.minimum, column.maximum)
        assert 2 <= len(values) <= MOST_VALUES
