"""Proof that the ONNX file and the torch scorer give the same number, on hostile rows too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.models.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.session import make_feed, open_session, run_onnx
from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Schema

TOLERANCE = 1e-5
BATCH_SIZES = (1, 2, 7, 1000)

HOSTILE_NUMBERS = (
    np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 1e30, -1e30, 3.4e38, 1e308, 1e-30, 5e-324, 2.0**31,
)  # fmt: skip
HOSTILE_TEXTS = (
    "", " ", "NaN", "None", "unseen", "UNSEEN ", "naïve café", "日本語", "🙂", "'; DROP TABLE--",
    "a\nb", "x" * 10_000, "0", "1.0", "true",
)  # fmt: skip


class ParityError(InputError):
    """The exported file disagrees with the model it was made from; nothing was written."""


@dataclass(frozen=True)
class Parity:
    """The certificate: rows compared and the largest difference in probability."""

    n_rows: int
    max_difference: float


def hostile_rows(parsed: pd.DataFrame, schema: Schema, n_rows: int, seed: int) -> pd.DataFrame:
    """Return real rows in which about half of the cells are replaced by the worst there is.

    Args:
        parsed: Parsed real rows, at least one.
        schema: The completed schema.
        n_rows: Rows to make.
        seed: Seed of the choice.
    """
    rng = np.random.default_rng(seed)
    rows = parsed.iloc[rng.integers(0, len(parsed), n_rows)].reset_index(drop=True)
    for column in schema.features:
        worst = HOSTILE_TEXTS if schema.is_text(column) else HOSTILE_NUMBERS
        replaced = rng.random(n_rows) < 0.5
        values = rows[column.name].to_numpy(object if schema.is_text(column) else np.float64).copy()
        values[replaced] = rng.choice(np.array(worst, dtype=values.dtype), replaced.sum())
        rows[column.name] = values
    return rows


def check_parity(
    model: bytes, scorer: Scorer, schema: Schema, parsed: pd.DataFrame, *, threshold: float
) -> Parity:
    """Compare onnxruntime with torch on real and hostile rows, in batches of several sizes.

    Args:
        model: The serialised ONNX model.
        scorer: The scorer it was exported from.
        schema: The completed schema.
        parsed: Parsed real rows.
        threshold: The decision threshold stored in the file.

    Raises:
        ParityError: A probability differs by more than ``TOLERANCE``, is not a number, or a
            decision does not follow from it.
    """
    session = open_session(model)
    real = parsed.iloc[np.arange(sum(BATCH_SIZES)) % len(parsed)]
    n_rows, worst = 0, 0.0
    for rows in (real, hostile_rows(parsed, schema, sum(BATCH_SIZES), seed=0)):
        start = 0
        for size in BATCH_SIZES:
            batch = rows.iloc[start : start + size]
            start += size
            expected = scorer.score(Columns.from_arrays(encode(batch, schema))).numpy()
            probability, decision = run_onnx(session, make_feed(batch, schema))
            if probability.shape != (size,) or decision.shape != (size,):
                raise ParityError(
                    f"export: expected outputs of shape ({size},), got {probability.shape} and "
                    f"{decision.shape}: the batch size is frozen in the graph."
                )
            difference = np.abs(probability - expected)
            if not (difference <= TOLERANCE).all():
                i = int(np.nanargmax(np.where(np.isnan(difference), np.inf, difference)))
                raise ParityError(
                    f"export: expected onnxruntime and torch to agree to {TOLERANCE}, got "
                    f"{probability[i]} and {expected[i]} for the row "
                    f"{str(batch.iloc[i].to_dict())[:500]}; nothing was written. Weights too large "
                    "for float32 do this: lower optimizer.lr or raise penalty.l2."
                )
            if not np.array_equal(decision, probability >= np.float32(threshold)):
                raise ParityError("export: the decision does not follow from the probability.")
            n_rows += size
            worst = max(worst, float(difference.max()))
    return Parity(n_rows=n_rows, max_difference=worst)
