"""The figures of a campaign: what its list is expected to do, for the summary and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.decisions.call_list import REASON_COLUMNS
from churn_torch.decisions.candidates import Candidates
from churn_torch.decisions.offers import BetaRate, Offer
from churn_torch.decisions.sample_size import customers_needed
from churn_torch.decisions.targeting import Targets
from churn_torch.report.campaign import (
    CampaignFigures,
    CurvePoint,
    Interval,
    OfferFigures,
    Sensitivity,
    SpendPoint,
)

Floats = npt.NDArray[np.float64]

_CURVE_POINTS = 101
_DECILES = 10
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
        origin: ``source``, ``run`` and ``date``.
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
    eligible = candidates.judged.eligible.any(axis=1)
    left = candidates.judged.left
    return CampaignFigures(
        **origin,
        ranked_by="probability" if candidates.uplift is None else "uplift",
        budget=budget,
        share_control=share_control,
        n_customers=len(left),
        n_left=int(left.sum()),
        n_not_eligible=int((~left & ~eligible).sum()),
        n_not_worth=int((eligible & ~pays).sum()),
        n_not_chosen=int(pays.sum()) - len(listed),
        offers=[
            _offer_figures(name, number, targets, net, spend, kept)
            for number, name in enumerate(offers)
        ],
        net=float(net[contacted, of].sum()),
        interval=interval,
        gap=targets.gap,
        limited_by=targets.limited_by,
        churn=churn,
        effect=effect,
        n_needed=_needed(churn, effect, len(contacted), len(targets.control)),
        curve=_curve(net, low, high),
        spending=_spending(net[contacted, of], spend[contacted, of]),
        deciles=_deciles(candidates.probability[contacted], net[contacted, of]),
        reasons=_reasons(calls),
        sensitivity=_sensitivity(candidates, targets, offers),
    )


def _offer_figures(
    name: str, number: int, targets: Targets, net: Floats, spend: Floats, kept: Floats
) -> OfferFigures:
    rows = targets.contacted[targets.offer[targets.contacted] == number]
    return OfferFigures(
        name=name,
        n_contacted=len(rows),
        n_control=int((targets.offer[targets.control] == number).sum()),
        spend=float(spend[rows, number].sum()),
        net=float(net[rows, number].sum()),
        kept=float(kept[rows, number].sum()),
    )


def _needed(churn: float, effect: float, n_contacted: int, n_control: int) -> float | None:
    if not n_control or not 0 < churn < 1 or not 0 <= effect <= churn:
        return None
    return customers_needed(churn, effect, n_control / (n_contacted + n_control))


def _net_at(candidates: Candidates, offers: Mapping[str, Offer], quantile: float) -> Floats | None:
    """Return net values at a quantile of all uncertain keep rates; None where none is."""
    if candidates.uplift is not None or not any(
        isinstance(offer.keep_rate, BetaRate) for offer in offers.values()
    ):
        return None
    from scipy.special import betaincinv

    columns = []
    for number, offer in enumerate(offers.values()):
        rate = offer.keep_rate
        at = None
        if isinstance(rate, BetaRate):
            at = float(betaincinv(rate.alpha, rate.beta, quantile))
        columns.append(candidates.net(number, offer, candidates.kept(number, at)))
    return np.column_stack(columns)


def _curve(net: Floats, low: Floats | None, high: Floats | None) -> list[CurvePoint]:
    """Return the profit curve over all customers to whom an offer may be made."""
    filled = np.where(np.isnan(net), -np.inf, net)
    best = filled.argmax(axis=1)
    value = filled[np.arange(len(net)), best]
    order = np.argsort(-value, kind="stable")[: int(np.isfinite(value).sum())]

    def summed(values: Floats) -> Floats:
        return np.concatenate([[0.0], np.cumsum(values[order, best[order]])])

    at = np.unique(np.linspace(0, len(order), _CURVE_POINTS).astype(int))
    total = summed(net)[at].tolist()
    intervals: Sequence[Interval | None] = [None] * len(at)
    if low is not None and high is not None:
        ends = zip(summed(low)[at].tolist(), summed(high)[at].tolist(), strict=True)
        intervals = [Interval(*pair) for pair in ends]
    return [CurvePoint(*point) for point in zip(at.tolist(), total, intervals, strict=True)]


def _spending(net: Floats, spend: Floats) -> list[SpendPoint]:
    """Return what the next unit of the budget brings, from the best contacts to the last."""
    with np.errstate(divide="ignore"):
        marginal = np.where(spend > 0, net / spend, np.nan)
    order = np.argsort(-np.nan_to_num(marginal, nan=np.inf), kind="stable")
    spent = np.cumsum(spend[order])
    paid = order[np.isfinite(marginal[order])]
    spent = spent[np.isfinite(marginal[order])]
    at = np.unique(np.linspace(0, max(len(paid) - 1, 0), _CURVE_POINTS).astype(int))[: len(paid)]
    pairs = zip(spent[at].tolist(), marginal[paid[at]].tolist(), strict=True)
    return [SpendPoint(*pair) for pair in pairs]


def _deciles(probability: npt.NDArray[Any], net: Floats) -> list[tuple[float, float]]:
    parts = np.array_split(np.arange(len(net)), min(_DECILES, len(net)))
    return [(float(probability[part].mean()), float(net[part].mean())) for part in parts]


def _reasons(calls: pd.DataFrame) -> list[tuple[str, int]]:
    """Return the most frequent first reasons without their odds, which differ by customer."""
    first = calls[REASON_COLUMNS[0]]
    bare = first[first != ""].str.replace(r", odds x [^ ]+$", "", regex=True)
    counted = bare.value_counts().head(_MOST_REASONS)
    return [(str(text), int(n)) for text, n in counted.items()]


def _sensitivity(
    candidates: Candidates, targets: Targets, offers: Mapping[str, Offer]
) -> list[Sensitivity]:
    """Return the net value of the same contacts for other keep rates and values."""
    rows = []
    chosen = [
        (number, offer, targets.contacted[targets.offer[targets.contacted] == number])
        for number, offer in enumerate(offers.values())
    ]
    parts = [(number, offer, candidates.of(rows_of)) for number, offer, rows_of in chosen]
    for keep_factor in _FACTORS:
        for value_factor in _FACTORS:
            net = sum(
                float(
                    part.net(number, offer, _scaled(part, number, keep_factor), value_factor).sum()
                )
                for number, offer, part in parts
            )
            rows.append(Sensitivity(keep_factor, value_factor, net))
    return rows


def _scaled(part: Candidates, number: int, factor: float) -> Floats:
    """Return the chances that customers are kept if keep rates were so many times as large."""
    if part.uplift is not None:
        return np.minimum(part.kept(number) * factor, part.probability)
    return part.kept(number, np.minimum(part.judged.keep_rate[:, number] * factor, 1.0))
