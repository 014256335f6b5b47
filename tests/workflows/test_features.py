"""churn-torch features: rows beside their SQL and specification, a summary, and a proposal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.workflows.features import features
from churn_torch.workflows.specification_files import read_specification


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Orders of 50 customers over 400 days, and a specification that was proposed for them."""
    folder = tmp_path_factory.mktemp("events")
    rng = np.random.default_rng(2)
    rates = rng.gamma(0.7, 1.0, 50)
    frame = pd.DataFrame(
        {
            "customer_id": rng.choice(50, 800, p=rates / rates.sum()),
            "ordered_at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 400 * 86_400, 800), unit="s"),
            "channel": rng.choice(["web", "shop"], 800),
        }
    )
    frame.to_parquet(folder / "orders.parquet", index=False)
    out = folder / "my_events.yaml"
    overrides = ["features.auto=true", f"sources=[{folder / 'orders.parquet'}]", f"out={out}"]
    assert features(compose("features", overrides)) is None
    return folder


def test_rows_come_with_their_sql_and_specification(folder, capsys, monkeypatch):
    out = folder / "rows"
    keys = [f"specification={folder / 'my_events.yaml'}", f"out={out}", "show_sql=true"]
    tables = features(compose("features", [*keys, "threads=1"]))
    assert tables is not None
    assert {path.name for path in out.iterdir()} == {
        *(file.name for file in tables.files),
        *("features.sql", "specification.yaml"),
    }
    kept = read_specification(out / "specification.yaml")
    assert kept == tables.specification
    assert set(kept.features["orders"].by["channel"]) == {"web", "shop"}
    said = " ".join(capsys.readouterr().out.split())
    for number, cutoff in enumerate(tables.cutoffs):
        assert f"{cutoff:%Y-%m-%d} │ {tables.rows[number]} │ {tables.churners[number]} │" in said
    assert "the most frequent values before" in said
    assert 'AS "orders_count_30d"' in said
    assert f"Train with churn-torch train specification={out}/specification.yaml, whose" in said
    sql = (out / "features.sql").read_text()
    assert sql.startswith("-- orders: _id = customer_id, _time = ordered_at")
    assert sql.count("\n-- cutoff_") == len(tables.files)
    with pytest.raises(InputError, match=r"^out: expected a folder that is not there yet"):
        features(compose("features", keys))


def test_rows_to_be_scored_have_the_same_columns_and_no_label(folder, capsys):
    first = features(compose("features", [f"specification={folder / 'my_events.yaml'}",
                                          f"out={folder / 'first'}", "threads=1"]))  # fmt: skip
    assert first is not None
    at, kept = first.cutoffs[-1], folder / "events.json"
    kept.write_text(json.dumps({"specification": first.specification.to_mapping()}))  # of a run
    assert read_specification(kept) == read_specification(folder / "first" / "specification.yaml")
    keys = [f"specification={kept}", f"at={at:%Y-%m-%d}"]
    scored = features(compose("features", [*keys, f"out={folder / 'later'}", "threads=1"]))
    assert scored is not None
    assert scored.target is None
    rows = pd.read_parquet(first.files[-1])
    pd.testing.assert_frame_equal(pd.read_parquet(scored.files[0]), rows.drop(columns="churned"))
    assert "Score them with churn-torch score run=RUN" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], r"^specification: expected either .* got neither"),
        (["events=template", "specification=a.yaml"], r"^specification: .* got both"),
        (["events=template"], r"^events\.orders\.source: expected a value, got none"),
        (["specification=away.yaml"], r"^specification: expected a YAML file, got 'away\.yaml'"),
        (["features.auto=true"], r"^sources: expected tables to look at, got none"),
        (["features.auto=true", "sources=[a]", "out=a.csv"], r"^out: expected a file that ends in"),
    ],
)
def test_a_wrong_choice_is_named(overrides, message):
    with pytest.raises(InputError, match=message):
        features(compose("features", overrides))


def test_a_file_that_is_no_specification_is_named(tmp_path):
    file = tmp_path / "broken.yaml"
    for text, message in (("events: [", "while parsing"), ("- a", "it has no keys")):
        file.write_text(text)
        with pytest.raises(InputError, match=rf"^specification: expected a YAML file .*{message}"):
            features(compose("features", [f"specification={file}"]))


def test_a_proposal_replaces_no_file(folder):
    overrides = ["features.auto=true", f"sources=[{folder / 'orders.parquet'}]"]
    with pytest.raises(InputError, match=r"^out: expected a file that is not there yet"):
        features(compose("features", [*overrides, f"out={folder / 'my_events.yaml'}"]))
