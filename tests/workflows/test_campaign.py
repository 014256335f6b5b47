from __future__ import annotations

import hashlib
import json

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper

from churn_torch.errors import InputError
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import UPLIFT
from churn_torch.workflows.campaign import campaign
from tests.composing import composed

VALUE = "value=add"  # about 1,000 a customer


@pytest.fixture
def choose(customers_run, customers, tmp_path):
    """Return a function that writes a list of `customers` from overrides; gives the two lists."""

    def run(
        *keys, table=customers, run=customers_run.folder, name="new.parquet", out="june/calls.csv"
    ):
        source = tmp_path / name
        table.to_csv(source, index=False) if name.endswith("csv") else table.to_parquet(source)
        keys = (f"run={run}", f"source={source}", f"out={tmp_path / out}", *keys)
        figures = campaign(composed("campaign", keys))
        folder = (tmp_path / out).parent
        read = pd.read_parquet if out.endswith("parquet") else pd.read_csv
        lists = [read(folder / entry["name"]) for entry in content(folder)["files"].values()]
        return figures, *lists

    return run


def content(folder):
    return json.loads((folder / "campaign.json").read_text(encoding="utf-8"))


def test_the_list_is_the_best_that_the_budget_pays(choose, customers, customers_run, tmp_path):
    figures, calls, control = choose(
        VALUE, "offer=call", "budget=300", "keep=[cat]", "chunk_rows=150"
    )
    staying = customers[customers["churned"] == "no"].reset_index(drop=True)
    probability = customers_run.predict_proba(staying)
    net = 0.3 * probability * staying["add"] - 10
    best = staying.assign(net=net, p=probability).nlargest(33, "net").set_index("customer id")
    assert len(calls) == 30
    assert len(control) == 3
    listed = pd.concat([calls, control]).set_index("customer id")
    assert set(listed.index) == set(best.index)
    aligned = best.loc[listed.index]
    np.testing.assert_allclose(listed["expected_net_value"], aligned["net"], atol=2e-3)
    np.testing.assert_allclose(listed["churn_probability"], aligned["p"], atol=2e-6)
    assert listed["cat"].tolist() == aligned["cat"].tolist()
    assert list(calls.columns) == [
        "customer id", "rank", "offer", "churn_probability", "value", "expected_net_value",
        "reason_1", "reason_2", "reason_3", "not_trusted", "cat",
    ]  # fmt: skip
    assert calls["rank"].tolist() == list(range(1, 31))
    assert calls["expected_net_value"].is_monotonic_decreasing
    assert sorted(path.name for path in (tmp_path / "june").iterdir()) == [
        "calls.csv", "campaign.html", "campaign.json", "control.csv",
    ]  # fmt: skip
    page = (tmp_path / "june" / "campaign.html").read_text(encoding="utf-8")
    assert f"<dd>{figures.net:,.0f}<" in page
    assert "A customer is worth add: " in page
    assert "the column churned says so" in page
    counted = calls["reason_1"].dropna().str.split(": ").str[0].value_counts()
    assert dict(figures.reason_columns) == counted.to_dict()
    assert sum(group.n_contacted for group in figures.values) == 30
    assert figures.spend == 300
    assert figures.net == pytest.approx(calls["expected_net_value"].sum(), rel=1e-6)
    assert figures.gap == pytest.approx(0, abs=1e-9)
    assert figures.n_left == (customers["churned"] == "yes").sum()


def test_reasons_and_doubts_are_those_of_the_file(choose, customers, customers_run):
    odd = customers.assign(plan=customers["plan"].where(customers.index % 2 == 0, "trial"))
    _, calls, _ = choose(VALUE, "offer=call", table=odd)
    trial = calls["customer id"].str[2:].astype(int) % 2 == 1
    assert (calls["not_trusted"].fillna("").str.contains("plan: unseen category (trial)",
                                                         regex=False) == trial).all()  # fmt: skip
    model = ModelFile(customers_run.model)
    rows = odd.set_index("customer id", drop=False).loc[calls["customer id"]]
    (reasons,) = model.run(model.feed(rows), ["reasons"]).values()
    strongest = reasons.argmax(axis=1)
    for text, row, input_ in zip(calls["reason_1"], reasons, strongest, strict=True):
        if row[input_] > np.log(1.05):
            assert text.startswith(f"{model.names[input_]}: ")
            assert text.endswith(f", odds x {np.exp(row[input_]):.1f}")
        else:
            assert pd.isna(text)


def test_csv_and_parquet_give_the_same_list(choose, tmp_path):
    keys = (VALUE, "offer=[call,discount]", "budget=400", "offer.discount.capacity=10")
    _, calls, control = choose(*keys)
    _, again, control_again = choose(*keys, name="new.csv", out="july/calls.parquet")
    columns = ["customer id", "rank", "offer", "expected_net_value"]
    pd.testing.assert_frame_equal(calls[columns], again[columns], check_dtype=False)
    assert control["customer id"].tolist() == control_again["customer id"].tolist()
    assert (calls["offer"] == "discount").sum() == 10


