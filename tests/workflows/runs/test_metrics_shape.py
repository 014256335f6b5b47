"""metrics.json is checked before a report reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from churn_torch.errors import InputError
from churn_torch.report.metrics import LINES
from churn_torch.workflows.runs import metrics_shape
from churn_torch.workflows.runs.metrics_shape import Compared, check_metrics, parse_metrics
from tests.report.made_fairness import made_fairness
from tests.report.made_report import PROFIT


def as_read(metrics: Any) -> Any:
    return json.loads(json.dumps(metrics))


def test_what_a_training_writes_is_whole(telco_run, customers_run) -> None:
    for run in (telco_run, customers_run):
        nobody = {"call": PROFIT | {"best_share": 0.0, "best_threshold": None}}
        test = run.metrics["test"] | {"profit": nobody}
        found = {**run.metrics, "test": test, "fairness": [made_fairness()]}
        check_metrics(as_read(found), run.folder)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("test", "intervals", "auroc"), None, "test.intervals.auroc is None, not a list"),
        (
            ("test", "intervals", "auroc"),
            [0.5],
            r"auroc is \[0.5\], not a list of 2",
        ),
        (("test", "n"), "many", "test.n is 'many', not int"),
        (("test", "auroc"), True, "test.auroc is True, not float"),
        (("data",), [], r"data is \[\], not keys"),
        (("data", "date"), ..., "data.date is not there"),
        (("fit", "history"), {"a": 1}, "fit.history is {'a': 1}, not a list"),
        (("test", "base_rate"), 1e9, r"test.base_rate is 1e\+09"),
        (("test", "intervals", "captured_at_10"), ..., "captured_at_10 is not there"),
        (("fit", "exact"), {"solver": []}, r"fit.exact.solver is \[\], not str"),
        (("fit", "seconds"), "x", "fit.seconds is 'x', not float"),
        (("suspicions",), [{"columns": ["a"]}], "suspicions.0.sentence is not there"),
        (("fairness",), [{}], "fairness.0.column is not there"),
    ],
)
def test_a_damaged_file_is_named_with_its_fault(telco_run, place, value, said) -> None:
    metrics = as_read(telco_run.metrics)
    inner = metrics
    for key in place[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    with pytest.raises(InputError, match=rf"^run: expected whole files in 'there', .*{said}"):
        check_metrics(metrics, Path("there"))


def test_runs_side_by_side_need_their_test_rows_alone(telco_run) -> None:
    metrics = as_read(telco_run.metrics)
    check_metrics({"test": metrics["test"]}, Path("there"), Compared)
    with pytest.raises(InputError, match="test is not there"):
        check_metrics({}, Path("there"), Compared)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "9" * 5000])
def test_a_number_that_no_training_writes_is_refused(number):
    assert parse_metrics('{"a": [0.5, 1e-400, 3]}') == {"a": [0.5, 0.0, 3]}
    with pytest.raises(ValueError, match=r"^the number (NaN|-Inf|1e400)|digits"):
        parse_metrics(f'{{"a": [{number}]}}')


def test_every_metric_that_is_shown_is_checked() -> None:
    shown = {key for key, _, _ in LINES}
    assert shown <= metrics_shape.Tested.__required_keys__
    assert shown <= {*metrics_shape.Intervals.__annotations__}
