from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labelled.weights import check_weights, read_weights, weight_by_class


@pytest.mark.parametrize(
    "cells",
    [
        [0, 2, 3],
        [0.0, 2.0, 3.0],
        ["0", " 2.0 ", "3e0"],
        pd.array([0, 2, 3], dtype="Int64"),
        pd.Series(["0", "2", "3"], dtype="category"),
    ],
)
def test_numbers_are_read_however_they_come(cells):
    weight = read_weights(pd.Series(cells, name="w"), np.ones(3, dtype=bool))
    assert weight.dtype == np.float64
    assert weight.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (-0.5, "'-0.5' in row 12"),
        (np.nan, "a missing cell in row 12"),
        (np.inf, "'inf' in row 12"),
        (1e39, "'1e[+]39' in row 12"),
        ("", "a missing cell in row 12"),
        ("much", "'much' in row 12"),
        (datetime.date(2024, 1, 1), "'2024-01-01' in row 12"),
        ([1], "in row"),
    ],
)
def test_what_is_no_weight_is_named(cell, said):
    series = pd.Series([1, cell, cell], name="w", dtype=object)
    if isinstance(cell, datetime.date | list):
        series = pd.Series([cell] * 3, name="w", dtype=object)
        said = said.replace("12", "11")
    with pytest.raises(
        InputError, match=rf"^data.weight: .*column 'w', got .*{said}.* rows\); correct"
    ):
        read_weights(series, np.ones(3, dtype=bool), first_row=10)


def test_rows_without_a_label_need_no_weight():
    weight = read_weights(pd.Series([1.0, np.nan, -3.0]), np.array([True, False, False]))
    assert weight[0] == 1


def test_classes_are_added_up():
    label = np.array([1, 0, 0, 1, 1], dtype=np.float32)
    part = np.array([0, 0, 2, 0, 2], dtype=np.int8)
    weight = np.array([1, 2, 0.5, 0, 4])
    assert weight_by_class(part, label, None, n_parts=3).tolist() == [[1, 2], [0, 0], [1, 1]]
    assert weight_by_class(part, label, weight, n_parts=3).tolist() == [[2, 1], [0, 0], [0.5, 4]]
    assert weight_by_class(part[:0], label[:0], None, n_parts=1).tolist() == [[0, 0]]


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize(("sums", "who"), [([0, 3], "customers who stay"), ([3, 0], "churners")])
def test_a_class_without_weight_is_refused(part, sums, who):
    fine = {name: np.ones(2) for name in ("train", "validation")} | {"test": np.zeros(2)}
    check_weights("w", fine)
    with pytest.raises(InputError, match=f"expected {part} rows .* the weight 0 for all {who}"):
        check_weights("w", fine | {part: np.array(sums)})
