"""Broken randomisation is found, and sound randomisation seldom raises an alarm."""

from __future__ import annotations

import math

import numpy as np
import pytest

from churn_torch.decisions.group_checks import check_randomisation


def made(n: int = 5000, seed: int = 0):
    rng = np.random.default_rng(seed)
    treated = rng.random(n) >= 0.1
    probability = rng.beta(2, 5, n)
    columns = {"probability": probability, "value": rng.lognormal(5, 1, n)}
    return treated, np.ones(n, dtype=bool), columns


def test_sound_campaigns_raise_no_alarm_and_their_p_values_are_even():
    found = [check_randomisation(*made(1000, seed), 0.1) for seed in range(300)]
    assert sum(bool(one.warnings) for one in found) <= 3
    p = np.array([one.balance_p for one in found])
    assert np.mean(p < 0.1) == pytest.approx(0.1, abs=0.05)


def test_another_share_than_planned_is_found():
    found = check_randomisation(*made(), 0.2)
    assert found.share_p < 1e-10
    (warning,) = found.warnings
    assert "20.0% were planned" in warning


def test_outcomes_that_are_missing_in_one_group_are_found():
    treated, known, columns = made()
    rng = np.random.default_rng(1)
    known = known & (~treated | (rng.random(len(known)) < 0.8))
    found = check_randomisation(treated, known, columns, 0.1)
    assert found.missing_control == 0
    assert found.missing_treated == pytest.approx(0.2, abs=0.02)
    assert any("have no outcome" in warning for warning in found.warnings)


def test_a_control_group_of_other_customers_is_found():
    treated, known, columns = made()
    chosen = treated | (np.random.default_rng(1).random(5000) < columns["probability"])
    found = check_randomisation(chosen, known, columns, float((~chosen).mean()))
    (warning,) = found.warnings
    assert "mean of probability" in warning
    by_name = {one.name: one for one in found.balance}
    assert by_name["probability"].difference > 0.1
    assert abs(by_name["value"].difference) < 0.2


def test_columns_that_say_the_same_or_nothing_do_not_count_twice():
    treated, known, columns = made()
    alone = check_randomisation(treated, known, columns, 0.1)
    more = {**columns, "twice": 2 * columns["value"], "constant": np.full(5000, 3.0)}
    assert check_randomisation(treated, known, more, 0.1).balance_p == pytest.approx(
        alone.balance_p
    )


def test_without_a_control_group_there_is_nothing_to_compare():
    treated, known, columns = made()
    found = check_randomisation(np.ones_like(treated), known, columns, 0.0)
    assert math.isnan(found.share_p)
    assert math.isnan(found.balance_p)
    assert found.warnings == []
    nothing = check_randomisation(treated, np.zeros_like(known), columns, 0.1)
    assert nothing.balance == ()