def test_the_json_says_what_was_assumed_and_written(choose, tmp_path, customers_run):
    figures, calls, control = choose(VALUE, "horizon=3", "offer=discount", "control=0.3", "salt=x")
    told = content(tmp_path / "june")
    assert told["format"] == 1
    assert told["id"] == "customer id"
    assert told["offers"]["discount"]["keep_rate"] == {"alpha": 6, "beta": 14}
    assert told["value"] == {"value": "add", "horizon": 3, "discount_rate": 0.0}
    assert told["control"] == {"share": 0.3, "salt": "x"}
    assert told["ranked_by"] == "probability"
    assert told["data_fingerprint"] == customers_run.metrics["data"]["fingerprint"]
    assert told["model_sha256"] == hashlib.sha256(customers_run.model.read_bytes()).hexdigest()
    assert told["counts"]["contacted"] == len(calls) == told["files"]["calls"]["rows"]
    assert told["counts"]["control"] == len(control)
    digest = hashlib.sha256((tmp_path / "june" / "calls.csv").read_bytes()).hexdigest()
    assert told["files"]["calls"]["sha256"] == digest
    low, high = told["expected"]["interval"]
    assert low < told["expected"]["net_value"] < high
    assert figures.interval == (low, high)


def test_the_value_of_the_training_is_that_of_the_campaign(choose, customers_run, tmp_path):
    model = onnx.load(customers_run.model)
    rule = {"value": "2 * add", "horizon": 2, "discount_rate": 0.0}
    model.metadata_props.add(key="value", value=json.dumps(rule))
    onnx.save(model, tmp_path / "valued.onnx")
    _, calls, _ = choose("offer=call", run=tmp_path / "valued.onnx")
    assert calls["value"].between(3_900, 4_100).all()
    _, calls, _ = choose(
        "offer=call", "value=5000", run=tmp_path / "valued.onnx", out="b/calls.csv"
    )
    assert (calls["value"] == 10_000).all()


def with_uplift(path, folder):
    """Write the file with an output ``uplift``: how far the probability is from a half."""
    model = onnx.load(path)
    graph = model.graph
    graph.initializer.append(helper.make_tensor("half", TensorProto.FLOAT, [], [0.5]))
    graph.node.append(helper.make_node("Sub", ["half", "churn_probability"], [UPLIFT]))
    graph.output.append(helper.make_tensor_value_info(UPLIFT, TensorProto.FLOAT, ["N"]))
    onnx.save(model, folder / "uplift.onnx")
    return folder / "uplift.onnx"


def test_a_file_with_an_uplift_ranks_by_it(choose, customers_run, tmp_path, capsys):
    path = with_uplift(customers_run.model, tmp_path)
    figures, calls, control = choose("value=100", "offer=call", run=path)
    assert figures.ranked_by == content(tmp_path / "june")["ranked_by"] == "uplift"
    for rows in (calls, control):
        uplift = rows["uplift"]
        np.testing.assert_allclose(uplift, 0.5 - rows["churn_probability"], atol=2e-6)
        np.testing.assert_allclose(rows["expected_net_value"], 100 * uplift - 10, atol=2e-3)
    assert "keep rates play no part" in " ".join(capsys.readouterr().out.split())
    assert calls["churn_probability"].is_monotonic_increasing
    assert figures.kept == pytest.approx(calls["uplift"].sum(), rel=1e-4)


def test_leavers_whom_the_condition_forgets_are_named(choose, customers, capsys):
    choose(VALUE, "offer=call", "exclude=plan = 'basic'")
    said = " ".join(capsys.readouterr().out.split())
    forgotten = ((customers["churned"] == "yes") & (customers["plan"] != "basic")).sum()
    assert forgotten > 0
    assert f"{forgotten} customers have left, as their 'churned' says" in said


def test_a_run_without_an_id_names_rows(choose, telco_run, tmp_path, capsys):
    keys = [f"run={telco_run.folder}", "source=sample:telco", f"out={tmp_path}/calls.csv"]
    campaign(composed("campaign", [*keys, "value=monthly_charges", "horizon=12", "offer=call",
                                  "budget=5000"]))  # fmt: skip
    said = " ".join(capsys.readouterr().out.split())
    assert "names no id column" in said
    assert "1,869 of 7,043 customers have left already" in said
    assert "too small to be measured" in said
    assert "calls.csv, control.csv, campaign.html and campaign.json." in said
    calls = pd.read_csv(tmp_path / "calls.csv")
    assert len(calls) == 500
    assert calls["row"].between(0, 7042).all()


