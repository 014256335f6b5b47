from __future__ import annotations

from dataclasses import asdict

import numpy as np

from churn_torch.evaluation.spend_metrics import spend_metrics
from churn_torch.report.spend import spend_sentences, spend_table
from tests.report.made_tables import rendered

EXPECTED = np.repeat([10.0, 20.0], 10)


def test_a_total_that_holds_and_one_that_does_not():
    wave = np.tile([-2.0, 2.0], 10)
    label, half = np.zeros(20), np.full(20, 0.5)
    holds = asdict(spend_metrics(EXPECTED, half, EXPECTED + wave, label))
    (sentence,) = spend_sentences(holds)
    assert "the 20 test customers who stay spent 300, and 300 were expected" in sentence
    assert "all 20 spent 300, and 150 were expected" in sentence
    off = asdict(spend_metrics(EXPECTED, half, 3 * EXPECTED + wave, label))
    assert "off by more than chance" in spend_sentences(off)[1]
    assert "multiply it by 3.00" in spend_sentences(off)[1]
    lines = rendered(spend_table(holds))
    assert lines[1][:3] == ["1", "2", "20.00"]
    assert lines[1][3].startswith("20.00 [")
