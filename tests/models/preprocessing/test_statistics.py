"""What is learned from the training rows, and that nothing is learned from any other row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.models.preprocessing import moments
from churn_torch.models.preprocessing.calendar import CALENDAR_PARTS, calendar_parts
from churn_torch.models.preprocessing.statistics import (
    PreprocessOptions,
    Statistics,
    fit_statistics,
)
from churn_torch.tables import text_counts
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.workflows.configuration.options import train_options

NAN = float("nan")
FILL, LOWER, UPPER, CENTER, SCALE = range(5)


def number(name: str = "x", **facts: Any) -> Column:
    return Column(name, Kind.NUMERIC, Storage.NUMBER, **facts)


def date(name: str = "d") -> Column:
    return Column(name, Kind.DATETIME, Storage.DATETIME)


def text(name: str = "t") -> Column:
    return Column(name, Kind.CATEGORICAL, Storage.TEXT)


def schema_of(*columns: Column) -> Schema:
    return Schema((*columns, Column("y", Kind.TARGET, Storage.NUMBER)), "y", "1", "0")


def fit_number(
    values: Sequence[float], column: Column | None = None, **options: Any
) -> tuple[Column, np.ndarray]:
    """Learn one number column; return its facts and its row of numbers."""
    schema = schema_of(column or number())
    frame = pd.DataFrame({schema.features[0].name: np.array(values, dtype=np.float64)})
    fitted, statistics = fit_statistics([frame], schema, PreprocessOptions(**options))
    return fitted.features[0], statistics.numbers[0]


def fit_text(values: Sequence[str], **options: Any) -> tuple[Column, np.ndarray]:
    """Learn one text column; return its facts and its frequencies."""
    frame = pd.DataFrame({"t": pd.Series(list(values), dtype="str")})
    fitted, statistics = fit_statistics([frame], schema_of(text()), PreprocessOptions(**options))
    return fitted["t"], statistics.frequencies


# Numbers


def test_numbers_of_a_column_by_hand():
    column, row = fit_number([3.0, NAN, 1.0, 2.0, 10.0])
    assert row[FILL] == 2.5
    assert (row[LOWER], row[UPPER]) == (1 - 9, 10 + 9)
    filled = np.array([3.0, 2.5, 1.0, 2.0, 10.0])
    assert row[CENTER] == pytest.approx(filled.mean())
    assert row[SCALE] == pytest.approx(filled.std())
    assert (column.minimum, column.maximum, column.has_missing) == (1.0, 10.0, True)
    assert not column.needs_float64


def test_winsorised_at_the_quantiles_asked_for():
    values = np.arange(101.0)
    _, row = fit_number(values, outliers="quantile", quantiles=(0.05, 0.9))
    assert (row[LOWER], row[UPPER]) == (5.0, 90.0)
    clipped = values.clip(5, 90)
    assert (row[CENTER], row[SCALE]) == pytest.approx((clipped.mean(), clipped.std()))


def test_robust_scale_is_the_interquartile_range_and_half_the_range_where_that_is_zero():
    _, row = fit_number([1.0, 2.0, 3.0, 4.0, 100.0], scaling="robust")
    assert (row[CENTER], row[SCALE]) == (3.0, 2.0)
    _, row = fit_number([0.0] * 9 + [8.0], scaling="robust")
    assert (row[CENTER], row[SCALE]) == (0.0, 4.0)


def test_a_heavy_tail_is_winsorised_and_said():
    """With what is left, the column is scaled; the other end keeps its range to spare."""
    values = np.r_[np.arange(100.0), 1e9, NAN]
    column, row = fit_number(values)
    fill = 50.0  # and its distances are 0 to 50, and one of nearly 1e9
    assert (row[FILL], row[LOWER], row[UPPER]) == (fill, -100.0, 100.0)
    kept = np.r_[np.arange(100.0), 100.0, fill]
    assert (row[CENTER], row[SCALE]) == pytest.approx((kept.mean(), kept.std()))
    assert (column.minimum, column.maximum) == (0.0, 1e9)  # what input quality compares with
    assert column.note == (
        "heavy tail: numbers above 100 count as 100 (preprocess.outliers=none keeps them)"
    )
    noted, _ = fit_number(values, replace(number(), note="as the user said"))
    assert noted.note.startswith("as the user said; heavy tail: ")
    plain, row = fit_number(values, outliers="none")
    assert (plain.note, row[UPPER]) == ("", 2e9)


@pytest.mark.parametrize("options", [{}, {"scaling": "robust"}, {"bins": 4}])
def test_a_column_without_a_heavy_tail_does_not_move_by_a_bit(options: dict[str, Any]):
    values = np.r_[np.random.default_rng(0).lognormal(2.7, 1.7, 3000), NAN]  # skewed, as amounts
    (column, row), (plain, before) = (
        fit_number(values, outliers=outliers, **options) for outliers in ("auto", "none")
    )
    assert column == plain
    np.testing.assert_array_equal(row, before)


@given(
    st.lists(st.one_of(st.just(NAN), st.floats(-1e12, 1e12)), min_size=1, max_size=30),
    st.sampled_from(["auto", "none", "quantile"]),
    st.sampled_from(["standard", "robust"]),
)
def test_numbers_are_usable_whatever_the_column(values: list[float], outliers: str, scaling: str):
    column, row = fit_number(values, outliers=outliers, scaling=scaling)
    assert np.isfinite(row).all()
    assert row[SCALE] > 0
    assert row[LOWER] <= row[UPPER]
    assert column.has_missing == bool(np.isnan(values).any())
    filled = SimpleImputer(strategy="median", keep_empty_features=True).fit(
        np.array(values).reshape(-1, 1)
    )
    assert row[FILL] == pytest.approx(filled.statistics_[0])


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e9, 1.7e18])
@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_a_constant_column_has_scale_one(value: float, scaling: str):
    column, row = fit_number([value] * 7 + [NAN], scaling=scaling)
    assert row[FILL] == value
    assert row[CENTER] == pytest.approx(value)
    assert row[SCALE] == 1.0
    assert not column.needs_float64


@pytest.mark.parametrize("unit", [1e-25, 1e-13, 1e-6, 1.0, 1e20])
def test_the_unit_of_a_column_does_not_matter(unit: float):
    _, row = fit_number(np.array([1.0, 2.0, 4.0]) * unit)
    assert row[SCALE] == pytest.approx(np.std([1.0, 2.0, 4.0]) * unit)


def test_a_column_of_missing_values_only():
    column, row = fit_number([NAN, NAN])
    assert list(row) == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert column.has_missing
    assert (column.minimum, column.maximum, column.needs_float64) == (None, None, False)


def test_one_training_row():
    column, row = fit_number([4.0])
    assert list(row) == [4.0, 4.0, 4.0, 4.0, 1.0]
    assert (column.minimum, column.maximum) == (4.0, 4.0)


@pytest.mark.parametrize(
    ("values", "options", "float64"),
    [
        (1.7e9 + np.arange(100.0) * 86_400, {}, False),  # a mean of 680 spreads
        (1.7e9 + np.arange(100.0) * 3_600, {}, True),
        (-1.7e9 - np.arange(100.0), {}, True),
        (np.arange(100.0), {}, False),
        (np.arange(100.0) - 1e-9, {}, False),
        # Zeros for "unknown" among timestamps hide the scale the column is given in the end.
        (np.r_[0.0, 1.7e9 + np.arange(999.0)], {"outliers": "none"}, False),
        (np.r_[0.0, 1.7e9 + np.arange(999.0)], {}, True),
        (np.r_[0.0, 1.7e9 + np.arange(999.0)], {"outliers": "quantile"}, True),
        (np.r_[np.zeros(100), 1.7e9 + np.arange(900.0)], {"scaling": "robust"}, True),
    ],
)
def test_float64_when_the_center_is_large_against_the_scale_in_use(
    values: np.ndarray, options: dict[str, Any], float64: bool
):
    assert fit_number(values, **options)[0].needs_float64 is float64


# Dates


def test_dates_are_numbers_with_calendar_means():
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5, NAN])
    schema = schema_of(date())
    fitted, statistics = fit_statistics([pd.DataFrame({"d": values})], schema, PreprocessOptions())
    assert fitted["d"].has_missing
    assert statistics.numbers[0, FILL] == 3.0
    assert statistics.part_means.shape == (1, 7)
    # Days of month 1 to 7, and the missing one takes the median, the 4th.
    assert statistics.part_means[0, CALENDAR_PARTS.index("day of month")] == pytest.approx(
        (np.arange(7).sum() + 3) / 8 / 30
    )


# Text


def test_vocabulary_frequencies_and_the_three_groups():
    column, shares = fit_text(["b"] * 3 + ["a"] * 2 + ["rare"] + [""] * 4, min_count=2)
    assert column.vocabulary == ("a", "b")
    assert column.has_missing
    assert column.has_rare
    assert shares.tolist() == [0.4, 0.1, 0.2, 0.3]  # missing, unseen or rare, a, b


def test_groups_without_rows_have_no_frequency():
    column, shares = fit_text(["b", "a"], min_count=1)
    assert (column.vocabulary, column.has_missing, column.has_rare) == (("a", "b"), False, False)
    assert shares.tolist() == [0.5, 0.5]


def test_only_missing_and_only_rare():
    column, shares = fit_text([""] * 3)
    assert (column.vocabulary, column.has_missing, column.has_rare) == ((), True, False)
    assert shares.tolist() == [1.0]
    column, shares = fit_text(["a", "b"], min_count=2)
    assert (column.vocabulary, column.has_missing, column.has_rare) == ((), False, True)
    assert shares.tolist() == [1.0]


def test_most_frequent_are_kept_and_ties_go_by_the_text():
    values = ["z"] * 3 + ["c"] * 2 + ["b"] * 2 + ["a"]
    assert fit_text(values, min_count=1, max_categories=2)[0].vocabulary == ("b", "z")
    assert fit_text(values[::-1], min_count=1, max_categories=2)[0].vocabulary == ("b", "z")


@given(
    st.lists(st.sampled_from(["", "a", "b", "B", "é", "日本", " a"]), min_size=1, max_size=60),
    st.integers(1, 6),
)
def test_vocabulary_against_scikit_learn(values: list[str], min_count: int):
    column, shares = fit_text(values, min_count=min_count)
    assert shares.sum() == pytest.approx(1)
    present = np.array([value for value in values if value], dtype=object).reshape(-1, 1)
    if not len(present):
        assert column.vocabulary == ()
        return
    encoder = OneHotEncoder(
        min_frequency=min_count, handle_unknown="infrequent_if_exist", sparse_output=False
    ).fit(present)
    infrequent = encoder.infrequent_categories_[0]
    rare = set() if infrequent is None else set(infrequent)
    assert column.vocabulary == tuple(sorted(set(encoder.categories_[0]) - rare))
    assert column.has_rare == bool(rare)
    assert column.has_missing == ("" in values)
    learned = encoder.transform(present).mean(0) * len(present) / len(values)
    ours = shares[column.has_missing :]
    # scikit-learn puts the infrequent group last, we put it first.
    np.testing.assert_allclose(np.roll(ours, -1) if rare else ours, learned)


# The whole


OPTIONS: list[dict[str, Any]] = [
    {},
    {"outliers": "quantile"},
    {"scaling": "robust"},
    {"outliers": "quantile", "scaling": "robust", "bins": 5},
]


def numbers_at_once(
    values: np.ndarray, *, outliers: str = "auto", scaling: str = "standard", bins: int = 0
) -> tuple[float, ...]:
    """Compute fill, lower, upper, center and scale with the whole column in view."""
    present = values[~np.isnan(values)]
    fill, span = np.median(present), np.ptp(present)
    lower, upper = present.min() - span, present.max() + span
    if outliers == "quantile":
        lower, upper = np.quantile(present, (0.01, 0.99))
    x = np.clip(np.where(np.isnan(values), fill, values), lower, upper)
    if scaling == "standard":
        return fill, lower, upper, x.mean(), x.std()
    low, center, high = np.quantile(x, (0.25, 0.5, 0.75))
    return fill, lower, upper, center, high - low if high > low else np.ptp(x) / 2


MIXED = schema_of(text(), number(), date(), replace(number("b"), kind=Kind.BOOLEAN))


def mixed_rows(n: int = 90, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "t": pd.Series(rng.choice(["", "a", "b", "c"], n, p=[0.2, 0.5, 0.2, 0.1]), dtype="str"),
            "x": np.where(rng.random(n) < 0.2, NAN, rng.normal(size=n)),
            "d": 19_000 + rng.integers(0, 300, n) + rng.random(n).round(2),
            "b": rng.integers(0, 2, n).astype(float),
        }
    )


def assert_equal(one: tuple[Schema, Statistics], other: tuple[Schema, Statistics]) -> None:
    assert one[0] == other[0]
    for name in Statistics.__dataclass_fields__:
        first, second = getattr(one[1], name), getattr(other[1], name)
        if name == "sequences":
            assert first == second == ()
            continue
        assert first.dtype == np.float64
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("options", OPTIONS)
@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 90), max_size=5), block=st.sampled_from([1, 8, 90, 100]))
def test_chunks_are_the_whole(options: dict[str, Any], cuts: list[int], block: int):
    """However the rows are cut, to the last bit: with blocks and a sample smaller than the rows."""
    frame = mixed_rows()
    edges = [0, *sorted(cuts), len(frame)]
    chunks = [frame.iloc[start:stop] for start, stop in pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BLOCK_ROWS", block)
        patch.setattr(moments, "SAMPLE_ROWS", 30)
        patch.setattr(text_counts, "COUNTED_TEXTS", 2)
        assert_equal(
            fit_statistics(chunks, MIXED, PreprocessOptions(**options)),
            fit_statistics([frame], MIXED, PreprocessOptions(**options)),
        )


@pytest.mark.parametrize("options", OPTIONS)
def test_as_computed_on_the_whole_table_at_once(options: dict[str, Any]):
    frame = mixed_rows(5000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BLOCK_ROWS", 700)
        fitted, statistics = fit_statistics([frame], MIXED, PreprocessOptions(**options))
    for i, column in enumerate(fitted.numbers):
        expected = numbers_at_once(frame[column.name].to_numpy(), **options)
        np.testing.assert_allclose(statistics.numbers[i], expected, rtol=1e-12, atol=1e-13)
    days = frame["d"].to_numpy()
    parts = calendar_parts(torch.from_numpy(np.where(np.isnan(days), np.nanmedian(days), days)))
    np.testing.assert_allclose(statistics.part_means[0], parts.double().mean(0), atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS)
def test_with_more_rows_than_the_sample(options: dict[str, Any]):
    """Moments stay exact; ranks are off by no more than a sample of that size may be."""
    frame = mixed_rows(40_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BLOCK_ROWS", 3000)
        patch.setattr(moments, "SAMPLE_ROWS", 10_000)
        fitted, statistics = fit_statistics([frame], MIXED, PreprocessOptions(**options))
    x = np.sort(frame["x"].dropna().to_numpy())
    row = statistics.numbers[[c.name for c in fitted.float32].index("x")]
    assert (fitted["x"].minimum, fitted["x"].maximum) == (x[0], x[-1])
    quantiles = {row[FILL]: 0.5}
    if options.get("outliers") == "quantile":
        quantiles |= {row[LOWER]: 0.01, row[UPPER]: 0.99}
    for value, q in quantiles.items():
        # Five standard errors; about 8,000 of the 10,000 sampled rows have a value.
        assert abs(np.searchsorted(x, value) / len(x) - q) < 5 * np.sqrt(q * (1 - q) / 8000)
    if not options:
        filled = frame["x"].fillna(row[FILL]).to_numpy()
        assert row[CENTER] == pytest.approx(filled.mean(), abs=1e-13)
        assert row[SCALE] == pytest.approx(filled.std(), rel=1e-12)
    else:
        expected = numbers_at_once(frame["x"].to_numpy(), **options)
        np.testing.assert_allclose(row, expected, rtol=0.05, atol=0.05)


def test_present_values_so_few_that_the_sample_has_none():
    values = np.full(5000, NAN)
    values[[10, 4000]] = [2.0, 4.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BLOCK_ROWS", 100)
        patch.setattr(moments, "SAMPLE_ROWS", 100)
        for options in OPTIONS:
            column, row = fit_number(values, **options)
            assert row[FILL] == 3.0
            assert np.isfinite(row).all()
            assert (column.minimum, column.maximum) == (2.0, 4.0)


def test_texts_beyond_those_that_are_counted():
    """The frequent ones are kept with their counts; the forgotten ones are rare."""
    rng = np.random.default_rng(0)
    frequent = rng.choice(["a", "b", ""], 900, p=[0.5, 0.3, 0.2])
    values = rng.permutation(np.r_[frequent, np.array([f"once {i}" for i in range(600)])])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BLOCK_ROWS", 64)
        patch.setattr(text_counts, "COUNTED_TEXTS", 20)
        column, shares = fit_text(list(values), min_count=10)
    assert column.vocabulary == ("a", "b")
    expected = [(frequent == "").sum(), 600, (frequent == "a").sum(), (frequent == "b").sum()]
    np.testing.assert_allclose(shares, np.array(expected) / 1500)


def test_row_order_does_not_matter():
    frame = mixed_rows()
    shuffled = frame.sample(frac=1, random_state=1)
    schema, statistics = fit_statistics([frame], MIXED, PreprocessOptions())
    other_schema, other = fit_statistics([shuffled], MIXED, PreprocessOptions())
    assert schema == other_schema
    np.testing.assert_allclose(statistics.numbers, other.numbers, rtol=1e-12)
    np.testing.assert_array_equal(statistics.frequencies, other.frequencies)


def test_the_inferred_schema_is_left_as_it_was():
    before = MIXED.to_json()
    fitted, _ = fit_statistics([mixed_rows()], MIXED, PreprocessOptions())
    assert MIXED.to_json() == before
    assert fitted["t"].vocabulary
    assert Schema.from_json(fitted.to_json()) == fitted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outliers": "trim"}, "preprocess.outliers: expected auto, none or quantile, got 'trim'"),
        ({"scaling": "minmax"}, "preprocess.scaling: expected standard or robust, got 'minmax'"),
        ({"quantiles": (0.9, 0.1)}, r"preprocess.quantiles: .* got \[0.9, 0.1\]"),
        ({"quantiles": (0.5, 0.5)}, r"preprocess.quantiles: .* got \[0.5, 0.5\]"),
        ({"quantiles": (-0.1, 0.9)}, r"preprocess.quantiles: .* got \[-0.1, 0.9\]"),
        ({"quantiles": (0.1, 1.1)}, r"preprocess.quantiles: .* got \[0.1, 1.1\]"),
        ({"bins": 1}, r"preprocess.bins: expected 0 \(no bins\) or 2 and more, got 1"),
        ({"bins": -3}, r"preprocess.bins: .* got -3"),
        ({"min_count": 0}, r"min_count >= 1 .* got 0 and 256"),
        ({"max_categories": 0}, r"max_categories >= 1, got 5 and 0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        PreprocessOptions(**options)


# No statistic ever sees a validation or test row.


def compose_training(overrides: list[str]) -> DictConfig:
    return compose("train", ["data=table", "data.source=-", *overrides])


def raw_table(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "usage": np.where(rng.random(n) < 0.1, NAN, rng.gamma(2.0, 30.0, n).round(2)),
            "seen": 1.7e9 + rng.integers(0, 10**5, n).astype(float) + 0.5,
            "plan": rng.choice(["basic", "plus", "pro", "old"], n, p=[0.5, 0.3, 0.19, 0.01]),
            "since": pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "paper": rng.integers(0, 2, n).astype(float),
            "team": rng.integers(0, 60, n),
            "day": rng.permutation(n) * 0.5,
            "churned": rng.choice(["yes", "no"], n, p=[0.3, 0.7]),
        }
    )


def made_hostile(frame: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Change every feature in the given rows: extremes, new words, other sides."""
    frame = frame.copy()
    n = len(rows)
    rng = np.random.default_rng(4)
    frame.loc[rows, "usage"] = rng.choice([3e38, -3e38, NAN, 1e-30], n)
    frame.loc[rows, "seen"] = rng.choice([-1e30, 3e38, 0.25, NAN], n)
    frame.loc[rows, "plan"] = rng.choice(["new", "日本", "", "plus "], n)
    frame.loc[rows, "since"] = pd.Timestamp("1700-01-01T12:00") + pd.to_timedelta(
        rng.integers(0, 10_000, n), "D"
    )
    frame.loc[rows, "paper"] = 1 - frame.loc[rows, "paper"]
    return frame