# What cannot be is refused in one sentence, and nothing is written.


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["offer=call"], r"^value: expected what a customer is worth"),
        ([VALUE], r"^offer: expected one or more offers, got none"),
        ([VALUE, "offer=call", "offer.call.contact_cost=-1"], r"^offer.call.contact_cost: "),
        ([VALUE, "offer=call", "offer.call.keep_rate=1.2"], r"^offer.call.keep_rate: "),
        (["value=0 - add", "offer=call"], r"^value: expected a number of 0 or more"),
        ([VALUE, "offer=call", "budget=0"], r"^budget: expected an amount above 0"),
        ([VALUE, "offer=call", "budget=9"], r"^budget: expected enough for one contact"),
        ([VALUE, "offer=call", "exclude=cat ="], r"^exclude: .*syntax error"),
        ([VALUE, "offer=call", "exclude=cat = 'q'"], r"^exclude: .* none of 400 does"),
        ([VALUE, "offer=call", "exclude=true"], r"^exclude: expected a condition, false or null"),
        ([VALUE, "offer=call", "offer.call.where=cat = 'q'"], r"^offer.call.where: .* none of"),
        ([VALUE, "offer=call", "offer.call.capacity=2", "control=0.7"], r"^offer.call.capacity: "),
        ([VALUE, "offer=call", "control=1"], r"^control: "),
        ([VALUE, "offer=call", "id=nobody"], r"^id: expected a column of the source"),
        ([VALUE, "offer=call", "keep=[catt]"], r"^keep: .*did you mean 'cat'"),
        (
            [VALUE, "offer=call", "id=cat"],
            r"^column 'cat': expected each customer once, got the sa",
        ),
        ([VALUE, "offer=call", "chunk_rows=0"], r"^chunk_rows: "),
        (["value=1", "offer=call"], r"^offer.call: expected customers whom it pays to contact"),
        ([VALUE, "offer=call", "run=nowhere"], r"^run: expected a run folder or an ONNX file"),
    ],
)
def test_what_cannot_be_is_refused(choose, tmp_path, keys, message):
    with pytest.raises(InputError, match=message):
        choose(*keys)
    assert [path.name for path in tmp_path.iterdir()] == ["new.parquet"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[:0], r"^source: expected a table with rows"),
        (lambda t: pd.concat([t, t[:1]]), r"'customer id': .* got the same id in rows"),
        (
            lambda t: t.assign(**{"customer id": None}),
            r"'customer id': expected an id in every row",
        ),
        (lambda t: t.drop(columns="customer id"), r"^id: expected a column .* got 'customer id'"),
        (lambda t: t.drop(columns="plan"), r"none called 'plan'"),
        (lambda t: t.assign(plan="trial"), r"^column 'plan': expected categories that training"),
        (lambda t: t.assign(churned="yes"), r"^exclude: expected customers who have not left"),
    ],
)
def test_tables_that_cannot_be_are_refused(choose, customers, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        choose(VALUE, "offer=call", table=change(customers))
    assert [path.name for path in tmp_path.iterdir()] == ["new.parquet"]


def test_a_list_is_not_written_over_another(choose, tmp_path):
    choose(VALUE, "offer=call", "budget=100")
    before = (tmp_path / "june" / "calls.csv").read_bytes()
    with pytest.raises(InputError, match=r"^out: .* overwrite=true"):
        choose(VALUE, "offer=call", "budget=200")
    assert (tmp_path / "june" / "calls.csv").read_bytes() == before
    (tmp_path / "june" / "results.json").write_text("{}")
    _, calls, _ = choose(VALUE, "offer=call", "budget=200", "overwrite=true")
    assert len(calls) == 20
    assert not (tmp_path / "june" / "results.json").exists()  # it was of the list before


def test_an_unfinished_run_is_refused(choose, customers_run, tmp_path):
    folder = tmp_path / "unfinished"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(customers_run.model.read_bytes())
    with pytest.raises(InputError, match=r"^run: expected a finished run"):
        choose(VALUE, "offer=call", run=folder)


def test_a_source_must_be_named(customers_run):
    with pytest.raises(InputError, match=r"expected source=\.\.\., got nothing"):
        campaign(composed("campaign", [f"run={customers_run.folder}", "offer=call"]))


def test_the_command_takes_conditions_as_they_are_written(
    command, customers_run, customers_csv, tmp_path
):
    done = command(
        "campaign", f"run={customers_run.folder}", f"source={customers_csv}",
        "offer=[call,discount]", "value=coalesce(add, 0)",
        "exclude=\"cat\" = 'x' or plan = 'basic'",
        "offer.call.where=household > 20", "offer.call.keep_rate=0.1 + household / 1000",
        f"out={tmp_path}/calls.csv",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "Written to" in done.out
    calls = pd.read_csv(tmp_path / "calls.csv")
    customers = pd.read_csv(customers_csv).set_index("customer id").loc[calls["customer id"]]
    assert not (customers["cat"] == "x").any()
    assert (customers["household"][calls["offer"].eq("call").to_numpy()] > 20).all()
