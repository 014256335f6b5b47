from __future__ import annotations

import math

import pytest

from churn_torch.errors import InputError
from churn_torch.training.logistic.penalty_choice import LinearModel, PenaltyChoice
from churn_torch.training.logistic.problem import Penalty


def test_there_is_a_model_for_every_penalty_and_fold():
    choice = PenaltyChoice(0.5, [1.0, 3.0], 2)
    assert choice.penalties == [Penalty(0.5, 3.0), Penalty(0.5, 1.0)]  # the strongest first
    assert choice.models == [
        *(LinearModel(0, -1), LinearModel(0, 0), LinearModel(0, 1)),
        *(LinearModel(1, -1), LinearModel(1, 0), LinearModel(1, 1)),
    ]
    assert choice.candidates == [0, 3]
    assert [choice.penalty_of(i).l2 for i in (0, 2, 3, 5)] == [3, 3, 1, 1]


def test_one_penalty_needs_no_folds():
    choice = PenaltyChoice(0.0, [1.0], 5)
    assert (choice.folds, choice.models) == (0, [LinearModel(0)])


def test_without_folds_the_validation_loss_decides():
    choice = PenaltyChoice(0.0, [3.0, 2.0, 1.0], 0)
    choice.validation_loss = [0.5, 0.3, 0.3]
    assert choice.best() == 1  # of equals the stronger penalty
    assert [choice.loss_of(i) for i in choice.candidates] == [0.5, 0.3, 0.3]


def test_with_folds_the_mean_of_the_rows_held_out_decides():
    choice = PenaltyChoice(0.0, [3.0, 1.0], 2)
    choice.validation_loss = [0.1, math.nan, math.nan, 0.9, math.nan, math.nan]
    choice.held_loss = [math.nan, 0.5, 0.7, math.nan, 0.3, 0.4]
    assert [choice.loss_of(i) for i in choice.candidates] == pytest.approx([0.6, 0.35])
    assert choice.best() == 3


def test_the_losses_make_the_round_trip():
    choice, fresh = (PenaltyChoice(0.0, [3.0, 1.0], 0) for _ in range(2))
    choice.validation_loss, choice.separable = [0.5, 0.25], [True, False]
    fresh.load_state_dict(choice.state_dict())
    assert (fresh.validation_loss, fresh.separable) == ([0.5, 0.25], [True, False])
    fresh.validation_loss[0] = 9.0
    assert choice.validation_loss[0] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, [1.0], 0), r"^penalty: expected l1 and l2 of 0 or above, got l1=-1"),
        ((0, [1.0, -1.0], 0), r"^penalty: expected l1 and l2 of 0 or above, got .*l2=\[1\.0, -1"),
        ((0, [], 0), r"^penalty: expected l1 and l2 of 0 or above"),
        ((0, [1.0], 1), r"^penalty\.folds: expected 0, or 2 or more, got 1; 0 chooses"),
        ((0, [1.0], -1), r"^penalty\.folds: expected 0, or 2 or more, got -1; 0 chooses"),
    ],
)
def test_values_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        PenaltyChoice(*arguments)
