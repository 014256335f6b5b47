"""What looks wrong about a table is said before the metrics; a sound table gets no such line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch import samples
from churn_torch.errors import InputError
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import DataOptions
from churn_torch.tables.split_options import SplitOptions
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.measurement.suspicions import of_files, suspicions, warn_of_leakage
from churn_torch.workflows.train import read_table, train
from tests.composing import composed

TELCO = pd.read_parquet(samples.path("telco"))
RANDOM = np.random.default_rng(0)


def said(source: pd.DataFrame, split: SplitOptions | None = None, **named: object) -> list[str]:
    split = split or SplitOptions()
    data = DataOptions(**{"target": "churn", "split": split, **named})
    table = read_labelled(data, seed=0, source=source, inspected=True)
    for _ in table.chunks():
        pass
    return [one.sentence for one in suspicions(table, split)]


@pytest.mark.parametrize("streaming", [True, False])
def test_the_sample_is_above_suspicion(streaming: bool) -> None:
    assert said(TELCO, streaming=streaming) == []


@pytest.mark.parametrize("streaming", [True, False])
def test_a_column_that_is_filled_after_the_churn(streaming: bool) -> None:
    reason = np.where(TELCO["churn"] == "Yes", RANDOM.choice(["price", "move"], len(TELCO)), None)
    (line,) = said(TELCO.assign(cancel_reason=reason), streaming=streaming)
    assert line == (
        "cancel_reason alone tells churn (AUROC 1.00: missing where churn is No); is it known "
        "before? data.ignore=[cancel_reason]"
    )
    assert said(TELCO.assign(cancel_reason=reason), ignore=["cancel_reason"]) == []


def test_only_training_rows_are_looked_at() -> None:
    day = np.arange(len(TELCO))
    late = day >= 0.7 * len(TELCO)  # validation and test rows
    code = np.where(late, RANDOM.random(len(TELCO)), TELCO["churn"] == "Yes")
    split = SplitOptions(by="time", column="day")
    assert said(TELCO.assign(day=day, code=code), split)[0].startswith("code alone tells churn")
    code = np.where(late, TELCO["churn"] == "Yes", RANDOM.random(len(TELCO)))
    assert said(TELCO.assign(day=day, code=code), split) == []


def customers(n: int, times: int) -> pd.DataFrame:
    """Customers that stand in several rows each, with labels that are drawn at random."""
    one = pd.DataFrame(RANDOM.normal(size=(n, 8))).add_prefix("x")
    one = one.assign(id=[f"C{i:04d}" for i in range(n)], churn=RANDOM.integers(0, 2, n))
    return pd.concat([one] * times, ignore_index=True)


def test_twins_are_said_until_they_stay_together() -> None:
    source = customers(100, 6)
    (line,) = said(source, ignore=["id"])
    assert line.startswith("90 of 90 test rows have a twin in training, alike in every feature")
    (line,) = said(source, id="id")
    assert line.startswith("90 of 90 test rows have an id (id) that rows in training have too")
    assert said(source, SplitOptions(by="group", column="id"), id="id") == []
    assert said(source, SplitOptions(by="group", column="auto"), id="id") == []
    # A later row of a customer is what a split by time is for.
    assert said(source.assign(day=range(600)), SplitOptions(by="time", column="day"), id="id") == []


def test_rows_of_one_id_that_are_no_copies() -> None:
    source = customers(100, 6)
    source["x0"] = RANDOM.normal(size=600)
    assert said(source, ignore=["id"]) == []
    assert said(source, id="id")[0].startswith("90 of 90 test rows have an id (id)")


def test_a_few_rows_alike_are_no_suspicion() -> None:
    source = pd.concat([customers(300, 1), customers(2, 2)], ignore_index=True)
    assert said(source, ignore=["id"]) == []


def test_a_target_with_several_negative_labels() -> None:
    status = np.where(TELCO["churn"] == "Yes", "Churned", RANDOM.choice(["Stayed", "Joined"], 7043))
    source = TELCO.drop(columns="churn").assign(
        status=status, reason=np.where(TELCO["churn"] == "Yes", "price", None)
    )
    for negative, where in (("rest", "is not Churned"), (["Stayed"], "is Stayed")):
        (line,) = said(source, target="status", positive="Churned", negative=negative)
        assert f"AUROC 1.00: missing where status {where})" in line


def kinds(source: pd.DataFrame, split: SplitOptions | None = None, **named: object) -> list:
    split = split or SplitOptions()
    data = DataOptions(**{"target": "churn", "split": split, **named})
    table = read_labelled(data, seed=0, source=source, inspected=True)
    for _ in table.chunks():
        pass
    return [(one.kind, one.columns) for one in suspicions(table, split)]


def dated(n: int = 2_000) -> pd.DataFrame:
    """Customers with a date at which their row was made."""
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(RANDOM.integers(0, 300, n), "D")
    x = pd.DataFrame(RANDOM.normal(size=(n, 6))).add_prefix("x")
    chance = 1 / (1 + np.exp(1 - x["x0"]))
    return x.assign(snapshot=day, churn=np.where(RANDOM.random(n) < chance, "yes", "no"))


@pytest.mark.parametrize("streaming", [True, False])
def test_each_kind_is_found_streamed_and_in_memory(streaming: bool) -> None:
    source = dated().assign(id=np.arange(2_000))
    churn = (source["churn"] == "yes").to_numpy()
    late = churn & (RANDOM.random(2_000) < 0.5)
    shift = pd.to_timedelta(np.where(late, 5, -5), "D")
    leaks = {
        "refund": np.where(churn, 1.5, np.nan),
        "note": np.where(churn & (RANDOM.random(2_000) < 0.3), "price", None),
        "level": churn * 2.6 + RANDOM.normal(size=2_000),
        "contact": source["snapshot"] + shift,
        "churn_score": churn + RANDOM.normal(size=2_000),
    }
    hashed = SplitOptions(by="hash")
    found = kinds(source.assign(**leaks), hashed, id="id", streaming=streaming)
    assert found == [
        ("missing", ("refund",)),
        ("ahead", ("level",)),
        ("one_sided", ("note",)),
        ("later", ("contact",)),
        ("name", ("churn_score",)),
    ]
    assert kinds(source, hashed, id="id", streaming=streaming) == []


def test_a_later_date_in_a_split_by_time() -> None:
    source = dated().rename(columns={"snapshot": "day"})
    late = (source["churn"] == "yes") & (RANDOM.random(2_000) < 0.5)
    source["contact"] = source["day"] + pd.to_timedelta(np.where(late, 5, -5), "D")
    assert kinds(source, SplitOptions(by="time", column="day")) == [("later", ("contact",))]


def test_rows_that_leak() -> None:
    source = dated()
    again = source[:200].assign(x3=RANDOM.normal(size=200))
    near = pd.concat([source, again]).sample(frac=1, random_state=0, ignore_index=True)
    assert kinds(near.assign(x6=near["x0"] ** 2)) == [("near_copies", ())]
    in_order = source.sort_values("churn", ignore_index=True)
    assert kinds(in_order) == [("order", ())]
    assert ("order", ("row_value",)) in kinds(in_order.assign(row_value=np.arange(2_000) / 7))
    chance = np.where(RANDOM.permutation(30) < 15, 0.05, 0.6)
    tenth = (source["snapshot"] - source["snapshot"].min()).dt.days // 10
    waves = source.assign(churn=np.where(RANDOM.random(2_000) < chance[tenth], "yes", "no"))
    assert kinds(waves) == [("time", ("snapshot",))]
    assert kinds(waves, SplitOptions(by="time", column="snapshot")) == []


@pytest.mark.parametrize("seed", range(4))
def test_sound_tables_are_above_suspicion(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(300, 2_000))
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, n), "D")
    source = pd.DataFrame(random.integers(0, 3, (n, 8))).add_prefix("c").astype(str)
    source = source.assign(joined=day, fee=random.choice([10.0, 20.0, 30.0], n))
    score = (source["c0"] == "1") * 3.0 + (source["fee"] - 20) / 5 - (day - day.min()).days / 400
    churn = random.random(n) < 1 / (1 + np.exp(-(score - score.quantile(0.8))))
    assert kinds(source.assign(churn=churn)) == []


def test_files_of_churners(tmp_path: Path) -> None:
    source = dated()
    for name, label in (("left", "yes"), ("current", "no")):
        source[source["churn"] == label].to_csv(tmp_path / f"{name}.csv", index=False)
    data = DataOptions(target="churn", source=f"{tmp_path}/*.csv")
    schema = read_labelled(data, seed=0).schema
    (found,) = of_files(data, None, schema)
    assert (found.kind, found.columns) == ("files", ())
    assert "(AUROC 1.00: 100% in left.csv, 0% in current.csv)" in found.sentence
    assert of_files(data, source, schema) == []
    for i in range(2):
        source[i::2].to_csv(tmp_path / f"part-{i}.csv", index=False)
    assert of_files(replace(data, source=f"{tmp_path}/part*.csv"), None, schema) == []


def options(*overrides: str) -> TrainOptions:
    return train_options(composed("train", ["data=table", "data.target=churn", *overrides]))


def test_leakage_is_said_refused_or_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = dated().assign(code=lambda frame: (frame["churn"] == "yes") * 2.0)
    table = read_labelled(options().data, seed=0, source=source)
    (found,) = warn_of_leakage(table, options())
    assert found["kind"] == "alone"
    assert found["columns"] == ["code"]
    assert found["sentence"] in " ".join(capsys.readouterr().out.split())
    assert warn_of_leakage(table, options("leakage=ignore")) == []
    assert capsys.readouterr().out == ""
    ignored = read_table(options("leakage=ignore", "data.streaming=true"), source)
    for _ in ignored.chunks():
        pass
    with pytest.raises(RuntimeError, match="inspected"):
        ignored.inspect()
    folder = tmp_path / "run"
    config = composed("train", ["data=table", "data.target=churn", "leakage=error"])
    message = r"^leakage: expected a table without signs of leakage, got 1: code alone tells churn"
    with pytest.raises(InputError, match=message + r".*; .*leakage=warn\.$"):
        train(config, folder, source=source)
    assert not folder.exists()
    with pytest.raises(InputError, match=r"^leakage: expected warn or error or ignore, got 'off'"):
        options("leakage=off")
