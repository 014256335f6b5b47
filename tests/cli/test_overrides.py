from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st

from churn_torch.cli.compose import compose
from churn_torch.cli.overrides import quote_overrides, with_suited_data
from churn_torch.errors import InputError
from churn_torch.workflows.configuration.options import train_options


def value_of(argument: str) -> object:
    """What Hydra makes of an argument."""
    (quoted,) = quote_overrides([argument])
    return OverridesParser.create().parse_override(quoted).value()


@pytest.mark.parametrize(
    "text",
    [
        "customers.csv",
        "/data/{2024,2025}/*.parquet",
        "s3://bucket/key=1/part-0.parquet",
        "C:\\data\\x.csv",
        "SELECT a, b FROM 'x.csv' WHERE c = \"d e\"",
        "with t as (select 1) select * from t",
        "SELECT 'it''s' AS \"a\\b\", [1, 2], {'k': 1}",
        "Größe=(1)",
        "a, b",
        " leading",
        "\\",
        'a\\"b\\\\',
        "日本.csv",
        "churned?",
    ],
)
@pytest.mark.parametrize("key", ["data.source", "source", "data.target", "out", "keep"])
def test_text_reaches_the_configuration_unchanged(key, text):
    value = value_of(f"{key}={text}")
    assert value == text
    assert isinstance(value, str)


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_column_name_can_be_named(text):
    """But for what Hydra takes for something else: quotes, null, and ${...}."""
    assume(text[0] not in "\"'" and text not in ("null", "???") and "${" not in text)
    value = value_of(f"data.id={text}")
    assert value == text
    assert isinstance(value, str)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("0.5", 0.5), ("true", True), ("yes", "yes"), ("a b", "a b")]
)
def test_a_label_may_be_a_number_or_a_truth_value(text, value):
    value_read = value_of(f"data.positive={text}")
    assert (value_read, type(value_read)) == (value, type(value))


@pytest.mark.parametrize("key", ["data.ignore", "keep"])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[a]", ["a"]),
        ("[a b,Größe/Call  Failure]", ["a b", "Größe/Call  Failure"]),
        ("[ a , b ]", ["a", "b"]),
        ("[a(b),it's,50%,churned?]", ["a(b)", "it's", "50%", "churned?"]),
        ("[1,true,null]", ["1", "true", "null"]),
        ("['a,b',\"c\"]", ["a,b", "c"]),
        ("[]", []),
    ],
)
def test_lists_of_columns_take_every_name(key, text, names):
    value = value_of(f"{key}={text}")
    assert [str(name) for name in value] == names


@pytest.mark.parametrize("argument", ["data.id='a b'", 'data.id="a b"', "data.id=a b"])
def test_quotes_that_are_there_stay(argument):
    assert value_of(argument) == "a b"


@pytest.mark.parametrize(
    "argument",
    ["data.id=null", "data.source=???", "optimizer.lr=0.1", "-m", "keep=null", "data.positive=1"],
)
def test_other_arguments_pass_untouched(argument):
    assert quote_overrides([argument]) == [argument]


def test_a_sweep_over_sources_stays_a_sweep():
    swept = quote_overrides(["-m", "data.source=a.csv,b.csv", "data.target=x"])
    assert swept == ["-m", "data.source=a.csv,b.csv", 'data.target="x"']
    lists = ["-m", "data.ignore=[a],[b]"]
    assert quote_overrides(lists) == lists
    (_, query) = quote_overrides(["-m", "data.source=SELECT a, b FROM t"])
    assert query == 'data.source="SELECT a, b FROM t"'


def kinds_of(*arguments: str) -> dict[str, str]:
    config = compose("train", ["data=table", "data.target=y", "data.source=x", *arguments])
    return dict(train_options(config).data.kinds)


ODD = ("Some Name", "Größe", "a/b", "a.b", "a=b", 'the "best"', "x,y", "日本", "a\\b")


@pytest.mark.parametrize("names", [("age", "cat"), ODD[:1], (*ODD, "plain")])
def test_kinds_take_every_column_name(names):
    kinds = dict(zip(names, ("categorical", "ignored") * 5, strict=False))
    assert kinds_of(*(f"data.kinds.{name}={kind}" for name, kind in kinds.items())) == kinds


