from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chi2_contingency
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score

from churn_torch.errors import InputError
from churn_torch.evaluation.leakage.column_scores import binned
from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.labelled.rows import Rows
from churn_torch.tables.schema import Kind, Schema
from churn_torch.training import selection
from churn_torch.training.selection import (
    check_selection,
    chi2_scores,
    choose,
    l1_scores,
    mutual_info_scores,
    permutation_scores,
)
from tests.models.scorecard import made_scorecard as made_card
from tests.training.conftest import Prepared

CALLS = "Größe/Call  Failure"


@pytest.fixture
def levels() -> tuple[pd.DataFrame, np.ndarray]:
    """A useful column, one of many levels without use, and a constant."""
    rng = np.random.default_rng(0)
    label = (rng.random(2000) < 0.3).astype(np.float32)
    useful = np.where(rng.random(2000) < 0.4, label, rng.integers(0, 3, 2000)).astype(int)
    return pd.DataFrame({"noise": rng.integers(0, 200, 2000), "useful": useful, "one": 7}), label


def test_chi2_is_pearsons_less_chance(levels):
    frame, label = levels
    scores = chi2_scores(frame, label)
    for name in ("noise", "useful"):
        table = pd.crosstab(frame[name], label)
        reference = chi2_contingency(table, correction=False)
        assert scores[name] == pytest.approx((reference.statistic - reference.dof) / len(label))
    assert scores["one"] == 0
    assert abs(scores["noise"]) < 0.03 < scores["useful"]


def test_mutual_information_is_less_chance(levels):
    frame, label = levels
    scores = mutual_info_scores(frame, label)
    for name in ("noise", "useful"):
        plain = mutual_info_score(frame[name], label)
        chance = (frame[name].nunique() - 1) / (2 * len(label))
        assert scores[name] == pytest.approx(plain - chance, abs=1e-9)
    assert scores["one"] == 0
    assert abs(scores["noise"]) < 0.02 < scores["useful"]


def completed(prepared: Prepared) -> Schema:
    """What the training rows make of the schema."""
    rows, options = prepared.table.rows_of("train"), PreprocessOptions()
    return fit_statistics([rows.parsed], prepared.table.schema, options)[0]


def test_numbers_are_cut_at_quantiles_and_missing_is_a_level(prepare, customers):
    prepared = prepare()
    rows = prepared.table.rows_of("train")
    levels = binned(rows.parsed, completed(prepared))
    assert list(levels.columns) == [column.name for column in completed(prepared).features]
    assert set(levels.columns) == set(prepared.scorer.preprocess.columns)
    missing = rows.parsed[CALLS].isna()
    assert missing.any()
    assert np.array_equal(levels[CALLS] == 0, missing)
    assert levels["add"].value_counts().tolist() == pytest.approx([len(levels) / 10] * 10, abs=1)
    assert levels["plan"].nunique() == 3


def test_l1_lets_columns_in_like_scikit_learn(prepare):
    prepared = prepare()
    scores = l1_scores(
        prepared.scorer.preprocess, prepared.train, prepared.validation, l2=0.0,
        k=len(prepared.scorer.preprocess.columns),
    )  # fmt: skip
    x, y = prepared.features(), prepared.label()
    x = x / np.where(x.std(axis=0) > 1e-6, x.std(axis=0), 1)
    entered = sorted(set(scores.values()) - {0.0}, reverse=True)
    strength = entered[2] * 0.9999  # just below where the third column came in
    strengths = max(scores.values()) / 0.837677640068292 * np.geomspace(1, 1e-3, 40)
    strength = strengths[np.abs(strengths - entered[2]).argmin()]
    model = LogisticRegression(
        C=1 / (strength * len(y)), l1_ratio=1.0, solver="saga", tol=1e-9, max_iter=20_000
    ).fit(x, y)
    columns = np.array(prepared.scorer.preprocess.feature_columns)
    theirs = set(columns[np.abs(model.coef_[0]) > 1e-6])
    assert theirs == {name for name, score in scores.items() if score > strength * 0.99}
    assert max(scores, key=scores.__getitem__) == CALLS


def test_l1_without_a_number_ends_where_validation_is_best(prepare):
    prepared = prepare()
    pieces = (prepared.scorer.preprocess, prepared.train, prepared.validation)
    best = l1_scores(*pieces, l2=1e-4, k=None)
    some = {name for name, score in best.items() if score > 0}
    assert {CALLS, "plan"} <= some
    two = l1_scores(*pieces, l2=1e-4, k=2)
    assert sum(score > 0 for score in two.values()) >= 2
    assert {CALLS, "plan"} == set(choose("l1", two, 2).chosen)


