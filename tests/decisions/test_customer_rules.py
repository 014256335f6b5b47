from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.decisions.customer_rules import CustomerRules, known_columns
from churn_torch.decisions.offers import BetaRate, Offer
from churn_torch.errors import InputError
from churn_torch.tables.customer_value import Valuation
from churn_torch.tables.readers.sources import PLAINLY
from churn_torch.tables.schema import Column, Kind, Schema, Storage

SCHEMA = Schema(
    columns=(
        Column("tenure", Kind.NUMERIC, Storage.NUMBER),
        Column("churned", Kind.TARGET, Storage.TEXT),
    ),
    target="churned",
    positive="yes",
    negative="no",
)
ROWS = pd.DataFrame(
    {
        "tenure": [1.0, 5.0, 20.0, 40.0],
        "charge": ["10", "20,5", "", "7"],
        "churned": ["no", "yes", "yes", None],
        "region": ["a", "b", "a", "b"],
    }
)
CALL = Offer(contact_cost=1, keep_rate=0.3)


def rules(offers=None, *, value="10", exclude=None, has_target=True, source=ROWS):
    offers = offers or {"call": CALL}
    text = " ".join(
        [value, str(exclude), *(str(o.where) + str(o.keep_rate) for o in offers.values())]
    )
    schema, _ = known_columns(SCHEMA, source, PLAINLY, text)
    return CustomerRules(
        schema, offers, Valuation(value, 2, 0.0), exclude=exclude, has_target=has_target
    )


def test_whose_target_says_churn_has_left():
    judged = rules().judge(ROWS, 0)
    assert judged.left.tolist() == [False, True, True, False]
    assert judged.eligible[:, 0].tolist() == [True, False, False, True]
    np.testing.assert_array_equal(judged.value, [20, np.nan, np.nan, 20])
    np.testing.assert_array_equal(judged.keep_rate[:, 0], [0.3, np.nan, np.nan, 0.3])


@pytest.mark.parametrize(
    ("exclude", "left"),
    [(False, []), ("region = 'a'", [0, 2]), ("tenure > 10 and region = 'b'", [3])],
)
def test_a_condition_takes_the_place_of_the_target(exclude, left):
    judged = rules(exclude=exclude).judge(ROWS, 0)
    assert np.flatnonzero(judged.left).tolist() == left


@pytest.mark.parametrize(
    ("exclude", "source", "n"),
    [
        ("region = 'a'", ROWS, 1),
        ("tenure > 4", ROWS, 0),
        ("region = 'a'", ROWS.assign(churned="perhaps"), 0),
        (False, ROWS, 0),
    ],
)
def test_leavers_whom_the_condition_does_not_name_are_counted(exclude, source, n):
    found = rules(exclude=exclude)
    found.judge(source, 0)
    assert found.n_left_in == n


def test_columns_that_training_did_not_have_are_typed_by_their_cells():
    source = ROWS.assign(charge=["10", "20.5", "3", "7"])
    judged = rules(value="charge * tenure", exclude=False, source=source).judge(source, 0)
    np.testing.assert_allclose(judged.value, [20, 205, 120, 560])


def test_each_offer_has_its_customers_and_its_keep_rate():
    offers = {
        "call": Offer(contact_cost=1, keep_rate="tenure / 100", where="region = 'a'"),
        "letter": Offer(contact_cost=1, keep_rate=BetaRate(alpha=1, beta=3)),
    }
    judged = rules(offers, exclude=False).judge(ROWS, 0)
    np.testing.assert_array_equal(judged.eligible.T, [[1, 0, 1, 0], [1, 1, 1, 1]])
    np.testing.assert_allclose(judged.keep_rate[:, 0], [0.01, np.nan, 0.2, np.nan])
    np.testing.assert_allclose(judged.keep_rate[:, 1], 0.25)


def test_values_of_customers_who_have_left_need_not_be_there():
    source = ROWS.assign(charge=["10", "", "", "7"])
    assert rules(value="charge", source=source).judge(source, 0).value[[0, 3]].tolist() == [20, 14]
    with pytest.raises(InputError, match=r"^value: .* a missing value in row 12 \(2 such rows\)"):
        rules(value="charge", exclude=False, source=source).judge(source, 10)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"value": "tenure - 30"},
            r"^value: expected a number of 0 or more .* got -29.0 in row 1 \(3 ",
        ),
        (
            {"offers": {"a": Offer(contact_cost=1, keep_rate="tenure")}},
            r"^offer.a.keep_rate: .* got",
        ),
    ],
)
def test_values_and_rates_that_cannot_be_are_refused(keys, message):
    with pytest.raises(InputError, match=message):
        rules(**{"exclude": False, **keys}).judge(ROWS, 0)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"exclude": "regionn = 'a'"}, "exclude: .*did you mean 'region'"),
        ({"exclude": "region ="}, "exclude: .* syntax error"),
        ({"value": "12 *"}, "value: .* syntax error"),
        ({"offers": {"a": Offer(contact_cost=1, keep_rate=0.3, where="1 +")}}, "offer.a.where: "),
        ({"offers": {"a": Offer(contact_cost=1, keep_rate="x")}}, "offer.a.keep_rate: .* got 'x'"),
    ],
)
def test_what_is_no_sql_over_a_row_is_refused(keys, named):
    with pytest.raises(InputError, match=f"^{named}"):
        rules(**keys)


def test_conditions_that_select_nobody_are_refused():
    offers = {"call": Offer(contact_cost=1, keep_rate=0.3, where="region = 'c'")}
    some = np.array([3])
    with pytest.raises(InputError, match=r"^exclude: .* which none of 4 does"):
        rules(exclude="region = 'c'").check_selects(0, some, 4)
    with pytest.raises(InputError, match=r"^exclude: expected customers who have not left"):
        rules().check_selects(4, some, 4)
    with pytest.raises(InputError, match=r"^offer.call.where: .* which none of 3 does"):
        rules(offers).check_selects(1, np.array([0]), 4)
    rules(exclude=False).check_selects(0, some, 4)


def test_a_target_of_other_values_asks_for_a_condition():
    source = ROWS.assign(churned=["no", "maybe", "yes", "no"])
    with pytest.raises(InputError, match=r"^target column 'churned': .* exclude=CONDITION"):
        rules(source=source).judge(source, 0)
