from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score

from churn_torch.evaluation.leakage.column_scores import (
    counts_of,
    mutual_information,
    pearson_chi2,
)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=60))
def test_statistics_are_those_of_scipy_and_scikit_learn(rows):
    level, label = np.array(rows, dtype=np.int64).T
    counts = counts_of(level, label.astype(np.float32))
    assert counts.sum() == len(rows)
    statistic, freedom = pearson_chi2(counts)
    plain = mutual_information(counts) + (len(counts) - 1) / (2 * len(rows))
    assert plain == pytest.approx(mutual_info_score(level, label), abs=1e-12)
    if len(set(label)) < 2:
        assert statistic == 0
        return
    reference = chi2_contingency(pd.crosstab(level, label), correction=False)
    assert statistic == pytest.approx(reference.statistic, abs=1e-9)
    assert freedom == reference.dof
