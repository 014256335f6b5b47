"""loss=profit: which choices it takes, and the payoff of each row that it learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.decisions.offer_profit import only_offer
from churn_torch.decisions.offers import payoffs
from churn_torch.errors import InputError
from churn_torch.tables.customer_value import PREDICTED_VALUE
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labelled.rows import Rows
from churn_torch.training.optimizer_choice import is_exact
from churn_torch.training.rows.compact_blocks import PayoffOf
from churn_torch.workflows.configuration.options import TrainOptions

_NO_CALIBRATION = "churn_torch.models.calibration.Calibrator"


def check_profit_loss(options: TrainOptions) -> None:
    """Refuse choices that ``loss=profit`` cannot take.

    Raises:
        InputError: Naming the key.
    """
    if options.loss != "profit":
        return
    only_offer(options.offer, "loss=profit")
    if options.data.value == PREDICTED_VALUE:
        raise InputError(
            "data.value",
            expected="a number, a column or an expression with loss=profit, which learns from it",
            got=PREDICTED_VALUE,
            fix="set threshold=profit in place of loss=profit",
        )
    if is_exact(options):
        raise InputError(
            "optimizer",
            expected="gradient descent with loss=profit, which has no exact solver",
            got=str(options.optimizer.arguments["method"]),
            fix="choose optimizer=adam (model=scorecard brings newton along)",
        )
    if options.calibration.target == _NO_CALIBRATION:
        raise InputError(
            "calibration",
            expected="a calibrator with loss=profit, whose scores are no probabilities",
            got="none",
            fix="leave it out (calibration=auto is platt then)",
        )
    if options.class_weight not in (None, "none"):
        raise InputError(
            "class_weight",
            expected="none with loss=profit, where the payoffs say how much a churner counts",
            got=str(options.class_weight),
            fix="leave one of the two out",
        )


def payoff_function(options: TrainOptions) -> PayoffOf | None:
    """Return the function from labelled rows to their payoffs; None without ``loss=profit``.

    A payoff is what contacting the customer brings, now that it is known who leaves.
    """
    if options.loss != "profit":
        return None
    _, offer = only_offer(options.offer, "loss=profit")
    keep_rate = offer.mean_keep_rate
    assert keep_rate is not None  # checked before

    def payoff_of(rows: Rows) -> npt.NDArray[np.floating[Any]]:
        value = rows.carried[VALUE].to_numpy(np.float64)
        return payoffs(offer, value).net(rows.label.astype(np.float64), keep_rate)

    return payoff_of
