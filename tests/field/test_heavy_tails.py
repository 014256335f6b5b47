"""Numbers with a heavy tail: a few rows far out must not cost the file, the fit or the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.serving.model_file import ModelFile
from churn_torch.workflows.runs.run_folder import Run


def players(n: int = 3_000, seed: int = 0) -> pd.DataFrame:
    """Most play some rounds, and one plays day and night; many play means they stay."""
    rng = np.random.default_rng(seed)
    rounds = np.minimum(rng.lognormal(2.7, 1.7, n).astype(int), 3_000)
    rounds[:5] = 49_854  # whatever the split, training has one
    stays = rng.random(n) < 1 / (1 + np.exp(np.minimum(700, 2.9 - 0.0365 * rounds)))
    return pd.DataFrame(
        {
            "version": rng.choice(["gate_30", "gate_40"], n),
            "rounds": rounds,
            "spent": rng.lognormal(0, 1, n).round(2),
            "left": np.where(stays, "no", "yes"),
        }
    )


@pytest.mark.parametrize("typing_error", [None, 7e11], ids=["a player", "a typing error"])
def test_a_heavy_tail_is_exported(
    train_run: Callable[..., Run],
    tmp_path: Path,
    typing_error: float | None,
    capsys: pytest.CaptureFixture[str],
):
    frame = players()
    if typing_error is not None:
        frame.loc[[0, 1], "spent"] = -typing_error, typing_error
    keys = ["data=table", "data.source=-", "data.target=left", "trainer=cpu"]
    run = train_run(tmp_path / "run", *keys, "optimizer=newton", "penalty.l2=1e-8", source=frame)
    # Log-odds far above 1,024, where float32 has steps of more than the absolute tolerance.
    odds = run.predict_proba(frame.assign(rounds=100_000))
    assert np.isfinite(odds).all()
    file = ModelFile(run.model)
    reasons = file.run(file.feed(frame.assign(rounds=3.4e38)))["reasons"]
    assert np.abs(reasons).max() > 1_024
    np.testing.assert_allclose(
        file.run(file.feed(frame))["churn_probability"], run.predict_proba(frame), atol=1e-5
    )
    said = " ".join(capsys.readouterr().out.split())
    assert ("spent: number; heavy tail: numbers" in said) == (typing_error is not None)
    assert "rounds: number; heavy tail" not in said  # 49,854 is sixteen times the quantile
    assert run.metrics["test"]["auroc"] > 0.75
