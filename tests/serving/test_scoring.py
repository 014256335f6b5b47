"""Scoring with the ONNX file alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.outputs import DECISION, PROBABILITY
from churn_torch.serving.scoring import score_chunks, score_table
from churn_torch.workflows.runs.run_folder import Run
from churn_torch.workflows.score import score

SCORES = [PROBABILITY, DECISION]


@pytest.fixture(scope="module")
def model(customers_run: Run) -> BatchModel:
    return BatchModel(customers_run.model)


def scored(
    model: BatchModel, *chunks: pd.DataFrame, keep: list[str] | None = None
) -> list[pd.DataFrame]:
    return list(score_chunks(model, chunks, keep=keep))


# What is kept


def test_all_columns_are_kept_in_their_order_and_the_scores_come_last(
    customers_run: Run, customers: pd.DataFrame, model: BatchModel
):
    (made,) = scored(model, customers, keep=None)
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
    model: BatchModel,
):
    (made,) = scored(model, customers, keep=keep)
    assert list(made) == [*keep, *SCORES]
    assert len(made) == len(customers)
    pd.testing.assert_frame_equal(made[keep], customers[keep])


def test_a_column_to_keep_that_is_not_there_is_refused(
    customers_run: Run, customers: pd.DataFrame, model: BatchModel
):
    with pytest.raises(InputError, match=r"got 'customer_id' \(did you mean 'customer id'\?\)"):
        scored(model, customers, keep=["customer_id"])


@pytest.mark.parametrize("name", SCORES)
def test_a_source_that_is_scored_already_is_not_written_over(
    name: str, customers_run: Run, customers: pd.DataFrame, model: BatchModel, tmp_path: Path
):
    before = customers.assign(**{name: 0.5})
    for keep in (None, [name]):
        with pytest.raises(InputError, match=f"not named like a score, got '{name}'; list"):
            scored(model, before, keep=keep)
    with pytest.raises(InputError, match=f"not named like a score, got '{name}'; list"):
        score_table(customers_run.model, before, tmp_path / "out.csv", keep=["plan", name])
    assert not list(tmp_path.iterdir())
    # Left behind, it harms nobody.
    (made,) = scored(model, before, keep=["plan"])
    assert list(made) == ["plan", *SCORES]
    assert not (made[name] == 0.5).any()


def test_without_an_id_the_row_number_is_the_key(
    customers_run: Run, customers: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("churn_torch.tables.schema.Schema.id", None)
    out, said = tmp_path / "scores.parquet", []
    more = {"chunk_rows": 150, "announce": said.append}
    score_table(customers_run.model, customers, out, **more)
    made = pd.read_parquet(out)
    assert list(made) == ["row", *SCORES]
    assert made["row"].tolist() == list(range(400))
    assert said == ["The run names no id column: scores are written with the row number."]
    score_table(customers_run.model, customers, out, keep=["plan", "plan"], **more)
    assert list(pd.read_parquet(out)) == ["plan", *SCORES]  # as asked for, each once
    assert len(said) == 1


# What is scored


def test_the_same_as_the_loaded_run(customers_run: Run, customers: pd.DataFrame, model: BatchModel):
    (made,) = scored(model, customers, keep=[])
    expected = customers_run.predict_proba(customers)
    np.testing.assert_allclose(made[PROBABILITY], expected, atol=1e-6)
    threshold = np.float32(customers_run.threshold)
    np.testing.assert_array_equal(made[DECISION], made[PROBABILITY] >= threshold)


@pytest.mark.parametrize("size", [1, 7, 399, 1000])
def test_chunks_are_the_whole(
    size: int, customers_run: Run, customers: pd.DataFrame, model: BatchModel
):
    (whole,) = scored(model, customers)
    rows = customers.head(40) if size == 1 else customers
    chunks = [rows.iloc[i : i + size] for i in range(0, len(rows), size)]
    made = scored(model, *chunks)
    assert [len(chunk) for chunk in made] == [len(chunk) for chunk in chunks]
    # onnxruntime may add up in another order for another number of rows: some ulps of float32.
    pd.testing.assert_frame_equal(pd.concat(made), whole.head(len(rows)), atol=5e-7, rtol=0)


def test_column_order_extra_columns_and_index_do_not_matter(
    customers_run: Run, customers: pd.DataFrame, model: BatchModel
):
    (expected,) = scored(model, customers, keep=[])
    odd = customers.assign(extra=1, churned=[["a"]] * len(customers))[
        ["extra", *reversed(list(customers))]
    ].set_axis([5] * len(customers))
    (made,) = scored(model, odd, keep=[])
    np.testing.assert_array_equal(made[PROBABILITY], expected[PROBABILITY])
    (without,) = scored(model, customers.drop(columns="churned"), keep=[])
    np.testing.assert_array_equal(without[PROBABILITY], expected[PROBABILITY])


def test_an_empty_chunk_and_none_at_all(
    customers_run: Run, customers: pd.DataFrame, model: BatchModel
):
    assert scored(model) == []
    made = scored(model, customers.head(0), customers.head(2), keep=["plan"])
    assert [len(chunk) for chunk in made] == [0, 2]
    assert list(made[0]) == ["plan", *SCORES]
    assert made[0][SCORES].dtypes.tolist() == made[1][SCORES].dtypes.tolist()


def test_a_missing_column_is_named_with_the_nearest(
    customers_run: Run, customers: pd.DataFrame, model: BatchModel
):
    renamed = customers.rename(columns={"is member": "is_member"})
    with pytest.raises(InputError, match=r"'is member' \(did you mean 'is_member'\?\)"):
        scored(model, renamed)


def test_only_a_few_chunks_are_read_ahead(customers: pd.DataFrame, model: BatchModel):
    taken = []

    def chunks() -> Iterator[pd.DataFrame]:
        for i in range(50):
            taken.append(i)
            yield customers.head(2)

    made = score_chunks(model, chunks(), keep=[])
    assert taken == []
    next(made)
    time.sleep(0.3)
    assert len(taken) < 10
    made.close()
    assert len(taken) < 10


def test_a_bad_cell_is_named_by_its_row_in_the_table(customers: pd.DataFrame, model: BatchModel):
    broken = customers.astype({"add": "str"})
    broken.loc[7, "add"] = "thousand"
    chunks = [broken.iloc[i : i + 3] for i in range(0, 30, 3)]
    with pytest.raises(InputError, match="'thousand' in row 8"):
        scored(model, *chunks)


# From file to file


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("id", ["customer id"]),
        ("all", None),
        ("plan", ["plan"]),
        (["plan", "cat"], ["plan", "cat"]),
    ],
)
def test_a_table_is_scored_from_file_to_file(
    keep: str | list[str],
    kept: list[str] | None,
    customers_run: Run,
    customers: pd.DataFrame,
    model: BatchModel,
    tmp_path: Path,
):
    source, out = tmp_path / "source.parquet", tmp_path / "scores.parquet"
    customers.to_parquet(source, index=False)
    counted: list[int] = []
    n_rows = score_table(
        customers_run.model, source, out, keep=keep, chunk_rows=150, progress=counted.append
    )
    assert n_rows == len(customers)
    assert counted == [150, 150, 100]
    made = pd.read_parquet(out)
    assert list(made) == [*(customers if kept is None else kept), *SCORES]
    pd.testing.assert_frame_equal(made[SCORES], scored(model, customers, keep=[])[0])
    if kept is None:
        pd.testing.assert_frame_equal(made[list(customers)], customers, check_dtype=True)


def test_only_the_columns_that_are_needed_are_read(
    customers_run: Run, customers: pd.DataFrame, model: BatchModel, tmp_path: Path
):
    source, out = tmp_path / "source.parquet", tmp_path / "scores.parquet"
    # Scores of yesterday would stand in the way of today's if they were read.
    customers.assign(**{PROBABILITY: 0.5}).to_parquet(source, index=False)
    keep = ["customer id", "plan"]
    score_table(customers_run.model, source, out, keep=keep)
    pd.testing.assert_frame_equal(pd.read_parquet(out), scored(model, customers, keep=keep)[0])


@pytest.mark.parametrize(
    ("change", "keep", "sentence"),
    [
        ({}, "custmer id", "got 'custmer id' (did you mean 'customer id'?)"),
        (
            {"plan": "plans"},
            "customer id",
            "table: expected every column the model learned from, "
            "got none called 'plan' (did you mean 'plans'?); add or rename the column",
        ),
    ],
)
def test_what_is_not_there_is_told_beside_what_is(
    change: dict[str, str],
    keep: str,
    sentence: str,
    customers_run: Run,
    customers: pd.DataFrame,
    tmp_path: Path,
):
    source, out = tmp_path / "source.parquet", tmp_path / "scores.parquet"
    customers.rename(columns=change).to_parquet(source, index=False)
    with pytest.raises(InputError, match=re.escape(sentence)):
        score_table(customers_run.model, source, out, keep=keep)
    assert not out.exists()


def test_a_table_is_not_written_over_itself(customers_run: Run, customers_csv: Path):
    with pytest.raises(InputError, match="out: expected a file other than what is read"):
        score_table(customers_run.model, customers_csv, customers_csv)


def test_chunks_of_no_rows_are_refused(customers_run: Run, customers_csv: Path, tmp_path: Path):
    with pytest.raises(InputError, match="chunk_rows: expected 1 or more, got 0"):
        score_table(customers_run.model, customers_csv, tmp_path / "out.csv", chunk_rows=0)


# As the command: whole or not at all


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
    with pytest.raises(
        InputError, match=r"column 'add': expected numbers, got .* 'thousand' in row 391"
    ):
        score(compose("score", [*keys, "chunk_rows=50"]))
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
    assert score(compose("score", [*keys, f"keep={keep}", "chunk_rows=150"])) == 400
    made = pd.read_parquet(out) if ending == "parquet" else pd.read_csv(out)
    assert list(made) == [*(customers if kept is None else kept), *SCORES]
    expected = customers_run.predict_proba(customers)
    np.testing.assert_allclose(made[PROBABILITY], expected, atol=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [out.name]
