"""A specification is proposed from tables, and gives rows as it stands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.events.proposal import propose


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(1)
    n = 600
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 400, n), unit="D")
    orders = pd.DataFrame(
        {
            "order_id": range(n),
            "customer_id": rng.integers(0, 50, n),
            "created_at": at + pd.Timedelta("1h"),
            "ordered_on": at,
            "amount": rng.gamma(2.0, 10.0, n).round(2),
            "channel": rng.choice(["web", "shop"], n),
            "product": rng.choice([f"p{i}" for i in range(80)], n),
        }
    )
    people = pd.DataFrame({"customer_id": range(50), "signup": pd.Timestamp("2023-01-01")})
    people["signup"] += pd.to_timedelta(range(50), unit="D")
    orders.to_parquet(folder / "web orders.parquet")
    people.to_csv(folder / "people.csv", index=False)
    return [str(folder / "people.csv"), str(folder / "web orders.parquet")]


def test_keys_dates_and_columns_are_found(tables):
    proposal = propose(tables)
    found = proposal.specification
    assert found.customers is not None
    assert (found.customers.id, found.customers.start) == ("customer_id", "signup")
    [(name, log)] = found.events.items()
    assert (name, log.id, log.time, log.known) == (
        *("web_orders", "customer_id"),
        *("ordered_on", "created_at"),
    )
    features = found.features["web_orders"]
    assert features.sum == ("amount",)
    assert features.by == {"channel": 5}
    assert features.distinct == ("product",)
    assert features.windows == ("7d", "30d", "90d", "all")
    assert found.label.none_of == ("web_orders",)
    assert found.label.within in ("60d", "90d")
    assert any("nine of ten events" in sentence for sentence in proposal.reasons)


def test_without_events_or_customers_there_is_no_proposal(tmp_path):
    plans = pd.DataFrame({"customer_id": [1, 1, 2], "plan": ["a", "b", "c"]})
    plans.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match=r"^sources: expected a log of events"):
        propose([str(tmp_path / "a.csv")])
    pd.DataFrame({"at": ["2025-01-01", "2025-01-02"]}).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(InputError, match=r"^sources: expected a column in each table that names"):
        propose([str(tmp_path / "b.csv")])
    customers = pd.DataFrame({"customer_id": [1, 2], "signup": ["2025-01-01", "2025-01-02"]})
    customers.to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(InputError, match=r"c.csv', which names each customer_id once; name the"):
        propose([str(tmp_path / "c.csv")])
    with pytest.raises(InputError, match=r"^sources: .* which is not there"):
        propose(["away.csv"])


def test_customers_are_found_by_other_names_and_departures_are_the_label(tables, tmp_path):
    users = pd.DataFrame({"user": [f"U{i:03d}" for i in range(50)], "contract": ["a", "b"] * 25})
    users.assign(since="2023-05-01").to_csv(tmp_path / "users.csv", index=False)
    orders = pd.read_parquet(tables[1])
    orders["customer"] = "U" + orders.pop("customer_id").astype(str).str.zfill(3)
    orders.to_parquet(tmp_path / "orders.parquet", index=False)
    left = users[["user"]][:20].assign(
        cancelled_on=pd.date_range("2024-12-01", periods=20).astype(str)
    )
    left.to_csv(tmp_path / "user_cancellations.csv", index=False)
    pd.DataFrame({"user_id": users["user"], "city": "x"}).to_csv(tmp_path / "where.csv")
    names = ("user_cancellations.csv", "where.csv", "orders.parquet", "users.csv")
    proposal = propose([str(tmp_path / name) for name in names])
    found = proposal.specification
    assert found.customers is not None
    assert found.customers.id in ("user", "user_id")
    assert found.events["orders"].id == "customer"
    assert found.events["user_cancellations"].id == "user"
    assert found.label.event == "user_cancellations"
    assert found.population.without == ("user_cancellations",)
    assert "user_cancellations" not in found.features
    assert any("has no dates" in sentence for sentence in proposal.reasons)


def test_a_log_that_is_read_in_part_may_be_longer(tables, monkeypatch):
    def windows() -> tuple[str, ...]:
        return propose(tables[1:]).specification.features["web_orders"].windows

    monkeypatch.setattr("churn_torch.events.proposal._WINDOWS", ("7d", "365d"))
    assert windows() == ("7d", "all")  # of 400 days
    monkeypatch.setattr("churn_torch.events.proposal._READ_ROWS", 600)
    assert windows() == ("7d", "365d", "all")
