"""What would have to change: compared with every change there is, and with the file's answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.explanation import counterfactual
from churn_torch.explanation.counterfactual import Counterfactual, check_actionable, counterfactuals
from churn_torch.explanation.existing_cells import ExistingCells
from churn_torch.explanation.explained_model import ExplainedModel
from churn_torch.tables.encode import parse
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from tests.reference.counterfactuals import exists, sufficient

WORDS = {"plan": ("a", "b", "c"), "pay": ("x", "y"), "net": ("no", "dsl", "fiber")}


def made_schema(**numbers: tuple[float, float]) -> Schema:
    texts = (Column(n, Kind.CATEGORICAL, Storage.TEXT, vocabulary=w) for n, w in WORDS.items())
    others = (
        Column(n, Kind.NUMERIC, Storage.NUMBER, minimum=low, maximum=high)
        for n, (low, high) in numbers.items()
    )
    target = Column("churned", Kind.TARGET, Storage.TEXT)
    return Schema((*texts, *others, target), target="churned", positive="yes", negative="no")


class MadeModel:
    """A model that is a function of a row."""

    def __init__(self, schema: Schema, of_row: Callable[[Mapping[str, Any]], float]) -> None:
        self.schema, self.of_row, self.threshold = schema, of_row, 0.5
        self.n_asked = 0

    def probability(self, parsed: pd.DataFrame) -> np.ndarray:
        self.n_asked += len(parsed)
        rows = parsed.astype(dict.fromkeys(WORDS, object)).to_dict("records")
        return np.array([np.float32(self.of_row(row)) for row in rows], np.float64)


def search(
    model: Any, rows: pd.DataFrame, customer: pd.DataFrame, actionable: list[str], **keys: Any
) -> tuple[Counterfactual, ...]:
    existing = ExistingCells(rows, model.schema, actionable)
    return counterfactuals(model, customer, existing, actionable, **keys)


def made_rows(random: np.random.Generator, n: int) -> pd.DataFrame:
    """Return rows whose columns depend on each other, with cells that are missing or unseen."""
    net = random.choice(["no", "dsl", "fiber"], n, p=[0.3, 0.4, 0.3])
    fee = np.where(net == "no", 1, random.integers(2, 7, n)) + (net == "fiber") * 2.0
    fee[random.random(n) < 0.05] = np.nan
    plan = random.choice(["a", "b", "c", "", "rare"], n, p=[0.4, 0.3, 0.2, 0.05, 0.05])
    pay = np.where(net == "no", "x", random.choice(["x", "y"], n))
    return pd.DataFrame({"plan": plan, "pay": pay, "net": net, "fee": fee})


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_no_change_of_fewer_columns_suffices_and_none_of_as_many_is_nearer(seed: int):
    random = np.random.default_rng(seed)
    rows = made_rows(random, 40)
    schema = made_schema(fee=(1.0, 7.0))
    logits = random.normal(size=(5, 2, 3))  # every combination has one of its own
    slope = random.normal(scale=0.4)
    places = {word: place for place, word in enumerate(("a", "b", "c", "", "rare"))}

    def probability(row: Mapping[str, Any]) -> float:
        plan = places[row["plan"]]
        logit = logits[plan, WORDS["pay"].index(row["pay"]), WORDS["net"].index(row["net"])]
        return float(1 / (1 + np.exp(-logit - slope * np.nan_to_num(row["fee"] - 4))))

    records = rows.to_dict("records")
    above = [i for i, row in enumerate(records) if np.float32(probability(row)) >= 0.5]
    if not above:
        return
    place = int(random.choice(above))
    actionable = [n for n in ("plan", "pay", "net", "fee") if random.random() < 0.8] or ["fee"]
    found = search(MadeModel(schema, probability), rows, rows.iloc[[place]], actionable)

    row = records[place]
    fees = sorted({v for v in rows["fee"].dropna() if v <= 7.0})
    options = {
        n: [cell for cell in (fees if n == "fee" else WORDS[n]) if cell != row[n]]
        for n in actionable
    }
    every = list(
        sufficient(records, row, options, lambda r: np.float32(probability(r)) < np.float32(0.5))
    )
    assert bool(found) == bool(every)
    for one in found:
        assert set(one.cells) <= set(actionable)
        assert all(one.cells[name] != row[name] for name in one.cells)
        assert exists(records, row, one.cells)
        assert one.probability == pytest.approx(probability({**row, **one.cells}), abs=1e-7)
        assert np.float32(one.probability) < np.float32(0.5)
    if not every:
        return

    def distance(change: Mapping[str, Any]) -> float:
        fee = 1 if np.isnan(row["fee"]) else abs(change.get("fee", row["fee"]) - row["fee"]) / 6
        return sum(fee if name == "fee" else 1 for name in change)

    first = found[0]
    fewest = min(map(len, every))
    assert len(first.cells) == fewest
    assert first.distance == pytest.approx(distance(first.cells))
    assert first.distance <= min(distance(c) for c in every if len(c) == fewest) + 1e-9
    sets = [set(one.cells) for one in found]
    assert not any(a < b for a, b in itertools.permutations(sets, 2))
    sizes = [len(one) for place, one in enumerate(sets) if one not in sets[:place]]
    assert sizes == sorted(sizes)


def free_rows(n: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(0)
    words = {name: random.choice(words, n) for name, words in WORDS.items()}
    return pd.DataFrame({**words, "fee": random.integers(0, 101, n) / 4})


CUSTOMER = pd.DataFrame({"plan": ["a"], "pay": ["x"], "net": ["no"], "fee": [20.0]})


def test_each_set_of_columns_comes_once_before_its_other_categories():
    schema = made_schema(fee=(0.0, 25.0))
    below = {"b": 0.3, "c": 0.2}

    def probability(row: Mapping[str, Any]) -> float:
        return 0.4 if row["pay"] == "y" else below.get(row["plan"], 0.6)

    found = search(MadeModel(schema, probability), free_rows(), CUSTOMER, ["pay", "plan", "net"])
    told = [(one.cells, round(one.probability, 6)) for one in found]
    assert told == [({"plan": "c"}, 0.2), ({"pay": "y"}, 0.4), ({"plan": "b"}, 0.3)]
    assert len(search(MadeModel(schema, probability), free_rows(), CUSTOMER, ["plan"])) == 2


def test_a_number_comes_as_near_as_its_digits_allow():
    schema = made_schema(fee=(0.0, 25.0))
    rows = free_rows()  # quarters
    assert ExistingCells(rows, schema, ["fee"]).digits("fee") == 2
    model = MadeModel(schema, lambda row: 0.6 if row["fee"] > 13.374 else 0.4)
    (found,) = search(model, rows, CUSTOMER, ["fee"])
    assert found.cells["fee"] == pytest.approx(13.37, abs=0.02)
    assert found.cells["fee"] <= 13.374
    assert found.distance == pytest.approx((20 - found.cells["fee"]) / 25)
    whole = rows.assign(fee=rows["fee"].round())
    (found,) = search(model, whole, CUSTOMER, ["fee"])
    assert found.cells == {"fee": 13.0}


def test_a_number_stays_in_the_training_range_and_in_that_of_its_category():
    rows = free_rows().assign(fee=lambda t: t["fee"].where(t["plan"] != "b", t["fee"] / 2 + 12.5))
    schema = made_schema(fee=(5.0, 25.0))

    def falls(least: float) -> Any:
        return MadeModel(schema, lambda row: 0.6 if row["fee"] > least else 0.4)

    assert not search(falls(4.9), rows, CUSTOMER, ["fee"])  # below all training rows
    assert search(falls(6.0), rows, CUSTOMER, ["fee"])
    of_b = CUSTOMER.assign(plan="b")  # never below 12.5
    assert not search(falls(6.0), rows, of_b, ["fee"])
    found = search(falls(6.0), rows, of_b, ["fee", "plan"])
    assert [set(one.cells) for one in found] == [{"fee", "plan"}] * 2


def test_where_too_many_changes_could_be_tried_the_most_effective_are(monkeypatch):
    monkeypatch.setattr(counterfactual, "MOST_CANDIDATES", 6)
    monkeypatch.setattr(counterfactual, "MOST_SETS", 1)
    schema = made_schema(fee=(0.0, 25.0))
    effect = {"b": 0.1, "c": 0.3, "y": 0.2, "dsl": 0.05, "fiber": 0.15}

    def probability(row: Mapping[str, Any]) -> float:
        return 1.0 - sum(effect.get(str(row[name]), 0.0) for name in WORDS)

    model = MadeModel(schema, probability)
    first, *_ = search(model, free_rows(), CUSTOMER, ["net", "fee", "pay", "plan"])
    assert first.cells == {"plan": "c", "pay": "y", "net": "fiber"}
    assert model.n_asked < 60  # 40 alone, then a few together: all would be 3,000


def test_an_actionable_column_that_is_none_is_named_with_the_nearest():
    check_actionable(["plan"], ["plan", "fee"])
    with pytest.raises(InputError, match=r"^explain\.actionable: .* 'plam'.*did you mean 'plan'"):
        check_actionable(["fee", "plam"], ["plan", "fee"])


def test_changes_of_a_real_file_are_below_the_threshold_by_its_own_answer(customers_run, customers):
    model = ExplainedModel(customers_run.model)
    rows = parse(customers, model.schema)
    above = np.flatnonzero(model.probability(rows) >= model.threshold)
    actionable = ["plan", "Größe/Call  Failure", "cat", "is member"]
    existing = ExistingCells(rows, model.schema, actionable)
    n_found = 0
    for place in above[:10].tolist():
        for one in counterfactuals(model, rows.iloc[[place]], existing, actionable):
            changed = customers.iloc[[place]].assign(**one.cells)
            again = customers_run.predict_proba(changed)[0]
            assert again == pytest.approx(one.probability, abs=1e-5)
            assert model.probability(parse(changed, model.schema))[0] < model.threshold
            assert set(one.cells) <= set(actionable)
            n_found += 1
    assert n_found > 5


def test_the_nearest_number_is_taken_where_the_probability_goes_up_and_down():
    schema = made_schema(fee=(0.0, 25.0))
    rows = free_rows().assign(fee=np.arange(300) % 30 * 0.75 + 1)  # no more values than are tried

    def probability(row: Mapping[str, Any]) -> float:
        return 0.4 if row["fee"] < 3 or 18.2 < row["fee"] < 18.3 else 0.6

    assert 18.25 in set(rows["fee"])
    (found,) = search(MadeModel(schema, probability), rows, CUSTOMER, ["fee"])
    assert found.cells == {"fee": pytest.approx(18.27, abs=0.02)}
