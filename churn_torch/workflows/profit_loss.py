"""loss=profit: which choices it takes, and the payoff of each row that it learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.decisions.offers import Offer, payoffs
from churn_torch.errors import InputError
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labelled.rows import Rows
from churn_torch.training.optimizer_choice import is_exact
from churn_torch.training.rows.materialize import PayoffOf
from churn_torch.workflows.options import TrainOptions

_NO_CALIBRATION = "churn_torch.models.calibration.Calibrator"


def check_profit_loss(options: TrainOptions) -> None:
    """Refuse choices that ``loss=profit`` cannot take.

    Raises:
        InputError: Naming the key.
    """
    if options.loss != "profit":
        return
    only_offer(options)
    if options.data.value is None:
        raise InputError(
            "data.value",
            expected="what a customer is worth, for loss=profit",
            got="nothing",
            fix="name a column or an expression, e.g. data.value='12 * monthly_charges'",
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


def only_offer(options: TrainOptions) -> Offer:
    """Return the only offer of ``loss=profit``, with a keep rate that is known for everybody.

    Raises:
        InputError: There is none, or several; or it cannot be learned from.
    """
    if len(options.offer) != 1:
        raise InputError(
            "offer",
            expected="one offer with loss=profit",
            got=", ".join(options.offer) or "none",
            fix="choose one, e.g. offer=call",
        )
    ((name, offer),) = options.offer.items()
    offer.check(name)
    if offer.mean_keep_rate is None:
        raise InputError(
            f"offer.{name}.keep_rate",
            expected="a number or a Beta distribution with loss=profit",
            got=repr(offer.keep_rate),
            fix="give the mean keep rate",
        )
    if offer.where is not None:
        raise InputError(
            f"offer.{name}.where",
            expected="null with loss=profit, which learns from every training row",
            got=repr(offer.where),
            fix="leave it out here, and train on the rows that it means",
        )
    return offer


def payoff_function(options: TrainOptions) -> PayoffOf | None:
    """Return the function from labelled rows to their payoffs; None without ``loss=profit``.

    A payoff is what contacting the customer brings, now that it is known who leaves.
    """
    if options.loss != "profit":
        return None
    offer = only_offer(options)
    keep_rate = offer.mean_keep_rate
    assert keep_rate is not None

    def payoff_of(rows: Rows) -> npt.NDArray[np.floating[Any]]:
        value = rows.carried[VALUE].to_numpy(np.float64)
        if (negative := value < 0).any():
            first = int(negative.argmax())
            name = rows.carried.columns[0]
            raise InputError(
                "data.value",
                expected="values of 0 or more with loss=profit",
                got=f"{value[first]:g} where {name} is {rows.carried[name].iloc[first]} "
                f"({int(negative.sum()):,} such rows)",
                fix="correct the values, or write greatest(0, ...)",
            )
        return payoffs(offer, value).net(rows.label.astype(np.float64), keep_rate)

    return payoff_of
