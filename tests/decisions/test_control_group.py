from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.decisions.control_group import check_share, draw_control
from churn_torch.errors import InputError
from churn_torch.tables.hashing import text_hashes


def ids(n, first=0):
    return text_hashes(pd.Series([f"C-{i}" for i in range(first, first + n)], dtype="str"))


def draw(n, share=0.1, salt="june", seed=0, offers=2):
    rng = np.random.default_rng(seed)
    expected, offer = rng.lognormal(3, 1, n), rng.integers(0, offers, n)
    return expected, offer, draw_control(ids(n), expected, offer, share=share, salt=salt)


@given(st.integers(2, 500), st.floats(0.01, 0.9), st.integers(0, 9))
def test_the_share_is_met(n, share, seed):
    _, _, control = draw(n, share, seed=seed)
    assert control.sum() == max(int(n * share + 0.5), 1)


def test_each_offer_and_each_tenth_of_the_value_gives_its_share():
    expected, offer, control = draw(20_000, 0.13)
    for one in (0, 1):
        rows = np.flatnonzero(offer == one)
        by_value = rows[np.argsort(-expected[rows])]
        for tenth in np.array_split(by_value, 10):
            assert abs(control[tenth].sum() - 0.13 * len(tenth)) <= 2


def test_the_group_depends_on_ids_and_salt_and_not_on_the_order_of_rows():
    expected, offer, control = draw(3_000)
    order = np.random.default_rng(1).permutation(3_000)
    moved = draw_control(ids(3_000)[order], expected[order], offer[order], share=0.1, salt="june")
    np.testing.assert_array_equal(moved, control[order])
    _, _, other = draw(3_000, salt="july")
    assert (control & other).sum() < 60  # of 300: a tenth by chance


def test_a_list_that_grows_keeps_nearly_all_of_its_control_group():
    expected, offer, control = draw(5_000, offers=1)
    rng = np.random.default_rng(5)
    grown = draw_control(
        ids(5_500),
        np.concatenate([expected, rng.lognormal(3, 1, 500)]),
        np.concatenate([offer, np.zeros(500, int)]),
        share=0.1,
        salt="june",
    )[:5_000]
    assert (control & grown).sum() > 0.9 * control.sum()


def test_equal_values_are_drawn_by_the_hash():
    same = np.ones(1_000)
    control = draw_control(ids(1_000), same, np.zeros(1_000, int), share=0.1, salt="a")
    backwards = draw_control(ids(1_000)[::-1], same, np.zeros(1_000, int), share=0.1, salt="a")
    np.testing.assert_array_equal(control, backwards[::-1])


@pytest.mark.parametrize(("n", "share"), [(1, 0.5), (0, 0.1), (50, 0.0)])
def test_nobody_is_control_where_there_is_no_share_or_nobody_else(n, share):
    assert not draw(n, share)[2].any()


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match=r"^control: expected a share of 0 or more and below 1"):
        check_share(share)
