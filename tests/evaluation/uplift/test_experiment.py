"""What can be no experiment is refused; weights undo an uneven choice."""

from __future__ import annotations

import numpy as np
import pytest

from churn_torch.errors import InputError
from churn_torch.evaluation.uplift.experiment import experiment
from tests.evaluation.made_experiments import drawn

HALF = np.arange(200) % 2


@pytest.mark.parametrize(
    ("treatment", "got"),
    [(np.ones(200), "only 1"), (np.zeros(200), "only 0"), (HALF * 2, "got 0, 2")],
)
def test_a_treatment_that_tells_no_two_groups_apart(treatment: np.ndarray, got: str):
    with pytest.raises(InputError, match=rf"^data\.treatment: expected 1 .*{got}"):
        experiment(HALF, treatment)
    with pytest.raises(InputError, match="only no rows"):
        experiment([], [])


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, 1.2, np.nan])
def test_a_probability_that_leaves_nothing_to_chance(wrong: float):
    with pytest.raises(InputError, match=r"treatment_probability: expected probabilities above 0"):
        experiment(HALF, HALF, wrong)
    with pytest.raises(InputError, match=r"treatment_probability: expected probabilities above 0"):
        experiment(HALF, HALF, np.where(np.arange(200) == 7, wrong, 0.5))


def test_a_probability_that_the_treatment_contradicts():
    with pytest.raises(InputError, match=r"50\.0% were.*got 25\.0% on average"):
        experiment(HALF, HALF, 0.25)
    experiment(HALF, HALF, 0.4)  # 2.9 standard errors: chance


def test_lengths_and_outcomes():
    with pytest.raises(ValueError, match="two arrays"):
        experiment(HALF[1:], HALF)
    with pytest.raises(ValueError, match="one probability"):
        experiment(HALF, HALF, np.full(3, 0.5))
    with pytest.raises(ValueError, match="0 and 1"):
        experiment(HALF + 0.5, HALF)


def test_staying_is_good_unless_the_outcome_is():
    churn = (np.arange(200) % 3 == 0).astype(float)
    assert experiment(churn, HALF).good == pytest.approx(1.0 - churn)
    assert experiment(churn, HALF, outcome_is_good=True).good == pytest.approx(churn)


def test_weights_make_both_groups_stand_for_all_customers():
    made = drawn(np.random.default_rng(0), 200_000, probability=None)
    rows = experiment(made.outcome, made.treatment, made.probability)
    for side in (rows.treated, ~rows.treated):
        assert rows.weight[side].sum() == pytest.approx(200_000, rel=0.01)
        # The prediction does not depend on the risk, the probability of a contact does.
        risk = np.log(made.probability / (1 - made.probability)) / 0.7
        assert np.average(risk[side], weights=rows.weight[side]) == pytest.approx(0, abs=0.02)