def learned(schema: Schema) -> dict[str, Column]:
    """Columns without what inference counts over the whole table for the user to read."""
    return {c.name: replace(c, missing_share=0, n_distinct=0, note="") for c in schema.features}


SPLITS = {
    "random": ["data.ignore=[team,day]"],
    "time": ["data.split.by=time", "data.split.column=day", "data.ignore=[team]"],
    "group": ["data.split.by=group", "data.split.column=team", "data.ignore=[day]"],
}


def table_of(frame: pd.DataFrame, overrides: list[str]) -> LabelledTable:
    config = compose_training(["data.target=churned", *overrides])
    return read_labelled(train_options(config).data, seed=0, source=frame)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("options", [{}, {"outliers": "quantile", "scaling": "robust"}])
def test_statistics_see_no_row_but_training_rows(split: str, options: dict[str, Any]):
    frame = raw_table()
    table = table_of(frame, SPLITS[split])
    held_out = np.r_[table.split.validation, table.split.test]
    other = table_of(made_hostile(frame, held_out), SPLITS[split])
    np.testing.assert_array_equal(table.split.train, other.split.train)
    # The change is one that would be seen: with all rows, everything learned is different.
    assert not table.parsed.iloc[held_out].equals(other.parsed.iloc[held_out])
    wrong, _ = fit_statistics([other.parsed], other.schema, PreprocessOptions(**options))
    right = [
        fit_statistics([t.parsed.take(t.split.train)], t.schema, PreprocessOptions(**options))
        for t in (table, other)
    ]
    for name, column in learned(right[0][0]).items():
        assert learned(wrong)[name] != column or name == "paper"
    assert learned(right[0][0]) == learned(right[1][0])
    assert_equal((table.schema, right[0][1]), (table.schema, right[1][1]))


@pytest.mark.usefixtures("without_export")
def test_training_sees_no_row_but_training_rows(tmp_path: Path, train_run: Callable[..., Any]):
    frame = raw_table()
    overrides = [
        "data=table",
        "data.source=-",
        "data.target=churned",
        *SPLITS["random"],
        "model=mlp",
        # One epoch, so that the validation rows have no say in which weights are the best ones.
        "trainer.max_epochs=1",
        "callbacks=none",
        "trainer=cpu",
    ]
    table = table_of(frame, SPLITS["random"])
    hostile = made_hostile(frame, np.r_[table.split.validation, table.split.test])
    one = train_run(tmp_path / "one", *overrides, source=frame)
    other = train_run(tmp_path / "other", *overrides, source=hostile)
    assert learned(one.schema) == learned(other.schema)
    weights = [torch.load(run.folder / "weights.pt", weights_only=True) for run in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    assert any(name.startswith("net.") for name in weights[0])
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name
    probability = [
        pd.read_parquet(run.folder / "predictions.parquet")["churn_probability"]
        for run in (one, other)
    ]
    assert not np.array_equal(*probability)
