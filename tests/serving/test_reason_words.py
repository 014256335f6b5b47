from __future__ import annotations

import numpy as np
import pandas as pd

from churn_torch.serving.reason_words import CellWords, top_reasons, untrusted
from churn_torch.tables.schema import Column, Kind, Schema, Storage

NAMES = ["tenure", "joined", "contract", "member"]
SCHEMA = Schema(
    columns=(
        Column("tenure", Kind.NUMERIC, Storage.NUMBER),
        Column("joined", Kind.DATETIME, Storage.DATETIME),
        Column("contract", Kind.CATEGORICAL, Storage.TEXT),
        Column("member", Kind.BOOLEAN, Storage.NUMBER),
        Column("churned", Kind.TARGET, Storage.TEXT),
    ),
    target="churned",
    positive="yes",
    negative="no",
)
ROWS = pd.DataFrame(
    {
        "tenure": [3.0, 12.5, np.nan],
        "joined": pd.to_datetime(["2024-01-31", None, "2024-02-01 12:30"], format="ISO8601"),
        "contract": ["Month-to-month", None, "x" * 60],
        "member": [1, 0, 1],
    }
)


def test_reasons_that_raise_the_odds_are_told_with_the_strongest_first():
    log = np.log(np.array([[2.0, 1.2, 3.0, 0.5], [1.0, 1.04, 0.2, 1.5], [150.0, 1.1, 1.3, 1.5]]))
    first, second, third = top_reasons(log.astype(np.float32), CellWords(ROWS, SCHEMA, NAMES))
    assert first.tolist() == [
        "contract: Month-to-month, odds x 3.0",
        "member: no, odds x 1.5",
        "tenure: missing, odds x 150",
    ]
    assert second.tolist()[0] == "tenure: 3, odds x 2.0"
    assert second.tolist()[1] == ""  # x 1.0 is no reason
    assert third.tolist() == [
        "joined: 2024-01-31, odds x 1.2",
        "",
        f"contract: {'x' * 40}…, odds x 1.3",
    ]


def test_yes_and_no_are_told_whether_they_come_as_numbers_or_as_text():
    texts = ROWS.assign(member=["1", "0", None])
    words = CellWords(texts, SCHEMA, NAMES)
    assert words.of(3, np.arange(3)) == ["yes", "no", "missing"]


def test_a_model_of_two_inputs_gives_two_reasons():
    words = CellWords(ROWS, SCHEMA, NAMES[:2])
    told = top_reasons(np.ones((3, 2), np.float32), words)
    assert told[1].tolist()[2] == "joined: 2024-02-01T12:30:00, odds x 2.7"
    assert told[2].tolist() == ["", "", ""]


def test_cells_that_cannot_be_trusted_are_named_with_what_they_hold():
    quality = np.array([[3, 0, 2, 0], [0, 1, 1, 0], [1, 0, 2, 0]])
    meaning = {0: "fine", 1: "missing", 2: "unseen category", 3: "outside the training range"}
    told = untrusted(quality, CellWords(ROWS, SCHEMA, NAMES), meaning).tolist()
    assert (
        told[0]
        == "tenure: outside the training range (3); contract: unseen category (Month-to-month)"
    )
    assert told[1] == "joined: missing; contract: missing"


def test_cells_of_a_csv_are_told_as_they_stand():
    rows = pd.DataFrame({"tenure": ["1.250,00 EUR", "  7 "]})
    (first, *_) = top_reasons(np.ones((2, 1), np.float32), CellWords(rows, SCHEMA, ["tenure"]))
    assert first.tolist() == ["tenure: 1.250,00 EUR, odds x 2.7", "tenure: 7, odds x 2.7"]
