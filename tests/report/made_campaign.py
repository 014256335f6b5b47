"""The figures of a made campaign."""

from __future__ import annotations

from churn_torch.report.campaign import (
    CampaignFigures,
    CurvePoint,
    Interval,
    OfferFigures,
    Sensitivity,
    SpendPoint,
    ValueGroup,
)

CALL = OfferFigures(
    name="call",
    n_contacted=900,
    n_control=100,
    spend=9e3,
    net=5e4,
    kept=120.5,
    terms={
        "contact_cost": 10.0,
        "keep_rate": 0.3,
        "incentive": 0.0,
        "incentive_paid": "accepted",
        "stayer_cost": None,
        "capacity": None,
        "where": None,
    },
    keep_rate=0.3,
    keep_interval=None,
)
FACTORS = (0.5, 1.0, 1.5)
FIGURES = CampaignFigures(
    source="customers.csv",
    run="outputs/latest",
    date="2026-11-29",
    ranked_by="probability",
    value={"value": "12 * charges", "horizon": 1, "discount_rate": 0.0},
    mean_value=840.25,
    left_by="the column churn says so",
    budget=9_000.0,
    share_control=0.1,
    n_customers=7_000,
    n_left=1_500,
    n_not_eligible=0,
    n_not_worth=2_000,
    n_not_chosen=2_500,
    offers=[CALL],
    net=5e4,
    interval=None,
    gap=0.0,
    limited_by=["budget"],
    churn=0.4,
    effect=0.12,
    effect_seen=0.13,
    n_needed=1_200.4,
    curve=[CurvePoint(n, net, None) for n, net in ((0, 0.0), (900, 5e4), (2_000, 8e4))],
    spending=[SpendPoint(0.0, 9.0), SpendPoint(9_000.0, 4.0), SpendPoint(20_000.0, 0.0)],
    marginal=4.0,
    values=[ValueGroup(500.0, 900.0, 700, 600, 4e4), ValueGroup(0.0, 500.0, 700, 300, 1e4)],
    reasons=[("plan: basic", 450), ("tenure: 3", 90)],
    reason_columns=[("tenure", 540), ("plan", 360)],
    correlated=["tenure and plan move together"],
    n_doubted=0,
    sensitivity=[Sensitivity(k, v, 9e4 * k * v - 4e4) for k in FACTORS for v in FACTORS],
    break_even=(4 / 9, 4 / 9),
)


def uncertain() -> dict:
    """Return what changes where keep rates are uncertain."""
    ends = [Interval(point.net * 0.5, point.net * 1.5) for point in FIGURES.curve]
    points = zip(FIGURES.curve, ends, strict=True)
    return {
        "interval": Interval(2e4, 8e4),
        "curve": [point._replace(interval=end) for point, end in points],
    }
