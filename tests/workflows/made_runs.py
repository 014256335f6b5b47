"""Run folders with what a comparison reads, made without a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

N = 120


def made_rows(seed: int = 0, *, id: str | None = None) -> pd.DataFrame:
    """Return test rows with labels: named by an id, or by their row number."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=N)
    label = (rng.random(N) < 1 / (1 + np.exp(-2 * signal))).astype(int)
    score = signal + np.random.default_rng(seed).normal(size=N) * 0.3
    keys = {"row": np.arange(N) * 7} if id is None else {id: [f"C-{i:03d}" for i in range(N)]}
    probability = (1 / (1 + np.exp(-2 * score))).astype(np.float32)
    return pd.DataFrame({**keys, "label": label, "churn_probability": probability})


def made_run(
    folder: Path,
    rows: pd.DataFrame,
    *,
    model: str = "mlp.MLP",
    metrics: dict[str, Any] | None = None,
    **choices: Any,
) -> str:
    """Write a run folder and return it as text.

    Args:
        folder: Where.
        rows: Its predictions.
        model: The end of the net's name.
        metrics: Entries of metrics.json beside the needed ones.
        choices: Dotted keys of config.yaml, ``__`` for a dot.
    """
    folder.mkdir(parents=True)
    config = OmegaConf.create(
        {
            "seed": 0,
            "outputs": "outputs",
            "model": {"_target_": f"churn_torch.models.nets.{model}"},
            "optimizer": {"lr": 0.01},
            "data": {
                "id": rows.columns[0] if "row" not in rows else None,
                "split": {"by": "random"},
            },
        }
    )
    for key, value in choices.items():
        OmegaConf.update(config, key.replace("__", "."), value)
    OmegaConf.save(config, folder / "config.yaml")
    content = {"data": {"fingerprint": "f00", "n_rows": 800}, "validation": {"threshold": 0.5}}
    (folder / "metrics.json").write_text(json.dumps({**content, **(metrics or {})}))
    rows.to_parquet(folder / "predictions.parquet")
    return str(folder)


def made_folds(gap: float, *, seed: int = 0) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return rows and metrics of a cross-validation: two repeats of three folds."""
    rows, frames, folds = made_rows(), [], []
    for repeat in range(2):
        fold = np.random.default_rng(repeat + seed).permutation(N) % 3
        frames.append(rows.assign(repeat=repeat, fold=fold))
        for number in range(3):
            auroc = 0.8 + 0.01 * number + gap * (1 + 0.1 * repeat)
            test = {"n": N // 3, "auroc": auroc, "log_loss": 0.4 - gap, "brier": 0.1}
            folds.append({"repeat": repeat, "fold": number, "test": test})
    return pd.concat(frames, ignore_index=True), {
        "folds": folds, "data": {"fingerprint": "f00", "n_rows": N},
    }  # fmt: skip
