from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss, roc_auc_score

from churn_torch.explanation.explained_model import ExplainedRows
from churn_torch.explanation.importance import Importance, importance, permuted_mean
from tests.explanation.made_rows import MadeModel, made_rows

MODEL = MadeModel()
ROWS = made_rows(500)


class Scikit(ClassifierMixin, BaseEstimator):
    """The model as scikit-learn asks it, of columns by position."""

    classes_ = np.array([0, 1])

    def fit(self, *rows: object) -> None: ...

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, parsed: pd.DataFrame) -> np.ndarray:
        churn = 1 / (1 + np.exp(-MODEL.logit(parsed)))
        return np.stack([1 - churn, churn], axis=1)


def found(
    *groups: tuple[str, ...], rows: ExplainedRows = ROWS, repeats: int = 5
) -> list[Importance]:
    return list(importance(MODEL, rows, groups, repeats=repeats))


def test_single_columns_are_those_of_scikit_learn():
    names = [column.name for column in MODEL.schema.features]
    ours = found(*((name,) for name in names), repeats=20)
    reference = permutation_importance(
        Scikit(), ROWS.parsed, ROWS.label,
        scoring=["neg_log_loss", "roc_auc"], n_repeats=20, random_state=0,
    )  # fmt: skip
    for i, one in enumerate(ours):
        for key, value in (("neg_log_loss", one.log_loss_rise), ("roc_auc", one.auroc_fall)):
            noise = reference[key].importances_std[i] / np.sqrt(20)
            assert value == pytest.approx(reference[key].importances_mean[i], abs=6 * noise + 1e-9)


def test_columns_of_a_group_move_together():
    (both,) = found(("months", "charges"), repeats=1)
    order = np.random.default_rng(0).permutation(len(ROWS.label))
    moved = ROWS.parsed.copy()
    for name in ("months", "charges"):
        moved[name] = ROWS.parsed[name].to_numpy()[order]
    before, after = (Scikit().predict_proba(each)[:, 1] for each in (ROWS.parsed, moved))
    rise = log_loss(ROWS.label, after) - log_loss(ROWS.label, before)
    fall = roc_auc_score(ROWS.label, before) - roc_auc_score(ROWS.label, after)
    assert both.log_loss_rise == pytest.approx(rise)
    assert both.auroc_fall == pytest.approx(fall)
    assert both.low < rise < both.high
    reasons = MODEL.reasons(ROWS.parsed)[:, [MODEL.names.index(n) for n in both.columns]].sum(1)
    assert both.mean_reason == pytest.approx(np.abs(reasons).mean())
    half = 1.959964 * np.abs(reasons).std() / np.sqrt(len(reasons))
    assert both.reason_high - both.mean_reason == pytest.approx(half, rel=1e-6)


def test_a_column_of_one_value_matters_nothing():
    parsed = ROWS.parsed.copy()
    parsed["months"] = np.nan
    (one,) = found(("months",), rows=ExplainedRows(parsed, ROWS.label, ROWS.carried))
    assert (one.log_loss_rise, one.low, one.high) == (0, 0, 0)
    assert (one.auroc_fall, one.mean_reason, one.reason_low) == (0, 0, 0)


def test_few_rows_have_wide_intervals():
    few = ExplainedRows(
        ROWS.parsed.iloc[:6], np.array([0, 1, 0, 1, 0, 0], np.float32), ROWS.carried
    )
    (one,) = found(("region",), rows=few)
    (many,) = found(("region",))
    assert np.isfinite([one.low, one.high, one.auroc_fall]).all()
    assert one.high - one.low > 2 * (many.high - many.low)


def test_the_mean_is_that_of_all_pairs_and_so_is_its_variance():
    # All n! orders of four rows as repeats: the mean is that of every pair of rows.
    rng = np.random.default_rng(0)
    table = rng.normal(size=(4, 4))
    orders = np.array(list(itertools.permutations(range(4))))
    mean, half = permuted_mean(table[np.arange(4), orders], orders)
    assert mean == pytest.approx(table.mean())
    effect = table.mean(0) + table.mean(1)
    expected = effect.var() - table.var() / len(orders)
    assert half == pytest.approx(1.959964 * np.sqrt(expected / 4), rel=1e-6)


@pytest.mark.parametrize("repeats", [1, 5])
def test_intervals_hold_the_mean_of_all_pairs(repeats):
    # A value is the sum of an effect of each row and of their product, around 0.3.
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        receiver, lender = rng.normal(size=(2, 150))
        receiver += 0.8 * lender
        orders = np.stack([rng.permutation(150) for _ in range(repeats)])
        values = 0.3 + receiver + lender[orders] + receiver * lender[orders]
        mean, half = permuted_mean(values, orders)
        held.append(abs(mean - 0.3) <= half)
    assert 0.92 < np.mean(held) < 0.98