def test_permutation_finds_what_the_net_uses(prepare):
    prepared = prepare()
    scorer = prepared.scorer.eval()
    assert isinstance(scorer.net, Linear)
    of_calls = [c == CALLS for c in scorer.preprocess.feature_columns]
    with torch.no_grad():
        scorer.net.linear.weight.copy_(torch.tensor(of_calls).float())
    schema, held = completed(prepared), prepared.table.rows_of("validation")
    scores = permutation_scores(scorer, schema, held, seed=0)
    assert list(scores) == list(scorer.preprocess.columns)
    assert scores.pop(CALLS) > 0.02
    assert all(score == 0 for score in scores.values())
    x = prepared.features("validation") @ np.array(of_calls)
    y = prepared.label("validation")
    rises = []
    for seed in range(100):
        z = np.random.default_rng(seed).permutation(x)
        rises.append(np.mean(np.logaddexp(0, z) - y * z - np.logaddexp(0, x) + y * x))
    first = permutation_scores(scorer, schema, held, seed=1)[CALLS]
    assert first == pytest.approx(np.mean(rises), abs=4 * np.std(rises) / selection.SHUFFLES**0.5)


def test_permutation_shuffles_columns_whatever_the_model_makes_of_them():
    """A scorecard's terms are more than its columns; here only a pair of columns is useful."""
    card, features = made_card.learned(), made_card.learned().features
    scorer = Scorer(features, Linear(n_features=features.n_features), Calibrator()).eval()
    x, y = features(*card.columns).detach().numpy(), card.label.numpy()
    fitted = LogisticRegression(C=1 / (1e-4 * len(y))).fit(x, y)
    with torch.no_grad():
        scorer.net.linear.weight.copy_(torch.from_numpy(fitted.coef_))
        scorer.net.linear.bias.copy_(torch.from_numpy(fitted.intercept_))
    raw = made_card.frame()
    parsed = parse(raw, card.schema)
    rows = Rows(parsed, y, raw[["seen"]], np.zeros(len(y), np.int8), None)
    scores = permutation_scores(scorer, card.schema, rows, seed=0)
    assert list(scores) == list(features.columns)
    best, second, *others = sorted(scores, key=lambda name: -scores[name])
    assert {best, second} == {"plan", "usage"}
    assert scores[second] > 0.3
    assert max(scores[name] for name in others) < 0.02

    def loss(frame: pd.DataFrame) -> float:
        columns = Columns.from_arrays(encode(frame, card.schema))
        return log_loss(y, scorer.score(columns).double().numpy())

    rises = [
        loss(parsed.assign(plan=parsed["plan"].sample(frac=1, random_state=seed).to_numpy()))
        - loss(parsed)
        for seed in range(10)
    ]
    spread = 4 * np.std(rises) / selection.SHUFFLES**0.5
    assert scores["plan"] == pytest.approx(np.mean(rises), abs=spread)


def test_the_best_are_chosen_and_the_rest_left_out_of_the_schema(prepare):
    schema = prepare().table.schema
    scores = {c.name: score for c, score in zip(schema.features, [0.1, 0.3, -1, 0.2], strict=False)}
    scores |= {c.name: 0.0 for c in schema.features[4:]}
    chosen = choose("chi2", scores, 2)
    assert chosen.chosen == (schema.features[1].name, schema.features[3].name)
    assert list(chosen.scores.values()) == sorted(scores.values(), reverse=True)
    narrow = chosen.narrowed(schema)
    assert [column.name for column in narrow.features] == list(chosen.chosen)
    assert narrow[schema.features[2].name].kind is Kind.IGNORED
    assert "chi2 score -1" in narrow[schema.features[2].name].note
    assert len(choose("chi2", scores, None).chosen) == 3
    assert len(choose("chi2", scores, len(scores)).chosen) == 3  # the others score nothing


def test_what_cannot_be_chosen_is_refused():
    with pytest.raises(InputError, match="expected at most the 2 columns there are, got 3"):
        choose("chi2", {"a": 1.0, "b": 0.5}, 3)
    with pytest.raises(InputError, match="that l1 scores above 0, got none in 2"):
        choose("l1", {"a": 0.0, "b": -0.5}, 1)
    for k in (0, -1, 1.5, True, "all"):
        with pytest.raises(InputError, match=r"features.k: expected a whole number above 0"):
            check_selection("chi2", k)
    with pytest.raises(InputError, match=r"got 'chi' \(did you mean 'chi2'\?\)"):
        check_selection("chi", 3)
