"""What each file of a run may hold of the table, as SECURITY.md lists it: secrets are sought."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from churn_torch.console import logged
from churn_torch.serving.http.server import create_app
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.scoring import score_table
from churn_torch.workflows.campaign import campaign
from churn_torch.workflows.runs.artefacts import ARTEFACTS
from tests.composing import composed
from tests.workflows.planted_words import OF_EVENTS, found_in, kinds_in

if TYPE_CHECKING:
    from churn_torch.workflows.runs.run_folder import Run

N = 600
# A word of each kind of column; the table has it in cells of that column and nowhere else.
SECRETS = {
    "id": "Aardvark",
    "ignored": "Badger",
    "free text": "Caracal",
    "nearly a number": "Dolphin",
    "group": "Echidna",
    "carried": "Flamingo",
    "constant": "Gazelle",
    "other target": "Hedgehog",
    "ignored date": "1907-03-04",
    "rare category": "Ibex",
    "category": "Jaguar",
    "odd number": "Kangaroo",
}
# What a file may hold; all others hold none. SECURITY.md says the same in words.
MAY_HOLD = {
    "predictions.parquet": {"id", "group", "carried"},
    "schema.json": {"category", "odd number", "other target"},
    "train.log": {"odd number", "other target"},
    "report.html": {"category", "odd number", "other target"},
    "model.onnx": {"category"},
    "shapes.csv": {"category"},
    "shapes.html": {"category"},
}
# Cells of columns that are left out, ids and what few customers have: only files of rows hold them.
KEPT = set(SECRETS) - {"category", "odd number", "other target"}
MODELS = {
    "scorecard": ("model=scorecard",),
    "survival": ("model=survival", "data.duration=months", "data.horizon=12"),
    "uplift": ("model=uplift", "data.treatment=contacted"),
}


def table() -> pd.DataFrame:
    """Return customers with a secret in each kind of column."""
    rng = np.random.default_rng(0)
    calls = rng.poisson(3.0, N).astype(float)
    salary = rng.normal(50_000, 9_000, N).round(2).astype(str)
    salary[7] = f"ask {SECRETS['odd number']} Doe 0171 in HR please"
    bonus = rng.normal(50_000, 9_000, N).round(2).astype(str)
    bonus[:20] = [f"ask {SECRETS['nearly a number']} Doe {i} in HR" for i in range(20)]
    plan = rng.choice(["basic", "plus", SECRETS["category"]], N).astype(object)
    plan[[3, 4]] = SECRETS["rare category"]
    churned = np.where(rng.random(N) < 1 / (1 + np.exp(3 - calls)), "yes", "no").astype(object)
    churned[[5, 6]] = SECRETS["other target"]
    seen = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, N), "D"))
    seen[8] = pd.Timestamp(SECRETS["ignored date"])
    return pd.DataFrame(
        {
            "customer_id": [f"{SECRETS['id']}{i:04d}" for i in range(N)],
            "calls": calls,
            "plan": plan,
            "remark": [f"{SECRETS['ignored']} {i % 3}" for i in range(N)],
            "notes": [f"{SECRETS['free text']} said {i * 7919 % 10_007}" for i in range(N)],
            "salary": salary,
            "bonus": bonus,
            "household": [f"{SECRETS['group']}{i // 3}" for i in range(N)],
            "branch": rng.choice([f"{SECRETS['carried']} north", "south"], N),
            "country": SECRETS["constant"],
            "last_seen": seen.dt.strftime("%Y-%m-%d"),
            "months": rng.integers(1, 40, N),
            "contacted": rng.choice(["yes", "no"], N),
            "churned": churned,
        }
    )


@pytest.fixture(scope="module")
def train(
    train_run: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Run]:
    """Return a function that trains on the table, with every artefact."""

    def give(*more: str) -> Run:
        folder = tmp_path_factory.mktemp("secrets")
        table().to_csv(folder / "t.csv", index=False)
        keys = (
            *("data=table", f"data.source={folder / 't.csv'}", "data.target=churned"),
            *("data.positive=yes", "data.negative=[no]", "data.id=customer_id"),
            *("data.carry=[branch]", "data.ignore=[remark,last_seen,branch]"),
            *("data.split.by=group", "data.split.column=household", "debug=fast", "report=true"),
        )
        with logged(folder / "run" / "train.log"):
            return train_run(folder / "run", *keys, *more)

    return give


@pytest.fixture(scope="module")
def run(train: Callable[..., Run]) -> Run:
    return train("model=logreg")


def test_each_file_holds_what_is_listed_and_nothing_else(run: Run) -> None:
    assert {
        name: kinds for name, kinds in found_in(run.folder, SECRETS).items() if kinds
    } == MAY_HOLD


@pytest.mark.parametrize("keys", MODELS.values(), ids=MODELS)
def test_no_other_model_writes_what_is_kept(train: Callable[..., Run], keys: tuple[str, ...]):
    found = found_in(train(*keys).folder, SECRETS)
    assert found.pop("predictions.parquet") == {"id", "group", "carried"}
    assert len(found) >= 8
    assert {name: kinds & KEPT for name, kinds in found.items() if kinds & KEPT} == {}


def test_a_run_on_events_names_customers_in_its_rows_alone(events_run: Run) -> None:
    found = found_in(events_run.folder, OF_EVENTS)
    rows = {name for name in found if name.startswith("cutoff_")} | {"predictions.parquet"}
    assert len(rows) == 6
    assert {name: kinds for name, kinds in found.items() if kinds} == {
        name: {"id"} for name in rows
    }


def test_a_campaign_names_customers_in_its_lists_alone(run: Run, tmp_path: Path) -> None:
    source = run.folder.parent / "t.csv"
    keys = (f"run={run.folder}", f"source={source}", f"out={tmp_path / 'calls.csv'}", "value=100")
    campaign(composed("campaign", (*keys, "offer=call")))
    found = found_in(tmp_path, SECRETS)
    lists = {name: found.pop(name) for name in list(found) if name.endswith(".csv")}
    assert {"id"} in lists.values()
    assert {"campaign.json", "campaign.html"} <= set(found)
    assert {name: kinds & KEPT for name, kinds in found.items() if kinds & KEPT} == {}


def test_a_server_says_what_the_model_file_holds(run: Run) -> None:
    app = create_app(ModelFile(run.model), max_rows=9, max_bytes=9_999)
    with TestClient(app) as client:
        for path in ("/metadata", "/openapi.json", "/metrics", "/docs"):
            assert kinds_in(client.get(path).text, SECRETS) <= {"category"}


def test_the_model_file_still_knows_odd_cells(run: Run, tmp_path: Path) -> None:
    rows = table().head(20).drop(columns="churned")
    rows.to_csv(tmp_path / "new.csv", index=False)
    assert score_table(run.model, str(tmp_path / "new.csv"), tmp_path / "scores.csv") == 20


def test_the_list_names_every_file_of_a_run() -> None:
    said = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    for artefact in ARTEFACTS:
        assert f"`{artefact.name}`" in said, artefact.name
