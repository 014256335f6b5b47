"""Compare the ONNX file with the torch scorer, on real rows and on edge cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from churn_torch.errors import ParityError
from churn_torch.export.net_value import NetValue
from churn_torch.export.output_parity import TOLERANCE, check_median, check_net_value, check_spend
from churn_torch.export.rounding import (
    REASON_RELATIVE_TOLERANCE,
    REASON_TOLERANCE,
    allowed_difference,
    rows_that_rounding_decides,
)
from churn_torch.models.attribution import Attribution
from churn_torch.models.input_quality import InputQuality
from churn_torch.models.nets.survival import Hazard
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import (
    DECISION,
    EXPECTED_SPEND,
    MEDIAN_PERIODS,
    NET_VALUE,
    PROBABILITY,
    QUALITY,
    REASONS,
    SURVIVAL,
    UPLIFT,
)
from churn_torch.serving.session import Array, make_feed, open_session
from churn_torch.tables.encode import encode
from churn_torch.tables.schema import Schema, SequenceGroup
from churn_torch.tables.sequences import events_of, in_cells, lengths_of

TOLERANCES = {
    "probability": f"{TOLERANCE:g}, as uplift",
    "reasons": f"{REASON_TOLERANCE:g}, or {REASON_RELATIVE_TOLERANCE:g} of the largest reason of "
    "the row where that is more",
}
# Log-odds beyond which rounding alone can move a probability by more than the tolerance.
LARGE_LOGIT = 1_024
BATCH_SIZES = (1, 2, 7, 1000)

HOSTILE_NUMBERS = (
    np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 1e30, -1e30, 3.4e38, 1e308, 1e-30, 5e-324, 2.0**31,
)  # fmt: skip
HOSTILE_TEXTS = (
    "", " ", "NaN", "None", "unseen", "UNSEEN ", "naïve café", "日本語", "🙂", "'; DROP TABLE--",
    "a\nb", "x" * 10_000, "0", "1.0", "true",
)  # fmt: skip


@dataclass(frozen=True)
class Parity:
    """The certificate of a verified file.

    Attributes:
        n_rows: Rows compared.
        max_difference: The largest difference in probability, uplift or survival.
        max_difference_reasons: The largest difference in a reason; None without reasons.
        n_kinks: Rows whose reasons were not compared: a point of their integral is so near a kink
            of the net (relu) that rounding decides on which side it lies, in torch too.
        n_rounded: Rows whose probability was not compared: huge numbers cancel out in them, so that
            rounding decides on it, in torch too.
        tolerances: How far probabilities and reasons may differ, in words.
    """

    n_rows: int
    max_difference: float
    max_difference_reasons: float | None
    n_kinks: int
    n_rounded: int
    tolerances: Mapping[str, str] = field(default_factory=TOLERANCES.copy)


def hostile_rows(parsed: pd.DataFrame, schema: Schema, n_rows: int, seed: int) -> pd.DataFrame:
    """Return real rows in which about half of the cells are replaced by edge cases.

    Args:
        parsed: Parsed real rows, at least one.
        schema: The completed schema.
        n_rows: Rows to make.
        seed: Seed of the random choice.
    """
    rng = np.random.default_rng(seed)
    rows = parsed.iloc[rng.integers(0, len(parsed), n_rows)].reset_index(drop=True)
    for column in schema.features:
        worst = HOSTILE_TEXTS if schema.is_text(column) else HOSTILE_NUMBERS
        replaced = rng.random(n_rows) < 0.5
        values = rows[column.name].to_numpy(object if schema.is_text(column) else np.float64).copy()
        values[replaced] = rng.choice(np.array(worst, dtype=values.dtype), replaced.sum())
        rows[column.name] = values
    for group in schema.sequences:
        rows = rows.assign(**_hostile_lists(rows, group, rng))
    return rows


def _hostile_lists(
    rows: pd.DataFrame, group: SequenceGroup, rng: np.random.Generator
) -> dict[str, pd.Series]:
    """Return lists of no event, one, as many as are read and more, half of the cells edge cases.

    About half of the rows keep their number of events.
    """
    own = lengths_of(list(rows[group.columns[0].name]))
    lengths = rng.choice([0, 1, group.last, group.last + 1, 2 * group.last + 3], len(rows))
    lengths = np.where(rng.random(len(rows)) < 0.5, own, lengths)
    events = events_of(rows, group)
    drawn = rng.integers(0, max(1, len(events)), lengths.sum())
    lists = {}
    for column in group.columns:
        is_text = Schema.is_text(column)
        worst = HOSTILE_TEXTS if is_text else HOSTILE_NUMBERS
        real = events[column.name].to_numpy(object if is_text else np.float64)
        values = (real if len(real) else np.array(worst[:1], real.dtype))[drawn]
        replaced = rng.random(len(values)) < 0.5
        values[replaced] = rng.choice(np.array(worst, dtype=values.dtype), replaced.sum())
        lists[column.name] = in_cells(values, lengths)
    return lists


def check_parity(
    model: bytes,
    scorer: Scorer,
    schema: Schema,
    parsed: pd.DataFrame,
    *,
    threshold: float,
    attribution: Attribution,
    net_value: NetValue | None = None,
) -> Parity:
    """Compare onnxruntime with torch on real rows and edge cases, in batches of several sizes.

    Args:
        model: The serialised ONNX model.
        scorer: The scorer it was exported from.
        schema: The completed schema.
        parsed: Parsed real rows.
        threshold: The decision threshold stored in the file.
        attribution: What the reasons of the file, if it has any, must equal.
        net_value: What the net value of the file, if it has one, must equal.

    Raises:
        ParityError: A probability differs by more than ``TOLERANCE`` or is not a number, a reason
            differs by more than `reason_tolerance`, and either by more than rounding explains; or a
            decision or the quality of an input differs.
    """
    session = open_session(model)
    names = [output.name for output in session.get_outputs()]
    quality = InputQuality(schema)
    real = parsed.iloc[np.arange(sum(BATCH_SIZES)) % len(parsed)]
    n_rounded = dict.fromkeys((PROBABILITY, REASONS, UPLIFT, SURVIVAL), 0)
    largest = dict.fromkeys(n_rounded, 0.0)
    batches = [
        rows.iloc[end - size : end]
        for rows in (real, hostile_rows(parsed, schema, sum(BATCH_SIZES), seed=0))
        for size, end in zip(BATCH_SIZES, np.cumsum(BATCH_SIZES), strict=True)
    ]
    for batch in batches:
        columns = Columns.from_arrays(encode(batch, schema))
        got = dict(zip(names, session.run(None, make_feed(batch, schema)), strict=True))
        _check_shapes(got, len(batch), len(schema.explained), scorer.hazard)
        expected = {PROBABILITY: scorer.score(columns).numpy()}
        if UPLIFT in got:
            expected[UPLIFT] = scorer.score_uplift(columns)[1].numpy()
        if SURVIVAL in got:
            expected[SURVIVAL] = scorer.score_survival(columns).numpy()
        if MEDIAN_PERIODS in got and scorer.hazard is not None:
            check_median(got, expected.get(SURVIVAL), scorer, columns)
        if NET_VALUE in got:
            assert net_value is not None
            check_net_value(got, net_value, columns, schema)
        if EXPECTED_SPEND in got:
            check_spend(got[EXPECTED_SPEND], scorer.expected_spend(columns).numpy())
        if REASONS in got:
            expected[REASONS] = attribution.explain(columns).numpy()
        for name, values in expected.items():
            rounded = rows_that_rounding_decides(name, got[name], values, attribution, columns)
            n_rounded[name] += len(rounded)
            difference = np.abs(got[name] - values)
            difference[rounded] = 0
            wrong = ~(np.isfinite(difference) & (difference <= allowed_difference(name, values)))
            if wrong.any():
                raise _difference_error(name, got[name], values, wrong, batch, scorer, columns)
            largest[name] = max(largest[name], float(difference.max()))
        if DECISION in got and not np.array_equal(
            got[DECISION], got[PROBABILITY] >= np.float32(threshold)
        ):
            raise ParityError("the decision of the file does not follow from its probability")
        if QUALITY in got and not np.array_equal(got[QUALITY], quality(*columns).numpy()):
            raise ParityError("onnxruntime and torch disagree on the quality of the inputs")
    return Parity(
        n_rows=sum(map(len, batches)),
        max_difference=max(largest[PROBABILITY], largest[UPLIFT], largest[SURVIVAL]),
        max_difference_reasons=largest[REASONS] if REASONS in names else None,
        n_kinks=n_rounded[REASONS],
        n_rounded=n_rounded[PROBABILITY] + n_rounded[UPLIFT] + n_rounded[SURVIVAL],
    )


def _check_shapes(
    got: Mapping[str, Array], size: int, n_columns: int, hazard: Hazard | None
) -> None:
    widths = {REASONS: n_columns, QUALITY: n_columns}
    if hazard is not None:
        widths[SURVIVAL] = hazard.n_periods
    for name, values in got.items():
        shape = (size, widths[name]) if name in widths else (size,)
        if values.shape != shape:
            raise ParityError(
                f"expected the output {name} in the shape {shape}, got {values.shape}: the number "
                "of rows is fixed in the graph"
            )


def _difference_error(
    name: str,
    got: Array,
    expected: Array,
    wrong: Array,
    batch: pd.DataFrame,
    scorer: Scorer,
    columns: Columns,
) -> ParityError:
    """Return the error for the value that is off by most, with its row."""
    difference = np.nan_to_num(np.abs(got - expected), nan=np.inf)
    place = np.unravel_index(np.argmax(np.where(wrong, difference, -1)), wrong.shape)
    row = int(place[0])
    tolerance = float(np.broadcast_to(allowed_difference(name, expected), expected.shape)[place])
    with torch.no_grad():
        logit = float(scorer.raw_logit(*columns.take(slice(row, row + 1))))
    is_large = not np.isfinite([got[place], expected[place]]).all() or not abs(logit) < LARGE_LOGIT
    return ParityError(
        f"expected onnxruntime and torch to agree to {tolerance:.3g} in {name}, got {got[place]} "
        f"and {expected[place]} for the row {str(batch.iloc[row].to_dict())[:500]}",
        hint="The weights may have become too large for float32: raise penalty.l2, or lower "
        "optimizer.lr if you set it."
        if is_large
        else "",
    )
