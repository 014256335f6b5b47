from __future__ import annotations

import numpy as np
import pytest

from churn_torch.errors import ParityError
from churn_torch.export.output_parity import check_median
from churn_torch.serving.outputs import MEDIAN_PERIODS

CURVES = np.array([[0.9, 0.5 + 4e-6, 0.1], [0.9, 0.8, 0.7]], dtype=np.float32)


def check(*periods: float) -> None:
    check_median({MEDIAN_PERIODS: np.array(periods, np.float32)}, CURVES, None, None)  # type: ignore[arg-type]


def test_the_median_may_be_one_off_only_where_rounding_decides() -> None:
    check(3, np.nan)
    check(2, np.nan)  # the chance after two periods is one half but for rounding
    with pytest.raises(ParityError, match="median_periods, got 3"):
        check(3, 3)
