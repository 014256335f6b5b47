"""Compare single outputs of the ONNX file with torch, each by its own measure: money, medians."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from churn_torch.errors import ParityError
from churn_torch.export.net_value import NetValue
from churn_torch.models.nets.survival import HALF, Hazard
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import (
    EXPECTED_SPEND,
    MEDIAN_PERIODS,
    NET_VALUE,
    PROBABILITY,
    UPLIFT,
)
from churn_torch.serving.session import Array
from churn_torch.tables.schema import Schema

TOLERANCE = 1e-5
# Of the expected spend: rounding of its logarithm is a share of the amount.
SPEND_TOLERANCE = 1e-4


def check_median(
    got: Mapping[str, Array], survival: Array | None, scorer: Scorer, columns: Columns
) -> None:
    """Compare the median periods with torch's; where rounding decides they may be one off.

    Raises:
        ParityError: They differ where no chance to stay is as near to one half.
    """
    if survival is None:
        survival = scorer.score_survival(columns).numpy()
    expected = Hazard.median(torch.from_numpy(survival)).numpy()
    same = (got[MEDIAN_PERIODS] == expected) | (np.isnan(got[MEDIAN_PERIODS]) & np.isnan(expected))
    unsure = (np.abs(survival - HALF) <= TOLERANCE).any(axis=1)
    if not (same | unsure).all():
        row = int(np.argmin(same | unsure))
        raise ParityError(
            f"expected onnxruntime and torch to agree in {MEDIAN_PERIODS}, got "
            f"{got[MEDIAN_PERIODS][row]} and {expected[row]}"
        )


def check_net_value(
    got: Mapping[str, Array], net_value: NetValue, columns: Columns, schema: Schema
) -> None:
    """Compare the net value with that of the file's own scores, which are compared elsewhere.

    Raises:
        ParityError: It differs by more than ``TOLERANCE`` of the amounts that are added up, or is
            not missing where the customer's value is.
    """
    scores = {name: torch.from_numpy(got[name]) for name in (PROBABILITY, UPLIFT)}
    kept = net_value.kept(columns, schema)
    expected = net_value(scores[PROBABILITY], scores[UPLIFT], kept).numpy()
    amount = kept.abs().numpy() + net_value.leaver_cost + net_value.stayer_cost
    same = (got[NET_VALUE] == expected) | (np.isnan(got[NET_VALUE]) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        near = np.abs(got[NET_VALUE] - expected) <= TOLERANCE * np.maximum(1.0, amount)
    if not (same | near & np.isfinite(amount)).all():
        row = int(np.argmin(same | near))
        raise ParityError(
            f"expected onnxruntime and torch to agree in {NET_VALUE}, got "
            f"{got[NET_VALUE][row]} and {expected[row]}"
        )


def check_spend(got: Array, expected: Array) -> None:
    """Compare the expected spend, an exponential, by the difference relative to its size.

    Raises:
        ParityError: It differs by more than `SPEND_TOLERANCE`.
    """
    difference = np.abs(got - expected) / np.maximum(expected, 1.0)
    if not (difference <= SPEND_TOLERANCE).all():
        row = int(np.nanargmax(difference))
        raise ParityError(
            f"expected onnxruntime and torch to agree in {EXPECTED_SPEND}, got {got[row]} and "
            f"{expected[row]}"
        )
