from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.workflows.configuration.event_choices import check_events, with_event_columns
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.configuration.typed_config import plain_config


def content_of(*keys: str) -> dict:
    return with_event_columns(plain_config(compose("train", keys)))


def test_the_data_follow_from_the_specification():
    content = content_of("events=cdnow", "events.label.gap=1w")
    data = train_options(content).data
    assert (data.id, data.target, data.source) == ("customer_id", "churned", "events")
    assert (data.split.time_column, data.split.group_column) == ("cutoff", None)
    assert data.split.horizon == "67d"


@pytest.mark.parametrize(
    ("by", "column", "horizon"),
    [
        ("[time,group]", ["cutoff", "customer_id"], "60d"),
        ("[group,time]", ["customer_id", "cutoff"], "60d"),
        ("group", "customer_id", None),
        ("random", None, None),
    ],
)
def test_columns_are_those_that_the_split_needs(by, column, horizon):
    split = content_of("events=cdnow", f"data.split.by={by}")["data"]["split"]
    assert (split["column"], split["horizon"]) == (column, horizon)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["data.target=left"], r"data.target: expected churned, .* \(label\), got 'left'"),
        (["data.spend=orders_sum_all"], r"data.spend: expected spend, .* got 'orders_sum_all'"),
    ],
)
def test_other_columns_cannot_take_the_place_of_what_comes_later(keys, message):
    with pytest.raises(InputError, match=message):
        content_of("events=cdnow", *keys)


def test_the_date_of_a_row_is_learned_from_by_no_split():
    for by in ("random", "group"):
        assert "cutoff" in content_of("events=cdnow", f"data.split.by={by}")["data"]["ignore"]
    assert content_of("events=cdnow")["data"]["ignore"] == []


def test_lists_and_spend_go_to_the_models_that_take_them():
    lists = "events.features.orders.sequence={last:9,columns:[dollar_value]}"
    plain = content_of("events=cdnow", lists)["data"]
    names = ["orders_dollar_value", "orders_days_before"]
    assert (plain["spend"], plain["ignore"], plain["sequences"]) == ("spend", names, {})
    reader = content_of("events=cdnow", "model=gru", lists)["data"]
    assert (reader["spend"], reader["ignore"]) == (None, ["spend"])
    group = {"columns": names, "days_before": "orders_days_before", "last": 9}
    assert reader["sequences"] == {"orders": group}


@pytest.mark.parametrize(
    ("keys", "period", "horizon"),
    [
        ([], 60, 1),
        (["events.label.gap=1w"], 67, 1),
        (["events.label.none_of=[]", "+events.label.event=orders"], 1, 60),
        (["data.period=20"], 20, 3),
        (["data.period=14", "data.horizon=2"], 14, 2),
    ],
)
def test_lifetimes_follow_from_the_label_window(keys, period, horizon):
    content = content_of("events=cdnow", "model=survival", *keys)
    data = train_options(content).data
    assert (data.duration, data.period, data.horizon) == ("days_observed", period, horizon)
    assert data.split.censor
    assert data.spend is None
    assert with_event_columns(content) == content
    plain = train_options(content_of("events=cdnow")).data
    assert (plain.duration, plain.period, plain.horizon, plain.split.censor) == (None, 1, 1, False)


def test_what_is_named_stays():
    split = content_of("events=cdnow", "data.split.horizon=0d")["data"]["split"]
    assert split["horizon"] == "0d"
    content = content_of("events=cdnow", "data.split.by=group", "data.split.column=auto")
    assert content["data"]["split"]["column"] == "auto"


def test_a_specification_may_be_a_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "events: {calls: {source: calls.csv, id: who, time: at}}\n"
        "label: {event: calls, within: 2w}\n"
    )
    content = content_of(f"specification={file}")
    assert content["events"]["events"]["calls"]["source"] == "calls.csv"
    assert content["specification"] is None
    assert (content["data"]["id"], content["data"]["split"]["horizon"]) == ("who", "14d")
    with pytest.raises(InputError, match="specification: expected either specification=FILE or"):
        content_of("events=cdnow", f"specification={file}")


def test_a_table_stays_as_it_is():
    content = plain_config(compose("train"))
    assert with_event_columns(content) == content


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["events=cdnow", "data=telco"], r"data: expected data=events .* 'sample:telco'; leave"),
        (["data=events"], r"events: expected a specification .* events=cdnow.*, got none"),
        (["data=events", "data.source=rows"], r"events: expected a specification .*, got none"),
        (["events=cdnow", "model=survival", "data.entry=x"], "data.entry: expected nothing beside"),
        (["events=cdnow", "model=survival", "data.duration=x"], "expected days_observed, .* 'x'"),
        (["events=cdnow", "model=survival", "data.period=0.5"], "1 or more whole days .* got 0.5"),
        (["events=cdnow", "model=survival", "data.period=7"], "days that divide the 60 .* got 7"),
        (["events=cdnow", "model=survival", "events.label.within=36h"], "whole days .* got '36h'"),
        (["events=cdnow", "events.label.within=soon"], r"label.within: expected a span such as"),
    ],
)
def test_what_does_not_go_together_is_said(keys, message):
    with pytest.raises(InputError, match=message):
        content_of(*keys)


def test_a_table_from_python_is_refused():
    options = train_options(content_of("events=cdnow"))
    check_events(options, None)
    with pytest.raises(InputError, match="source: expected nothing beside events"):
        check_events(options, pd.DataFrame())
