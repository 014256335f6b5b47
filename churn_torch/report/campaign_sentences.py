"""A campaign in sentences: how sure its figures are, what they rest on, what can be measured."""

from __future__ import annotations

import math

from churn_torch.report.campaign import CampaignFigures, OfferFigures


def campaign_sentences(campaign: CampaignFigures) -> list[str]:
    """Say how sure the net value is, how close to the best choice the list is, and what is tested.

    Args:
        campaign: Its figures.
    """
    said = []
    net = f"Expected net value {campaign.net:,.2f}"
    if campaign.interval is not None and campaign.interval.low < campaign.interval.high:
        low, high = campaign.interval
        net += f", between {low:,.2f} and {high:,.2f} (95 % interval of the keep rates)"
    said.append(f"{net}.")
    if campaign.budget is not None:
        said.append(
            f"The budget of {campaign.budget:,.2f} pays for contacts and expected incentives: "
            f"{campaign.spend:,.2f}."
        )
    said.append(gap_sentence(campaign))
    said.append(test_sentence(campaign))
    return said


def gap_sentence(campaign: CampaignFigures) -> str:
    """Say how close to the best choice the list is."""
    if campaign.gap <= 1e-6:
        return "No other choice brings more."
    lost = campaign.gap / (1 - campaign.gap) * campaign.net if campaign.gap < 1 else math.inf
    return (
        f"The best choice there can be brings at most {campaign.gap:.2%} ({lost:,.2f}) more "
        "(the optimum of the relaxation)."
    )


def test_sentence(campaign: CampaignFigures) -> str:
    """Say whether the control group suffices to see what the campaign was worth."""
    if not campaign.share_control:
        return "Without a control group (control=0) nobody can see what the campaign was worth."
    if not campaign.n_control or campaign.n_needed is None:
        return "The list is too small for a control group, so its effect cannot be measured."
    n = campaign.n_contacted + campaign.n_control
    effect = (
        f"to see {campaign.churn:.1%} churn fall to {campaign.churn - campaign.effect:.1%} with "
        "a chance of 80 %"
    )
    if math.isinf(campaign.n_needed):
        return "No effect is expected, so none can be measured."
    needed = f"The test needs {math.ceil(campaign.n_needed):,} customers {effect}"
    if campaign.is_measurable:
        return f"{needed}; the list has {n:,}."
    return (
        f"{needed}, and the list has {n:,}: this campaign is too small to be measured. Take more "
        "customers or a larger control group, or add up several campaigns."
    )


def assumptions(campaign: CampaignFigures) -> list[str]:
    """Say what the figures rest on: values, offers, who has left, and what cannot be trusted.

    Args:
        campaign: Its figures.
    """
    said = [_value_sentence(campaign)]
    said += [_offer_sentence(offer, campaign.ranked_by) for offer in campaign.offers]
    if campaign.left_by:
        said.append(
            f"{campaign.n_left:,} of {campaign.n_customers:,} customers are left out because they "
            f"have left already: {campaign.left_by}."
        )
    else:
        said.append("Nobody is taken to have left already.")
    if campaign.n_not_eligible:
        said.append(f"{campaign.n_not_eligible:,} customers may get none of the offers.")
    if campaign.n_doubted:
        said.append(
            f"{campaign.n_doubted:,} contacts have cells that are missing, or that training did "
            "not know; the list names them (not_trusted)."
        )
    if campaign.share_control:
        said.append(
            f"{campaign.share_control:.0%} of the list are drawn as control group by a hash of "
            "the id, in equal shares of each offer and of customers of high and low net value."
        )
    said.append("A budget pays for contacts and for the incentives that are expected to be taken.")
    return said


def _value_sentence(campaign: CampaignFigures) -> str:
    value, periods = campaign.value, campaign.value["horizon"]
    worth = value["value"]
    if worth == "predicted":
        worth = "what the model expects them to spend who stay"
    said = f"A customer is worth {worth}"
    if periods > 1:
        said += f" in each of {periods} periods"
        rate = value["discount_rate"]
        said += f", discounted by {rate:.3g} a period" if rate else ", without a discount"
    return f"{said}: {campaign.mean_value:,.2f} for the mean contact."


def _offer_sentence(offer: OfferFigures, ranked_by: str) -> str:
    terms = offer.terms
    said = f"{offer.name}: a contact costs {terms['contact_cost']:,.4g}"
    if terms["incentive"]:
        paid = "to everybody" if terms["incentive_paid"] == "always" else "if it is accepted"
        said += f", the incentive {terms['incentive']:,.4g}, paid {paid}"
    stayer = terms["stayer_cost"]
    if stayer is None:
        stayer = terms["incentive"]
        said += "; who would have stayed takes it too" if stayer else ""
    else:
        said += f"; made to somebody who would have stayed it costs {stayer:,.4g} more"
    if terms["capacity"] is not None:
        said += f"; at most {terms['capacity']:,} contacts"
    if terms["where"] is not None:
        said += f"; only where {terms['where']}"
    return f"{said}. {_keep_rate(offer, ranked_by)}"


def _keep_rate(offer: OfferFigures, ranked_by: str) -> str:
    if ranked_by == "uplift":
        return "By how much it lowers churn the model has learned, so its keep rate is not used."
    if offer.keep_rate is None:
        return "Nobody gets it."
    said = f"It keeps {offer.keep_rate:.0%} of those who would leave"
    if offer.keep_interval is not None:
        low, high = offer.keep_interval
        return f"{said}, with 95 % certainty between {low:.0%} and {high:.0%}."
    if isinstance(offer.terms["keep_rate"], str):
        return f"{said} (the mean of {offer.terms['keep_rate']})."
    return f"{said}; how sure that is is not said, so there is no interval."
