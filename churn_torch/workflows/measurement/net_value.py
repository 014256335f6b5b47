"""The net value in the file of a model of uplift: from the offer and the customer's value."""

from __future__ import annotations

from churn_torch.decisions.offers import payoffs
from churn_torch.export.net_value import NetValue
from churn_torch.serving.outputs import NET_VALUE
from churn_torch.tables.customer_value import present_value
from churn_torch.tables.schema import Kind, Schema
from churn_torch.workflows.configuration.options import TrainOptions


def net_value_of(options: TrainOptions, schema: Schema) -> tuple[NetValue | None, str]:
    """Return how the file computes the net value, and a sentence where it cannot.

    Args:
        options: Every choice of the training.
        schema: The completed schema.

    Returns:
        The net value, None where the model has no uplift, or where there is no one offer or no
        value that a file can compute; and why, empty where nothing needs to be said.
    """
    if not options.learns_uplift or not options.offer:
        return None, ""
    if len(options.offer) > 1:
        return _without(f"it is of one offer, and there are {len(options.offer)}")
    if options.data.value is None:
        return _without("data.value does not say what a customer is worth")
    value = _number_or_column(str(options.data.value), schema)
    if value is None:
        return _without(
            f"the file can compute a number or a column of numbers that is learned from, and not "
            f"data.value={options.data.value}"
        )
    ((name, offer),) = options.offer.items()
    pays = payoffs(offer, 0.0)  # what is kept of a customer who is worth nothing
    found = NetValue(
        value=value,
        factor=present_value(options.data.horizon, options.data.discount_rate),
        incentive=-float(pays.kept),
        leaver_cost=float(pays.leaver_cost),
        stayer_cost=float(pays.stayer_cost),
        offer=name,
    )
    return found, ""


def _number_or_column(text: str, schema: Schema) -> float | str | None:
    if any(column.name == text and column.kind is Kind.NUMERIC for column in schema.numbers):
        return text
    try:
        return float(text)
    except ValueError:
        return None


def _without(reason: str) -> tuple[None, str]:
    return None, f"The file has no output {NET_VALUE}: {reason}."
