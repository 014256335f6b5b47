"""A training on events: its rows, what the run remembers, and its own rows read again."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.workflows.configuration.event_choices import with_event_columns
from churn_torch.workflows.configuration.typed_config import plain_config
from churn_torch.workflows.cross_validate import cross_validate
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.rows import event_rows
from churn_torch.workflows.runs.artefacts import ARTEFACTS
from churn_torch.workflows.runs.run_folder import Run, load_run
from churn_torch.workflows.score import score
from churn_torch.workflows.train import train
from churn_torch.workflows.tune import tune
from tests.workflows.planted_words import OF_EVENTS, found_in


@pytest.fixture
def remembered(events_run):
    return json.loads((events_run.folder / "events.json").read_text())


def test_the_last_cut_off_is_tested(events_run, remembered):
    files = sorted((events_run.folder / "feature_tables").iterdir())
    rows = [pq.read_metadata(file).num_rows for file in files]
    assert remembered["customers"] == rows
    dates = [text[:10] for text in remembered["cutoffs"]]
    assert [file.stem for file in files] == [f"cutoff_{date}" for date in dates]
    assert len(dates) == 5
    assert remembered["test"] == remembered["cutoffs"][-1:]
    split = events_run.options.data.split
    assert (split.horizon, split.test_from) == ("60d", remembered["test"][0])
    counts = events_run.metrics["data"]
    assert counts["n_test"] == rows[-1]
    assert counts["n_validation"] == rows[-2]
    assert counts["n_train"] == sum(rows[:-2])
    tested = pd.read_parquet(events_run.folder / "predictions.parquet")
    assert list(tested.columns) == [
        "who",
        "cutoff",
        "spend",
        "label",
        "churn_probability",
        "expected_spend",
    ]
    assert tested["who"].is_unique
    assert set(tested["cutoff"]) == {pd.Timestamp(dates[-1])}
    assert tested["label"].sum() == remembered["churners"][-1]
    assert events_run.metrics["test"]["auroc"] > 0.6


def test_what_is_needed_for_scoring_is_remembered(events_run, remembered):
    specification = remembered["specification"]
    assert specification["features"]["orders"]["by"] == {"shop": ["web", "phone"]}
    assert "orders_share_shop_web" in [column.name for column in events_run.schema.features]
    assert "SELECT" in (events_run.folder / "events.sql").read_text()
    listed = {one.name for one in ARTEFACTS}
    assert {path.name for path in events_run.folder.iterdir()} <= listed


def test_a_run_is_evaluated_on_its_own_rows_wherever_it_lies(events_run, tmp_path, capsys):
    moved = tmp_path / "moved"
    shutil.copytree(events_run.folder, moved)
    assert load_run(moved).options.data.source == str(moved / "feature_tables")
    evaluate(compose("evaluate", [f"run={moved}"]))
    assert f"{events_run.metrics['test']['auroc']:.4f}" in capsys.readouterr().out
    shutil.rmtree(moved / "feature_tables")
    with pytest.raises(InputError, match="feature_tables"):
        evaluate(compose("evaluate", [f"run={moved}"]))


def test_when_customers_leave_follows_from_the_specification(events_keys, tmp_path):
    """What is learned of a part ends when the next one begins; scoring starts at its date."""
    run = train(
        compose("train", [*events_keys, "model=survival", "data.period=20"]), tmp_path / "run"
    )
    assert (run.options.data.duration, run.options.data.horizon) == ("days_observed", 3)
    parts = read_labelled(run.options.table, seed=run.options.seed)
    cutoffs = pd.to_datetime(parts.carried["cutoff"])
    borders = [cutoffs[rows].min() for rows in parts.split[1:]]
    for rows, border in zip(parts.split[:2], borders, strict=True):
        ends = cutoffs[rows] + pd.to_timedelta(20 * parts.lifetime[rows, 1], unit="D")
        assert ends.max() == border
    tested = pd.read_parquet(run.folder / "predictions.parquet").set_index("who")
    assert (tested["days_observed"] <= 60).all()
    out, at = tmp_path / "scores.parquet", f"{borders[1]:%Y-%m-%d}"
    score(compose("score", [f"run={run.folder}", f"at={at}", f"out={out}"]))
    scores = pd.read_parquet(out).set_index("who")["churn_probability"]
    np.testing.assert_allclose(scores[tested.index], tested["churn_probability"], atol=1e-6)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["events.cutoffs.count=1"], "at least 3 distinct times to split by, got 1; .* cut-off"),
        (["events.cutoffs.every=7d"], r"split.horizon: .* labels, 60 long, .* got 5 distinct"),
        (["events.cutoffs.test=[2024-01-09]"], r"cutoffs.test: expected the last .* 2024-01-09"),
        (["events.cutoffs.test=[2024-01-01]"], r"cutoffs.test: expected the last .* 2024-01-01"),
        (["events.events.orders.source=gone.csv"], r"source: expected a file, .* 'gone.csv'"),
    ],
)
def test_a_refused_training_leaves_nothing(events_keys, tmp_path, keys, message):
    folder = tmp_path / "run"
    with pytest.raises(InputError, match=message):
        train(compose("train", [*events_keys, *keys]), folder)
    assert not folder.exists()


@pytest.mark.usefixtures("without_export")
def test_a_study_makes_its_rows_once(events_keys, tmp_path, monkeypatch, capsys):
    made = []
    write = event_rows.write_feature_tables
    monkeypatch.setattr(
        event_rows,
        "write_feature_tables",
        lambda *a, **o: (made.append(a[1]), write(*a, **o))[1],
    )
    keys = [*events_keys, "tune.study=a", "report=false", f"outputs={tmp_path}"]
    study = tmp_path / "studies" / "a"

    def search(*more: str) -> Run | None:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        return tune(compose("tune", [*keys, *more]), lambda: tmp_path / "run")

    with pytest.raises(InputError, match="at least 3 distinct times"):
        search("events.cutoffs.count=1")
    assert list(tmp_path.iterdir()) == []
    made.clear()
    run = search("tune.trials=2")
    assert run is not None
    assert run.options.data.source == str(run.folder / "feature_tables")
    for name in ("events.json", "events.sql"):
        assert (run.folder / name).read_text() == (study / name).read_text()
    assert (
        run.metrics["data"]["n_test"]
        == json.loads((study / "events.json").read_text())["customers"][-1]
    )
    monkeypatch.setattr("churn_torch.workflows.tune.train", lambda *arguments, **options: None)
    search("tune.trials=3")  # goes on with the rows that are there
    assert made == [study / "feature_tables"]
    with pytest.raises(InputError, match=r"events.label.gap: .* with which study 'a' was started"):
        search("tune.trials=4", "events.label.gap=1d")
    assert made == [study / "feature_tables"]
    found = found_in(study, OF_EVENTS)
    rows = {name for name in found if name.startswith("cutoff_")}
    assert {name for name in found if name.startswith(("study.", "trials."))}
    assert {name: kinds for name, kinds in found.items() if kinds} == {
        name: {"id"} for name in rows
    }


def test_each_fold_of_a_cross_validation_is_a_later_cut_off(events_keys, tmp_path, remembered):
    metrics = cross_validate(compose("train", [*events_keys, "cv.folds=3"]), tmp_path / "run")
    tested = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    dates = tested.groupby("fold")["cutoff"].unique().explode()
    assert [date.isoformat() for date in dates] == remembered["cutoffs"][-3:]
    assert [fold["test"]["n"] for fold in metrics["folds"]] == remembered["customers"][-3:]


def test_the_other_processes_of_ddp_take_the_rows_of_the_first(
    events_run, events_keys, monkeypatch
):
    content = with_event_columns(plain_config(compose("train", events_keys)))
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(event_rows, "write_feature_tables", None)
    made = event_rows.make_event_rows(content, events_run.folder)
    assert made["data"] == {**events_run.config["data"], "source": made["data"]["source"]}
    assert made["data"]["source"] == str(events_run.folder / "feature_tables")
