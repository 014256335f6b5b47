from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.decisions.allocation import NOBODY
from churn_torch.decisions.targeting import choose_targets
from churn_torch.errors import InputError
from churn_torch.tables.hashing import text_hashes


def choose(net, spend, *, budget=None, capacities=None, share=0.1, salt="june"):
    n, k = net.shape
    return choose_targets(
        net,
        spend,
        text_hashes(pd.Series(np.arange(n).astype(str), dtype="str")),
        [f"offer_{number}" for number in range(k)],
        budget=budget,
        capacities=capacities or [None] * k,
        share=share,
        salt=salt,
    )


def made(n, k=1, seed=0, *, equal=True):
    rng = np.random.default_rng(seed)
    net = rng.normal(20, 30, (n, k))
    return net, np.full((n, k), 10.0) if equal else rng.uniform(2, 25, (n, k))


@given(st.integers(1, 60), st.integers(0, 50), st.sampled_from([0.0, 0.1, 0.3, 0.5]))
def test_the_budget_pays_for_contacts_only_and_is_used(n_paid, seed, share):
    net, spend = made(200, seed=seed)
    found = choose(net, spend, budget=n_paid * 10.0, share=share)
    assert len(found.contacted) == n_paid
    assert found.limited_by == ("budget",)
    # Contacts and control group together are the best of all customers.
    listed = np.concatenate([found.contacted, found.control])
    best = np.argsort(-net[:, 0], kind="stable")[: len(listed)]
    assert set(listed) == set(best)
    assert found.gap == pytest.approx(0, abs=1e-9)


def test_the_last_contact_of_a_large_budget_is_made():
    """A rest of one contact is far below a thousandth of the budget."""
    net, spend = made(6_000)
    for n_paid in (1_500, 1_501, 2_999):
        found = choose(net, spend, budget=n_paid * 10.0)
        assert len(found.contacted) == n_paid
        assert found.limited_by == ("budget",)


def test_capacities_count_contacts_only():
    net, spend = made(3_000, k=2)
    found = choose(net, spend, capacities=[100, 40], share=0.2)
    counts = np.bincount(found.offer[found.contacted], minlength=2)
    assert (counts <= [100, 40]).all()
    assert (counts >= [98, 38]).all()
    assert abs(len(found.control) - 0.2 * (len(found.contacted) + len(found.control))) <= 1
    assert set(found.limited_by) == {"offer_0", "offer_1"}


def test_costs_that_differ_stay_within_the_budget_and_near_the_bound():
    net, spend = made(5_000, k=2, equal=False)
    found = choose(net, spend, budget=4_000.0)
    paid = spend[found.contacted, found.offer[found.contacted]].sum()
    assert 3_950 < paid <= 4_000
    assert found.gap < 0.005


def test_ranks_go_by_expected_net_value_and_the_lists_are_disjoint():
    net, spend = made(500, k=2)
    found = choose(net, spend)
    for rows in (found.contacted, found.control):
        values = net[rows, found.offer[rows]]
        assert (np.diff(values) <= 0).all()
        assert (values > 0).all()
    assert not set(found.contacted) & set(found.control)
    chosen = np.union1d(found.contacted, found.control)
    np.testing.assert_array_equal(np.flatnonzero(found.offer != NOBODY), chosen)
    assert len(chosen) == (net > 0).any(axis=1).sum()
    assert found.limited_by == ()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"budget": 9.99}, r"^budget: expected enough for one contact, 10\.00 or more, got 9\.99"),
        ({"capacities": [3], "share": 0.8}, r"^offer\.offer_0\.capacity: .* got 3 contacts beside"),
        ({"budget": 30.0, "share": 0.8}, r"^budget: expected more contacts than control"),
        ({"share": 0.8}, r"^control: expected more contacts than control customers"),
    ],
)
def test_limits_that_leave_no_campaign_are_refused(keys, message):
    with pytest.raises(InputError, match=message):
        choose(*made(300), **keys)


def test_offers_that_pay_for_nobody_are_refused():
    net, spend = made(20)
    with pytest.raises(InputError, match=r"^offer\.offer_0: .* -1\.00 at best"):
        choose(np.minimum(net, 0) - 1, spend)
    with pytest.raises(InputError, match="nobody to whom it may be made"):
        choose(np.full((3, 1), np.nan), np.ones((3, 1)))
