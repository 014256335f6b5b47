"""What a model of time to churn needs and cannot do, checked before the work begins."""

from __future__ import annotations

import math

from churn_torch.errors import InputError
from churn_torch.training.options import SURVIVAL
from churn_torch.workflows.configuration.options import TrainOptions


def check_survival(options: TrainOptions) -> None:
    """Refuse what a model of time to churn lacks or cannot do.

    Raises:
        InputError: Naming the key.
    """
    data = options.data
    if not options.learns_survival:
        for key, value in (("duration", data.duration), ("entry", data.entry)):
            if value is not None:
                raise InputError(
                    f"data.{key}",
                    expected="model=survival beside it, which learns when customers leave",
                    got=f"{value!r} with another model",
                    fix="set model=survival, or leave it out",
                )
        return
    if data.duration is None:
        raise InputError(
            "data.duration",
            expected="the column that says how long each customer was observed, which "
            "model=survival learns from",
            got="nothing",
            fix="name it, such as data.duration=tenure, or choose another model",
        )
    if options.net is None or options.net.target == SURVIVAL:
        raise InputError(
            "net",
            expected="the net that model=survival wraps: logreg, scorecard, mlp, tabm, gam, "
            "wide_deep, gru or event_transformer",
            got="none" if options.net is None else options.net.target,
            fix="set net=logreg",
        )
    if not 0 < data.period < math.inf:
        raise InputError("data.period", expected="a number above 0", got=str(data.period))
    if data.horizon < 1:
        raise InputError("data.horizon", expected="1 or more periods", got=str(data.horizon))
    calibration = options.calibration.target.rpartition(".")[2]
    for unfit, key, expected, got in (
        (data.treatment is not None, "data.treatment", "nothing", repr(data.treatment)),
        (data.spend is not None, "data.spend", "nothing", repr(data.spend)),
        (options.ensemble > 1, "ensemble", "1", str(options.ensemble)),
        (options.cv.average, "cv.average", "false", "true"),
        (options.loss != "cross_entropy", "loss", "cross_entropy", options.loss),
        (options.threshold == "profit", "threshold", "a number, f1 or top_share", "profit"),
        (bool(options.offer), "offer", "none", ", ".join(options.offer)),
        (options.class_weight not in (None, "none"), "class_weight", "none",
         str(options.class_weight)),
        (options.features.select != "none", "features.select", "none", options.features.select),
        (options.fairness.by, "fairness.by", "nothing", str(list(options.fairness.by))),
        (calibration not in ("Auto", "Calibrator"), "calibration",
         "none, as a calibrator of the horizon would contradict the chances of the periods,",
         calibration.lower()),
    ):  # fmt: skip
        if unfit:
            raise InputError(
                key,
                expected=f"{expected} with model=survival",
                got=got,
                fix="leave it out, or choose another model",
            )
