from __future__ import annotations

from dataclasses import replace

import pytest

from churn_torch.report.campaign import Interval
from churn_torch.report.campaign_sentences import assumptions, campaign_sentences
from tests.report.made_campaign import CALL, FIGURES


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "The test needs 1,201 customers to see 40.0% churn fall to 28.0% with a chance of 80 "
             "%, and the list has 1,000: this campaign is too small to be measured."),
        ({"n_needed": 1_000.0}, "with a chance of 80 %; the list has 1,000."),
        ({"n_needed": None}, "too small for a control group"),
        ({"n_needed": float("inf")}, "No effect is expected"),
        ({"share_control": 0.0, "n_needed": None}, "Without a control group"),
        ({"interval": Interval(1e4, 9e4)}, "between 10,000.00 and 90,000.00 (95 % interval"),
        ({"interval": Interval(5e4, 5e4)}, "Expected net value 50,000.00."),
        ({"gap": 0.01}, "at most 1.00% (505.05) more (the optimum of the relaxation)"),
        ({}, "No other choice brings more."),
        ({}, "The budget of 9,000.00 pays for contacts and expected incentives: 9,000.00."),
    ],
)  # fmt: skip
def test_what_is_said_beside_the_table(changed, said):
    assert said in " ".join(campaign_sentences(replace(FIGURES, **changed)))


def offer(keep_interval=None, **terms):
    return replace(CALL, terms={**CALL.terms, **terms}, keep_interval=keep_interval)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "A customer is worth 12 * charges: 840.25 for the mean contact."),
        ({"value": {"value": "fee", "horizon": 12, "discount_rate": 0.01}},
         "worth fee in each of 12 periods, discounted by 0.01 a period: 840.25"),
        ({}, "call: a contact costs 10. It keeps 30% of those who would leave; how sure that is"),
        ({"offers": [offer(Interval(0.13, 0.51))]}, "with 95 % certainty between 13% and 51%."),
        ({"offers": [offer(keep_rate="0.2 + x")]}, "(the mean of 0.2 + x)."),
        ({"offers": [offer(incentive=15.0)]},
         "the incentive 15, paid if it is accepted; who would have stayed takes it too."),
        ({"offers": [offer(incentive=15.0, incentive_paid="always", stayer_cost=0.0)]},
         "paid to everybody; made to somebody who would have stayed it costs 0 more."),
        ({"offers": [offer(capacity=1_000, where="tenure > 6")]},
         "; at most 1,000 contacts; only where tenure > 6."),
        ({"offers": [replace(CALL, keep_rate=None)]}, "Nobody gets it."),
        ({"ranked_by": "uplift"}, "the model has learned, so its keep rate is not used"),
        ({}, "1,500 of 7,000 customers are left out because they have left already: the column "
             "churn says so."),
        ({"left_by": ""}, "Nobody is taken to have left already."),
        ({"n_not_eligible": 40}, "40 customers may get none of the offers."),
        ({"n_doubted": 12}, "12 contacts have cells that are missing"),
        ({}, "10% of the list are drawn as control group"),
    ],
)  # fmt: skip
def test_what_the_figures_rest_on(changed, said):
    assert said in " ".join(assumptions(replace(FIGURES, **changed)))
