"""The net of a scorecard is a linear layer that carries the options of its features."""

from __future__ import annotations

import pytest

from churn_torch.errors import InputError
from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.scorecard import Scorecard
from churn_torch.models.scorecard.binning import ScorecardOptions


def test_it_is_linear_and_keeps_its_options() -> None:
    net = Scorecard(n_features=3, bins=8, pair_bins=5, pairs=2)
    assert isinstance(net, Linear)
    assert net.options == ScorecardOptions(bins=8, pair_bins=5, pairs=2)


def test_refusals() -> None:
    with pytest.raises(InputError, match=r"model: expected .*, got pair_bins=12, bins=8 and"):
        Scorecard(n_features=3, bins=8)
