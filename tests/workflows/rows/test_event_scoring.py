"""Scoring at a date: the rows are made as in training."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.workflows.rows.event_scoring import remembered_specification
from churn_torch.workflows.score import score


@pytest.fixture
def scored(events_run, tmp_path):
    def scored(*keys: str) -> pd.DataFrame:
        out = tmp_path / "scores.parquet"
        score(compose("score", [f"run={events_run.folder}", f"out={out}", *keys]))
        return pd.read_parquet(out)

    return scored


def test_at_the_cut_off_of_the_test_the_scores_are_those_of_the_test(events_run, scored):
    tested = pd.read_parquet(events_run.folder / "predictions.parquet").set_index("who")
    (date,) = json.loads((events_run.folder / "events.json").read_text())["test"]
    scores = scored(f"at={date[:10]}").set_index("who")
    assert set(scores.index) == set(tested.index)
    np.testing.assert_allclose(
        scores["churn_probability"], tested["churn_probability"].loc[scores.index], atol=1e-6
    )


def test_later_events_lie_elsewhere(events_run, events_keys, events_csv, scored, tmp_path):
    """The values that `by` chose stay those of the training, whatever is frequent now."""
    later = tmp_path / "later.csv"
    frame = pd.read_csv(events_csv)
    frame["on"] = pd.to_datetime(frame["on"]) + pd.Timedelta(days=365)
    frame.assign(shop="store").to_csv(later, index=False)
    keys = (*events_keys, f"events.events.orders.source={later}")
    plain, elsewhere = scored("at=2024-05-01"), scored("at=2025-05-01", *keys)
    assert set(elsewhere["who"]) == set(plain["who"])
    assert not np.allclose(
        elsewhere.set_index("who")["churn_probability"].loc[plain["who"]],
        plain["churn_probability"],
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["at=2020-01-01"], r"at: .* got 2020-01-01 with none; .* of orders from 2023-01-"),
        (["at=today"], r"at: .* got today with none; .* the last event is of 2024-.*, [\d,]+ days"),
        (["at=soon"], "at: expected a date such as 2025-01-31"),
        (["at=2024-05-01", "source=a.csv"], "source: expected nothing beside at"),
        ([], "expected source=..., got nothing"),
        (["at=2024-05-01", "events=cdnow"], r"events.events.orders.id: expected what the run in"),
        (["events=cdnow", "source=a.csv"], "events: expected at=DATE beside it, got none"),
    ],
)
def test_bad_input_is_one_sentence(scored, tmp_path, keys, message):
    with pytest.raises(InputError, match=message):
        scored(*keys)
    assert list(tmp_path.iterdir()) == []


def test_the_log_is_not_written_over(events_run, events_csv):
    before = events_csv.read_bytes()
    with pytest.raises(InputError, match="out: expected a file other than what is read"):
        score(compose("score", [f"run={events_run.folder}", f"out={events_csv}", "at=2024-05-01"]))
    assert events_csv.read_bytes() == before


def test_a_run_without_events_is_refused(customers_run, tmp_path):
    with pytest.raises(InputError, match=r"run: expected .* \(events=...\) .* without events.json"):
        remembered_specification(str(customers_run.folder))
    for text in ("{", "[]", "{}", '{"specification": {"label": 3}, "test": []}'):
        (tmp_path / "events.json").write_text(text)
        with pytest.raises(InputError, match=r"run: .* events.json.*, which was damaged"):
            remembered_specification(str(tmp_path))


def test_a_run_remembers_nothing_by_a_link_out_of_its_folder(events_run, tmp_path):
    (tmp_path / "events.json").symlink_to(events_run.folder / "events.json")
    with pytest.raises(InputError, match=r"^run: expected files in the folder itself, got"):
        remembered_specification(str(tmp_path))
