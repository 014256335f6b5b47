"""The figures of a campaign: what its list is expected to do, for the summary and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.decisions.call_list import NOT_TRUSTED, REASON_COLUMNS
from churn_torch.decisions.campaign_curves import profit_curve, spending, value_groups
from churn_torch.decisions.candidates import Candidates
from churn_torch.decisions.offers import BetaRate, Offer
from churn_torch.decisions.sample_size import customers_needed, effect_seen
from churn_torch.decisions.targeting import Targets
from churn_torch.report.campaign import (
    CampaignFigures,
    Interval,
    OfferFigures,
    Sensitivity,
)
from churn_torch.tables.customer_value import Valuation

Floats = npt.NDArray[np.float64]

_MOST_REASONS = 10
_FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5)
_TAIL = 0.025


def campaign_figures(
    candidates: Candidates,
    targets: Targets,
    offers: Mapping[str, Offer],
    net: Floats,
    spend: Floats,
    calls: pd.DataFrame,
    *,
    budget: float | None,
    share_control: float,
    value: Valuation,
    columns: Sequence[str],
    correlated: Sequence[Mapping[str, Any]] = (),
    **origin: str,
) -> CampaignFigures:
    """Add up what a campaign is expected to do.

    Args:
        candidates: All customers.
        targets: The chosen ones.
        offers: By name.
        net: ``[N, K]`` expected net values.
        spend: ``[N, K]`` expected spend.
        calls: The list.
        budget: The most that is spent.
        share_control: Share of the list in the control group.
        value: What a customer is worth.
        columns: Names of the columns that reasons may name.
        correlated: Groups of columns whose reasons cannot be told apart, as the file has them.
        origin: ``source``, ``run``, ``date`` and ``left_by``.
    """
    contacted, offer = targets.contacted, targets.offer
    listed = np.concatenate([contacted, targets.control])
    kept = np.column_stack([candidates.kept(number) for number in range(len(offers))])
    low, high = (_net_at(candidates, offers, tail) for tail in (_TAIL, 1 - _TAIL))
    of = offer[contacted]
    interval = None
    if low is not None and high is not None:
        interval = Interval(*(float(end[contacted, of].sum()) for end in (low, high)))
    effect = float(kept[listed, offer[listed]].mean())
    churn = float(candidates.probability[listed].mean(dtype=np.float64))
    pays = (net > 0).any(axis=1)
    eligible = np.asarray(candidates.judged.eligible.any(axis=1))
    worth = candidates.judged.value
    money = spending(net, spend, float(spend[contacted, of].sum()), held_back=share_control)
    first = calls[REASON_COLUMNS[0]]
    first = first[first != ""]
    sensitivity = _Sensitivity(candidates, targets, offers)
    left = candidates.judged.left
    reason_columns = _reason_columns(first, columns)
    named = {name for name, _ in reason_columns}
    return CampaignFigures(
        **origin,
        ranked_by="probability" if candidates.uplift is None else "uplift",
        value=asdict(value),
        mean_value=float(worth[contacted].mean()),
        budget=budget,
        share_control=share_control,
        n_customers=len(left),
        n_left=int(left.sum()),
        n_not_eligible=int((~left & ~eligible).sum()),
        n_not_worth=int((eligible & ~pays).sum()),
        n_not_chosen=int(pays.sum()) - len(listed),
        offers=[
            _offer_figures(name, number, offer_, candidates, targets, net, spend, kept)
            for number, (name, offer_) in enumerate(offers.items())
        ],
        net=float(net[contacted, of].sum()),
        interval=interval,
        gap=targets.gap,
        limited_by=targets.limited_by,
        churn=churn,
        effect=effect,
        n_needed=_needed(churn, effect, len(contacted), len(targets.control)),
        effect_seen=_seen(churn, len(contacted), len(targets.control)),
        curve=profit_curve(net, low, high, held_back=share_control),
        spending=money.points,
        marginal=money.marginal,
        values=value_groups(worth, eligible, contacted, net[contacted, of]),
        reasons=_reasons(first),
        reason_columns=reason_columns,
        correlated=[g["sentence"] for g in correlated if len(named & {*g["columns"]}) > 1],
        n_doubted=int((calls[NOT_TRUSTED] != "").sum()),
        sensitivity=[
            Sensitivity(keep, value_, sensitivity.net(keep, value_))
            for keep in _FACTORS
            for value_ in _FACTORS
        ],
        break_even=sensitivity.break_even(),
    )


def _offer_figures(
    name: str,
    number: int,
    offer: Offer,
    candidates: Candidates,
    targets: Targets,
    net: Floats,
    spend: Floats,
    kept: Floats,
) -> OfferFigures:
    rows = targets.contacted[targets.offer[targets.contacted] == number]
    ends = [_keep_rate_at(offer, tail) for tail in (_TAIL, 1 - _TAIL)]
    return OfferFigures(
        name=name,
        n_contacted=len(rows),
        n_control=int((targets.offer[targets.control] == number).sum()),
        spend=float(spend[rows, number].sum()),
        net=float(net[rows, number].sum()),
        kept=float(kept[rows, number].sum()),
        terms=asdict(offer),
        keep_rate=float(candidates.judged.keep_rate[rows, number].mean()) if len(rows) else None,
        keep_interval=None if ends[0] is None or ends[1] is None else Interval(ends[0], ends[1]),
    )


def _needed(churn: float, effect: float, n_contacted: int, n_control: int) -> float | None:
    if not n_control or not 0 < churn < 1 or not 0 <= effect <= churn:
        return None
    return customers_needed(churn, effect, n_control / (n_contacted + n_control))


def _seen(churn: float, n_contacted: int, n_control: int) -> float | None:
    if not n_control or not 0 < churn < 1:
        return None
    n = n_contacted + n_control
    return effect_seen(n, churn, n_control / n)


def _keep_rate_at(offer: Offer, quantile: float) -> float | None:
    """Return a quantile of an uncertain keep rate."""
    if not isinstance(offer.keep_rate, BetaRate):
        return None
    from scipy.special import betaincinv

    return float(betaincinv(offer.keep_rate.alpha, offer.keep_rate.beta, quantile))


def _net_at(candidates: Candidates, offers: Mapping[str, Offer], quantile: float) -> Floats | None:
    """Return net values at a quantile of all uncertain keep rates; None where none is."""
    rates = [_keep_rate_at(offer, quantile) for offer in offers.values()]
    if candidates.uplift is not None or all(rate is None for rate in rates):
        return None
    columns = [
        candidates.net(number, offer, candidates.kept(number, rate))
        for number, (offer, rate) in enumerate(zip(offers.values(), rates, strict=True))
    ]
    return np.column_stack(columns)


def _reasons(first: pd.Series) -> list[tuple[str, int]]:
    """Return the most frequent reasons without their odds, which differ by customer."""
    bare = first.str.replace(r", odds x [^ ]+$", "", regex=True)
    counted = bare.value_counts().head(_MOST_REASONS)
    return [(str(text), int(n)) for text, n in counted.items()]


def _reason_columns(first: pd.Series, names: Sequence[str]) -> list[tuple[str, int]]:
    """Return the columns that are the first reason most often."""
    counted = []
    for name in sorted(names, key=len, reverse=True):  # a name may begin with another and ": "
        is_it = first.str.startswith(f"{name}: ")
        counted.append((name, int(is_it.sum())))
        first = first[~is_it]
    counted.sort(key=lambda column: -column[1])
    return [column for column in counted[:_MOST_REASONS] if column[1]]


class _Sensitivity:
    """The net value of the same contacts for other keep rates and values."""

    def __init__(
        self, candidates: Candidates, targets: Targets, offers: Mapping[str, Offer]
    ) -> None:
        of = targets.offer[targets.contacted]
        self._parts = [
            (number, offer, candidates.of(targets.contacted[of == number]))
            for number, offer in enumerate(offers.values())
        ]

    def net(self, keep_factor: float, value_factor: float) -> float:
        """Return it if keep rates and values were so many times as large."""
        return sum(
            float(part.net(number, offer, _scaled(part, number, keep_factor), value_factor).sum())
            for number, offer, part in self._parts
        )

    def break_even(self) -> tuple[float | None, float | None]:
        """Return the factors at which it is 0: it is linear in both where they are below 1."""
        assumed, nobody_kept, worth_nothing = self.net(1, 1), self.net(0, 1), self.net(1, 0)
        keep, value = (
            -without / (assumed - without) if without < 0 else None
            for without in (nobody_kept, worth_nothing)
        )
        return keep, value


def _scaled(part: Candidates, number: int, factor: float) -> Floats:
    """Return the chances that customers are kept if keep rates were so many times as large."""
    if part.uplift is not None:
        return np.minimum(part.kept(number) * factor, part.probability)
    return part.kept(number, np.minimum(part.judged.keep_rate[:, number] * factor, 1.0))
