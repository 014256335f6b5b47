"""The command for one customer: what it says, what it writes, and what it refuses."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.explanation.options import ExplanationOptions
from churn_torch.tables.encode import parse
from churn_torch.workflows.explain import explain
from churn_torch.workflows.runs.publish import described
from churn_torch.workflows.runs.run_folder import Run
from tests.composing import composed


@pytest.fixture
def keys(customers_run: Run, customers_csv: Path) -> list[str]:
    return [f"run={customers_run.folder}", f"source={customers_csv}"]


@pytest.fixture
def leaver(customers_run: Run, customers: pd.DataFrame) -> str:
    """The id of a customer above the threshold whose plan can be changed."""
    now = customers_run.predict_proba(customers) >= customers_run.threshold
    then = customers_run.predict_proba(customers.assign(plan="plus, more"))
    leavers = customers[now & (then < customers_run.threshold)]
    return str(leavers["customer id"].iloc[0])


def test_a_customer_is_explained_without_torch(
    command: Callable[..., Any], keys: list[str], leaver: str, tmp_path: Path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it would fail
    out = tmp_path / "deep" / "customer.json"
    code, said, err = command(
        "explain", *keys, f"id={leaver}", "explain.actionable=[plan,Größe/Call  Failure]",
        f"out={out}",
    )  # fmt: skip
    assert code == 0, err
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told["id"] == leaver
    assert told["contacted"]
    assert f"Customer {leaver} leaves with a probability of {told['probability']:.1%}" in said
    assert {"basic"} == {r["cell"] for r in told["raises"] if r["column"] == "plan"}
    assert told["changes"]
    for change in told["changes"]:
        assert set(change["cells"]) <= {"plan", "Größe/Call  Failure"}
        assert change["probability"] < told["threshold"]
        assert all(cell in said for cell in change["cells"].values())
    assert f"Written to {out}." in " ".join(said.split())


def test_the_file_alone_gives_the_same(
    keys: list[str], leaver: str, customers_run: Run, customers: pd.DataFrame, tmp_path: Path
):
    alone = tmp_path / "churn.onnx"
    shutil.copy(customers_run.model, alone)
    more = [f"id={leaver}", "explain.actionable=[plan]"]
    of_run = explain(composed("explain", [*keys, *more]))
    assert of_run.changes
    of_file = explain(composed("explain", [f"run={alone}", *more]), source=customers)
    (row,) = customers.index[customers["customer id"] == leaver]
    of_frame = customers_run.explain(customers.loc[[row]], actionable=["plan"], among=customers)
    assert of_frame == [of_file]
    # A CSV has its own words for numbers.
    assert replace(of_file, raises=(), lowers=()) == replace(of_run, raises=(), lowers=())
    assert [reason.odds_factor for reason in of_file.raises] == pytest.approx(
        [reason.odds_factor for reason in of_run.raises], rel=1e-5
    )


def test_the_training_names_what_can_be_changed(
    keys: list[str], leaver: str, customers_run: Run, customers: pd.DataFrame, tmp_path: Path
):
    """As one that named a column which was not selected afterwards."""
    named = ExplanationOptions(actionable=("household", "plan"))
    run = replace(customers_run, options=replace(customers_run.options, explain=named))
    stored = described(run, parse(customers.head(50), run.schema)).metrics["explain"]
    assert stored == {"actionable": ["plan"]}
    model = onnx.load(customers_run.model)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(texts["explain"]) == {"actionable": []}
    onnx.helper.set_model_props(model, {**texts, "explain": json.dumps(stored)})
    onnx.save(model, tmp_path / "model.onnx")
    more = [f"run={tmp_path / 'model.onnx'}", f"id={leaver}"]
    explained = explain(composed("explain", [*keys, *more]))
    assert explained.changes
    assert {column for change in explained.changes for column in change.cells} == {"plan"}
    none = explain(composed("explain", [*keys, *more, "explain.actionable=[]"]))
    assert not none.changes
    assert "explain.actionable=[COLUMN,...]" in none.note


def test_a_run_without_an_id_column_takes_the_row_number_and_says_so(
    keys: list[str], customers_run: Run, customers: pd.DataFrame, capsys, monkeypatch
):
    from churn_torch.explanation.explained_model import ExplainedModel
    from churn_torch.tables.schema import Schema

    monkeypatch.setattr(Schema, "id", property(lambda self: None))
    explained = explain(composed("explain", [*keys, "id=3"]))
    assert "The run names no id column: id=3 is the row number, from 0." in capsys.readouterr().out
    assert explained.id == "3"
    model = ExplainedModel(customers_run.model)
    assert explained.threshold == model.threshold
    expected = customers_run.predict_proba(customers.iloc[[3]])[0]
    assert explained.probability == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["id=C-0001"], r"^id: .* 'C-0001', which is in none of 400 rows \(did you mean 'C-00"),
        (["id=C-00001", "explain.actionable=[plans]"], r"^explain\.actionable: .*mean 'plan'\?"),
        (["id=C-00001", "explain.actionable=[churned]"], r"^explain\.actionable: .* 'churned'"),
        (["id=C-00001", "out=customer.txt"], r"^out: expected a \.json file, got 'customer.txt'"),
        (["id=C-00001", "run=nowhere"], r"^run: expected a run folder or an ONNX file"),
        (["id=C-00001", "source=nowhere.csv"], r"^source: "),
    ],
)
def test_what_cannot_be_explained_is_refused(
    keys: list[str], more: list[str], message: str, tmp_path: Path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        explain(composed("explain", [*keys, *more]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("id", [["id=C-00001"], []])
def test_what_was_asked_for_is_not_written_elsewhere(
    id: list[str], customers_run: Run, customers: pd.DataFrame, tmp_path: Path
):
    source = tmp_path / "new.json"
    customers.to_json(source, orient="records", date_format="iso")
    before = source.read_bytes()
    keys = [f"run={customers_run.folder}", f"source={source}", *id]
    for out, message in (
        (source, "a file other than what is read"),
        (tmp_path / "factors.csv", r"expected a \.json file"),
        (tmp_path, r"expected a \.json file"),
    ):
        with pytest.raises(InputError, match=f"^out: .*{message}"):
            explain(composed("explain", [*keys, f"out={out}"]))
    assert source.read_bytes() == before


def test_a_customer_needs_a_source(customers_run: Run):
    with pytest.raises(InputError, match=r"source=\.\.\."):
        explain(composed("explain", [f"run={customers_run.folder}", "id=C-00001"]))


def test_a_customer_who_is_there_twice_is_refused(
    customers_run: Run, customers: pd.DataFrame, tmp_path: Path
):
    out = tmp_path / "customer.json"
    config = composed("explain", [f"run={customers_run.folder}", "id=C-00001", f"out={out}"])
    twice = pd.concat([customers, customers.iloc[[1]]])
    with pytest.raises(InputError, match=r"^id: .* 'C-00001' in rows 2 and 401;"):
        explain(config, source=twice)
    assert not out.exists()


def test_a_training_refuses_an_actionable_column_that_is_none(
    train_run: Callable[..., Run], table_keys: tuple[str, ...], customers_csv: Path, tmp_path: Path
):
    for name, nearest in (("plam", "plan"), ("churned", "")):
        with pytest.raises(InputError, match=rf"^explain\.actionable: .* '{name}'.*{nearest}"):
            train_run(
                tmp_path / "runs" / name, *table_keys, f"data.source={customers_csv}",
                f"explain.actionable=[{name}]",
            )  # fmt: skip
