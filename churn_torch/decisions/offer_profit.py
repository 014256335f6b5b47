"""What an offer brings on rows whose outcome is known, and what a decision by it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from churn_torch.decisions.offers import BetaRate, Floats, Offer, mean_rate, payoffs
from churn_torch.decisions.profit import ProfitCurve
from churn_torch.decisions.profit_intervals import METHOD, profit_intervals
from churn_torch.decisions.profit_sums import EXACT_ROWS, ProfitSums
from churn_torch.errors import InputError
from churn_torch.tables.customer_value import Valuation

# Shares of the customers at which the curve is shown.
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)

# Times the square of the skewness: so many rows does a mean need.
_COCHRAN = 25.0


class OfferProfit:
    """The profit of an offer on a split whose rows are added chunk by chunk, in bounded memory.

    Args:
        offer: Its keep rate is one for all: a number or a Beta distribution.
        threshold: From which probability on customers are contacted; None if it is to be chosen.
        name: The offer's name, for messages.
        exact_rows: As for `ProfitSums`.

    Raises:
        InputError: The keep rate is a column.
    """

    def __init__(
        self,
        offer: Offer,
        *,
        threshold: float | None = None,
        name: str = "",
        exact_rows: int = EXACT_ROWS,
    ) -> None:
        self.offer = offer
        self.threshold = threshold
        self.keep_rate = one_keep_rate(offer, name)
        self.mean = mean_rate(self.keep_rate)
        self.sums = ProfitSums(exact_rows=exact_rows, threshold=threshold)
        # Of what the leavers take along: sums of its powers 0 to 3, over all customers.
        self._lost = np.zeros(4)

    def update(
        self, probability: npt.NDArray[Any], label: npt.NDArray[Any], value: Floats | float
    ) -> None:
        """Add rows.

        Args:
            probability: Probability of churn, ``[N]``.
            label: 1 for churners and 0 for the others, ``[N]``.
            value: What each customer is worth, ``[N]``, or one number for all.

        Raises:
            InputError: As for `ProfitSums.update`, or a value is negative.
        """
        value = np.asarray(value, np.float64)
        if value.size and not value.min() >= 0:
            raise InputError(
                "data.value",
                expected="0 or more for every customer",
                got="a missing value" if np.isnan(value).any() else f"{value.min():g}",
            )
        self.sums.update(probability, label, payoffs(self.offer, value))
        lost = np.asarray(label, np.float64) * value
        self._lost += [np.sum(lost**power) for power in range(4)]

    def choose_threshold(self) -> float:
        """Return the threshold that is most profitable at the expected keep rate; 1 for nobody."""
        return self.sums.choose_threshold(self.mean)

    def curve(self, n_points: int) -> tuple[Floats, Floats]:
        """Return shares of the customers and the profit of contacting so many, ``[n_points]`` each.

        Args:
            n_points: Evenly spaced from nobody to everybody.

        Raises:
            InputError: No row was added.
        """
        curve = ProfitCurve.of(self.sums.groups())
        shares = np.linspace(0.0, 1.0, n_points)
        return shares, np.interp(shares, curve.shares, curve.profit(self.mean))

    def figures(self) -> dict[str, Any]:
        """Return the figures as plain data; amounts are per customer of all.

        Returns:
            ``n``, ``keep_rate`` (the expected one), ``mpc`` with ``best_share`` and
            ``best_threshold`` (None for nobody), ``empc`` with ``empc_share`` if the keep rate is a
            distribution, ``profit`` with ``share`` and ``threshold`` at the threshold, ``curve``, a
            list of the profit at some shares, ``intervals`` by name and the ``method`` of these;
            and ``sentence`` where a few customers of much value make intervals too narrow.

        Raises:
            InputError: No row was added.
        """
        groups = self.sums.groups()
        curve = ProfitCurve.of(groups)
        best = curve.best(self.mean)
        figures: dict[str, Any] = {"n": curve.n, "keep_rate": self.mean, "mpc": best.profit}
        figures |= {"best_share": best.share, "best_threshold": best.threshold}
        if isinstance(self.keep_rate, BetaRate):
            expected = curve.expected_best(self.keep_rate)
            figures |= {"empc": expected.profit, "empc_share": expected.share}
        if self.threshold is not None:
            chosen = curve.at(self.threshold, self.mean)
            figures |= {"profit": chosen.profit, "share": chosen.share, "threshold": self.threshold}
        profits = np.interp(SHARES, curve.shares, curve.profit(self.mean))
        figures["curve"] = [
            {"share": share, "profit": float(profit)}
            for share, profit in zip(SHARES, profits, strict=True)
        ]
        intervals = profit_intervals(groups, self.keep_rate, threshold=self.threshold)
        figures["intervals"] = {name: list(ends) for name, ends in intervals.items()}
        figures["method"] = METHOD
        if self._is_heavy_tailed():
            figures["sentence"] = (
                f"A few leavers of much value decide the profit of these {curve.n:,} customers, so "
                "the intervals of its maximum are too narrow: they hold the truth in about 9 of 10 "
                "samples"
            )
        return figures

    def _is_heavy_tailed(self) -> bool:
        """Whether there are too few customers for how skewed it is what leavers take along.

        Cochran's rule: a mean needs 25 times the square of the skewness (Sugden, Smith & Jones
        2000, "Cochran's rule for simple random sampling").
        """
        n, *moments = self._lost
        mean, square, cube = (moment / max(n, 1.0) for moment in moments)
        variance = square - mean**2
        skewness_squared = (cube - 3 * mean * square + 2 * mean**3) ** 2 / max(
            variance, 1e-300
        ) ** 3
        return bool(n < _COCHRAN * skewness_squared)


def row_profits(
    offer: Offer,
    probability: npt.NDArray[Any],
    label: npt.NDArray[Any],
    value: Floats,
    *,
    threshold: float,
) -> Floats:
    """Return what contacting the customers from a threshold on brings, customer by customer.

    Their mean is the ``profit`` of `OfferProfit.figures`.

    Args:
        offer: Its keep rate is one for all.
        probability: ``[N]``, compared in float32 as the ONNX file does.
        label: ``[N]``, 1 for churners and 0 for the others.
        value: ``[N]``, what each customer is worth.
        threshold: From which probability on customers are contacted.

    Shape:
        [N] float64, 0 for customers who are not contacted.

    Raises:
        InputError: The keep rate is a column.
    """
    contacted = np.asarray(probability, np.float32) >= np.float32(threshold)
    net = payoffs(offer, value).net(np.asarray(label, np.float64), mean_rate(one_keep_rate(offer)))
    return np.where(contacted, net, 0.0)


def one_keep_rate(offer: Offer, name: str = "") -> float | BetaRate:
    """Return the keep rate of an offer that has one for all customers.

    Args:
        offer: The offer.
        name: Its name, for messages.

    Raises:
        InputError: The keep rate is a column or an expression.
    """
    if isinstance(offer.keep_rate, str):
        raise InputError(
            f"offer.{name}.keep_rate" if name else "keep_rate",
            expected="one keep rate for all customers, a number or {alpha: 6, beta: 14}",
            got=f"{offer.keep_rate!r}, one for each customer",
            fix="name its mean here; a campaign takes a column",
        )
    return offer.keep_rate


def decision(name: str, offer: Offer, valuation: Valuation) -> dict[str, Any]:
    """Return what a decision at the most profitable threshold means, for the model file.

    Args:
        name: The offer's name.
        offer: The offer.
        valuation: What a customer was worth.
    """
    return {
        "rule": "profit",
        "meaning": "worth contacting",
        "offer": {name: asdict(offer)},
        **asdict(valuation),
    }


def check_weighed(offers: Mapping[str, Offer], value: str | float | None) -> None:
    """Refuse offers that a training or an evaluation cannot weigh.

    Args:
        offers: By name.
        value: ``data.value``.

    Raises:
        InputError: There is no value, an offer cannot be, or its keep rate is a column.
    """
    for name, offer in offers.items():
        offer.check(name)
        one_keep_rate(offer, name)
    if offers and value is None:
        raise InputError(
            "data.value",
            expected="what a kept customer is worth, where there is an offer",
            got="nothing",
            fix="name a number, a column or an expression, e.g. data.value='12 * monthly_charges'",
        )


def only_offer(offers: Mapping[str, Offer], choice: str) -> tuple[str, Offer]:
    """Return the offer that a choice weighs, with its name.

    Args:
        offers: By name.
        choice: What needs one offer, e.g. ``threshold=profit``, for messages.

    Raises:
        InputError: There is none, or there are several.
    """
    if len(offers) != 1:
        raise InputError(
            "offer",
            expected=f"one offer with {choice}",
            got=", ".join(offers) or "none",
            fix="choose one, e.g. offer=call" if offers else "name one, e.g. offer=call",
        )
    return next(iter(offers.items()))
