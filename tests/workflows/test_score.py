from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.workflows.score import score
from tests.composing import composed


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("id", ["customer id"]),
        ("[cat,add]", ["cat", "add"]),
        ("add", ["add"]),
        ("[]", []),
        ("all", None),
    ],
)
def test_score_keeps_the_columns_asked_for(customers_run, customers, tmp_path, keep, kept):
    source, out = tmp_path / "new.parquet", tmp_path / "deep" / "scores.parquet"
    new = customers.drop(columns="churned").assign(extra=1)
    new.to_parquet(source)
    keys = [f"run={customers_run.folder}", f"source={source}", f"out={out}", f"keep={keep}"]
    assert score(composed("score", [*keys, "chunk_rows=150"])) == len(new)
    scores = pd.read_parquet(out)
    expected = list(new.columns) if kept is None else kept
    assert list(scores.columns) == [*expected, "churn_probability", "churn_decision"]
    pd.testing.assert_frame_equal(scores[expected], new[expected], check_dtype=False)
    np.testing.assert_allclose(
        scores["churn_probability"], customers_run.predict_proba(new), atol=1e-6, rtol=0
    )


def test_what_is_unlike_training_is_said_and_unknown_categories_alone_are_refused(
    customers_run, customers, tmp_path, capsys
):
    source, out = tmp_path / "new.csv", tmp_path / "scores.csv"
    new = customers.drop(columns="churned").assign(add=customers["add"] * 9)
    keys = [f"run={customers_run.folder}", f"source={source}", f"out={out}"]
    new.assign(plan=new["plan"].where(new.index < 300, "trial")).to_csv(source, index=False)
    score(composed("score", keys))
    said = capsys.readouterr().out
    rows = [line.split("\u2502")[1:-1] for line in said.splitlines() if line.startswith("\u2502")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["plan", "unseen category", "100", "25.0%", "0.0%", "'trial'"],
        ["add", "outside the training range", "400", "100.0%", "0.0%", ""],
    ]
    out.unlink()
    new.assign(plan="trial").to_csv(source, index=False)
    with pytest.raises(
        InputError, match=r"^column 'plan': .* all 400 filled cells, such as 'trial';"
    ):
        score(composed("score", keys))
    assert list(tmp_path.iterdir()) == [source]
    assert score(composed("score", [*keys, "allow_unseen=true"])) == 400


def test_a_column_that_some_files_lack_is_said(customers_run, customers, tmp_path, capsys):
    customers[:100].drop(columns="plan").to_parquet(tmp_path / "1.parquet")
    customers[100:].to_parquet(tmp_path / "2.parquet")
    keys = [f"run={customers_run.folder}", f"source={tmp_path}/*.parquet", f"out={tmp_path}/s.csv"]
    score(composed("score", keys))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "plan" in line]
    assert "missing" in line
    assert " 100 " in line
    assert "not in 1 of 2 files" in line
