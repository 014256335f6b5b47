"""A customer explained from the answers of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.explanation.explained_model import ExplainedModel
from churn_torch.explanation.one_customer import CustomerExplanation, explain_customers
from churn_torch.serving.outputs import PROBABILITY, QUALITY, REASONS
from churn_torch.tables.encode import parse


@pytest.fixture
def model(customers_run) -> ExplainedModel:
    return ExplainedModel(customers_run.model)


def explained(
    model: ExplainedModel, rows: pd.DataFrame, actionable: Sequence[str] = (), **keys: Any
) -> list[CustomerExplanation]:
    ids = list(map(str, range(len(rows))))
    parsed = parse(rows, model.schema)
    return explain_customers(model, rows, parsed, ids=ids, actionable=actionable, **keys)


def test_the_numbers_are_those_of_the_run(model, customers_run, customers):
    some = customers.head(100)
    probability = customers_run.predict_proba(some)
    odds = np.exp(customers_run.reasons(some))
    told = explained(model, some)
    assert [one.id for one in told] == [str(row) for row in range(len(some))]
    for row, one in enumerate(told):
        assert one.probability == pytest.approx(probability[row], abs=1e-6)
        assert one.contacted == (probability[row] >= customers_run.threshold)
        assert one.average == customers_run.metrics["data"]["base_rate"]
        assert one.threshold == customers_run.threshold
        of_row = odds.iloc[row].sort_values()
        for reasons, expected in (
            (one.raises, of_row[of_row >= 1.05][::-1]),
            (one.lowers, of_row[of_row <= 1 / 1.05]),
        ):
            assert len(reasons) == min(len(expected), 5)
            for reason, (name, factor) in zip(reasons, expected.items(), strict=False):
                assert reason.odds_factor == pytest.approx(factor, rel=1e-4)
                assert odds[reason.column].iloc[row] == pytest.approx(factor, rel=1e-4), name


def test_cells_are_told_in_words_and_those_that_cannot_be_trusted_are_named(model, customers):
    odd = customers.head(3).assign(plan=["basic", "trial", None], add=[1000.0, 5000.0, 1000.0])
    plain, unseen, missing = explained(model, odd)
    assert not [told for told in plain.untrusted if "plan" in told or "add" in told]
    assert "plan: unseen category (trial)" in unseen.untrusted
    assert "add: outside the training range (5000)" in unseen.untrusted
    assert "plan: missing" in missing.untrusted
    cells = {reason.column: reason.cell for reason in (*plain.raises, *plain.lowers)}
    assert cells["plan"] == "basic"


def test_there_is_a_change_or_a_sentence_that_says_why_not(model, customers):
    some = customers.head(60)
    for one in explained(model, some):
        assert not one.changes
        assert ("explain.actionable" in one.note) == one.contacted
        assert ("below the threshold already" in one.note) != one.contacted
    among = parse(customers, model.schema)
    told = explained(model, some, ["plan", "Größe/Call  Failure"], among=among)
    above = [one for one in told if one.contacted]
    assert all(bool(one.changes) != bool(one.note) for one in above)
    for one in above:
        for change in one.changes:
            assert change.cells.keys() <= {"plan", "Größe/Call  Failure"}
            assert change.probability < one.threshold
    assert all("already" in one.note and not one.changes for one in told if not one.contacted)
    none = explained(model, some, ["cat"])
    notes = {one.note for one in none if one.contacted and not one.changes}
    assert notes == {
        "No change of cat to cells that occur together was found that brings the probability "
        "below the threshold."
    }


def test_a_caveat_is_given_where_two_columns_of_a_group_are_shown(model, customers):
    def caveats(*columns: str) -> tuple[str, ...]:
        group = {"columns": list(columns), "strength": 0.9, "sentence": "Read them as one"}
        model.metadata["correlated_columns"] = [group]
        (one,) = explained(model, customers.head(1))
        return one.caveats

    (one,) = explained(model, customers.head(1))
    assert one.caveats == ()
    first, second, *_ = [reason.column for reason in (*one.raises, *one.lowers)]
    (caveat,) = caveats(first, second, "unknown")
    assert caveat.startswith("Read them as one: together odds x ")
    assert caveats(first, "unknown") == ()


def test_a_file_without_reasons_and_quality_says_so(model, customers):
    for name in ("reasons", "quality"):
        del model.metadata[name]
    (one,) = explained(model, customers.head(1))
    assert (one.raises, one.lowers, one.untrusted) == ((), (), ())
    assert one.caveats == ("The file has no reasons (export.outputs), so none are told.",)


def test_the_probability_of_a_model_of_uplift_is_explained_as_what_it_is(model, customers):
    model.metadata["uplift"] = {"uplift": "by how much"}
    (one,) = explained(model, customers.head(1))
    assert one.caveats == ("The probability is that of a customer who is not contacted.",)


def test_a_run_explains_rows_with_what_its_training_named(customers_run, customers):
    some = customers.head(20)
    told = customers_run.explain(some)
    assert [one.id for one in told] == some["customer id"].tolist()
    assert all(not one.changes for one in told)
    changed = customers_run.explain(some, actionable=["plan"], among=customers)
    assert any(one.changes for one in changed)
    assert [one.id for one in customers_run.explain(some.drop(columns="customer id"))][:2] == [
        "0",
        "1",
    ]
    with pytest.raises(InputError, match=r"^explain\.actionable: .* 'plans'.* 'plan'"):
        customers_run.explain(some, actionable=["plans"])


def test_all_rows_are_asked_at_once(model, customers, monkeypatch):
    asked = []
    compute = ExplainedModel._compute

    def counted(self: ExplainedModel, parsed: pd.DataFrame, *names: str) -> Any:
        asked.append((len(parsed), names))
        return compute(self, parsed, *names)

    monkeypatch.setattr(ExplainedModel, "_compute", counted)
    explained(model, customers.head(50))
    assert sorted(asked) == [(50, (name,)) for name in sorted([PROBABILITY, QUALITY, REASONS])]
