"""Preprocessing against scikit-learn and against slow plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler, StandardScaler

from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, fit_statistics
from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from tests.reference import preprocess as reference

NAN, INF = float("nan"), float("inf")

SCHEMA = Schema(
    (
        Column("plan", Kind.CATEGORICAL, Storage.TEXT),
        Column("usage", Kind.NUMERIC, Storage.NUMBER),
        Column("stamp", Kind.NUMERIC, Storage.NUMBER),
        Column("since", Kind.DATETIME, Storage.DATETIME),
        Column("paper", Kind.BOOLEAN, Storage.NUMBER),
        Column("card", Kind.BOOLEAN, Storage.TEXT),
        Column("region", Kind.CATEGORICAL, Storage.NUMBER),
        Column("left out", Kind.IGNORED, Storage.TEXT),
        Column("churn", Kind.TARGET, Storage.NUMBER),
    ),
    "churn",
    "1",
    "0",
)


def customers(n: int, seed: int = 0, missing: float = 0.15) -> pd.DataFrame:
    """Parsed rows of SCHEMA."""
    rng = np.random.default_rng(seed)

    def holes(values: Any) -> Any:
        hole = NAN if np.asarray(values).dtype.kind == "f" else ""
        return np.where(rng.random(n) < missing, hole, values)

    def words(*choice: str) -> pd.Series:
        weights = 1 / np.arange(1, len(choice) + 1)
        return pd.Series(holes(rng.choice(choice, n, p=weights / weights.sum())), dtype="str")

    return pd.DataFrame(
        {
            "plan": words("basic", "plus", "pro", "Größe L", "日本", "old", "older"),
            "usage": holes(rng.standard_t(2, n) * 40 + 100),
            "stamp": holes(1.7e9 + rng.random(n) * 1e5),
            "since": holes(19_000 + rng.integers(0, 900, n) + rng.random(n).round(3)),
            "paper": holes(rng.integers(0, 2, n).astype(float)),
            "card": words("yes", "no"),
            "region": words(*map(str, range(400, 420))),
        }
    )


def fitted(
    train: pd.DataFrame, schema: Schema = SCHEMA, **options: Any
) -> tuple[Preprocess, Schema]:
    chosen = PreprocessOptions(**options)
    schema, statistics = fit_statistics([train], schema, chosen)
    preprocess = Preprocess(schema, chosen)
    preprocess.load_statistics(statistics)
    return preprocess, schema


def transformed(preprocess: Preprocess, schema: Schema, rows: pd.DataFrame) -> pd.DataFrame:
    made = preprocess(*Columns.from_arrays(encode(rows, schema)))
    assert made.dtype == torch.float32
    assert made.shape == (len(rows), preprocess.n_features)
    return pd.DataFrame(made.numpy(), columns=list(preprocess.feature_names))


def one_number(train: Sequence[float], rows: Sequence[float], **options: Any) -> pd.DataFrame:
    """Transform one number column called ``x``."""
    schema = Schema((Column("x", Kind.NUMERIC, Storage.NUMBER),), "y", "1", "0")
    frames = [pd.DataFrame({"x": np.array(v, dtype=np.float64)}) for v in (train, rows)]
    preprocess, schema = fitted(frames[0], schema, **options)
    return transformed(preprocess, schema, frames[1])


def one_text(train: Sequence[str], rows: Sequence[str], **options: Any) -> pd.DataFrame:
    """Transform one text column called ``t``."""
    schema = Schema((Column("t", Kind.CATEGORICAL, Storage.TEXT),), "y", "1", "0")
    frames = [pd.DataFrame({"t": pd.Series(list(v), dtype="str")}) for v in (train, rows)]
    preprocess, schema = fitted(frames[0], schema, **options)
    return transformed(preprocess, schema, frames[1])


OPTIONS = [
    {},
    {"outliers": "none"},
    {"outliers": "quantile"},
    {"outliers": "quantile", "quantiles": (0.1, 0.8)},
    {"scaling": "robust"},
    {"outliers": "quantile", "scaling": "robust", "min_count": 1, "max_categories": 2},
    {"min_count": 20},
    {"bins": 6},
    {"bins": 3, "scaling": "robust", "outliers": "quantile"},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_all_kinds_against_plain_python(options: dict[str, Any], missing: float):
    train, rows = customers(300, missing=missing), customers(60, seed=1, missing=0.3)
    rows.loc[:3, ["usage", "stamp"]] = [[INF, -INF], [1e30, 3e38], [-1e30, -3e38], [NAN, INF]]
    rows.loc[4:5, "plan"] = ["never seen", "BASIC"]
    preprocess, schema = fitted(train, **options)
    assert [column.name for column in schema.float64] == ["stamp", "since"]
    made = transformed(preprocess, schema, rows)
    expected = pd.DataFrame(reference.features(train, rows, SCHEMA, **options))
    assert set(made) == set(expected)
    np.testing.assert_allclose(made, expected[made.columns], rtol=1e-5, atol=tolerance(options))


def tolerance(options: dict[str, Any]) -> float:
    """A bin may be as narrow as a thousandth, which makes rounding as much larger."""
    return 1e-3 if options.get("bins") else 2e-5


VALUES = st.one_of(
    st.just(NAN), st.floats(-1e6, 1e6, width=32).map(lambda x: round(x, 2)), st.sampled_from([0, 1])
)
WORDS = st.sampled_from(["", "a", "b", "A", " ", "日本", "a b", "0"])


@settings(max_examples=60)
@given(
    st.lists(st.tuples(VALUES, WORDS), min_size=1, max_size=25),
    st.lists(st.tuples(VALUES, WORDS), max_size=10),
    st.sampled_from(OPTIONS),
    st.integers(1, 3),
)
def test_any_rows_against_plain_python(
    train: list[tuple[float, str]],
    rows: list[tuple[float, str]],
    options: dict[str, Any],
    min_count: int,
):
    schema = Schema(
        (Column("x", Kind.NUMERIC, Storage.NUMBER), Column("t", Kind.CATEGORICAL, Storage.TEXT)),
        "y",
        "1",
        "0",
    )
    options = {**options, "min_count": min_count}
    known, asked = (
        pd.DataFrame(cells, columns=["x", "t"]).astype({"x": "float64", "t": "str"})
        for cells in (train, rows)
    )
    made = transformed(*fitted(known, schema, **options), asked)
    expected = pd.DataFrame(reference.features(known, asked, schema, **options))
    # Values far outside a narrow training range are large numbers: relative to them.
    np.testing.assert_allclose(made, expected[made.columns], rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_against_scikit_learn(scaling: str):
    train, rows = customers(500), customers(200, seed=1)
    rows.loc[:2, "plan"] = "never seen"
    # Not beyond the training range, where scikit-learn does not clamp.
    for name in ("usage", "stamp", "since"):
        rows[name] = rows[name].clip(train[name].min(), train[name].max())
    numbers = ["usage", "paper", "stamp", "since"]
    texts = ["plan", "card", "region"]
    for frame in (train, rows):
        frame[texts] = frame[texts].astype(object)
    theirs = make_column_transformer(
        (
            make_pipeline(
                SimpleImputer(strategy="median"),
                StandardScaler() if scaling == "standard" else RobustScaler(),
            ),
            numbers,
        ),
        (make_pipeline(MissingIndicator(), StandardScaler(with_std=False)), numbers),
        (
            make_pipeline(
                OneHotEncoder(
                    min_frequency=30, handle_unknown="infrequent_if_exist", sparse_output=False
                ),
                StandardScaler(with_std=False),
            ),
            ["plan"],
        ),
        (
            make_pipeline(OneHotEncoder(sparse_output=False), StandardScaler(with_std=False)),
            ["card"],
        ),
    ).fit(train)
    expected = theirs.transform(rows)
    if scaling == "robust":
        # Half of the 0/1 column's rows may be equal: its scale is ours, tested elsewhere.
        z = expected[:, :4]
        expected[:, :4] = z / np.sqrt(1 + (z / 3) ** 2)
    made = transformed(*fitted(train, scaling=scaling, min_count=30), rows)
    words = sorted(set(train["plan"]) - {""})
    kept = [word for word in words if (train["plan"] == word).sum() >= 30]
    assert len(kept) < len(words)  # there is a rare group
    names = [
        *numbers,
        *(f"{name} is missing" for name in numbers),
        # scikit-learn sorts "" first and the infrequent group last.
        *("plan is missing", *(f"plan = {word}" for word in kept), "plan is unseen or rare"),
        *("card is missing", "card = no", "card = yes"),
    ]
    np.testing.assert_allclose(made[names], expected, atol=2e-5)


def test_training_rows_are_centred():
    train = customers(400)
    made = transformed(*fitted(train), train)
    np.testing.assert_allclose(made.mean(), 0, atol=1e-5)
    np.testing.assert_allclose(made[["usage", "stamp", "since", "paper"]].std(ddof=0), 1, rtol=1e-4)


# Numbers


def test_missing_takes_the_median_and_raises_its_flag():
    made = one_number([1.0, 2.0, 4.0, NAN], [NAN, 2.0, 4.0])
    assert list(made) == ["x", "x is missing"]
    assert made["x"][0] == made["x"][1] != made["x"][2]
    assert made["x is missing"].tolist() == [0.75, -0.25, -0.25]


def test_missing_without_training_evidence_has_no_flag():
    made = one_number([1.0, 2.0, 4.0], [NAN, 2.0])
    assert list(made) == ["x"]
    assert made["x"][0] == made["x"][1]


@pytest.mark.parametrize("stamp", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("value", [INF, -INF])
def test_infinite_is_missing(value: float, stamp: bool):
    shift = 1.7e9 if stamp else 0.0
    made = one_number([shift + 1, shift + 2, shift + 4, NAN], [value, NAN])
    assert made.iloc[0].tolist() == made.iloc[1].tolist()
    assert made["x is missing"][0] == 0.75


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_one_training_range_beyond_the_ends_and_no_further(scaling: str):
    train = np.linspace(0, 10, 21)
    made = one_number(train, [-1e30, -10.0, -9.0, 5.0, 19.0, 20.0, 3e38], scaling=scaling)["x"]
    assert made[0] == made[1] < made[2] < made[3] == 0 < made[4] < made[5] == made[6]
    if scaling == "standard":
        assert made[6] == pytest.approx(15 / train.std())
    else:
        assert made[6] == pytest.approx(3 / (1 + 1) ** 0.5)  # (20 - 5) / 5, smoothly clipped


def test_winsorised_rows_stay_within_the_quantiles():
    train = np.arange(101.0)
    made = one_number(
        train, [-5.0, 10.0, 50.0, 90.0, 300.0], outliers="quantile", quantiles=(0.1, 0.9)
    )["x"]
    assert made[0] == made[1] < made[2] < made[3] == made[4]


def test_smooth_clip_keeps_order_and_stays_under_three():
    rows = np.linspace(-9, 19, 500)
    made = one_number(np.linspace(0, 10, 21), rows, scaling="robust")["x"]
    assert (np.diff(made) > 0).all()
    assert made.abs().max() < 3


@pytest.mark.parametrize("scaling", ["standard", "robust"])
@pytest.mark.parametrize(
    ("train", "expected"),
    [([NAN, NAN], ["x", "x is missing"]), ([7.0] * 3, ["x"]), ([7.0], ["x"])],
    ids=["all missing", "constant", "one row"],
)
def test_columns_without_a_scale(train: list[float], expected: list[str], scaling: str):
    made = one_number(train, [7.0, NAN, INF, 1e30, -1e30], scaling=scaling)
    assert list(made) == expected
    # Nothing was learned of how it varies: every row looks alike.
    assert (made["x"] == 0).all()
    if "x is missing" in made:
        assert made["x is missing"].tolist() == [-1, 0, 0, -1, -1]


WIDE = {
    "unix seconds": (1.7e9, 1e4),
    "unix milliseconds": (1.7e12, 1e9),
    "large ids": (9e15, 1e5),
    "negative": (-1.7e9, 1.0),
}


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("options", OPTIONS[:5])
def test_wide_columns_are_precise(name: str, options: dict[str, Any]):
    mean, spread = WIDE[name]
    rng = np.random.default_rng(0)
    train, rows = np.round(mean + rng.random((2, 400)) * spread, 1)
    made = one_number(train, rows, **options)["x"]
    frames = [pd.DataFrame({"x": values}) for values in (train, rows)]
    schema = Schema((Column("x", Kind.NUMERIC, Storage.NUMBER),), "y", "1", "0")
    exact = reference.features(*frames, schema, **options)["x"]
    np.testing.assert_allclose(made, exact, rtol=1e-6, atol=1e-4)


@given(
    st.floats(0, 11).map(lambda exponent: 10.0**exponent),
    st.floats(-3, 3).map(lambda exponent: 10.0**exponent),
    st.sampled_from(OPTIONS[:5]),
    st.booleans(),
)
def test_no_column_is_blurred_by_float32(
    ratio: float, spread: float, options: dict[str, Any], unknown_is_zero: bool
):
    train = (ratio + np.random.default_rng(0).normal(size=150)) * spread
    if unknown_is_zero:
        train[0] = 0.0
    made = one_number(train, train, **options)["x"]
    frame = pd.DataFrame({"x": train})
    schema = Schema((Column("x", Kind.NUMERIC, Storage.NUMBER),), "y", "1", "0")
    exact = reference.features(frame, frame, schema, **options)["x"]
    np.testing.assert_allclose(made, exact, rtol=1e-6, atol=1.01e-4)


@given(
    st.lists(
        st.one_of(st.just(NAN), st.floats(-(2.0**119), 2.0**119, width=32)), min_size=1, max_size=12
    ),
    st.lists(st.floats(width=32), min_size=1, max_size=12),
    st.sampled_from(OPTIONS[:5]),
)
def test_always_finite(train: list[float], rows: list[float], options: dict[str, Any]):
    assert np.isfinite(one_number(train, rows, **options)).all(axis=None)


@pytest.mark.parametrize("outliers", ["auto", "none", "quantile"])
def test_quartiles_next_to_nothing_apart_are_no_scale(outliers: str):
    """In units of 2e-26 the row would not fit in float32."""
    train = [NAN, 0.0, 1.0, 2.341e-26, -7_966_793_138_176.0]
    made = one_number(train, [7_966_793_138_176.0, NAN, 1.0], scaling="robust", outliers=outliers)
    assert np.isfinite(made).all(axis=None)
    assert made["x"].iloc[0] >= made["x"].iloc[2] > made["x"].iloc[1]


# Dates


def test_dates_are_elapsed_days_and_parts():
    schema = Schema((Column("d", Kind.DATETIME, Storage.DATETIME),), "y", "1", "0")
    train = pd.DataFrame({"d": np.arange(19_000.0, 19_100.0)})
    preprocess, schema = fitted(train, schema)
    made = transformed(preprocess, schema, train)
    assert list(made) == ["d", *(f"d {part}" for part in reference.PARTS)]
    np.testing.assert_allclose(np.diff(made["d"]), 1 / train["d"].std(ddof=0), rtol=1e-3)
    # Dates without a time of day say nothing by it.
    assert (made[["d time of day (sine)", "d time of day (cosine)"]] == 0).all(axis=None)
    weekday = made["d weekday (sine)"]
    np.testing.assert_allclose(weekday[:-7], weekday[7:], atol=1e-6)


def test_a_missing_date_has_the_parts_of_the_median():
    schema = Schema((Column("d", Kind.DATETIME, Storage.DATETIME),), "y", "1", "0")
    train = pd.DataFrame({"d": [19_000.0, 19_010.0, 19_090.0]})
    preprocess, schema = fitted(train, schema)
    made = transformed(preprocess, schema, pd.DataFrame({"d": [NAN, 19_010.0, INF]}))
    assert made.iloc[0].tolist() == made.iloc[1].tolist() == made.iloc[2].tolist()


def test_absurd_dates_stay_finite():
    schema = Schema((Column("d", Kind.DATETIME, Storage.DATETIME),), "y", "1", "0")
    preprocess, schema = fitted(pd.DataFrame({"d": [19_000.0, 19_500.5, NAN]}), schema)
    rows = pd.DataFrame({"d": [1e308, -1e308, 5e-324, NAN, -719_163.0]})
    assert np.isfinite(transformed(preprocess, schema, rows)).all(axis=None)


# Text


def test_one_hot_is_centred_on_training_frequencies():
    made = one_text(["a"] * 6 + ["b"] * 2 + [""] * 2, ["a", "b", ""], min_count=1)
    assert list(made) == ["t is missing", "t = a", "t = b"]
    np.testing.assert_allclose(made, np.eye(3)[[1, 2, 0]] - [0.2, 0.6, 0.2], atol=1e-7)


def test_unseen_and_missing_without_training_evidence_are_zeros():
    made = one_text(["a"] * 6 + ["b"] * 2, ["a", "never seen", "", "A", "a "], min_count=1)
    assert list(made) == ["t = a", "t = b"]
    assert (made.iloc[1:] == 0).all(axis=None)
    np.testing.assert_allclose(made.iloc[0], [0.25, -0.25])


def test_unseen_is_as_rare_and_not_as_missing():
    made = one_text(["a"] * 7 + ["b"] + [""] * 2, ["b", "never seen", "", "a"], min_count=2)
    assert list(made) == ["t is missing", "t is unseen or rare", "t = a"]
    assert made.iloc[0].tolist() == made.iloc[1].tolist()
    assert made.iloc[0].tolist() != made.iloc[2].tolist()
    np.testing.assert_allclose(made.iloc[2], [0.8, -0.1, -0.7], atol=1e-7)


@pytest.mark.parametrize("train", [["", ""], ["a", "b"]], ids=["all missing", "all rare"])
def test_text_without_a_vocabulary(train: list[str]):
    made = one_text(train, ["", "a", "z"])
    # One group, seen in every training row: it tells nothing, and the others have no evidence.
    assert (made == 0).all(axis=None)
    assert made.shape == (3, 1)


def test_neighbouring_text_columns_do_not_mix():
    schema = Schema(
        tuple(Column(name, Kind.CATEGORICAL, Storage.TEXT) for name in "pqr"), "y", "1", "0"
    )
    cells = {"p": ["a", "b"] * 4, "q": ["", "c"] * 4, "r": ["a", "d"] * 4}
    train = pd.DataFrame(cells, dtype="str")
    preprocess, schema = fitted(train, schema, min_count=4)
    rows = pd.DataFrame({"p": ["z", "a"], "q": ["", "z"], "r": ["", "d"]}, dtype="str")
    made = transformed(preprocess, schema, rows)
    assert list(made) == ["p = a", "p = b", "q is missing", "q = c", "r = a", "r = d"]
    half = 0.5
    assert made.iloc[0].tolist() == [0, 0, half, -half, 0, 0]
    assert made.iloc[1].tolist() == [half, -half, 0, 0, -half, half]


# The module


def test_feature_names_say_which_column_they_come_from():
    preprocess, _ = fitted(customers(200))
    assert len(set(preprocess.feature_names)) == preprocess.n_features
    assert len(preprocess.feature_columns) == preprocess.n_features
    for name, column in zip(preprocess.feature_names, preprocess.feature_columns, strict=True):
        assert name.startswith(column)
    assert set(preprocess.feature_columns) == {column.name for column in SCHEMA.features}


def test_no_rows():
    preprocess, schema = fitted(customers(100))
    assert transformed(preprocess, schema, customers(0)).empty


def test_rows_do_not_depend_on_each_other():
    preprocess, schema = fitted(customers(100))
    rows = customers(40, seed=2)
    whole = transformed(preprocess, schema, rows)
    single = pd.concat([transformed(preprocess, schema, rows.iloc[[i]]) for i in range(len(rows))])
    np.testing.assert_array_equal(whole, single)


def test_nothing_in_it_is_trained():
    preprocess, schema = fitted(customers(100))
    assert list(preprocess.parameters()) == []
    rows = customers(30, seed=1)
    evaluated = transformed(preprocess.eval(), schema, rows)
    np.testing.assert_array_equal(transformed(preprocess.train(), schema, rows), evaluated)


@pytest.mark.parametrize("options", [{}, {"scaling": "robust", "outliers": "quantile"}])
def test_weights_and_schema_bring_it_back(options: dict[str, Any], tmp_path: Path):
    preprocess, schema = fitted(customers(200), **options)
    torch.save(preprocess.state_dict(), tmp_path / "weights.pt")
    again = Schema.from_json(schema.to_json())
    loaded = Preprocess(again, PreprocessOptions(**options))
    loaded.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    rows = customers(50, seed=1)
    assert loaded.feature_names == preprocess.feature_names
    pd.testing.assert_frame_equal(
        transformed(loaded, again, rows), transformed(preprocess, schema, rows), check_exact=True
    )


def test_weights_of_another_schema_do_not_load():
    preprocess, schema = fitted(customers(200))
    fewer = schema.with_columns({"plan": replace(schema["plan"], vocabulary=("basic",))})
    with pytest.raises(RuntimeError, match="size mismatch for frequencies_"):
        Preprocess(fewer, PreprocessOptions()).load_state_dict(preprocess.state_dict())


def test_a_schema_before_fitting_gives_no_vocabulary_features():
    preprocess = Preprocess(SCHEMA, PreprocessOptions())
    assert not any("=" in name for name in preprocess.feature_names)


# Columns


def test_columns_share_memory_with_the_arrays_and_take_rows():
    schema = fitted(customers(50))[1]
    arrays = encode(customers(20), schema)
    columns = Columns.from_arrays(arrays)
    assert [t.dtype for t in columns[:3]] == [torch.float32, torch.float64, torch.int64]
    arrays.float32[0, 0] = 77
    assert columns.float32[0, 0] == 77
    rows = torch.tensor([3, 1, 3])
    for taken, whole in zip(columns.take(rows)[:3], columns[:3], strict=True):
        torch.testing.assert_close(taken, whole[rows], equal_nan=True)
    assert [len(tensor) for tensor in columns.take(slice(5, 9))[:3]] == [4, 4, 4]
