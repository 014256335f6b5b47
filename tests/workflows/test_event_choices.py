from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.workflows.event_choices import check_events, with_event_columns
from churn_torch.workflows.options import train_options
from churn_torch.workflows.typed_config import plain_config


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
