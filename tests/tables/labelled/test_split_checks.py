from __future__ import annotations

import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labelled.split_checks import check_classes, check_present, check_shares


@pytest.mark.parametrize(
    ("validation", "test"), [(0, 0.2), (1, 0), (0.5, 0.5), (0.2, -0.1), (0.1, 1), (float("nan"), 0)]
)
def test_shares_that_leave_a_part_empty_are_refused(validation, test):
    check_shares(0.15, 0.15)
    check_shares(0.99, 0.0)
    with pytest.raises(InputError, match=r"^data.split: .*below 1, got validation="):
        check_shares(validation, test)


def test_a_missing_time_or_group_is_refused():
    check_present("time", 0, 1000)
    with pytest.raises(
        InputError, match=r"^data.split.column: expected a time in every row, got 2 of 1,000 miss"
    ):
        check_present("time", 2, 1000)


@pytest.mark.parametrize(
    ("n_positive", "said"),
    [
        ([0, 1, 1], "the training part, got no positive row among its 1,000"),
        ([1, 200, 1], "the validation part, got no negative row among its 200"),
        ([1, 1, 0], "the test part, got no positive row among its 100 .*2 positive rows in 1,300"),
    ],
)
def test_a_part_of_one_class_is_refused(n_positive, said):
    check_classes([1000, 200, 100], [1, 1, 1])
    check_classes([1000, 200], [1, 1])
    with pytest.raises(InputError, match=f"^data.split: expected both classes in {said}"):
        check_classes([1000, 200, 100], n_positive)
