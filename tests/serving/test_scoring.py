"""Scoring with the ONNX file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest

from churn_torch import pipeline
from churn_torch.commandline import compose
from churn_torch.errors import InputError
from churn_torch.runs import Run
from churn_torch.serving.export import DECISION, PROBABILITY
from churn_torch.serving.scoring import make_feed, open_session, run_onnx, score_chunks
from churn_torch.tables.encode import parse

SCORES = [PROBABILITY, DECISION]


@pytest.fixture(scope="module")
def session(customers_run: Run) -> ort.InferenceSession:
    return open_session(customers_run.model)


def scored(
    session: ort.InferenceSession,
    run: Run,
    *chunks: pd.DataFrame,
    keep: list[str] | None = None,
) -> list[pd.DataFrame]:
    return list(score_chunks(session, run.schema, chunks, keep=keep))


# The session and its feed


def test_opens_a_path_and_bytes(customers_run: Run):
    path = customers_run.model
    names = [i.name for i in open_session(path).get_inputs()]
    assert names == [i.name for i in open_session(str(path)).get_inputs()]
    assert names == [i.name for i in open_session(path.read_bytes()).get_inputs()]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(b"PAR1 no model")
    for source, named in (
        (tmp_path / "model.onnx", "model.onnx"),
        (tmp_path / "absent.onnx", "absent.onnx"),
        (b"no model", "got bytes"),
    ):
        with pytest.raises(InputError, match=named) as caught:
            open_session(source)
        assert "\n" not in str(caught.value)


def test_feed_is_one_column_an_input(customers_run: Run, customers: pd.DataFrame):
    schema = customers_run.schema
    feed = make_feed(parse(customers.head(3), schema), schema)
    assert set(feed) == {column.name for column in schema.features}
    assert {array.shape for array in feed.values()} == {(3, 1)}
    assert feed["Größe/Call  Failure"].dtype == np.float32
    assert feed["joined"].dtype == np.float64
    assert feed["plan"].dtype == object
    assert all(type(cell) is str for cell in feed["plan"].ravel())


def test_numbers_beyond_float32_become_infinite_without_a_warning(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    schema = customers_run.schema
    parsed = parse(customers.head(2), schema)
    parsed["Größe/Call  Failure"] = [1e39, np.nan]
    parsed.loc[1, parsed.columns != "Größe/Call  Failure"] = parsed.iloc[0]
    feed = make_feed(parsed, schema)
    assert np.isinf(feed["Größe/Call  Failure"][0, 0])
    probability, _ = run_onnx(session, feed)
    assert probability[0] == probability[1]  # infinite is missing


# What is kept


def test_all_columns_are_kept_in_their_order_and_the_scores_come_last(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    (made,) = scored(session, customers_run, customers, keep=None)
    assert list(made) == [*customers, *SCORES]
    pd.testing.assert_frame_equal(made[list(customers)], customers)
    assert made[PROBABILITY].dtype == np.float32
    assert made[DECISION].dtype == np.int64
    assert PROBABILITY not in customers


@pytest.mark.parametrize(
    "keep", [[], ["customer id"], ["household", "customer id"], ["churned", "plan"]]
)
def test_only_the_columns_asked_for_are_kept(
    keep: list[str],
    customers_run: Run,
    customers: pd.DataFrame,
    session: ort.InferenceSession,
):
    (made,) = scored(session, customers_run, customers, keep=keep)
    assert list(made) == [*keep, *SCORES]
    assert len(made) == len(customers)
    pd.testing.assert_frame_equal(made[keep], customers[keep])


def test_a_column_to_keep_that_is_not_there_is_refused(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    with pytest.raises(InputError, match=r"got 'customer_id' \(did you mean 'customer id'\?\)"):
        scored(session, customers_run, customers, keep=["customer_id"])


@pytest.mark.parametrize("name", SCORES)
def test_a_source_that_is_scored_already_is_not_written_over(
    name: str, customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    before = customers.assign(**{name: 0.5})
    with pytest.raises(InputError, match=f"got '{name}' in the source"):
        scored(session, customers_run, before, keep=None)
    with pytest.raises(InputError, match=f"got '{name}' in the source"):
        scored(session, customers_run, before, keep=[name])
    # Left behind, it harms nobody.
    (made,) = scored(session, customers_run, before, keep=["plan"])
    assert list(made) == ["plan", *SCORES]
    assert not (made[name] == 0.5).any()


# What is scored


def test_the_same_as_the_loaded_run(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    (made,) = scored(session, customers_run, customers, keep=[])
    expected = customers_run.predict_proba(customers)
    np.testing.assert_allclose(made[PROBABILITY], expected, atol=1e-6)
    threshold = np.float32(customers_run.threshold)
    np.testing.assert_array_equal(made[DECISION], made[PROBABILITY] >= threshold)


@pytest.mark.parametrize("size", [1, 7, 399, 1000])
def test_chunks_are_the_whole(
    size: int, customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    (whole,) = scored(session, customers_run, customers)
    rows = customers.head(40) if size == 1 else customers
    chunks = [rows.iloc[i : i + size] for i in range(0, len(rows), size)]
    made = scored(session, customers_run, *chunks)
    assert [len(chunk) for chunk in made] == [len(chunk) for chunk in chunks]
    pd.testing.assert_frame_equal(pd.concat(made), whole.head(len(rows)), atol=1e-7, rtol=0)


def test_column_order_extra_columns_and_index_do_not_matter(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    (expected,) = scored(session, customers_run, customers, keep=[])
    odd = customers.assign(extra=1, churned=[["a"]] * len(customers))[
        ["extra", *reversed(list(customers))]
    ].set_axis([5] * len(customers))
    (made,) = scored(session, customers_run, odd, keep=[])
    np.testing.assert_array_equal(made[PROBABILITY], expected[PROBABILITY])
    (without,) = scored(session, customers_run, customers.drop(columns="churned"), keep=[])
    np.testing.assert_array_equal(without[PROBABILITY], expected[PROBABILITY])


def test_an_empty_chunk_and_none_at_all(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    assert scored(session, customers_run) == []
    made = scored(session, customers_run, customers.head(0), customers.head(2), keep=["plan"])
    assert [len(chunk) for chunk in made] == [0, 2]
    assert list(made[0]) == ["plan", *SCORES]
    assert made[0][SCORES].dtypes.tolist() == made[1][SCORES].dtypes.tolist()


def test_a_missing_column_is_named_with_the_nearest(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    renamed = customers.rename(columns={"is member": "is_member"})
    with pytest.raises(InputError, match=r"'is member' \(did you mean 'is_member'\?\)"):
        scored(session, customers_run, renamed)


def test_chunks_are_scored_one_by_one_as_they_are_asked_for(
    customers_run: Run, customers: pd.DataFrame, session: ort.InferenceSession
):
    taken = []

    def chunks() -> Any:
        for i in range(3):
            taken.append(i)
            yield customers.head(2)

    made = score_chunks(session, customers_run.schema, chunks(), keep=[])
    assert taken == []
    next(made)
    assert taken == [0]


# Through the pipeline: whole or not at all


@pytest.mark.parametrize("earlier", [None, "scores of yesterday"])
def test_a_failure_half_way_leaves_no_half_of_the_scores(
    earlier: str | None, customers_run: Run, customers: pd.DataFrame, tmp_path: Path
):
    broken = customers.astype({"add": "str"})
    broken.loc[390, "add"] = "thousand"
    broken.to_csv(tmp_path / "source.csv", index=False)
    out = tmp_path / "scores.csv"
    if earlier:
        out.write_text(earlier)
    keys = [f"run={customers_run.folder}", f"source={tmp_path / 'source.csv'}", f"out={out}"]
    with pytest.raises(InputError, match=r"numbers in column 'add'.* 'thousand'"):
        pipeline.score(compose("score", [*keys, "chunk_rows=50"]))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *(["scores.csv"] if earlier else []),
        "source.csv",
    ]
    if earlier:
        assert out.read_text() == earlier


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("id", ["customer id"]),
        ("all", None),
        ("[]", []),
        ("plan", ["plan"]),
        ("[plan,household]", ["plan", "household"]),
    ],
)
def test_scores_are_written_with_the_columns_asked_for(
    keep: str,
    kept: list[str] | None,
    ending: str,
    customers_run: Run,
    customers: pd.DataFrame,
    customers_csv: Path,
    tmp_path: Path,
):
    out = tmp_path / f"scores.{ending}"
    keys = [f"run={customers_run.folder}", f"source={customers_csv}", f"out={out}"]
    assert pipeline.score(compose("score", [*keys, f"keep={keep}", "chunk_rows=150"])) == 400
    made = pd.read_parquet(out) if ending == "parquet" else pd.read_csv(out)
    assert list(made) == [*(customers if kept is None else kept), *SCORES]
    expected = customers_run.predict_proba(customers)
    np.testing.assert_allclose(made[PROBABILITY], expected, atol=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [out.name]
