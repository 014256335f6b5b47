"""What each file of a run may hold of the table, as SECURITY.md lists it: secrets are sought."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from churn_torch.console import logged
from churn_torch.workflows.artefacts import ARTEFACTS

if TYPE_CHECKING:
    from churn_torch.workflows.run_folder import Run

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
    "model.onnx": {"category", "odd number"},
    "shapes.csv": {"category"},
    "shapes.html": {"category"},
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
            "churned": churned,
        }
    )


@pytest.fixture(scope="module")
def run(train_run: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run with every artefact."""
    folder = tmp_path_factory.mktemp("secrets")
    table().to_csv(folder / "t.csv", index=False)
    keys = (
        *("data=table", f"data.source={folder / 't.csv'}", "data.target=churned"),
        *("data.positive=yes", "data.negative=[no]", "data.id=customer_id", "data.carry=[branch]"),
        *("data.ignore=[remark,last_seen,branch]", "data.split.by=group"),
        *("data.split.column=household", "model=logreg", "debug=fast", "report=true"),
    )
    with logged(folder / "run" / "train.log"):
        return train_run(folder / "run", *keys)


def text_of(path: Path) -> str:
    """Return what can be read in a file."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    return path.read_bytes().decode(errors="replace")


def test_each_file_holds_what_is_listed_and_nothing_else(run: Run) -> None:
    found = {}
    for path in sorted(path for path in run.folder.rglob("*") if path.is_file()):
        text = text_of(path)
        found[path.name] = {kind for kind, word in SECRETS.items() if word in text}
    assert {name: kinds for name, kinds in found.items() if kinds} == MAY_HOLD


def test_the_list_names_every_file_of_a_run() -> None:
    said = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    for artefact in ARTEFACTS:
        assert f"`{artefact.name}`" in said, artefact.name
