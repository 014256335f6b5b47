"""How coefficients were estimated, in a sentence."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from churn_torch.explanation.logistic_inference import Floats


def estimation_method(
    is_penalised: bool,
    robust: bool,
    group: npt.NDArray[Any] | None,
    weight: Floats | None,
    is_scorecard: bool,
    l2: float,
) -> str:
    """Say how coefficients were estimated; the arguments are those of `coefficients`."""
    said = "Maximum likelihood on the training rows, without the model's penalty"
    if is_penalised:
        said = f"The penalised estimate (penalty.l2={l2:g}); its intervals are narrower for that"
    if is_scorecard:
        said += "; pairs of columns are part of the fit and not shown"
    if group is not None:
        said += "; standard errors take the rows of one customer together"
    elif robust:
        said += "; robust standard errors (sandwich)"
    else:
        said += "; standard errors from the Hessian (Wald)"
    if weight is not None:
        said += "; weights count as rows do, so say explain.robust=true where they are for sampling"
    return f"{said}. Before calibration."