def test_no_kinds_are_no_kinds():
    assert kinds_of() == {}


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ("data.kinds={lang:categorical}", {"lang": "categorical"}),
        ("data.kinds={a b:categorical, c : ignored}", {"a b": "categorical", "c": "ignored"}),
        ("data.kinds={'x,y':numeric,a:b:ignored}", {"x,y": "numeric", "a:b": "ignored"}),
        ("+data.kinds={a: numeric}", {"a": "numeric"}),
        ("data.kinds={}", {}),
    ],
)
def test_kinds_may_be_a_dictionary(given, kinds):
    assert kinds_of(given) == kinds


def missing_of(*arguments: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    config = compose("train", ["data=table", "data.target=y", "data.source=x", *arguments])
    missing = train_options(config).data.missing
    return missing.everywhere, dict(missing.of_column)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("['#','&&&&']", ("#", "&&&&")),
        ("[#,&&&&]", ("#", "&&&&")),
        ("[-]", ("-",)),
        ("#", ("#",)),
        ("999", ("999",)),
        ("[999,-1.5]", ("999", "-1.5")),
        ("['a, b',\"it's\",c d]", ("a, b", "it's", "c d")),
        ("[(none),$null$,50%,\\N,=,a=b]", ("(none)", "$null$", "50%", "\\N", "=", "a=b")),
        ("[9999-12-31]", ("9999-12-31",)),
        ("[null]", ("null",)),
        ("[]", ()),
        ("null", ()),
    ],
)
def test_every_word_can_mean_missing(given, words):
    assert missing_of(f"data.missing={given}") == (words, {})


@pytest.mark.parametrize("name", ["age", "Some Name", "Größe", "a.b", "a=b", 'the "best"', "x,y"])
def test_words_for_missing_belong_to_every_column_name(name):
    assert missing_of(f"data.missing.{name}=[999,n s]") == ((), {name: ("999", "n s")})
    assert missing_of(f"data.missing.{name}=999", "data.missing=[#]") == (("#",), {name: ("999",)})


def test_words_for_missing_may_be_a_dictionary():
    assert missing_of("data.missing={age: [999, '?'], pay: [0]}") == (
        (),
        {"age": ("999", "?"), "pay": ("0",)},
    )


def test_events_bring_their_data_along() -> None:
    assert with_suited_data("train", ["events=cdnow"]) == ["events=cdnow", "data=events"]
    assert with_suited_data("train", ["specification=a.yaml"])[1:] == ["data=events"]
    for command, keys in (
        ("train", ["events=null"]),
        ("train", ["events=cdnow", "data=table"]),
        ("train", ["events.label.within=3d"]),
        ("score", ["events=cdnow"]),
        ("features", ["specification=a.yaml"]),
    ):
        assert with_suited_data(command, keys) == keys
    assert compose("train", ["events=cdnow"]).data.target == "churned"


def test_a_specification_takes_keys_that_it_has_not_yet() -> None:
    keys = ["events.cutoffs.until=2025-01-01", "events.label.within=1d"]
    assert compose("train", ["events=cdnow", *keys]).events.cutoffs.until == "2025-01-01"
    config = compose("features", ["specification=a.yaml", *keys])
    assert config.events == {"cutoffs": {"until": "2025-01-01"}, "label": {"within": "1d"}}
    with pytest.raises(InputError, match=r"did you mean 'events\.label\.within'"):
        compose("features", ["specification=a.yaml", "label.within=1d"])
    with pytest.raises(InputError, match=r"specification: expected either .*, got both"):
        compose("features", ["specification=a.yaml", "events=cdnow"])


def test_columns_of_two_splits_are_a_list() -> None:
    assert value_of("data.split.column=[Cut off,id]") == ["Cut off", "id"]
    assert value_of("data.split.test_from=2025-06-01") == "2025-06-01"
    assert value_of("events.events.orders.source=SELECT a, b FROM 'x'") == "SELECT a, b FROM 'x'"
