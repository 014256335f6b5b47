"""The folder of a made campaign, as the campaign command writes it, and its outcomes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn_torch.decisions.offers import Offer, payoffs

CALL = {
    "contact_cost": 10.0,
    "incentive": 0.0,
    "incentive_paid": "accepted",
    "stayer_cost": None,
    "keep_rate": 0.3,
    "capacity": None,
    "where": None,
}
DISCOUNT = {**CALL, "contact_cost": 1.0, "incentive": 5.0, "keep_rate": {"alpha": 6, "beta": 14}}


def made_campaign(
    folder: Path, *, n: int = 4000, share: float = 0.2, keep: float = 0.3, seed: int = 0
) -> pd.DataFrame:
    """Write campaign.json, calls.csv and control.csv; return an outcome of each customer."""
    rng = np.random.default_rng(seed)
    probability, value = rng.beta(2, 3, n), rng.lognormal(5.5, 0.5, n)
    offer = np.where(rng.random(n) < 0.5, "call", "discount")
    expected = np.where(
        offer == "call",
        payoffs(Offer(contact_cost=10, keep_rate=0.3), value).net(probability, keep),
        payoffs(Offer(contact_cost=1, incentive=5, keep_rate=0.3), value).net(probability, keep),
    )
    treated = rng.random(n) >= share
    lists = pd.DataFrame(
        {
            "id": [f"{i:05d}" for i in range(n)],
            "rank": np.arange(1, n + 1),
            "offer": offer,
            "churn_probability": probability,
            "value": value,
            "expected_net_value": expected,
            "reason_1": "contract: month-to-month, odds x 1.5",
        }
    )
    files = {
        name: written(folder, name, lists[rows])
        for name, rows in (("calls", treated), ("control", ~treated))
    }
    record(folder, files=files, control={"share": share, "salt": "made"})
    left = rng.random(n) < probability * np.where(treated, 1 - keep, 1.0)
    outcomes = pd.DataFrame({"id": lists["id"], "churned": np.where(left, "yes", "no")})
    outcomes["revenue"] = np.where(left, 0.0, value)
    return outcomes.sample(frac=1, random_state=seed, ignore_index=True)


def written(folder: Path, name: str, rows: pd.DataFrame) -> dict[str, Any]:
    """Write a list; return what campaign.json says of it."""
    path = folder / f"{name}.csv"
    rows.to_csv(path, index=False)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": path.name, "sha256": digest, "rows": len(rows)}


def record(folder: Path, **changed: Any) -> Mapping[str, Any]:
    """Write campaign.json."""
    content = {
        "format": 1,
        "churn_torch_version": "0.1.0",
        "date": "2026-11-29T12:00:00+00:00",
        "run": "outputs/latest",
        "data_fingerprint": "0123456789abcdef",
        "source": "customers.csv",
        "id": "id",
        "offers": {"call": CALL, "discount": DISCOUNT},
        "budget": 50_000,
        "value": "12 * monthly_charges",
        **changed,
    }
    (folder / "campaign.json").write_text(json.dumps(content), encoding="utf-8")
    return content
