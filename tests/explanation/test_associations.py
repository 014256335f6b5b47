from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score

from churn_torch.explanation.associations import associations


def test_the_strongest_comes_first_as_scipy_finds_it():
    rng = np.random.default_rng(0)
    label = (rng.random(3000) < 0.3).astype(np.float32)
    useful = np.where(rng.random(3000) < 0.3, label, rng.integers(0, 3, 3000)).astype(int)
    levels = pd.DataFrame({"noise": rng.integers(0, 8, 3000), "useful": useful})
    first, second = associations(levels, label)
    assert (first.column, second.column) == ("useful", "noise")
    for one in (first, second):
        table = pd.crosstab(levels[one.column], label)
        reference = chi2_contingency(table, correction=False).pvalue
        assert one.chi2_p_value == pytest.approx(reference, rel=1e-9)
    chance = 2 / (2 * 3000)
    nats = mutual_info_score(useful, label) - chance
    assert first.mutual_information == pytest.approx(nats / np.log(2))


def test_noise_has_uniform_p_values():
    rng = np.random.default_rng(1)
    label = (rng.random(400) < 0.1).astype(np.float32)
    # Most levels have a row or two, for which the chi-square distribution alone is too rough.
    levels = pd.DataFrame({str(i): rng.geometric(0.1, 400) for i in range(300)})
    p_values = np.array([one.chi2_p_value for one in associations(levels, label)])
    assert np.mean(p_values < 0.05) < 0.09
    assert 0.4 < p_values.mean() < 0.6


@pytest.mark.parametrize(
    ("level", "label"),
    [
        ([7] * 60, [0, 1] * 30),
        ([0, 1] * 30, [1] * 60),
        ([0, 1], [0, 1]),
        ([0] * 59 + [1], [0, 1] * 30),
    ],
    ids=["one value", "one class", "two rows", "a category of one row"],
)
def test_what_tells_nothing(level, label):
    (one,) = associations(pd.DataFrame({"x": level}), np.array(label, np.float32))
    assert (one.chi2_p_value, one.mutual_information) == (1.0, 0.0)
