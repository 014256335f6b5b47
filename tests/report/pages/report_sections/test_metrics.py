from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, log_loss

from churn_torch.report.pages.report_sections import metrics
from churn_torch.report.pages.report_sections.metrics import chance, worse_than_chance


def test_chance_is_what_a_model_of_the_churn_rate_gets():
    label = np.array([1] * 30 + [0] * 70)
    x = np.zeros((100, 1))
    dummy = DummyClassifier(strategy="prior").fit(x, label)
    probability = dummy.predict_proba(x)[:, 1]
    known = chance({"base_rate": 0.3})
    assert float(known["log_loss"]) == pytest.approx(log_loss(label, probability), abs=1e-4)
    assert float(known["brier"]) == pytest.approx(brier_score_loss(label, probability), abs=1e-4)
    assert float(known["average_precision"]) == average_precision_score(label, probability)
    assert known["accuracy"] == f"{accuracy_score(label, dummy.predict(x)):.1%}"


def test_losses_worse_than_the_churn_rate_are_named():
    good = {"base_rate": 0.3, "log_loss": 0.5, "brier": 0.15}
    assert worse_than_chance(good) == ""
    assert "log-loss the prob" in worse_than_chance({**good, "log_loss": 0.7})
    assert "log-loss and Brier score" in worse_than_chance({**good, "log_loss": 1, "brier": 0.3})


def test_a_slope_without_an_interval_is_none():
    found = {"slope": 0.9, "slope_low": 0.5, "slope_high": None}
    assert metrics._calibration({"calibration": found}, "slope") == ("none", "")
    found["slope_high"] = 1.25
    assert metrics._calibration({"calibration": found}, "slope") == ("0.90", "0.50 to 1.25")
