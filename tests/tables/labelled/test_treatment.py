from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.treatment import arms_sentence
from churn_torch.tables.options import DataOptions
from churn_torch.tables.schema import Kind

N = 200
PLAIN: dict[str, Any] = {"target": "churned", "treatment": "called"}


def made(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = {
        "usage": rng.normal(size=N),
        "called": np.arange(N) % 2,
        "chance": np.where(np.arange(N) < 100, 0.25, 0.5),
        "churned": rng.choice(["yes", "no"], N),
    }
    return pd.DataFrame({**table, **columns})


@pytest.mark.parametrize("streaming", [False, True])
def test_the_treatment_travels_with_the_rows_and_is_no_feature(streaming: bool) -> None:
    frame = made(called=np.where(made()["called"] == 1, "Ja", "nein"))
    table = read_labelled(DataOptions(**PLAIN, streaming=streaming), seed=0, source=frame)
    rows = list(table.chunks())
    treatment = np.concatenate([chunk.treatment for chunk in rows])
    carried = pd.concat([chunk.carried for chunk in rows])
    np.testing.assert_array_equal(treatment, np.arange(N) % 2)
    assert carried["called"].tolist() == frame["called"].tolist()
    assert [column.name for column in table.schema.features] == ["usage", "chance"]
    assert table.schema["called"].kind is Kind.TREATMENT
    assert rows[0].weight is None
    arms = table.arms
    assert arms is not None
    assert sum(counts.sum() for counts in arms.values()) == N
    for part, counts in arms.items():
        chosen = np.concatenate([c.of(part).treatment for c in rows])
        label = np.concatenate([c.of(part).label for c in rows])
        expected = pd.crosstab(chosen, label).to_numpy()
        np.testing.assert_array_equal(counts, expected)


def test_a_row_weighs_one_over_the_chance_of_its_own_treatment() -> None:
    options = DataOptions(**PLAIN, treatment_probability="chance")
    table = read_labelled(options, seed=0, source=made(w=np.full(N, 3.0)))
    weight = np.concatenate([chunk.weight for chunk in table.chunks()])
    frame = made()
    own = np.where(frame["called"] == 1, frame["chance"], 1 - frame["chance"])
    np.testing.assert_allclose(weight, 1 / own)
    assert "chance" not in [column.name for column in table.schema.features]
    weighted = DataOptions(**PLAIN, treatment_probability="chance", weight="w")
    table = read_labelled(weighted, seed=0, source=made(w=np.full(N, 3.0)))
    np.testing.assert_allclose(np.concatenate([c.weight for c in table.chunks()]), 3 / own)


def with_cell(column: str, cell: Any) -> pd.DataFrame:
    frame = made()
    frame[column] = frame[column].astype(object)
    frame.loc[7, column] = cell
    return frame


@pytest.mark.parametrize(
    ("frame", "more", "message"),
    [
        (made(called=1), {}, "no customers who were not contacted"),
        (made(called=0), {}, "no customers who were contacted"),
        (with_cell("called", None), {}, r"a missing cell in row 8 \(1 such rows\)"),
        (with_cell("called", 2), {}, r"1 or yes .* got '2' in row 8"),
        (made(called=(made()["churned"] == "yes") * 1), {}, "no customers who (stay|churn) among"),
        (with_cell("chance", 1.0), {"treatment_probability": "chance"}, r"got '1\.0' in row 8"),
        (with_cell("chance", 0), {"treatment_probability": "chance"}, "between 0 and 1"),
        (with_cell("chance", None), {"treatment_probability": "chance"}, "a missing cell in row 8"),
        (made(), {"treatment": "caled"}, r"data\.treatment: .* \(did you mean 'called'\?\)"),
        (made(), {"treatment": "churned"}, "another column than the target"),
        (made(), {"id": "called"}, "two: it is the treatment and also the id"),
        (made(), {"weight": "called"}, "one use"),
    ],
)
def test_a_treatment_that_cannot_be_used_is_refused(
    frame: pd.DataFrame, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_labelled(DataOptions(**{**PLAIN, **more}), seed=0, source=frame)


@pytest.mark.parametrize("chance", [0, 1, 1.5, -0.1])
def test_a_number_that_is_no_chance_is_refused(chance: float) -> None:
    with pytest.raises(InputError, match=r"treatment_probability: expected a chance between 0"):
        DataOptions(**PLAIN, treatment_probability=chance)


def test_a_chance_without_a_treatment_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected data\.treatment beside it"):
        DataOptions(target="churned", treatment_probability=0.5)


def test_a_row_without_a_label_may_have_any_treatment() -> None:
    frame = with_cell("called", None)
    frame.loc[7, "churned"] = None
    table = read_labelled(DataOptions(**PLAIN), seed=0, source=frame)
    assert len(next(table.chunks()).treatment) == N - 1


def test_an_imbalance_is_named() -> None:
    even, few = np.array([[40, 10], [45, 5]]), np.array([[80, 10], [8, 2]])
    assert arms_sentence({"train": even}) == (
        "50 of the 100 training customers were contacted (50.0%); 10.0% of them churned, of the "
        "others 20.0%."
    )
    assert arms_sentence({"train": few}).endswith(
        "Few were contacted: their number limits how sure an effect is."
    )
