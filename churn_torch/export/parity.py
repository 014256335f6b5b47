"""Proof that the ONNX file and the torch scorer give the same number, on hostile rows too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from churn_torch.errors import InputError
from churn_torch.models.attribution import Attribution
from churn_torch.models.input_quality import InputQuality
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import DECISION, PROBABILITY, QUALITY, REASONS
from churn_torch.serving.session import Array, make_feed, open_session
from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Schema

TOLERANCE = 1e-5
REASON_TOLERANCE = 1e-4
BATCH_SIZES = (1, 2, 7, 1000)
# What the sums of a layer may be off by, of the row's features; and rows moved by it at random.
ROUNDING = 1e-6
ROUNDED_ROWS = 64
# Of a batch; more is no accident.
MOST_ON_KINKS = 50

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
    """The certificate.

    Attributes:
        n_rows: Rows compared.
        max_difference: The largest difference in probability.
        max_difference_reasons: The largest difference in a reason, where there are any.
        n_kinks: Rows left out of it: a point of their integral is so near a kink of the net (relu)
            that rounding decides on which side, in torch too.
    """

    n_rows: int
    max_difference: float
    max_difference_reasons: float | None
    n_kinks: int


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
    model: bytes,
    scorer: Scorer,
    schema: Schema,
    parsed: pd.DataFrame,
    *,
    threshold: float,
    attribution: Attribution,
) -> Parity:
    """Compare onnxruntime with torch on real and hostile rows, in batches of several sizes.

    Args:
        model: The serialised ONNX model.
        scorer: The scorer it was exported from.
        schema: The completed schema.
        parsed: Parsed real rows.
        threshold: The decision threshold stored in the file.
        attribution: What the reasons of the file, if it has any, must equal.

    Raises:
        ParityError: A probability differs by more than ``TOLERANCE`` or is not a number, a reason
            differs by more than ``REASON_TOLERANCE`` and more than rounding explains, or a
            decision or the quality is another.
    """
    session = open_session(model)
    names = [output.name for output in session.get_outputs()]
    quality = InputQuality(schema)
    real = parsed.iloc[np.arange(sum(BATCH_SIZES)) % len(parsed)]
    n_rows, n_kinks, worst = 0, 0, {PROBABILITY: 0.0, REASONS: 0.0}
    for rows in (real, hostile_rows(parsed, schema, sum(BATCH_SIZES), seed=0)):
        start = 0
        for size in BATCH_SIZES:
            batch = rows.iloc[start : start + size]
            start += size
            columns = Columns.from_arrays(encode(batch, schema))
            got = dict(zip(names, session.run(None, make_feed(batch, schema)), strict=True))
            _check_shapes(got, size, len(schema.features))
            expected = {PROBABILITY: scorer.score(columns).numpy()}
            if REASONS in got:
                expected[REASONS] = attribution.explain(columns).numpy()
                kinks = rows_on_kinks(got[REASONS], expected[REASONS], attribution, columns)
                got[REASONS][kinks] = expected[REASONS][kinks]
                n_kinks += len(kinks)
            for name, values in expected.items():
                worst[name] = max(worst[name], _difference(name, got[name], values, batch))
            if DECISION in got and not np.array_equal(
                got[DECISION], got[PROBABILITY] >= np.float32(threshold)
            ):
                raise ParityError("export: the decision does not follow from the probability.")
            if QUALITY in got and not np.array_equal(got[QUALITY], quality(*columns).numpy()):
                raise ParityError("export: onnxruntime and torch disagree on the quality.")
            n_rows += size
    return Parity(
        n_rows=n_rows,
        max_difference=worst[PROBABILITY],
        max_difference_reasons=worst[REASONS] if REASONS in names else None,
        n_kinks=n_kinks,
    )


@torch.no_grad()
def rows_on_kinks(
    got: Array, expected: Array, attribution: Attribution, columns: Columns
) -> list[int]:
    """Return the rows whose reasons differ no more than torch's own do when a row is rounded."""
    found: list[int] = []
    rows = np.flatnonzero((np.abs(got - expected) > REASON_TOLERANCE).any(axis=1))
    if len(rows) > MOST_ON_KINKS:
        return found
    generator = torch.Generator().manual_seed(0)
    for row in rows:
        x = attribution.scorer.preprocess(*columns.take(slice(row, row + 1)))
        noise = 2 * torch.rand(ROUNDED_ROWS, x.shape[1], generator=generator) - 1
        reasons = attribution(x * (1 + ROUNDING * noise))
        low, high = reasons.amin(0).numpy(), reasons.amax(0).numpy()
        near = (got[row] >= low - REASON_TOLERANCE) & (got[row] <= high + REASON_TOLERANCE)
        if near.all():
            found.append(int(row))
    return found


def _check_shapes(got: Mapping[str, Array], size: int, n_columns: int) -> None:
    for name, values in got.items():
        shape = (size, n_columns) if name in (REASONS, QUALITY) else (size,)
        if values.shape != shape:
            raise ParityError(
                f"export: expected the output {name} in the shape {shape}, got {values.shape}: the "
                "batch size is frozen in the graph."
            )


def _difference(name: str, got: Array, expected: Array, batch: pd.DataFrame) -> float:
    """Return the largest difference, or refuse it."""
    tolerance = TOLERANCE if name == PROBABILITY else REASON_TOLERANCE
    difference = np.abs(got - expected)
    if not (difference <= tolerance).all():
        worst = int(np.nanargmax(np.where(np.isnan(difference), np.inf, difference)))
        row = np.unravel_index(worst, difference.shape)[0]
        raise ParityError(
            f"export: expected onnxruntime and torch to agree to {tolerance} in {name}, got "
            f"{got.flat[worst]} and {expected.flat[worst]} for the row "
            f"{str(batch.iloc[row].to_dict())[:500]}; nothing was written. Weights too large for "
            "float32 do this: lower optimizer.lr or raise penalty.l2."
        )
    return float(difference.max())
