from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from churn_torch.errors import InputError
from churn_torch.explanation.explained_model import ExplainedModel, ExplainedRows
from churn_torch.workflows.explanation.factors import factors
from churn_torch.workflows.rows.own_rows import sample_own_rows

CALLS = "Größe/Call  Failure"


@pytest.fixture(scope="module")
def rows(customers_run) -> ExplainedRows:
    return sample_own_rows(customers_run, "test", 1000, seed=0)


@pytest.fixture(scope="module")
def model(customers_run) -> ExplainedModel:
    return ExplainedModel(customers_run.model)


def changed(rows: ExplainedRows, name: str, cells: object) -> ExplainedRows:
    parsed = rows.parsed.copy()
    parsed[name] = cells
    return ExplainedRows(parsed, rows.label, rows.carried)


def test_every_column_has_its_factors(model, rows):
    found = factors(model, rows, seed=1)
    assert sorted(one.columns for one in found.importance) == sorted((n,) for n in model.names)
    rises = [one.log_loss_rise for one in found.importance]
    assert rises == sorted(rises, reverse=True)
    # The labels follow the calls and the plan.
    assert {one.columns[0] for one in found.importance[:2]} == {CALLS, "plan"}
    assert found.associations[0].column == CALLS
    assert sorted(one.column for one in found.effects) == sorted(model.names)
    spreads = [one.spread for one in found.effects]
    assert spreads == sorted(spreads, reverse=True)
    assert {one.column for one in found.effects[:2]} == {CALLS, "plan"}
    calls = next(one for one in found.effects if one.column == CALLS)
    assert np.all(np.diff(calls.effect) > 0)
    assert calls.n_missing == rows.parsed[CALLS].isna().sum()
    strengths = [one.strength for one in found.pairs]
    assert strengths == sorted(strengths, reverse=True)
    assert len(strengths) == 5
    content = json.dumps(asdict(found), allow_nan=False)
    assert content == json.dumps(asdict(factors(model, rows, seed=1)))
    assert found.coefficients is None


def test_the_effects_are_those_of_the_calibrated_file(model, rows):
    curve = next(one for one in factors(model, rows).effects if one.column == "is member")
    members, others = (changed(rows, "is member", word).parsed for word in ("yes", "no"))
    logits = [np.log(p / (1 - p)) for p in map(model.probability, (members, others))]
    effect = dict(zip(curve.at, curve.effect, strict=True))
    assert effect["yes"] - effect["no"] == pytest.approx(np.mean(logits[0] - logits[1]), abs=1e-5)


def test_correlated_columns_move_together(customers_run, rows):
    model = ExplainedModel(customers_run.model)
    group = {"columns": ["add", "plan", "not an input"], "strength": 0.9, "sentence": ""}
    overlapping = {"columns": ["plan", "joined"], "strength": 0.8, "sentence": ""}
    model.metadata["correlated_columns"] = [group, overlapping]
    found = factors(model, rows).importance
    assert ("add", "plan") in [one.columns for one in found]
    assert ("joined",) in [one.columns for one in found]
    assert sorted(name for one in found for name in one.columns) == sorted(model.names)


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_are_refused(model, rows, label):
    alike = ExplainedRows(rows.parsed, np.full_like(rows.label, label), rows.carried)
    with pytest.raises(InputError, match=r"source: expected labelled rows of both classes, got "):
        factors(model, alike)


@pytest.mark.parametrize(
    ("name", "cells"), [("plan", "basic"), ("plan", ""), (CALLS, np.nan), ("joined", 18_000.0)]
)
def test_a_column_of_one_value_has_an_importance_of_zero_and_no_curve(model, rows, name, cells):
    found = factors(model, changed(rows, name, cells))
    assert name not in [one.column for one in found.effects]
    assert name not in [each for pair in found.pairs for each in pair.columns]
    one = next(one for one in found.importance if one.columns == (name,))
    assert (one.low, one.log_loss_rise, one.high) == (0, 0, 0)
    of_one = next(one for one in found.associations if one.column == name)
    assert (of_one.chi2_p_value, of_one.mutual_information) == (1, 0)
    json.dumps(asdict(found), allow_nan=False)


def test_few_rows_and_a_category_of_one_row(model, rows):
    chosen = np.concatenate([np.flatnonzero(rows.label == c)[:2] for c in (0, 1)])
    few = ExplainedRows(
        rows.parsed.take(chosen).reset_index(drop=True), rows.label[chosen], rows.carried
    )
    few = changed(few, "plan", ["basic", "basic", "plus, more", "only here"])
    found = factors(model, few)
    json.dumps(asdict(found), allow_nan=False)
    plan = next(one for one in found.effects if one.column == "plan")
    assert dict(zip(plan.at, plan.n_rows, strict=True))["only here"] == 1
