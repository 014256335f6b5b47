"""Which cells may stand together, on tables small enough to count by eye."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn_torch.explanation import existing_cells
from churn_torch.explanation.existing_cells import ExistingCells
from churn_torch.tables.schema import Column, Kind, Schema, Storage

SCHEMA = Schema(
    (
        Column("net", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("no", "dsl", "fiber")),
        Column("tv", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("none", "basic", "full")),
        Column("city", Kind.CATEGORICAL, Storage.TEXT, vocabulary=("A", "B")),
        Column("fee", Kind.NUMERIC, Storage.NUMBER, minimum=10.0, maximum=50.0),
        Column("senior", Kind.BOOLEAN, Storage.NUMBER, minimum=0.0, maximum=1.0),
        Column("churned", Kind.TARGET, Storage.TEXT),
    ),
    target="churned",
    positive="yes",
    negative="no",
)
# 10 x no/none for 10 to 12, 10 x dsl/basic for 20 to 30, 10 x fiber/full for 40 to 50.
ROWS = pd.DataFrame(
    {
        "net": np.repeat(["no", "dsl", "fiber"], 10),
        "tv": np.repeat(["none", "basic", "full"], 10),
        "city": ["B", *["A"] * 29],
        "fee": [*np.linspace(10, 12, 10), *np.linspace(20, 30, 10), *np.linspace(40, 50, 10)],
        "senior": [0.0, 1.0] * 15,
    }
)
ALL = ["net", "tv", "city", "fee", "senior"]


def words(existing: ExistingCells, name: str, *cells: str) -> np.ndarray:
    return existing.words(name).get_indexer(list(cells))


def test_new_cells_were_seen_in_training_and_in_the_rows():
    rows = pd.concat([ROWS, ROWS.assign(net="", tv="rare", fee=99.0)], ignore_index=True)
    existing = ExistingCells(rows, SCHEMA, ALL)
    assert set(existing.words("net")[existing.new_cells("net", "dsl")]) == {"no", "fiber"}
    assert set(existing.words("tv")[existing.new_cells("tv", "")]) == {"none", "basic", "full"}
    assert existing.new_cells("senior", 1.0).tolist() == [0.0]
    assert existing.new_cells("fee", 30.0).max() == 50.0
    assert 30.0 not in existing.new_cells("fee", 30.0)


def test_only_so_many_categories_and_values_are_tried(monkeypatch):
    monkeypatch.setattr(existing_cells, "MOST_CATEGORIES", 1)
    monkeypatch.setattr(existing_cells, "MOST_VALUES", 4)
    existing = ExistingCells(ROWS, SCHEMA, ALL)
    assert existing.words("city")[existing.new_cells("city", "")].tolist() == ["A"]  # in most rows
    values = existing.new_cells("fee", 10.0)
    assert len(values) == 4
    assert values[-1] == 50.0


def test_two_categories_that_chance_would_bring_together_but_no_row_has_cannot_stand_together():
    rows = pd.concat([ROWS] * 2, ignore_index=True)  # 20 x 20 / 60 rows are expected
    existing = ExistingCells(rows, SCHEMA, ALL)
    told = existing.goes_with("net", words(existing, "net", "no", "dsl"), "tv", "none")
    assert told.tolist() == [True, False]
    few = ExistingCells(ROWS, SCHEMA, ALL)  # 10 x 10 / 30: nothing can be said
    assert few.goes_with("net", words(few, "net", "no", "dsl"), "tv", "none").all()
    assert existing.goes_with("net", words(existing, "net", "dsl"), "city", "B").all()  # rare
    for unknown in ("", "never seen"):
        assert existing.goes_with("net", words(existing, "net", "dsl"), "tv", unknown).all()


def test_a_number_stands_beside_a_category_only_in_the_range_of_its_rows():
    existing = ExistingCells(pd.concat([ROWS] * 2, ignore_index=True), SCHEMA, ALL)
    told = existing.goes_with("fee", np.array([15.0, 20.0, 25.0, 31.0, 50.0]), "net", "dsl")
    assert told.tolist() == [False, True, True, False, False]
    assert existing.goes_with("fee", np.array([50.0]), "city", "B").all()  # two rows tell nothing
    cells = words(existing, "net", "no", "dsl", "fiber")
    assert existing.goes_with("net", cells, "fee", 25.0).tolist() == [False, True, False]
    assert existing.goes_with("net", cells, "fee", np.nan).all()
    assert existing.goes_with("fee", np.array([50.0]), "senior", 1.0).all()
    # Beyond the end of all rows, and not only of these.
    told = existing.goes_with("fee", np.array([51.0, 9.0]), "net", "fiber")
    assert told.tolist() == [True, False]


def test_new_cells_occur_together_where_a_row_has_them():
    existing = ExistingCells(ROWS, SCHEMA, ALL)
    net = words(existing, "net", "no", "no", "fiber", "dsl")
    tv = words(existing, "tv", "none", "full", "full", "basic")
    assert existing.occur_together({"net": net, "tv": tv}).tolist() == [True, False, True, True]
    fee = np.array([11.0, 11.0, 30.0, 30.0])
    together = existing.occur_together({"net": net, "fee": fee, "tv": tv})
    assert together.tolist() == [True, False, False, True]
    assert existing.occur_together({"fee": fee}).all()


def test_digits_are_those_that_all_numbers_need():
    def digits(*values: float) -> int:
        frame = ROWS.iloc[: len(values)].assign(fee=values)
        return ExistingCells(frame, SCHEMA, ALL).digits("fee")

    assert digits(1.0, 20.0, np.nan) == 0
    assert digits(1.0, 2.5) == 1
    assert digits(float(np.float32(20.05)), 3.1) == 2
    assert digits(1 / 3, 2 / 3) == 6
