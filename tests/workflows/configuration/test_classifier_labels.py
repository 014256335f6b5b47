from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.workflows.configuration.classifier_labels import class_labels


@pytest.mark.parametrize(
    ("y", "churn", "modelled"),
    [
        (["No", "Yes"], "Yes", [0, 1]),
        (["Churned", "Stayed"], "Churned", [1, 0]),
        (np.array([0, 1]), 1, [0, 1]),
        ([-1.0, 1.0], 1.0, [0, 1]),
        ([True, False], True, [1, 0]),
        (pl.Series("churn", ["Left", "Stayed"]), "Left", [1, 0]),
        (pa.chunked_array([["No", "Yes"]]), "Yes", [0, 1]),
        (pd.Series([1, 0], dtype="Int8"), 1, [1, 0]),
        (pd.Series([True, False], dtype="boolean"), True, [1, 0]),
        (pd.Series(["Yes", "No"], dtype="category"), "Yes", [1, 0]),
        (pd.Series(["Yes", "No"], dtype="string[pyarrow]"), "Yes", [1, 0]),
        (pd.Series([1, 0], dtype="int64[pyarrow]"), 1, [1, 0]),
        ([" Yes", "No "], " Yes", [1, 0]),
        (["Yes\u00a0", "No"], "Yes\u00a0", [1, 0]),
        (["a", "b"], None, [0, 1]),
        ([1, 2], None, [0, 1]),
    ],
    ids=str,
)
def test_churn_is_found_as_in_a_training(y, churn, modelled):
    labels = class_labels(y, None)
    assert labels.classes.tolist() == sorted(labels.classes.tolist())
    assert labels.churn == churn
    assert labels.is_modelled.tolist() == modelled


@pytest.mark.parametrize(
    ("y", "positive", "churn"),
    [
        (["a", "b"], "a", "a"),
        ([1, 2], 1, 1),
        ([1, 2], "2", 2),
        (["No", "Yes"], "No", "No"),
        (["No", "Yes"], True, "Yes"),  # as YAML has it
    ],
)
def test_the_users_word_counts(y, positive, churn):
    assert class_labels(y, positive).churn == churn


@pytest.mark.parametrize(
    ("y", "positive", "message"),
    [
        (["a", "b"], "c", "^positive: expected one of the two labels, 'a' and 'b', got 'c'; set"),
        (["Yes", None, "No"], None, "^y: expected a label in every row, got 1 missing, .* row 2;"),
        (pd.Series([1, 0, pd.NA], dtype="Int8"), None, "got 1 missing, the first in row 3"),
        (pl.Series([None, None, 1, 0]), None, "got 2 missing, the first in row 1"),
        (["Y", " ", ""], None, "got 2 missing, the first in row 2"),
        (np.array(["1", "0", "NULL"]), None, "got 1 missing, the first in row 3"),
        ([1, 1], None, "^y: expected two classes, got one class, 1;"),
    ],
)
def test_labels_that_cannot_be_used_are_named(y, positive, message):
    with pytest.raises(InputError, match=message):
        class_labels(y, positive)


def test_the_schema_gets_the_labels_themselves():
    coded = Schema((Column("churn", Kind.TARGET, Storage.NUMBER, note="1"),), "churn", "1", "0")
    y = pd.Series(["Stayed", "Churned"], name="churn")
    labels = class_labels(y, None)
    schema = labels.named_in(coded)
    assert (labels.name, schema.positive, schema.negative) == ("churn", "Churned", "Stayed")
    assert schema["churn"].note == "target: 'Churned' is churn"


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["YES", "no", "No", "No"], r"y has 3 labels \('No' 2, .*\); write each in one way"),
        (["Stayed", "Joined", "Churned"], r"y has 3 labels \(.*\); fit y == 'Churned', or leave"),
        ([1, 2, 3], r"y has 3 labels \(1 1, 2 1, 3 1\); fit y == LABEL, or leave out the rows"),
    ],
)
def test_labels_that_are_not_two_are_counted(y, message):
    with pytest.raises(ValueError, match=f"^Only binary classification is supported.* {message}"):
        class_labels(y, None)


def test_the_schema_spells_numbers_as_a_training_does():
    coded = Schema((Column("churn", Kind.TARGET, Storage.NUMBER),), "churn", "1", "0")
    schema = class_labels(pd.Series([1.0, 0.0], name="churn"), None).named_in(coded)
    assert (schema.positive, schema.negative) == ("1", "0")
