"""Runs are compared on the test rows that they share."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from churn_torch.cli.compose import compose
from churn_torch.decisions.offer_profit import OfferProfit
from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError
from churn_torch.workflows.compare import compare, compare_runs, job_differences
from tests.workflows.made_runs import made_folds, made_rows, made_run

CALL = {"call": {"contact_cost": 10, "keep_rate": 0.3}}


@pytest.fixture
def two(tmp_path: Path) -> list[str]:
    return [
        made_run(tmp_path / "a", made_rows(1), model="linear.Linear"),
        made_run(tmp_path / "b", made_rows(2)),
    ]


def test_two_runs_are_compared_in_words(two, capfd) -> None:
    found = compare(compose("compare", [f"runs=[{','.join(two)}]"]))
    assert found.names == ("logreg", "mlp")
    out = " ".join(capfd.readouterr().out.split())
    assert out.startswith("No real difference between mlp and logreg (AUROC ")
    assert "on 120 test rows (" in out
    assert set(found.differences) == {"auroc", "log_loss", "brier", "lift_at_10"}


def test_the_differences_are_those_of_the_metrics(two) -> None:
    found = compare_runs(two)
    for metric, (one,) in found.differences.items():
        first, second = found.values[metric]
        assert one.difference == pytest.approx(second - first)
        assert one.low < one.difference < one.high


@pytest.mark.parametrize("name", ["differences.csv", "differences.JSON"])
def test_every_difference_is_written(two, tmp_path: Path, name: str) -> None:
    third = made_run(tmp_path / "c", made_rows(3), model="tabm.TabM")
    out = tmp_path / name
    found = compare({"runs": [*two, third], "metric": "brier", "out": str(out)})
    if name.endswith("csv"):
        rows = list(csv.DictReader(out.read_text().splitlines()))
        assert len(rows) == 4 * (2 + 2)
        assert {row["compared_with"] for row in rows} == {"first", "best"}
        assert float(rows[0]["difference"]) == found.differences["auroc"][0].difference
    else:
        content = json.loads(out.read_text())
        assert content["runs"] == dict(zip(("logreg", "mlp", "tabm"), [*two, third], strict=True))
        assert content["to_best"]["brier"][0]["verdict"] == found.to_best["brier"][0].verdict


def test_profit_is_that_of_the_training(tmp_path: Path) -> None:
    value = np.linspace(50, 500, 120)
    runs, expected = [], []
    for seed, threshold in ((1, 0.2), (2, 0.6)):
        rows = made_rows(seed).assign(value=value)
        metrics = {"validation": {"threshold": threshold}}
        runs.append(made_run(tmp_path / str(seed), rows, metrics=metrics, offer=CALL))
        measured = OfferProfit(Offer(**CALL["call"]), threshold=threshold)
        measured.update(
            *(rows[name].to_numpy() for name in ("churn_probability", "label", "value"))
        )
        expected.append(measured.figures()["profit"])
    found = compare_runs(runs, metric="profit")
    assert found.values["profit"] == pytest.approx(expected)
    assert "the offer call" in found.notes[-1]


@pytest.mark.parametrize(
    ("choices", "value", "note"),
    [
        ({"offer": {"call": {"contact_cost": 11, "keep_rate": 0.3}}}, 200.0, "the same offer"),
        ({"offer": CALL}, 100.0, "value customers in the same way"),
    ],
)
def test_profits_of_other_offers_or_values_are_not_compared(tmp_path, choices, value, note) -> None:
    first = made_run(tmp_path / "a", made_rows(1).assign(value=200.0), offer=CALL)
    second = made_run(tmp_path / "b", made_rows(2).assign(value=value), **choices)
    found = compare_runs([first, second])
    assert "profit" not in found.values
    assert note.split()[-1] in found.notes[0]
    with pytest.raises(InputError, match=r"^metric: expected one of auroc, .* with these runs"):
        compare_runs([first, second], metric="profit")


def test_few_churners_are_a_warning(tmp_path: Path) -> None:
    rows = [made_rows(seed) for seed in (1, 2)]
    for one in rows:
        one["label"] = (np.arange(120) % 20 == 0).astype(int)
    found = compare_runs([made_run(tmp_path / str(i), one) for i, one in enumerate(rows)])
    assert found.notes[-1].startswith("Only 6 churners: with fewer than ")


def test_cross_validations_are_compared_fold_by_fold(tmp_path: Path) -> None:
    runs = []
    for gap, model in ((0.0, "linear.Linear"), (0.02, "mlp.MLP")):
        rows, metrics = made_folds(gap)
        runs.append(made_run(tmp_path / model, rows, model=model, metrics=metrics))
    found = compare_runs(runs)
    (one,) = found.differences["auroc"]
    gaps = np.array([0.02] * 3 + [0.022] * 3)
    error = np.sqrt(np.var(gaps, ddof=1) * (1 / 6 + 1 / 2))
    assert one.difference == pytest.approx(gaps.mean())
    assert one.high - one.difference == pytest.approx(2.5705818 * error)  # t(0.975, 5)
    assert found.measured_on == "6 folds"
    assert set(found.values) == {"auroc", "log_loss", "brier"}


def test_other_folds_are_refused(tmp_path: Path) -> None:
    runs = []
    for seed in (0, 1):
        rows, metrics = made_folds(0.0, seed=seed)
        runs.append(made_run(tmp_path / str(seed), rows, metrics=metrics, seed=seed))
    with pytest.raises(InputError, match=r"the same folds, .* \(seed=0 and seed=1\)"):
        compare_runs(runs)


def test_jobs_of_a_sweep_are_compared_with_the_first(two) -> None:
    (one,) = job_differences(two, ["job 1", "job 0"], "log_loss")
    assert (one.first, one.second, one.metric) == ("job 0", "job 1", "log_loss")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("metric", "aurok", r"^metric: expected one of .*, got 'aurok' \(did you mean 'auroc'\?\)"),
        ("out", "d.xlsx", r"^out: expected a file that ends in \.csv or \.json, got 'd\.xlsx'"),
        ("out", "{a}/metrics.json", "^out: expected a file outside the run folders"),
        ("group", "household", r"^group: expected a column that the predictions .*carry"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(two, key: str, value: str, message: str) -> None:
    before = (Path(two[0]) / "metrics.json").read_bytes()
    with pytest.raises(InputError, match=message):
        compare({"runs": two, key: value.format(a=two[0])})
    assert (Path(two[0]) / "metrics.json").read_bytes() == before


def test_folds_of_a_stranger_are_refused_where_they_are_damaged(tmp_path: Path) -> None:
    rows, metrics = made_folds(0.0)
    runs = [
        made_run(tmp_path / str(number), rows, metrics={**metrics, "folds": folds})
        for number, folds in enumerate([metrics["folds"], 3, [{}], [{"repeat": 0, "fold": 0}]])
    ]
    for other in runs[1:]:
        with pytest.raises(InputError, match=r"^runs: expected whole files in"):
            compare_runs([runs[0], other])


@pytest.mark.parametrize("offer", [3, [1], {"call": 1}, {"call": {"contact_cost": "free"}}])
def test_a_damaged_offer_is_no_traceback(tmp_path: Path, offer: object) -> None:
    rows = [made_rows(seed).assign(value=2.0) for seed in (1, 2)]
    runs = [made_run(tmp_path / str(i), one, offer=offer) for i, one in enumerate(rows)]
    with pytest.raises(InputError):
        compare_runs(runs, metric="profit")


def test_the_command_compares_trained_runs(command, customers_run, tmp_path) -> None:
    """Real folders: whatever a training writes is what a comparison reads."""
    copy = shutil.copytree(customers_run.folder, tmp_path / "copy")
    code, out, err = command("compare", f"runs=[{customers_run.folder},{copy}]")
    assert code == 0, err
    assert f"logreg ({customers_run.folder}" in out.replace("\n", "")[:400]
    assert "AUROC +0.000, 0.000 to 0.000" in " ".join(out.split())
    code, _, err = command("compare", f"runs=[{customers_run.folder}]")
    assert code == 1
    assert err.startswith("Error: runs: expected two or more run folders, got only '")
