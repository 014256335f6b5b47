"""Offers in the workflows: the threshold of ``threshold=profit``, and figures of measured rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.console import show
from churn_torch.decisions.offer_profit import (
    OfferProfit,
    check_weighed,
    decision,
    only_offer,
)
from churn_torch.decisions.offers import Offer
from churn_torch.evaluation.thresholds import PROFIT, check_rule
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.tables.customer_value import PREDICTED_VALUE, Valuation, ValueExpression
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labelled.rows import LabelledTable
from churn_torch.tables.options import DataOptions
from churn_torch.tables.schema import Schema
from churn_torch.training.inference import Scored
from churn_torch.workflows.configuration.options import TrainOptions


def check_threshold(options: TrainOptions) -> None:
    """Refuse a threshold or offers that a fit could not follow at its end.

    Raises:
        InputError: The rule is unknown or out of range; ``threshold=profit`` has not exactly one
            offer; or as for `check_weighed`.
    """
    if options.threshold == PROFIT:
        only_offer(options.offer, "threshold=profit")
    else:
        check_rule(options.threshold, options.top_share)
    check_weighed(options.offer, options.data.value)


def profit_threshold(
    options: TrainOptions,
    table: LabelledTable,
    scored: Iterable[Scored],
    announce: Callable[[str], None],
) -> float:
    """Return the threshold from which on contacting the validation rows earns most.

    It reads the rows of a streamed table once more for their values, unless these are predicted.

    Args:
        options: With ``threshold="profit"``.
        table: Read and split.
        scored: The validation rows, in their order.
        announce: Tells the user that nobody is worth contacting.

    Raises:
        InputError: As for `OfferProfit.update`.
    """
    name, offer = only_offer(options.offer, "threshold=profit")
    weighed, valuation = OfferProfit(offer, name=name), valuation_of(options.data)
    values = None if valuation.is_predicted else _validation_values(table)
    start = 0
    for rows in scored:
        end = start + len(rows.label)
        value = predicted_value(rows, valuation) if values is None else values[start:end]
        weighed.update(rows.probability.numpy(), rows.label.numpy(), value)
        start = end
    threshold = weighed.choose_threshold()
    if threshold == 1.0:
        announce(
            f"With the offer {name} no share of the validation rows is worth contacting, so the "
            "decision threshold is 1: nobody below it is flagged."
        )
    return threshold


def predicted_value(rows: Scored, valuation: Valuation) -> npt.NDArray[np.float64]:
    """Return what customers are worth by what they are expected to spend, ``[N]``."""
    assert rows.spend is not None
    return rows.spend.numpy().astype(np.float64) * valuation.factor


def _validation_values(table: LabelledTable) -> npt.NDArray[np.float64]:
    values = [rows.of("validation").carried[VALUE].to_numpy() for rows in table.chunks()]
    return np.concatenate(values)


def measured_offers(offers: Mapping[str, Offer], threshold: float | None) -> dict[str, OfferProfit]:
    """Return a measure for each offer, by its name; say what it leaves out of account."""
    for name, offer in offers.items():
        if offer.where is not None or offer.capacity is not None:
            show(
                f"Profit counts all customers as open to the offer {name}: its where and capacity "
                "are for campaigns."
            )
    return {
        name: OfferProfit(offer, threshold=threshold, name=name) for name, offer in offers.items()
    }


def offers_and_value(
    trained: TrainOptions, schema: Schema, offers: Mapping[str, Offer], data: DataOptions | None
) -> tuple[Mapping[str, Offer], ValueExpression | None]:
    """Return the offers that an evaluation measures, and what a new row is worth.

    Args:
        trained: The choices of the training. Its offers are measured on its own test rows, and on
            new rows with a value, where no others are named; its value counts for new rows too
            where an offer is named and no value.
        schema: Of the run.
        offers: Named for the evaluation; a model of uplift takes none.
        data: New rows; None for the run's own.

    Raises:
        InputError: There is an offer and no value, or as for `check_weighed`.
    """
    if trained.learns_uplift:
        if offers:
            show(
                "An offer's keep rate says nothing about a model of uplift, so its profit is not "
                "measured here; train with the offer, or plan a campaign."
            )
        return {}, None
    if not offers and (data is None or data.value is not None):
        offers = trained.offer
    valued = trained.data if data is None or data.value is None else data
    check_weighed(offers, valued.value)
    if offers and valued.value == PREDICTED_VALUE:
        show(
            "Profit is not measured here: what a customer is worth is predicted "
            "(data.value=predicted). metrics.json has the profit of the training's test rows."
        )
        return {}, None
    if not offers or data is None:
        return offers, None
    value = ValueExpression(
        str(valued.value), schema, horizon=valued.horizon, discount_rate=valued.discount_rate
    )
    return offers, value


def with_profit(
    rows: Iterable[pd.DataFrame], weighed: Mapping[str, OfferProfit]
) -> Iterator[pd.DataFrame]:
    """Pass predicted rows on, with their carried columns, and measure each offer on them."""
    for frame in rows:
        for one in weighed.values():
            one.update(*(frame[column].to_numpy() for column in (PROBABILITY, "label", VALUE)))
        yield frame


def profit_figures(weighed: Mapping[str, OfferProfit]) -> dict[str, Any]:
    """Return the entry ``profit`` of metrics, by offer; nothing where there is none."""
    if not weighed:
        return {}
    return {PROFIT: {name: one.figures() for name, one in weighed.items()}}


def decision_of(options: TrainOptions) -> dict[str, Any]:
    """Return the entry ``decision`` of metrics.json: what a flagged customer is; or nothing."""
    if options.threshold != PROFIT:
        return {}
    return {
        "decision": decision(
            *only_offer(options.offer, "threshold=profit"), valuation_of(options.data)
        )
    }


def valuation_of(data: DataOptions) -> Valuation:
    """Return what a customer is worth, as the user said it."""
    assert data.value is not None
    return Valuation(data.value, data.horizon, data.discount_rate)
