"""BG/NBD by maximum likelihood: how alive a customer is, from recency, frequency and age alone.

P. S. Fader, B. G. S. Hardie, K. L. Lee 2005, "Counting Your Customers" the Easy Way: An Alternative
to the Pareto/NBD Model, Marketing Science 24. A customer buys at a rate that is gamma distributed
(r, alpha) and leaves after a purchase with a chance that is beta distributed (a, b).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

Floats = npt.NDArray[np.float64]

# Estimates for the tenth of CDNOW's customers, in weeks, 39 weeks of calibration (their table 2).
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


class Purchases(NamedTuple):
    """What the model knows of each customer, ``[N]``.

    Attributes:
        repeats: Purchases after the first one, at most one a day.
        last: Time from the first purchase to the last one.
        age: Time from the first purchase to the end of the observation.
    """

    repeats: Floats
    last: Floats
    age: Floats


class Parameters(NamedTuple):
    """The four parameters."""

    r: float
    alpha: float
    a: float
    b: float


def purchases(log: pd.DataFrame, end: pd.Timestamp, unit_days: float = 7.0) -> pd.DataFrame:
    """Return the purchases of each customer before a moment, by the customer.

    Args:
        log: Purchases, with ``customer`` and ``time``.
        end: The end of the observation.
        unit_days: Days of a unit of time.
    """
    days = log.loc[log["time"] < end].assign(day=lambda rows: rows["time"].dt.normalize())
    by = days.drop_duplicates(["customer", "day"]).groupby("customer")["day"]
    first, last, count = by.min(), by.max(), by.count()
    day = pd.Timedelta(days=unit_days)
    return pd.DataFrame(
        {"repeats": count - 1.0, "last": (last - first) / day, "age": (end - first) / day}
    )


def fit(known: Purchases) -> Parameters:
    """Return the parameters with the highest likelihood."""

    def loss(logarithms: Floats) -> float:
        return -float(log_likelihood(known, Parameters(*np.exp(logarithms))).mean())

    found = minimize(loss, np.zeros(4), method="Nelder-Mead", options={"maxiter": 4000})
    found = minimize(loss, found.x, method="L-BFGS-B")
    return Parameters(*np.exp(found.x))


def log_likelihood(known: Purchases, parameters: Parameters) -> Floats:
    """Return the logarithm of the likelihood of each customer (their equation 6), ``[N]``."""
    (x, last, age), (r, alpha, a, b) = known, parameters
    of_rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    with np.errstate(divide="ignore"):
        repeats = np.maximum(x, 1.0)
        left = betaln(a + 1, b + repeats - 1) - betaln(a, b) - (r + x) * np.log(alpha + last)
        left = np.where(x > 0, left, -np.inf)
    return of_rate + np.logaddexp(stays, left)


def alive(known: Purchases, parameters: Parameters) -> Floats:
    """Return the chance that each customer has not left, ``[N]``."""
    (x, last, age), (r, alpha, a, b) = known, parameters
    odds = a / (b + np.maximum(x, 1.0) - 1) * ((alpha + age) / (alpha + last)) ** (r + x)
    return 1 / (1 + np.where(x > 0, odds, 0.0))


def expected_purchases(known: Purchases, parameters: Parameters, ahead: float) -> Floats:
    """Return how many purchases are expected in a time ahead (their equation 10), ``[N]``."""
    (x, _, age), (r, alpha, a, b) = known, parameters
    reached = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + age + ahead))
    shrunk = ((alpha + age) / (alpha + age + ahead)) ** (r + x)
    ever = (a + b + x - 1) / (a - 1) * (1 - shrunk * reached)
    return np.asarray(ever * alive(known, parameters))
