"""The mean of a metric over the folds of a cross-validation, and how sure it is.

Folds share most of their training rows, so their metrics are not independent and their spread over
the square root of their number is too small an error. Nadeau & Bengio 2003, "Inference for the
generalization error", add the share of the rows that a fold tests to those that it learns from:
``s^2 (1 / J + n_test / n_learned)``. Bouckaert & Frank 2004, "Evaluating the replicability of
significance tests for comparing learning algorithms", recommend it for repeated folds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from churn_torch.evaluation.model_comparison.paired_metrics import Estimates, Floats


def tested_to_learned(n_tested: Sequence[int], n_rows: int, *, by_time: bool) -> float:
    """Return the tested rows of a fold in times of the others, which teach; the mean over folds.

    Args:
        n_tested: Rows that each fold tests.
        n_rows: Rows of the table.
        by_time: A fold learns only from the rows before those that it and later folds test.
    """
    tested = np.asarray(n_tested, np.float64)
    untaught = tested[::-1].cumsum()[::-1] if by_time else tested
    return float(np.mean(tested / (n_rows - untaught)))


def fold_estimates(metric: str, values: Floats, ratio: float) -> Estimates:
    """Return the mean of a metric of R models over the same J folds, with corrected covariance.

    A difference of two of them over its error, with J - 1 degrees of freedom, is the corrected
    resampled t-test.

    Args:
        metric: Its name.
        values: ``[R, J]``, J of 2 or more.
        ratio: From `tested_to_learned`.
    """
    n = values.shape[1]
    mean = values.mean(axis=1)
    deviations = values - mean[:, None]
    spread = deviations @ deviations.T / (n - 1)
    return Estimates(metric, mean, ((spread * (1 / n + ratio), float(n - 1)),))


def corrected_error(values: Floats, ratio: float) -> float:
    """Return the standard error of the mean of a metric over J folds.

    Args:
        values: ``[J]``, J of 2 or more.
        ratio: As for `fold_estimates`.
    """
    return math.sqrt(float(np.var(values, ddof=1)) * (1 / len(values) + ratio))
