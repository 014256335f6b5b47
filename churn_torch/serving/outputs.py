"""The names of the outputs of the ONNX file."""

from __future__ import annotations

PROBABILITY = "churn_probability"  # [N] float32, calibrated
DECISION = "churn_decision"  # [N] int64, 1 at and above the threshold
REASONS = "reasons"  # [N, F] float32, what each input column adds to the log-odds
QUALITY = "quality"  # [N, F] int64, whether each input can be trusted
UPLIFT = "uplift"  # [N] float32, by how much a contact lowers the probability

NET_VALUE = "net_value"  # [N] float32, what a contact is expected to bring, in money
EXPECTED_SPEND = "expected_spend"  # [N] float32, what a customer who stays will spend, in money

SURVIVAL = "survival"  # [N, K] float32, the chance to stay for 1, 2, ... more periods
MEDIAN_PERIODS = "median_periods"  # [N] float32, after how many half of such customers have left

# By the word in ``export.outputs``, in their order in the file.
OUTPUTS: dict[str, str] = {
    "probability": PROBABILITY,
    "decision": DECISION,
    "reasons": REASONS,
    "quality": QUALITY,
}
# The same of what only a model of uplift (``model=uplift``) has.
UPLIFT_OUTPUTS = {"uplift": UPLIFT, "net_value": NET_VALUE}
# The same of what only a model that has learned what customers spend (``data.spend``) has.
SPEND_OUTPUTS = {"spend": EXPECTED_SPEND}
# And of what only a model of time to churn (``model=survival``) has.
SURVIVAL_OUTPUTS = {"survival": SURVIVAL, "median_periods": MEDIAN_PERIODS}
ALL_OUTPUTS = {**OUTPUTS, **UPLIFT_OUTPUTS, **SPEND_OUTPUTS, **SURVIVAL_OUTPUTS}
# Outputs of one number a customer, but for the decision, which follows from the probability.
SCORES = (PROBABILITY, *UPLIFT_OUTPUTS.values(), *SPEND_OUTPUTS.values(), MEDIAN_PERIODS)


# Increased when a change would make older readers misread a file.
FORMAT = 1
