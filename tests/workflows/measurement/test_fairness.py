"""fairness.by in a training and an evaluation: own rows, new rows, remedies and what is refused."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.evaluation.groups.group_gaps import gap_interval
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.check_folds import check_cross_validation
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.measurement.fairness_remedies import without_column
from churn_torch.workflows.rows.judged_rows import Decided, scored_parts
from churn_torch.workflows.train import read_table
from tests.composing import composed

# Fewer draws than usual: test_group_gaps.py tests what an interval holds.
DRAWS = 100
KEYS = ("data=table", "data.target=churned", "data.ignore=[tier]", "debug=fast")


@pytest.fixture(scope="module", autouse=True)
def _few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "churn_torch.evaluation.groups.group_metrics.gap_interval",
            partial(gap_interval, draws=DRAWS),
        )
        yield


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """1,200 customers: those of the north leave more often, `branch` tells the region."""
    rng = np.random.default_rng(0)
    north = rng.random(1_200) < 0.4
    usage = rng.normal(size=1_200)
    churned = rng.random(1_200) < 1 / (1 + np.exp(-(1.5 * usage - 1.5 + 2 * north)))
    region = np.where(north, "north", "south").astype(object)
    region[rng.random(1_200) < 0.003] = None
    return pd.DataFrame(
        {
            "usage": usage,
            "region": region,
            "branch": np.where(rng.random(1_200) < 0.95, north, ~north).astype(float),
            "tier": np.random.default_rng(3).integers(0, 60, 1_200),
            "city": [f"city {i}" for i in rng.integers(0, 500, 1_200)],
            "churned": np.where(churned, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def run(table, train_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fairness")
    source = folder / "table.parquet"
    table.to_parquet(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("churn_torch.workflows.runs.publish.write_model", lambda *a, **options: [])
        return train_run(
            folder / "run",
            *KEYS,
            f"data.source={source}",
            "model=logreg",
            "fairness.by=[region,tier]",
            "fairness.remedies=true",
            "offer=call",
            "data.value=100",
        )


def evaluated(run, *keys: str) -> dict:
    return evaluate(composed("evaluate", [f"run={run.folder}", *keys]))


def test_the_groups_are_those_of_the_test_rows_and_columns_travel(run):
    rows = pd.read_parquet(run.folder / "predictions.parquet")
    region, tier = run.metrics["fairness"]
    assert (region["column"], region["is_input"]) == ("region", True)
    by_name = {group["group"]: group for group in region["groups"]}
    for name, here in rows.groupby("region"):
        flagged = here["churn_probability"] >= run.threshold
        assert by_name[name]["n"] == len(here)
        assert by_name[name]["selection_rate"]["value"] == pytest.approx(flagged.mean())
    assert by_name["(missing)"]["n"] < 30
    assert "(missing)" in region["gaps"][0]["left_out"]
    assert (tier["is_input"], len(tier["groups"])) == (False, 4)
    assert "quartiles" in tier["note"]
    assert not any(gap["differs"] for gap in tier["gaps"])
    assert json.loads((run.folder / "metrics.json").read_text())["fairness"] == [region, tier]


def test_the_proxy_and_the_difference_are_named(run):
    region, tier = run.metrics["fairness"]
    assert [proxy["column"] for proxy in region["proxies"]] == ["branch"]
    assert tier["proxies"] == []
    gaps = {gap["name"]: gap for gap in region["gaps"]}
    assert gaps["demographic_parity"]["differs"]
    assert gaps["demographic_parity"]["highest"] == "north"
    assert any(
        "share of customers flagged differs beyond chance" in one for one in region["sentences"]
    )


def test_remedies_are_measured_where_there_is_a_difference(run):
    region, tier = run.metrics["fairness"]
    remedies = {remedy["name"]: remedy for remedy in region["remedies"]}
    assert tier["remedies"] == []
    assert list(remedies)[:3] == ["none", "without_column", "equal_selection_rate"]
    now, equal = remedies["none"], remedies["equal_selection_rate"]
    assert equal["gaps"]["demographic_parity"] < now["gaps"]["demographic_parity"] / 2
    assert equal["thresholds"]["north"] > run.threshold > equal["thresholds"]["south"]
    assert equal["thresholds"]["(missing)"] == run.threshold
    change = equal["profit_change"]["call"]
    assert change["low"] <= change["value"] <= change["high"]
    # What the model lost with the column the proxy gives back, in part.
    assert remedies["without_column"]["gaps"]["demographic_parity"] > 0.1
    assert remedies["without_column"]["auroc"] <= now["auroc"] + 0.01
    assert region["sentences"][-1].startswith("A threshold by group decides by the column itself")


def test_an_evaluation_of_the_same_rows_finds_the_same(run, capsys):
    found = evaluated(run, "fairness.by=[region]")["fairness"]
    (region, _) = run.metrics["fairness"]
    assert found[0]["gaps"] == region["gaps"]
    assert [remedy["name"] for remedy in found[0]["remedies"]] == [
        remedy["name"] for remedy in region["remedies"] if remedy["name"] != "without_column"
    ]
    out = capsys.readouterr().out
    assert "region: groups on test rows" in out
    assert "region: what a change would do" in out


def test_new_rows_are_compared_without_remedies(run, table, tmp_path):
    source = tmp_path / "new.csv"
    table[:300].to_csv(source, index=False)
    (found,) = evaluated(run, "fairness.by=[tier]", "data=table", f"data.source={source}")[
        "fairness"
    ]
    assert (found["measured_on"], sum(group["n"] for group in found["groups"])) == ("new rows", 300)
    assert (found["remedies"], found["proxies"]) == ([], [])


def test_a_model_fitted_without_the_column_must_have_the_same_test_rows(run, capsys):
    options = run.options
    table = read_table(options, None)
    model = Decided(run.scorer, run.schema, run.threshold)
    test = scored_parts(table.chunks(), model, ["region"])["test"]
    test.add(np.zeros(1, np.float32), np.ones(1, np.float32), pd.DataFrame({"region": ["north"]}))
    assert without_column(options, None, test, "region") is None
    assert "Without region the rows are split in another way" in capsys.readouterr().out


@pytest.mark.usefixtures("without_export")
def test_of_a_streamed_model_of_uplift_customers_who_were_not_contacted_are_compared(
    table, train_run, tmp_path
):
    rng = np.random.default_rng(1)
    table.assign(phoned=rng.integers(0, 2, len(table))).to_parquet(tmp_path / "table.parquet")
    trained = train_run(
        tmp_path / "run",
        *(*KEYS[:3], f"data.source={tmp_path / 'table.parquet'}", "data.streaming=true"),
        *("model=uplift", "net=logreg", "data.treatment=phoned", "optimizer=adam"),
        *("trainer.max_epochs=1", "fairness.by=[tier]"),
    )
    rows = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    (found,) = trained.metrics["fairness"]
    assert sum(group["n"] for group in found["groups"]) == (rows["phoned"] == 0).sum()


# Refused


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (["fairness.by=[regon]"], r"^fairness\.by: .* got 'regon' \(did you mean 'region'"),
        (["fairness.by=[city]"], r"^fairness\.by: .* at most 20 values of text, got 'city', with"),
        (["data.carry=[regon]"], r"^data\.carry: "),
    ],
)
def test_a_training_refuses_before_it_fits(table, train_run, tmp_path, keys, sentence):
    with pytest.raises(InputError, match=sentence):
        train_run(tmp_path / "run", *KEYS, *keys, source=table)
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_the_target_is_no_group_and_folds_are_not_compared():
    keys = (*KEYS, "data.source=x.csv")
    with pytest.raises(InputError, match=r"^fairness\.by: .* got 'churned', the target"):
        check_choices(train_options(composed("train", [*keys, "fairness.by=[churned]"])))
    options = train_options(composed("train", [*keys, "cv.folds=3", "fairness.by=[region]"]))
    with pytest.raises(InputError, match=r"^fairness\.by: expected nothing in a cross-validation"):
        check_cross_validation(options)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (["fairness.by=[regon]"], r"^fairness\.by: .*'regon' \(did you mean 'region'"),
        (["fairness.by=[city]"], r"^fairness\.by: .* got 'city', with"),
        (["fairness.by=[churned]"], r"^fairness\.by: .*the target"),
        (["fairness.by=[regon]", "data=table", "data.source={new}"], r"^fairness\.by: .*'regon'"),
        (["fairness.by=[city]", "data=table", "data.source={new}"], r"^fairness\.by: .*'city'"),
        (
            ["fairness.by=[tier]", "fairness.remedies=true", "data=table", "data.source={new}"],
            r"^fairness\.remedies: expected false with new rows",
        ),
    ],
)
def test_an_evaluation_refuses(run, table, tmp_path, keys, sentence):
    new = tmp_path / "new.csv"
    table[:300].to_csv(new, index=False)
    with pytest.raises(InputError, match=sentence):
        evaluated(run, *(key.format(new=new) for key in keys))
