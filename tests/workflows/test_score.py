from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.workflows.score import score


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
    assert score(compose("score", [*keys, "chunk_rows=150"])) == len(new)
    scores = pd.read_parquet(out)
    expected = list(new.columns) if kept is None else kept
    assert list(scores.columns) == [*expected, "churn_probability", "churn_decision"]
    pd.testing.assert_frame_equal(scores[expected], new[expected], check_dtype=False)
    np.testing.assert_allclose(
        scores["churn_probability"], customers_run.predict_proba(new), atol=1e-6, rtol=0
    )
