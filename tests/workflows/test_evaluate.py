"""An evaluation of a run's own test rows and of new rows, as a whole and by segment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from churn_torch.errors import InputError
from churn_torch.workflows import evaluate as workflow
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.runs.run_folder import Run
from tests.composing import composed


def evaluated(run: Run, *keys: str) -> dict:
    return evaluate(composed("evaluate", [f"run={run.folder}", *keys]))


def test_without_data_it_is_the_runs_own_test(customers_run, capsys):
    metrics = evaluated(customers_run)
    assert json.loads(json.dumps(metrics)) == customers_run.metrics["test"]
    assert "test" in capsys.readouterr().out


def test_new_rows_need_only_their_source(customers_run, customers, tmp_path, capsys):
    source = tmp_path / "new.csv"
    new = customers.iloc[:200, ::-1].copy()  # another column order
    new.loc[[0, 5], "churned"] = None
    new.to_csv(source, index=False)
    metrics = evaluated(customers_run, "data=table", f"data.source={source}")
    assert metrics["n"] == 198
    labelled = new.dropna(subset="churned")
    p = customers_run.predict_proba(labelled).astype(np.float64)
    y = (labelled["churned"] == "yes").to_numpy()
    assert metrics["log_loss"] == pytest.approx(-np.mean(np.log(np.where(y, p, 1 - p))), abs=1e-6)
    assert "2 rows without a label are left out." in capsys.readouterr().out


@pytest.mark.usefixtures("without_export")
def test_a_table_that_has_changed_is_refused(train_run, customers, table_keys, tmp_path):
    source = tmp_path / "c.csv"
    customers.to_csv(source, index=False)
    run = train_run(tmp_path / "run", *table_keys, f"data.source={source}", "debug=fast")
    customers[::-1].to_csv(source, index=False)
    with pytest.raises(InputError, match=r"the source has changed; name new rows with data=table"):
        evaluated(run)


# By segment

BY = "by=[household,is member,joined,add]"  # an ignored number, a yes/no, a date, a number


def test_segments_of_the_test_rows(customers_run, customers, tmp_path, capsys):
    out = tmp_path / "segments.csv"
    metrics = evaluated(customers_run, BY, f"out={out}")
    segments = metrics.pop("segments")
    assert json.loads(json.dumps(metrics)) == customers_run.metrics["test"]
    frame = pd.DataFrame(segments)
    written = pd.read_csv(out)
    pd.testing.assert_frame_equal(written, frame.infer_objects(), check_dtype=False)
    test = pd.read_parquet(customers_run.folder / "predictions.parquet").merge(customers)
    for name, group in test.groupby("is member"):
        (row,) = [s for s in segments if (s["column"], s["segment"]) == ("is member", name)]
        assert (row["n"], row["churn_rate"]) == (len(group), group["label"].mean())
        if row["auroc"] is not None:
            p, y = group["churn_probability"].astype(float), group["label"]
            assert row["auroc"] == pytest.approx(sk.roc_auc_score(y, p))
            assert row["log_loss"] == pytest.approx(sk.log_loss(y, p))
    for column in ("household", "joined", "add"):
        here = frame[frame["column"] == column]
        assert len(here) == 4
        assert here["n"].sum() == len(test)
        assert here["segment"].str.match("up to|above").all()
    assert frame.loc[frame["column"] == "joined", "segment"].iloc[0].startswith("up to 20")
    low = float(frame.loc[frame["column"] == "add", "segment"].iloc[0].removeprefix("up to "))
    assert low == pytest.approx(test["add"].quantile(0.25, interpolation="lower"), abs=0.01)
    said = capsys.readouterr().out
    assert "cut at their quartiles" in said
    assert "Metrics by segment are written to" in said


@pytest.mark.parametrize("chunk_rows", [65_536, 37])
def test_segments_of_new_rows(customers_run, customers, tmp_path, monkeypatch, chunk_rows):
    original = workflow.sources.read_chunks
    monkeypatch.setattr(
        workflow.sources, "read_chunks", lambda *a, **k: original(*a, **k, rows=chunk_rows)
    )
    new = customers.assign(region=np.where(customers.index % 3 == 0, "north", None))
    new.loc[7, "churned"] = None
    new.to_csv(tmp_path / "new.csv", index=False)
    keys = [
        "data=table",
        f"data.source={tmp_path / 'new.csv'}",
        "by=[region,plan,household,region]",
    ]
    frame = pd.DataFrame(evaluated(customers_run, *keys)["segments"])
    assert frame["column"].drop_duplicates().tolist() == ["region", "plan", "household"]
    region = frame[frame["column"] == "region"]
    assert region["segment"].tolist() == ["north", "(missing)"]
    assert region["n"].tolist() == [134, 265]
    labelled = new.dropna(subset="churned")
    plans = labelled["plan"].value_counts()
    plan = frame[frame["column"] == "plan"]
    assert plan["segment"].tolist() == plans.index.tolist()
    assert plan["n"].tolist() == plans.tolist()
    p, y = customers_run.predict_proba(labelled), (labelled["churned"] == "yes").to_numpy()
    here = (labelled["plan"] == "basic").to_numpy()
    called = p[here] >= np.float32(customers_run.threshold)
    (basic,) = plan[plan["segment"] == "basic"].to_dict("records")
    assert basic["auroc"] == pytest.approx(sk.roc_auc_score(y[here], p[here]))
    assert basic["recall"] == pytest.approx(sk.recall_score(y[here], called))
    assert len(frame[frame["column"] == "household"]) == 4


@pytest.mark.usefixtures("without_export")
def test_segments_where_the_rows_are_streamed_from_a_query(
    train_run, customers, table_keys, tmp_path
):
    """The columns to slice by are read beside the others, and the fingerprint stays."""
    customers.to_parquet(tmp_path / "t.parquet")
    query = f"SELECT * FROM '{tmp_path / 't.parquet'}'"
    run = train_run(
        tmp_path / "run", *table_keys, f"data.source={query}", "data.streaming=true",
        "data.split.by=hash", "data.value=add * 2", "debug=fast",
    )  # fmt: skip
    test = pd.read_parquet(run.folder / "predictions.parquet")
    assert list(test) == ["customer id", "value", "label", "churn_probability"]
    expected = test[["customer id"]].merge(customers)["add"] * 2
    assert test["value"].tolist() == expected.tolist()
    segments = pd.DataFrame(evaluated(run, "by=[household,value]")["segments"])
    assert segments.groupby("column")["n"].sum().tolist() == [len(test)] * 2


# Weak segments


@pytest.mark.parametrize("chunk_rows", [65_536, 137])
def test_weak_segments_of_new_rows(
    customers_run, customers, tmp_path, monkeypatch, capsys, chunk_rows
):
    original = workflow.sources.read_chunks
    monkeypatch.setattr(
        workflow.sources, "read_chunks", lambda *a, **k: original(*a, **k, rows=chunk_rows)
    )
    turned = pd.concat([customers] * 3, ignore_index=True)
    turned["customer id"] = [f"c{row}" for row in range(len(turned))]
    basic = turned["plan"] == "basic"
    turned.loc[basic, "churned"] = np.where(turned.loc[basic, "churned"] == "yes", "no", "yes")
    turned.to_csv(tmp_path / "new.csv", index=False)
    keys = ["data=table", f"data.source={tmp_path / 'new.csv'}", "weak_segments=true"]
    metrics = evaluated(customers_run, *keys)
    found = json.loads(json.dumps(metrics["weak_segments"]))
    assert any(
        {"column": "plan", "operator": "is", "value": "basic", "or_missing": False}
        in one["conditions"]
        for one in found
    )
    said = " ".join(capsys.readouterr().out.split())
    assert " ".join(found[0]["sentence"].split()) in said
    assert "Segments where the model is weak" in said


def test_weak_segments_that_are_not_there(customers_run, capsys):
    metrics = evaluated(customers_run, "weak_segments=true")
    assert metrics.pop("weak_segments") == []
    assert json.loads(json.dumps(metrics)) == customers_run.metrics["test"]
    said = " ".join(capsys.readouterr().out.split())
    assert "not searched: there are 60 rows, and 200 are needed." in said


def test_rows_of_a_customer_count_together(customers_run, customers, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(
        "churn_torch.workflows.measurement.weak_segments.weak_segments",
        lambda *a, **k: given.append(k["clusters"]) or (),
    )
    keys = ["data=table", f"data.source={tmp_path / 'new.csv'}", "weak_segments=true"]
    customers.to_csv(tmp_path / "new.csv", index=False)
    evaluated(customers_run, *keys)
    pd.concat([customers, customers]).to_csv(tmp_path / "new.csv", index=False)
    evaluated(customers_run, *keys)
    assert given[0] is None
    assert given[1].tolist() == [*range(len(customers))] * 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["by=[pln]"], r"^by: expected columns of the table, got 'pln' \(did you mean 'plan'\?\)"),
        (["by=[value]"], r"^by: expected columns of the table, got 'value'"),
        (["out=a.csv"], r"^out: expected columns to measure by, .* got no column in by"),
        (["by=[plan]", "out=a.txt"], r"ends in .csv"),
    ],
)
def test_wrong_choices_get_one_sentence(customers_run, customers_csv, keys, message):
    for data in ([], ["data=table", f"data.source={customers_csv}"]):
        with pytest.raises(InputError, match=message):
            evaluated(customers_run, *keys, *data)


def test_segments_are_not_written_over_the_source(customers_run, customers_csv):
    with pytest.raises(InputError, match="out: expected a file other than what is read"):
        evaluated(customers_run, "by=[plan]", f"out={customers_csv}")


def test_a_mean_of_folds_has_no_rows_of_its_own(customers_run, monkeypatch):
    cv = replace(customers_run.options.cv, average=True)
    run = replace(customers_run, options=replace(customers_run.options, cv=cv))
    monkeypatch.setattr(workflow, "load_run", lambda *a, **k: run)
    with pytest.raises(InputError, match=r"^run: .* mean of a cross-validation, which has learned"):
        evaluated(customers_run)


def test_new_rows_need_a_source(customers_run):
    options = {"run": str(customers_run.folder), "data": {"source": None}}
    with pytest.raises(InputError, match=r"^data.source: expected a table, got nothing"):
        evaluate(options)
    assert Path(customers_run.folder).is_dir()


def test_rows_unlike_training_are_said_before_the_metrics(
    customers_run, customers, tmp_path, capsys
):
    source = tmp_path / "new.parquet"
    keys = ["data=table", f"data.source={source}"]
    customers.assign(cat=customers["cat"].where(customers.index < 300, "z")).to_parquet(source)
    evaluated(customers_run, *keys)
    said = capsys.readouterr().out
    assert 0 < said.index("unseen category") < said.index("log-loss")
    customers.assign(cat=customers["cat"].str.upper() + "?").to_parquet(source)
    with pytest.raises(InputError, match=r"^column 'cat': .* allow_unseen=true"):
        evaluated(customers_run, *keys)
    assert evaluated(customers_run, *keys, "allow_unseen=true")["n"] == 400
